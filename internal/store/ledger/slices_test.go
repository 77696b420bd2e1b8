package ledger

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

func smallEvent(sequence int64) *switchhook.Event {
	return &switchhook.Event{
		ID: fmt.Sprintf("evt_%d", sequence), Type: "custom.x", AccountID: fmt.Sprintf("acc_%d", sequence%7), Key: fmt.Sprintf("key_%d", sequence/4),
		Sequence: sequence, AcceptedAt: time.Now().UTC().Truncate(time.Microsecond), Targets: []string{"wh_1"}, Data: []byte(`{}`),
	}
}

func smallAttempt(e *switchhook.Event, state switchhook.DeliveryState) *switchhook.Attempt {
	return &switchhook.Attempt{
		ID: fmt.Sprintf("att_%d", e.Sequence), EventID: e.ID, AccountID: e.AccountID, WebhookID: "wh_1", Sequence: e.Sequence,
		Number: 1, StartedAt: e.AcceptedAt, State: state, Outcome: switchhook.Success,
	}
}

// pruned drops history until there is no more to drop.
func pruned(t *testing.T, d *DB, before time.Time) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = d.Prune(t.Context(), before); err != nil {
			t.Fatal(err)
		}
	}
}

// indexAll writes the indexes of all slices that are closed.
func indexAll(t *testing.T, d *DB) {
	t.Helper()
	for _, s := range d.history.all() {
		if !s.closed || s.bits != unindexed {
			continue
		}
		// The store does so by itself, at the same time.
		if err := d.index(t.Context(), s); err != nil && !errors.Is(err, errDropped) {
			t.Fatal(err)
		}
	}
}

// A slice is closed when it is full; its index then lies in the table, and says
// the same as it did in memory, also after a restart.
func TestIndex(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	d, err := OpenForTest(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	// Of three slices, the first has many parts, the second one.
	const many = 6000
	sequences := []int64{store.SliceLength + 1, store.SliceLength + 7, 3 * store.SliceLength}
	for n := int64(1); n <= many; n++ {
		sequences = append(sequences, n)
	}
	var c switchhook.Commit
	for _, n := range append(sequences[3:], sequences[:3]...) {
		e := smallEvent(n)
		state := switchhook.Delivered
		if n%1000 == 0 {
			state = switchhook.Failed
		}
		c.Events, c.Attempts = append(c.Events, e), append(c.Attempts, smallAttempt(e, state))
	}
	if err := d.submit(c); err != nil {
		t.Fatal(err)
	}
	ask := func(when string) {
		t.Helper()
		for i := 0; i < len(sequences); i += 97 {
			e := smallEvent(sequences[i])
			got, err := d.Event(ctx, []string{e.AccountID}, e.ID)
			if err != nil || got.Sequence != e.Sequence {
				t.Fatalf("%s: event %s: %v, %v", when, e.ID, got, err)
			}
			delivery, err := d.Delivery(ctx, nil, switchhook.DeliveryID(e.AccountID, e.ID, "wh_1"))
			if err != nil || delivery.EventID != e.ID || delivery.State == switchhook.Pending {
				t.Fatalf("%s: delivery of %s: %v, %v", when, e.ID, delivery, err)
			}
			a, err := d.Attempt(ctx, nil, fmt.Sprintf("att_%d", e.Sequence))
			if err != nil || a.EventID != e.ID {
				t.Fatalf("%s: attempt of %s: %v, %v", when, e.ID, a, err)
			}
		}
		if _, err := d.Event(ctx, nil, "evt_none"); switchhook.ErrorCode(err) != switchhook.CodeNotFound {
			t.Errorf("%s: no event: %v", when, err)
		}
		call, _, err := d.Events(ctx, switchhook.EventFilter{Key: "key_500"}, switchhook.Page{Limit: 10})
		if err != nil || len(call) != 4 {
			t.Errorf("%s: %d events of a key, %v", when, len(call), err)
		}
		failed, _, err := d.Deliveries(ctx, switchhook.DeliveryFilter{State: switchhook.Failed}, switchhook.Page{Limit: 10})
		if err != nil || len(failed) != many/1000 || failed[0].Sequence != many {
			t.Errorf("%s: %d failed deliveries, %v", when, len(failed), err)
		}
	}
	ask("in memory")
	indexAll(t, d)
	var bits []int
	for _, s := range d.history.all() {
		bits = append(bits, s.bits)
	}
	if len(bits) != 3 || bits[0] < 2 || bits[1] != 0 || bits[2] != unindexed {
		t.Errorf("slices with indexes of %v bits, want some, 0 and none", bits)
	}
	ask("in the table")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = OpenForTest(ctx, dir); err != nil {
		t.Fatal(err)
	}
	ask("after a restart")
}

// What is dropped leaves nothing behind.
func TestDropped(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	for n := int64(1); n <= 4; n++ {
		e := smallEvent(n * store.SliceLength)
		if err := d.submit(switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{smallAttempt(e, switchhook.Failed)}, Watermark: e.Sequence}); err != nil {
			t.Fatal(err)
		}
	}
	// A replay that came too late: its event is about to go, and it is not there.
	late := switchhook.Due{DeliveryRef: switchhook.DeliveryRef{Sequence: 7, WebhookID: "wh_1"}, Replay: true}
	if err := d.submit(switchhook.Commit{Due: []switchhook.Due{late}}); err != nil {
		t.Fatal(err)
	}
	indexAll(t, d)
	pruned(t, d, time.Now().Add(time.Hour))
	for _, table := range []string{"event_blocks", "attempt_blocks", "history_index", "slices", "due"} {
		var n int
		if err := d.db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil || n > 0 {
			t.Errorf("%d rows are left in %s, %v", n, table, err)
		}
	}
	if left := d.history.all(); len(left) > 0 {
		t.Errorf("%d slices are left in memory", len(left))
	}
}

