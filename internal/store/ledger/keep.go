package ledger

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// A keeping knows whose history is kept for a shorter time than that of others, and how
// far it has been cut out (cut.go). Its accounts are those that are committed.
type keeping struct {
	keeps atomic.Pointer[store.Keeps] // what follows, for all who read; nil: no account has less

	mu       sync.Mutex
	accounts map[string]*switchhook.Account // of each, who is above it, and its retention
	deleted  map[string]time.Time           // those that history may still have something of, and when they were
	upto     map[string]int64               // as in account_cuts
	moved    map[string]bool                // which of these are to be written
	waits    map[string]bool                // those that have something open, so that this pass can do no more
}

// get returns what holds now; nil: it is the same for all.
func (k *keeping) get() store.Keeps {
	if keeps := k.keeps.Load(); keeps != nil {
		return *keeps
	}
	return nil
}

// change changes the accounts.
func (k *keeping) change(fn func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fn()
	if keeps := store.NewKeeps(k.accounts, slices.Collect(maps.Keys(k.deleted))); keeps != nil {
		k.keeps.Store(&keeps)
	} else {
		k.keeps.Store(nil)
	}
}

func (k *keeping) put(a *switchhook.Account) {
	kept := &switchhook.Account{ID: a.ID, ParentID: a.ParentID, Retention: a.Retention}
	k.change(func() { k.accounts[a.ID] = kept })
}

// remove is called once accounts are deleted.
func (k *keeping) remove(ids []string, at time.Time) {
	k.change(func() {
		for _, id := range ids {
			if k.accounts[id] != nil {
				delete(k.accounts, id)
				k.deleted[id] = at
			}
		}
	})
}

// load reads what is committed.
func (k *keeping) load(ctx context.Context, from Reader) error {
	all, err := readAccounts(ctx, from)
	if err != nil {
		return err
	}
	accounts, deleted, upto := make(map[string]*switchhook.Account), make(map[string]time.Time), make(map[string]int64)
	for _, a := range all {
		accounts[a.ID] = &switchhook.Account{ID: a.ID, ParentID: a.ParentID, Retention: a.Retention}
	}
	err = each(ctx, from, func(scan scan) error {
		var id string
		var at int64
		err := scan(&id, &at)
		deleted[id] = fromMicros(at)
		return err
	}, "SELECT id, deleted_at FROM deleted_accounts WHERE gone = 0")
	if err == nil {
		err = each(ctx, from, func(scan scan) error {
			var id string
			var n int64
			err := scan(&id, &n)
			upto[id] = n
			return err
		}, "SELECT account_id, upto FROM account_cuts")
	}
	if err != nil {
		return fmt.Errorf("read how long history is kept: %w", err)
	}
	k.change(func() {
		k.accounts, k.deleted, k.upto = accounts, deleted, upto
		k.moved, k.waits = make(map[string]bool), make(map[string]bool)
	})
	return nil
}

// Cutoffs are the times before which history is too old, of the accounts that keep less
// than others.
func (d *DB) Cutoffs(now time.Time) map[string]time.Time { return d.keeping.get().Cutoffs(now) }

// gone returns a question: whether what happened in an account is too old by now.
func (d *DB) gone() func(account string, at time.Time) bool {
	keeps, now := d.keeping.get(), time.Now()
	return func(account string, at time.Time) bool { return keeps.Gone(account, at, now) }
}

// shortest is the least time for which ids that clients gave are known: as promised.
const shortest = 24 * time.Hour

// remembers is how long the ids are known that clients gave to an account's events.
func (k *keeping) remembers(account string) time.Duration {
	if keep, shorter := k.get()[account]; shorter {
		return min(max(keep, shortest), remembered)
	}
	return remembered
}

// next returns the first slice that something is to be taken out of, and of whom.
func (k *keeping) next(all []*slice, now time.Time) (first *slice, accounts []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := len(all)
	for id, keep := range k.get() {
		i, _ := slices.BinarySearchFunc(all, k.upto[id], func(s *slice, upto int64) int { return cmp.Compare(s.before(), upto) })
		if i > at || i == len(all) || k.waits[id] {
			continue
		}
		if s := all[i]; !s.closed || keep > 0 && s.to >= micros(now.Add(-keep)) {
			continue
		}
		if i < at {
			at, accounts = i, accounts[:0]
		}
		accounts = append(accounts, id)
	}
	if at == len(all) {
		return nil, nil
	}
	slices.Sort(accounts)
	return all[at], accounts
}

// cutUpTo says that nothing of accounts is left in a slice and those before, or that what is
// left has something open and has to wait.
func (k *keeping) cutUpTo(s *slice, accounts []string, waits map[string]bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range accounts {
		if waits[id] {
			k.waits[id] = true
		} else {
			k.upto[id], k.moved[id] = s.before()+1, true
		}
	}
}

// over are the accounts that were deleted some time ago and of which no closed slice has
// anything any more.
func (k *keeping) over(all []*slice, now time.Time) (ids []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var closed int64 // up to where
	for _, s := range all {
		if s.closed {
			closed = s.before() + 1
		}
	}
	for id, at := range k.deleted {
		if k.upto[id] >= closed && now.Sub(at) > settled {
			ids = append(ids, id)
		}
	}
	return ids
}

// settled is how long after an account was deleted nothing more comes of what was under
// way then.
const settled = 10 * time.Minute

// putMoved writes how far some of the accounts were cut.
func (w *writer) putMoved(ctx context.Context) (moved []string, err error) {
	k := w.keeping
	k.mu.Lock()
	defer k.mu.Unlock()
	for id := range k.moved {
		err := w.tx.Put(ctx, `INSERT INTO account_cuts (account_id, upto) VALUES (?, ?)
			ON CONFLICT (account_id) DO UPDATE SET upto = excluded.upto`, id, k.upto[id])
		if err != nil {
			return nil, err
		}
		if moved = append(moved, id); len(moved) == pruneRows {
			break
		}
	}
	return moved, nil
}

// written is called once that is durable.
func (k *keeping) written(moved []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range moved {
		delete(k.moved, id)
	}
}

// forget is called once history has nothing more of deleted accounts.
func (k *keeping) forget(ids []string) {
	if len(ids) > 0 {
		k.change(func() {
			for _, id := range ids {
				delete(k.deleted, id)
				delete(k.upto, id)
				delete(k.moved, id)
			}
		})
	}
}
