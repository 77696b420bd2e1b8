package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

// A Tally counts what happens.
type Tally interface {
	// Accounts is what happened to the events of accounts. Nil: of all there are.
	Accounts(accounts []string, w switchhook.Window) switchhook.Course
	// Webhook is what was sent to a webhook, in the window's points, or coarse ones.
	Webhook(id string, w switchhook.Window, coarse bool) switchhook.Course
	// Rates are how many events a second are accepted, and how many deliveries
	// delivered, for accounts, in the last seconds.
	Rates(accounts []string) (events, deliveries float64)
	// WebhookRate is the latter for a webhook.
	WebhookRate(id string) float64
}

// idle counts nothing.
type idle struct{}

func (idle) course(w switchhook.Window) switchhook.Course {
	from := time.Now().Truncate(w.Step).Add(-time.Duration(w.Points-1) * w.Step)
	return switchhook.Course{From: from.UTC(), Step: w.Step, Points: make([]switchhook.Counts, w.Points)}
}

func (i idle) Accounts(_ []string, w switchhook.Window) switchhook.Course { return i.course(w) }

func (i idle) Webhook(_ string, w switchhook.Window, _ bool) switchhook.Course { return i.course(w) }

func (idle) Rates([]string) (events, deliveries float64) { return 0, 0 }

func (idle) WebhookRate(string) float64 { return 0 }

// A statistics is how it goes for some accounts.
type statistics struct {
	StatsCourse
	Events      eventCounts  `json:"events" doc:"Events that were accepted. GET /v1/events lists them."`
	Attempts    outcomes     `json:"attempts" doc:"Attempts that ended, for events of the accounts. GET /v1/attempts lists them. Tests are not among them."`
	Deliveries  endings      `json:"deliveries" doc:"Deliveries that ended, of events of the accounts. GET /v1/deliveries lists them."`
	AnswerTime  courseOfTime `json:"answer_time" doc:"How long attempts took: from the beginning of the request to the end of its answer, or until it was given up. In milliseconds."`
	DeliverTime courseOfTime `json:"delivery_time" doc:"How long deliveries took: from the acceptance of the event until it was delivered, whatever it waited for. Those of replays are not among them. In milliseconds."`
	Total       totals       `json:"total" doc:"The same of the whole window."`
	Now         present      `json:"now" doc:"How it stands at this moment."`
}

// A StatsCourse is when the points of a window are.
type StatsCourse struct {
	Window string              `json:"window" doc:"The window that was asked for."`
	From   time.Time           `json:"from" doc:"When the first point begins."`
	Step   switchhook.Duration `json:"step" doc:"How long each point is. All lists have one number for each, the oldest first; the last is not over yet."`
	Points int                 `json:"points" doc:"How many there are."`
}

// eventCounts are events, by the family of their type.
type eventCounts struct {
	All      []int64            `json:"all" doc:"Of all families."`
	ByFamily map[string][]int64 `json:"by_family" doc:"By the first word of their type, such as call, queue or message. One that is absent had none."`
}

// outcomes are attempts, by how they ended.
type outcomes struct {
	Success []int64 `json:"success" doc:"The receiver took it."`
	Failure []int64 `json:"failure" doc:"It did not, or did not answer."`
}

// endings are deliveries, by how they ended.
type endings struct {
	Delivered []int64 `json:"delivered" doc:"The receiver took it."`
	Failed    []int64 `json:"failed" doc:"The last retry failed."`
	Expired   []int64 `json:"expired" doc:"It was too old to be of use."`
	Cancelled []int64 `json:"cancelled" doc:"Its webhook was disabled or deleted."`
}

// A courseOfTime is how long things took; null where there were none.
type courseOfTime struct {
	P50 []*float64 `json:"p50_ms" doc:"Half took no longer. null: there were none."`
	P95 []*float64 `json:"p95_ms" doc:"95 of a hundred took no longer."`
	P99 []*float64 `json:"p99_ms" doc:"99 of a hundred took no longer."`
}

