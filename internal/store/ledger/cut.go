package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// Accounts that keep less history than others, and those that were deleted, are cut out
// of it. A slice is looked into once all in it is too old for an account: the blocks that
// its index has of the account are written anew without its records, and then the index
// without their terms. So a block is written anew once for each of the times for which
// accounts keep history, and accounts that keep as much as the server cost nothing.
//
// Each step can be done again: what is gone is not found, an account's place in
// account_cuts moves after its records are gone, and slices.stale says that an index has to
// follow its blocks. That is all that a crash needs.

// cuts is what steps leave for those after them. Only Prune uses it.
type cuts struct {
	mu    sync.Mutex // held by a step
	dirty bool       // something was erased since the last sweep, maybe by a process before
	days  map[int64]bool
	began bool
}

// cut does a step: more reports whether there is another.
func (d *DB) cut(ctx context.Context) (more bool, err error) {
	d.cuts.mu.Lock()
	defer d.cuts.mu.Unlock()
	all := d.history.all()
	if i := slices.IndexFunc(all, func(s *slice) bool { return s.stale }); i >= 0 {
		d.erased(all[i])
		return true, d.reindex(ctx, all[i])
	}
	keeps, now := d.keeping.get(), time.Now()
	if keeps == nil {
		return false, d.sweep(ctx)
	}
	if !d.cuts.began {
		d.cuts.began, d.cuts.dirty = true, true
	}
	s, accounts := d.keeping.next(all, now)
	switch {
	case s == nil:
	case s.bits == unindexed: // another goroutine is at it
		if err := d.index(ctx, s); err != nil && !errors.Is(err, errDropped) {
			return false, err
		}
		return true, nil
	default:
		waits, err := d.cutSlice(ctx, s, accounts)
		if err == nil {
			d.keeping.cutUpTo(s, accounts, waits)
		}
		return err == nil, err
	}
	if closed, err := d.closeIdle(ctx, keeps, now); closed || err != nil {
		return closed, err
	}
	if more, err = d.cutRows(ctx, keeps, now); more || err != nil {
		return more, err
	}
	return false, d.sweep(ctx)
}

func (d *DB) erased(s *slice) {
	if d.cuts.days == nil {
		d.cuts.days = make(map[int64]bool)
	}
	d.cuts.dirty, d.cuts.days[s.day()] = true, true
}

// sweep ends a pass.
func (d *DB) sweep(ctx context.Context) error {
	d.keeping.mu.Lock()
	clear(d.keeping.waits)
	d.keeping.mu.Unlock()
	if !d.cuts.dirty {
		return nil
	}
	days := make([]int64, 0, len(d.cuts.days))
	for day := range d.cuts.days {
		days = append(days, day)
	}
	if err := d.db.Sweep(ctx, days); err != nil {
		return fmt.Errorf("clear away what was taken out of the history: %w", err)
	}
	d.cuts.dirty, d.cuts.days = false, nil
	return nil
}

// termsOf are those of accounts.
func termsOf(kind string, accounts []string) []uint32 {
	terms := make([]uint32, len(accounts))
	for i, id := range accounts {
		terms[i] = term(kind, id)
	}
	return terms
}

// cutSlice takes accounts out of the blocks of a slice. What has something open stays: waits
// says of whom.
func (d *DB) cutSlice(ctx context.Context, s *slice, accounts []string) (waits map[string]bool, err error) {
	events, err := d.lookup(ctx, s, termsOf(eventAccount, accounts))
	if err != nil {
		return nil, err
	}
	attempts, err := d.lookup(ctx, s, termsOf(attemptAccount, accounts))
	if err != nil || len(events)+len(attempts) == 0 {
		return nil, err
	}
	// What lies beside the events is of no use once the snapshots are in their table.
	if err := d.enqueue(ctx, d.saveAll); err != nil {
		return nil, err
	}
	c := &cutting{d: d, slice: s, of: make(map[string]bool), waits: make(map[string]bool)}
	for _, id := range accounts {
		c.of[id] = true
	}
	if err := c.readOpen(ctx); err != nil {
		return nil, err
	}
	if err := c.blocks(ctx, &eventBlocks, events); err != nil {
		return nil, err
	}
	if err := c.blocks(ctx, &attemptBlocks, attempts); err != nil {
		return nil, err
	}
	if err := c.logs(ctx); err != nil {
		return nil, err
	}
	return c.waits, nil
}

