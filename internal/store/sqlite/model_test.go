package sqlite_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// TestModel makes random commits to a database and to the store in memory, and
// asks both the same random questions.
func TestModel(t *testing.T) {
	t.Parallel()
	// The default of 100 takes half a minute under the race detector.
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("30"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		db, err := sqlite.Open(t.Context(), sqlite.Options{Dir: t.TempDir()})
		if err != nil {
			r.Fatal(err)
		}
		defer db.Close()
		m := &model{T: r, db: db, memory: memory.New(), start: time.Now().AddDate(0, 0, -9)}
		r.Repeat(map[string]func(*rapid.T){
			"commit": m.commit,
			"prune":  m.prune,
			"ask":    m.ask,
		})
	})
}

type model struct {
	*rapid.T

	db, memory store.Store
	start      time.Time
	events     []*switchhook.Event
}

var (
	accounts = rapid.SampledFrom([]string{"a", "b", "c"})
	hooks    = rapid.SampledFrom([]string{"wh_1", "wh_2", "wh_3"})
	keys     = rapid.SampledFrom([]string{"", "call-1", "call-2"})
	legs     = rapid.SampledFrom([]string{"", "call-1", "leg-1", "leg-2"})
	types    = rapid.SampledFrom([]string{"call.created", "call.hungup", "custom.x"})
	states   = rapid.SampledFrom([]switchhook.DeliveryState{
		switchhook.Pending, switchhook.Delivered, switchhook.Delivered, switchhook.Failed, switchhook.Expired, switchhook.Cancelled,
	})
)

// at spreads the events over days, for times are looked up with some slack.
func (m *model) at(sequence int) time.Time {
	return m.start.Add(time.Duration(sequence) * 40 * time.Minute)
}

func (m *model) commit(r *rapid.T) {
	var c switchhook.Commit
	for range rapid.IntRange(0, 3).Draw(r, "events") {
		n := len(m.events) + 1
		e := &switchhook.Event{
			ID: fmt.Sprintf("evt_%d", n), Type: types.Draw(r, "type"), AccountID: accounts.Draw(r, "account"),
			Key: keys.Draw(r, "key"), CallID: legs.Draw(r, "leg"), Sequence: int64(n), AcceptedAt: m.at(n),
			Targets: rapid.SliceOfNDistinct(hooks, 0, 3, rapid.ID).Draw(r, "targets"), Data: []byte(`{}`),
		}
		m.events = append(m.events, e)
		c.Events = append(c.Events, e)
	}
	for range rapid.IntRange(0, 3).Draw(r, "attempts") {
		if len(m.events) == 0 {
			break
		}
		e := rapid.SampledFrom(m.events).Draw(r, "event")
		ref := switchhook.DeliveryRef{Sequence: e.Sequence, WebhookID: hooks.Draw(r, "webhook")}
		a := &switchhook.Attempt{
			ID: switchhook.NewID(switchhook.PrefixAttempt), EventID: e.ID, EventType: e.Type, AccountID: e.AccountID,
			WebhookID: ref.WebhookID, Sequence: e.Sequence, Number: rapid.IntRange(0, 3).Draw(r, "number"),
			StartedAt: m.at(len(m.events)).Add(time.Second), DurationMS: 3, State: states.Draw(r, "state"), Error: "error",
			Outcome: rapid.SampledFrom([]switchhook.Outcome{switchhook.Success, switchhook.Failure}).Draw(r, "outcome"),
		}
		c.Attempts = append(c.Attempts, a)
		if rapid.Bool().Draw(r, "due") {
			c.Due = append(c.Due, switchhook.Due{DeliveryRef: ref, Attempts: a.Number, At: m.at(1000), HeldSince: m.at(0)})
		} else {
			c.Settled = append(c.Settled, ref)
		}
	}
	if len(m.events) > 0 && rapid.IntRange(0, 3).Draw(r, "watermark") == 0 {
		c.Watermark = rapid.Int64Range(0, int64(len(m.events))).Draw(r, "to")
	}
	for _, s := range []store.Store{m.db, m.memory} {
		done := make(chan error, 1)
		c.Done = func(err error) { done <- err }
		copied := c
		s.Submit(&copied)
		if err := <-done; err != nil {
			r.Fatal(err)
		}
	}
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

// ask puts one question to both.
func (m *model) ask(r *rapid.T) {
	var some []string
	if rapid.Bool().Draw(r, "by account") {
		some = rapid.SliceOfNDistinct(accounts, 0, 3, rapid.ID).Draw(r, "accounts")
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
	limit := rapid.IntRange(1, 4).Draw(r, "limit")
	ctx := r.Context()
	switch rapid.IntRange(0, 3).Draw(r, "question") {
	case 0:
		f := switchhook.EventFilter{
			Accounts: some, Key: optional(keys, "key"), CallID: optional(legs, "call"), Since: since, Until: until,
			After: rapid.Int64Range(0, 5).Draw(r, "after"),
		}
		if typ := optional(types, "type"); typ != "" {
			f.Types = []string{typ}
		}
		same(r, m, limit, func(s store.Store, p switchhook.Page) ([]*switchhook.Event, string, error) {
			return s.Events(ctx, f, p)
		})
	case 1:
		f := switchhook.AttemptFilter{
			Accounts: some, WebhookID: optional(hooks, "webhook"), Since: since, Until: until,
			After: rapid.Int64Range(0, 5).Draw(r, "after"),
		}
		same(r, m, limit, func(s store.Store, p switchhook.Page) ([]*switchhook.Attempt, string, error) {
			return s.Attempts(ctx, f, p)
		})
	case 2:
		f := switchhook.DeliveryFilter{Accounts: some, WebhookID: optional(hooks, "webhook"), EventID: event}
		if rapid.Bool().Draw(r, "by state") {
			f.State = states.Draw(r, "state")
		}
		same(r, m, limit, func(s store.Store, p switchhook.Page) ([]*switchhook.Delivery, string, error) {
			return s.Deliveries(ctx, f, p)
		})
	case 3:
		same(r, m, limit, func(s store.Store, _ switchhook.Page) (all []switchhook.OpenDelivery, _ string, err error) {
			err = s.Recover(ctx, func(o switchhook.OpenDelivery) error {
				all = append(all, o)
				return nil
			})
			return all, "", err
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
