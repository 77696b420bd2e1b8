package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	smtp "github.com/switchhook/switchhook/internal/mail/post"
	"github.com/switchhook/switchhook/internal/route"
	"github.com/switchhook/switchhook/internal/sim"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/tally"
)

// newLiveServer is a server with the real engine, and a mailbox that mails go to.
func newLiveServer(t *testing.T) *server {
	t.Helper()
	box, office := newMailbox(t)
	var e *deliver.Engine
	var counts *tally.Tally
	s := newServer(t, func(o *api.Options) {
		store, router, reload := o.Store.(*memory.Store), o.Router.(*route.Router), o.Reload
		var err error
		counts, err = tally.Open(t.Context(), tally.Options{Store: store, Logger: slog.New(slog.DiscardHandler)})
		check(t, err)
		e = deliver.New(deliver.Options{
			Score: func(id string) deliver.Score { return counts.Score(id) },
			Store: store, Dialects: slices.Concat(o.Dialects, o.Book.Dialects()), Made: o.Book.Webhook,
			Transport: bothWays{&wire.Client{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, office}, Logger: slog.New(slog.DiscardHandler),
		})
		replays := deliver.NewReplayer(deliver.ReplayOptions{
			Store: store, Engine: e, Wants: router.Wants, Logger: slog.New(slog.DiscardHandler),
			Accounts: func(context.Context, string) ([]string, error) { return nil, nil },
		})
		t.Cleanup(func() {
			replays.Stop()
			if err := e.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		o.Engine, o.Replayer, o.Tally = e, replays, counts
		o.Reload = func(ctx context.Context) error {
			webhooks, err := store.Webhooks(ctx)
			if err != nil {
				return err
			}
			e.SetWebhooks(webhooks)
			err = reload(ctx)
			e.SetMade()
			return err
		}
	})
	s.mailbox = box
	s.accepted = func(events []*switchhook.Event) {
		counts.Accepted(events)
		e.Add(events)
	}
	return s
}

// newMailbox starts a mail server, and what posts mails there.
func newMailbox(t *testing.T) (*sim.Mailbox, *smtp.Office) {
	t.Helper()
	box, err := sim.ListenMail(t.Context(), sim.MailboxOptions{Answer: func(s *sim.MailStep) sim.MailAnswer {
		if s.Step == sim.AtRecipient && strings.HasPrefix(s.Address, "nobody@") {
			return sim.MailAnswer{Code: 550, Words: "there is no such mailbox; try: another 550"}
		}
		return sim.MailAnswer{}
	}})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	at, err := smtp.ParseServer(box.URL())
	check(t, err)
	office, err := smtp.New(smtp.Options{Server: at, From: "no-reply@pbx.example.com"})
	check(t, err)
	return box, office
}

// bothWays sends mails by mail, and all else by HTTP.
type bothWays struct {
	*wire.Client
	office *smtp.Office
}

func (b bothWays) Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error) {
	if r.URL.Scheme == "smtp" {
		return b.office.Send(ctx, r)
	}
	return b.Client.Send(ctx, r)
}

func (b bothWays) CloseIdleConnections() {
	b.Client.CloseIdleConnections()
	b.office.CloseIdleConnections()
}

// A receiver answers with a status, and writes down what came.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []string // "event replay"
	came   chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK, came: make(chan struct{}, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body := make([]byte, 32)
		n, _ := req.Body.Read(body) // {"id":"…
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, strings.Split(string(body[:n]), `"`)[3]+" "+req.Header.Get("Webhook-Replay"))
		w.WriteHeader(r.status)
		r.came <- struct{}{}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// wait waits for the next n requests, and returns them in their order.
func (r *receiver) wait(t *testing.T, n int) []string {
	t.Helper()
	for range n {
		select {
		case <-r.came:
		case <-time.After(10 * time.Second):
			t.Fatal("a request did not come")
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// await reads something again and again until it has a member with a value.
func (s *server) await(path, member, want string) map[string]any {
	s.t.Helper()
	look, end := time.NewTicker(5*time.Millisecond), time.Now().Add(10*time.Second)
	defer look.Stop()
	var got map[string]any
	for at := range look.C {
		s.ok(200, request{path: path}, &got)
		if fmt.Sprint(got[member]) == want {
			return got
		}
		if at.After(end) {
			break
		}
	}
	s.t.Fatalf("%s: %s is not %s: %v", path, member, want, got)
	return nil
}

func (s *server) send(events ...string) {
	s.t.Helper()
	s.ok(202, post("["+strings.Join(events, ",")+"]"), nil)
}

func to(path string) request { return request{method: "POST", path: path} }

func TestReplay(t *testing.T) {
	t.Parallel()
	s, r := newLiveServer(t), newReceiver(t)
	s.send(`{"id":"e1","type":"call.created","data":{"call":{"id":"a"}}}`, `{"id":"e2","type":"call.hungup","data":{"call":{"id":"a"}}}`, `{"id":"e3","type":"custom.x","data":{}}`)
	id, _ := s.webhook(`{"url":"` + r.URL + `","events":["call.*"]}`)

	var job map[string]any
	s.ok(202, request{method: "POST", path: "/v1/webhooks/" + id + "/replay", body: `{"which":"missing"}`}, &job)
	if d := cmp.Diff([]string{"e1 true", "e2 true"}, r.wait(t, 2)); d != "" {
		t.Error(d)
	}
	path := "/v1/jobs/" + job["id"].(string)
	job = s.await(path, "state", "done")
	for member, want := range map[string]any{"account_id": "root", "webhook_id": id, "which": "missing", "total": 3.0, "looked": 3.0, "made": 2.0} {
		if job[member] != want {
			t.Errorf("%s: %v, wanted %v", member, job[member], want)
		}
	}
	if job["ended_at"] == nil || job["time_left"] != nil || !strings.HasPrefix(job["id"].(string), "job_") {
		t.Errorf("%v", job)
	}
	s.problem(to(path+"/cancel"), api.Problem{Status: 409, Code: "conflict", Detail: "the job has ended: it is done"})

	// Nothing failed, so nothing is made again; without a body failed ones are meant.
	s.ok(202, to("/v1/webhooks/"+id+"/replay"), &job)
	if job = s.await("/v1/jobs/"+job["id"].(string), "state", "done"); job["made"] != 0.0 || job["which"] != "failed" {
		t.Errorf("%v", job)
	}

	// A job that goes on until it is cancelled: one a day.
	s.ok(202, request{method: "POST", path: "/v1/webhooks/" + id + "/replay", body: `{"which":"all","rate":0.00001,"types":["call.*"],"until":"2999-01-01T00:00:00Z"}`}, &job)
	r.wait(t, 1)
	slow := "/v1/jobs/" + job["id"].(string)
	if s.await(slow, "made", "1"); job["until"].(string) > time.Now().UTC().Format(time.RFC3339Nano) {
		t.Errorf("it is to end in the future: %v", job)
	}
	for range 2 { // the second time it is so already
		s.ok(200, to(slow+"/cancel"), &job)
		if job["state"] != "cancelled" || job["made"] != 1.0 || job["ended_at"] == nil {
			t.Errorf("%v", job)
		}
	}

	var list struct {
		Items []struct{ ID, State string }
		Next  *string `json:"next_cursor"`
	}
	s.ok(200, request{path: "/v1/jobs?limit=2&webhook_id=" + id}, &list)
	if len(list.Items) != 2 || list.Items[0].State != "cancelled" || list.Next == nil {
		t.Fatalf("%+v", list)
	}
	s.ok(200, request{path: "/v1/jobs?limit=2&webhook_id=" + id + "&cursor=" + *list.Next}, &list)
	if len(list.Items) != 1 || "/v1/jobs/"+list.Items[0].ID != path || list.Next != nil {
		t.Errorf("%+v", list)
	}
	for query, n := range map[string]int{"state=done": 2, "state=failed": 0, "webhook_id=wh_other": 0, "account_id=root": 3, "account_id=acme": 0} {
		s.ok(200, request{path: "/v1/jobs?" + query}, &list)
		if len(list.Items) != n {
			t.Errorf("%s: %+v", query, list)
		}
	}

	// It is not for others.
	s.ok(200, request{path: "/v1/jobs", key: acmeKey}, &list)
	if len(list.Items) != 0 {
		t.Errorf("another account sees %+v", list)
	}
	name := strings.TrimPrefix(path, "/v1/jobs/")
	none := api.Problem{Status: 404, Code: "not_found", Detail: fmt.Sprintf("there is no job %q", name)}
	s.problem(request{path: path, key: acmeKey}, none)
	s.problem(request{method: "POST", path: path + "/cancel", key: acmeKey}, none)
	s.problem(request{method: "POST", path: "/v1/webhooks/" + id + "/replay", key: acmeKey}, api.Problem{
		Status: 404, Code: "not_found", Detail: fmt.Sprintf("there is no webhook %q", id),
	})
}

func TestBadReplays(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	id, _ := s.webhook(hook)
	s.problem(to("/v1/webhooks/wh_x/replay"), api.Problem{Status: 404, Code: "not_found", Detail: `there is no webhook "wh_x"`})
	for _, c := range []struct{ body, field, message string }{
		{`{"since":"2999-01-01T00:00:00Z"}`, "since", "expected a time in the past"},
		{`{"since":"yesterday"}`, "since", "expected an RFC 3339 time such as 2026-01-31T15:04:05.123Z"},
		{`{"since":7}`, "since", "expected an RFC 3339 time such as 2026-01-31T15:04:05.123Z"},
		{`{"since":"2026-01-02T00:00:00Z","until":"2026-01-01T00:00:00Z"}`, "until", "expected a time after since"},
		{`{"types":["nope.*"]}`, "types[0]", `no event type is selected by "nope.*"; see /v1/event-types`},
		{`{"types":["` + strings.Repeat("x", 300) + `"]}`, "types[0]", "expected at most 256 characters"},
		{`{"types":["a"` + strings.Repeat(`,"a"`, 200) + `]}`, "types", "expected at most 200 entries"},
		{`{"call_id":"` + strings.Repeat("x", 300) + `"}`, "call_id", "expected at most 256 bytes"},
		{`{"which":"some"}`, "which", "expected failed, missing or all"},
		{`{"rate":-1}`, "rate", "expected a number a second of 0.00001 (about one a day) to 100000, or null for no limit"},
		{`{"rate":"fast"}`, "rate", "expected a number, got a string"},
		{`{"from":"x"}`, "from", "there is no such field"},
	} {
		s.problem(request{method: "POST", path: "/v1/webhooks/" + id + "/replay", body: c.body}, wrong(c.field, c.message))
	}
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"enabled":false}`}, nil)
	s.problem(to("/v1/webhooks/"+id+"/replay"), api.Problem{
		Status: 409, Code: "conflict", Detail: "the webhook " + id + " is disabled (turned off by its owner); enable it first",
	})
	if jobs, err := s.store.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("%d jobs of refused requests are kept (%v)", len(jobs), err)
	}
}

// How long a job goes on is told by its pace.
func TestJobTimeLeft(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	at := time.Now().Add(-10 * time.Minute)
	done := make(chan error, 1)
	s.store.Submit(&switchhook.Commit{Done: func(err error) { done <- err }, Jobs: []*switchhook.Job{
		{ID: "job_quarter", AccountID: "root", State: switchhook.JobRunning, Total: 400, Looked: 100, CreatedAt: at},
		{ID: "job_nothing", AccountID: "root", State: switchhook.JobRunning, Total: 400, CreatedAt: at},
		{ID: "job_young", AccountID: "root", State: switchhook.JobRunning, Total: 400, Looked: 1, CreatedAt: time.Now().Add(time.Minute)},
		{ID: "job_ended", AccountID: "root", State: switchhook.JobFailed, Total: 400, Looked: 100, CreatedAt: at},
	}})
	check(t, <-done)
	for id, want := range map[string]string{"job_quarter": "30m", "job_nothing": "", "job_young": "", "job_ended": ""} {
		var job struct {
			TimeLeft string `json:"time_left"`
		}
		s.ok(200, request{path: "/v1/jobs/" + id}, &job)
		if !strings.HasPrefix(job.TimeLeft, want) || (job.TimeLeft == "") != (want == "") {
			t.Errorf("%s: %q, wanted %q", id, job.TimeLeft, want)
		}
	}
}

func TestRetryDelivery(t *testing.T) {
	t.Parallel()
	s, r := newLiveServer(t), newReceiver(t)
	r.answer(500)
	id, _ := s.webhook(`{"url":"` + r.URL + `","events":["call.*"],"retry":{"policy":"none"}}`)
	s.send(`{"id":"e1","account_id":"root","type":"call.created","data":{"call":{"id":"a"}}}`)
	r.wait(t, 1)
	path := "/v1/deliveries/" + switchhook.DeliveryID("root", "e1", id)
	s.await(path, "state", "failed")
	r.answer(200)
	var d map[string]any
	s.ok(202, to(path+"/retry"), &d)
	if d["webhook_id"] != id || d["event_id"] != "e1" {
		t.Errorf("%v", d)
	}
	if d := cmp.Diff([]string{"e1 true"}, r.wait(t, 1)); d != "" {
		t.Error(d)
	}
	if d = s.await(path, "state", "delivered"); d["attempts"] != 2.0 {
		t.Errorf("%v", d)
	}
	s.ok(202, to(path+"/retry"), nil) // once more
	r.wait(t, 1)
	s.await(path, "attempts", "3")

	// One that waits for its next try goes at once.
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"retry":{"schedule":["5h"]},"hold":"1h"}`}, nil)
	r.answer(503)
	s.send(`{"id":"e2","type":"call.created","data":{"call":{"id":"b"}}}`, `{"id":"e3","type":"call.hungup","data":{"call":{"id":"b"}}}`)
	r.wait(t, 1)
	waiting, behind := "/v1/deliveries/"+switchhook.DeliveryID("root", "e2", id), "/v1/deliveries/"+switchhook.DeliveryID("root", "e3", id)
	s.await(waiting, "attempts", "1")
	s.problem(to(behind+"/retry"), api.Problem{Status: 409, Code: "conflict", Detail: "the delivery waits behind an earlier one of its key; that one goes first"})
	r.answer(200)
	s.ok(202, to(waiting+"/retry"), nil)
	if d := cmp.Diff([]string{"e2 ", "e3 "}, r.wait(t, 2)); d != "" {
		t.Error(d)
	}

	// Not for others, and not to what is off or gone.
	none := api.Problem{Status: 404, Code: "not_found", Detail: fmt.Sprintf("there is no delivery %q", strings.TrimPrefix(path, "/v1/deliveries/"))}
	s.problem(request{path: path, key: acmeKey}, none)
	s.problem(request{method: "POST", path: path + "/retry", key: acmeKey}, none)
	s.problem(to("/v1/deliveries/msg_x/retry"), api.Problem{Status: 404, Code: "not_found", Detail: `there is no delivery "msg_x"`})
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"enabled":false}`}, nil)
	s.problem(to(path+"/retry"), api.Problem{Status: 409, Code: "conflict", Detail: "the webhook " + id + " is disabled (turned off by its owner); enable it first"})
	s.ok(204, request{method: "DELETE", path: "/v1/webhooks/" + id}, nil)
	s.problem(to(path+"/retry"), api.Problem{Status: 409, Code: "conflict", Detail: "the delivery's webhook " + id + " was deleted"})
}

// An account above gets events of the ones below. They see that; its webhook is its own.
func TestRetryIsTheWebhookOwners(t *testing.T) {
	t.Parallel()
	s, r := newLiveServer(t), newReceiver(t)
	id, _ := s.webhook(`{"url":"` + r.URL + `","events":["call.*"],"include_subaccounts":true}`)
	s.send(`{"id":"e1","account_id":"acme","type":"call.created","data":{"call":{"id":"a"}}}`)
	r.wait(t, 1)
	path := "/v1/deliveries/" + switchhook.DeliveryID("acme", "e1", id)
	s.await(path, "state", "delivered")
	s.ok(200, request{path: path, key: acmeKey}, nil)
	s.problem(request{method: "POST", path: path + "/retry", key: acmeKey}, api.Problem{
		Status: 404, Code: "not_found", Detail: fmt.Sprintf("there is no delivery %q", strings.TrimPrefix(path, "/v1/deliveries/")),
	})
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	s, r := newLiveServer(t), newReceiver(t)
	id, _ := s.webhook(`{"url":"` + r.URL + `","events":["call.*"]}`)
	path := "/v1/webhooks/" + id
	var w, again map[string]any
	s.ok(200, to(path+"/pause"), &w)
	if w["status"] != "paused" || w["paused_at"] == nil || w["enabled"] != true {
		t.Errorf("%v", w)
	}
	s.ok(200, to(path+"/pause"), &again)
	if d := cmp.Diff(w, again); d != "" {
		t.Error(d)
	}
	// A change of something else leaves it paused; paused_at itself is not to be set.
	s.ok(200, request{method: "PATCH", path: path, body: `{"name":"CRM"}`}, &again)
	if again["paused_at"] != w["paused_at"] || again["status"] != "paused" {
		t.Errorf("%v", again)
	}
	for _, value := range []string{"null", `"2026-01-01T00:00:00Z"`} {
		s.problem(request{method: "PATCH", path: path, body: `{"paused_at":` + value + `}`}, wrong("paused_at", "is read only; use POST "+path+"/pause or /resume"))
	}

	s.send(`{"id":"e1","type":"call.created","data":{"call":{"id":"a"}}}`)
	s.ok(200, request{path: path}, &w)
	if stats := w["stats"].(map[string]any); stats["pending"] != 1.0 || stats["in_flight"] != 0.0 {
		t.Errorf("%v", stats)
	}
	s.problem(to("/v1/deliveries/"+switchhook.DeliveryID("root", "e1", id)+"/retry"), api.Problem{
		Status: 409, Code: "conflict", Detail: "the webhook is paused; resume it first",
	})
	for range 2 {
		var resumed map[string]any
		s.ok(200, to(path+"/resume"), &resumed)
		if resumed["paused_at"] != nil || resumed["status"] != "active" {
			t.Errorf("%v", resumed)
		}
	}
	if d := cmp.Diff([]string{"e1 "}, r.wait(t, 1)); d != "" {
		t.Error(d)
	}
	s.problem(request{method: "POST", path: path + "/pause", key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: fmt.Sprintf("there is no webhook %q", id)})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, w := s.webhook(with(`"rate_limit":0.5`))
	if w["rate_limit"] != 0.5 {
		t.Errorf("%v", w["rate_limit"])
	}
	for body, want := range map[string]any{`{"name":"x"}`: 0.5, `{"rate_limit":100000}`: 100000.0, `{"rate_limit":null}`: nil, `{"rate_limit":0}`: nil} {
		s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"rate_limit":0.5}`}, nil)
		var w map[string]any
		s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: body}, &w)
		got, there := w["rate_limit"]
		if got != want || there != (want != nil) {
			t.Errorf("%s: %v", body, got)
		}
	}
}

func TestDeliveriesByTime(t *testing.T) {
	t.Parallel()
	s, r := newLiveServer(t), newReceiver(t)
	s.webhook(`{"url":"` + r.URL + `","events":["call.*"]}`)
	s.send(`{"id":"e1","type":"call.created","data":{"call":{"id":"a"}}}`)
	r.wait(t, 1)
	var ev struct {
		AcceptedAt string `json:"accepted_at"`
	}
	s.ok(200, request{path: "/v1/events/e1"}, &ev)
	for query, n := range map[string]int{"since=" + ev.AcceptedAt: 1, "until=" + ev.AcceptedAt: 0, "since=2999-01-01T00:00:00Z": 0, "until=2999-01-01T00:00:00Z": 1} {
		var list struct{ Items []any }
		s.ok(200, request{path: "/v1/deliveries?" + query}, &list)
		if len(list.Items) != n {
			t.Errorf("%s: %v", query, list.Items)
		}
	}
}
