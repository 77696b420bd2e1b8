package ledger

import (
	"context"
	"slices"
	"sync"

	"github.com/switchhook/switchhook"
)

// A collection is a table of what people set up, in memory as well. Each change asks for all of it,
// and the secrets alone cost more to open than the change itself. What is here is what is in
// the database, for nobody else writes there while this process has it. A row is replaced
// when it changes and never touched: whoever has one may keep it, and the same row is the
// same content.
type collection[T any] struct {
	// read reads all rows from the database, the oldest first.
	read func(context.Context) ([]*T, error)
	key  func(*T) (id string, created int64)

	mu      sync.Mutex
	rows    []*T // the oldest first
	byID    map[string]*T
	known   bool // rows and byID are what is in the database
	doubted bool // nobody knows at the moment what is: nothing is kept
	version int  // raised with each change, so that what was read before it is not kept
}

// all returns the rows, in a slice of the caller's own.
func (c *collection[T]) all(ctx context.Context) ([]*T, error) {
	c.mu.Lock()
	known, version, rows := c.known, c.version, slices.Clone(c.rows)
	c.mu.Unlock()
	if known {
		return rows, nil
	}
	rows, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version == version && !c.known && !c.doubted {
		c.known, c.rows, c.byID = true, slices.Clone(rows), make(map[string]*T, len(rows))
		for _, row := range rows {
			id, _ := c.key(row)
			c.byID[id] = row
		}
	}
	return rows, nil
}

// one returns the row of an id, nil if there is none.
func (c *collection[T]) one(ctx context.Context, id string) (*T, error) {
	c.mu.Lock()
	known, row := c.known, c.byID[id]
	c.mu.Unlock()
	if known {
		return row, nil
	}
	rows, err := c.all(ctx)
	for _, row := range rows {
		if found, _ := c.key(row); found == id {
			return row, err
		}
	}
	return nil, err
}

// put takes over a row that was added or replaced. fit, if any, takes over from the old
// one, if there is one, what the change leaves as it was.
func (c *collection[T]) put(row *T, fit func(old *T)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	if !c.known {
		return
	}
	id, _ := c.key(row)
	old := c.byID[id]
	if old != nil && fit != nil {
		fit(old)
	}
	_, created := c.key(row)
	c.byID[id] = row
	if old == nil {
		at := len(c.rows)
		for ; at > 0 && c.created(at-1) > created; at-- { //nolint:revive // it looks for the place
		}
		c.rows = slices.Insert(c.rows, at, row)
		return
	}
	if _, before := c.key(old); before != created { // it has another place now, which the database knows
		c.forget()
		return
	}
	c.rows[slices.Index(c.rows, old)] = row
}

// edit takes over that a row was changed in a part; of one that is not there, nothing.
func (c *collection[T]) edit(id string, change func(*T)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	if old := c.byID[id]; old != nil {
		row := *old
		change(&row)
		c.byID[id], c.rows[slices.Index(c.rows, old)] = &row, &row
	}
}

func (c *collection[T]) created(i int) int64 {
	_, created := c.key(c.rows[i])
	return created
}

// drop takes over that rows were deleted.
func (c *collection[T]) drop(gone func(*T) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	c.rows = slices.DeleteFunc(c.rows, func(row *T) bool {
		if !gone(row) {
			return false
		}
		id, _ := c.key(row)
		delete(c.byID, id)
		return true
	})
}

// doubt forgets what is known. uncertain: until it is called again, nothing is kept of
// what is read.
func (c *collection[T]) doubt(uncertain bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	c.doubted = uncertain
	c.forget()
}

func (c *collection[T]) forget() { c.known, c.rows, c.byID = false, nil, nil }

// A setup is all that people set up.
type setup struct {
	accounts collection[switchhook.Account]
	keys     collection[switchhook.APIKey]
	users    collection[switchhook.User]
	webhooks collection[switchhook.Webhook]
	sources  collection[switchhook.Source]

	templates collection[switchhook.Template]

	doubted bool // of the committer alone
}

func (d *DB) newSetup() {
	s := &d.setup
	s.accounts.read, s.accounts.key = d.readAccounts, func(a *switchhook.Account) (string, int64) { return a.ID, micros(a.CreatedAt) }
	s.keys.read, s.keys.key = d.readAPIKeys, func(k *switchhook.APIKey) (string, int64) { return k.ID, micros(k.CreatedAt) }
	s.users.read, s.users.key = d.readUsers, func(u *switchhook.User) (string, int64) { return u.ID, micros(u.CreatedAt) }
	s.webhooks.read, s.webhooks.key = d.readWebhooks, func(w *switchhook.Webhook) (string, int64) { return w.ID, micros(w.CreatedAt) }
	s.templates.read, s.templates.key = d.readTemplates, func(t *switchhook.Template) (string, int64) { return t.AccountID + "/" + t.ID, micros(t.CreatedAt) }
	s.sources.read, s.sources.key = d.readSources, func(s *switchhook.Source) (string, int64) { return s.ID, micros(s.CreatedAt) }
}

// doubt is called when a change has failed, of which nobody knows then whether it will
// turn out to have been made, and again when one has succeeded: by then the database has
// decided about all that were before it (ErrUnknown).
func (s *setup) doubt(uncertain bool) {
	if !uncertain && !s.doubted {
		return
	}
	s.doubted = uncertain
	s.accounts.doubt(uncertain)
	s.keys.doubt(uncertain)
	s.users.doubt(uncertain)
	s.webhooks.doubt(uncertain)
	s.sources.doubt(uncertain)
	s.templates.doubt(uncertain)
}
