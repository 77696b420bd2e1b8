package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

func keepCases() []testCase {
	return []testCase{
		{"what is too old for one account is gone for it at once, and others' is as it was", keepShorter},
		{"the shortest retention on the way up holds, from the moment that it is set", keepInherited},
		{"what is too old and open stays until it is closed", keepOpen},
		{"a deleted account's history goes, however new", keepDeleted},
		{"rejects and jobs go too, and ids stay known for a day", keepRows},
	}
}

func createAccount(t *testing.T, s store.Store, id, parent string, keep time.Duration) {
	t.Helper()
	if err := s.CreateAccount(t.Context(), &switchhook.Account{ID: id, ParentID: parent, Retention: switchhook.Duration(keep)}); err != nil {
		t.Fatal(err)
	}
}

func updateAccount(t *testing.T, s store.Store, id, parent string, keep time.Duration) {
	t.Helper()
	if err := s.UpdateAccount(t.Context(), &switchhook.Account{ID: id, ParentID: parent, Retention: switchhook.Duration(keep)}); err != nil {
		t.Fatal(err)
	}
}

// mixed commits events of two accounts that share blocks, a slice of ten for each of some
// days up to yesterday, all delivered, and of each one the call's snapshot.
func mixed(t *testing.T, s store.Store, days int, accounts ...string) (all []*switchhook.Event) {
	t.Helper()
	for day := range days {
		c := switchhook.Commit{}
		for n := range 10 {
			e := event(int64(day*10+n+1), "wh_1")
			e.AccountID = accounts[n%len(accounts)]
			e.AcceptedAt = base().AddDate(0, 0, day-days).Add(time.Duration(n) * time.Second)
			e.OccurredAt = e.AcceptedAt
			c.Events = append(c.Events, e)
			c.Attempts = append(c.Attempts, attempt(e, "wh_1", switchhook.Delivered))
			c.Snapshots = append(c.Snapshots, switchhook.Snapshot{AccountID: e.AccountID, Kind: "call", ID: e.CallID, RootID: e.Key, UpdatedAt: e.AcceptedAt})
			c.Watermark = e.Sequence
		}
		commit(t, s, c)
		all = append(all, c.Events...)
	}
	return all
}

// A history is all that is to be seen of accounts.
type history struct {
	events, rising []*switchhook.Event
	attempts       []*switchhook.Attempt
	deliveries     []*switchhook.Delivery
}

func historyOf(t *testing.T, s store.Store, accounts ...string) history {
	t.Helper()
	ctx := t.Context()
	return history{
		pages(t, 3, listEvents(ctx, s, switchhook.EventFilter{Accounts: accounts})),
		pages(t, 3, listEvents(ctx, s, switchhook.EventFilter{Accounts: accounts, After: -1})),
		pages(t, 3, listAttempts(ctx, s, switchhook.AttemptFilter{Accounts: accounts})),
		pages(t, 3, listDeliveries(ctx, s, switchhook.DeliveryFilter{Accounts: accounts})),
	}
}

func (h history) want(t *testing.T, what string, want history) {
	t.Helper()
	wantEqual(t, what+": events", h.events, want.events)
	wantEqual(t, what+": events, rising", h.rising, want.rising)
	wantEqual(t, what+": attempts", h.attempts, want.attempts)
	wantEqual(t, what+": deliveries", h.deliveries, want.deliveries)
}

func (h history) len() []int {
	return []int{len(h.events), len(h.rising), len(h.attempts), len(h.deliveries)}
}

