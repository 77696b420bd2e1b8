package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

const insertEventID = `INSERT INTO event_ids (account_id, id, expires_at) VALUES (?, ?, ?)
		ON CONFLICT (account_id, id) DO UPDATE SET expires_at = excluded.expires_at WHERE event_ids.expires_at <= ?`

// remembered is how long the ids that clients gave are known. The promise is
// 24 h; the rest is for clients that retry over a weekend's night.
const remembered = 48 * time.Hour

// rows is a commit, made ready for the database as far as that needs no
// database.
type rows struct {
	*switchhook.Commit
	records []record // of the events, then of the attempts
	bytes   []byte   // of all records
	terms   []uint32
}

// A record is an event or an attempt as it goes into a block.
type record struct {
	bytes    []byte // after their length
	terms    []uint32
	sequence int64
	at       int64
}

// Commits come and go by the thousand, and each needs as much room as it has
// bytes. The small ones (outcomes) and the large ones (events) have rooms of their
// own, for else the many small ones would hold on to the large rooms. The largest
// are not kept.
//
//nolint:gochecknoglobals // room, no state
var smallRows, largeRows = sync.Pool{New: newRoom}, sync.Pool{New: newRoom}

func newRoom() any { return new(rows) }

const (
	large     = 16 << 10
	maxPooled = 1 << 20
)

func newRows(c *switchhook.Commit) *rows {
	size, pool := likelySize(c), &smallRows
	if size > large {
		pool = &largeRows
	}
	r, _ := pool.Get().(*rows)
	r.Commit = c
	r.bytes = slices.Grow(r.bytes, size)
	for _, e := range c.Events {
		bytes, terms := len(r.bytes), len(r.terms)
		r.bytes = appendEvent(append(r.bytes, make([]byte, frame)...), e)
		r.terms = eventTerms(r.terms, e)
		r.add(bytes, terms, e.Sequence, e.AcceptedAt)
	}
	for _, a := range c.Attempts {
		bytes, terms := len(r.bytes), len(r.terms)
		r.bytes = appendAttempt(append(r.bytes, make([]byte, frame)...), a)
		r.terms = attemptTerms(r.terms, a)
		r.add(bytes, terms, a.Sequence, a.StartedAt)
	}
	return r
}

// likelySize is about how many bytes its records have. Room that has to grow
// leaves the records that were made before behind, in the room that was too small.
func likelySize(c *switchhook.Commit) (n int) {
	for _, e := range c.Events {
		n += 400 + len(e.Data) + 30*len(e.Targets)
		if e.Original != nil {
			n += len(e.Original.Body)
		}
	}
	for _, a := range c.Attempts {
		n += 600 + len(a.Error)
		if a.Request != nil {
			n += len(a.Request.Body)
		}
		if a.Response != nil {
			n += 200 + len(a.Response.Body)
		}
	}
	return n
}

// add takes what was appended from there on as the next record. A later append
// may move what is then appended elsewhere; the record stays where it is.
func (r *rows) add(bytes, terms int, sequence int64, at time.Time) {
	r.records = append(r.records, record{framed(r.bytes[bytes:]), r.terms[terms:len(r.terms):len(r.terms)], sequence, micros(at)})
}

// frame is the room that is left for a record's length.
const frame = binary.MaxVarintLen32

// framed puts the length of a record right before it.
func framed(b []byte) []byte {
	var room [frame]byte
	n := binary.PutUvarint(room[:], uint64(len(b)-frame)) //nolint:gosec // b begins with the frame
	copy(b[frame-n:], room[:n])
	return b[frame-n : len(b) : len(b)]
}

func (r *rows) count() int {
	return len(r.Events) + len(r.Attempts) + len(r.Snapshots) + len(r.Records) + len(r.Rejects) + len(r.Due) + len(r.Settled) + len(r.Gates) + len(r.Jobs) + len(r.Audit)
}

// finish tells the end. r is not to be used any more.
func (r *rows) finish(err error) {
	done := r.Done
	if cap(r.bytes) <= maxPooled {
		clear(r.records)
		*r = rows{records: r.records[:0], bytes: r.bytes[:0], terms: r.terms[:0]}
		if cap(r.bytes) > large {
			largeRows.Put(r)
		} else {
			smallRows.Put(r)
		}
	}
	if done != nil {
		done(err)
	}
}

type recordKey struct{ account, schema, id string }

// changes is what a batch does to rows that are replaced and deleted: of each,
// only what the last commit says is written. A call that rings, is answered
// and ends within one batch costs one statement.
type changes struct {
	due       map[switchhook.DeliveryRef]*switchhook.Due // nil: settled
	snapshots snapshotMap
	records   map[recordKey]*switchhook.RecordWrite
	gates     map[string]*switchhook.Gate
	jobs      map[string]*switchhook.Job
}

func (ch *changes) add(c *switchhook.Commit) {
	for i := range c.Due {
		ch.due[c.Due[i].DeliveryRef] = &c.Due[i]
	}
	for _, ref := range c.Settled {
		ch.due[ref] = nil
	}
	for i := range c.Snapshots {
		s := &c.Snapshots[i]
		ch.snapshots[keyOf(s)] = s
	}
	for i := range c.Records {
		r := &c.Records[i]
		ch.records[recordKey{r.AccountID, r.Schema, r.ID}] = r
	}
	for i := range c.Gates {
		ch.gates[c.Gates[i].WebhookID] = &c.Gates[i]
	}
	for _, j := range c.Jobs {
		ch.jobs[j.ID] = j
	}
}