// A times is how long things took.
type times struct {
	P50 *float64 `json:"p50_ms" doc:"Half took no longer. null: there were none."`
	P95 *float64 `json:"p95_ms" doc:"95 of a hundred took no longer."`
	P99 *float64 `json:"p99_ms" doc:"99 of a hundred took no longer."`
}

// totals are those of a window.
type totals struct {
	Events         int64            `json:"events" doc:"Events that were accepted."`
	EventsByFamily map[string]int64 `json:"events_by_family" doc:"The same, by the first word of their type."`
	SentTotals
}

// SentTotals are those of what is sent.
type SentTotals struct {
	Success    int64 `json:"success" doc:"Attempts that the receiver took."`
	Failure    int64 `json:"failure" doc:"Attempts that failed."`
	Delivered  int64 `json:"delivered" doc:"Deliveries that were delivered."`
	Failed     int64 `json:"failed" doc:"Deliveries whose last retry failed."`
	Expired    int64 `json:"expired" doc:"Deliveries that were too old to be of use."`
	Cancelled  int64 `json:"cancelled" doc:"Deliveries whose webhook was disabled or deleted."`
	AnswerTime times `json:"answer_time" doc:"How long attempts took."`
	Delivery   times `json:"delivery_time" doc:"How long deliveries took."`
}

// A present is how it stands.
type present struct {
	EventsPerSecond     float64        `json:"events_per_second" doc:"Events accepted a second, in the last ten seconds."`
	DeliveriesPerSecond float64        `json:"deliveries_per_second" doc:"Deliveries delivered a second, in the last ten seconds."`
	OpenCalls           int            `json:"open_calls" doc:"Calls that go on. GET /v1/calls?status=open lists them."`
	Backlog             int64          `json:"backlog" doc:"Deliveries that are open, to webhooks of the accounts. GET /v1/deliveries?state=pending lists them."`
	InFlight            int64          `json:"in_flight" doc:"Requests under way."`
	OldestWaitingAt     time.Time      `json:"oldest_waiting_at,omitzero" doc:"When the event of the oldest open delivery was accepted. Absent: nothing is open."`
	Webhooks            webhooksByKind `json:"webhooks" doc:"How many webhooks stand how."`
	Sources             sourcesByState `json:"sources" doc:"How many sources stand how."`
}

// webhooksByKind are webhooks, by their status.
type webhooksByKind struct {
	Active   int `json:"active" doc:"They take what comes."`
	Failing  int `json:"failing" doc:"Their attempts fail one after the other."`
	Paused   int `json:"paused" doc:"Their deliveries wait until they are resumed."`
	Disabled int `json:"disabled" doc:"Nothing is sent to them."`
}

// sourcesByState are sources, by their state.
type sourcesByState struct {
	Listening  int `json:"listening" doc:"Systems that send us webhooks."`
	Connecting int `json:"connecting" doc:"On their way to the system."`
	Connected  int `json:"connected" doc:"They hear the system."`
	Failing    int `json:"failing" doc:"They cannot, and try again and again."`
	Stopped    int `json:"stopped" doc:"They do not run."`
}

// A webhookStatistics is how it goes for a webhook.
type webhookStatistics struct {
	StatsCourse
	Attempts    outcomes       `json:"attempts" doc:"Attempts that ended. Tests are not among them."`
	Deliveries  endings        `json:"deliveries" doc:"Deliveries that ended."`
	AnswerTime  courseOfTime   `json:"answer_time" doc:"How long attempts took: from the beginning of the request to the end of its answer, or until it was given up. In milliseconds."`
	DeliverTime courseOfTime   `json:"delivery_time" doc:"How long deliveries took: from the acceptance of the event until it was delivered, whatever it waited for. Those of replays are not among them. In milliseconds."`
	Total       SentTotals     `json:"total" doc:"The same of the whole window."`
	Now         webhookPresent `json:"now" doc:"How it stands at this moment."`
}

