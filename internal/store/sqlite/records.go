package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/switchhook/switchhook"
)

const (
	upsertRecord = `INSERT OR REPLACE INTO records (account_id, schema, id, doc, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)`
	deleteRecord = `DELETE FROM records WHERE account_id = ? AND schema = ? AND id = ?`
)

// Records calls fn for every record, in no order.
func (d *DB) Records(ctx context.Context, fn func(switchhook.Record) error) error {
	err := each(ctx, d.reader, func(scan scan) error {
		var r switchhook.Record
		var row string
		var created, updated int64
		if err := scan(&r.AccountID, &r.Schema, &r.ID, &row, &created, &updated); err != nil {
			return err
		}
		r.Row, r.CreatedAt, r.UpdatedAt = []byte(row), fromMicros(created), fromMicros(updated)
		return fn(r)
	}, "SELECT account_id, schema, id, doc, created_at, updated_at FROM records")
	if err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	return nil
}

// Integer returns the integer that stands for a native id, made at the first
// call.
func (d *DB) Integer(ctx context.Context, accountID, schema, id string) (int64, error) {
	const find = "SELECT n FROM dialect_ids WHERE account_id = ? AND schema = ? AND id = ?"
	var n int64
	err := d.reader.QueryRowContext(ctx, find, accountID, schema, id).Scan(&n)
	if err == nil {
		return n, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("look up the integer of %s %s: %w", schema, id, err)
	}
	err = d.write(ctx, func(ctx context.Context, w *writer) error {
		// Another call may have made it meanwhile.
		if err := w.conn.QueryRowContext(ctx, find, accountID, schema, id).Scan(&n); !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		// None is ever deleted, so the one after the highest was never used.
		return w.conn.QueryRowContext(ctx, `INSERT INTO dialect_ids (account_id, schema, id, n)
			SELECT ?1, ?2, ?3, coalesce(max(n), 0) + 1 FROM dialect_ids WHERE account_id = ?1 AND schema = ?2
			RETURNING n`, accountID, schema, id).Scan(&n)
	})
	return n, err
}
