package deliver

import (
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

// This file is the part of the machine that deals with what is not in memory: what
// is parked, and what is fetched again.

// strayAhead is how long before its time a stray is fetched.
const strayAhead = time.Minute

// mostStrays is how many times more strays than else are read at once to find those that
// are too old behind others.
const mostStrays = 16

// away is what is known of rows that are not in memory.
type away struct {
	n     int              // in all lanes
	lanes map[uint64]int32 // by key
	upTo  int64            // all rows up to this sequence are in memory
	// writing are the sequences of rows on their way to the disk.
	writing  []int64
	fetching bool

	strays         int
	nextStray      time.Time // by the gate's clock; none of them is due before
	fetchingStrays bool

	// left are those that have left memory while the store, or a fetch that is
	// under way, may still show an older row of theirs; stale are those of them of
	// which only the fetch may. left counts, for one may leave again.
	left  map[int64]int
	stale []int64
	// bound is from where on a fetch does not bring the whole: rows from there
	// were on their way to the disk when it began, or were parked since. 0: it
	// brings all.
	bound int64

	// stalled: a fetch came to what is not yet as it will be; the next one waits
	// until something has become durable.
	stalled bool

	// retire and retireStrays say what is not to be kept; nil: there are no more such
	// rows. sweptTo is up to which sequence rows were looked at for that, sweeping that a
	// fetch is for nothing else, manyStrays how many strays are read at once, as those
	// that stay come first.
	retire, retireStrays *retirement
	sweptTo              int64
	sweeping             bool
	manyStrays           int
	// cancel: all rows up to this sequence were to be cancelled when the webhook was
	// disabled, though it was enabled again before they could be. 0: none.
	cancel int64
}

// isAway reports whether rows of a key are not in memory, so that all later ones of
// the key have to stay behind them.
func (m *machine) isAway(key uint64) bool {
	if m.mixed = m.mixed && m.away.lanes[0] > 0; m.mixed {
		return true
	}
	return key != 0 && m.away.lanes[key] > 0
}

// fetched takes over rows in the order of their sequence; complete: there were no
// more.
func (m *machine) fetched(rows []switchhook.OpenDelivery, complete bool, now time.Time) {
	if m.away.sweeping {
		m.swept(rows, complete, now)
		return
	}
	bound := m.away.bound
	open := m.gate.drains()
	for _, o := range rows {
		seq := o.Due.Sequence
		if o.Event == nil { // it is gone, and its row with it
			m.out.settled = append(m.out.settled, o.Due.DeliveryRef)
			m.forgetAway(o.Due.Lane)
			continue
		}
		tooOld := m.away.retire.takes(o.Event)
		if bound > 0 && seq >= bound || m.away.left[seq] > 0 {
			complete = false
			break
		}
		if !open && !tooOld && m.items >= m.sizes.shut {
			complete = false
			break
		}
		m.away.upTo = max(m.away.upTo, seq)
		if m.rows[seq] == nil {
			m.forgetAway(o.Due.Lane)
			m.enter(fetchedDelivery(o), now)
		}
	}
	if complete && bound == 0 {
		m.away.n, m.away.retire = 0, nil // a count that is wrong must shut nobody out
		clear(m.away.lanes)
	}
	m.away.fetching = false
	m.fetchEnded()
	m.away.stalled = (!complete || bound > 0) && len(m.away.writing)+len(m.away.left) > 0
}

// swept takes over the rows that are too old to be kept and leaves the others where they
// are. A row that is on its way to the disk is looked at the next time.
func (m *machine) swept(rows []switchhook.OpenDelivery, complete bool, now time.Time) {
	r := m.away.retire
	for _, o := range rows {
		seq := o.Due.Sequence
		if r == nil || o.Event != nil && !o.Event.AcceptedAt.Before(r.newest) {
			complete = true // nor is one after it too old
			break
		}
		m.away.sweptTo = seq
		switch {
		case o.Event == nil:
			m.out.settled = append(m.out.settled, o.Due.DeliveryRef)
			m.forgetAway(o.Due.Lane)
		case m.rows[seq] == nil && m.away.left[seq] == 0 && r.takes(o.Event):
			m.forgetAway(o.Due.Lane)
			m.enter(fetchedDelivery(o), now)
		}
	}
	if complete {
		m.away.retire = nil
	}
	m.away.fetching, m.away.sweeping = false, false
	m.fetchEnded()
}

func (m *machine) fetchEnded() {
	if !m.away.fetching && !m.away.fetchingStrays && len(m.away.stale) > 0 {
		m.forgetLeft(m.away.stale)
		m.away.stale, m.away.stalled = nil, false
	}
	if !m.away.fetching {
		m.away.bound = 0
	}
}

// enter takes a delivery from its row into memory.
func (m *machine) enter(d *delivery, now time.Time) {
	m.came(d)
	l := m.lanes[d.key]
	switch {
	case m.gate.state == closed, d.ev.Sequence <= m.away.cancel && !d.replay:
		m.end(d, dropped, m.gate.reason, nil, now)
	case m.away.retire.takes(d.ev), m.away.retireStrays.takes(d.ev):
		d.on(fetched)
		m.end(d, aged, tooOldToKeep, nil, now)
	case d.astray, d.failedBefore() && !m.holds(d, now):
		d.on(fetchedAlone)
		m.stray(d, now)
	case d.failedBefore() && l == nil:
		d.on(fetchedHeld)
		m.sleep(m.lane(d, d.key))
	default:
		d.on(fetched)
		m.line(d)
	}
}

func (m *machine) forgetAway(lane uint64) {
	m.away.n--
	if m.away.lanes[lane]--; m.away.lanes[lane] <= 0 {
		delete(m.away.lanes, lane)
	}
}

// fetchedStrays takes over strays whose time is near; complete: these were all.
func (m *machine) fetchedStrays(rows []switchhook.OpenDelivery, complete bool, now time.Time) {
	open := m.gate.drains()
	young := 0
	for _, o := range rows {
		switch seq := o.Due.Sequence; {
		case o.Event == nil:
			m.away.strays--
			m.out.settled = append(m.out.settled, o.Due.DeliveryRef)
		case m.rows[seq] != nil || m.away.left[seq] > 0:
		case open || m.away.retireStrays.takes(o.Event) || m.gate.state == failing && m.items < m.sizes.shut:
			m.away.strays--
			m.enter(fetchedDelivery(o), now)
		default:
			young++
		}
	}
	if m.away.manyStrays = 2 * young; complete || m.away.manyStrays > mostStrays*m.sizes.chunk {
		m.away.retireStrays, m.away.manyStrays = nil, 0
	}
	if complete && m.gate.state == closed {
		m.away.strays = 0 // a count that is wrong must not be waited for
	}
	m.away.nextStray = m.gate.clock(now)
	if complete { // what is left is due later than was asked for
		m.away.nextStray = m.away.nextStray.Add(2 * strayAhead)
	}
	m.away.fetchingStrays = false
	m.fetchEnded()
}

// fetchFailed: the store could not be read.
func (m *machine) fetchFailed(due, strays bool) {
	if due {
		m.away.fetching, m.away.sweeping = false, false
	}
	if strays {
		m.away.fetchingStrays = false
	}
	m.fetchEnded()
}

// wants says what is to be fetched: n rows of all lanes after a sequence, strays
// up to a time. 0: none.
func (m *machine) wants(now time.Time) (n int, after int64, strays int, until time.Time) {
	open := m.gate.drains()
	if m.away.n == 0 {
		m.away.retire = nil
	}
	if m.away.n > 0 && !m.away.fetching && !m.away.stalled {
		switch inLanes := m.items - m.strays; {
		case open && inLanes < m.room()/2:
			n = min(m.sizes.chunk, m.room()-inLanes)
		case m.gate.state == failing && m.items == 0:
			n = m.sizes.shut
		case m.away.retire != nil:
			n, m.away.sweeping = m.sizes.chunk, true
		}
		after, m.away.fetching = m.away.upTo, n > 0
		if m.away.sweeping {
			after = max(after, m.away.sweptTo)
		}
		if n > 0 && len(m.away.writing) > 0 {
			m.away.bound = slices.Min(m.away.writing)
		}
	}
	forProbe := m.gate.state == failing && m.items+m.away.n == 0
	if m.away.n+m.away.strays == 0 {
		m.away.cancel = 0
	}
	retires := m.away.retireStrays != nil
	if (open || forProbe || retires) && m.away.strays > 0 && !m.away.fetchingStrays {
		switch clock := m.gate.clock(now); {
		case m.gate.state != flowing || retires:
			strays, until = m.sizes.chunk+m.strays+m.away.manyStrays, now.AddDate(100, 0, 0)
		case !clock.Add(strayAhead).Before(m.away.nextStray):
			// Those in memory have rows too, and may be among the first.
			strays, until = m.sizes.chunk+m.strays, now.Add(2*strayAhead)
		}
		m.away.fetchingStrays = strays > 0
	}
	return n, after, strays, until
}

// durable: the first so many parked rows that were on their way are on the disk,
// and so is what became of those that have left.
func (m *machine) durable(parks int, left []int64) {
	m.away.writing = slices.Delete(m.away.writing, 0, parks)
	m.away.stalled = false
	if m.away.fetching || m.away.fetchingStrays {
		m.away.stale = append(m.away.stale, left...)
	} else {
		m.forgetLeft(left)
	}
}

func (m *machine) forgetLeft(seqs []int64) {
	for _, seq := range seqs {
		if m.away.left[seq]--; m.away.left[seq] <= 0 {
			delete(m.away.left, seq)
		}
	}
}

// retire ends what is too old to be kept. What is away is fetched for that.
func (m *machine) retire(r *retirement, now time.Time) {
	for _, d := range m.all() {
		if d.phase != sending && r.takes(d.ev) {
			m.end(d, aged, tooOldToKeep, nil, now)
		}
	}
	m.away.retire, m.away.retireStrays, m.away.sweptTo, m.away.manyStrays = nil, nil, 0, 0
	if m.away.n > 0 {
		m.away.retire = r
	}
	if m.away.strays > 0 {
		m.away.retireStrays = r
	}
}

const tooOldToKeep = "it is older than the time that history is kept"

// room is how many deliveries may be in memory.
func (m *machine) room() int {
	switch {
	case m.gate.state != flowing && m.gate.state != closed:
		return m.sizes.shut
	case m.tight():
		return m.sizes.tight
	default:
		return m.sizes.window
	}
}

// full reports whether there is no room for another; newcomer: nothing of its key
// waits.
func (m *machine) full(newcomer bool) bool {
	room := m.room()
	if newcomer && m.gate.state == flowing {
		room += m.sizes.fresh
	}
	return m.items-m.strays > room
}

// park leaves a delivery to its row. It is written anew even where it has one:
// an earlier row may still be on its way to the disk.
func (m *machine) park(d *delivery, now time.Time) {
	m.rewrite(d, now)
	if d.astray {
		m.away.strays++
		if m.away.nextStray.IsZero() || d.due.Before(m.away.nextStray) {
			m.away.nextStray = d.due
		}
		m.left(d)
	} else {
		m.away.n++
		m.away.lanes[d.key]++
		m.away.upTo = min(m.away.upTo, d.ev.Sequence-1)
		m.away.writing = append(m.away.writing, d.ev.Sequence)
		m.out.parks++
		if m.away.fetching && (m.away.bound == 0 || d.ev.Sequence < m.away.bound) {
			m.away.bound = d.ev.Sequence
		}
	}
	d.on(put)
	m.gone(d)
}

// left notes that the store may still show an older row of a delivery.
func (m *machine) left(d *delivery) {
	m.away.left[d.ev.Sequence]++
	m.out.left = append(m.out.left, d.ev.Sequence)
}