// A cutting is under way in a slice.
type cutting struct {
	d         *DB
	slice     *slice
	of        map[string]bool
	waits     map[string]bool
	due       map[int64]bool
	watermark int64
}

func (c *cutting) readOpen(ctx context.Context) (err error) {
	c.due = make(map[int64]bool)
	if c.watermark, err = c.d.watermark(ctx); err != nil {
		return err
	}
	webhooks, err := dueWebhooks(ctx, c.d.db)
	if err != nil {
		return err
	}
	for _, webhook := range webhooks {
		err := each(ctx, c.d.db, func(scan scan) error {
			var sequence int64
			err := scan(&sequence)
			c.due[sequence] = true
			return err
		}, "SELECT seq FROM due WHERE webhook_id = ? AND seq >= ? AND seq < ?", webhook, min(c.slice.firstEvent, c.slice.low), c.slice.endEvent)
		if err != nil {
			return fmt.Errorf("read what is due: %w", err)
		}
	}
	return nil
}

// goes reports whether a record is to be taken out.
func (c *cutting) goes(record []byte, accountOf func([]byte) string) bool {
	if len(record) == 0 {
		return false
	}
	account := accountOf(record)
	if !c.of[account] {
		return false
	}
	if n := sequenceOf(record); n > c.watermark || c.due[n] {
		c.waits[account] = true
		return false
	}
	return true
}

// blocks cuts some of a slice's blocks, which nobody else changes meanwhile.
func (c *cutting) blocks(ctx context.Context, t *table, distances []int64) error {
	start, _ := t.bounds(c.slice)
	for some := range slices.Chunk(distances, blocksAtOnce) {
		var bodies []cutBody
		for _, at := range some {
			blocks, err := c.d.blocks(ctx, walk{table: t}, c.slice, "first = ?", start+at)
			if err != nil {
				return err
			}
			for _, b := range blocks {
				if body, changed := c.without(t, b); changed {
					bodies = append(bodies, cutBody{b.first, body})
				}
			}
		}
		if len(bodies) == 0 {
			continue
		}
		c.d.erased(c.slice)
		if err := c.d.writeWhole(ctx, func(ctx context.Context, w *writer) error { return w.putCut(ctx, t, c.slice, bodies) }, func() {
			c.d.history.cut(c.slice.n)
			c.d.recent.forget()
		}); err != nil {
			return fmt.Errorf("take accounts out of slice %d: %w", c.slice.n, err)
		}
	}
	return nil
}

// A cutBody is what is left of a block: nil is nothing.
type cutBody struct {
	first int64
	body  []byte
}

// without packs a block again, without what goes. The place of an attempt is its row, so an
// empty record stays in its place.
func (c *cutting) without(t *table, b *block) (body []byte, changed bool) {
	var rest []byte
	left := 0
	for _, record := range b.records {
		if c.goes(record, t.accountOf) {
			changed, record = true, nil
		}
		if len(record) > 0 {
			left++
		} else if t != &attemptBlocks {
			continue
		}
		rest = append(binary.AppendUvarint(rest, uint64(len(record))), record...)
	}
	if !changed || left == 0 {
		return nil, changed
	}
	return append([]byte{packedCut}, s2.Encode(nil, rest)...), true
}