// Space is used again: a store that drops as much as it takes does not grow.
func TestFileDoesNotGrow(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	pages := func() (n int) {
		if err := d.db.QueryRowContext(ctx, "PRAGMA page_count").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	start := time.Now().AddDate(0, 0, -30)
	after := 0
	for day := range int64(20) {
		at := start.AddDate(0, 0, int(day))
		e := bigEvent(day*10 + 1)
		e.AcceptedAt = at
		if err := d.submit(switchhook.Commit{Events: []*switchhook.Event{e}, Watermark: e.Sequence}); err != nil {
			t.Fatal(err)
		}
		pruned(t, d, at.AddDate(0, 0, -3))
		if day == 5 {
			after = pages()
		}
	}
	if now := pages(); now > after+after/10 {
		t.Errorf("%d pages after six days, %d after twenty", after, now)
	}
}

// Snapshots go into their table now and then, and a call that has begun and
// ended meanwhile never does.
func TestSnapshotsAreSaved(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	sequence := int64(0)
	snap := func(id, data string) {
		t.Helper()
		sequence++
		s := switchhook.Snapshot{Kind: "call", ID: id}
		if data != "" {
			s.Data = []byte(data)
		}
		if err := d.submit(switchhook.Commit{Events: []*switchhook.Event{smallEvent(sequence)}, Snapshots: []switchhook.Snapshot{s}}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(kept, saved int) {
		t.Helper()
		n, rows := 0, 0
		err := d.Snapshots(ctx, func(switchhook.Snapshot) error { n++; return nil })
		if err != nil || n != kept {
			t.Errorf("%d snapshots, %v, want %d", n, err, kept)
		}
		if err := d.db.QueryRowContext(ctx, "SELECT count(*) FROM snapshots").Scan(&rows); err != nil || rows != saved {
			t.Errorf("%d of them in the table, %v, want %d", rows, err, saved)
		}
	}
	later := func() { // as the next commit finds it some seconds later
		t.Helper()
		err := d.enqueue(ctx, func(context.Context) error {
			d.w.snapshots.at = d.w.snapshots.at.Add(-saveEvery)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	snap("1", "a")
	snap("2", "a")
	snap("short", "a")
	snap("short", "")
	want(2, 0)
	later()
	snap("3", "a")
	// Once another write had its turn, it is done.
	if err := d.write(ctx, func(context.Context, *writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	want(3, 3)
	snap("1", "")
	want(2, 3)
	later()
	snap("2", "b")
	if err := d.write(ctx, func(context.Context, *writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	want(2, 2)

	// Many go there in parts; what changes meanwhile counts.
	c := switchhook.Commit{Events: []*switchhook.Event{smallEvent(sequence + 1)}}
	for n := range saveAtOnce + 100 {
		c.Snapshots = append(c.Snapshots, switchhook.Snapshot{Kind: "call", ID: fmt.Sprint("many", n), Data: []byte("a")})
	}
	if err := d.submit(c); err != nil {
		t.Fatal(err)
	}
	sequence++
	want(saveAtOnce+102, 2)
	later()
	snap("many0", "") // begins to save
	snap("many1", "") // ends it
	c = switchhook.Commit{Events: []*switchhook.Event{smallEvent(sequence + 1)}}
	for n := 2; n < saveAtOnce+100; n++ {
		c.Snapshots = append(c.Snapshots, switchhook.Snapshot{Kind: "call", ID: fmt.Sprint("many", n)})
	}
	if err := d.submit(c); err != nil {
		t.Fatal(err)
	}
	sequence++
	want(2, saveAtOnce+101) // the first had ended
	later()
	snap("3", "")
	snap("another", "")
	if err := d.write(ctx, func(context.Context, *writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	want(1, 1)
}
