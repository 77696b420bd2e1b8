package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Where a transaction's events and attempts are cut into blocks: a block is
// read as a whole, and more in one pack no better.
const (
	blockRecords = 128
	blockBytes   = 256 << 10
)

// A builder gathers the next block.
type builder struct {
	records     []byte // as in a body, not packed
	n           int
	first, last int64
	from, to    int64
	low         int64
	terms       []uint32
	seen        seenTerms
}

// add takes a record that begins with its length.
func (b *builder) add(key int64, r *record) {
	if b.n == 0 {
		b.first, b.from, b.to, b.low = key, r.at, r.at, r.sequence
		b.seen = seenTerms{}
	}
	b.records = append(b.records, r.bytes...)
	b.n++
	b.last, b.from, b.to, b.low = key, min(b.from, r.at), max(b.to, r.at), min(b.low, r.sequence)
	for _, t := range r.terms {
		if b.seen.add(t) {
			b.terms = append(b.terms, t)
		}
	}
}

func (b *builder) full() bool { return b.n == blockRecords || len(b.records) >= blockBytes }

func (b *builder) reset() { b.records, b.terms, b.n = b.records[:0], b.terms[:0], 0 }

const (
	insertEvents   = `INSERT INTO event_blocks (day, first, last, from_at, to_at, body, snapshots) VALUES (?, ?, ?, ?, ?, ?, ?)`
	insertAttempts = `INSERT INTO attempt_blocks (day, first, last, from_at, to_at, low, upto, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
)

// writeBlocks writes what was gathered.
func (w *writer) writeBlocks(ctx context.Context) error {
	if err := w.writeEvents(ctx, nil); err != nil {
		return err
	}
	return w.writeAttempts(ctx)
}

// writeEvents writes a block of events. log are records of snapshots.
func (w *writer) writeEvents(ctx context.Context, log []byte) error {
	b := &w.events
	if b.n == 0 {
		return nil
	}
	var snapshots any
	if len(log) > 0 {
		snapshots = w.pack(log)
	}
	if err := w.tx.Put(ctx, insertEvents, w.history.last().day(), b.first, b.last, b.from, b.to, w.pack(b.records), snapshots); err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	w.history.grow(b.first-w.history.last().firstEvent, b.from, b.to, w.history.last().low, b.terms)
	b.reset()
	return nil
}

func (w *writer) writeAttempts(ctx context.Context) error {
	b := &w.attempts
	if b.n == 0 {
		return nil
	}
	if err := w.tx.Put(ctx, insertAttempts, w.history.last().day(), b.first, b.last, b.from, b.to, b.low, w.lastSequence, w.pack(b.records)); err != nil {
		return fmt.Errorf("insert attempts: %w", err)
	}
	w.history.grow(b.first-w.history.last().firstAttempt, b.from, b.to, b.low, b.terms)
	b.reset()
	return nil
}

// pack packs records for a statement. What it returns stays as it is until the
// transaction ends.
func (w *writer) pack(records []byte) []byte {
	n := len(w.packed)
	w.packed = pack(w.packed, records)
	return w.packed[n:len(w.packed):len(w.packed)]
}

// A table is one of the two of the history.
type table struct {
	name, columns string
	bounds        func(*slice) (first, end int64)
	terms         func(terms []uint32, record []byte, key int64) ([]uint32, error)
	accountOf     func(record []byte) string
}

var (
	eventBlocks = table{ //nolint:gochecknoglobals // a constant that Go cannot write as one
		name: "event_blocks", columns: "first, last, from_at, to_at, first, last, body",
		bounds: func(s *slice) (first, end int64) { return s.firstEvent, s.endEvent },
		terms: func(terms []uint32, record []byte, _ int64) ([]uint32, error) {
			e, err := decodeEvent(record)
			if err != nil {
				return nil, err
			}
			return eventTerms(terms, e), nil
		},
		accountOf: accountOfEvent,
	}
	attemptBlocks = table{ //nolint:gochecknoglobals // a constant that Go cannot write as one
		name: "attempt_blocks", columns: "first, last, from_at, to_at, low, upto, body",
		bounds: func(s *slice) (first, end int64) { return s.firstAttempt, s.endAttempt },
		terms: func(terms []uint32, record []byte, row int64) ([]uint32, error) {
			a, err := decodeAttempt(record, row, false)
			if err != nil {
				return nil, err
			}
			return attemptTerms(terms, a), nil
		},
		accountOf: accountOfAttempt,
	}
)

// A block is a row of one of the tables, unpacked.
type block struct {
	first, last, from, to, low, upto int64
	records                          [][]byte
}

func scanBlock(scan scan) (*block, error) {
	var b block
	var body sql.RawBytes
	err := scan(&b.first, &b.last, &b.from, &b.to, &b.low, &b.upto, &body)
	if err == nil {
		b.records, err = unpack(body)
	}
	return &b, err
}

// A walk goes through blocks in the order of their keys.
type walk struct {
	*table
	from, to     int64      // keys: from ≤ key < to
	rising       bool       // else the newest first
	since, until time.Time  // of something in the block; zero: any
	low          int64      // attempts: about an event before this one; 0: any
	terms        [][]uint32 // one of each
}

// newWalk is that of a list's page.
func newWalk(t *table, cursor string, after int64) (w walk, err error) {
	w.table = t
	w.from, w.to, w.rising, err = place(cursor, after)
	return w, err
}

// eachAccount is up to how many accounts are looked up in the index. Many have
// many rows: there the blocks are read until the page is full.
const eachAccount = 64

// accounts narrows a walk to accounts, if nothing else narrows it more.
func (w *walk) accounts(kind string, accounts []string) {
	if accounts == nil || len(w.terms) > 0 || len(accounts) > eachAccount {
		return
	}
	terms := make([]uint32, len(accounts))
	for i, id := range accounts {
		terms[i] = term(kind, id)
	}
	w.terms = append(w.terms, terms)
}

// records are those of a block in the walk's order.
func (w *walk) records(b *block) [][]byte {
	if !w.rising {
		slices.Reverse(b.records)
	}
	return b.records
}

// blocksAtOnce is how many blocks are held in memory.
const blocksAtOnce = 16

// walk calls fn for the blocks until it says that it has enough. Records of a
// block that a commit adds meanwhile may be missing or not.
//
// There is no transaction around it: blocks do not change, and a long one would
// keep the log from being folded into the database.
func (d *DB) walk(ctx context.Context, w walk, fn func(*block) (enough bool, err error)) error {
	all := d.history.all()
	for i := range all {
		s := all[i]
		if !w.rising {
			s = all[len(all)-1-i]
		}
		first, end := w.bounds(s)
		first, end = max(first, w.from), min(end, w.to)
		if first >= end || !w.timely(s.from, s.to) || w.low > 0 && s.low >= w.low {
			continue
		}
		var enough bool
		var err error
		if len(w.terms) > 0 {
			enough, err = d.walkFound(ctx, w, s, first, end, fn)
		} else {
			enough, err = d.walkAll(ctx, w, s, first, end, fn)
		}
		if enough || err != nil {
			return err
		}
	}
	return nil
}

// timely reports whether something of what lies between two times is wanted.
func (w *walk) timely(from, to int64) bool {
	return (w.since.IsZero() || to >= micros(w.since)) && (w.until.IsZero() || from < micros(w.until))
}

// walkFound goes through the blocks that the index of a slice has for the terms.
func (d *DB) walkFound(ctx context.Context, w walk, s *slice, first, end int64, fn func(*block) (bool, error)) (enough bool, err error) {
	var found []int64
	for i, terms := range w.terms {
		distances, err := d.lookup(ctx, s, terms)
		if err != nil {
			return false, err
		}
		if i == 0 {
			found = distances
		} else {
			found = slices.DeleteFunc(found, func(at int64) bool {
				_, ok := slices.BinarySearch(distances, at)
				return !ok
			})
		}
	}
	if !w.rising {
		slices.Reverse(found)
	}
	start, _ := w.bounds(s)
	for _, at := range found {
		if start+at >= end {
			continue
		}
		blocks, err := d.blocks(ctx, w, s, "first = ? AND last >= ?", start+at, first)
		if err != nil {
			return false, err
		}
		for _, b := range blocks { // one, or none where it was not committed or was dropped
			if enough, err := fn(b); enough || err != nil {
				return enough, err
			}
		}
	}
	return false, nil
}

func (d *DB) walkAll(ctx context.Context, w walk, s *slice, first, end int64, fn func(*block) (bool, error)) (enough bool, err error) {
	// The block that has the first key begins at it or before.
	condition := "first >= coalesce((SELECT max(first) FROM " + w.name + " WHERE " + s.ofDay() + "first <= ?), 0) AND last >= ? AND first < ?"
	for limit := 1; ; limit = min(2*limit, blocksAtOnce) {
		blocks, err := d.blocks(ctx, w, s, condition+w.order()+strconv.Itoa(limit), first, first, end)
		if err != nil {
			return false, err
		}
		for _, b := range blocks {
			if enough, err := fn(b); enough || err != nil {
				return enough, err
			}
		}
		if len(blocks) < limit {
			return false, nil
		}
		if last := blocks[limit-1]; w.rising {
			first = last.last + 1
		} else {
			end = last.first
		}
	}
}

func (w *walk) order() string {
	if w.rising {
		return " ORDER BY first LIMIT "
	}
	return " ORDER BY first DESC LIMIT "
}

// blocks reads those of a walk that lie in the slice's day and fulfil a condition.
func (d *DB) blocks(ctx context.Context, w walk, s *slice, condition string, args ...any) (blocks []*block, err error) {
	text := "SELECT " + w.columns + " FROM " + w.name + " WHERE " + s.ofDay()
	if !w.since.IsZero() {
		text += "to_at >= " + strconv.FormatInt(micros(w.since), 10) + " AND "
	}
	if !w.until.IsZero() {
		text += "from_at < " + strconv.FormatInt(micros(w.until), 10) + " AND "
	}
	if w.low > 0 {
		text += "low < " + strconv.FormatInt(w.low, 10) + " AND "
	}
	err = each(ctx, d.db, func(scan scan) error {
		b, err := scanBlock(scan)
		blocks = append(blocks, b)
		return err
	}, text+condition, args...)
	return blocks, err
}
