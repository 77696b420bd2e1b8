package deliver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// queue runs the machine of one webhook: it gives it the time and a lock, sends
// what it says, and commits what it wants kept.
type queue struct {
	e  *Engine
	id string

	mu      sync.Mutex
	m       *machine
	target  *target
	timer   *time.Timer
	at      time.Time // when the timer fires; zero: it does not
	stopped bool
	made    bool // it was made when it was needed
	gone    bool // it was forgotten, and another is made when it is needed again
	asked   int  // shares that it waits for

	eldest eldest

	bytes, items, parked int           // as the engine knows them
	open                 *atomic.Int64 // of the account's webhooks
}

func newQueue(e *Engine, w *switchhook.Webhook, d dialect.Dialect) *queue {
	q := &queue{e: e, id: w.ID, m: newMachine(w), open: e.openOf(w.AccountID)}
	q.m.newest = e.tracker.newest
	if e.o.Score != nil {
		q.m.score = e.o.Score(w.ID)
	}
	q.m.sizes, q.m.tight, q.m.disableAfter = e.sizes, e.tight, e.o.DisableAfter
	q.aim(w, d)
	q.m.configure(w, closedBy(w), q.e.o.Now())
	return q
}

// aim takes over where the requests go.
func (q *queue) aim(w *switchhook.Webhook, d dialect.Dialect) {
	q.target, q.m.class = q.e.target(w, d, q.target), nil
	q.target.made = q.made
	if c, ok := d.(dialect.Classing); ok {
		q.m.class = c.Freshness
	}
}

func closedBy(w *switchhook.Webhook) string {
	if !w.Enabled {
		return "the webhook was disabled"
	}
	return ""
}

// do runs fn on the machine, and then all that follows from it.
func (q *queue) do(fn func(m *machine, now time.Time)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.e.o.Now()
	fn(q.m, now)
	q.after(now)
}

// after starts what may go, commits what the machine wants kept, and sets the
// timer.
func (q *queue) after(now time.Time) {
	q.m.wake(now)
	if !q.stopped {
		q.start(now)
	}
	q.commit(nil)
	q.report()
	if !q.stopped {
		q.fetch(now)
		q.setTimer(now)
	}
}

// report tells the engine how much is in memory, and what is not.
func (q *queue) report() {
	parked := q.m.away.n + q.m.away.strays
	q.open.Add(int64(q.m.items + parked - q.items - q.parked))
	if q.bytes != q.m.bytes {
		q.e.memory.Add(int64(q.m.bytes - q.bytes))
		q.bytes = q.m.bytes
	}
	if q.items != q.m.items {
		q.e.metrics.waiting.Add(float64(q.m.items - q.items))
		q.items = q.m.items
	}
	if q.parked != parked {
		q.e.metrics.parked.Add(float64(parked - q.parked))
		q.parked = parked
	}
}

func (q *queue) configure(w *switchhook.Webhook, d dialect.Dialect) {
	q.do(func(m *machine, now time.Time) {
		q.aim(w, d)
		m.configure(w, closedBy(w), now)
	})
}

// delete cancels all that waits, for good: nothing need be remembered.
func (q *queue) delete() {
	q.do(func(m *machine, now time.Time) {
		m.configure(m.w, deleted, now)
		m.gate.changed = false
	})
}

// stop starts no more requests; what waits stays open in the store.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	if q.timer != nil {
		q.timer.Stop()
	}
}

// commit hands what the machine wants kept to the store. Holding the lock keeps
// the order of the commits that of what happened.
func (q *queue) commit(job *switchhook.Job) {
	out := &q.m.out
	g := &q.m.gate
	if len(out.attempts)+len(out.due)+len(out.settled) == 0 && !g.changed && job == nil {
		return
	}
	c := &switchhook.Commit{Attempts: out.attempts, Due: out.due, Settled: out.settled, Lazy: job == nil}
	if g.changed {
		g.changed = false
		c.Gates = []switchhook.Gate{g.row(q.id)}
	}
	if job != nil {
		c.Jobs = []*switchhook.Job{job}
	}
	q.e.metrics.count(out.attempts)
	was := *out
	*out = effects{}
	var then func()
	if was.parks+len(was.left) > 0 {
		then = func() {
			q.do(func(m *machine, _ time.Time) { m.durable(was.parks, was.left) })
		}
	}
	q.e.submit(c, was.closed, then)
	if was.disable != "" && q.e.o.Disable != nil {
		go q.e.o.Disable(q.id, was.disable, was.version)
	}
}

