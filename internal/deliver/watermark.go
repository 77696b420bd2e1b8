package deliver

import (
	"slices"
	"sync"
)

// tracker knows up to which sequence every delivery is closed or due, so that a
// restart need not look there. It is safe for concurrent use.
type tracker struct {
	mu      sync.Mutex
	pending []pending // rising sequences; the first has something open
	last    int64
}

type pending struct {
	seq  int64
	open int
}

// add says that an event was committed that has n open deliveries. Sequences
// come rising.
func (t *tracker) add(seq int64, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = max(t.last, seq)
	if n > 0 {
		t.pending = append(t.pending, pending{seq, n})
	}
}

// open adds one open delivery of an event that is found again after a restart.
func (t *tracker) open(seq int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = max(t.last, seq)
	if n := len(t.pending); n > 0 && t.pending[n-1].seq == seq {
		t.pending[n-1].open++
		return
	}
	t.pending = append(t.pending, pending{seq, 1})
}

// close says that a delivery of the event was closed, or is due, and that this
// is durable.
func (t *tracker) close(seq int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, found := slices.BinarySearchFunc(t.pending, seq, func(p pending, seq int64) int { return int(p.seq - seq) })
	if !found {
		return
	}
	t.pending[i].open--
	for len(t.pending) > 0 && t.pending[0].open <= 0 {
		t.pending = t.pending[1:]
	}
}

// watermark is the highest sequence with nothing open at or below it.
func (t *tracker) watermark() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) == 0 {
		return t.last
	}
	return t.pending[0].seq - 1
}
