package ledger

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/switchhook/switchhook"
)

// PutCounts puts counts in place of those of the same step and time, and deletes those
// without a body.
func (d *DB) PutCounts(ctx context.Context, counts []switchhook.StoredCounts) error {
	rows := make([][]any, len(counts))
	for i, c := range counts {
		rows[i] = []any{int64(c.Step / time.Second), micros(c.At)}
		if c.Body != nil {
			rows[i] = append(rows[i], bytes.Clone(c.Body))
		}
	}
	return d.write(ctx, func(ctx context.Context, w *writer) error {
		for _, row := range rows {
			text := "DELETE FROM counts WHERE step = ? AND at = ?"
			if len(row) == 3 {
				text = "INSERT INTO counts (step, at, body) VALUES (?, ?, ?) ON CONFLICT (step, at) DO UPDATE SET body = excluded.body"
			}
			if err := w.tx.Put(ctx, text, row...); err != nil {
				return fmt.Errorf("write counts: %w", err)
			}
		}
		return nil
	})
}

// Counts calls fn for all, those of a step in the order of time.
func (d *DB) Counts(ctx context.Context, fn func(switchhook.StoredCounts) error) error {
	err := each(ctx, d.db, func(scan scan) error {
		var step, at int64
		var c switchhook.StoredCounts
		if err := scan(&step, &at, &c.Body); err != nil {
			return err
		}
		c.Step, c.At = time.Duration(step)*time.Second, fromMicros(at)
		return fn(c)
	}, "SELECT step, at, body FROM counts ORDER BY step, at")
	if err != nil {
		return fmt.Errorf("read counts: %w", err)
	}
	return nil
}
