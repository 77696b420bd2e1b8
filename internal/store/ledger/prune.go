package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// What one call of Prune deletes: little enough that the commits which wait
// behind it do not notice.
const (
	pruneRows   = 500 // of what is kept in rows
	pruneBlocks = 32
)

// Prune drops what is older than before, a bounded part of it. Slices of history
// go whole, the oldest first; ids that clients gave, once they have expired. Then it cuts
// out those accounts that keep less.
func (d *DB) Prune(ctx context.Context, before time.Time) (more bool, err error) {
	if all := d.history.all(); len(all) > 0 && all[0].to < micros(before) {
		if err := d.enqueue(ctx, d.saveAll); err != nil {
			return false, err
		}
	}
	var dropped *slice
	err = d.writeWhole(ctx, func(ctx context.Context, w *writer) error {
		if dropped, more, err = w.pruneSlice(ctx, micros(before)); more || err != nil {
			return err
		}
		for _, statement := range []struct {
			text string
			args []any
		}{
			{"DELETE FROM rejects WHERE id IN (SELECT id FROM rejects ORDER BY id LIMIT ?) AND at < ?", []any{pruneRows, micros(before)}},
			{"DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?) AND at < ?", []any{pruneRows, micros(before)}},
			{"DELETE FROM sessions WHERE expires_at < ?", []any{micros(time.Now())}},
			{"DELETE FROM jobs WHERE ended_at <> ? AND ended_at < ?", []any{noTime, micros(before)}},
			{`DELETE FROM event_ids WHERE (account_id, id) IN
				(SELECT account_id, id FROM event_ids WHERE expires_at <= ? LIMIT ?)`, []any{micros(time.Now()), pruneRows}},
		} {
			n, err := w.tx.Exec(ctx, statement.text, statement.args...)
			if err != nil {
				return err
			}
			more = more || n >= pruneRows
		}
		return nil
	}, func() {
		d.recent.forget()
		if dropped != nil {
			d.history.drop(dropped)
		}
	})
	if more || err != nil {
		return more, err
	}
	return d.cut(ctx)
}

// pruneSlice deletes a part of the oldest slice if it can go. dropped is set
// with the last part of it.
func (w *writer) pruneSlice(ctx context.Context, before int64) (dropped *slice, more bool, err error) {
	all := w.history.all()
	if len(all) == 0 || all[0].to >= before {
		return nil, false, nil
	}
	s := all[0]
	if open, err := w.isOpen(ctx, s); open || err != nil {
		return nil, false, err
	}
	if s.firstEvent <= w.lastSequence && min(s.endEvent-1, w.lastSequence) > w.snapshots.upto {
		return nil, true, nil // the snapshots beside its events are not in the table yet
	}
	if w.db.DropsDays() {
		// Nobody looks for what is of no slice; it goes with the last slice of its day.
		// The days need not rise: a clock may have been set back.
		if !slices.ContainsFunc(all[1:], func(other *slice) bool { return other.day() == s.day() }) {
			err = w.db.DropDay(ctx, w.tx, s.day())
		}
		if err == nil {
			err = w.tx.Put(ctx, "DELETE FROM history_index WHERE part >= ? AND part < ?", s.n<<8, (s.n+1)<<8)
		}
	} else {
		if w.keeping.get() == nil {
			err = w.tx.Leave(ctx)
		}
		if err == nil {
			more, err = w.pruneBlocks(ctx, s)
		}
	}
	if more || err != nil {
		return nil, more, err
	}
	// Replays that came too late.
	if err := w.tx.Put(ctx, "DELETE FROM due WHERE replay = 1 AND seq < ?", min(s.endEvent, w.lastSequence+1)); err != nil {
		return nil, false, err
	}
	return s, true, w.tx.Put(ctx, "DELETE FROM slices WHERE n = ?", s.n)
}

func (w *writer) pruneBlocks(ctx context.Context, s *slice) (more bool, err error) {
	for _, t := range [...]struct {
		table, key string
		first, end int64
	}{
		// First the events: their attempts say how their deliveries stand.
		{"event_blocks", "first", s.firstEvent, s.endEvent},
		{"attempt_blocks", "first", s.firstAttempt, s.endAttempt},
		{"history_index", "part", s.n << 8, (s.n + 1) << 8},
	} {
		n, err := w.tx.Exec(ctx, fmt.Sprintf(`DELETE FROM %[1]s WHERE %[2]s IN
			(SELECT %[2]s FROM %[1]s WHERE %[2]s >= ? AND %[2]s < ? ORDER BY %[2]s LIMIT ?)`, t.table, t.key), t.first, t.end, pruneBlocks)
		if n == pruneBlocks || err != nil {
			return true, err
		}
	}
	return false, nil
}

// isOpen reports whether an event of a slice has an open delivery.
func (w *writer) isOpen(ctx context.Context, s *slice) (open bool, err error) {
	last := min(s.endEvent-1, w.lastSequence)
	if last >= s.firstEvent && last > w.watermark {
		return true, nil
	}
	webhooks, err := dueWebhooks(ctx, w.tx)
	if err != nil {
		return false, err
	}
	for _, webhook := range webhooks {
		err := w.tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM due WHERE webhook_id = ? AND seq >= ? AND seq <= ?)", webhook, s.firstEvent, last).Scan(&open)
		if open || err != nil {
			return true, err
		}
	}
	return false, nil
}