// A webhookPresent is how a webhook stands.
type webhookPresent struct {
	Status              string    `json:"status" enum:"active,paused,failing,disabled" doc:"As the webhook's own."`
	Stats               statsView `json:"stats" doc:"As the webhook's own."`
	DeliveriesPerSecond float64   `json:"deliveries_per_second" doc:"Deliveries delivered a second, in the last ten seconds."`
}

// A spark is how it goes for a webhook, in a few numbers.
type spark struct {
	WebhookID       string    `json:"webhook_id" doc:"The webhook."`
	Status          string    `json:"status" enum:"active,paused,failing,disabled" doc:"As the webhook's own."`
	Success         []int64   `json:"success" doc:"Attempts that the receiver took."`
	Failure         []int64   `json:"failure" doc:"Attempts that failed."`
	Ended           int64     `json:"ended" doc:"Deliveries that failed or expired, in the whole window."`
	P95             *float64  `json:"p95_ms" doc:"95 of a hundred attempts took no longer, in the whole window, in milliseconds. null: there were none."`
	Backlog         int64     `json:"backlog" doc:"Deliveries that are open."`
	OldestWaitingAt time.Time `json:"oldest_waiting_at,omitzero" doc:"When the event of the oldest open delivery was accepted. Absent: nothing is open."`
	LastError       string    `json:"last_error,omitzero" doc:"Why an attempt failed the last time, for a person."`
	LastErrorAt     time.Time `json:"last_error_at,omitzero" doc:"When that was. Absent: none has since the program's start."`
}

// sparks are those of many webhooks.
type sparks struct {
	StatsCourse
	List[spark]
}

// StatsWindow says which window is wanted.
type StatsWindow struct {
	Window string `query:"window" enum:"15m,1h,6h,24h,7d,30d" default:"24h" doc:"How far back."`
}

func (w StatsWindow) window() switchhook.Window {
	all := switchhook.Windows()
	return all[slices.IndexFunc(all, func(each switchhook.Window) bool { return each.Name == w.Window })]
}

func (a *api) registerStats() {
	tags := []string{"Stats"}
	handle(a, huma.Operation{
		OperationID: "get-stats", Method: http.MethodGet, Path: "/v1/stats", Tags: tags, Summary: "How it goes",
		Description: "What happened in a window of time, in equal steps, its totals, and how it stands now. It outlives a restart; of what happened in the minute before a crash some may be missing.",
	}, a.getStats)
	handle(a, huma.Operation{
		OperationID: "list-webhook-stats", Method: http.MethodGet, Path: "/v1/stats/webhooks", Tags: tags, Summary: "How it goes for each webhook",
		Description: "In a few numbers each, for a list of webhooks: in the order of GET /v1/webhooks, page by page.",
	}, a.listWebhookStats)
	handle(a, huma.Operation{
		OperationID: "get-webhook-stats", Method: http.MethodGet, Path: "/v1/webhooks/{id}/stats", Tags: append(tags, "Webhooks"), Summary: "How it goes for a webhook",
		Description: "What was sent to it in a window of time, whosever events they were, and how it stands now.",
	}, a.webhookStats)
}

