package deliver

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// sizes say how much of what waits for one webhook is in memory; the rest are rows.
type sizes struct {
	window int // deliveries, while they are sent
	tight  int // the same, where memory is short
	shut   int // while they are not sent: enough for probes
	fresh  int // beyond the window, for keys without backlog
	chunk  int // rows that are fetched at once
	strays int // of the deliveries that wait for a retry on their own
}

//nolint:gochecknoglobals // a constant that Go cannot write as such
var usual = sizes{window: 10_000, tight: 500, shut: 16, fresh: 1_000, chunk: 1_000, strays: 5_000}

// slow is how long a delivery may be open without a row, and at most twice that:
// what has to be looked for among the events after a crash is never older,
// whatever the receivers do.
const slow = 2 * time.Second

// machine is all that waits for one webhook: the heart of the engine. It is pure:
// it reads no clock and touches no store; what it wants done it leaves in out.
// Whoever calls it holds a lock and says what time it is. states.go has the
// tables of what can happen.
//
// A delivery is in memory, in its lane, or it is parked: a row and no more.
// Parked ones are fetched in the order of their sequence, and while a key has
// any, all later ones of the key are parked too. That keeps the order.
type machine struct {
	w    *switchhook.Webhook
	gate gate
	// class is the dialect's say on how fresh a type must be. Nil: it has none.
	class func(eventType string, usual catalogue.Freshness) catalogue.Freshness
	// tight: memory is short, and not by this webhook alone.
	tight func() bool
	luck  func() float64
	score Score // nil: nobody counts
	sizes sizes
	// disableAfter is for how long a webhook may fail. 0: for ever.
	disableAfter time.Duration
	// newest is the sequence of the last event of all.
	newest func() int64
	// mixed: rows are in no lane that have a key now, for the webhook became ordered.
	mixed bool

	lanes            map[uint64]*lane
	fresh            turns // nothing of theirs ever failed or waited
	backlog          turns // after a failure, a wait or a restart
	taken            int   // lanes, in all
	sleepers         sleepers
	live             map[uint64][]*delivery // live ones that failed, by key
	rows             map[int64]*delivery    // in memory and with a row, by sequence
	oldest, youngest *delivery              // in memory and without a row
	inFlight         int
	items            int // in memory
	bytes            int // that they take, roughly
	strays           int // of them, on their own
	nextExpiry       time.Time
	nextAgeing       time.Time // zero: all in memory have rows
	away             away
	recent           []time.Time // failures under the policy kazoo, as long as they count

	out effects
}

// effects are what a machine wants done, in one commit.
type effects struct {
	attempts []*switchhook.Attempt
	due      []switchhook.Due
	settled  []switchhook.DeliveryRef
	// closed are the sequences of deliveries that need not be looked for beyond
	// the watermark any more.
	closed  []int64
	parks   int     // how many of due are on their way out of memory
	left    []int64 // of which the store still shows what is no longer so
	disable string  // why the webhook is to be disabled, and which version of it
	version time.Time
}

func newMachine(w *switchhook.Webhook) *machine {
	return &machine{
		w: w, sizes: usual, luck: rand.Float64,
		tight: func() bool { return false }, newest: func() int64 { return 0 },
		lanes: map[uint64]*lane{}, live: map[uint64][]*delivery{}, rows: map[int64]*delivery{},
		gate: gate{streak: 1}, away: away{lanes: map[uint64]int32{}, left: map[int64]int{}},
	}
}

// configure takes over the webhook's settings. reason is why nothing is to be
// sent any more, where that is so.
func (m *machine) configure(w *switchhook.Webhook, reason string, now time.Time) {
	changed := !w.UpdatedAt.Equal(m.w.UpdatedAt)
	m.mixed = m.mixed || m.w.Ordering == "none" && w.Ordering != "none"
	m.w = w
	if changed {
		m.recent = nil // failures of what it was
		m.resettle(now)
	}
	if reason != "" {
		if m.gate.state != closed {
			m.gate.on(shut, now)
			m.gate.reason = reason
			m.away.cancel = m.newest()
			m.drop(now)
		}
		return
	}
	if m.gate.state == closed {
		m.gate.on(reopen, now)
	}
	switch state := m.gate.state; {
	case !w.PausedAt.IsZero() && state != paused:
		m.gate.on(pause, now)
		m.shrink(now)
	case w.PausedAt.IsZero() && state == paused:
		m.gate.on(resume, now)
	case changed && (state == failing || state == probing):
		m.gate.on(change, now)
	}
}

