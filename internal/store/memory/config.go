package memory

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// CreateWebhook adds a webhook.
func (s *Store) CreateWebhook(_ context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error {
	return create(s, audit, &s.webhooks, "webhook", copyWebhook(w), webhookID)
}

// UpdateWebhook replaces a webhook.
func (s *Store) UpdateWebhook(_ context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error {
	return update(s, audit, &s.webhooks, "webhook", copyWebhook(w), webhookID)
}

// DeleteWebhook deletes a webhook and its gate. Its history stays.
func (s *Store) DeleteWebhook(_ context.Context, id string, audit ...*switchhook.AuditEntry) error {
	if err := remove(s, audit, &s.webhooks, "webhook", id, webhookID); err != nil {
		return err
	}
	return s.write(func() error {
		delete(s.gates, id)
		return nil
	})
}

// Webhooks returns all, oldest first.
func (s *Store) Webhooks(context.Context) ([]*switchhook.Webhook, error) {
	return all(s, &s.webhooks, func(w *switchhook.Webhook) time.Time { return w.CreatedAt }), nil
}

// Webhook returns the one of an id. CodeNotFound.
func (s *Store) Webhook(_ context.Context, id string) (*switchhook.Webhook, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.webhooks, func(w *switchhook.Webhook) bool { return w.ID == id }); i >= 0 {
		return s.webhooks[i], nil
	}
	return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no webhook %q", id)
}

// CreateSource adds a source.
func (s *Store) CreateSource(_ context.Context, src *switchhook.Source, audit ...*switchhook.AuditEntry) error {
	return create(s, audit, &s.sources, "source", copySource(src), sourceID)
}

// UpdateSource replaces a source.
func (s *Store) UpdateSource(_ context.Context, src *switchhook.Source, audit ...*switchhook.AuditEntry) error {
	return update(s, audit, &s.sources, "source", copySource(src), sourceID)
}

// DeleteSource deletes a source. Its events and rejects stay.
func (s *Store) DeleteSource(_ context.Context, id string, audit ...*switchhook.AuditEntry) error {
	return remove(s, audit, &s.sources, "source", id, sourceID)
}

// Sources returns all, oldest first.
func (s *Store) Sources(context.Context) ([]*switchhook.Source, error) {
	return all(s, &s.sources, func(src *switchhook.Source) time.Time { return src.CreatedAt }), nil
}

// Integer returns the integer that stands for a native id.
func (s *Store) Integer(_ context.Context, accountID, schema, id string) (n int64, err error) {
	s.mu.Lock()
	n = s.integers[thing{accountID, schema, id}]
	s.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	err = s.write(func() error {
		if n = s.integers[thing{accountID, schema, id}]; n > 0 {
			return nil
		}
		n = switchhook.FirstInteger - 1
		for key, used := range s.integers {
			if key.account == accountID && key.kind == schema {
				n = max(n, used)
			}
		}
		for taken := true; taken; {
			n++
			taken = s.given(accountID, schema, strconv.FormatInt(n, 10))
		}
		s.integers[thing{accountID, schema, id}] = n
		return nil
	})
	return n, err
}

// given reports whether an integer was given to a thing of the schema.
func (s *Store) given(accountID, schema, value string) bool {
	for _, id := range s.dialectIDs {
		if id.AccountID == accountID && id.Schema == schema && id.Value == value {
			return true
		}
	}
	return false
}

// A dialectThing is what a dialect has a name of its own for.
type dialectThing struct {
	dialect string
	thing
}

// PutDialectID says what a dialect calls a thing, or says it anew.
func (s *Store) PutDialectID(_ context.Context, id *switchhook.DialectID, audit ...*switchhook.AuditEntry) error {
	return s.change(audit, func() error {
		of := dialectThing{id.Dialect, thing{id.AccountID, id.Schema, id.ID}}
		conflict := switchhook.Errorf(switchhook.CodeConflict, "another %s has the id %q", id.Schema, id.Value)
		for other, old := range s.dialectIDs {
			if other.dialect == of.dialect && other.account == of.account && other.kind == of.kind && other.id != of.id && old.Value == id.Value {
				return conflict
			}
		}
		for other, n := range s.integers {
			if other.account == of.account && other.kind == of.kind && other.id != of.id && strconv.FormatInt(n, 10) == id.Value {
				return conflict
			}
		}
		kept := *id
		kept.UpdatedAt = store.Stored(id.UpdatedAt)
		s.dialectIDs[of] = kept
		return nil
	})
}

// DeleteDialectID takes it back.
func (s *Store) DeleteDialectID(_ context.Context, accountID, dialect, schema, id string, audit ...*switchhook.AuditEntry) error {
	return s.change(audit, func() error {
		of := dialectThing{dialect, thing{accountID, schema, id}}
		if _, ok := s.dialectIDs[of]; !ok {
			return switchhook.Errorf(switchhook.CodeNotFound, "no id was set for the %s %q", schema, id)
		}
		delete(s.dialectIDs, of)
		return nil
	})
}

// DialectIDs calls fn for every one.
func (s *Store) DialectIDs(_ context.Context, fn func(switchhook.DialectID) error) error {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.dialectIDs))
	s.mu.Unlock()
	for _, id := range all {
		if err := fn(id); err != nil {
			return err
		}
	}
	return nil
}