func keepShorter(of trial) {
	t, s := of.t, of.s
	createAccount(t, s, "short", "", 0)
	createAccount(t, s, "long", "", 0)
	all := mixed(t, s, 6, "short", "long")
	long := historyOf(t, s, "long")
	wantEqual(t, "at first", historyOf(t, s).len(), []int{60, 60, 60, 60})
	// Half of a list, to be gone on with afterwards, of all and of one.
	half := map[string]string{}
	for _, account := range []string{"short", "long"} {
		page, next, err := s.Events(t.Context(), switchhook.EventFilter{Accounts: []string{account}}, switchhook.Page{Limit: 5})
		if err != nil || len(page) != 5 {
			t.Fatal(len(page), err)
		}
		half[account] = next
	}
	rows := pages(t, 100, listAttempts(t.Context(), s, switchhook.AttemptFilter{After: -1}))

	updateAccount(t, s, "short", "", 3*24*time.Hour+12*time.Hour) // the last three days
	check := func(when string) {
		t.Helper()
		historyOf(t, s, "long").want(t, when, long)
		wantEqual(t, when+": short", historyOf(t, s, "short").len(), []int{15, 15, 15, 15})
		wantEqual(t, when+": both", historyOf(t, s, "short", "long").len(), []int{45, 45, 45, 45})
		wantEqual(t, when+": all", historyOf(t, s).len(), []int{45, 45, 45, 45})
		old, young := all[0], all[50]
		for _, e := range []*switchhook.Event{old, young} {
			_, errEvent := s.Event(t.Context(), nil, e.ID)
			_, errDelivery := s.Delivery(t.Context(), nil, switchhook.DeliveryID(e.AccountID, e.ID, "wh_1"))
			i := slices.IndexFunc(rows, func(a *switchhook.Attempt) bool { return a.EventID == e.ID })
			_, errAttempt := s.Attempt(t.Context(), nil, rows[i].ID)
			for what, err := range map[string]error{"event": errEvent, "delivery": errDelivery, "attempt": errAttempt} {
				if want := e == old; (switchhook.ErrorCode(err) == switchhook.CodeNotFound) != want {
					t.Errorf("%s: the %s of %s: %v", when, what, e.AcceptedAt, err)
				}
			}
			var found []int
			for _, f := range []switchhook.EventFilter{{Key: e.Key}, {CallID: e.CallID}, {Since: e.AcceptedAt, Until: e.AcceptedAt.Add(time.Second)}} {
				found = append(found, len(pages(t, 9, listEvents(t.Context(), s, f))))
			}
			found = append(found, len(pages(t, 9, listAttempts(t.Context(), s, switchhook.AttemptFilter{EventID: e.ID}))),
				len(pages(t, 9, listDeliveries(t.Context(), s, switchhook.DeliveryFilter{Events: []*switchhook.Event{e}}))),
				len(must(s.States(t.Context(), "wh_1", []int64{e.Sequence}))(t)))
			want := []int{1, 1, 1, 1, 1, 1}
			if e == old {
				want = make([]int, 6)
			}
			wantEqual(t, when+": found", found, want)
		}
		for account, want := range map[string]int{"short": 10, "long": 25} {
			rest, _, err := s.Events(t.Context(), switchhook.EventFilter{Accounts: []string{account}}, switchhook.Page{Limit: 100, Cursor: half[account]})
			if err != nil || len(rest) != want {
				t.Errorf("%s: %d events of %s from a cursor of before, want %d (%v)", when, len(rest), account, want, err)
			}
		}
		// Rows are what they were, so a stream goes on where it was.
		for _, a := range pages(t, 7, listAttempts(t.Context(), s, switchhook.AttemptFilter{After: -1})) {
			i := slices.IndexFunc(rows, func(was *switchhook.Attempt) bool { return was.ID == a.ID })
			wantEqual(t, when+": an attempt", a, rows[i])
		}
		after, _, err := s.Attempts(t.Context(), switchhook.AttemptFilter{Accounts: []string{"short"}, After: rows[49].Row}, switchhook.Page{Limit: 100})
		if err != nil || len(after) != 5 {
			t.Errorf("%s: %d attempts after a row of before (%v)", when, len(after), err)
		}
	}
	check("once it is set")
	pruneAll(t, s, base().AddDate(0, 0, -30))
	check("once it is cut out")
	pruneAll(t, s, base().AddDate(0, 0, -30)) // finds nothing more
	check("afterwards")
	updateAccount(t, s, "short", "", 0) // what is gone does not come back
	historyOf(t, s, "long").want(t, "with all of it again", long)
	wantEqual(t, "with all of it again", historyOf(t, s, "short").len(), []int{15, 15, 15, 15})
	commit(t, s, switchhook.Commit{Events: events(100, 100)})
	wantEqual(t, "and goes on", len(historyOf(t, s).events), 46)
}