// resettle goes by changed settings: how long what has failed holds back its key,
// and when it is too old.
func (m *machine) resettle(now time.Time) {
	for _, l := range m.sleepers {
		l.wake = m.wakeOf(l.line[0])
	}
	heap.Init(&m.sleepers)
	if m.gate.state != flowing {
		m.expire(now)
	}
}

// push takes over a delivery that has just been committed.
func (m *machine) push(d *delivery, now time.Time) {
	m.came(d)
	if m.gate.state == closed {
		m.end(d, dropped, m.gate.reason, nil, now)
		return
	}
	l := m.lanes[d.key]
	switch {
	case m.isAway(d.key), m.full(l == nil):
		m.park(d, now)
	case l != nil:
		l.add(d)
		if l.line[0].phase == held {
			m.row(d, now) // what waits behind a failure
		}
	default:
		m.fresh.push(m.lane(d, d.key))
	}
}

// again takes over a delivery of the past that somebody wants once more, unless it
// is open in memory.
func (m *machine) again(d *delivery, now time.Time) (took bool) {
	if m.rows[d.ev.Sequence] != nil {
		return false
	}
	m.came(d)
	switch {
	case m.gate.state == closed:
		m.end(d, dropped, m.gate.reason, nil, now)
	case m.isAway(d.key), m.full(false):
		m.park(d, now)
	default:
		m.row(d, now)
		m.line(d)
	}
	return true
}

// line puts a delivery with a row into its lane.
func (m *machine) line(d *delivery) {
	if l := m.lanes[d.key]; l != nil {
		l.add(d)
		return
	}
	m.backlog.push(m.lane(d, d.key))
}

// take is the next delivery to send, or nil: nothing is ready, or may go now.
func (m *machine) take(now time.Time) *delivery {
	for m.mayGo(now) {
		l := m.next()
		if l == nil {
			return nil
		}
		d := l.line[0]
		if reason := m.stale(d, now); reason != "" {
			m.end(d, aged, reason, nil, now)
			continue
		}
		if !m.gate.slot(now, m.w.RateLimit) {
			if d.rowed {
				m.backlog.unpop(l)
			} else {
				m.fresh.unpop(l)
			}
			return nil
		}
		d.on(turn)
		m.inFlight++
		if d.probe = m.gate.state == failing; d.probe {
			m.gate.on(probe, now)
		}
		return d
	}
	return nil
}

// mayGo reports whether the gate lets another through.
func (m *machine) mayGo(now time.Time) bool {
	switch m.gate.state {
	case flowing:
		return m.inFlight < m.limit()
	case failing:
		return m.inFlight == 0 && !now.Before(m.gate.nextProbe)
	case probing, paused, closed:
	}
	return false
}

// wish is how many requests could begin now.
func (m *machine) wish(now time.Time) int {
	ready := m.fresh.len() + m.backlog.len()
	switch {
	case !m.mayGo(now) || !m.gate.room(now, m.w.RateLimit):
		return 0
	case m.gate.state == failing:
		return min(1, ready+len(m.sleepers))
	case m.w.RateLimit > 0:
		return min(1, ready)
	}
	return min(ready, m.limit()-m.inFlight)
}

// limit is how many requests may be under way at once.
func (m *machine) limit() int {
	if m.w.MaxConcurrency > 0 {
		return m.w.MaxConcurrency
	}
	return DefaultConcurrency
}

// backlogTurn is how often a lane with backlog goes before fresh ones, so that
// a busy webhook never starves it.
const backlogTurn = 8