// start begins what may go, as far as there are shares, and asks for the rest.
func (q *queue) start(now time.Time) {
	for wish := q.m.wish(now) - q.asked; wish > 0 && !q.e.halted(); wish-- {
		if !q.e.shares.acquire() {
			q.asked += wish
			q.e.shares.ask(q, q.m.w.AccountID, wish)
			return
		}
		if !q.launch(now) {
			q.e.shares.release()
			return
		}
	}
}

// launch begins the next request, with a share that the caller has got.
func (q *queue) launch(now time.Time) bool {
	d := q.m.take(now)
	if d == nil {
		return false
	}
	q.e.metrics.inFlight.Inc()
	q.e.wg.Add(1)
	select {
	case q.e.idle <- job{q, d, q.target}:
	default:
		go q.e.worker(job{q, d, q.target})
	}
	return true
}

// A job is the first request of a worker, by itself or with those that come after it.
type job struct {
	q *queue
	d *delivery
	t *target
}

// worker does one job after the other, until the engine stops. There are as many as shares
// were ever taken at once. A goroutine for each request has to make its stack larger each
// time, which was 3 % of what an event costs that is posted by itself.
func (e *Engine) worker(j job) {
	for {
		j.q.work(j.d, j.t)
		select {
		case j = <-e.idle:
		case <-e.ctx.Done():
			return
		}
	}
}

// granted is called when a share that start asked for has come.
func (q *queue) granted() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked--
	now := q.e.o.Now()
	if q.stopped || q.e.halted() || !q.launch(now) {
		q.e.shares.release()
	}
	q.after(now)
}

// work sends, one delivery after the other, until nothing is ready or others
// wait for their share.
func (q *queue) work(d *delivery, t *target) {
	defer q.e.wg.Done()
	defer q.e.metrics.inFlight.Dec()
	var s slot
	for {
		q.e.shares.begin(&s)
		a, v, cut := q.e.attempt(d, t)
		mine, wanted := q.e.shares.end(&s)
		if cut { // the process stops: nobody knows what the receiver got
			if mine {
				q.e.shares.release()
			}
			return
		}
		if d, t = q.settle(d, t.w, a, v, mine, mine && !wanted); d == nil {
			return
		}
	}
}

// settle records what came of a delivery. mine: the worker still has its share;
// goOn: it may keep it for another, which settle returns.
func (q *queue) settle(d *delivery, w *switchhook.Webhook, a *switchhook.Attempt, v verdict, mine, goOn bool) (
	next *delivery, by *target,
) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.e.o.Now()
	q.m.settle(d, w, a, v, now)
	if goOn && !q.stopped && !q.e.halted() {
		next = q.m.take(now)
	}
	if mine && next == nil {
		q.e.shares.release()
	}
	q.after(now)
	return next, q.target
}

// fetch reads rows for which there is room.
func (q *queue) fetch(now time.Time) {
	if q.e.halted() {
		return
	}
	n, after, strays, until := q.m.wants(now)
	if n == 0 && strays == 0 {
		return
	}
	q.e.wg.Go(func() {
		var err error
		dueDone := false
		if n > 0 {
			err = q.read(n, func(ctx context.Context) ([]switchhook.OpenDelivery, error) {
				return q.e.o.Store.Due(ctx, q.id, after, n)
			}, (*machine).fetched)
			dueDone = err == nil
		}
		if strays > 0 && err == nil {
			err = q.read(strays, func(ctx context.Context) ([]switchhook.OpenDelivery, error) {
				return q.e.o.Store.Strays(ctx, q.id, until, strays)
			}, (*machine).fetchedStrays)
		}
		if err != nil && q.e.ctx.Err() == nil {
			q.e.o.Logger.Error("waiting deliveries could not be read; it is tried again", "webhook", q.id, "error", err)
			time.AfterFunc(retryCommit, func() {
				q.do(func(m *machine, _ time.Time) { m.fetchFailed(n > 0 && !dueDone, strays > 0) })
			})
		}
	})
}