func keepInherited(of trial) {
	t, s := of.t, of.s
	createAccount(t, s, "root", "", 0)
	createAccount(t, s, "reseller", "root", 0)
	createAccount(t, s, "customer", "reseller", 0)
	createAccount(t, s, "other", "root", 0)
	mixed(t, s, 10, "root", "reseller", "customer", "other", "nobody")
	days := func(n int) time.Duration { return time.Duration(n)*24*time.Hour + 12*time.Hour }
	want := func(what string, days ...int) {
		t.Helper()
		var got []int
		for _, id := range []string{"root", "reseller", "customer", "other", "nobody"} {
			got = append(got, len(historyOf(t, s, id).events)/2)
		}
		wantEqual(t, what, got, days)
		now := time.Now()
		for id, cutoff := range s.Cutoffs(now) {
			if ago := now.Sub(cutoff); id == "nobody" || ago < 24*time.Hour {
				t.Errorf("%s: the cutoff of %s is %v ago", what, id, ago)
			}
		}
	}
	want("at first", 10, 10, 10, 10, 10)
	updateAccount(t, s, "reseller", "root", days(8))
	want("of the reseller", 10, 8, 8, 10, 10)
	updateAccount(t, s, "customer", "reseller", days(9))
	want("a longer one below it", 10, 8, 8, 10, 10)
	updateAccount(t, s, "customer", "reseller", days(5))
	want("a shorter one below it", 10, 8, 5, 10, 10)
	updateAccount(t, s, "other", "customer", 0)
	want("below that one", 10, 8, 5, 5, 10)
	updateAccount(t, s, "other", "root", 0)
	want("away from it before it was cut out", 10, 8, 5, 10, 10)
	updateAccount(t, s, "root", "", days(9))
	want("of all", 9, 8, 5, 9, 10)
	pruneAll(t, s, base().AddDate(0, 0, -30))
	want("cut out", 9, 8, 5, 9, 10)
	for _, id := range []string{"root", "reseller", "customer"} {
		updateAccount(t, s, id, "", 0)
	}
	want("what is left", 9, 8, 5, 9, 10)
	if cutoffs := s.Cutoffs(time.Now()); len(cutoffs) > 0 {
		t.Errorf("cutoffs %v where there are none", cutoffs)
	}
	createAccount(t, s, "nobody", "root", days(2))
	wantEqual(t, "a new one", len(historyOf(t, s, "nobody").events), 2*2)
}

func keepOpen(of trial) {
	t, s := of.t, of.s
	createAccount(t, s, "short", "", 0)
	all := mixed(t, s, 4, "short", "long")
	// Of the first, a delivery is due again; the last was not tried.
	last := event(41, "wh_1", "wh_2")
	last.AccountID, last.AcceptedAt = "short", base().Add(-2*time.Hour)
	commit(t, s, switchhook.Commit{
		Events: []*switchhook.Event{last}, Due: []switchhook.Due{{DeliveryRef: ref(1, "wh_1"), Attempts: 1}},
		Attempts: []*switchhook.Attempt{attempt(last, "wh_1", switchhook.Delivered)},
	})
	updateAccount(t, s, "short", "", time.Hour)
	for range 2 {
		pruneAll(t, s, base().AddDate(0, 0, -30))
		wantEqual(t, "seen", historyOf(t, s, "short").len(), []int{0, 0, 0, 0})
		open := openDeliveries(t, s)
		wantEqual(t, "open", refs(open), []string{"1 wh_1", "41 wh_2"})
		wantEqual(t, "with its event", open[0].Event.Data, all[0].Data)
	}
	wantEqual(t, "of others", historyOf(t, s, "long").len(), []int{20, 20, 20, 20})
	commit(t, s, switchhook.Commit{
		Attempts:  []*switchhook.Attempt{ended(all[0], "wh_1", switchhook.Expired, "too old"), ended(last, "wh_2", switchhook.Expired, "too old")},
		Settled:   []switchhook.DeliveryRef{ref(1, "wh_1")},
		Watermark: 41,
	})
	pruneAll(t, s, base().AddDate(0, 0, -30))
	wantEqual(t, "open", openRefs(t, s), []string{})
	updateAccount(t, s, "short", "", 0)
	// What was closed just now is young: an hour's retention does not take it yet.
	wantEqual(t, "in the end", len(historyOf(t, s, "short").events), 0)
	wantEqual(t, "of others", historyOf(t, s, "long").len(), []int{20, 20, 20, 20})
}

