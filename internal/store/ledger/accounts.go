package ledger

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

// An accountDoc is what of an account has no column.
type accountDoc struct {
	Limits        *switchhook.Limits  `json:"limits,omitzero"`
	AllowNetworks []string            `json:"allow_networks,omitzero"`
	ShowPrivate   bool                `json:"show_private_answers,omitzero"`
	Portal        *switchhook.Portal  `json:"portal,omitzero"`
	Retention     switchhook.Duration `json:"retention,omitzero"`
	Timezone      string              `json:"timezone,omitzero"`
	SuspendedAt   time.Time           `json:"suspended_at,omitzero"`
	UpdatedAt     time.Time           `json:"updated_at,omitzero"`
}

// accountDocument keeps microseconds, as columns do.
func accountDocument(a *switchhook.Account) string {
	return document(accountDoc{a.Limits, a.AllowNetworks, a.ShowPrivateAnswers, a.Portal, a.Retention, a.Timezone, fromMicros(micros(a.SuspendedAt)), fromMicros(micros(a.UpdatedAt))})
}

// readAccount completes an account of which the columns of texts were read.
func readAccount(a *switchhook.Account, created int64, text string) error {
	var doc accountDoc
	if err := fromJSON("account "+a.ID, text, &doc); err != nil {
		return err
	}
	a.Limits, a.AllowNetworks, a.ShowPrivateAnswers, a.Portal, a.Retention = doc.Limits, doc.AllowNetworks, doc.ShowPrivate, doc.Portal, doc.Retention
	a.Timezone, a.SuspendedAt, a.CreatedAt = doc.Timezone, doc.SuspendedAt, fromMicros(created)
	a.UpdatedAt = cmp.Or(doc.UpdatedAt, a.CreatedAt) // before schema version 2 nobody kept it
	return nil
}

// keptAccount is an account as it is read once it was written.
func keptAccount(a *switchhook.Account) (*switchhook.Account, error) {
	kept := &switchhook.Account{ID: a.ID, ParentID: a.ParentID, Name: a.Name}
	return kept, readAccount(kept, micros(a.CreatedAt), accountDocument(a))
}

// CreateAccount adds an account.
func (d *DB) CreateAccount(ctx context.Context, a *switchhook.Account, audit ...*switchhook.AuditEntry) error {
	taken := switchhook.Errorf(switchhook.CodeConflict, "the account id %q is taken", a.ID)
	row := []any{a.ID, a.ParentID, a.Name, micros(a.CreatedAt), accountDocument(a)}
	kept, err := keptAccount(a)
	if err != nil {
		return err
	}
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		var deleted bool
		err := w.tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM deleted_accounts WHERE id = ?)", row[0]).Scan(&deleted)
		switch {
		case err != nil:
			return err
		case deleted:
			return taken
		}
		return w.tx.PutOne(ctx, taken, "INSERT INTO accounts (id, parent_id, name, created_at, doc) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row...)
	}, func() {
		d.setup.accounts.put(kept, nil)
		d.keeping.put(kept)
	})
}

// UpdateAccount replaces an account, but for when it was made.
func (d *DB) UpdateAccount(ctx context.Context, a *switchhook.Account, audit ...*switchhook.AuditEntry) error {
	row, undated := []any{a.ParentID, a.Name, accountDocument(a), a.ID}, a.UpdatedAt.IsZero()
	kept, err := keptAccount(a)
	if err != nil {
		return err
	}
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeNotFound, "there is no account %q", kept.ID),
			"UPDATE accounts SET parent_id = ?, name = ?, doc = ? WHERE id = ?", row...)
	}, func() {
		d.setup.accounts.put(kept, func(old *switchhook.Account) {
			kept.CreatedAt = old.CreatedAt
			if undated {
				kept.UpdatedAt = old.CreatedAt
			}
		})
		d.keeping.put(kept)
	})
}

// Accounts returns all, oldest first.
func (d *DB) Accounts(ctx context.Context) ([]*switchhook.Account, error) {
	return d.setup.accounts.all(ctx)
}

func (d *DB) readAccounts(ctx context.Context) ([]*switchhook.Account, error) {
	return readAccounts(ctx, d.db)
}

func readAccounts(ctx context.Context, from Reader) (accounts []*switchhook.Account, err error) {
	err = each(ctx, from, func(scan scan) error {
		var a switchhook.Account
		var created int64
		var text string
		if err := scan(&a.ID, &a.ParentID, &a.Name, &created, &text); err != nil {
			return err
		}
		accounts = append(accounts, &a)
		return readAccount(&a, created, text)
	}, "SELECT id, parent_id, name, created_at, doc FROM accounts ORDER BY created_at, n")
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	return accounts, nil
}

