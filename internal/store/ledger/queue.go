package ledger

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

// What one transaction takes at most, so that Done is not kept waiting while an
// endless queue is written.
const (
	maxCommits = 512
	maxRows    = 5000
)

// An item waits for the committer: a commit, or a function.
type item struct {
	commit *rows
	op     func(context.Context) error
	done   func(error) // of an op
}

type queue struct {
	mu     sync.Mutex
	ready  *sync.Cond
	items  []item
	ripe   bool // there is something to do now
	timer  *time.Timer
	closed bool
}

// patience is how long a lazy commit waits for others. Attempts come a moment
// after the events that they belong to and before the next: written with those,
// they cost a third of the transactions.
const patience = 5 * time.Millisecond

func newQueue() *queue {
	q := &queue{}
	q.ready = sync.NewCond(&q.mu)
	q.timer = time.AfterFunc(patience, q.ripen)
	return q
}

// put reports whether the queue was still open.
func (q *queue) put(it item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.items = append(q.items, it)
	if it.commit == nil || !it.commit.Lazy {
		q.ripe = true
		q.ready.Signal()
	} else if len(q.items) == 1 {
		q.timer.Reset(patience)
	}
	return true
}

func (q *queue) ripen() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) > 0 {
		q.ripe = true
		q.ready.Signal()
	}
}

// take waits for items and returns all of them; none once the queue is closed
// and empty. It keeps the slice it is given for the next ones.
func (q *queue) take(spare []item) []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.ripe && !q.closed {
		q.ready.Wait()
	}
	items := q.items
	q.items, q.ripe = spare[:0], false
	return items
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Signal()
}

// Submit queues a commit. What takes time, such as encoding, is done here, on
// the caller's goroutine, of which there are many. Done is never called within
// Submit: callers may hold a lock that Done takes.
func (d *DB) Submit(c *switchhook.Commit) {
	r := newRows(c)
	if !d.queue.put(item{commit: r}) {
		go r.finish(errClosed)
	}
}

var errClosed error = switchhook.Errorf(switchhook.CodeUnavailable, "the store is closed")

// write runs fn in a transaction of its own, in its turn. Where ctx ends while
// the queue is long, fn may still be run later.
func (d *DB) write(ctx context.Context, fn func(context.Context, *writer) error) error {
	return d.writeThen(ctx, fn, func() {})
}

// writeThen is write that calls then, on the committer's goroutine, once what fn
// wrote is durable.
func (d *DB) writeThen(ctx context.Context, fn func(context.Context, *writer) error, then func()) error {
	return d.enqueue(ctx, func(committer context.Context) error {
		if refusal := d.refusal.Load(); refusal != nil {
			return refusal
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := d.w.counted(committer, func() error { return fn(committer, d.w) })
		if err == nil {
			d.setup.doubt(false)
			then()
			return nil
		}
		if _, ours := errors.AsType[*switchhook.Error](err); ours {
			return err
		}
		d.setup.doubt(true)
		if d.fatal(err) {
			return d.refuse(committer, err)
		}
		return unavailable(err)
	})
}

// writeWhole is writeThen that is over when it returns, also where ctx ends meanwhile: fn may
// change what is the caller's.
func (d *DB) writeWhole(ctx context.Context, fn func(context.Context, *writer) error, then func()) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return d.writeThen(context.WithoutCancel(ctx), fn, then)
}

