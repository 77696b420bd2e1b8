package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/switchhook/switchhook"
)

const insertReject = `INSERT INTO rejects (source_id, at, doc, body) VALUES (?, ?, ?, ?) RETURNING id`

// addReject also sets the reject's id.
func (w *writer) addReject(ctx context.Context, r *switchhook.Reject) error {
	head := *r
	head.At, head.Body = time.Time{}, "" // have columns
	if err := w.tx.QueryRowContext(ctx, insertReject, r.SourceID, micros(r.At), document(head), []byte(r.Body)).Scan(&r.ID); err != nil {
		return fmt.Errorf("insert reject: %w", err)
	}
	return nil
}

// Rejects lists a source's rejects, newest first.
func (d *DB) Rejects(ctx context.Context, sourceID string, p switchhook.Page) (rejects []*switchhook.Reject, next string, err error) {
	_, below, _, err := place(p.Cursor, 0)
	if err != nil {
		return nil, "", err
	}
	gone := d.gone()
	err = d.db.View(ctx, func(from Reader) error {
		owner, err := ownerOf(ctx, from, sourceID)
		if err != nil {
			return err
		}
		return each(ctx, from, func(scan scan) error {
			var id, at int64
			var source, doc, body string
			if err := scan(&id, &source, &at, &doc, &body); err != nil {
				return err
			}
			r := &switchhook.Reject{}
			if err := fromJSON("reject", doc, r); err != nil {
				return err
			}
			r.ID, r.SourceID, r.At, r.Body = id, source, fromMicros(at), body
			if !gone(owner, r.At) {
				rejects = append(rejects, r)
			}
			return nil
		}, "SELECT id, source_id, at, doc, body FROM rejects WHERE source_id = ? AND id < ? ORDER BY id DESC LIMIT ?", sourceID, below, p.Limit+1)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list rejects: %w", err)
	}
	rejects, next = cut(rejects, p.Limit, func(r *switchhook.Reject) int64 { return r.ID })
	return rejects, next, nil
}

// ownerOf is the account of a source; empty: there is no such source.
func ownerOf(ctx context.Context, from Reader, sourceID string) (string, error) {
	var doc string
	err := from.QueryRowContext(ctx, "SELECT doc FROM sources WHERE id = ?", sourceID).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var s struct {
		AccountID string `json:"account_id"`
	}
	return s.AccountID, fromJSON("source "+sourceID, doc, &s)
}
