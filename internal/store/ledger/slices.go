package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/store"
)

// A slice is a part of the history that is indexed and dropped as a whole: from
// its first event and attempt to those of the next one.
type slice struct {
	n, firstEvent, firstAttempt int64
	opened                      int64 // the time of the first in it
	from, to                    int64 // of the oldest and the newest in it
	low                         int64 // the lowest sequence that an attempt in it is about

	bits    int // of its index in the table, or unindexed
	entries []entry
	closed  bool
	stale   bool // its index in the table names what is no longer in its blocks

	// Where the next one begins; while there is none, beyond everything.
	endEvent, endAttempt int64
}

const unindexed = -1

func newSlice(n, firstEvent, firstAttempt, at int64) *slice {
	return &slice{
		n: n, firstEvent: firstEvent, firstAttempt: firstAttempt, opened: at, from: at, to: at, low: math.MaxInt64,
		bits: unindexed, endEvent: math.MaxInt64, endAttempt: math.MaxInt64,
	}
}

// before is how many events and attempts lie before it, by their sequences and rows: it
// rises from slice to slice, even after all were dropped.
func (s *slice) before() int64 { return s.firstEvent + s.firstAttempt }

// day is the one on which it was opened, since 1970 (UTC). Blocks are kept by it: some
// databases drop a whole day at once.
func (s *slice) day() int64 {
	const length = int64(24 * time.Hour / time.Microsecond)
	day := s.opened / length
	if s.opened%length < 0 {
		day--
	}
	return day
}

// ofDay is a condition that only its day is looked into.
func (s *slice) ofDay() string { return "day = " + strconv.FormatInt(s.day(), 10) + " AND " }

// fits reports whether the next event or attempt belongs to the slice too.
func (s *slice) fits(sequence, row, at int64) bool {
	return sequence-s.firstEvent < store.SliceLength && row-s.firstAttempt < store.SliceLength &&
		(at <= s.opened || uint64(at-s.opened) < uint64(store.SliceTime.Microseconds())) //nolint:gosec // right where the difference of two times overflows
}

// A history is what is known of the slices in memory. Only the committer
// changes it. What it adds is seen before it is committed, and stays if the
// transaction fails: a block that is not there is found by nobody, and Resume
// reads everything again. So whoever sees a commit's rows finds them.
type history struct {
	mu     sync.RWMutex
	slices []*slice // the oldest first; they do not change, but for the last while it is open
}

// all returns the slices as they are, the oldest first.
func (h *history) all() []*slice {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := h.slices
	if n := len(all); n > 0 && !all[n-1].closed {
		open := *all[n-1]
		all = append(all[:n-1:n-1], &open)
	}
	return all
}

// last is the newest slice, or nil.
func (h *history) last() *slice {
	if len(h.slices) == 0 {
		return nil
	}
	return h.slices[len(h.slices)-1]
}

// add ends the open slice, if there is one, and opens another.
func (h *history) add(s *slice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last := h.last(); last != nil {
		last.closed, last.endEvent, last.endAttempt = true, s.firstEvent, s.firstAttempt
	}
	h.slices = append(slices.Clip(h.slices), s)
}

// grow adds a block to the open slice.
func (h *history) grow(first, from, to, low int64, terms []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.last()
	s.from, s.to, s.low = min(s.from, from), max(s.to, to), min(s.low, low)
	for _, t := range terms {
		s.entries = append(s.entries, newEntry(t, first))
	}
}

// has reports whether a slice is still there.
func (h *history) has(s *slice) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Contains(h.slices, s)
}

// indexed lets go of the entries of a slice, which are now in the table.
func (h *history) indexed(s *slice, bits int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.slices, s); i >= 0 {
		onDisk := *s
		onDisk.bits, onDisk.entries, onDisk.stale = bits, nil, false
		h.slices = slices.Clone(h.slices)
		h.slices[i] = &onDisk
	}
}

// cut says that records were taken out of the blocks of a slice.
func (h *history) cut(n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.IndexFunc(h.slices, func(s *slice) bool { return s.n == n }); i >= 0 && !h.slices[i].stale {
		stale := *h.slices[i]
		stale.stale = true
		h.slices = slices.Clone(h.slices)
		h.slices[i] = &stale
	}
}

// drop forgets the oldest slice.
func (h *history) drop(s *slice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.slices) > 0 && h.slices[0].n == s.n {
		h.slices = slices.Clone(h.slices[1:])
	}
}

const (
	insertSlice = `INSERT INTO slices (n, first_event, first_attempt, opened_at, from_at, to_at, low) VALUES (?, ?, ?, ?, ?, ?, ?)`
	closeSlice  = `UPDATE slices SET from_at = ?, to_at = ?, low = ? WHERE n = ?`
)

// roll opens a slice where the next event or attempt does not fit into the last
// one. What was gathered for that one is written first.
func (w *writer) roll(ctx context.Context, sequence, row, at int64) error {
	last := w.history.last()
	if last != nil && last.fits(sequence, row, at) {
		return nil
	}
	return w.openSlice(ctx, sequence, row, at)
}

