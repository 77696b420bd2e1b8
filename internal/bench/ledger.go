package bench

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A tally is what a receiver has seen since it was reset.
type tally struct {
	Total    int64   `json:"total"`    // requests
	Distinct int64   `json:"distinct"` // different webhook-ids
	Disorder int64   `json:"disorder"` // that came after a later one of their key and webhook
	Unsigned int64   `json:"unsigned"` // without a signature, or not an envelope of ours
	P50      float64 `json:"p50"`      // from the event's occurred_at to the arrival, ms; 0 unless asked for
	P99      float64 `json:"p99"`
}

// duplicates is how many requests repeated another.
func (t tally) duplicates() int64 { return t.Total - t.Distinct }

// A ledger counts what arrives. It is cheap, since every microsecond of the
// receiver is taken from the sender on the same machine: ids and keys are kept
// as hashes of 64 bits, of which two in five million are the same once in a
// million runs.
type ledger struct {
	distinct atomic.Int64
	seed     maphash.Seed
	pages    [64]page // by key, so that few requests wait for one another
}

type page struct {
	mu      sync.Mutex
	ids     map[uint64]struct{}
	last    map[uint64]int64 // by webhook and key: the highest sequence
	tally   tally
	timed   bool
	latency []time.Duration
	_       [64]byte // of another cache line
}

func newLedger() *ledger {
	l := &ledger{seed: maphash.MakeSeed()}
	l.reset(false)
	return l
}

// reset forgets all. timed: latencies are kept from now on.
func (l *ledger) reset(timed bool) {
	for i := range l.pages {
		p := &l.pages[i]
		p.mu.Lock()
		p.ids, p.last, p.tally, p.latency, p.timed = map[uint64]struct{}{}, map[uint64]int64{}, tally{}, nil, timed
		p.mu.Unlock()
	}
	l.distinct.Store(0)
}

// record takes down a request: its webhook's path, its webhook-id, whether it
// has a signature, and its body in our own dialect.
func (l *ledger) record(path, id string, signed bool, body []byte, now time.Time) {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(path) // documented never to fail
	_, _ = h.Write(between(body, `"key":"`, '"'))
	key := h.Sum64()
	sequence, err := strconv.ParseInt(string(between(body, `"sequence":`, ',')), 10, 64)
	p := &l.pages[key%uint64(len(l.pages))]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tally.Total++
	if !signed || err != nil {
		p.tally.Unsigned++
	}
	// Distinct within the webhook: an id is of one alone.
	name := maphash.String(l.seed, id)
	if _, seen := p.ids[name]; seen {
		return
	}
	p.ids[name] = struct{}{}
	p.tally.Distinct++
	l.distinct.Add(1)
	if last, seen := p.last[key]; seen && sequence < last {
		p.tally.Disorder++
	} else {
		p.last[key] = sequence
	}
	if p.timed {
		if at, err := time.Parse(time.RFC3339Nano, string(between(body, `"occurred_at":"`, '"'))); err == nil {
			p.latency = append(p.latency, now.Sub(at))
		}
	}
}

// sum adds up the pages.
func (l *ledger) sum() tally {
	var t tally
	var all []time.Duration
	for i := range l.pages {
		p := &l.pages[i]
		p.mu.Lock()
		t.Total += p.tally.Total
		t.Distinct += p.tally.Distinct
		t.Disorder += p.tally.Disorder
		t.Unsigned += p.tally.Unsigned
		all = append(all, p.latency...)
		p.mu.Unlock()
	}
	slices.Sort(all)
	t.P50, t.P99 = percentile(all, 50), percentile(all, 99)
	return t
}

// percentile is the nearest rank of sorted values, in milliseconds; 0 of none.
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100 // rounded up
	return float64(sorted[max(rank, 1)-1].Microseconds()) / 1000
}

// between is what stands after the first mark, up to the end character.
func between(b []byte, mark string, end byte) []byte {
	_, rest, _ := bytes.Cut(b, []byte(mark))
	value, _, closed := bytes.Cut(rest, []byte{end})
	if !closed {
		return nil
	}
	return value
}
