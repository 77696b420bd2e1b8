package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// The index of a slice says which of its blocks may have what is looked for. An
// entry is a term (the hash of a kind and a value) and a block; there is one for
// each block that has the term. Terms collide, so a block that is found is
// always looked through: an entry too many costs time, never an answer.
//
// While a slice is open, its entries lie in memory in the order of writing, and
// a look-up goes through all of them: half a million at most, half a
// millisecond, and nothing to keep in order with each commit. Once it is closed
// they are sorted and written to the table history_index.

// The kinds of terms.
const (
	eventID      = "event id"
	eventAccount = "event account"
	eventKey     = "event key"
	eventCall    = "event call" // where it is not the key
	eventParty   = "event party"
	eventTarget  = "event delivery"

	attemptID      = "attempt id" // of those that were made
	attemptEvent   = "attempt event"
	attemptAccount = "attempt account"
	attemptWebhook = "attempt webhook"
	attemptFailure = "attempt failure"         // webhook, or empty for any
	attemptEnded   = "attempt ended"           // state but delivered and pending; webhook, or empty for any
	attemptReplay  = "attempt replay delivery" // of those that somebody wanted again
	attemptDialect = "attempt dialect"         // of rare ones
)

// rare reports whether only a few of all attempts are in a dialect. Slices that were written
// before there were terms of these have no attempts in them.
func rare(dialect string) bool { return dialect == "mail" || dialect == "sms" }

// term is the hash of a kind and its values.
func term(kind string, values ...string) uint32 {
	var room [128]byte
	b := append(room[:0], kind...)
	for _, value := range values {
		b = append(append(b, 0), value...)
	}
	return max(1, uint32(xxhash.Sum64(b)>>32)) // its higher half; 0 is none
}

func eventTerms(terms []uint32, e *switchhook.Event) []uint32 {
	terms = append(terms, term(eventID, e.ID), term(eventAccount, e.AccountID))
	if e.Key != "" {
		terms = append(terms, term(eventKey, e.Key))
	}
	if e.CallID != "" && e.CallID != e.Key {
		terms = append(terms, term(eventCall, e.CallID))
	}
	for _, party := range catalogue.Parties(e) {
		terms = append(terms, term(eventParty, party))
	}
	for _, webhook := range e.Targets {
		terms = append(terms, term(eventTarget, switchhook.DeliveryID(e.AccountID, e.ID, webhook)))
	}
	return terms
}

func attemptTerms(terms []uint32, a *switchhook.Attempt) []uint32 {
	terms = append(terms, term(attemptEvent, a.EventID), term(attemptAccount, a.AccountID), term(attemptWebhook, a.WebhookID))
	if a.Number > 0 {
		terms = append(terms, term(attemptID, a.ID))
	}
	if a.Outcome == switchhook.Failure {
		terms = append(terms, term(attemptFailure, a.WebhookID), term(attemptFailure, ""))
	}
	if a.State != switchhook.Pending && a.State != switchhook.Delivered {
		terms = append(terms, term(attemptEnded, string(a.State), a.WebhookID), term(attemptEnded, string(a.State), ""))
	}
	if rare(a.Dialect) {
		terms = append(terms, term(attemptDialect, a.Dialect))
	}
	if a.Replay {
		terms = append(terms, term(attemptReplay, switchhook.DeliveryID(a.AccountID, a.EventID, a.WebhookID)))
	}
	return terms
}

// An entry is a term and, in its lowest 16 bits, the block, as the distance of
// its first event or attempt to that of the slice.
type entry uint64

const entrySize = 6 // bytes in the table

func (e entry) term() uint32 { return uint32(e >> 16) } //nolint:gosec // the upper 32 of 48 bits

func newEntry(term uint32, distance int64) entry {
	return entry(term)<<16 | entry(distance&0xffff)
}

// A wanted is a set of terms, quick to look up.
type wanted struct {
	terms []uint32             // rising
	bits  [1 << 16 / 64]uint64 // of the higher halves, so that most entries are told by one look
}

func newWanted(terms []uint32) *wanted {
	w := &wanted{terms: slices.Compact(slices.Sorted(slices.Values(terms)))}
	for _, t := range w.terms {
		w.bits[t>>22] |= 1 << (t >> 16 & 63)
	}
	return w
}

func (w *wanted) has(t uint32) bool {
	if w.bits[t>>22]&(1<<(t>>16&63)) == 0 {
		return false
	}
	_, found := slices.BinarySearch(w.terms, t)
	return found
}