func webhookID(w *switchhook.Webhook) string { return w.ID }
func sourceID(src *switchhook.Source) string { return src.ID }

func create[T any](s *Store, audit []*switchhook.AuditEntry, in *[]*T, what string, v *T, id func(*T) string) error {
	return s.change(audit, func() error {
		if slices.ContainsFunc(*in, func(old *T) bool { return id(old) == id(v) }) {
			return taken(what, id(v))
		}
		*in = append(*in, v)
		return nil
	})
}

func taken(what, id string) error {
	return switchhook.Errorf(switchhook.CodeConflict, "the %s id %q is taken", what, id)
}

func update[T any](s *Store, audit []*switchhook.AuditEntry, in *[]*T, what string, v *T, id func(*T) string) error {
	return s.change(audit, func() error {
		i := slices.IndexFunc(*in, func(old *T) bool { return id(old) == id(v) })
		if i < 0 {
			return switchhook.Errorf(switchhook.CodeNotFound, "there is no %s %q", what, id(v))
		}
		(*in)[i] = v
		return nil
	})
}

func remove[T any](s *Store, audit []*switchhook.AuditEntry, in *[]*T, what, name string, id func(*T) string) error {
	return s.change(audit, func() error {
		i := slices.IndexFunc(*in, func(old *T) bool { return id(old) == name })
		if i < 0 {
			return switchhook.Errorf(switchhook.CodeNotFound, "there is no %s %q", what, name)
		}
		*in = slices.Delete(*in, i, i+1)
		return nil
	})
}

// all lists what is there. It was copied when it came in, and is replaced when it changes.
func all[T any](s *Store, in *[]*T, created func(*T) time.Time) []*T {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := append([]*T{}, *in...)
	slices.SortStableFunc(found, func(a, b *T) int { return created(a).Compare(created(b)) })
	return found
}

// The copies are as deep as callers change things in place: values inside of
// maps from JSON are shared.

func copyWebhook(w *switchhook.Webhook) *switchhook.Webhook {
	c := *w
	c.Events = slices.Clone(w.Events)
	if w.Scope != nil {
		c.Scope = &switchhook.Scope{
			Numbers:    slices.Clone(w.Scope.Numbers),
			Extensions: slices.Clone(w.Scope.Extensions),
			RingGroups: slices.Clone(w.Scope.RingGroups),
			Queues:     slices.Clone(w.Scope.Queues),
		}
	}
	c.CustomData, c.Modifiers = maps.Clone(w.CustomData), maps.Clone(w.Modifiers)
	c.Headers, c.DialectOptions = maps.Clone(w.Headers), maps.Clone(w.DialectOptions)
	if w.Auth != nil {
		c.Auth = copied(w.Auth)
	}
	if w.TLS != nil {
		c.TLS = copied(w.TLS)
	}
	c.Retry.Schedule = slices.Clone(w.Retry.Schedule)
	c.Secrets = slices.Clone(w.Secrets)
	c.Mask = slices.Clone(w.Mask)
	c.PausedAt, c.CreatedAt, c.UpdatedAt = store.Stored(w.PausedAt), store.Stored(w.CreatedAt), store.Stored(w.UpdatedAt)
	return &c
}

func copySource(src *switchhook.Source) *switchhook.Source {
	c := *src
	c.AccountMap, c.Options = maps.Clone(src.AccountMap), maps.Clone(src.Options)
	c.CreatedAt, c.UpdatedAt = store.Stored(src.CreatedAt), store.Stored(src.UpdatedAt)
	return &c
}

func copyJob(j *switchhook.Job) *switchhook.Job {
	c := *j
	c.Types = slices.Clone(j.Types)
	c.Since, c.Until = store.Stored(j.Since), store.Stored(j.Until)
	c.CreatedAt, c.UpdatedAt, c.EndedAt = store.Stored(j.CreatedAt), store.Stored(j.UpdatedAt), store.Stored(j.EndedAt)
	return &c
}