// enqueue runs op on the committer's goroutine and waits for it.
func (d *DB) enqueue(ctx context.Context, op func(context.Context) error) error {
	done := make(chan error, 1)
	if !d.queue.put(item{op: op, done: func(err error) { done <- err }}) {
		return errClosed
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run is the committer.
func (d *DB) run(ctx context.Context) {
	var items []item
	for {
		items = d.queue.take(items)
		if len(items) == 0 {
			_ = d.saveAll(ctx) // or the next start does it
			d.endDoubt(ctx)
			return
		}
		for rest := items; len(rest) > 0; {
			if rest[0].op != nil {
				rest[0].done(rest[0].op(ctx))
				rest = rest[1:]
				continue
			}
			n := batch(rest)
			d.commit(ctx, rest[:n])
			rest = rest[n:]
		}
		clear(items)
	}
}

// batch is how many of the first items go into one transaction.
func batch(items []item) int {
	rows := 0
	for i, it := range items {
		if it.op != nil || i == maxCommits {
			return i
		}
		if rows += it.commit.count(); i > 0 && rows > maxRows {
			return i
		}
	}
	return len(items)
}

// commit makes the commits of a batch durable and tells them in their order.
func (d *DB) commit(ctx context.Context, items []item) {
	var err error
	if refusal := d.refusal.Load(); refusal != nil {
		err = refusal
	} else if err = d.w.counted(ctx, func() error { return d.w.apply(ctx, items) }); err != nil {
		unknown := errors.Is(err, ErrUnknown)
		err = d.refuse(ctx, err)
		if unknown {
			d.inDoubt(ctx, items)
			return
		}
	}
	if err == nil {
		d.w.committed()
		d.setup.doubt(false)
	}
	for _, it := range items {
		it.commit.finish(err)
	}
	if err != nil {
		return
	}
	d.indexClosed(ctx)
	if d.w.saveDue() {
		_ = d.save(ctx, func() error { return d.w.saveSome(ctx, saveAtOnce) }) // the next commit tells
	}
}

// inDoubt keeps the commits of a batch that may have been committed or not, and tells
// their end once the database can be asked. Until Resume nothing else is taken.
func (d *DB) inDoubt(ctx context.Context, items []item) {
	for _, it := range items {
		d.doubtful = append(d.doubtful, it.commit)
	}
	d.doubt = d.w.batches
	d.done.Go(func() {
		for settled := false; !settled; {
			select {
			case <-time.After(askAgain):
			case <-d.closed:
				return
			}
			err := d.enqueue(ctx, func(ctx context.Context) error {
				if len(d.doubtful) == 0 {
					return nil
				}
				err := d.w.reopen(ctx)
				if err != nil && !d.fatal(err) {
					return err
				}
				if err != nil {
					_ = d.refuse(ctx, err) // nobody will ever know
				}
				d.settleDoubt(err)
				return nil
			})
			settled = err == nil || errors.Is(err, errClosed)
		}
	})
}

const (
	// askAgain is how long to wait before the database is asked again what it knows,
	// askLast how long it has to answer when the store is closed.
	askAgain = 200 * time.Millisecond
	askLast  = 5 * time.Second
)

// endDoubt tells what is still in doubt when the store is closed.
func (d *DB) endDoubt(ctx context.Context) {
	if len(d.doubtful) > 0 {
		ctx, cancel := context.WithTimeout(ctx, askLast)
		defer cancel()
		d.settleDoubt(d.w.reopen(ctx))
	}
}

// settleDoubt is called once the database was read again. unread is why it was not, and
// will not be: then the commits may have been committed or not, and are told to have
// failed, as if they were to be tried again.
func (d *DB) settleDoubt(unread error) {
	if len(d.doubtful) == 0 {
		return
	}
	var err error
	if unread != nil || d.w.batches < d.doubt {
		err = d.refusal.Load()
	}
	for _, r := range d.doubtful {
		r.finish(err)
	}
	d.doubtful = nil
}

// saveAll puts the snapshots that have gathered into their table.
func (d *DB) saveAll(ctx context.Context) error {
	return d.save(ctx, func() error { return d.w.saveAll(ctx) })
}

func (d *DB) save(ctx context.Context, fn func() error) error {
	if refusal := d.refusal.Load(); refusal != nil {
		return refusal
	}
	if err := fn(); err != nil {
		return d.refuse(ctx, err)
	}
	return nil
}

// indexClosed has the slices indexed that were closed.
func (d *DB) indexClosed(ctx context.Context) {
	for _, s := range d.w.closed {
		d.done.Go(func() {
			if err := d.index(ctx, s); err != nil && !errors.Is(err, errClosed) && !errors.Is(err, errDropped) {
				d.log.WarnContext(ctx, "a slice of the history stays indexed in memory until the next start", "error", err)
			}
		})
	}
	d.w.closed = nil
}

// refuse makes the store refuse all further writes.
func (d *DB) refuse(ctx context.Context, cause error) error {
	refusal := unavailable(cause)
	d.refusal.Store(refusal)
	if d.fatal(cause) {
		d.log.ErrorContext(ctx, "the store is broken", "error", cause)
		select {
		case <-d.broken: // Resume may come here again
		default:
			close(d.broken)
		}
	} else {
		d.log.ErrorContext(ctx, "commit failed", "error", cause)
	}
	return refusal
}

// Resume takes writes again, on a new connection and from what the database
// says, if a first write to it succeeds. It waits its turn in the queue: what
// was submitted before it is still refused.
func (d *DB) Resume(ctx context.Context) error {
	return d.enqueue(ctx, func(committer context.Context) error {
		refusal := d.refusal.Load()
		if refusal == nil {
			return nil
		}
		select {
		case <-d.broken:
			return refusal
		default:
		}
		if err := d.w.reopen(committer); err != nil {
			return d.refuse(committer, err)
		}
		d.settleDoubt(nil)
		d.refusal.Store(nil)
		d.indexClosed(committer)
		return nil
	})
}

// Broken is closed when the store can never again promise anything.
func (d *DB) Broken() <-chan struct{} { return d.broken }

// Held reports whether nobody else can have the database by now.
func (d *DB) Held() bool { return d.db.Held() }

// Ping reports whether the store can be read and takes commits.
func (d *DB) Ping(ctx context.Context) error {
	if refusal := d.refusal.Load(); refusal != nil {
		return refusal
	}
	if _, err := d.LastSequence(ctx); err != nil {
		return unavailable(err)
	}
	return nil
}

func unavailable(cause error) *switchhook.Error {
	return switchhook.Errorf(switchhook.CodeUnavailable, "the store cannot be written or read at the moment").With(cause)
}
