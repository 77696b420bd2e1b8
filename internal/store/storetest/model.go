package storetest

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

var once sync.Once //nolint:gochecknoglobals // as the flag that is set once, by whichever model comes first

// Model makes random commits to stores that open opens in new directories and to others
// in memory, and asks both the same random questions. checks is how often, unless the flag
// rapid.checks or an earlier call says otherwise.
func Model(t *testing.T, checks int, open func(t *testing.T, dir string) store.Store, memory func() store.Store) {
	t.Helper()
	// The default of 100 takes half a minute under the race detector.
	once.Do(func() {
		if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
			if err := f.Value.Set(strconv.Itoa(checks)); err != nil {
				t.Error(err)
			}
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		dir := t.TempDir()
		m := &model{memory: memory(), start: time.Now().AddDate(0, 0, -9), fresh: func() store.Store { return open(t, dir) }}
		m.open(r)
		defer func() { _ = m.db.Close() }()
		ask := m.ask
		r.Repeat(map[string]func(*rapid.T){
			"commit": m.commit,
			"refuse": m.refuse,
			"prune":  m.prune,
			"keep":   m.keep,
			"reopen": m.open,
			"ask":    ask, "ask again": ask, "and again": ask, // more than the others
		})
	})
}

type model struct {
	fresh      func() store.Store
	db, memory store.Store
	start      time.Time
	events     []*switchhook.Event
	kept       map[string]time.Duration
}

func (m *model) open(r *rapid.T) {
	if m.db != nil {
		if err := m.db.Close(); err != nil {
			r.Fatal(err)
		}
	}
	m.db = m.fresh()
}

//nolint:gochecknoglobals // constants that Go cannot write as such
var (
	tenants = rapid.SampledFrom([]string{"a", "b", "c"})
	hooks   = rapid.SampledFrom([]string{"wh_1", "wh_2", "wh_3"})
	parties = rapid.SampledFrom([]string{"1555", "101"})
	keys    = rapid.SampledFrom([]string{"", "call-1", "call-2"})
	legs    = rapid.SampledFrom([]string{"", "call-1", "leg-1", "leg-2"})
	types   = rapid.SampledFrom([]string{"call.created", "call.hungup", "custom.x"})
	states  = rapid.SampledFrom([]switchhook.DeliveryState{
		switchhook.Pending, switchhook.Delivered, switchhook.Delivered, switchhook.Failed, switchhook.Expired, switchhook.Cancelled,
	})
)

// at spreads the events over days, for times are looked up with some slack.
func (m *model) at(sequence int) time.Time {
	return m.start.Add(time.Duration(sequence) * 40 * time.Minute)
}

func (m *model) commit(r *rapid.T) {
	c := m.draw(r)
	m.events = append(m.events, c.Events...)
	for _, s := range []store.Store{m.db, m.memory} {
		if err := submit(s, c); err != nil {
			r.Fatal(err)
		}
	}
}

// refuse makes a commit that fails because of its last event, and nothing of it
// may be left.
func (m *model) refuse(r *rapid.T) {
	c := m.draw(r)
	c.Events = append(c.Events, &switchhook.Event{ID: "evt_refused", AcceptedAt: time.Now()})
	for _, s := range []store.Store{m.db, m.memory} {
		if err := submit(s, c); err == nil {
			r.Fatal("a sequence that does not rise is taken")
		}
		if err := s.Resume(r.Context()); err != nil {
			r.Fatal(err)
		}
	}
}

func submit(s store.Store, c switchhook.Commit) error {
	done := make(chan error, 1)
	c.Done = func(err error) { done <- err }
	s.Submit(&c)
	return <-done
}

// there are the events that were not dropped.
func (m *model) there(r *rapid.T) (events []*switchhook.Event) {
	events, _, err := m.memory.Events(r.Context(), switchhook.EventFilter{}, switchhook.Page{Limit: 1000})
	if err != nil {
		r.Fatal(err)
	}
	return events
}

