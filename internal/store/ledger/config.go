package ledger

import (
	"context"
	"fmt"

	"github.com/switchhook/switchhook"
)

// webhookSecrets is what of a webhook is sealed.
type webhookSecrets struct {
	Secrets []switchhook.Secret `json:"secrets,omitzero"`
	Auth    *switchhook.Auth    `json:"auth,omitzero"`
	TLS     *switchhook.TLS     `json:"tls,omitzero"`
	Headers map[string]string   `json:"headers,omitzero"`
	Options map[string]any      `json:"dialect_options,omitzero"` // some dialects have a key of their own
}

func (d *DB) webhookRow(w *switchhook.Webhook) (row sealedRow, err error) {
	open := *w
	open.Auth, open.TLS, open.Headers, open.DialectOptions = nil, nil, nil, nil
	row = sealedRow{id: w.ID, created: micros(w.CreatedAt)}
	if row.doc, err = toJSON("webhook "+w.ID, open); err != nil {
		return row, err
	}
	row.sealed, err = d.seal.seal(sealedAt("webhooks", w.ID), webhookSecrets{w.Secrets, w.Auth, w.TLS, w.Headers, w.DialectOptions})
	return row, err
}

func (d *DB) openWebhook(row sealedRow) (*switchhook.Webhook, error) {
	w := &switchhook.Webhook{}
	if err := fromJSON("webhook "+row.id, row.doc, w); err != nil {
		return nil, err
	}
	var s webhookSecrets
	if err := d.seal.open(sealedAt("webhooks", row.id), row.sealed, &s); err != nil {
		return nil, err
	}
	w.Secrets, w.Auth, w.TLS, w.Headers = s.Secrets, s.Auth, s.TLS, s.Headers
	if s.Options != nil { // before schema version 2 they were in the document
		w.DialectOptions = s.Options
	}
	return w, nil
}

