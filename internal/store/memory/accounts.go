package memory

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// CreateAccount adds an account.
func (s *Store) CreateAccount(_ context.Context, a *switchhook.Account, audit ...*switchhook.AuditEntry) error {
	return s.change(audit, func() error {
		if s.deleted[a.ID] || slices.ContainsFunc(s.accounts, func(old *switchhook.Account) bool { return old.ID == a.ID }) {
			return taken("account", a.ID)
		}
		s.accounts = append(s.accounts, copyAccount(a))
		return nil
	})
}

// UpdateAccount replaces an account.
func (s *Store) UpdateAccount(_ context.Context, a *switchhook.Account, audit ...*switchhook.AuditEntry) error {
	return update(s, audit, &s.accounts, "account", copyAccount(a), func(a *switchhook.Account) string { return a.ID })
}

// Accounts returns all, oldest first.
func (s *Store) Accounts(context.Context) ([]*switchhook.Account, error) {
	return all(s, &s.accounts, func(a *switchhook.Account) time.Time { return a.CreatedAt }), nil
}

// DeleteAccounts deletes accounts and what belongs to them. Their history is gone
// at once for all who ask; Prune takes it out.
func (s *Store) DeleteAccounts(_ context.Context, ids []string, audit ...*switchhook.AuditEntry) error {
	return s.change(audit, func() error {
		of := func(account string) bool { return slices.Contains(ids, account) }
		s.accounts = slices.DeleteFunc(s.accounts, func(a *switchhook.Account) bool {
			if of(a.ID) {
				s.deleted[a.ID] = true
			}
			return of(a.ID)
		})
		maps.DeleteFunc(s.snapshots, func(t thing, _ switchhook.Snapshot) bool { return of(t.account) })
		s.keys = slices.DeleteFunc(s.keys, func(k *switchhook.APIKey) bool { return of(k.AccountID) })
		s.users = slices.DeleteFunc(s.users, func(u *switchhook.User) bool { return of(u.AccountID) })
		s.templates = slices.DeleteFunc(s.templates, func(t *switchhook.Template) bool { return of(t.AccountID) })
		maps.DeleteFunc(s.versions, func(t thing, _ []*switchhook.Template) bool { return of(t.account) })
		s.webhooks = slices.DeleteFunc(s.webhooks, func(w *switchhook.Webhook) bool {
			if of(w.AccountID) {
				delete(s.gates, w.ID)
			}
			return of(w.AccountID)
		})
		s.rejects = slices.DeleteFunc(s.rejects, func(r *switchhook.Reject) bool { return of(s.ownerOf(r.SourceID)) })
		s.sources = slices.DeleteFunc(s.sources, func(src *switchhook.Source) bool { return of(src.AccountID) })
		maps.DeleteFunc(s.records, func(t thing, _ switchhook.Record) bool { return of(t.account) })
		maps.DeleteFunc(s.integers, func(t thing, _ int64) bool { return of(t.account) })
		maps.DeleteFunc(s.dialectIDs, func(t dialectThing, _ switchhook.DialectID) bool { return of(t.account) })
		return nil
	})
}

func keyID(k *switchhook.APIKey) string { return k.ID }

// PutAPIKey adds a key or replaces the one of its id, but for when it was last used.
func (s *Store) PutAPIKey(_ context.Context, k *switchhook.APIKey, audit ...*switchhook.AuditEntry) error {
	return s.change(audit, func() error {
		kept := copyKey(k)
		if i := slices.IndexFunc(s.keys, func(old *switchhook.APIKey) bool { return old.ID == k.ID }); i >= 0 {
			kept.LastUsedAt = s.keys[i].LastUsedAt
			s.keys[i] = kept
		} else {
			kept.LastUsedAt = time.Time{}
			s.keys = append(s.keys, kept)
		}
		return nil
	})
}

// UseAPIKey says when a key was last used.
func (s *Store) UseAPIKey(_ context.Context, id string, at time.Time) error {
	return s.write(func() error {
		for i, k := range s.keys {
			if k.ID == id {
				used := *k
				used.LastUsedAt = store.Stored(at)
				s.keys[i] = &used
			}
		}
		return nil
	})
}

// DeleteAPIKey deletes a key.
func (s *Store) DeleteAPIKey(_ context.Context, id string, audit ...*switchhook.AuditEntry) error {
	return remove(s, audit, &s.keys, "API key", id, keyID)
}

// APIKeys returns all, oldest first.
func (s *Store) APIKeys(context.Context) ([]*switchhook.APIKey, error) {
	return all(s, &s.keys, func(k *switchhook.APIKey) time.Time { return k.CreatedAt }), nil
}

func copyAccount(a *switchhook.Account) *switchhook.Account {
	c := *a
	if a.Limits != nil {
		c.Limits = copied(a.Limits)
	}
	c.AllowNetworks = slices.Clone(a.AllowNetworks)
	if a.Portal != nil {
		c.Portal = copied(a.Portal)
		c.Portal.FrameAncestors = slices.Clone(a.Portal.FrameAncestors)
	}
	c.SuspendedAt, c.CreatedAt = store.Stored(a.SuspendedAt), store.Stored(a.CreatedAt)
	c.UpdatedAt = cmp.Or(store.Stored(a.UpdatedAt), c.CreatedAt)
	return &c
}

func copyKey(k *switchhook.APIKey) *switchhook.APIKey {
	c := *k
	c.Hash = bytes.Clone(k.Hash)
	c.ExpiresAt, c.LastUsedAt, c.CreatedAt = store.Stored(k.ExpiresAt), store.Stored(k.LastUsedAt), store.Stored(k.CreatedAt)
	c.UpdatedAt = cmp.Or(store.Stored(k.UpdatedAt), c.CreatedAt)
	return &c
}
