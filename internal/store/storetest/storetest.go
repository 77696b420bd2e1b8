// Package storetest is what every store has to keep, as tests: one case a
// promise of package store. It is the place to look up what a store does.
package storetest

import (
	ordered "cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// Run runs all cases on stores that open opens in new directories. The suite
// closes what it opened, and opens some directories twice.
func Run(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	t.Helper()
	RunVolatile(t, func(t *testing.T) store.Store {
		t.Helper()
		return open(t, t.TempDir())
	})
	t.Run("Reopening", func(t *testing.T) {
		t.Parallel()
		reopening(t, open)
	})
}

// RunVolatile runs the cases on new stores that keep nothing when they are
// closed.
func RunVolatile(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases []testCase
	}{
		{"Commit", commitCases()},
		{"Known", knownCases()},
		{"Recover", recoverCases()},
		{"Due", dueCases()},
		{"Events", eventCases()},
		{"Attempts", attemptCases()},
		{"Deliveries", deliveryCases()},
		{"Configuration", configCases()},
		{"Audit", auditCases()},
		{"State", stateCases()},
		{"Prune", pruneCases()},
		{"Keep", keepCases()},
		{"Concurrency", concurrencyCases()},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					s := open(t)
					t.Cleanup(func() {
						if err := s.Close(); err != nil {
							t.Errorf("close: %v", err)
						}
					})
					c.run(trial{t, s})
				})
			}
		})
	}
}

type testCase struct {
	name string
	run  func(trial)
}

// A trial is a test with a store of its own.
type trial struct {
	t *testing.T
	s store.Store
}

// base is the time of the first event of a test: recent, so that ids that were
// given then are still known.
func base() time.Time { return time.Now().UTC().Truncate(time.Hour).Add(-time.Hour) }

// event makes an event of the account "a" with every field set by its sequence.
func event(sequence int64, targets ...string) *switchhook.Event {
	at := base().Add(time.Duration(sequence) * time.Second)
	return &switchhook.Event{
		ID:         fmt.Sprintf("evt_%d", sequence),
		Type:       "call.created",
		AccountID:  "a",
		Key:        fmt.Sprintf("key%d", sequence),
		Sequence:   sequence,
		OccurredAt: at.Add(-1500 * time.Microsecond),
		AcceptedAt: at,
		Source:     "src",
		Data:       []byte(fmt.Sprintf(`{"call":{"id":"leg%d"}}`, sequence)),
		Targets:    targets,
		CallID:     fmt.Sprintf("leg%d", sequence),
	}
}

// events makes the events of the sequences from first to last.
func events(first, last int64, targets ...string) (all []*switchhook.Event) {
	for n := first; n <= last; n++ {
		all = append(all, event(n, targets...))
	}
	return all
}

// attempt makes an attempt to deliver e, the first one, which leaves the
// delivery in the given state.
func attempt(e *switchhook.Event, webhook string, state switchhook.DeliveryState) *switchhook.Attempt {
	a := &switchhook.Attempt{
		ID:         switchhook.NewID(switchhook.PrefixAttempt),
		DeliveryID: switchhook.DeliveryID(e.AccountID, e.ID, webhook),
		EventID:    e.ID,
		EventType:  e.Type,
		AccountID:  e.AccountID,
		WebhookID:  webhook,
		Dialect:    "switchhook",
		Sequence:   e.Sequence,
		Number:     1,
		StartedAt:  e.AcceptedAt.Add(time.Millisecond),
		DurationMS: 12.5,
		Outcome:    switchhook.Success,
		Request: &switchhook.HTTPRequest{
			Method:  "POST",
			URL:     "https://example.com/hook",
			Headers: switchhook.Headers{{Name: "content-type", Value: "application/json"}},
			Body:    `{"id":"` + e.ID + `"}`,
		},
		OwnerID: "above", Response: &switchhook.HTTPResponse{Status: 200, Headers: switchhook.Headers{{Name: "x", Value: "y"}}, Body: "ok", Hidden: true},
		State: state,
	}
	if state != switchhook.Delivered {
		a.Outcome, a.Error, a.Response = switchhook.Failure, "connection refused", nil
	}
	return a
}

// ended makes the record of a delivery's end without an attempt.
func ended(e *switchhook.Event, webhook string, state switchhook.DeliveryState, reason string) *switchhook.Attempt {
	a := attempt(e, webhook, state)
	a.Number, a.Request, a.Response, a.Error, a.DurationMS = 0, nil, nil, reason, 0
	return a
}

func ref(sequence int64, webhook string) switchhook.DeliveryRef {
	return switchhook.DeliveryRef{Sequence: sequence, WebhookID: webhook}
}

// try submits a commit and returns what Done was called with.
func try(t *testing.T, s store.Store, c switchhook.Commit) error {
	t.Helper()
	done := make(chan error, 1)
	c.Done = func(err error) { done <- err }
	s.Submit(&c)
	select {
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("Done was not called within 30 s")
		return nil
	}
}

