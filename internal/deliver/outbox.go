package deliver

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook"
)

// retryCommit is how long the engine waits before it hands failed commits to the
// store again.
const retryCommit = time.Second

// outbox hands commits to the store in their order until each is done, whatever
// happens to the store meanwhile: a full disk delays outcomes and loses none.
type outbox struct {
	store  interface{ Submit(*switchhook.Commit) }
	resume func(context.Context) error
	room   func() // called when full ends
	most   int    // outcomes that may be stuck
	log    *slog.Logger

	mu      sync.Mutex
	number  uint64 // of the last
	under   int    // at the store
	stuck   []numbered
	held    atomic.Int64 // len(stuck), for those who do not hold mu
	stopped bool
}

// numbered is a commit with its place in the order.
type numbered struct {
	n uint64
	c *switchhook.Commit
}

func (o *outbox) init(store interface{ Submit(*switchhook.Commit) }, resume func(context.Context) error, room func(), log *slog.Logger) {
	o.store, o.resume, o.room, o.most, o.log = store, resume, room, mostStuck, log
}

// submit hands a commit over. then is called once it is durable.
func (o *outbox) submit(c *switchhook.Commit, then func()) {
	o.mu.Lock()
	o.number++
	each := numbered{o.number, c}
	c.Done = func(err error) {
		if err != nil {
			o.failed(each, err)
			return
		}
		o.mu.Lock()
		o.under--
		o.mu.Unlock()
		then()
	}
	wait := len(o.stuck) > 0
	if wait {
		o.keep(each)
	} else {
		o.under++
	}
	o.mu.Unlock()
	if !wait { // without the lock: it encodes
		o.store.Submit(c)
	}
}

// failed keeps a commit that the store did not take.
func (o *outbox) failed(each numbered, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.under--
	if len(o.stuck) == 0 {
		o.log.Error("outcomes cannot be recorded; they are kept and tried again until they are", "error", err)
		time.AfterFunc(retryCommit, o.again)
	}
	o.keep(each)
}

func (o *outbox) keep(each numbered) {
	o.stuck = append(o.stuck, each)
	o.held.Store(int64(len(o.stuck)))
}

// again hands all that is stuck to the store once more, when it has answered all
// that it was given.
func (o *outbox) again() {
	if o.resume != nil {
		ctx, cancel := context.WithTimeout(context.Background(), retryCommit)
		err := o.resume(ctx)
		cancel()
		if err != nil {
			o.log.Warn("the store does not take commits yet", "error", err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped {
		return
	}
	if o.under > 0 {
		time.AfterFunc(retryCommit, o.again)
		return
	}
	o.hand()
}

// hand hands all that is stuck to the store. mu is held.
func (o *outbox) hand() {
	slices.SortFunc(o.stuck, func(a, b numbered) int { return cmp.Compare(a.n, b.n) })
	for _, each := range o.stuck {
		o.under++
		o.store.Submit(each.c)
	}
	o.log.Info("outcomes are handed to the store again", "commits", len(o.stuck))
	if len(o.stuck) > o.most {
		time.AfterFunc(retryCommit/2, o.room)
	}
	o.stuck = nil
	o.held.Store(0)
}

// last hands what is stuck to the store once more after stop, if the store takes commits
// again within a moment. Once it says so, it has answered all that it was given before.
func (o *outbox) last(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, retryCommit)
	defer cancel()
	for o.held.Load() > 0 && o.resume != nil && o.resume(ctx) != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryCommit / 10):
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.stuck) > 0 {
		o.hand()
	}
}

// mostStuck is how many outcomes may be known to nobody but this process before it
// makes no more: what was acknowledged goes on being delivered while the disk is full,
// but each outcome is memory (some 4 KB), and a repeat if the process dies.
const mostStuck = 10_000

// full reports whether no more outcomes are to be made for now.
func (o *outbox) full() bool { return o.held.Load() > int64(o.most) }

// stop tries nothing again from now on: what is open stays open in the store.
func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
}
