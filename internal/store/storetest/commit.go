package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

func commitCases() []testCase {
	return []testCase{
		{"Done is called in the order of submission", doneInOrder},
		{"Done may submit", doneMaySubmit},
		{"nobody needs to ask", nilDone},
		{"after Done everything can be read", readAfterDone},
		{"a commit is there whole or not at all", allOrNothing},
		{"after a failure everything is refused until Resume", refusedUntilResume},
		{"what was submitted before Resume stays refused", refusedBeforeResume},
		{"Resume of a healthy store does nothing", resumeHealthy},
		{"a closed store refuses", closedRefuses},
		{"attempts get rising rows", attemptRows},
		{"sequences rise with the order of submission", lastSequence},
	}
}

func doneInOrder(of trial) {
	t, s := of.t, of.s
	const submitters, each = 4, 100
	// The lock is held over Submit, so that the order is known, and taken by
	// Done, as callers do: Done is never called within Submit.
	var mu sync.Mutex
	var submitted, done []int64
	var all, group sync.WaitGroup
	all.Add(submitters * each)
	for range submitters {
		group.Go(func() {
			for range each {
				mu.Lock()
				n := int64(len(submitted) + 1)
				submitted = append(submitted, n)
				s.Submit(&switchhook.Commit{Events: events(n, n), Done: func(err error) {
					if err != nil {
						t.Errorf("commit %d: %v", n, err)
					}
					mu.Lock()
					done = append(done, n)
					mu.Unlock()
					all.Done()
				}})
				mu.Unlock()
			}
		})
	}
	group.Wait()
	all.Wait()
	if !slices.Equal(submitted, done) {
		t.Errorf("submitted %v, done %v", submitted, done)
	}
}

func doneMaySubmit(of trial) {
	t, s := of.t, of.s
	finished := make(chan error, 1)
	var next func(n int64)
	next = func(n int64) {
		s.Submit(&switchhook.Commit{Events: events(n, n), Done: func(err error) {
			if err != nil || n == 100 {
				finished <- err
				return
			}
			next(n + 1)
		}})
	}
	next(1)
	select {
	case err := <-finished:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("stuck")
	}
}

func nilDone(of trial) {
	t, s := of.t, of.s
	s.Submit(&switchhook.Commit{Events: events(1, 1)})
	commit(t, s, switchhook.Commit{}) // empty, and behind the other one
	if _, err := s.Event(t.Context(), nil, "evt_1"); err != nil {
		t.Error(err)
	}
}

// full is a commit of everything that a commit can hold.
func full(sequence int64) switchhook.Commit {
	e := event(sequence, "wh_1", "wh_2")
	e.Original = original()
	at := e.AcceptedAt
	return switchhook.Commit{
		Events:    []*switchhook.Event{e},
		Attempts:  []*switchhook.Attempt{attempt(e, "wh_1", switchhook.Delivered)},
		Due:       []switchhook.Due{{DeliveryRef: ref(sequence, "wh_2"), At: at.Add(time.Minute)}},
		Gates:     []switchhook.Gate{{WebhookID: fmt.Sprintf("wh_%d", sequence), FailingSince: at}},
		Jobs:      []*switchhook.Job{{ID: fmt.Sprintf("job_%d", sequence), CreatedAt: at}},
		Snapshots: []switchhook.Snapshot{{AccountID: "a", Kind: "call", ID: e.CallID, RootID: e.Key, Data: e.Data, UpdatedAt: at}},
		Records: []switchhook.RecordWrite{{Record: switchhook.Record{
			AccountID: "a", Schema: "numbers", ID: e.ID, Row: []byte(`{"b":1,"a":2}`), CreatedAt: at, UpdatedAt: at,
		}}},
		Rejects: []*switchhook.Reject{{SourceID: "src", At: at, Reason: "not JSON", Method: "POST", URL: "/v1/in/src"}},
	}
}

// counts is how much of everything there is.
type counts struct{ Events, Attempts, Open, Snapshots, Records, Rejects, Gates, Jobs int }

func count(t *testing.T, s store.Store) counts {
	t.Helper()
	ctx := t.Context()
	return counts{
		Events:   len(pages(t, 100, listEvents(ctx, s, switchhook.EventFilter{}))),
		Attempts: len(pages(t, 100, listAttempts(ctx, s, switchhook.AttemptFilter{}))),
		Open:     len(openDeliveries(t, s)),
		Rejects: len(pages(t, 100, func(p switchhook.Page) ([]*switchhook.Reject, string, error) {
			return s.Rejects(ctx, "src", p)
		})),
		Snapshots: len(snapshots(t, s)),
		Records:   len(records(t, s)),
		Gates:     len(must(s.Gates(ctx))(t)),
		Jobs:      len(must(s.Jobs(ctx))(t)),
	}
}

func readAfterDone(of trial) {
	t, s := of.t, of.s
	commit(t, s, full(1))
	wantEqual(t, "after the commit", count(t, s), counts{1, 1, 1, 1, 1, 1, 1, 1})
}

// taken makes the next commits of the id fail: a given id, committed. Its own
// sequence is 1, that of the event which it returns 1000.
func taken(t *testing.T, s store.Store) *switchhook.Event {
	t.Helper()
	e := event(1)
	e.ID, e.IDGiven = "given", true
	commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}})
	again := *e
	again.Sequence = 1000
	return &again
}