func (m *model) draw(r *rapid.T) (c switchhook.Commit) {
	last := len(m.events)
	for range rapid.IntRange(0, 3).Draw(r, "events") {
		last++
		e := &switchhook.Event{
			ID: fmt.Sprintf("evt_%d", last), Type: types.Draw(r, "type"), AccountID: tenants.Draw(r, "account"),
			Key: keys.Draw(r, "key"), CallID: legs.Draw(r, "leg"), Sequence: int64(last), AcceptedAt: m.at(last),
			Targets: rapid.SliceOfNDistinct(hooks, 0, 3, rapid.ID).Draw(r, "targets"), Opens: rapid.Bool().Draw(r, "opens"),
			Data: fmt.Appendf(nil, `{"call":{"from":{"address":"+%s"}}}`, parties.Draw(r, "party")),
		}
		c.Events = append(c.Events, e)
	}
	there := append(m.there(r), c.Events...)
	for range rapid.IntRange(0, 3).Draw(r, "attempts") {
		if len(there) == 0 {
			break
		}
		e := rapid.SampledFrom(there).Draw(r, "event")
		ref := switchhook.DeliveryRef{Sequence: e.Sequence, WebhookID: hooks.Draw(r, "webhook")}
		replay := !slices.Contains(e.Targets, ref.WebhookID) || rapid.Bool().Draw(r, "replay")
		a := &switchhook.Attempt{
			ID: switchhook.NewID(switchhook.PrefixAttempt), EventID: e.ID, EventType: e.Type, AccountID: e.AccountID,
			WebhookID: ref.WebhookID, Sequence: e.Sequence, Number: rapid.IntRange(0, 3).Draw(r, "number"), Replay: replay,
			Dialect:   rapid.SampledFrom([]string{"kazoo", "teli"}).Draw(r, "dialect"),
			StartedAt: m.at(last).Add(time.Second), DurationMS: 3, State: states.Draw(r, "state"), Error: "error",
			Outcome: rapid.SampledFrom([]switchhook.Outcome{switchhook.Success, switchhook.Failure}).Draw(r, "outcome"),
		}
		c.Attempts = append(c.Attempts, a)
		if rapid.Bool().Draw(r, "due") {
			c.Due = append(c.Due, switchhook.Due{
				DeliveryRef: ref, Attempts: a.Number, At: m.at(rapid.IntRange(900, 1000).Draw(r, "at")), HeldSince: m.at(0),
				Lane: rapid.Uint64().Draw(r, "lane"), Stray: rapid.Bool().Draw(r, "stray"), Replay: replay,
			})
		} else {
			c.Settled = append(c.Settled, ref)
		}
	}
	for range rapid.IntRange(0, 3).Draw(r, "snapshots") {
		snap := switchhook.Snapshot{AccountID: tenants.Draw(r, "account"), Kind: "call", ID: legs.Draw(r, "leg"), UpdatedAt: m.at(last)}
		if rapid.Bool().Draw(r, "goes on") {
			snap.Data = fmt.Append(nil, last)
		}
		c.Snapshots = append(c.Snapshots, snap)
	}
	if last > 0 && rapid.IntRange(0, 3).Draw(r, "watermark") == 0 {
		c.Watermark = rapid.Int64Range(0, int64(last)).Draw(r, "to")
	}
	return c
}

func (m *model) prune(r *rapid.T) {
	before := m.at(rapid.IntRange(0, len(m.events)+1).Draw(r, "before"))
	for _, s := range []store.Store{m.db, m.memory} {
		for more := true; more; {
			var err error
			if more, err = s.Prune(r.Context(), before); err != nil {
				r.Fatal(err)
			}
		}
	}
}

// keep makes an account keep less history than before.
func (m *model) keep(r *rapid.T) {
	id := tenants.Draw(r, "account")
	// Between the times of two events, so that it does not matter how long this takes.
	keep := time.Since(m.at(rapid.IntRange(0, len(m.events)+1).Draw(r, "from"))).Truncate(time.Minute) + 20*time.Minute
	was, made := m.kept[id]
	if made && was <= keep {
		return
	}
	if m.kept == nil {
		m.kept = make(map[string]time.Duration)
	}
	m.kept[id] = keep
	for _, s := range []store.Store{m.db, m.memory} {
		put := s.UpdateAccount
		if !made {
			put = s.CreateAccount
		}
		if err := put(r.Context(), &switchhook.Account{ID: id, Retention: switchhook.Duration(keep)}); err != nil {
			r.Fatal(err)
		}
	}
}