// CreateWebhook adds a webhook.
func (d *DB) CreateWebhook(ctx context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error {
	row, err := d.webhookRow(w)
	if err != nil {
		return err
	}
	return insertSealed(ctx, d, audit, "webhook", row, d.openWebhook, &d.setup.webhooks)
}

// UpdateWebhook replaces a webhook.
func (d *DB) UpdateWebhook(ctx context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error {
	row, err := d.webhookRow(w)
	if err != nil {
		return err
	}
	return updateSealed(ctx, d, audit, "webhook", row, d.openWebhook, &d.setup.webhooks)
}

// DeleteWebhook deletes a webhook and its gate. Its history stays.
func (d *DB) DeleteWebhook(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error {
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		if err := w.deleteSealed(ctx, "webhook", id); err != nil {
			return err
		}
		return w.tx.Put(ctx, "DELETE FROM gates WHERE webhook_id = ?", id)
	}, func() { d.setup.webhooks.drop(func(w *switchhook.Webhook) bool { return w.ID == id }) })
}

// Webhooks returns all, oldest first, secrets opened.
func (d *DB) Webhooks(ctx context.Context) ([]*switchhook.Webhook, error) {
	return d.setup.webhooks.all(ctx)
}

// Webhook returns the one of an id. CodeNotFound.
func (d *DB) Webhook(ctx context.Context, id string) (*switchhook.Webhook, error) {
	w, err := d.setup.webhooks.one(ctx, id)
	if w == nil && err == nil {
		err = switchhook.Errorf(switchhook.CodeNotFound, "there is no webhook %q", id)
	}
	return w, err
}

func (d *DB) readWebhooks(ctx context.Context) ([]*switchhook.Webhook, error) {
	return readSealed(ctx, d, "webhook", d.openWebhook)
}

// sourceSecrets is what of a source is sealed: options hold the passwords of
// brokers and switches.
type sourceSecrets struct {
	Token   string         `json:"token,omitzero"`
	Options map[string]any `json:"options,omitzero"`
}

// sourceDoc is a source as its row has it: with what is shown to nobody.
type sourceDoc struct {
	*switchhook.Source
	MappedBy string `json:"mapped_by,omitzero"`
}

func (d *DB) sourceRow(s *switchhook.Source) (row sealedRow, err error) {
	open := *s
	open.Options = nil
	row = sealedRow{id: s.ID, created: micros(s.CreatedAt)}
	if row.doc, err = toJSON("source "+s.ID, sourceDoc{&open, s.MappedBy}); err != nil {
		return row, err
	}
	row.sealed, err = d.seal.seal(sealedAt("sources", s.ID), sourceSecrets{s.Token, s.Options})
	return row, err
}

func (d *DB) openSource(row sealedRow) (*switchhook.Source, error) {
	doc := sourceDoc{Source: &switchhook.Source{}}
	if err := fromJSON("source "+row.id, row.doc, &doc); err != nil {
		return nil, err
	}
	s := doc.Source
	s.MappedBy = doc.MappedBy
	var secrets sourceSecrets
	if err := d.seal.open(sealedAt("sources", row.id), row.sealed, &secrets); err != nil {
		return nil, err
	}
	s.Token, s.Options = secrets.Token, secrets.Options
	return s, nil
}

// CreateSource adds a source.
func (d *DB) CreateSource(ctx context.Context, s *switchhook.Source, audit ...*switchhook.AuditEntry) error {
	row, err := d.sourceRow(s)
	if err != nil {
		return err
	}
	return insertSealed(ctx, d, audit, "source", row, d.openSource, &d.setup.sources)
}

// UpdateSource replaces a source.
func (d *DB) UpdateSource(ctx context.Context, s *switchhook.Source, audit ...*switchhook.AuditEntry) error {
	row, err := d.sourceRow(s)
	if err != nil {
		return err
	}
	return updateSealed(ctx, d, audit, "source", row, d.openSource, &d.setup.sources)
}

// DeleteSource deletes a source. Its events and rejects stay.
func (d *DB) DeleteSource(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error {
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error { return w.deleteSealed(ctx, "source", id) },
		func() { d.setup.sources.drop(func(s *switchhook.Source) bool { return s.ID == id }) })
}

// Sources returns all, oldest first, secrets opened.
func (d *DB) Sources(ctx context.Context) ([]*switchhook.Source, error) {
	return d.setup.sources.all(ctx)
}

func (d *DB) readSources(ctx context.Context) ([]*switchhook.Source, error) {
	return readSealed(ctx, d, "source", d.openSource)
}

// A sealedRow is a row of webhooks or of sources: their tables have the same columns.
type sealedRow struct {
	id      string
	created int64
	doc     string
	sealed  []byte
}

// insertSealed and updateSealed keep in memory what a row says once it is there, read as
// it will be after a restart.
func insertSealed[T any](ctx context.Context, d *DB, audit []*switchhook.AuditEntry, what string, r sealedRow, open func(sealedRow) (*T, error), in *collection[T]) error {
	kept, err := open(r)
	if err != nil {
		return err
	}
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeConflict, "the %s id %q is taken", what, r.id),
			"INSERT INTO "+what+"s (id, created_at, doc, sealed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			r.id, r.created, r.doc, r.sealed)
	}, func() { in.put(kept, nil) })
}

func updateSealed[T any](ctx context.Context, d *DB, audit []*switchhook.AuditEntry, what string, r sealedRow, open func(sealedRow) (*T, error), in *collection[T]) error {
	kept, err := open(r)
	if err != nil {
		return err
	}
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeNotFound, "there is no %s %q", what, r.id),
			"UPDATE "+what+"s SET created_at = ?, doc = ?, sealed = ? WHERE id = ?",
			r.created, r.doc, r.sealed, r.id)
	}, func() { in.put(kept, nil) })
}

func readSealed[T any](ctx context.Context, d *DB, what string, open func(sealedRow) (*T, error)) (all []*T, err error) {
	err = each(ctx, d.db, func(scan scan) error {
		var r sealedRow
		if err := scan(&r.id, &r.doc, &r.sealed); err != nil {
			return err
		}
		v, err := open(r)
		all = append(all, v)
		return err
	}, "SELECT id, doc, sealed FROM "+what+"s ORDER BY created_at, n")
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", what, err)
	}
	return all, nil
}

func (w *writer) deleteSealed(ctx context.Context, what, id string) error {
	return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeNotFound, "there is no %s %q", what, id),
		"DELETE FROM "+what+"s WHERE id = ?", id)
}