// next takes the lane whose turn it is: keys without backlog first. Where a probe
// is wanted and none is ready, the next of those that sleep will do.
func (m *machine) next() *lane {
	m.taken++
	first, second := &m.fresh, &m.backlog
	if m.taken%backlogTurn == 0 {
		first, second = second, first
	}
	if l := first.pop(); l != nil {
		return l
	}
	if l := second.pop(); l != nil {
		return l
	}
	if m.gate.state == failing && len(m.sleepers) > 0 {
		return m.awaken()
	}
	return nil
}

// stale says why a delivery is of no more use, or nothing.
func (m *machine) stale(d *delivery, now time.Time) string {
	if d.superseded {
		return "a later event of its key was delivered"
	}
	if end, limit := d.expiry(time.Duration(m.w.MaxAge)); limit > 0 && now.After(end) {
		return "it is older than " + switchhook.Duration(limit).String()
	}
	return ""
}

// settle takes in what came of a delivery that was under way. w is the webhook
// as it was when the attempt began.
func (m *machine) settle(d *delivery, w *switchhook.Webhook, a *switchhook.Attempt, v verdict, now time.Time) {
	m.inFlight--
	wasProbe := d.probe && m.gate.state == probing
	d.probe = false
	if v.state == switchhook.Pending && m.gate.state == closed {
		v = verdict{state: switchhook.Cancelled, reason: m.gate.reason}
	}
	if v.reason != "" && v.state != switchhook.Pending {
		a.Error = joinReasons(a.Error, v.reason)
	}
	same := w.UpdatedAt.Equal(m.w.UpdatedAt)
	disable := m.judge(d, a, v, same, now)
	switch v.state {
	case switchhook.Delivered:
		m.supersede(d)
		m.end(d, taken, "", a, now)
	case switchhook.Failed:
		m.end(d, lost, "", a, now)
	case switchhook.Cancelled:
		m.end(d, dropped, "", a, now)
	case switchhook.Expired:
		m.end(d, aged, "", a, now)
	case switchhook.Pending:
		m.retry(d, a, v, wasProbe, now)
	}
	// Last, for a gate that shuts parks what waits.
	switch {
	case wasProbe && (a.Outcome == switchhook.Success || v.well):
		m.gate.on(back, now)
	case wasProbe:
		m.gate.on(stillBad, now)
		m.gate.scheduleProbe(now, v.retryAfter, m.luck())
	case m.gate.state == flowing && m.gate.different >= tripsAfter && same && m.w.Retry.Policy != "kazoo" && !m.w.Flow:
		m.gate.on(tripped, now)
		m.gate.scheduleProbe(now, v.retryAfter, m.luck())
		m.shrink(now)
	}
	// The webhook of call flows stands for many addresses and is never turned off.
	if disable != "" && !m.w.Flow {
		m.out.disable, m.out.version = disable, w.UpdatedAt
	}
}

// judge keeps the score of the webhook and says why it is to be disabled, if so.
// same: it is still what it was when the attempt began.
func (m *machine) judge(d *delivery, a *switchhook.Attempt, v verdict, same bool, now time.Time) (disable string) {
	if v.disable {
		disable = v.reason
	}
	switch {
	case a.Number == 0: // nothing was sent
	case a.Outcome == switchhook.Success, v.well:
		m.gate.succeeded(now)
	case !same:
	default:
		m.gate.failed(now, &d.streak, a.Error)
		if m.w.Retry.Policy == "kazoo" {
			if m.kazooRule(now) {
				m.recent = nil
				disable = "too many failed attempts"
			}
		} else if m.disableAfter > 0 && now.Sub(m.gate.since) >= m.disableAfter {
			disable = "every attempt since " + m.gate.since.UTC().Format(time.RFC3339) + " has failed; the last one: " + a.Error
		}
	}
	return disable
}

