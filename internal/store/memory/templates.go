package memory

import (
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// PutTemplate adds a version of a template, which is in force from then on.
func (s *Store) PutTemplate(_ context.Context, t *switchhook.Template, audit ...*switchhook.AuditEntry) error {
	return s.change(audit, func() error {
		of := thing{t.AccountID, "template", t.ID}
		if slices.ContainsFunc(s.versions[of], func(old *switchhook.Template) bool { return old.Version == t.Version }) {
			return switchhook.Errorf(switchhook.CodeConflict, "the template %q has a version %d", t.ID, t.Version)
		}
		kept := copyTemplate(t)
		s.versions[of] = slices.DeleteFunc(append([]*switchhook.Template{kept}, s.versions[of]...), func(old *switchhook.Template) bool {
			return old.Version <= t.Version-store.TemplateVersions
		})
		i := slices.IndexFunc(s.templates, func(old *switchhook.Template) bool { return old.AccountID == t.AccountID && old.ID == t.ID })
		if i < 0 {
			s.templates = append(s.templates, kept)
		} else {
			s.templates[i] = kept
		}
		return nil
	})
}

// Templates returns the newest version of each, the oldest templates first.
func (s *Store) Templates(context.Context) ([]*switchhook.Template, error) {
	return all(s, &s.templates, func(t *switchhook.Template) time.Time { return t.CreatedAt }), nil
}

// TemplateVersions returns the versions of a template, the newest first.
func (s *Store) TemplateVersions(_ context.Context, accountID, id string) ([]*switchhook.Template, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.versions[thing{accountID, "template", id}]), nil
}

func copyTemplate(t *switchhook.Template) *switchhook.Template {
	c := *t
	for _, text := range []**string{&c.Name, &c.Subject, &c.Text, &c.HTML, &c.From, &c.ReplyTo} {
		if *text != nil {
			*text = new(**text)
		}
	}
	if c.Enabled != nil {
		c.Enabled = new(*c.Enabled)
	}
	for _, to := range []**switchhook.Addresses{&c.To, &c.Cc, &c.Bcc} {
		if *to != nil {
			*to = &switchhook.Addresses{Type: (*to).Type, EmailAddresses: slices.Clone((*to).EmailAddresses)}
		}
	}
	c.CreatedAt, c.UpdatedAt = store.Stored(t.CreatedAt), store.Stored(t.UpdatedAt)
	return &c
}