func allOrNothing(of trial) {
	t, s := of.t, of.s
	again := taken(t, s)
	before := count(t, s)
	c := full(2)
	c.Events = append(c.Events, again) // last: all the rest could be written
	wantCode(t, try(t, s, c), switchhook.CodeUnavailable)
	wantEqual(t, "after the failed commit", count(t, s), before)
	if err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "after Resume", count(t, s), before)
	commit(t, s, full(2))
	after := counts{before.Events + 1, before.Attempts + 1, before.Open + 1, 1, 1, 1, 1, 1}
	wantEqual(t, "after the good commit", count(t, s), after)
}

func refusedUntilResume(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	again := taken(t, s)
	if err := s.Ping(ctx); err != nil {
		t.Errorf("ping of a healthy store: %v", err)
	}
	first := try(t, s, switchhook.Commit{Events: []*switchhook.Event{again}})
	wantCode(t, first, switchhook.CodeUnavailable)
	for n := range int64(3) {
		err := try(t, s, switchhook.Commit{Events: events(n+2, n+2)})
		if err == nil || err.Error() != first.Error() {
			t.Errorf("refused with %v, want %v", err, first)
		}
	}
	wantCode(t, s.Ping(ctx), switchhook.CodeUnavailable)
	wantCode(t, s.CreateAccount(ctx, &switchhook.Account{ID: "b"}), switchhook.CodeUnavailable)
	if _, err := s.Event(ctx, nil, "given"); err != nil {
		t.Errorf("reading meanwhile: %v", err)
	}
	select {
	case <-s.Broken():
		t.Error("broken, although Resume can help")
	default:
	}
	if err := s.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(ctx); err != nil {
		t.Errorf("ping after Resume: %v", err)
	}
	commit(t, s, switchhook.Commit{Events: events(2, 2)})
	all := pages(t, 10, listEvents(ctx, s, switchhook.EventFilter{}))
	wantEqual(t, "events", sequences(all), []int64{2, 1})
}

func refusedBeforeResume(of trial) {
	t, s := of.t, of.s
	again := taken(t, s)
	results := make(chan error, 100)
	done := func(err error) { results <- err }
	s.Submit(&switchhook.Commit{Events: []*switchhook.Event{again}, Done: done})
	for n := int64(2); n <= 100; n++ {
		s.Submit(&switchhook.Commit{Events: events(n, n), Done: done})
	}
	if err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		wantCode(t, <-results, switchhook.CodeUnavailable)
	}
	commit(t, s, switchhook.Commit{Events: events(2, 100)})
}

func resumeHealthy(of trial) {
	t, s := of.t, of.s
	commit(t, s, full(1))
	if err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	commit(t, s, full(2))
	wantEqual(t, "after Resume", count(t, s), counts{2, 2, 2, 2, 2, 2, 2, 2})
}

func closedRefuses(of trial) {
	t, s := of.t, of.s
	var durable bool
	s.Submit(&switchhook.Commit{Events: events(1, 1), Done: func(err error) { durable = err == nil }})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !durable {
		t.Error("Close did not wait for what was submitted")
	}
	// Not even now is Done called within Submit.
	var mu sync.Mutex
	refused := make(chan error, 1)
	mu.Lock()
	s.Submit(&switchhook.Commit{Events: events(2, 2), Done: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		refused <- err
	}})
	mu.Unlock()
	wantCode(t, <-refused, switchhook.CodeUnavailable)
	wantCode(t, s.CreateAccount(t.Context(), &switchhook.Account{ID: "b"}), switchhook.CodeUnavailable)
	if err := s.Ping(t.Context()); err == nil {
		t.Error("ping of a closed store")
	}
}

func attemptRows(of trial) {
	t, s := of.t, of.s
	var want []int64
	for n := int64(1); n <= 3; n++ {
		e := event(n, "wh_1", "wh_2")
		made := []*switchhook.Attempt{attempt(e, "wh_1", switchhook.Delivered), attempt(e, "wh_2", switchhook.Delivered)}
		commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: made})
		want = append(want, made[0].Row, made[1].Row)
	}
	if !slices.IsSorted(want) || want[0] < 1 || len(slices.Compact(slices.Clone(want))) != len(want) {
		t.Errorf("rows %v do not rise", want)
	}
	listed := pages(t, 4, listAttempts(t.Context(), s, switchhook.AttemptFilter{}))
	slices.Reverse(want)
	wantEqual(t, "rows of the list", names(listed, func(a *switchhook.Attempt) int64 { return a.Row }), want)
}

func lastSequence(of trial) {
	t, s := of.t, of.s
	last := func(want int64) {
		got, err := s.LastSequence(t.Context())
		if err != nil || got != want {
			t.Errorf("last sequence %d, %v, want %d", got, err, want)
		}
	}
	last(0)
	commit(t, s, switchhook.Commit{Events: events(7, 7)})
	last(7)
	for _, c := range []switchhook.Commit{
		{Events: events(5, 5)},
		{Events: events(7, 7)},
		{Events: slices.Concat(events(9, 9), events(8, 8))},
	} {
		wantCode(t, try(t, s, c), switchhook.CodeUnavailable)
		if err := s.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		last(7)
	}
	commit(t, s, switchhook.Commit{Events: events(9, 1009)})
	last(1009)
}