func (a *api) getStats(ctx context.Context, in *struct {
	StatsWindow
	AccountID          string `query:"account_id" doc:"Of this account. Default: of all that the key opens."`
	IncludeSubaccounts bool   `query:"include_subaccounts" doc:"With account_id: of the accounts below, too."`
},
) (*output[statistics], error) {
	c := callerOf(ctx)
	accounts, err := c.only(in.AccountID)
	if err != nil {
		return nil, err
	}
	if in.IncludeSubaccounts && in.AccountID != "" {
		accounts = caller{tenants: c.tenants, account: in.AccountID}.all()
	}
	w := in.window()
	counts := a.Tally.Accounts(accounts, w)
	out := &statistics{StatsCourse: courseOf(w, counts), Events: eventsOf(counts), Total: totals{
		Events: sumOf(counts.Total.Events), EventsByFamily: counts.Total.Events, SentTotals: totalsOf(counts.Total),
	}}
	if out.Total.EventsByFamily == nil {
		out.Total.EventsByFamily = map[string]int64{}
	}
	out.Attempts, out.Deliveries, out.AnswerTime, out.DeliverTime = sent(counts)
	out.Now, err = a.present(ctx, accounts)
	if err != nil {
		return nil, err
	}
	return &output[statistics]{Body: *out}, nil
}

// present is how it stands for accounts; nil: for all.
func (a *api) present(ctx context.Context, accounts []string) (p present, err error) {
	own := make(map[string]bool, len(accounts)) // they may be thousands, and so may what is asked about
	for _, id := range accounts {
		own[id] = true
	}
	among := func(id string) bool { return accounts == nil || own[id] }
	p.EventsPerSecond, p.DeliveriesPerSecond = a.Tally.Rates(accounts)
	for _, s := range a.Router.OpenCalls() {
		if s.RootID == s.ID && among(s.AccountID) {
			p.OpenCalls++
		}
	}
	c := callerOf(ctx)
	for _, s := range c.sources {
		if !among(s.AccountID) {
			continue
		}
		switch a.viewSource(s).State {
		case "listening":
			p.Sources.Listening++
		case "connecting":
			p.Sources.Connecting++
		case "connected":
			p.Sources.Connected++
		case "failing":
			p.Sources.Failing++
		default:
			p.Sources.Stopped++
		}
	}
	webhooks, err := a.Store.Webhooks(ctx)
	if err != nil {
		return present{}, err
	}
	for _, w := range webhooks {
		if !among(w.AccountID) {
			continue
		}
		status, stats := a.Engine.Status(w.ID)
		switch status {
		case "active":
			p.Webhooks.Active++
		case "failing":
			p.Webhooks.Failing++
		case "paused":
			p.Webhooks.Paused++
		default:
			p.Webhooks.Disabled++
		}
		p.Backlog += numberIn(stats, "pending")
		p.InFlight += numberIn(stats, "in_flight")
		if t := timeIn(stats, "oldest_waiting_at"); !t.IsZero() && (p.OldestWaitingAt.IsZero() || t.Before(p.OldestWaitingAt)) {
			p.OldestWaitingAt = t
		}
	}
	return p, nil
}

func numberIn(stats map[string]any, name string) int64 {
	switch n := stats[name].(type) {
	case int:
		return int64(n)
	case int64:
		return n
	}
	return 0
}

func timeIn(stats map[string]any, name string) time.Time {
	t, _ := stats[name].(time.Time) // absent: none
	return t
}

