package deliver

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// item is a delivery that is open in memory.
type item struct {
	ev        *switchhook.Event
	webhookID string
	attempts  int
	due       time.Time // not before; zero: when its turn comes
	heldSince time.Time // when it first failed
	rowed     bool      // it is a due row in the store, or about to be
	fresh     catalogue.Freshness
	// superseded: a later event of its key was delivered, so a live one is of
	// no more use.
	superseded bool
}

func newItem(ev *switchhook.Event, webhookID string) *item {
	it := &item{ev: ev, webhookID: webhookID, fresh: catalogue.Lasting}
	if typ, ok := catalogue.Lookup(ev.Type); ok {
		it.fresh = typ.Freshness
	}
	return it
}

// An orderKey is what an item is ordered by: keys of different accounts are
// different, though one webhook may get the events of both. Without a key it is
// unordered.
type orderKey struct{ account, key string }

func (it *item) key() orderKey { return orderKey{it.ev.AccountID, it.ev.Key} }

// live reports whether it never holds back its key, and is of no more use once
// a later event of its key was delivered.
func (it *item) live() bool { return it.fresh == catalogue.Live }

func (it *item) ref() switchhook.DeliveryRef {
	return switchhook.DeliveryRef{Sequence: it.ev.Sequence, WebhookID: it.webhookID}
}

func (it *item) dueRow() switchhook.Due {
	return switchhook.Due{DeliveryRef: it.ref(), Attempts: it.attempts, At: it.due, HeldSince: it.heldSince}
}

// id is the delivery's, the same for every attempt.
func (it *item) id() string {
	return switchhook.DeliveryID(it.ev.AccountID, it.ev.ID, it.webhookID)
}

// closing is the record of a delivery that ends without a further attempt.
func (it *item) closing(state switchhook.DeliveryState, reason string) *switchhook.Attempt {
	return &switchhook.Attempt{
		ID: switchhook.NewID(switchhook.PrefixAttempt), DeliveryID: it.id(), EventID: it.ev.ID, EventType: it.ev.Type,
		AccountID: it.ev.AccountID, WebhookID: it.webhookID, Sequence: it.ev.Sequence,
		StartedAt: time.Now().UTC(), Outcome: switchhook.Failure, Error: reason, State: state,
	}
}

// laneState is what a lane is doing.
type laneState int

const (
	ready   laneState = iota // waits for one of the webhook's connections
	sending                  // its first item is under way
	waiting                  // its first item has failed and holds the others back
)

// lane is a queue of items with the same ordering key. It exists only while it
// has any.
type lane struct {
	key   orderKey // zero: an item by itself
	items []*item
	state laneState
	wake  time.Time // when waiting ends
	place int       // in the heap of those that wait
}

// queue is all that waits for one webhook.
type queue struct {
	e  *Engine
	id string

	mu       sync.Mutex
	w        *switchhook.Webhook
	d        dialect.Dialect
	lanes    map[orderKey]*lane
	fresh    []*lane // ready, nothing of theirs ever failed
	backlog  []*lane // ready, after a failure or a restart
	turns    int
	sleepers sleepers
	timer    *time.Timer
	live     map[orderKey][]*item // live items that failed, by key
	inFlight int
	open     int
	closed   string // why nothing is sent any more
	stopped  bool

	failures  int         // in a row
	recent    []time.Time // failures under the policy kazoo, as long as they count
	lastError string
	lastAt    time.Time
}

func newQueue(e *Engine, w *switchhook.Webhook, d dialect.Dialect) *queue {
	q := &queue{e: e, id: w.ID, w: w, d: d, lanes: map[orderKey]*lane{}, live: map[orderKey][]*item{}}
	if !w.Enabled {
		q.closed = "the webhook was disabled"
	}
	return q
}

