package ledger

import (
	"bytes"
	"context"
	"fmt"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// PutUser adds a user or replaces the one of its id.
func (d *DB) PutUser(ctx context.Context, u *switchhook.User, audit ...*switchhook.AuditEntry) error {
	row := []any{u.ID, u.AccountID, u.Login, u.Name, string(u.Role), u.Password, u.OIDCSubject, micros(u.CreatedAt), micros(u.UpdatedAt)}
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		var login, subject bool // of another user
		if err := w.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE login = ? AND id <> ?),
			EXISTS (SELECT 1 FROM users WHERE oidc_subject = ? AND oidc_subject <> '' AND id <> ?)`, row[2], row[0], row[6], row[0]).Scan(&login, &subject); err != nil {
			return err
		}
		switch {
		case login:
			return store.Taken("login", row[2])
		case subject:
			return store.Taken("oidc_subject", row[6])
		}
		return w.tx.Put(ctx, `INSERT INTO users (id, account_id, login, name, role, password, oidc_subject, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, login = excluded.login, name = excluded.name, role = excluded.role,
				password = excluded.password, oidc_subject = excluded.oidc_subject, created_at = excluded.created_at, updated_at = excluded.updated_at`, row...)
	})
}

// DeleteUser deletes a user.
func (d *DB) DeleteUser(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error {
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.PutOne(ctx, switchhook.Errorf(switchhook.CodeNotFound, "there is no user %q", id), "DELETE FROM users WHERE id = ?", id)
	})
}

// Users returns all, oldest first.
func (d *DB) Users(ctx context.Context) (users []*switchhook.User, err error) {
	err = each(ctx, d.db, func(scan scan) error {
		var u switchhook.User
		var created, updated int64
		err := scan(&u.ID, &u.AccountID, &u.Login, &u.Name, &u.Role, &u.Password, &u.OIDCSubject, &created, &updated)
		u.CreatedAt, u.UpdatedAt = fromMicros(created), fromMicros(updated)
		users = append(users, &u)
		return err
	}, "SELECT id, account_id, login, name, role, password, oidc_subject, created_at, updated_at FROM users ORDER BY created_at, n")
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return users, nil
}

// PutSession adds a session.
func (d *DB) PutSession(ctx context.Context, s *switchhook.Session, audit ...*switchhook.AuditEntry) error {
	row := []any{bytes.Clone(s.Hash), s.UserID, s.KeyID, s.AccountID, string(s.Role), micros(s.CreatedAt), micros(s.ExpiresAt)}
	return d.change(ctx, audit, func(ctx context.Context, w *writer) error {
		return w.tx.Put(ctx, "INSERT INTO sessions (hash, user_id, key_id, account_id, role, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)", row...)
	})
}

// DeleteSession deletes a session.
func (d *DB) DeleteSession(ctx context.Context, hash []byte) error {
	hash = bytes.Clone(hash)
	return d.write(ctx, func(ctx context.Context, w *writer) error {
		return w.tx.Put(ctx, "DELETE FROM sessions WHERE hash = ?", hash)
	})
}

// Sessions returns all, oldest first.
func (d *DB) Sessions(ctx context.Context) (sessions []*switchhook.Session, err error) {
	err = each(ctx, d.db, func(scan scan) error {
		var s switchhook.Session
		var created, expires int64
		err := scan(&s.Hash, &s.UserID, &s.KeyID, &s.AccountID, &s.Role, &created, &expires)
		s.CreatedAt, s.ExpiresAt = fromMicros(created), fromMicros(expires)
		sessions = append(sessions, &s)
		return err
	}, "SELECT hash, user_id, key_id, account_id, role, created_at, expires_at FROM sessions ORDER BY created_at, hash")
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return sessions, nil
}