// commit submits a commit that has to succeed.
func commit(t *testing.T, s store.Store, c switchhook.Commit) {
	t.Helper()
	if err := try(t, s, c); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// must returns what a call that has to succeed returned: must(call())(t).
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode(t *testing.T, err error, code switchhook.Code) {
	t.Helper()
	e, ok := errors.AsType[*switchhook.Error](err)
	if !ok || e.Code != code {
		t.Errorf("error %v, want one of code %s", err, code)
	}
}

// wantEqual compares what a person can tell apart: nil or empty lists are the
// same.
func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(switchhook.Error{})); diff != "" {
		t.Errorf("%s (- want, + got):\n%s", what, diff)
	}
}

// A pageFunc returns one page.
type pageFunc[T any] func(switchhook.Page) ([]T, string, error)

// pages reads a list page by page to its end.
func pages[T any](t *testing.T, limit int, list pageFunc[T]) (all []T) {
	t.Helper()
	p := switchhook.Page{Limit: limit}
	for range 1000 {
		items, next, err := list(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) > limit {
			t.Fatalf("%d items on a page of %d", len(items), limit)
		}
		all = append(all, items...)
		if next == "" {
			return all
		}
		if len(items) == 0 {
			t.Fatal("an empty page says that there is more")
		}
		p.Cursor = next
	}
	t.Fatal("a list without end")
	return nil
}

// names maps a list to what identifies its items.
func names[T, N any](items []T, name func(T) N) []N {
	all := make([]N, len(items))
	for i, item := range items {
		all[i] = name(item)
	}
	return all
}

func listEvents(ctx context.Context, s store.Store, f switchhook.EventFilter) pageFunc[*switchhook.Event] {
	return func(p switchhook.Page) ([]*switchhook.Event, string, error) { return s.Events(ctx, f, p) }
}

func listAttempts(ctx context.Context, s store.Store, f switchhook.AttemptFilter) pageFunc[*switchhook.Attempt] {
	return func(p switchhook.Page) ([]*switchhook.Attempt, string, error) { return s.Attempts(ctx, f, p) }
}

func listDeliveries(ctx context.Context, s store.Store, f switchhook.DeliveryFilter) pageFunc[*switchhook.Delivery] {
	return func(p switchhook.Page) ([]*switchhook.Delivery, string, error) { return s.Deliveries(ctx, f, p) }
}

func sequences(items []*switchhook.Event) []int64 {
	return names(items, func(e *switchhook.Event) int64 { return e.Sequence })
}

// recovered are the deliveries that are open without a row.
func recovered(t *testing.T, s store.Store) (open []switchhook.OpenDelivery) {
	t.Helper()
	err := s.Recover(t.Context(), func(o switchhook.OpenDelivery) error {
		open = append(open, o)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return open
}

// rows are the deliveries that are due, by webhook, strays last.
func rows(t *testing.T, s store.Store) (open []switchhook.OpenDelivery) {
	t.Helper()
	ctx := t.Context()
	counts := backlogs(t, s)
	for _, webhook := range slices.Sorted(maps.Keys(counts)) {
		var of []switchhook.OpenDelivery
		for after := int64(-1); ; {
			page := must(s.Due(ctx, webhook, after, 100))(t)
			of = append(of, page...)
			if len(page) < 100 {
				break
			}
			after = page[99].Event.Sequence
		}
		of = append(of, must(s.Strays(ctx, webhook, base().AddDate(1, 0, 0), 10_000))(t)...)
		if len(of) != counts[webhook] {
			t.Errorf("%d rows of %s, and Backlogs says %d", len(of), webhook, counts[webhook])
		}
		open = append(open, of...)
	}
	return open
}

func backlogs(t *testing.T, s store.Store) map[string]int {
	t.Helper()
	all := make(map[string]int)
	err := s.Backlogs(t.Context(), func(webhook string, rows int) error {
		all[webhook] = rows
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// openDeliveries are all that are open, by sequence and webhook.
func openDeliveries(t *testing.T, s store.Store) []switchhook.OpenDelivery {
	t.Helper()
	return slices.SortedFunc(slices.Values(slices.Concat(recovered(t, s), rows(t, s))), func(a, b switchhook.OpenDelivery) int {
		return ordered.Or(ordered.Compare(a.Event.Sequence, b.Event.Sequence), strings.Compare(a.WebhookID, b.WebhookID))
	})
}

// openRefs are the open deliveries, written as "sequence webhook".
func openRefs(t *testing.T, s store.Store) []string {
	t.Helper()
	return refs(openDeliveries(t, s))
}

func refs(open []switchhook.OpenDelivery) []string {
	return names(open, func(o switchhook.OpenDelivery) string {
		return fmt.Sprintf("%d %s", o.Event.Sequence, o.WebhookID)
	})
}

func snapshots(t *testing.T, s store.Store) map[string]switchhook.Snapshot {
	t.Helper()
	all := make(map[string]switchhook.Snapshot)
	err := s.Snapshots(t.Context(), func(snap switchhook.Snapshot) error {
		all[snap.AccountID+" "+snap.Kind+" "+snap.ID] = snap
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func records(t *testing.T, s store.Store) map[string]switchhook.Record {
	t.Helper()
	all := make(map[string]switchhook.Record)
	err := s.Records(t.Context(), func(r switchhook.Record) error {
		all[r.AccountID+" "+r.Schema+" "+r.ID] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