// ask puts one question to both.
func (m *model) ask(r *rapid.T) {
	var some []string
	if rapid.Bool().Draw(r, "by account") {
		some = rapid.SliceOfNDistinct(tenants, 0, 3, rapid.ID).Draw(r, "accounts")
	}
	optional := func(g *rapid.Generator[string], name string) string {
		if rapid.Bool().Draw(r, "by "+name) {
			return g.Draw(r, name)
		}
		return ""
	}
	var since, until time.Time
	if rapid.Bool().Draw(r, "by time") {
		since, until = m.at(rapid.IntRange(0, 10).Draw(r, "since")), m.at(rapid.IntRange(5, 20).Draw(r, "until"))
	}
	var event string
	if len(m.events) > 0 && rapid.Bool().Draw(r, "by event") {
		event = rapid.SampledFrom(m.events).Draw(r, "event").ID
	}
	var of []*switchhook.Event
	if len(m.events) > 0 && rapid.Bool().Draw(r, "by events") {
		of = rapid.SliceOfN(rapid.SampledFrom(m.events), 0, 4).Draw(r, "events")
	}
	limit := rapid.IntRange(1, 4).Draw(r, "limit")
	ctx := r.Context()
	webhook := optional(hooks, "webhook")
	state := func() switchhook.DeliveryState {
		if rapid.Bool().Draw(r, "by state") {
			return states.Draw(r, "state")
		}
		return ""
	}
	switch rapid.IntRange(0, 9).Draw(r, "question") {
	case 0:
		f := switchhook.EventFilter{
			Accounts: some, Key: optional(keys, "key"), CallID: optional(legs, "call"), Since: since, Until: until,
			After: rapid.Int64Range(0, 5).Draw(r, "after"), Before: rapid.Int64Range(0, 20).Draw(r, "before"),
			Opens: rapid.Bool().Draw(r, "opens"), Party: optional(parties, "party"),
		}
		if typ := optional(types, "type"); typ != "" {
			f.Types = []string{typ}
		}
		same(r, m, limit, func(s store.Store, p switchhook.Page) ([]*switchhook.Event, string, error) {
			return s.Events(ctx, f, p)
		})
	case 1:
		f := switchhook.AttemptFilter{
			Accounts: some, WebhookID: webhook, EventID: event, Events: of, Since: since, Until: until,
			Outcome: switchhook.Outcome(optional(rapid.SampledFrom([]string{"success", "failure"}), "outcome")),
			After:   rapid.Int64Range(0, 5).Draw(r, "after"),
			Dialect: optional(rapid.SampledFrom([]string{"kazoo", "teli"}), "dialect"),
		}
		if typ := optional(types, "type"); typ != "" {
			f.Types = []string{typ, "none.*"}
		}
		same(r, m, limit, func(s store.Store, p switchhook.Page) ([]*switchhook.Attempt, string, error) {
			return s.Attempts(ctx, f, p)
		})
	case 2, 3:
		f := switchhook.DeliveryFilter{Accounts: some, WebhookID: webhook, EventID: event, Events: of, State: state(), Since: since, Until: until}
		if rapid.Bool().Draw(r, "of events") {
			f.Of = &switchhook.EventFilter{CallID: optional(legs, "call"), Number: optional(parties, "party")}
			if typ := optional(types, "type"); typ != "" {
				f.Of.Types = []string{typ}
			}
		}
		same(r, m, limit, func(s store.Store, p switchhook.Page) ([]*switchhook.Delivery, string, error) {
			return s.Deliveries(ctx, f, p)
		})
	case 4:
		same(r, m, limit, func(s store.Store, _ switchhook.Page) (all []switchhook.OpenDelivery, _ string, err error) {
			err = s.Recover(ctx, func(o switchhook.OpenDelivery) error {
				all = append(all, o)
				return nil
			})
			return all, "", err
		})
	case 5:
		after := rapid.Int64Range(0, int64(len(m.events)+1)).Draw(r, "after")
		same(r, m, limit, func(s store.Store, _ switchhook.Page) ([]switchhook.OpenDelivery, string, error) {
			all, err := s.Due(ctx, webhook, after, limit)
			return all, "", err
		})
	case 6:
		until := m.at(rapid.IntRange(900, 1000).Draw(r, "until"))
		same(r, m, limit, func(s store.Store, _ switchhook.Page) ([]switchhook.OpenDelivery, string, error) {
			all, err := s.Strays(ctx, webhook, until, limit)
			return all, "", err
		})
	case 7:
		same(r, m, limit, func(s store.Store, _ switchhook.Page) (all []string, _ string, err error) {
			err = errors.Join(
				s.Backlogs(ctx, func(webhook string, rows int) error { all = append(all, fmt.Sprint(webhook, rows)); return nil }),
				s.Lanes(ctx, webhook, func(lane uint64) error { all = append(all, fmt.Sprint(lane)); return nil }),
				s.Snapshots(ctx, func(s switchhook.Snapshot) error {
					all = append(all, fmt.Sprint(s.AccountID, s.ID, string(s.Data), s.UpdatedAt))
					return nil
				}),
			)
			slices.Sort(all)
			return all, "", err
		})
	case 8:
		of := hooks.Draw(r, "of")
		all := make([]int64, len(m.events)+1)
		for i := range all {
			all[i] = int64(i)
		}
		same(r, m, limit, func(s store.Store, _ switchhook.Page) ([]map[int64]switchhook.DeliveryState, string, error) {
			states, err := s.States(ctx, of, all)
			return []map[int64]switchhook.DeliveryState{states}, "", err
		})
	case 9:
		if event == "" {
			return
		}
		id := switchhook.DeliveryID(tenants.Draw(r, "account"), event, hooks.Draw(r, "to"))
		same(r, m, limit, func(s store.Store, _ switchhook.Page) ([]*switchhook.Delivery, string, error) {
			d, err := s.Delivery(ctx, some, id)
			if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
				err = nil
			}
			return []*switchhook.Delivery{d}, "", err
		})
	}
}

// same compares the answers, page by page.
func same[T any](r *rapid.T, m *model, limit int, ask func(store.Store, switchhook.Page) ([]T, string, error)) {
	page := switchhook.Page{Limit: limit}
	for {
		got, next, err := ask(m.db, page)
		if err != nil {
			r.Fatal(err)
		}
		want, wantNext, err := ask(m.memory, page)
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			r.Fatalf("the database and the memory differ (- memory, + database):\n%s", diff)
		}
		if next != wantNext {
			r.Fatalf("the next page is from %q in the database and from %q in memory", next, wantNext)
		}
		if page.Cursor = next; next == "" {
			return
		}
	}
}
