package ledger

import (
	"context"
	"fmt"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// PutTemplate adds a version of a template, which is in force from then on.
func (d *DB) PutTemplate(ctx context.Context, t *switchhook.Template, audit ...*switchhook.AuditEntry) error {
	given := *t
	given.CreatedAt, given.UpdatedAt = fromMicros(micros(t.CreatedAt)), fromMicros(micros(t.UpdatedAt))
	doc, err := toJSON("template "+t.ID, given)
	if err != nil {
		return err
	}
	kept := &switchhook.Template{}
	if err := fromJSON("template "+t.ID, doc, kept); err != nil {
		return err
	}
	account, id, version, created := t.AccountID, t.ID, t.Version, micros(t.CreatedAt)
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		err := w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeConflict, "the template %q has a version %d", id, version),
			"INSERT INTO template_versions (account_id, id, version, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", account, id, version, doc)
		if err != nil {
			return err
		}
		err = w.tx.Put(ctx, `INSERT INTO templates (account_id, id, created_at, doc) VALUES (?, ?, ?, ?)
			ON CONFLICT (account_id, id) DO UPDATE SET created_at = excluded.created_at, doc = excluded.doc`, account, id, created, doc)
		if err != nil {
			return err
		}
		return w.tx.Put(ctx, "DELETE FROM template_versions WHERE account_id = ? AND id = ? AND version <= ?", account, id, version-store.TemplateVersions)
	}, func() { d.setup.templates.put(kept, nil) })
}

// Templates returns the newest version of each, the oldest templates first.
func (d *DB) Templates(ctx context.Context) ([]*switchhook.Template, error) {
	return d.setup.templates.all(ctx)
}

// TemplateVersions returns the versions of a template, the newest first.
func (d *DB) TemplateVersions(ctx context.Context, accountID, id string) ([]*switchhook.Template, error) {
	return d.listTemplates(ctx, "SELECT doc FROM template_versions WHERE account_id = ? AND id = ? ORDER BY version DESC", accountID, id)
}

func (d *DB) readTemplates(ctx context.Context) ([]*switchhook.Template, error) {
	return d.listTemplates(ctx, "SELECT doc FROM templates ORDER BY created_at, n")
}

func (d *DB) listTemplates(ctx context.Context, query string, args ...any) (list []*switchhook.Template, err error) {
	err = each(ctx, d.db, func(scan scan) error {
		var doc string
		if err := scan(&doc); err != nil {
			return err
		}
		t := &switchhook.Template{}
		list = append(list, t)
		return fromJSON("template", doc, t)
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	return list, nil
}
