package tally

import (
	"sync"
	"time"
)

// What is counted of deliveries. The order is that of frames: add at the end.
const (
	success = iota // attempts
	failure
	delivered // deliveries that ended
	failed
	expired
	cancelled
	kinds
)

// sums are counts of one account or webhook.
type sums struct {
	n                [kinds]uint64
	events           []familyCount
	answer, delivery histogram
}

type familyCount struct {
	family string
	n      uint64
}

func (s *sums) accept(family string, n uint64) {
	for i := range s.events {
		if s.events[i].family == family {
			s.events[i].n += n
			return
		}
	}
	s.events = append(s.events, familyCount{family, n})
}

func (s *sums) add(other *sums) {
	for i, n := range &other.n {
		s.n[i] += n
	}
	for _, e := range other.events {
		s.accept(e.family, e.n)
	}
	s.answer.addAll(&other.answer)
	s.delivery.addAll(&other.delivery)
}

func (s *sums) clear() {
	clear(s.events)
	*s = sums{events: s.events[:0]}
}

//nolint:gochecknoglobals // room, no state
var room = sync.Pool{New: func() any { return new(sums) }}

func newSums() *sums {
	s, _ := room.Get().(*sums) // the pool has nothing else
	return s
}

func (s *sums) free() {
	s.clear()
	room.Put(s)
}

// A meterKey is what a meter is for.
type meterKey struct {
	account string
	webhook string // empty: what is accepted
}

// A meter counts an account's events, or what is sent of them to one webhook.
type meter struct {
	t *Tally
	meterKey

	mu   sync.Mutex
	sums *sums // since it was gathered last; nil: nothing
	pace pace  // of events that were accepted, or delivered
}

// lock locks the meter and has room for counts.
func (m *meter) lock() *sums {
	m.mu.Lock()
	if m.sums == nil {
		m.sums = newSums()
		m.t.counting.Lock()
		m.t.counted = append(m.t.counted, m)
		m.t.counting.Unlock()
	}
	return m.sums
}

func (m *meter) accepted(family string, n uint32, at time.Time) {
	m.lock().accept(family, uint64(n))
	m.pace.add(at.Unix(), n)
	m.mu.Unlock()
}

// take takes out what has been counted.
func (m *meter) take() *sums {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sums
	m.sums = nil
	return s
}

// rate is how many came a second, in the last ten whole seconds.
func (m *meter) rate(now int64) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pace.of(now)
}

// paceOver is over how many whole seconds a pace is taken.
const paceOver = 10

// A pace is how many came in each of the last seconds.
type pace struct {
	last int64 // the newest second
	n    [16]uint32
}

func (p *pace) in(second int64) *uint32 { return &p.n[uint64(second)%uint64(len(p.n))] } //nolint:gosec // none is before 1970

func (p *pace) add(second int64, n uint32) {
	switch {
	case second > p.last+int64(len(p.n)):
		*p = pace{last: second}
	case second < p.last: // the clock went back, or it took its time
		second = p.last
	default:
		for ; p.last < second; p.last++ {
			*p.in(p.last + 1) = 0
		}
	}
	*p.in(second) += n
}

// of is how many came a second, in the whole seconds before now.
func (p *pace) of(now int64) float64 {
	sum := uint64(0)
	for second := now - paceOver; second < now; second++ {
		if second <= p.last && second > p.last-int64(len(p.n)) {
			sum += uint64(*p.in(second))
		}
	}
	return float64(sum) / paceOver
}