// retry lets a failed delivery wait for its next try.
func (m *machine) retry(d *delivery, a *switchhook.Attempt, v verdict, wasProbe bool, now time.Time) {
	a.State = switchhook.Pending
	m.record(d, a)
	d.attempts++
	clock := m.gate.clock(now)
	switch {
	case wasProbe && (!d.failedBefore() || !d.due.After(clock)): // it uses up nobody's schedule
		d.on(probed)
		m.rewrite(d, now)
		m.backlog.push(d.lane)
		return
	case wasProbe: // it sleeps on
	default:
		d.tries++
		d.due = clock.Add(v.wait)
		if end, limit := d.expiry(time.Duration(m.w.MaxAge)); limit > 0 && now.Add(v.wait).After(end) {
			d.due = clock.Add(end.Sub(now) + time.Millisecond) // not to be sent, but to be recorded in time
		}
		if !d.failedBefore() {
			d.heldSince = clock
		}
		a.NextAttemptAt = m.wall(d.due, now).UTC()
	}
	m.rewrite(d, now)
	for _, behind := range d.lane.line[1:] {
		m.row(behind, now)
	}
	if l := d.lane; l.key != 0 && m.holds(d, now) {
		d.on(refused)
		m.sleep(l)
		return
	}
	d.on(passed)
	m.leave(d)
	m.stray(d, now)
}

// holds reports whether a failed delivery still holds back its key.
func (m *machine) holds(d *delivery, now time.Time) bool {
	return d.key != 0 && !d.live() && m.gate.clock(now).Before(d.heldSince.Add(time.Duration(m.w.Hold)))
}

// sleep lets a lane wait for its first delivery's next try, or for the end of the
// time that it may hold back the others.
func (m *machine) sleep(l *lane) {
	l.wake = m.wakeOf(l.line[0])
	heap.Push(&m.sleepers, l)
}

func (m *machine) wakeOf(d *delivery) time.Time {
	if end := d.heldSince.Add(time.Duration(m.w.Hold)); d.phase == held && end.Before(d.due) {
		return end
	}
	return d.due
}

// stray lets a failed delivery that is in no lane go its own way: its schedule
// goes on and nobody waits for it.
func (m *machine) stray(d *delivery, now time.Time) {
	if d.live() && d.key != 0 && !slices.Contains(m.live[d.key], d) {
		m.live[d.key] = append(m.live[d.key], d)
	}
	if !d.astray {
		d.astray = true
		m.strays++
	}
	m.sleep(newLane(d, 0))
	room := m.sizes.strays
	if m.tight() {
		room = m.sizes.tight
	}
	if m.strays > room && d.due.After(m.gate.clock(now).Add(2*strayAhead)) {
		m.park(d, now)
	}
}

// awaken takes the first of the sleepers.
func (m *machine) awaken() *lane {
	l, _ := heap.Pop(&m.sleepers).(*lane)
	l.line[0].on(due)
	return l
}

// wake starts the lanes whose time has come, and ends what has become too old
// while nothing is sent.
func (m *machine) wake(now time.Time) {
	clock := m.gate.clock(now)
	for m.gate.state == flowing && len(m.sleepers) > 0 && !m.sleepers[0].wake.After(clock) {
		if d := m.sleepers[0].line[0]; d.due.After(clock) { // its hold has ended before its next try
			d.on(released)
			m.leave(d)
			m.stray(d, now)
			continue
		}
		m.backlog.push(m.awaken())
	}
	if m.gate.state != flowing && !m.nextExpiry.IsZero() && now.After(m.nextExpiry) {
		m.expire(now)
	}
	if !m.nextAgeing.IsZero() && !now.Before(m.nextAgeing) {
		m.age(now.Add(-slow), now)
		m.nextAgeing = time.Time{}
	}
	if m.oldest != nil && m.nextAgeing.IsZero() {
		m.nextAgeing = now.Add(slow)
	}
}

