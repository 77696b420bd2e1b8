package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// keptHistory fills a store with three closed slices and an open one. Every fifth event of
// most blocks is short's, some blocks are its alone, and others have nothing of it.
func keptHistory(t *testing.T, d *DB) (last int64) {
	t.Helper()
	ctx := t.Context()
	for _, id := range []string{"short", "long"} {
		if err := d.CreateAccount(ctx, &switchhook.Account{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now().AddDate(0, 0, -9).UTC().Truncate(time.Microsecond)
	for n := range int64(100) {
		c := switchhook.Commit{}
		for i := range int64(10) {
			e := smallEvent(n/30*store.SliceLength + n*10 + i + 1)
			e.AccountID, e.AcceptedAt = "long", start.Add(time.Duration(n/30)*48*time.Hour+time.Duration(n)*time.Minute)
			if n%10 == 3 || n%10 < 7 && i%5 == 0 {
				e.AccountID = "short"
			}
			state := switchhook.Delivered
			if i == 5 {
				state = switchhook.Failed
			}
			c.Events, c.Attempts = append(c.Events, e), append(c.Attempts, smallAttempt(e, state))
			c.Snapshots = append(c.Snapshots, switchhook.Snapshot{AccountID: e.AccountID, Kind: "call", ID: e.Key, Data: []byte(`{}`)})
			c.Watermark, last = e.Sequence, e.Sequence
		}
		if err := d.submit(c); err != nil {
			t.Fatal(err)
		}
	}
	indexAll(t, d)
	return last
}

// records are the bytes of all records: of events by their sequence, of attempts by minus
// their row.
func (d *DB) records(t *testing.T) map[int64][]byte {
	t.Helper()
	all := make(map[int64][]byte)
	for _, table := range []*table{&eventBlocks, &attemptBlocks} {
		err := each(t.Context(), d.db, func(scan scan) error {
			b, err := scanBlock(scan)
			if err != nil {
				return err
			}
			for i, record := range b.records {
				switch {
				case len(record) == 0:
				case table == &eventBlocks:
					all[sequenceOf(record)] = record
				default:
					all[-b.first-int64(i)] = record
				}
			}
			return nil
		}, "SELECT "+table.columns+" FROM "+table.name)
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func withoutShort(records map[int64][]byte) map[int64][]byte {
	records = maps.Clone(records)
	maps.DeleteFunc(records, func(key int64, record []byte) bool {
		if key < 0 {
			return accountOfAttempt(record) == "short"
		}
		return accountOfEvent(record) == "short"
	})
	return records
}

// wantIndexed checks that the index of each closed slice is exactly that of its blocks.
func wantIndexed(t *testing.T, d *DB) {
	t.Helper()
	for _, s := range d.history.all() {
		if !s.closed {
			continue
		}
		if s.stale || s.bits == unindexed {
			t.Errorf("slice %d: stale %v, %d bits", s.n, s.stale, s.bits)
			continue
		}
		fresh := *s
		if err := fresh.rebuild(t.Context(), d.db); err != nil {
			t.Fatal(err)
		}
		slices.Sort(fresh.entries)
		var got []entry
		for part := range 1 << s.bits {
			body, err := d.readPart(t.Context(), s, part)
			if err != nil {
				t.Fatal(err)
			}
			for ; len(body) > 0; body = body[entrySize:] {
				got = append(got, newEntry(binary.BigEndian.Uint32(body), int64(binary.BigEndian.Uint16(body[4:]))))
			}
		}
		if want := slices.Compact(fresh.entries); !slices.Equal(got, want) {
			t.Errorf("slice %d has %d entries in its index, its blocks have %d", s.n, len(got), len(want))
		}
	}
}

// Two accounts share blocks: of the one that keeps less nothing is left, in blocks or
// indexes, and the other's records are the same bytes in the same places. A kill at any
// moment changes nothing of that.
func TestCut(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	keptHistory(t, d)
	before := d.records(t)
	blocks := func() (n int) {
		if err := d.db.QueryRowContext(ctx, "SELECT count(*) FROM event_blocks WHERE snapshots IS NOT NULL").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := blocks(); n != 100 {
		t.Fatalf("%d blocks with snapshots", n)
	}
	if err := d.UpdateAccount(ctx, &switchhook.Account{ID: "short", Retention: switchhook.Duration(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	var killed []string
	err := d.enqueue(ctx, func(context.Context) error {
		d.w.conn = killing{d.w.conn, func() { killed = append(killed, copyOf(t, d.db.Name())) }}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	month := time.Now().AddDate(0, 0, -30)
	pruned(t, d, month)
	if len(killed) < 20 {
		t.Errorf("the pass has %d transactions: too few to be told apart", len(killed))
	}
	want := withoutShort(before)
	if len(want) == len(before) {
		t.Fatal("nothing of the short account was there")
	}
	check := func(when string, d *DB) {
		t.Helper()
		if got := d.records(t); !maps.EqualFunc(want, got, bytes.Equal) {
			t.Errorf("%s: %d records, want %d; of short %d", when, len(got), len(want), len(got)-len(withoutShort(got)))
		}
		wantIndexed(t, d)
	}
	check("cut", d)
	if n := blocks(); n != 0 {
		t.Errorf("snapshots lie beside %d blocks", n)
	}
	for i := 0; i < len(killed)-1; i += 3 {
		again, err := OpenForTest(ctx, killed[i])
		if err != nil {
			t.Fatal(err)
		}
		pruned(t, again, month)
		check(fmt.Sprintf("killed after %d of %d transactions", i+1, len(killed)), again)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// Whoever keeps nothing for less has nothing done for it.
	if err := d.UpdateAccount(ctx, &switchhook.Account{ID: "short"}); err != nil {
		t.Fatal(err)
	}
	n := len(killed)
	pruned(t, d, month)
	if len(killed) != n+1 { // what Prune always looks for
		t.Errorf("a pass for nobody has %d transactions", len(killed)-n)
	}
}

// A deleted account's history is over once nothing is left of it, and is then no more work.
func TestCutIsOver(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d := opened(t)
	last := keptHistory(t, d)
	if err := d.DeleteAccounts(ctx, []string{"short"}); err != nil {
		t.Fatal(err)
	}
	month := time.Now().AddDate(0, 0, -30)
	pruned(t, d, month)
	if got := d.records(t); len(withoutShort(got)) != len(got) {
		t.Error("something is left")
	}
	if d.keeping.get() == nil {
		t.Error("it is over too soon: something may come of what was under way")
	}
	// Something does.
	e := smallEvent(last + 1)
	e.AccountID = "short"
	if err := d.submit(switchhook.Commit{Events: []*switchhook.Event{e}, Watermark: e.Sequence}); err != nil {
		t.Fatal(err)
	}
	later := func() {
		d.keeping.change(func() { d.keeping.deleted["short"] = time.Now().Add(-2 * settled) })
	}
	later()
	pruned(t, d, month)
	if got := d.records(t); len(withoutShort(got)) != len(got) {
		t.Error("something is left of what came late")
	}
	if d.keeping.get() != nil {
		t.Error("it is not over")
	}
	wantIndexed(t, d)
	dir := d.db.Name()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OpenForTest(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.keeping.get() != nil {
		t.Error("it is not over after a restart")
	}
}

// killing is a connection with a kill after each transaction.
type killing struct {
	Conn
	kill func()
}

func (k killing) Transact(ctx context.Context, fn func(Tx) error) error {
	err := k.Conn.Transact(ctx, fn)
	k.kill()
	return err
}

// copyOf is what a kill would leave of a directory.
func copyOf(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range []string{"switchhook.db", "switchhook.db-wal", "master.key"} {
		b, err := os.ReadFile(filepath.Join(from, f))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f), b, 0o600)
		}
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	}
	return dir
}
