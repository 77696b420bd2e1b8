package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/switchhook/switchhook"
)

// opened is a store in a directory of its own.
func opened(t *testing.T) *DB {
	t.Helper()
	d, err := OpenForTest(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func (d *DB) submit(c switchhook.Commit) error {
	done := make(chan error, 1)
	c.Done = func(err error) { done <- err }
	d.Submit(&c)
	return <-done
}

// bigEvent is one that cannot be packed.
func bigEvent(sequence int64) *switchhook.Event {
	data := make([]byte, 100_000)
	_, _ = rand.Read(data) // documented never to fail
	return &switchhook.Event{
		ID: fmt.Sprintf("evt_%d", sequence), Type: "custom.x", AccountID: "a", Sequence: sequence,
		Data: data,
	}
}

// A full disk, here a database that may have no more pages, refuses everything,
// keeps what was committed, and takes up again when there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	err := d.write(ctx, func(ctx context.Context, w *writer) error {
		_, err := w.tx.Exec(ctx, "PRAGMA max_page_count = 300")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	last := int64(0)
	for err == nil {
		last++
		err = d.submit(switchhook.Commit{Events: []*switchhook.Event{bigEvent(last)}, Watermark: last})
	}
	cause, ok := errors.AsType[*driver.Error](err)
	if switchhook.ErrorCode(err) != switchhook.CodeUnavailable || !ok || cause.Code() != codes.SQLITE_FULL {
		t.Fatalf("error %v, want an unavailable one because of SQLITE_FULL", err)
	}
	select {
	case <-d.Broken():
		t.Error("broken")
	default:
	}
	if n, err := d.LastSequence(ctx); err != nil || n != last-1 {
		t.Errorf("last sequence %d, %v, want %d", n, err, last-1)
	}
	if err := d.submit(switchhook.Commit{}); !errors.Is(err, cause) {
		t.Errorf("the next commit: %v", err)
	}
	// Resume connects anew, and the limit was one of the connection.
	if err := d.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	if err := d.submit(switchhook.Commit{Events: []*switchhook.Event{bigEvent(last)}}); err != nil {
		t.Error(err)
	}
}

// A write that is refused for its own sake leaves the store as it was.
func TestRefusedWrite(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	err := d.write(ctx, func(ctx context.Context, w *writer) error {
		if _, err := w.tx.Exec(ctx, "DELETE FROM meta"); err != nil {
			return err
		}
		_, err := w.tx.Exec(ctx, "INSERT INTO nowhere VALUES (1)")
		return err
	})
	if switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
		t.Errorf("error %v", err)
	}
	if err := d.Ping(ctx); err != nil {
		t.Error(err)
	}
	if err := d.submit(switchhook.Commit{Events: []*switchhook.Event{bigEvent(1)}}); err != nil {
		t.Error(err)
	}
}

// No question that the engine asks often may read what is due of others, or
// sort it.
func TestPlans(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	for text, want := range map[string]string{
		nextDue:       "SEARCH due USING PRIMARY KEY (webhook_id=? AND seq>?)\n",
		nextStrays:    "SEARCH due USING INDEX due_stray (webhook_id=? AND at<?)\n",
		lanes:         "SEARCH due USING PRIMARY KEY (webhook_id=?)\n",
		nextOfReplays: "SEARCH due USING COVERING INDEX due_replay (seq>?)\n",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			plan := ""
			err := each(ctx, d.db, func(scan scan) error {
				var id, parent, unused int
				var detail string
				err := scan(&id, &parent, &unused, &detail)
				plan += detail + "\n"
				return err
			}, "EXPLAIN QUERY PLAN "+text, "w", 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			if plan != want {
				t.Errorf("%s is answered so:\n%s", text, plan)
			}
		})
	}
}

// The promises rest on these settings, of the first connection and of the one
// after Resume.
func TestSettings(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	for _, reopen := range []bool{false, true} {
		err := d.enqueue(ctx, func(ctx context.Context) error {
			if reopen {
				if err := d.w.reopen(ctx); err != nil {
					return err
				}
			}
			for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
				var got string
				if err := d.w.conn.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("%s is %s, %v, want %s", pragma, got, err, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	var n int
	if err := d.db.QueryRowContext(ctx, "INSERT INTO event_ids VALUES ('a', 'b', 1) RETURNING 1").Scan(&n); err == nil {
		t.Error("a reading connection can write")
	}
}