func (a *api) webhookStats(ctx context.Context, in *struct {
	PathID
	StatsWindow
},
) (*output[webhookStatistics], error) {
	hook, err := a.webhook(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	w, v := in.window(), a.viewWebhook(hook)
	counts := a.Tally.Webhook(hook.ID, w, false)
	out := &webhookStatistics{
		StatsCourse: courseOf(w, counts), Total: totalsOf(counts.Total),
		Now: webhookPresent{Status: v.Status, Stats: v.Stats, DeliveriesPerSecond: a.Tally.WebhookRate(hook.ID)},
	}
	out.Attempts, out.Deliveries, out.AnswerTime, out.DeliverTime = sent(counts)
	return &output[webhookStatistics]{Body: *out}, nil
}

func (a *api) listWebhookStats(ctx context.Context, in *struct {
	Paging
	StatsWindow
	AccountID string `query:"account_id" doc:"Only webhooks of this account. Default: of all that the key opens."`
},
) (*output[sparks], error) {
	page, next, err := a.pageOfWebhooks(ctx, in.AccountID, in.page())
	if err != nil {
		return nil, err
	}
	w := in.window()
	out := sparks{StatsCourse: courseOf(w, a.Tally.Webhook("", w, true)), List: listOf([]spark{}, next).Body}
	for _, hook := range page {
		counts := a.Tally.Webhook(hook.ID, w, true)
		attempts, _, _, _ := sent(counts)
		v := a.viewWebhook(hook)
		lastError, _ := v.Stats["last_error"].(string)
		out.Items = append(out.Items, spark{
			WebhookID: hook.ID, Status: v.Status, Success: attempts.Success, Failure: attempts.Failure,
			Ended: counts.Total.Failed + counts.Total.Expired, P95: timesOf(counts.Total.Answer).P95,
			Backlog: numberIn(v.Stats, "pending"), OldestWaitingAt: timeIn(v.Stats, "oldest_waiting_at"),
			LastError: lastError, LastErrorAt: timeIn(v.Stats, "last_error_at"),
		})
	}
	return &output[sparks]{Body: out}, nil
}

func courseOf(w switchhook.Window, c switchhook.Course) StatsCourse {
	return StatsCourse{Window: w.Name, From: c.From, Step: switchhook.Duration(c.Step), Points: len(c.Points)}
}

func eventsOf(c switchhook.Course) eventCounts {
	out := eventCounts{All: make([]int64, len(c.Points)), ByFamily: map[string][]int64{}}
	for i, p := range c.Points {
		for family, n := range p.Events {
			if out.ByFamily[family] == nil {
				out.ByFamily[family] = make([]int64, len(c.Points))
			}
			out.ByFamily[family][i] = n
			out.All[i] += n
		}
	}
	return out
}

func sumOf(m map[string]int64) (sum int64) {
	for _, n := range m {
		sum += n
	}
	return sum
}

// sent are a course's lists of what was sent.
func sent(c switchhook.Course) (attempts outcomes, ends endings, answer, delivery courseOfTime) {
	line := func(of func(*switchhook.Counts) int64) []int64 {
		list := make([]int64, len(c.Points))
		for i := range c.Points {
			list[i] = of(&c.Points[i])
		}
		return list
	}
	attempts = outcomes{
		Success: line(func(c *switchhook.Counts) int64 { return c.Success }),
		Failure: line(func(c *switchhook.Counts) int64 { return c.Failure }),
	}
	ends = endings{
		Delivered: line(func(c *switchhook.Counts) int64 { return c.Delivered }),
		Failed:    line(func(c *switchhook.Counts) int64 { return c.Failed }),
		Expired:   line(func(c *switchhook.Counts) int64 { return c.Expired }),
		Cancelled: line(func(c *switchhook.Counts) int64 { return c.Cancelled }),
	}
	for i := range c.Points {
		answer.add(c.Points[i].Answer)
		delivery.add(c.Points[i].Delivery)
	}
	return attempts, ends, answer, delivery
}

func (c *courseOfTime) add(l switchhook.Latency) {
	t := timesOf(l)
	c.P50, c.P95, c.P99 = append(c.P50, t.P50), append(c.P95, t.P95), append(c.P99, t.P99)
}

func timesOf(l switchhook.Latency) times {
	if l.N == 0 {
		return times{}
	}
	ms := func(d time.Duration) *float64 { return new(float64(d) / float64(time.Millisecond)) }
	return times{ms(l.P50), ms(l.P95), ms(l.P99)}
}

func totalsOf(c switchhook.Counts) SentTotals {
	return SentTotals{
		Success: c.Success, Failure: c.Failure, Delivered: c.Delivered, Failed: c.Failed, Expired: c.Expired, Cancelled: c.Cancelled,
		AnswerTime: timesOf(c.Answer), Delivery: timesOf(c.Delivery),
	}
}
