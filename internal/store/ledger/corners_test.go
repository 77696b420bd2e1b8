package ledger

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
)

// An attempt may open a new slice after the last event of a transaction: what the
// transaction changed of snapshots is written all the same.
func TestSnapshotsAreLoggedThoughASliceBegins(t *testing.T) {
	t.Parallel()
	d := opened(t)
	e1 := smallEvent(1)
	a := smallAttempt(e1, switchhook.Delivered)
	a.StartedAt = e1.AcceptedAt.Add(7 * time.Hour) // or the 65,536th attempt of the slice
	if err := d.submit(switchhook.Commit{
		Events: []*switchhook.Event{e1}, Attempts: []*switchhook.Attempt{a},
		Snapshots: []switchhook.Snapshot{{AccountID: "a", Kind: "call", ID: "c1", RootID: "c1", Data: []byte(`{"id":"c1"}`), UpdatedAt: e1.AcceptedAt}},
	}); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := d.Snapshots(t.Context(), func(switchhook.Snapshot) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d snapshots of 1 (%v)", n, err)
	}
	// kill -9: what is on the disk now
	dir := t.TempDir()
	for _, f := range []string{"switchhook.db", "switchhook.db-wal", "master.key"} {
		if b, err := os.ReadFile(filepath.Join(d.db.Name(), f)); err == nil {
			if err := os.WriteFile(filepath.Join(dir, f), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	again, err := OpenForTest(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	n = 0
	if err := again.Snapshots(t.Context(), func(switchhook.Snapshot) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("after a crash: %d snapshots of 1 (%v)", n, err)
	}
}

// A row whose event was pruned makes an answer short, and short means the end.
func TestDueIsNotShortBeforeTheEnd(t *testing.T) {
	t.Parallel()
	d := opened(t)
	c := &switchhook.Commit{Watermark: 10}
	for n := int64(1); n <= 10; n++ {
		if err := d.submit(switchhook.Commit{Events: []*switchhook.Event{smallEvent(n)}}); err != nil {
			t.Fatal(err)
		}
		c.Due = append(c.Due, switchhook.Due{DeliveryRef: switchhook.DeliveryRef{Sequence: n, WebhookID: "wh_1"}, Lane: 1, Replay: true})
	}
	if err := d.submit(*c); err != nil {
		t.Fatal(err)
	}
	// What Prune has done when a replay comes in the midst of it.
	if err := d.write(t.Context(), func(ctx context.Context, w *writer) error {
		_, err := w.tx.Exec(ctx, "DELETE FROM event_blocks WHERE first = 1")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	open, err := d.Due(t.Context(), "wh_1", 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(open) < 5 {
		t.Errorf("%d rows of 5 wanted, though there are more: the engine takes that for the end and forgets the rest", len(open))
	}
}