// configure takes a changed webhook over.
func (q *queue) configure(w *switchhook.Webhook, d dialect.Dialect) {
	if !w.Enabled {
		q.close("the webhook was disabled")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !w.UpdatedAt.Equal(q.w.UpdatedAt) {
		q.recent = nil // failures of what it was
	}
	q.w, q.d = w, d
	if w.Enabled {
		q.closed = ""
		q.dispatch()
	}
}

// close cancels all that waits. What is under way is cancelled when it fails.
func (q *queue) close(reason string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != "" {
		return
	}
	q.closed = reason
	all := append(append([]*lane{}, q.fresh...), q.backlog...)
	all = append(all, q.sleepers...)
	q.fresh, q.backlog, q.sleepers, q.live = nil, nil, nil, map[orderKey][]*item{}
	for _, l := range q.lanes {
		if l.state == sending {
			all = append(all, &lane{items: l.items[1:]})
			l.items = l.items[:1]
		} else {
			delete(q.lanes, l.key)
		}
	}
	for _, l := range all {
		for _, it := range l.items {
			q.gone(it)
			q.e.finish(it, it.closing(switchhook.Cancelled, reason))
		}
	}
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

func (q *queue) ordered(it *item) bool { return it.ev.Key != "" && q.w.Ordering != "none" }

// push takes over a new item. waits: something of its key has failed and holds
// it back, so it must become a due row.
func (q *queue) push(it *item) (due switchhook.Due, waits bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.admits(it) {
		return due, false
	}
	if l := q.lanes[it.key()]; l != nil && q.ordered(it) {
		l.items = append(l.items, it)
		if l.state == waiting {
			it.rowed = true
			return it.dueRow(), true
		}
		return due, false
	}
	q.start(q.newLane(it), &q.fresh)
	q.dispatch()
	return due, false
}

// admits counts an item in; one for a webhook that gets nothing any more is
// cancelled.
func (q *queue) admits(it *item) bool {
	q.came(it)
	if q.closed == "" {
		return true
	}
	q.gone(it)
	q.e.finish(it, it.closing(switchhook.Cancelled, q.closed))
	return false
}

// restore takes over an item that an earlier process left open. Items come in
// the order of their sequence.
func (q *queue) restore(it *item, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.admits(it) {
		return
	}
	switch l := q.lanes[it.key()]; {
	case it.attempts > 0 && !q.holds(it, now):
		q.stray(it)
	case l != nil && q.ordered(it):
		l.items = append(l.items, it)
	case it.attempts > 0:
		q.sleep(q.newLane(it), now)
	default:
		q.start(q.newLane(it), &q.backlog)
	}
	q.dispatch()
}

// newLane makes a lane of one item.
func (q *queue) newLane(it *item) *lane {
	l := &lane{items: []*item{it}}
	if q.ordered(it) {
		l.key = it.key()
		q.lanes[l.key] = l
	}
	return l
}

func (q *queue) start(l *lane, list *[]*lane) {
	l.state = ready
	*list = append(*list, l)
}

// holds reports whether a failed item still holds back its key.
func (q *queue) holds(it *item, now time.Time) bool {
	return !it.live() && q.ordered(it) && now.Before(it.heldSince.Add(time.Duration(q.w.Hold)))
}

// stray lets a failed item go its own way, out of order: its schedule goes on
// and nobody waits for it.
func (q *queue) stray(it *item) {
	if old := q.live[it.key()]; it.live() && it.ev.Key != "" && !slices.Contains(old, it) {
		q.live[it.key()] = append(old, it)
	}
	q.sleepUntil(&lane{items: []*item{it}}, it.due)
}

// sleep lets a lane wait for its first item's next attempt, or for the end of
// the time that it may hold back the others.
func (q *queue) sleep(l *lane, now time.Time) {
	it := l.items[0]
	wake := it.due
	if end := it.heldSince.Add(time.Duration(q.w.Hold)); l.key.key != "" && end.Before(wake) && end.After(now) {
		wake = end
	}
	q.sleepUntil(l, wake)
}

func (q *queue) sleepUntil(l *lane, wake time.Time) {
	l.state, l.wake = waiting, wake
	heap.Push(&q.sleepers, l)
	q.setTimer()
}

func (q *queue) setTimer() {
	if q.stopped || len(q.sleepers) == 0 {
		return
	}
	d := time.Until(q.sleepers[0].wake)
	if q.timer == nil {
		q.timer = time.AfterFunc(d, q.awake)
	} else {
		q.timer.Reset(d)
	}
}

// awake starts the lanes whose time has come.
func (q *queue) awake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for len(q.sleepers) > 0 && !q.sleepers[0].wake.After(now) {
		l, _ := heap.Pop(&q.sleepers).(*lane)
		it := l.items[0]
		if it.due.After(now) { // its hold has ended before its next attempt
			l.items = l.items[1:]
			q.stray(it)
			if len(l.items) == 0 {
				delete(q.lanes, l.key)
				continue
			}
		}
		q.start(l, &q.backlog)
	}
	q.setTimer()
	q.dispatch()
}

// limit is how many requests may be under way at once.
func (q *queue) limit() int {
	if q.w.MaxConcurrency > 0 {
		return q.w.MaxConcurrency
	}
	return DefaultConcurrency
}

// dispatch uses free connections for ready lanes.
func (q *queue) dispatch() {
	for !q.stopped && q.inFlight < q.limit() && len(q.fresh)+len(q.backlog) > 0 {
		l := q.next()
		l.state = sending
		q.inFlight++
		q.e.metrics.inFlight.Inc()
		q.e.wg.Add(1)
		go q.work(l)
	}
}

// backlogTurn is how often a lane with backlog goes before fresh ones, so that
// a busy webhook never starves it.
const backlogTurn = 8

// next takes the ready lane whose turn it is: keys without backlog first.
func (q *queue) next() *lane {
	q.turns++
	list := &q.fresh
	if len(q.fresh) == 0 || len(q.backlog) > 0 && q.turns%backlogTurn == 0 {
		list = &q.backlog
	}
	l := (*list)[0]
	(*list)[0] = nil
	*list = (*list)[1:]
	return l
}

// work sends, one item after the other, until nothing is ready.
func (q *queue) work(l *lane) {
	defer q.e.wg.Done()
	for l != nil {
		q.mu.Lock()
		it := l.items[0]
		w, d, superseded := q.w, q.d, it.superseded
		q.mu.Unlock()
		var a *switchhook.Attempt
		var v verdict
		if reason := stale(it, w, superseded, time.Now()); reason != "" {
			a, v = it.closing(switchhook.Expired, reason), verdict{state: switchhook.Expired}
		} else {
			var cut bool
			a, v, cut = q.e.attempt(it, w, d)
			if cut { // the process stops: nobody knows what the receiver got
				break
			}
		}
		l = q.settle(l, it, w, a, v)
	}
	q.mu.Lock()
	q.inFlight--
	q.e.metrics.inFlight.Dec()
	q.dispatch()
	q.mu.Unlock()
}

// stale says why an item is of no more use, or nothing.
func stale(it *item, w *switchhook.Webhook, superseded bool, now time.Time) string {
	if superseded {
		return "a later event of its key was delivered"
	}
	if end, limit := expiry(it, w); limit > 0 && now.After(end) {
		return "it is older than " + switchhook.Duration(limit).String()
	}
	return ""
}

// expiry is when an item expires, and the age that it then has; an age of 0
// means never. Age counts from the event's own time, or from its acceptance
// where a source's clock runs ahead or cannot be relied on.
func expiry(it *item, w *switchhook.Webhook) (end time.Time, limit time.Duration) {
	limit = it.fresh.MaxAge()
	if w.MaxAge > 0 {
		limit = time.Duration(w.MaxAge)
	}
	since := it.ev.OccurredAt
	if it.ev.Relayed || since.After(it.ev.AcceptedAt) {
		since = it.ev.AcceptedAt
	}
	return since.Add(limit), limit
}

// settle records what came of an item and returns the lane to go on with.
// w is the webhook as it was when the attempt began.
func (q *queue) settle(l *lane, it *item, w *switchhook.Webhook, a *switchhook.Attempt, v verdict) *lane {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	c := &switchhook.Commit{Attempts: []*switchhook.Attempt{a}}
	var closed []int64
	if v.state == switchhook.Pending && q.closed != "" {
		v = verdict{state: switchhook.Cancelled, reason: q.closed}
	}
	a.State = v.state
	if v.reason != "" && v.state != switchhook.Pending {
		a.Error = joinReasons(a.Error, v.reason)
	}
	q.note(a)
	disable := v.reason
	if w.UpdatedAt.Equal(q.w.UpdatedAt) && q.kazooRule(a, now) {
		v.disable, disable = true, "too many failed attempts"
		q.recent = nil
	}
	if v.state == switchhook.Pending {
		it.attempts, it.due = it.attempts+1, now.Add(v.wait)
		if end, limit := expiry(it, q.w); limit > 0 && it.due.After(end) {
			it.due = end.Add(time.Millisecond) // not to be sent, but to be recorded in time
		}
		if it.heldSince.IsZero() {
			it.heldSince = now
		}
		a.NextAttemptAt = it.due.UTC()
		closed = q.row(l, it, c)
		if q.holds(it, now) && l.key.key != "" {
			q.sleep(l, now)
		} else {
			l.items = l.items[1:]
			q.stray(it)
			q.goOn(l)
		}
	} else {
		if it.rowed {
			c.Settled = append(c.Settled, it.ref())
		} else {
			closed = append(closed, it.ev.Sequence)
		}
		q.gone(it)
		if v.state == switchhook.Delivered {
			q.supersede(it)
		}
		l.items = l.items[1:]
		q.goOn(l)
	}
	q.e.metrics.close(v.state)
	q.e.submit(c, closed)
	// The webhook of call flows stands for many addresses and is never turned off.
	if v.disable && !q.w.Flow && q.e.o.Disable != nil {
		go q.e.o.Disable(q.id, disable, w.UpdatedAt)
	}
	if q.stopped || q.inFlight > q.limit() || len(q.fresh)+len(q.backlog) == 0 {
		return nil
	}
	next := q.next()
	next.state = sending
	return next
}

// row makes due rows of a failed item and of all that waits behind it, and
// returns the sequences that are thereby no longer only in memory.
func (q *queue) row(l *lane, it *item, c *switchhook.Commit) (closed []int64) {
	for _, each := range l.items {
		if each != it && each.rowed {
			continue
		}
		if !each.rowed {
			closed = append(closed, each.ev.Sequence)
			each.rowed = true
		}
		c.Due = append(c.Due, each.dueRow())
	}
	return closed
}

// goOn lets the lane's next item have its turn, behind the other lanes.
func (q *queue) goOn(l *lane) {
	switch {
	case len(l.items) == 0:
		if q.lanes[l.key] == l {
			delete(q.lanes, l.key)
		}
	case l.items[0].rowed:
		q.start(l, &q.backlog)
	default:
		q.start(l, &q.fresh)
	}
}

// supersede tells failed live items that a later event of their key arrived.
func (q *queue) supersede(it *item) {
	for _, old := range q.live[it.key()] {
		old.superseded = old.ev.Sequence < it.ev.Sequence || old.superseded
	}
}

func (q *queue) came(it *item) {
	if d, ok := q.d.(dialect.Hurried); ok && d.Live(it.ev.Type) {
		it.fresh = catalogue.Live
	}
	q.open++
	q.e.metrics.waiting.Inc()
}

func (q *queue) gone(it *item) {
	q.open--
	q.e.metrics.waiting.Dec()
	if old := q.live[it.key()]; it.live() && len(old) > 0 {
		q.live[it.key()] = slices.DeleteFunc(old, func(each *item) bool { return each == it })
		if len(q.live[it.key()]) == 0 {
			delete(q.live, it.key())
		}
	}
}

// note keeps what a person wants to know about the webhook.
func (q *queue) note(a *switchhook.Attempt) {
	if a.Number == 0 {
		return
	}
	q.lastAt = a.StartedAt
	if a.Outcome == switchhook.Success {
		q.failures = 0
		return
	}
	q.failures++
	q.lastError = a.Error
}

// Kazoo turns a hook off after this many failed attempts within this time
// (webhooks.attempt_failure_count and attempt_failure_expiry_ms). A success
// does not take back the count.
const (
	kazooFailures = 6
	kazooWindow   = time.Minute
)

// kazooRule reports whether Kazoo would turn the webhook off after this attempt.
func (q *queue) kazooRule(a *switchhook.Attempt, now time.Time) bool {
	if q.w.Retry.Policy != "kazoo" || a.Number == 0 || a.Outcome == switchhook.Success {
		return false
	}
	q.recent = slices.DeleteFunc(q.recent, func(t time.Time) bool { return now.Sub(t) >= kazooWindow })
	q.recent = append(q.recent, now)
	return len(q.recent) >= kazooFailures
}

// failingAfter is how many failures in a row make a webhook failing.
const failingAfter = 3

func (q *queue) status() (string, map[string]any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	stats := map[string]any{"pending": q.open, "in_flight": q.inFlight, "failures_in_a_row": q.failures}
	if q.lastError != "" {
		stats["last_error"] = q.lastError
	}
	if !q.lastAt.IsZero() {
		stats["last_attempt_at"] = q.lastAt
	}
	switch {
	case q.closed != "":
		return "disabled", stats
	case q.failures >= failingAfter:
		return "failing", stats
	default:
		return "active", stats
	}
}

func joinReasons(what, why string) string {
	if what == "" {
		return why
	}
	return what + "; " + why
}

// luck is where in its jitter a retry falls.
func luck() float64 { return rand.Float64() } //nolint:gosec // jitter needs no secrecy

// sleepers is a heap of lanes by when they wake.
//
//nolint:recvcheck // container/heap wants it so
type sleepers []*lane

func (s sleepers) Len() int           { return len(s) }
func (s sleepers) Less(i, j int) bool { return s[i].wake.Before(s[j].wake) }
func (s sleepers) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

// Push adds a lane; use heap.Push.
func (s *sleepers) Push(x any) {
	l, _ := x.(*lane)
	l.place = len(*s)
	*s = append(*s, l)
}

// Pop removes the last lane; use heap.Pop.
func (s *sleepers) Pop() any {
	old := *s
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*s = old[:len(old)-1]
	return l
}