// apply writes a batch of commits. What it changes in memory is read again by
// Resume where the transaction fails.
func (w *writer) apply(ctx context.Context, items []item) error {
	ch := changes{
		due:       make(map[switchhook.DeliveryRef]*switchhook.Due),
		snapshots: make(snapshotMap),
		records:   make(map[recordKey]*switchhook.RecordWrite),
		gates:     make(map[string]*switchhook.Gate),
		jobs:      make(map[string]*switchhook.Job),
	}
	now := micros(time.Now())
	sequence := w.lastSequence
	for _, it := range items {
		c := it.commit
		for i, e := range c.Events {
			if err := w.addEvent(ctx, e, &c.records[i], now); err != nil {
				return err
			}
		}
		for i, a := range c.Attempts {
			if err := w.addAttempt(ctx, a, &c.records[len(c.Events)+i]); err != nil {
				return err
			}
		}
		for _, r := range c.Rejects {
			if err := w.addReject(ctx, r); err != nil {
				return err
			}
		}
		if err := w.addAudit(ctx, c.Audit); err != nil {
			return err
		}
		ch.add(c.Commit)
		w.watermark = max(w.watermark, c.Watermark)
	}
	if err := w.addSnapshots(ctx, ch.snapshots, w.lastSequence > sequence); err != nil {
		return err
	}
	if err := w.writeBlocks(ctx); err != nil {
		return err
	}
	return w.change(ctx, &ch)
}

func (w *writer) addAttempt(ctx context.Context, a *switchhook.Attempt, r *record) error {
	if err := w.roll(ctx, w.lastSequence+1, w.lastAttempt+1, r.at); err != nil {
		return err
	}
	if w.attempts.full() {
		if err := w.writeAttempts(ctx); err != nil {
			return err
		}
	}
	w.lastAttempt++
	w.attempts.add(w.lastAttempt, r)
	a.Row = w.lastAttempt
	return nil
}

// addSnapshots logs what a batch changes of them with its last event. Where it
// has none, they go into the table with all that has gathered, for that would
// otherwise be put there later, and be older.
func (w *writer) addSnapshots(ctx context.Context, changed snapshotMap, events bool) error {
	if len(changed) == 0 {
		return nil
	}
	if events && w.events.n > 0 { // a slice that has just begun has written them already
		w.log = appendLog(w.log[:0], changed)
		w.changed = changed
		return w.writeEvents(ctx, w.log)
	}
	w.put = w.snapshots.all()
	maps.Copy(w.put, changed)
	return w.putSnapshots(ctx, w.put, w.lastSequence)
}

// committed is called once a batch is durable.
func (w *writer) committed() {
	for key, s := range w.changed {
		kept := *s
		kept.Data = bytes.Clone(s.Data)
		w.snapshots.unsaved[key] = &kept
	}
	if w.put != nil {
		w.snapshots.havePut(w.put, w.lastSequence)
		clear(w.snapshots.unsaved)
	}
	w.changed, w.put = nil, nil
}

func (w *writer) addEvent(ctx context.Context, e *switchhook.Event, r *record, now int64) error {
	if e.Sequence <= w.lastSequence {
		return fmt.Errorf("insert event %s: its sequence %d is not above %d", e.ID, e.Sequence, w.lastSequence)
	}
	if e.IDGiven {
		taken := fmt.Errorf("event id %s was given before in account %s", e.ID, e.AccountID)
		if err := w.tx.PutOne(ctx, taken, insertEventID, e.AccountID, e.ID, micros(e.AcceptedAt.Add(w.keeping.remembers(e.AccountID))), now); err != nil {
			return fmt.Errorf("remember event id %s: %w", e.ID, err)
		}
	}
	if err := w.roll(ctx, e.Sequence, w.lastAttempt+1, r.at); err != nil {
		return err
	}
	if w.events.full() {
		if err := w.writeEvents(ctx, nil); err != nil {
			return err
		}
	}
	w.events.add(e.Sequence, r)
	w.lastSequence = e.Sequence
	return nil
}

func (w *writer) change(ctx context.Context, ch *changes) error {
	for ref, due := range ch.due {
		var err error
		if due == nil {
			err = w.tx.Put(ctx, deleteDue, ref.WebhookID, ref.Sequence)
		} else {
			err = w.tx.Put(ctx, putDue, dueRow(due)...)
		}
		if err != nil {
			return fmt.Errorf("write what is due: %w", err)
		}
	}
	for _, g := range ch.gates {
		if err := w.tx.Put(ctx, putGate, gateRow(g)...); err != nil {
			return fmt.Errorf("write gates: %w", err)
		}
	}
	for _, j := range ch.jobs {
		if err := w.tx.Put(ctx, putJob, jobRow(j)...); err != nil {
			return fmt.Errorf("write jobs: %w", err)
		}
	}
	for key, r := range ch.records {
		var err error
		if r.Delete {
			err = w.tx.Put(ctx, deleteRecord, key.account, key.schema, key.id)
		} else {
			err = w.tx.Put(ctx, upsertRecord, key.account, key.schema, key.id, string(r.Row), micros(r.CreatedAt), micros(r.UpdatedAt))
		}
		if err != nil {
			return fmt.Errorf("write records: %w", err)
		}
	}
	return nil
}