// openSlice opens a slice that begins with the next event or attempt.
func (w *writer) openSlice(ctx context.Context, sequence, row, at int64) error {
	last := w.history.last()
	if err := w.writeBlocks(ctx); err != nil {
		return err
	}
	n := int64(1)
	if last != nil {
		n = last.n + 1
		if err := w.tx.Put(ctx, closeSlice, last.from, last.to, last.low, last.n); err != nil {
			return fmt.Errorf("close a slice: %w", err)
		}
		w.closed = append(w.closed, last)
	}
	s := newSlice(n, sequence, row, at)
	if last == nil || last.day() != s.day() {
		if err := w.db.BeginDay(ctx, w.tx, s.day()); err != nil {
			return fmt.Errorf("begin a day of the history: %w", err)
		}
	}
	if err := w.tx.Put(ctx, insertSlice, s.n, s.firstEvent, s.firstAttempt, s.opened, s.from, s.to, s.low); err != nil {
		return fmt.Errorf("open a slice: %w", err)
	}
	w.history.add(s)
	return nil
}

// load reads the slices from the database and indexes those that have no index
// there: the open one, and what was closed shortly before the end.
func (h *history) load(ctx context.Context, from Reader) error {
	var all []*slice
	err := each(ctx, from, func(scan scan) error {
		s := newSlice(0, 0, 0, 0)
		var bits sql.NullInt64
		if err := scan(&s.n, &s.firstEvent, &s.firstAttempt, &s.opened, &s.from, &s.to, &s.low, &bits, &s.stale); err != nil {
			return err
		}
		if bits.Valid {
			s.bits = int(bits.Int64)
		}
		if len(all) > 0 {
			last := all[len(all)-1]
			last.closed, last.endEvent, last.endAttempt = true, s.firstEvent, s.firstAttempt
		}
		all = append(all, s)
		return nil
	}, "SELECT n, first_event, first_attempt, opened_at, from_at, to_at, low, bits, stale FROM slices ORDER BY n")
	if err != nil {
		return fmt.Errorf("read the slices of the history: %w", err)
	}
	for _, s := range all {
		if s.bits != unindexed {
			continue
		}
		if err := s.rebuild(ctx, from); err != nil {
			return fmt.Errorf("index the history: %w", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slices = all
	return nil
}

// rebuild indexes a slice from its blocks.
func (s *slice) rebuild(ctx context.Context, from Reader) error {
	var seen seenTerms
	for _, t := range [...]*table{&eventBlocks, &attemptBlocks} {
		first, end := t.bounds(s)
		err := each(ctx, from, func(scan scan) error {
			b, err := scanBlock(scan)
			if err != nil {
				return err
			}
			s.from, s.to = min(s.from, b.from), max(s.to, b.to)
			if t == &attemptBlocks {
				s.low = min(s.low, b.low)
			}
			seen = seenTerms{}
			var room []uint32
			for i, record := range b.records {
				if len(record) == 0 {
					continue
				}
				if room, err = t.terms(room[:0], record, b.first+int64(i)); err != nil {
					return err
				}
				for _, term := range room {
					if seen.add(term) {
						s.entries = append(s.entries, newEntry(term, b.first-first))
					}
				}
			}
			return nil
		}, "SELECT "+t.columns+" FROM "+t.name+" WHERE "+s.ofDay()+"first >= ? AND first < ? ORDER BY first", first, end)
		if err != nil {
			return err
		}
	}
	return nil
}

// seenTerms tells most of the terms that a block has already.
type seenTerms [512]uint32

// add reports whether a term is to be added.
func (s *seenTerms) add(t uint32) bool {
	i := t % uint32(len(s))
	if s[i] == t {
		return false
	}
	s[i] = t
	return true
}

// of returns the slice that the event of a sequence lies in, or nil.
func (h *history) of(sequence int64) *slice {
	for _, s := range slices.Backward(h.all()) {
		if s.firstEvent <= sequence {
			return s
		}
	}
	return nil
}

// firstAttempt is a row before which no attempt is about the event of a sequence
// or a later one.
func (h *history) firstAttempt(sequence int64) (row int64) {
	for _, s := range h.all() {
		if s.firstEvent > sequence {
			break
		}
		row = s.firstAttempt
	}
	return row
}

// span returns bounds (from ≤ sequence < to) outside of which nothing was
// accepted at since or after, and before until.
func (h *history) span(since, until time.Time) (from, to int64) {
	all := h.all()
	to = math.MaxInt64
	for _, s := range all {
		if since.IsZero() || s.to >= micros(since) {
			break
		}
		from = s.endEvent
	}
	for _, s := range slices.Backward(all) {
		if until.IsZero() || s.from < micros(until) {
			break
		}
		to = s.firstEvent
	}
	return from, to
}