// wakeAt is when to call wake and take again though nothing happens. Zero: never.
func (m *machine) wakeAt(now time.Time) (at time.Time) {
	sooner := func(t time.Time) { // what is past needs an event, not a time
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	switch m.gate.state {
	case flowing:
		if len(m.sleepers) > 0 {
			sooner(m.wall(m.sleepers[0].wake, now))
		}
		if m.w.RateLimit > 0 && m.fresh.len()+m.backlog.len() > 0 && m.inFlight < m.limit() {
			sooner(m.gate.nextSlot)
		}
		if m.away.strays > 0 && !m.away.fetchingStrays {
			sooner(m.wall(m.away.nextStray, now).Add(-strayAhead))
		}
	case failing:
		if m.items+m.away.n+m.away.strays > 0 && m.inFlight == 0 {
			if at := m.gate.nextProbe; m.w.RateLimit > 0 && m.gate.nextSlot.After(at) {
				sooner(m.gate.nextSlot)
			} else {
				sooner(at)
			}
		}
	case probing, paused, closed:
	}
	if m.gate.state != flowing && !m.nextExpiry.IsZero() {
		sooner(m.nextExpiry.Add(time.Millisecond))
	}
	if !m.nextAgeing.IsZero() {
		sooner(m.nextAgeing)
	}
	return at
}

// wall is the time of day at which the gate's clock will show t, if it runs from
// now on.
func (m *machine) wall(t, now time.Time) time.Time { return t.Add(m.gate.stood(now)) }

// all are the deliveries in memory, in no order.
func (m *machine) all() []*delivery {
	all := make([]*delivery, 0, m.items)
	for _, d := range m.rows {
		all = append(all, d)
	}
	for d := m.oldest; d != nil; d = d.younger {
		all = append(all, d)
	}
	return all
}

// shrink parks what waits once the gate has shut: an outage may last, and memory
// is for what flows.
func (m *machine) shrink(now time.Time) {
	for _, d := range m.all() {
		if d.phase == waiting {
			m.park(d, now)
		} else {
			m.row(d, now)
		}
	}
	m.expire(now)
}

// drop cancels all that is in memory. What is under way is cancelled when it fails.
func (m *machine) drop(now time.Time) {
	for _, d := range m.all() {
		if d.phase != sending {
			m.end(d, dropped, m.gate.reason, nil, now)
		}
	}
}

// expire ends what is too old, whether its turn has come or not, and finds out
// when the next one will be.
func (m *machine) expire(now time.Time) {
	m.nextExpiry = time.Time{}
	for _, d := range m.all() {
		if d.phase == sending {
			continue
		}
		if reason := m.stale(d, now); reason != "" {
			m.end(d, aged, reason, nil, now)
		} else {
			m.noteExpiry(d)
		}
	}
}

func (m *machine) noteExpiry(d *delivery) {
	if end, limit := d.expiry(time.Duration(m.w.MaxAge)); limit > 0 && (m.nextExpiry.IsZero() || end.Before(m.nextExpiry)) {
		m.nextExpiry = end
	}
}

// age gives a row to every delivery that was accepted before a time and has none.
func (m *machine) age(before, now time.Time) {
	for d := m.oldest; d != nil && d.ev.AcceptedAt.Before(before); d = m.oldest {
		m.row(d, now)
	}
}

// hasten lets a delivery that waits for its next try go at once.
func (m *machine) hasten(d *delivery) {
	heap.Remove(&m.sleepers, d.lane.place)
	d.on(due)
	m.backlog.push(d.lane)
}

// came counts a delivery in.
func (m *machine) came(d *delivery) {
	if m.w.Ordering != "none" {
		d.key = keyOf(d.ev)
	}
	if m.class != nil {
		d.fresh = m.class(d.ev.Type, d.fresh)
	}
	m.items++
	m.bytes += d.size()
	if m.gate.state != flowing {
		m.noteExpiry(d)
	}
	if d.astray {
		m.strays++
	}
	if d.rowed {
		m.rows[d.ev.Sequence] = d
		return
	}
	if d.older = m.youngest; d.older != nil {
		d.older.younger = d
	} else {
		m.oldest = d
	}
	m.youngest = d
}

// row gives a delivery a row, where it has none.
func (m *machine) row(d *delivery, now time.Time) {
	if !d.rowed {
		m.rewrite(d, now)
	}
}

// rewrite writes a delivery's row as it now is.
func (m *machine) rewrite(d *delivery, now time.Time) {
	if !d.rowed {
		m.unlist(d)
		d.rowed = true
		m.rows[d.ev.Sequence] = d
		m.found(d)
	}
	row := switchhook.Due{
		DeliveryRef: d.ref(), Lane: d.key, Attempts: d.attempts, Tries: d.tries,
		Still: m.gate.stood(now), Stray: d.astray, Replay: d.replay,
	}
	if !d.due.IsZero() {
		row.At = m.wall(d.due, now)
	}
	if d.failedBefore() {
		row.HeldSince = m.wall(d.heldSince, now)
	}
	m.out.due = append(m.out.due, row)
}

// found says that a delivery need not be looked for among the events after a
// crash. What is made again was not accepted just now: nobody looks for it there.
func (m *machine) found(d *delivery) {
	if !d.replay {
		m.out.closed = append(m.out.closed, d.ev.Sequence)
	}
}

func (m *machine) unlist(d *delivery) {
	if d.older != nil {
		d.older.younger = d.younger
	} else {
		m.oldest = d.younger
	}
	if d.younger != nil {
		d.younger.older = d.older
	} else {
		m.youngest = d.older
	}
	d.older, d.younger = nil, nil
}

// record wants kept what came of a delivery, and counts it.
func (m *machine) record(d *delivery, a *switchhook.Attempt) {
	m.out.attempts = append(m.out.attempts, a)
	if m.score != nil {
		m.score.Count(a, d.ev.AcceptedAt)
	}
}

// end closes a delivery. a is the attempt that closed it; nil: none did.
func (m *machine) end(d *delivery, w what, reason string, a *switchhook.Attempt, now time.Time) {
	d.on(w)
	if a == nil {
		a = d.closing(d.phase.state(), reason, now)
	}
	a.State = d.phase.state()
	m.record(d, a)
	if d.rowed {
		m.out.settled = append(m.out.settled, d.ref())
		m.left(d)
	} else {
		m.found(d)
		m.unlist(d)
	}
	m.gone(d)
}

// gone takes a delivery out of memory.
func (m *machine) gone(d *delivery) {
	m.items--
	m.bytes -= d.size()
	if d.astray {
		m.strays--
	}
	if d.rowed {
		delete(m.rows, d.ev.Sequence)
	}
	if old := m.live[d.key]; d.live() && len(old) > 0 {
		if old = slices.DeleteFunc(old, func(each *delivery) bool { return each == d }); len(old) > 0 {
			m.live[d.key] = old
		} else {
			delete(m.live, d.key)
		}
	}
	if d.lane != nil {
		m.leave(d)
	}
}

// lane makes a lane for a delivery.
func (m *machine) lane(d *delivery, key uint64) *lane {
	l := newLane(d, key)
	if key != 0 {
		m.lanes[key] = l
	}
	return l
}

// leave takes a delivery out of its lane; the next one's turn may come.
func (m *machine) leave(d *delivery) {
	l := d.lane
	if !l.remove(d) {
		return
	}
	if l.place >= 0 {
		heap.Remove(&m.sleepers, l.place)
	}
	switch {
	case len(l.line) == 0:
		if m.lanes[l.key] == l {
			delete(m.lanes, l.key)
		}
		if l.ready {
			l.in.dead++
		}
	case l.ready: // in its list
	case l.line[0].rowed:
		m.backlog.push(l)
	default:
		m.fresh.push(l)
	}
}

// supersede tells failed live deliveries that a later event of their key arrived.
func (m *machine) supersede(d *delivery) {
	for _, old := range m.live[d.key] {
		old.superseded = old.ev.Sequence < d.ev.Sequence || old.superseded
	}
}

// Kazoo turns a hook off after this many failed attempts within this time
// (webhooks.attempt_failure_count and attempt_failure_expiry_ms). A success
// does not take back the count.
const (
	kazooFailures = 6
	kazooWindow   = time.Minute
)

// kazooRule reports whether Kazoo would turn the webhook off after this failure.
func (m *machine) kazooRule(now time.Time) bool {
	m.recent = slices.DeleteFunc(m.recent, func(t time.Time) bool { return now.Sub(t) >= kazooWindow })
	m.recent = append(m.recent, now)
	return len(m.recent) >= kazooFailures
}

func joinReasons(what, why string) string {
	if what == "" {
		return why
	}
	return what + "; " + why
}
