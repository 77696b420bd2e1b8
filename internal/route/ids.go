package route

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/switchhook/switchhook"
)

type idRef struct{ account, id string }

// reservations keeps two requests from accepting the same event id at the same
// time: the second waits until the first is durable, and then finds it known.
type reservations struct {
	mu    sync.Mutex
	taken map[idRef]chan struct{}
}

// reserve takes the given ids of all events, or waits until it can. Since it
// takes all or none, two requests cannot wait for one another.
func (r *reservations) reserve(ctx context.Context, events []*switchhook.Event) (release func(), err error) {
	var refs []idRef
	for _, ev := range events {
		if ev.ID != "" {
			refs = append(refs, idRef{ev.AccountID, ev.ID})
		}
	}
	if len(refs) == 0 {
		return func() {}, nil
	}
	for {
		wait := r.tryReserve(refs)
		if wait == nil {
			return func() { r.release(refs) }, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryReserve takes all refs, or returns what to wait for.
func (r *reservations) tryReserve(refs []idRef) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ref := range refs {
		if done := r.taken[ref]; done != nil {
			return done
		}
	}
	if r.taken == nil {
		r.taken = map[idRef]chan struct{}{}
	}
	done := make(chan struct{})
	for _, ref := range refs {
		r.taken[ref] = done
	}
	return nil
}

func (r *reservations) release(refs []idRef) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.taken[refs[0]]) // one channel for all of them
	for _, ref := range refs {
		delete(r.taken, ref)
	}
}

// keyedMutex locks by key; keys that share a slot share a lock. Its zero value
// is unlocked.
type keyedMutex struct {
	once  sync.Once
	seed  maphash.Seed
	slots [64]sync.Mutex
}

// lock locks a key and returns what unlocks it.
func (m *keyedMutex) lock(key string) (unlock func()) {
	m.once.Do(func() { m.seed = maphash.MakeSeed() })
	slot := &m.slots[maphash.String(m.seed, key)%uint64(len(m.slots))]
	slot.Lock()
	return slot.Unlock
}