func (q *queue) read(n int, from func(context.Context) ([]switchhook.OpenDelivery, error),
	take func(*machine, []switchhook.OpenDelivery, bool, time.Time),
) error {
	rows, err := from(q.e.ctx)
	if err != nil {
		return err
	}
	q.do(func(m *machine, now time.Time) { take(m, rows, len(rows) < n, now) })
	return nil
}

func (q *queue) setTimer(now time.Time) {
	at := q.m.wakeAt(now)
	if at.Equal(q.at) {
		return
	}
	q.at = at
	switch {
	case at.IsZero():
		if q.timer != nil {
			q.timer.Stop()
		}
	case q.timer == nil:
		q.timer = time.AfterFunc(at.Sub(now), q.awake)
	default:
		q.timer.Reset(at.Sub(now))
	}
}

func (q *queue) awake() {
	q.do(func(m *machine, now time.Time) {
		q.at = time.Time{}
		m.wake(now)
	})
}

// failingAfter is how many failures in a row make a webhook failing in people's
// eyes, before its gate shuts.
const failingAfter = 3

func (q *queue) status() (string, map[string]any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := &q.m.gate
	stats := map[string]any{
		"pending": q.m.items + q.m.away.n + q.m.away.strays, "in_flight": q.m.inFlight, "failures_in_a_row": g.failures,
	}
	if g.lastError != "" {
		stats["last_error"] = g.lastError
	}
	if !g.lastErrorAt.IsZero() {
		stats["last_error_at"] = g.lastErrorAt.UTC()
	}
	if !g.lastAttempt.IsZero() {
		stats["last_attempt_at"] = g.lastAttempt.UTC()
	}
	if !g.since.IsZero() {
		stats["failing_since"] = g.since.UTC()
	}
	switch g.state {
	case closed:
		return "disabled", stats
	case paused:
		return "paused", stats
	case failing, probing:
		if g.state == failing {
			stats["next_probe_at"] = g.nextProbe.UTC()
		}
		return "failing", stats
	case flowing:
	}
	if g.failures >= failingAfter {
		return "failing", stats
	}
	return "active", stats
}

// An eldest remembers for a moment what the store has said is the oldest row.
type eldest struct {
	mu         sync.Mutex
	acceptedAt time.Time
	asked      time.Time
}

const (
	// eldestFor is for how long.
	eldestFor = 2 * time.Second
	// eldestWait is how long it may take to say.
	eldestWait = time.Second
)

// waitsSince is when the event of the oldest open delivery was accepted; zero: there is
// none, or nobody can say.
func (q *queue) waitsSince() time.Time {
	q.mu.Lock()
	var young time.Time // of those without a row
	if d := q.m.oldest; d != nil {
		young = d.ev.AcceptedAt
	}
	rows := len(q.m.rows)+q.m.away.n+q.m.away.strays > 0
	q.mu.Unlock()
	if !rows {
		return young
	}
	q.eldest.mu.Lock()
	defer q.eldest.mu.Unlock()
	if now := q.e.o.Now(); now.Sub(q.eldest.asked) >= eldestFor {
		ctx, cancel := context.WithTimeout(q.e.ctx, eldestWait)
		defer cancel()
		q.eldest.acceptedAt, q.eldest.asked = time.Time{}, now
		if o, err := q.e.o.Store.Oldest(ctx, q.id); err == nil && o != nil && o.Event != nil {
			q.eldest.acceptedAt = o.Event.AcceptedAt
		}
	}
	if old := q.eldest.acceptedAt; young.IsZero() || !old.IsZero() && old.Before(young) {
		return old
	}
	return young
}
