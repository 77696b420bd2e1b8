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

func (d *DB) webhookRow(w *switchhook.Webhook) (doc string, sealed []byte, err error) {
	open := *w
	open.Auth, open.TLS, open.Headers, open.DialectOptions = nil, nil, nil, nil
	if doc, err = toJSON("webhook "+w.ID, open); err != nil {
		return "", nil, err
	}
	sealed, err = d.seal.seal(sealedAt("webhooks", w.ID), webhookSecrets{w.Secrets, w.Auth, w.TLS, w.Headers, w.DialectOptions})
	return doc, sealed, err
}

// CreateWebhook adds a webhook.
func (d *DB) CreateWebhook(ctx context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error {
	doc, sealed, err := d.webhookRow(w)
	if err != nil {
		return err
	}
	return d.insertSealed(ctx, audit, "webhook", w.ID, micros(w.CreatedAt), doc, sealed)
}

// UpdateWebhook replaces a webhook.
func (d *DB) UpdateWebhook(ctx context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error {
	doc, sealed, err := d.webhookRow(w)
	if err != nil {
		return err
	}
	return d.updateSealed(ctx, audit, "webhook", w.ID, micros(w.CreatedAt), doc, sealed)
}

// DeleteWebhook deletes a webhook and its gate. Its history stays.
func (d *DB) DeleteWebhook(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error {
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		if err := w.deleteSealed(ctx, "webhook", id); err != nil {
			return err
		}
		return w.tx.Put(ctx, "DELETE FROM gates WHERE webhook_id = ?", id)
	})
}

// Webhooks returns all, oldest first, secrets opened.
func (d *DB) Webhooks(ctx context.Context) (webhooks []*switchhook.Webhook, err error) {
	err = each(ctx, d.db, func(scan scan) error {
		var id, doc string
		var sealed []byte
		if err := scan(&id, &doc, &sealed); err != nil {
			return err
		}
		w := &switchhook.Webhook{}
		if err := fromJSON("webhook "+id, doc, w); err != nil {
			return err
		}
		var s webhookSecrets
		if err := d.seal.open(sealedAt("webhooks", id), sealed, &s); err != nil {
			return err
		}
		w.Secrets, w.Auth, w.TLS, w.Headers = s.Secrets, s.Auth, s.TLS, s.Headers
		if s.Options != nil { // before schema version 2 they were in the document
			w.DialectOptions = s.Options
		}
		webhooks = append(webhooks, w)
		return nil
	}, "SELECT id, doc, sealed FROM webhooks ORDER BY created_at, n")
	if err != nil {
		return nil, fmt.Errorf("read webhooks: %w", err)
	}
	return webhooks, nil
}

// sourceSecrets is what of a source is sealed: options hold the passwords of
// brokers and switches.
type sourceSecrets struct {
	Token   string         `json:"token,omitzero"`
	Options map[string]any `json:"options,omitzero"`
}

func (d *DB) sourceRow(s *switchhook.Source) (doc string, sealed []byte, err error) {
	open := *s
	open.Options = nil
	if doc, err = toJSON("source "+s.ID, open); err != nil {
		return "", nil, err
	}
	sealed, err = d.seal.seal(sealedAt("sources", s.ID), sourceSecrets{s.Token, s.Options})
	return doc, sealed, err
}

// CreateSource adds a source.
func (d *DB) CreateSource(ctx context.Context, s *switchhook.Source, audit ...*switchhook.AuditEntry) error {
	doc, sealed, err := d.sourceRow(s)
	if err != nil {
		return err
	}
	return d.insertSealed(ctx, audit, "source", s.ID, micros(s.CreatedAt), doc, sealed)
}

// UpdateSource replaces a source.
func (d *DB) UpdateSource(ctx context.Context, s *switchhook.Source, audit ...*switchhook.AuditEntry) error {
	doc, sealed, err := d.sourceRow(s)
	if err != nil {
		return err
	}
	return d.updateSealed(ctx, audit, "source", s.ID, micros(s.CreatedAt), doc, sealed)
}

// DeleteSource deletes a source. Its events and rejects stay.
func (d *DB) DeleteSource(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error {
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error { return w.deleteSealed(ctx, "source", id) })
}

// Sources returns all, oldest first, secrets opened.
func (d *DB) Sources(ctx context.Context) (sources []*switchhook.Source, err error) {
	err = each(ctx, d.db, func(scan scan) error {
		var id, doc string
		var sealed []byte
		if err := scan(&id, &doc, &sealed); err != nil {
			return err
		}
		s := &switchhook.Source{}
		if err := fromJSON("source "+id, doc, s); err != nil {
			return err
		}
		var secrets sourceSecrets
		if err := d.seal.open(sealedAt("sources", id), sealed, &secrets); err != nil {
			return err
		}
		s.Token, s.Options = secrets.Token, secrets.Options
		sources = append(sources, s)
		return nil
	}, "SELECT id, doc, sealed FROM sources ORDER BY created_at, n")
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	return sources, nil
}

// The tables of webhooks and of sources have the same columns.

func (d *DB) insertSealed(ctx context.Context, audit []*switchhook.AuditEntry, what, id string, created int64, doc string, sealed []byte) error {
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeConflict, "the %s id %q is taken", what, id),
			"INSERT INTO "+what+"s (id, created_at, doc, sealed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			id, created, doc, sealed)
	})
}

func (d *DB) updateSealed(ctx context.Context, audit []*switchhook.AuditEntry, what, id string, created int64, doc string, sealed []byte) error {
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeNotFound, "there is no %s %q", what, id),
			"UPDATE "+what+"s SET created_at = ?, doc = ?, sealed = ? WHERE id = ?",
			created, doc, sealed, id)
	})
}

func (w *writer) deleteSealed(ctx context.Context, what, id string) error {
	return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeNotFound, "there is no %s %q", what, id),
		"DELETE FROM "+what+"s WHERE id = ?", id)
}
