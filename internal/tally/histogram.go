package tally

import (
	"math"
	"math/bits"
	"time"

	"github.com/switchhook/switchhook"
)

// A histogram has four buckets to each doubling, from 64 µs to 1.6 days, so a time that is
// read out of it is wrong by an eighth at most. The first has all that took less, the last
// all that took longer.
type histogram [128]uint64

const (
	perDoubling = 4
	lowest      = 6 // the logarithm of 64 µs
)

// bucketOf is where a time is counted.
func bucketOf(d time.Duration) uint8 {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < 1<<lowest {
		return 0
	}
	e := bits.Len64(us) - 1
	i := (e-lowest)*perDoubling + int(us>>(e-2)&(perDoubling-1)) + 1
	return uint8(min(i, len(histogram{})-1))
}

// from is where a bucket begins, in microseconds.
func from(bucket int) float64 {
	if bucket == 0 {
		return 0
	}
	e, part := (bucket-1)/perDoubling, (bucket-1)%perDoubling
	return math.Ldexp(1+float64(part)/perDoubling, e+lowest)
}

func (h *histogram) addAll(other *histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// latency is what a histogram says.
func (h *histogram) latency() switchhook.Latency {
	var l switchhook.Latency
	for _, n := range h {
		l.N += int64(n)
	}
	if l.N > 0 {
		l.P50, l.P95, l.P99 = h.quantile(0.50, l.N), h.quantile(0.95, l.N), h.quantile(0.99, l.N)
	}
	return l
}

// quantile is the time within which a part of all n stayed.
func (h *histogram) quantile(part float64, n int64) time.Duration {
	rank, below := part*float64(n), 0.0
	for i, in := range h {
		if in > 0 && below+float64(in) >= rank {
			us := from(i)
			if i+1 < len(h) {
				us += (from(i+1) - us) * (rank - below) / float64(in)
			}
			return time.Duration(us * float64(time.Microsecond)).Round(time.Microsecond)
		}
		below += float64(in)
	}
	return time.Duration(from(len(h)-1)) * time.Microsecond
}