func keepDeleted(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	createAccount(t, s, "short", "", 0)
	createAccount(t, s, "long", "", 0)
	source := &switchhook.Source{ID: "src", AccountID: "short", CreatedAt: base()}
	if err := s.CreateSource(ctx, source); err != nil {
		t.Fatal(err)
	}
	mixed(t, s, 3, "short", "long")
	e := event(31)
	e.AccountID, e.IDGiven = "short", true
	commit(t, s, switchhook.Commit{
		Events: []*switchhook.Event{e}, Watermark: 31, Rejects: []*switchhook.Reject{{SourceID: "src", At: base()}},
		Snapshots: []switchhook.Snapshot{
			{AccountID: "short", Kind: "call", ID: "1", Data: []byte("1"), UpdatedAt: base()}, {AccountID: "long", Kind: "call", ID: "1", Data: []byte("1"), UpdatedAt: base()},
		},
	})
	long := historyOf(t, s, "long")
	if err := s.DeleteAccounts(ctx, []string{"short"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		historyOf(t, s, "long").want(t, "others'", long)
		wantEqual(t, "all", historyOf(t, s).len(), []int{15, 15, 15, 15})
		wantEqual(t, "snapshots", len(snapshots(t, s)), 1)
		source.AccountID = "long" // whoever takes the id next sees none of it
		if err := s.CreateSource(ctx, source); err != nil {
			t.Fatal(err)
		}
		if left, _, err := s.Rejects(ctx, "src", switchhook.Page{Limit: 1}); err != nil || len(left) > 0 {
			t.Errorf("rejects %v, %v", left, err)
		}
		if err := s.DeleteSource(ctx, "src"); err != nil {
			t.Fatal(err)
		}
		pruneAll(t, s, base().AddDate(0, 0, -30))
	}
}

func keepRows(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	createAccount(t, s, "short", "", 12*time.Hour)
	for _, id := range []string{"short", "long"} {
		if err := s.CreateSource(ctx, &switchhook.Source{ID: id, AccountID: id, CreatedAt: base()}); err != nil {
			t.Fatal(err)
		}
		c := switchhook.Commit{}
		for n, ago := range []time.Duration{30 * time.Hour, 10 * time.Hour, 0} {
			at := time.Now().Add(-ago)
			c.Rejects = append(c.Rejects, &switchhook.Reject{SourceID: id, At: at})
			c.Jobs = append(c.Jobs, &switchhook.Job{ID: fmt.Sprint(id, n), AccountID: id, CreatedAt: at, EndedAt: at})
		}
		c.Jobs = append(c.Jobs, &switchhook.Job{ID: id + " runs", AccountID: id, CreatedAt: base().AddDate(0, 0, -9)})
		commit(t, s, c)
	}
	old, recent := event(1), event(2)
	for e, ago := range map[*switchhook.Event]time.Duration{old: 25 * time.Hour, recent: 23 * time.Hour} {
		e.AccountID, e.IDGiven, e.AcceptedAt = "short", true, time.Now().Add(-ago)
	}
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{old, recent}, Watermark: 2})
	rejects := func(id string) int {
		return len(pages(t, 2, func(p switchhook.Page) ([]*switchhook.Reject, string, error) { return s.Rejects(ctx, id, p) }))
	}
	for range 2 {
		wantEqual(t, "rejects", []int{rejects("short"), rejects("long")}, []int{2, 3})
		pruneAll(t, s, base().AddDate(0, 0, -30))
	}
	wantEqual(t, "jobs", len(must(s.Jobs(ctx))(t)), 3+4)
	wantEqual(t, "ids", must(s.Known(ctx, "short", []string{"evt_1", "evt_2"}))(t), map[string]bool{"evt_2": true})
}