// putCut puts bodies in place of those that are there.
func (w *writer) putCut(ctx context.Context, t *table, s *slice, bodies []cutBody) error {
	if err := w.tx.Put(ctx, "UPDATE slices SET stale = 1 WHERE n = ?", s.n); err != nil {
		return err
	}
	update := "UPDATE " + t.name + " SET body = ? WHERE day = ? AND first = ?"
	if t == &eventBlocks {
		update = "UPDATE event_blocks SET body = ?, snapshots = NULL WHERE day = ? AND first = ?"
	}
	for _, b := range bodies {
		var err error
		if b.body == nil {
			err = w.tx.Put(ctx, "DELETE FROM "+t.name+" WHERE day = ? AND first = ?", s.day(), b.first)
		} else {
			err = w.tx.Put(ctx, update, b.body, s.day(), b.first)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// logs clears what lies of snapshots beside the events of a slice. A transaction that went
// on into the next slice has it there, beside its last events.
func (c *cutting) logs(ctx context.Context) error {
	s := c.slice
	for more := true; more; {
		err := c.d.writeWhole(ctx, func(ctx context.Context, w *writer) error {
			n, err := w.tx.Exec(ctx, `UPDATE event_blocks SET snapshots = NULL WHERE day = ? AND first IN (SELECT first FROM event_blocks
				WHERE day = ? AND first >= ? AND first < ? AND snapshots IS NOT NULL ORDER BY first LIMIT ?)`, s.day(), s.day(), s.firstEvent, s.endEvent, pruneBlocks)
			if more = n == pruneBlocks; more || err != nil {
				return err
			}
			next := c.d.history.of(s.endEvent)
			if next == nil {
				return nil
			}
			_, err = w.tx.Exec(ctx, `UPDATE event_blocks SET snapshots = NULL WHERE day = ? AND first = (SELECT min(first) FROM event_blocks
				WHERE day = ? AND first >= ? AND first <= (SELECT snapshots_at FROM meta) AND snapshots IS NOT NULL)`, next.day(), next.day(), s.endEvent)
			return err
		}, func() {})
		if err != nil {
			return fmt.Errorf("clear the snapshots beside the events of slice %d: %w", s.n, err)
		}
	}
	return nil
}

// closeIdle closes the open slice where it has something of accounts that were deleted, or
// of which all in it is too old: without a new event nobody else would.
func (d *DB) closeIdle(ctx context.Context, keeps store.Keeps, now time.Time) (closed bool, err error) {
	all := d.history.all()
	if len(all) == 0 || all[len(all)-1].closed {
		return false, nil
	}
	open := all[len(all)-1]
	var accounts []string
	for id := range keeps {
		if keeps.Gone(id, fromMicros(open.to), now) {
			accounts = append(accounts, id)
		}
	}
	if len(accounts) == 0 || !openHas(open, accounts) {
		return false, nil
	}
	// The goroutine that indexes it outlives the call.
	lasting := context.WithoutCancel(ctx)
	err = d.writeWhole(ctx, func(ctx context.Context, w *writer) error {
		if w.history.last().n != open.n {
			return nil
		}
		return w.openSlice(ctx, w.lastSequence+1, w.lastAttempt+1, micros(now))
	}, func() { d.indexClosed(lasting) })
	return err == nil, err
}

// openHas reports whether the open slice may have something of accounts.
func openHas(open *slice, accounts []string) bool {
	w := newWanted(slices.Concat(termsOf(eventAccount, accounts), termsOf(attemptAccount, accounts)))
	return slices.ContainsFunc(open.entries, func(e entry) bool { return w.has(e.term()) })
}

// cutRows deletes what is kept in rows, and writes how far all was cut.
func (d *DB) cutRows(ctx context.Context, keeps store.Keeps, now time.Time) (more bool, err error) {
	var deleted []string
	for id, keep := range keeps {
		if keep == 0 {
			deleted = append(deleted, id)
		}
	}
	all := d.history.all()
	over := d.keeping.over(all, now)
	if n := len(all); n > 0 && !all[n-1].closed {
		over = slices.DeleteFunc(over, func(id string) bool { return openHas(all[n-1], []string{id}) })
	}
	var moved []string
	var erased bool
	err = d.writeWhole(ctx, func(ctx context.Context, w *writer) error {
		n, err := w.cutBelongings(ctx, deleted)
		if err != nil {
			return err
		}
		many, err := w.cutRejects(ctx, keeps, now)
		if err != nil {
			return err
		}
		jobs, err := w.cutJobs(ctx, keeps, now)
		if err != nil {
			return err
		}
		more, erased = n >= pruneRows || many, n > 0 || many || jobs
		if moved, err = w.putMoved(ctx); err != nil || more {
			return err
		}
		more = len(moved) == pruneRows
		for _, id := range over {
			if err := w.tx.Put(ctx, "UPDATE deleted_accounts SET gone = 1 WHERE id = ?", id); err != nil {
				return err
			}
			if err := w.tx.Put(ctx, "DELETE FROM account_cuts WHERE account_id = ?", id); err != nil {
				return err
			}
		}
		return nil
	}, func() {
		d.keeping.written(moved)
		if !more {
			d.keeping.forget(over)
		}
	})
	d.cuts.dirty = d.cuts.dirty || erased
	return more, err
}

// cutBelongings deletes what deleted accounts have in rows.
func (w *writer) cutBelongings(ctx context.Context, deleted []string) (n int64, err error) {
	if len(deleted) == 0 {
		return 0, nil
	}
	const of = " WHERE account_id IN (SELECT value FROM json_each(?) AS text)"
	snapshots, err := w.tx.Exec(ctx, "DELETE FROM snapshots"+of, list(deleted))
	if err != nil {
		return 0, err
	}
	n, err = w.tx.Exec(ctx, "DELETE FROM event_ids WHERE (account_id, id) IN (SELECT account_id, id FROM event_ids"+of+" LIMIT ?)", list(deleted), pruneRows)
	return max(n, min(snapshots, 1)), err
}

// cutRejects deletes what sources of accounts could not read.
func (w *writer) cutRejects(ctx context.Context, keeps store.Keeps, now time.Time) (many bool, err error) {
	cutoffs := make(map[string]int64) // by source
	err = each(ctx, w.tx, func(scan scan) error {
		var id, doc string
		if err := scan(&id, &doc); err != nil {
			return err
		}
		var s switchhook.Source
		if err := fromJSON("source "+id, doc, &s); err != nil {
			return err
		}
		if keep, shorter := keeps[s.AccountID]; shorter {
			cutoffs[id] = micros(now.Add(-keep))
		}
		return nil
	}, "SELECT id, doc FROM sources")
	if err != nil {
		return false, err
	}
	for id, cutoff := range cutoffs {
		n, err := w.tx.Exec(ctx, "DELETE FROM rejects WHERE id IN (SELECT id FROM rejects WHERE source_id = ? ORDER BY id LIMIT ?) AND at < ?", id, pruneRows, cutoff)
		if err != nil {
			return false, err
		}
		many = many || n >= pruneRows
	}
	return many, nil
}

// cutJobs deletes jobs that have ended.
func (w *writer) cutJobs(ctx context.Context, keeps store.Keeps, now time.Time) (some bool, err error) {
	var gone []string
	err = each(ctx, w.tx, func(scan scan) error {
		var id, doc string
		if err := scan(&id, &doc); err != nil {
			return err
		}
		var j switchhook.Job
		if err := fromJSON("job "+id, doc, &j); err != nil {
			return err
		}
		if keeps.Gone(j.AccountID, j.EndedAt, now) {
			gone = append(gone, id)
		}
		return nil
	}, "SELECT id, doc FROM jobs WHERE ended_at <> ?", noTime)
	if err != nil || len(gone) == 0 {
		return false, err
	}
	return true, w.tx.Put(ctx, "DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?) AS text)", list(gone))
}
