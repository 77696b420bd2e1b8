package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/switchhook/switchhook"
)

// IDStore is what IDs needs of persistence.
type IDStore interface {
	DialectIDs(ctx context.Context, fn func(switchhook.DialectID) error) error
	PutDialectID(ctx context.Context, id *switchhook.DialectID, audit ...*switchhook.AuditEntry) error
	DeleteDialectID(ctx context.Context, accountID, dialect, schema, id string, audit ...*switchhook.AuditEntry) error
	Integer(ctx context.Context, accountID, schema, id string) (int64, error)
}

// IDs knows what each dialect calls a thing: what the operator has set, and the
// integers that stand for native ids. What it knows is in the store already. It
// is safe for concurrent use.
type IDs struct {
	store    IDStore
	integers remembered

	changes sync.Mutex  // held while the store and then the map are changed
	any     atomic.Bool // something is set: without it, which is most often, nobody takes the lock
	mu      sync.RWMutex
	set     map[dialectKey]switchhook.DialectID
}

type dialectKey struct{ account, dialect, schema, id string }

func keyOf(id *switchhook.DialectID) dialectKey {
	return dialectKey{id.AccountID, id.Dialect, id.Schema, id.ID}
}

// OpenIDs reads what was set.
func OpenIDs(ctx context.Context, store IDStore) (*IDs, error) {
	ids := &IDs{store: store, set: map[dialectKey]switchhook.DialectID{}}
	err := store.DialectIDs(ctx, func(id switchhook.DialectID) error {
		ids.set[keyOf(&id)] = id
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the ids of the dialects: %w", err)
	}
	ids.any.Store(len(ids.set) > 0)
	return ids, nil
}

// Given returns the id that was set for a thing, and "" for none.
func (i *IDs) Given(accountID, dialect, schema, id string) string {
	if !i.any.Load() {
		return ""
	}
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.set[dialectKey{accountID, dialect, schema, id}].Value
}

// Integer returns the integer that stands for a native id.
func (i *IDs) Integer(accountID, schema, id string) (int64, error) {
	key := key{accountID, schema, id}
	if n, ok := i.integers.get(key); ok {
		return n, nil
	}
	n, err := i.store.Integer(context.Background(), accountID, schema, id)
	if err == nil {
		i.integers.put(key, n)
	}
	return n, err
}

// remembered holds integers that the store has given; they never change.
type remembered struct {
	mu sync.Mutex
	m  map[key]int64
}

// mostRemembered bounds what is remembered: the store knows the rest.
const mostRemembered = 100_000

func (r *remembered) get(k key) (int64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.m[k]
	return n, ok
}

func (r *remembered) put(k key, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil || len(r.m) >= mostRemembered {
		r.m = map[key]int64{}
	}
	r.m[k] = n
}

// Set says what a dialect calls a thing. CodeConflict if another of the account is
// called so; of accounts themselves, any other.
func (i *IDs) Set(ctx context.Context, id *switchhook.DialectID, audit ...*switchhook.AuditEntry) error {
	i.changes.Lock()
	defer i.changes.Unlock()
	if id.Schema == "account" {
		for _, other := range i.List(switchhook.DialectIDFilter{Dialect: id.Dialect, Schema: id.Schema}) {
			if other.Value == id.Value && other.ID != id.ID {
				return switchhook.Errorf(switchhook.CodeConflict, "the account %s has the id %q", other.ID, id.Value)
			}
		}
	}
	if err := i.store.PutDialectID(ctx, id, audit...); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.set[keyOf(id)] = *id
	i.any.Store(true)
	return nil
}

// Unset takes that back. CodeNotFound.
func (i *IDs) Unset(ctx context.Context, accountID, dialect, schema, id string, audit ...*switchhook.AuditEntry) error {
	i.changes.Lock()
	defer i.changes.Unlock()
	if err := i.store.DeleteDialectID(ctx, accountID, dialect, schema, id, audit...); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.set, dialectKey{accountID, dialect, schema, id})
	return nil
}

// Forget is told of accounts that the store has deleted, with what was set for them.
func (i *IDs) Forget(accounts []string) {
	i.changes.Lock()
	defer i.changes.Unlock()
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.set, func(k dialectKey, _ switchhook.DialectID) bool { return slices.Contains(accounts, k.account) })
}

// Get returns what was set for a thing.
func (i *IDs) Get(accountID, dialect, schema, id string) (*switchhook.DialectID, bool) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	found, ok := i.set[dialectKey{accountID, dialect, schema, id}]
	return &found, ok
}

// List returns what a filter selects, in no order.
func (i *IDs) List(f switchhook.DialectIDFilter) []*switchhook.DialectID {
	accounts := map[string]bool{}
	for _, id := range f.Accounts {
		accounts[id] = true
	}
	i.mu.RLock()
	defer i.mu.RUnlock()
	list := []*switchhook.DialectID{}
	for k, id := range i.set {
		if (f.Dialect == "" || f.Dialect == k.dialect) && (f.Schema == "" || f.Schema == k.schema) && (f.Accounts == nil || accounts[k.account]) {
			list = append(list, &id)
		}
	}
	return list
}
