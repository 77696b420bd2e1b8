package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/switchhook/switchhook"
)

const (
	upsertRecord = `INSERT INTO records (account_id, schema, id, doc, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, schema, id) DO UPDATE SET doc = excluded.doc, created_at = excluded.created_at, updated_at = excluded.updated_at`
	deleteRecord = `DELETE FROM records WHERE account_id = ? AND schema = ? AND id = ?`
)

// Records calls fn for every record, in no order.
func (d *DB) Records(ctx context.Context, fn func(switchhook.Record) error) error {
	err := each(ctx, d.db, func(scan scan) error {
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
	err := d.db.QueryRowContext(ctx, find, accountID, schema, id).Scan(&n)
	if err == nil {
		return n, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("look up the integer of %s %s: %w", schema, id, err)
	}
	err = d.write(ctx, func(ctx context.Context, w *writer) error {
		// Another call may have made it meanwhile.
		if err := w.tx.QueryRowContext(ctx, find, accountID, schema, id).Scan(&n); !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		// None is ever deleted, so those after the highest were never used, unless
		// they were given.
		const highest = "SELECT coalesce(max(n), 0) FROM dialect_ids WHERE account_id = ? AND schema = ?"
		if err := w.tx.QueryRowContext(ctx, highest, accountID, schema).Scan(&n); err != nil {
			return err
		}
		n = max(n, switchhook.FirstInteger-1)
		const given = "SELECT EXISTS (SELECT 1 FROM given_ids WHERE account_id = ? AND schema = ? AND value = ?)"
		for taken := true; taken; {
			n++
			if err := w.tx.QueryRowContext(ctx, given, accountID, schema, strconv.FormatInt(n, 10)).Scan(&taken); err != nil {
				return err
			}
		}
		return w.tx.Put(ctx, "INSERT INTO dialect_ids (account_id, schema, id, n) VALUES (?, ?, ?, ?)", accountID, schema, id, n)
	})
	return n, err
}

// PutDialectID says what a dialect calls a thing, or says it anew.
func (d *DB) PutDialectID(ctx context.Context, id *switchhook.DialectID, audit ...*switchhook.AuditEntry) error {
	// What is no integer as one is written is none that was counted: NULL is equal to
	// nothing.
	var counted any
	if n, err := strconv.ParseInt(id.Value, 10, 64); err == nil && strconv.FormatInt(n, 10) == id.Value {
		counted = n
	}
	row := []any{id.AccountID, id.Dialect, id.Schema, id.ID, id.Value, micros(id.UpdatedAt), counted}
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeConflict, "another %s has the id %q", id.Schema, id.Value), `
			INSERT INTO given_ids (account_id, dialect, schema, id, value, updated_at)
			SELECT ?1, ?2, ?3, ?4, ?5, CAST(?6 AS BIGINT)
			WHERE NOT EXISTS (SELECT 1 FROM given_ids   WHERE account_id = ?1 AND dialect = ?2 AND schema = ?3 AND value = ?5 AND id <> ?4)
			  AND NOT EXISTS (SELECT 1 FROM dialect_ids WHERE account_id = ?1 AND schema = ?3 AND n = CAST(?7 AS BIGINT) AND id <> ?4)
			ON CONFLICT (account_id, dialect, schema, id) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, row...)
	}, func() {})
}

// DeleteDialectID takes it back.
func (d *DB) DeleteDialectID(ctx context.Context, accountID, dialect, schema, id string, audit ...*switchhook.AuditEntry) error {
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeNotFound, "no id was set for the %s %q", schema, id),
			"DELETE FROM given_ids WHERE account_id = ? AND dialect = ? AND schema = ? AND id = ?", accountID, dialect, schema, id)
	}, func() {})
}

// DialectIDs calls fn for every one, in no order.
func (d *DB) DialectIDs(ctx context.Context, fn func(switchhook.DialectID) error) error {
	err := each(ctx, d.db, func(scan scan) error {
		var id switchhook.DialectID
		var updated int64
		if err := scan(&id.AccountID, &id.Dialect, &id.Schema, &id.ID, &id.Value, &updated); err != nil {
			return err
		}
		id.UpdatedAt = fromMicros(updated)
		return fn(id)
	}, "SELECT account_id, dialect, schema, id, value, updated_at FROM given_ids")
	if err != nil {
		return fmt.Errorf("read dialect ids: %w", err)
	}
	return nil
}