// lookup returns the distances of the blocks of a slice that may have one of
// the terms, rising.
func (d *DB) lookup(ctx context.Context, s *slice, terms []uint32) (distances []int64, err error) {
	if s.bits == unindexed {
		w := newWanted(terms)
		for _, e := range s.entries {
			if w.has(e.term()) {
				distances = append(distances, int64(e&0xffff))
			}
		}
	} else {
		var part []byte
		read := -1
		for _, t := range slices.Sorted(slices.Values(terms)) {
			if of := partOf(t, s.bits); of != read {
				if part, err = d.readPart(ctx, s, of); err != nil {
					return nil, err
				}
				read = of
			}
			distances = lookupPart(part, t, distances)
		}
	}
	slices.Sort(distances)
	return slices.Compact(distances), nil
}

// readPart reads a part of the index of a slice.
func (d *DB) readPart(ctx context.Context, s *slice, part int) (body []byte, err error) {
	err = d.db.QueryRowContext(ctx, readIndex, s.n<<8|int64(part)).Scan(&body)
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // an empty part, or a slice that was dropped meanwhile
		return nil, fmt.Errorf("read the index: %w", err)
	}
	return body, nil
}

// lookupPart appends the distances of the blocks that a part has for a term.
func lookupPart(body []byte, t uint32, distances []int64) []int64 {
	at := func(i int) uint32 { return binary.BigEndian.Uint32(body[i*entrySize:]) }
	n := len(body) / entrySize
	low, high := 0, n
	for low < high {
		if middle := (low + high) / 2; at(middle) < t {
			low = middle + 1
		} else {
			high = middle
		}
	}
	for ; low < n && at(low) == t; low++ {
		distances = append(distances, int64(binary.BigEndian.Uint16(body[low*entrySize+4:])))
	}
	return distances
}

const (
	readIndex = `SELECT body FROM history_index WHERE part = ?`
	putIndex  = `INSERT INTO history_index (part, body) VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET body = excluded.body`
)

func partOf(t uint32, bits int) int { return int(uint64(t) >> (32 - bits)) } //nolint:gosec // at most 8 bits

const (
	maxPartBits = 8
	partEntries = 2048 // that a part has at most, where the slice is not large
	// partsAtOnce is how many parts one transaction writes: few enough that the
	// commits which wait behind it do not notice.
	partsAtOnce = 32
)

// index writes the index of a slice that was closed. Where it fails, the slice
// is indexed in memory on, and again after the next start.
func (d *DB) index(ctx context.Context, s *slice) error {
	entries := slices.Clone(s.entries)
	slices.Sort(entries)
	entries = slices.Compact(entries)
	bits := 0
	for bits < maxPartBits && len(entries)>>bits > partEntries {
		bits++
	}
	return d.writeIndex(ctx, s, entries, bits)
}

// reindex writes the index of a slice anew whose blocks were cut. Its parts stay as many:
// each is good by itself, whatever is written of the others.
func (d *DB) reindex(ctx context.Context, s *slice) error {
	fresh := *s
	if err := fresh.rebuild(ctx, d.db); err != nil {
		return fmt.Errorf("index slice %d anew: %w", s.n, err)
	}
	slices.Sort(fresh.entries)
	return d.writeIndex(ctx, s, slices.Compact(fresh.entries), s.bits)
}

// writeIndex writes the sorted entries of a slice in 2^bits parts.
func (d *DB) writeIndex(ctx context.Context, s *slice, entries []entry, bits int) error {
	parts := 1 << bits
	for part := 0; part < parts; {
		end := min(part+partsAtOnce, parts)
		err := d.writeWhole(ctx, func(ctx context.Context, w *writer) error {
			if !d.history.has(s) {
				return errDropped
			}
			for ; part < end; part++ {
				n := slices.IndexFunc(entries, func(e entry) bool { return partOf(e.term(), bits) != part })
				if n < 0 {
					n = len(entries)
				}
				if n == 0 {
					if s.stale {
						if err := w.tx.Put(ctx, "DELETE FROM history_index WHERE part = ?", s.n<<8|int64(part)); err != nil {
							return err
						}
					}
					continue
				}
				body := make([]byte, 0, n*entrySize)
				for _, e := range entries[:n] {
					body = binary.BigEndian.AppendUint32(body, e.term())
					body = binary.BigEndian.AppendUint16(body, uint16(e&0xffff))
				}
				entries = entries[n:]
				if err := w.tx.Put(ctx, putIndex, s.n<<8|int64(part), body); err != nil {
					return err
				}
			}
			if part < parts {
				return nil
			}
			return w.tx.Put(ctx, "UPDATE slices SET bits = ?, stale = 0 WHERE n = ?", bits, s.n)
		}, func() {
			if part == parts {
				d.history.indexed(s, bits)
			}
		})
		if err != nil {
			return fmt.Errorf("write the index of slice %d: %w", s.n, err)
		}
	}
	return nil
}

var errDropped = errors.New("the slice was dropped")
