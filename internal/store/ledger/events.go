package ledger

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// LastSequence is the sequence of the newest event ever committed.
func (d *DB) LastSequence(ctx context.Context) (n int64, err error) {
	err = d.db.QueryRowContext(ctx, "SELECT last_sequence FROM meta").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read the last sequence: %w", err)
	}
	return n, nil
}

// Known reports which ids were given to events within the last 48 hours.
func (d *DB) Known(ctx context.Context, accountID string, ids []string) (map[string]bool, error) {
	known := make(map[string]bool)
	err := each(ctx, d.db, func(scan scan) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		known[id] = true
		return nil
	}, `SELECT id FROM event_ids WHERE account_id = ? AND id IN (SELECT value FROM json_each(?) AS text) AND expires_at > ?`,
		accountID, list(ids), micros(time.Now()))
	if err != nil {
		return nil, fmt.Errorf("look up event ids: %w", err)
	}
	return known, nil
}

// Event returns one event: the newest, where a client gave an id again after it
// was forgotten.
func (d *DB) Event(ctx context.Context, accounts []string, id string) (*switchhook.Event, error) {
	w := walk{table: &eventBlocks, to: math.MaxInt64, terms: [][]uint32{{term(eventID, id)}}}
	found, err := d.events(ctx, w, 1, func(e *switchhook.Event) bool { return e.ID == id && store.Allowed(accounts, e.AccountID) })
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	if len(found) == 0 {
		return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no event %q", id)
	}
	return found[0], nil
}

// callTerms are the terms of the events of a call or leg.
func callTerms(id string) []uint32 { return []uint32{term(eventKey, id), term(eventCall, id)} }

// Events lists newest first; with f.After set, oldest first from there.
func (d *DB) Events(ctx context.Context, f switchhook.EventFilter, p switchhook.Page) (events []*switchhook.Event, next string, err error) {
	w, err := newWalk(&eventBlocks, p.Cursor, f.After)
	if err != nil {
		return nil, "", err
	}
	w.since, w.until = f.Since, f.Until
	if f.Before > 0 {
		w.to = min(w.to, f.Before)
	}
	if f.Party != "" {
		w.terms = append(w.terms, []uint32{term(eventParty, f.Party)})
	}
	if f.Key != "" {
		w.terms = append(w.terms, []uint32{term(eventKey, f.Key)})
	}
	if f.CallID != "" {
		w.terms = append(w.terms, callTerms(f.CallID))
	}
	w.accounts(eventAccount, f.Accounts)
	events, err = d.events(ctx, w, p.Limit+1, func(e *switchhook.Event) bool { return store.WantsEvent(&f, e) })
	if err != nil {
		return nil, "", fmt.Errorf("list events: %w", err)
	}
	events, next = cut(events, p.Limit, func(e *switchhook.Event) int64 { return e.Sequence })
	return events, next, nil
}

// events returns up to limit of the events of a walk that are wanted.
func (d *DB) events(ctx context.Context, w walk, limit int, wanted func(*switchhook.Event) bool) (found []*switchhook.Event, err error) {
	err = d.walk(ctx, w, func(b *block) (bool, error) {
		for _, record := range w.records(b) {
			if n := sequenceOf(record); n < w.from || n >= w.to {
				continue
			}
			e, err := decodeEvent(record)
			if err != nil {
				return false, err
			}
			if !wanted(e) {
				continue
			}
			e.Data = slices.Clone(e.Data) // lets go of the block
			if found = append(found, e); len(found) == limit {
				return true, nil
			}
		}
		return false, nil
	})
	return found, err
}

// eventsOf returns the events of sequences that rise. One that is not there has
// been dropped.
func (d *DB) eventsOf(ctx context.Context, sequences []int64) (map[int64]*switchhook.Event, error) {
	events := make(map[int64]*switchhook.Event, len(sequences))
	for len(sequences) > 0 {
		first := sequences[0]
		b, err := d.blockOf(ctx, first)
		if err != nil {
			return nil, err
		}
		if b == nil {
			sequences = sequences[1:]
			continue
		}
		for _, record := range b.records {
			n := sequenceOf(record)
			for len(sequences) > 0 && sequences[0] < n {
				sequences = sequences[1:]
			}
			if len(sequences) == 0 || sequences[0] != n {
				continue
			}
			e, err := decodeEvent(record)
			if err != nil {
				return nil, err
			}
			e.Data = slices.Clone(e.Data)
			events[n] = e
		}
		for len(sequences) > 0 && sequences[0] <= b.last {
			sequences = sequences[1:]
		}
	}
	return events, nil
}

// blockOf returns the block that has an event, or nil.
func (d *DB) blockOf(ctx context.Context, sequence int64) (*block, error) {
	if b := d.recent.find(sequence); b != nil {
		return b, nil
	}
	s := d.history.of(sequence)
	if s == nil {
		return nil, nil
	}
	blocks, err := d.blocks(ctx, walk{table: &eventBlocks}, s, "first <= ? ORDER BY first DESC LIMIT 1", sequence)
	if err != nil || len(blocks) == 0 || blocks[0].last < sequence {
		return nil, err
	}
	d.recent.add(blocks[0])
	return blocks[0], nil
}

// recent are the blocks of events that were last looked into one by one: what is
// due of several webhooks lies in the same ones, and is read at about the same time.
type recent struct {
	mu     sync.Mutex
	blocks [64]*block
	next   int
}

func (r *recent) find(sequence int64) *block {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.blocks {
		if b != nil && b.first <= sequence && sequence <= b.last {
			return b
		}
	}
	return nil
}

// add takes a block unless it is one of few and very large events.
func (r *recent) add(b *block) {
	size := 0
	for _, record := range b.records {
		size += len(record)
	}
	if size > 2*blockBytes {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocks[r.next] = b
	r.next = (r.next + 1) % len(r.blocks)
}

// forget is called when blocks are dropped.
func (r *recent) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.blocks[:])
}
