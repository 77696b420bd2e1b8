package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/switchhook/switchhook"
)

// An auditDoc is what of an entry has no column: nobody looks for it.
type auditDoc struct {
	Actor     switchhook.Actor `json:"actor"`
	Before    json.RawMessage  `json:"before,omitzero"`
	After     json.RawMessage  `json:"after,omitzero"`
	RequestID string           `json:"request_id"`
}

// change is write with entries that become durable together with what fn does.
func (d *DB) change(ctx context.Context, audit []*switchhook.AuditEntry, fn func(context.Context, *writer) error) error {
	return d.changeThen(ctx, audit, fn, func() {})
}

// changeThen is change that calls then once it is durable.
func (d *DB) changeThen(ctx context.Context, audit []*switchhook.AuditEntry, fn func(context.Context, *writer) error, then func()) error {
	return d.writeThen(ctx, func(ctx context.Context, w *writer) error {
		if err := fn(ctx, w); err != nil {
			return err
		}
		return w.addAudit(ctx, audit)
	}, then)
}

func (w *writer) addAudit(ctx context.Context, entries []*switchhook.AuditEntry) error {
	for _, e := range entries {
		err := w.tx.Put(ctx, "INSERT INTO audit (account_id, at, actor, action, resource, resource_id, doc) VALUES (?, ?, ?, ?, ?, ?, ?)",
			e.AccountID, micros(e.At), cmp.Or(e.Actor.UserID, e.Actor.KeyID), e.Action, e.Resource, e.ResourceID, document(auditDoc{e.Actor, e.Before, e.After, e.RequestID}))
		if err != nil {
			return fmt.Errorf("write to the audit log: %w", err)
		}
	}
	return nil
}

// PutAudit adds entries.
func (d *DB) PutAudit(ctx context.Context, entries ...*switchhook.AuditEntry) error {
	return d.change(ctx, entries, func(context.Context, *writer) error { return nil })
}

// Audit lists entries, newest first.
func (d *DB) Audit(ctx context.Context, f switchhook.AuditFilter, p switchhook.Page) (entries []*switchhook.AuditEntry, next string, err error) {
	_, below, _, err := place(p.Cursor, 0)
	if err != nil {
		return nil, "", err
	}
	where, args := []string{"id < ?"}, []any{below}
	and := func(condition string, arg any) { where, args = append(where, condition), append(args, arg) }
	if f.Accounts != nil {
		and("account_id IN (SELECT value FROM json_each(?) AS text)", list(f.Accounts))
	}
	for _, c := range []struct{ column, value string }{
		{"actor", f.KeyID}, {"actor", f.UserID}, {"action", f.Action}, {"resource", f.Resource}, {"resource_id", f.ResourceID},
	} {
		if c.value != "" {
			and(c.column+" = ?", c.value)
		}
	}
	if !f.Since.IsZero() {
		and("at >= ?", micros(f.Since))
	}
	if !f.Until.IsZero() {
		and("at < ?", micros(f.Until))
	}
	err = d.db.View(ctx, func(from Reader) error {
		return each(ctx, from, func(scan scan) error {
			e, at, text, doc := &switchhook.AuditEntry{}, int64(0), "", auditDoc{}
			if err := scan(&e.ID, &e.AccountID, &at, &e.Action, &e.Resource, &e.ResourceID, &text); err != nil {
				return err
			}
			if err := fromJSON("entry of the audit log", text, &doc); err != nil {
				return err
			}
			e.At, e.Actor, e.Before, e.After, e.RequestID = fromMicros(at), doc.Actor, doc.Before, doc.After, doc.RequestID
			entries = append(entries, e)
			return nil
		}, "SELECT id, account_id, at, action, resource, resource_id, doc FROM audit WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?",
			append(args, p.Limit+1)...)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list the audit log: %w", err)
	}
	entries, next = cut(entries, p.Limit, func(e *switchhook.AuditEntry) int64 { return e.ID })
	return entries, next, nil
}