// DeleteAccounts deletes accounts and what belongs to them. Their history
// is gone for all who ask; Prune takes it out.
func (d *DB) DeleteAccounts(ctx context.Context, ids []string, audit ...*switchhook.AuditEntry) error {
	webhooks, err := d.Webhooks(ctx)
	if err != nil {
		return err
	}
	sources, err := d.Sources(ctx)
	if err != nil {
		return err
	}
	var hooks, origins []string
	for _, w := range webhooks {
		if slices.Contains(ids, w.AccountID) {
			hooks = append(hooks, w.ID)
		}
	}
	for _, s := range sources {
		if slices.Contains(ids, s.AccountID) {
			origins = append(origins, s.ID)
		}
	}
	// What is not in the table yet would come there after it was cleared.
	if err := d.enqueue(ctx, d.saveAll); err != nil {
		return err
	}
	at := time.Now()
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		const of = " IN (SELECT value FROM json_each(?) AS text)"
		err := w.tx.Put(ctx, "INSERT INTO deleted_accounts (id, deleted_at) SELECT id, CAST(? AS BIGINT) FROM accounts WHERE id"+of, micros(at), list(ids))
		if err != nil {
			return err
		}
		for _, statement := range []struct {
			text string
			ids  []string
		}{
			{"DELETE FROM accounts WHERE id" + of, ids},
			{"DELETE FROM api_keys WHERE account_id" + of, ids},
			{"DELETE FROM users WHERE account_id" + of, ids},
			{"DELETE FROM templates WHERE account_id" + of, ids},
			{"DELETE FROM template_versions WHERE account_id" + of, ids},
			{"DELETE FROM records WHERE account_id" + of, ids},
			{"DELETE FROM given_ids WHERE account_id" + of, ids},
			{"DELETE FROM snapshots WHERE account_id" + of, ids},
			{"DELETE FROM dialect_ids WHERE account_id" + of, ids},
			{"DELETE FROM webhooks WHERE id" + of, hooks},
			{"DELETE FROM gates WHERE webhook_id" + of, hooks},
			{"DELETE FROM sources WHERE id" + of, origins},
			{"DELETE FROM rejects WHERE source_id" + of, origins},
		} {
			if err := w.tx.Put(ctx, statement.text, list(statement.ids)); err != nil {
				return err
			}
		}
		return nil
	}, func() {
		of := func(account string) bool { return slices.Contains(ids, account) }
		d.setup.accounts.drop(func(a *switchhook.Account) bool { return of(a.ID) })
		d.setup.keys.drop(func(k *switchhook.APIKey) bool { return of(k.AccountID) })
		d.setup.users.drop(func(u *switchhook.User) bool { return of(u.AccountID) })
		d.setup.templates.drop(func(t *switchhook.Template) bool { return of(t.AccountID) })
		d.setup.webhooks.drop(func(w *switchhook.Webhook) bool { return of(w.AccountID) })
		d.setup.sources.drop(func(s *switchhook.Source) bool { return of(s.AccountID) })
		d.w.snapshots.forget(ids)
		d.keeping.remove(ids, at)
	})
}

// PutAPIKey adds a key or replaces the one of its id, but for when it was last used.
func (d *DB) PutAPIKey(ctx context.Context, k *switchhook.APIKey, audit ...*switchhook.AuditEntry) error {
	row := []any{k.ID, k.AccountID, k.Name, append([]byte{}, k.Hash...), string(k.Role), micros(k.ExpiresAt), micros(k.CreatedAt), micros(k.UpdatedAt)}
	kept := *k
	kept.Hash, kept.ExpiresAt, kept.LastUsedAt, kept.CreatedAt = bytes.Clone(k.Hash), fromMicros(micros(k.ExpiresAt)), time.Time{}, fromMicros(micros(k.CreatedAt))
	kept.UpdatedAt = cmp.Or(fromMicros(micros(k.UpdatedAt)), kept.CreatedAt)
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.Put(ctx, `INSERT INTO api_keys (id, account_id, name, hash, role, expires_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, name = excluded.name, hash = excluded.hash, role = excluded.role,
				expires_at = excluded.expires_at, created_at = excluded.created_at, updated_at = excluded.updated_at`, row...)
	}, func() { d.setup.keys.put(&kept, func(old *switchhook.APIKey) { kept.LastUsedAt = old.LastUsedAt }) })
}

// UseAPIKey says when a key was last used.
func (d *DB) UseAPIKey(ctx context.Context, id string, at time.Time) error {
	return d.writeThen(ctx, func(ctx context.Context, w *writer) error {
		return w.tx.Put(ctx, "UPDATE api_keys SET last_used_at = ? WHERE id = ?", micros(at), id)
	}, func() {
		d.setup.keys.edit(id, func(k *switchhook.APIKey) { k.LastUsedAt = fromMicros(micros(at)) })
	})
}

// DeleteAPIKey deletes a key.
func (d *DB) DeleteAPIKey(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error {
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeNotFound, "there is no API key %q", id), "DELETE FROM api_keys WHERE id = ?", id)
	}, func() { d.setup.keys.drop(func(k *switchhook.APIKey) bool { return k.ID == id }) })
}

// APIKeys returns all, oldest first.
func (d *DB) APIKeys(ctx context.Context) ([]*switchhook.APIKey, error) { return d.setup.keys.all(ctx) }

func (d *DB) readAPIKeys(ctx context.Context) (keys []*switchhook.APIKey, err error) {
	err = each(ctx, d.db, func(scan scan) error {
		var k switchhook.APIKey
		var expires, used, created, updated int64
		err := scan(&k.ID, &k.AccountID, &k.Name, &k.Hash, &k.Role, &expires, &used, &created, &updated)
		k.ExpiresAt, k.LastUsedAt, k.CreatedAt = fromMicros(expires), fromMicros(used), fromMicros(created)
		k.UpdatedAt = cmp.Or(fromMicros(updated), k.CreatedAt) // as of an account
		keys = append(keys, &k)
		return err
	}, "SELECT id, account_id, name, hash, role, expires_at, last_used_at, created_at, updated_at FROM api_keys ORDER BY created_at, n")
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	return keys, nil
}
