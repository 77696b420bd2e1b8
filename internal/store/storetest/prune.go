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
		{"an event with an open delivery stays, with its attempts", pruneOpen},
		{"much is pruned in bounded steps", pruneMuch},
		{"sequences and rows are not used again", pruneCounters},
		{"ids that clients gave outlive their events", pruneIDs},
	}
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
	var rejects []*switchhook.Reject
	all := events(1, 4, "wh_1")
	var made []*switchhook.Attempt
	for _, e := range all {
		made = append(made, attempt(e, "wh_1", switchhook.Delivered))
		rejects = append(rejects, &switchhook.Reject{SourceID: "src", At: e.AcceptedAt})
	}
	// The third event is pruned, but was delivered only later.
	made[2].StartedAt = all[3].AcceptedAt
	commit(t, s, switchhook.Commit{Events: all, Attempts: made, Rejects: rejects})
	pruneAll(t, s, all[0].AcceptedAt)
	wantEqual(t, "at first", count(t, s), counts{Events: 4, Attempts: 4, Rejects: 4})
	pruneAll(t, s, all[3].AcceptedAt)
	wantEqual(t, "afterwards", count(t, s), counts{Events: 1, Attempts: 2, Rejects: 1})
	_, err := s.Event(t.Context(), nil, "evt_3")
	wantCode(t, err, switchhook.CodeNotFound)
	wantEqual(t, "deliveries", deliveryNames(pages(t, 10, listDeliveries(t.Context(), s, switchhook.DeliveryFilter{}))), []string{"4 wh_1"})
	pruneAll(t, s, all[3].AcceptedAt.Add(time.Hour))
	wantEqual(t, "in the end", count(t, s), counts{})
}

func pruneOpen(of trial) {
	t, s := of.t, of.s
	all := events(1, 6, "wh_1", "wh_2")
	c := switchhook.Commit{Events: all, Watermark: 3}
	for _, e := range all {
		c.Attempts = append(c.Attempts, attempt(e, "wh_1", switchhook.Delivered))
	}
	for _, e := range []*switchhook.Event{all[0], all[2], all[3]} {
		c.Attempts = append(c.Attempts, attempt(e, "wh_2", switchhook.Failed))
	}
	// Of the first three, the second is due; of the others, the last two were
	// never tried; the fourth is closed, but is replayed.
	c.Due = []switchhook.Due{{DeliveryRef: ref(2, "wh_2"), At: base()}, {DeliveryRef: ref(4, "wh_2"), At: base()}}
	commit(t, s, c)
	later := base().Add(time.Hour)
	pruneAll(t, s, later)
	left := pages(t, 10, listEvents(t.Context(), s, switchhook.EventFilter{}))
	wantEqual(t, "events", sequences(left), []int64{6, 5, 4, 2})
	wantEqual(t, "open", openRefs(t, s), []string{"2 wh_2", "4 wh_2", "5 wh_2", "6 wh_2"})
	wantEqual(t, "attempts of event 4", len(pages(t, 10, listAttempts(t.Context(), s, switchhook.AttemptFilter{EventID: "evt_4"}))), 2)

	var end []*switchhook.Attempt
	for _, e := range left {
		end = append(end, attempt(e, "wh_2", switchhook.Delivered))
	}
	commit(t, s, switchhook.Commit{Attempts: end, Settled: []switchhook.DeliveryRef{ref(2, "wh_2"), ref(4, "wh_2")}, Watermark: 6})
	pruneAll(t, s, later)
	wantEqual(t, "in the end", count(t, s), counts{})
}

func pruneMuch(of trial) {
	t, s := of.t, of.s
	all := events(1, 1700, "wh_1")
	var made []*switchhook.Attempt
	var due []switchhook.Due
	for _, e := range all {
		if e.Sequence%100 == 0 {
			due = append(due, switchhook.Due{DeliveryRef: ref(e.Sequence, "wh_1"), At: base()})
			continue
		}
		made = append(made, attempt(e, "wh_1", switchhook.Delivered))
	}
	commit(t, s, switchhook.Commit{Events: all, Attempts: made, Due: due, Watermark: 1700})
	pruneAll(t, s, all[1599].AcceptedAt)
	wantEqual(t, "left", count(t, s), counts{Events: 15 + 101, Attempts: 99, Open: 17})
	pruneAll(t, s, all[1599].AcceptedAt) // finds nothing more
	wantEqual(t, "left", count(t, s), counts{Events: 15 + 101, Attempts: 99, Open: 17})
}

func pruneCounters(of trial) {
	t, s := of.t, of.s
	e := event(7, "wh_1")
	a := attempt(e, "wh_1", switchhook.Delivered)
	r := &switchhook.Reject{SourceID: "src", At: base()}
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{a}, Rejects: []*switchhook.Reject{r}})
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
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{old, recent}})
	pruneAll(t, s, base().Add(time.Hour))
	wantEqual(t, "left", count(t, s), counts{})
	wantEqual(t, "known", must(s.Known(t.Context(), "a", []string{"old", "recent"}))(t), map[string]bool{"recent": true})
}
