package deliver

import (
	"slices"
	"time"
)

// lane is a line of deliveries with the same ordering key, or one delivery by
// itself. It exists only while it has any in memory.
type lane struct {
	key   uint64
	line  []*delivery
	first [1]*delivery // room for most lines
	wake  time.Time    // while it sleeps, by the gate's clock
	place int          // among the sleepers; -1: it does not sleep
	ready bool         // it is in one of the lists of those that wait for their turn
	in    *turns       // that list
}

func newLane(d *delivery, key uint64) *lane {
	l := &lane{key: key, place: -1}
	l.first[0], d.lane = d, l
	l.line = l.first[:]
	return l
}

// add puts a delivery at its place in the order, but never before the first.
func (l *lane) add(d *delivery) {
	d.lane = l
	at := len(l.line)
	for at > 1 && l.line[at-1].ev.Sequence > d.ev.Sequence {
		at--
	}
	l.line = slices.Insert(l.line, at, d)
}

// remove takes a delivery out and reports whether it was the first.
func (l *lane) remove(d *delivery) (first bool) {
	d.lane = nil
	if l.line[0] == d {
		l.line[0] = nil
		l.line = l.line[1:]
		return true
	}
	if i := slices.Index(l.line, d); i > 0 {
		l.line = slices.Delete(l.line, i, i+1)
	}
	return false
}

// turns is a list of lanes that wait for their turn.
type turns struct {
	list []*lane
	gone int // at the front
	dead int // of the rest, those that have nothing any more
}

func (t *turns) len() int { return len(t.list) - t.gone - t.dead }

func (t *turns) push(l *lane) {
	if t.dead > 64 && t.dead > t.len() {
		t.list = slices.DeleteFunc(t.list[t.gone:], func(l *lane) bool { return len(l.line) == 0 })
		t.gone, t.dead = 0, 0
	}
	l.ready, l.in = true, t
	t.list = append(t.list, l)
}

// unpop puts a lane before all others.
func (t *turns) unpop(l *lane) {
	l.ready, l.in = true, t
	if t.gone == 0 {
		t.list = slices.Insert(t.list, 0, l)
		return
	}
	t.gone--
	t.list[t.gone] = l
}

// pop is the first lane that still has something; nil: there is none.
func (t *turns) pop() *lane {
	for t.gone < len(t.list) {
		l := t.list[t.gone]
		t.list[t.gone] = nil
		t.gone++
		if t.gone == len(t.list) {
			t.list, t.gone = t.list[:0], 0
		} else if t.gone > 64 && t.gone > len(t.list)/2 {
			n := copy(t.list, t.list[t.gone:])
			clear(t.list[n:])
			t.list, t.gone = t.list[:n], 0
		}
		l.ready = false
		if len(l.line) > 0 {
			return l
		}
		t.dead--
	}
	return nil
}

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
	l.place = -1
	old[len(old)-1] = nil
	*s = old[:len(old)-1]
	return l
}
