package memory

import (
	"bytes"
	"context"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// change is write with entries that are kept if fn succeeds.
func (s *Store) change(audit []*switchhook.AuditEntry, fn func() error) error {
	return s.write(func() error {
		if err := fn(); err != nil {
			return err
		}
		s.addAudit(audit)
		return nil
	})
}

func (s *Store) addAudit(audit []*switchhook.AuditEntry) {
	for _, e := range audit {
		s.lastAudit++
		kept := copyEntry(e)
		kept.ID, kept.At = s.lastAudit, store.Stored(e.At)
		s.audit = append(s.audit, kept)
	}
}

func copyEntry(e *switchhook.AuditEntry) *switchhook.AuditEntry {
	c := *e
	c.Before, c.After = bytes.Clone(e.Before), bytes.Clone(e.After)
	return &c
}

// PutAudit adds entries.
func (s *Store) PutAudit(_ context.Context, entries ...*switchhook.AuditEntry) error {
	return s.change(entries, func() error { return nil })
}

// Audit lists entries, newest first.
func (s *Store) Audit(_ context.Context, f switchhook.AuditFilter, p switchhook.Page) ([]*switchhook.AuditEntry, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := func(wanted, value string) bool { return wanted == "" || wanted == value }
	entries, next, err := page(s.audit, p, 0, func(e *switchhook.AuditEntry) int64 { return e.ID }, func(e *switchhook.AuditEntry) bool {
		return store.Allowed(f.Accounts, e.AccountID) && is(f.KeyID, e.Actor.KeyID) && is(f.UserID, e.Actor.UserID) && is(f.Action, e.Action) &&
			is(f.Resource, e.Resource) && is(f.ResourceID, e.ResourceID) &&
			(f.Since.IsZero() || !e.At.Before(store.Stored(f.Since))) && (f.Until.IsZero() || e.At.Before(store.Stored(f.Until)))
	})
	for i, e := range entries {
		entries[i] = copyEntry(e)
	}
	return entries, next, err
}
