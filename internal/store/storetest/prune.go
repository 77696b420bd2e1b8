package storetest

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

func pruneCases() []testCase {
	return []testCase{
		{"closed history that is old goes, the rest stays", pruneOld},
		{"an event with an open delivery stays, with what came after it", pruneOpen},
		{"much is pruned in bounded steps", pruneMuch},
		{"sequences and rows are not used again", pruneCounters},
		{"ids that clients gave outlive their events", pruneIDs},
	}
}

// apart sets the events so far apart that each is in a slice of its own.
func apart(all []*switchhook.Event) []*switchhook.Event {
	for i, e := range all {
		e.AcceptedAt = base().Add(time.Duration(i+1-len(all)) * store.SliceTime)
	}
	return all
}

func pruneAll(t *testing.T, s store.Store, before time.Time) {
	t.Helper()
	for range 100 {
		if !must(s.Prune(t.Context(), before))(t) {
			return
		}
	}
	t.Fatal("pruning does not end")
}

func pruneOld(of trial) {
	t, s := of.t, of.s
	all := apart(events(1, 4, "wh_1"))
	for _, e := range all {
		a := attempt(e, "wh_1", switchhook.Delivered)
		if e.Sequence == 3 {
			a.StartedAt = e.AcceptedAt.Add(store.SliceTime - time.Second) // late, but in its event's slice
		}
		commit(t, s, switchhook.Commit{
			Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{a}, Watermark: e.Sequence,
			Rejects: []*switchhook.Reject{{SourceID: "src", At: e.AcceptedAt}},
		})
	}
	pruneAll(t, s, all[0].AcceptedAt)
	wantEqual(t, "at first", count(t, s), counts{Events: 4, Attempts: 4, Rejects: 4})
	pruneAll(t, s, all[2].AcceptedAt.Add(time.Second)) // the third slice is not wholly before
	wantEqual(t, "afterwards", count(t, s), counts{Events: 2, Attempts: 2, Rejects: 1})
	pruneAll(t, s, all[3].AcceptedAt)
	wantEqual(t, "then", count(t, s), counts{Events: 1, Attempts: 1, Rejects: 1})
	_, err := s.Event(t.Context(), nil, "evt_3")
	wantCode(t, err, switchhook.CodeNotFound)
	wantEqual(t, "deliveries", deliveryNames(pages(t, 10, listDeliveries(t.Context(), s, switchhook.DeliveryFilter{}))), []string{"4 wh_1"})
	// An idle store keeps nothing longer than a busy one.
	pruneAll(t, s, all[3].AcceptedAt.Add(time.Hour))
	wantEqual(t, "in the end", count(t, s), counts{})
	commit(t, s, full(5))
	wantEqual(t, "a new beginning", count(t, s), counts{1, 1, 1, 1, 1, 1, 1, 1})
}

func pruneOpen(of trial) {
	t, s := of.t, of.s
	all := apart(events(1, 6, "wh_1", "wh_2"))
	var due []switchhook.DeliveryRef
	for _, e := range all {
		c := switchhook.Commit{
			Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{attempt(e, "wh_1", switchhook.Delivered)}, Watermark: min(e.Sequence, 5),
		}
		// The third is due, the last was never tried.
		switch e.Sequence {
		case 3:
			c.Due = []switchhook.Due{row(3, "wh_2")}
			due = append(due, ref(3, "wh_2"))
		case 1, 2, 4, 5:
			c.Attempts = append(c.Attempts, attempt(e, "wh_2", switchhook.Failed))
		}
		commit(t, s, c)
	}
	later := base().Add(time.Hour)
	pruneAll(t, s, later)
	left := pages(t, 10, listEvents(t.Context(), s, switchhook.EventFilter{}))
	wantEqual(t, "events", sequences(left), []int64{6, 5, 4, 3})
	wantEqual(t, "open", openRefs(t, s), []string{"3 wh_2", "6 wh_2"})
	wantEqual(t, "attempts of event 4", len(pages(t, 10, listAttempts(t.Context(), s, switchhook.AttemptFilter{EventID: "evt_4"}))), 2)

	commit(t, s, switchhook.Commit{Attempts: []*switchhook.Attempt{attempt(all[2], "wh_2", switchhook.Delivered)}, Settled: due})
	pruneAll(t, s, later)
	wantEqual(t, "open", openRefs(t, s), []string{"6 wh_2"})
	left = pages(t, 10, listEvents(t.Context(), s, switchhook.EventFilter{}))
	wantEqual(t, "events", sequences(left), []int64{6})

	commit(t, s, switchhook.Commit{Attempts: []*switchhook.Attempt{attempt(all[5], "wh_2", switchhook.Delivered)}, Watermark: 6})
	pruneAll(t, s, later)
	wantEqual(t, "in the end", count(t, s), counts{})
}

func pruneMuch(of trial) {
	t, s := of.t, of.s
	const last = 1700
	all := events(1, last, "wh_1")
	for n := int64(0); n < last; n += 100 {
		c := switchhook.Commit{Events: all[n : n+100], Watermark: n + 100}
		for _, e := range c.Events {
			e.AcceptedAt = e.AcceptedAt.Add(time.Duration(n/100-17) * store.SliceTime)
			c.Attempts = append(c.Attempts, attempt(e, "wh_1", switchhook.Delivered))
		}
		commit(t, s, c)
	}
	pruneAll(t, s, all[1599].AcceptedAt.Add(time.Second))
	wantEqual(t, "left", count(t, s), counts{Events: 100, Attempts: 100})
	pruneAll(t, s, all[1599].AcceptedAt.Add(time.Second)) // finds nothing more
	wantEqual(t, "left", count(t, s), counts{Events: 100, Attempts: 100})
}

func pruneCounters(of trial) {
	t, s := of.t, of.s
	e := event(7, "wh_1")
	a := attempt(e, "wh_1", switchhook.Delivered)
	r := &switchhook.Reject{SourceID: "src", At: base()}
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{a}, Rejects: []*switchhook.Reject{r}, Watermark: 7})
	pruneAll(t, s, base().Add(time.Hour))
	wantEqual(t, "left", count(t, s), counts{})
	wantEqual(t, "last sequence", must(s.LastSequence(t.Context()))(t), int64(7))
	again, rejected := attempt(e, "wh_1", switchhook.Delivered), &switchhook.Reject{SourceID: "src", At: base()}
	commit(t, s, switchhook.Commit{Attempts: []*switchhook.Attempt{again}, Rejects: []*switchhook.Reject{rejected}})
	if again.Row <= a.Row || rejected.ID <= r.ID {
		t.Errorf("row %d after %d, reject %d after %d", again.Row, a.Row, rejected.ID, r.ID)
	}
}

func pruneIDs(of trial) {
	t, s := of.t, of.s
	old, recent := event(1), event(2)
	old.ID, old.IDGiven, old.AcceptedAt = "old", true, time.Now().Add(-100*time.Hour)
	recent.ID, recent.IDGiven = "recent", true
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{old, recent}, Watermark: 2})
	pruneAll(t, s, base().Add(time.Hour))
	wantEqual(t, "left", count(t, s), counts{})
	wantEqual(t, "known", must(s.Known(t.Context(), "a", []string{"old", "recent"}))(t), map[string]bool{"recent": true})
}
