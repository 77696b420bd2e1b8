package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// PutUser adds a user or replaces the one of its id.
func (s *Store) PutUser(_ context.Context, u *switchhook.User, audit ...*switchhook.AuditEntry) error {
	return s.change(audit, func() error {
		place := -1
		for i, old := range s.users {
			if old.ID == u.ID {
				place = i
			} else if old.Login == u.Login {
				return store.Taken("login", u.Login)
			} else if u.OIDCSubject != "" && old.OIDCSubject == u.OIDCSubject {
				return store.Taken("oidc_subject", u.OIDCSubject)
			}
		}
		if place >= 0 {
			s.users[place] = copyUser(u)
		} else {
			s.users = append(s.users, copyUser(u))
		}
		return nil
	})
}

// DeleteUser deletes a user.
func (s *Store) DeleteUser(_ context.Context, id string, audit ...*switchhook.AuditEntry) error {
	return remove(s, audit, &s.users, "user", id, func(u *switchhook.User) string { return u.ID })
}

// Users returns all, oldest first.
func (s *Store) Users(context.Context) ([]*switchhook.User, error) {
	return all(s, &s.users, copyUser, func(u *switchhook.User) time.Time { return u.CreatedAt }), nil
}

// PutSession adds a session.
func (s *Store) PutSession(_ context.Context, session *switchhook.Session, audit ...*switchhook.AuditEntry) error {
	return s.change(audit, func() error {
		s.sessions = append(s.sessions, copySession(session))
		return nil
	})
}

// DeleteSession deletes a session.
func (s *Store) DeleteSession(_ context.Context, hash []byte) error {
	return s.write(func() error {
		s.sessions = slices.DeleteFunc(s.sessions, func(session *switchhook.Session) bool { return bytes.Equal(session.Hash, hash) })
		return nil
	})
}

// Sessions returns all, oldest first.
func (s *Store) Sessions(context.Context) ([]*switchhook.Session, error) {
	return all(s, &s.sessions, copySession, func(session *switchhook.Session) time.Time { return session.CreatedAt }), nil
}

func copyUser(u *switchhook.User) *switchhook.User {
	c := *u
	c.CreatedAt, c.UpdatedAt = store.Stored(u.CreatedAt), store.Stored(u.UpdatedAt)
	return &c
}

func copySession(s *switchhook.Session) *switchhook.Session {
	c := *s
	c.Hash = bytes.Clone(s.Hash)
	c.CreatedAt, c.ExpiresAt = store.Stored(s.CreatedAt), store.Stored(s.ExpiresAt)
	return &c
}
