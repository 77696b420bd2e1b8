package deliver

import (
	"cmp"
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

// close says that a delivery of each of the events was closed, or is due, and that
// this is durable.
func (t *tracker) close(seqs []int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, seq := range seqs {
		i, found := slices.BinarySearchFunc(t.pending, seq, func(p pending, seq int64) int { return cmp.Compare(p.seq, seq) })
		if found {
			t.pending[i].open--
		}
	}
	done := 0
	for done < len(t.pending) && t.pending[done].open <= 0 {
		done++
	}
	t.pending = t.pending[done:]
}

// newest is the sequence of the last event that there is.
func (t *tracker) newest() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
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
