package ledger

import (
	"context"
	"errors"
	"fmt"
)

// A writer is the one connection that writes, and what it knows. Only the committer
// uses it.
type writer struct {
	db   Database
	conn Conn
	tx   Tx // the transaction under way

	lastSequence, lastAttempt, watermark, batches int64 // as in the table meta

	kept int64 // batches, as of the last transaction whose success was told

	history   *history
	keeping   *keeping
	snapshots snapshots

	// Of the batch under way.
	events, attempts builder
	log, packed      []byte
	changed, put     snapshotMap // logged; put into the table
	closed           []*slice    // to be indexed once it is committed
}

func newWriter(ctx context.Context, db Database, h *history, k *keeping) (*writer, error) {
	w := &writer{db: db, history: h, keeping: k}
	return w, w.connect(ctx)
}

func (w *writer) connect(ctx context.Context) (err error) {
	if w.conn, err = w.db.Connect(ctx); err != nil {
		w.conn = nil
		return err
	}
	if err := w.load(ctx); err != nil {
		return errors.Join(err, w.disconnect())
	}
	return nil
}

// load reads what the writer keeps in memory.
func (w *writer) load(ctx context.Context) error {
	w.events.reset()
	w.attempts.reset()
	w.changed, w.put, w.closed = nil, nil, nil
	err := w.conn.QueryRowContext(ctx, "SELECT last_sequence, last_attempt, watermark, batches FROM meta").
		Scan(&w.lastSequence, &w.lastAttempt, &w.watermark, &w.batches)
	if err != nil {
		return fmt.Errorf("read the counters: %w", err)
	}
	if w.batches < w.kept {
		return fmt.Errorf("%w: %d transactions of %d are there", ErrForgot, w.batches, w.kept)
	}
	if err := w.history.load(ctx, w.conn); err != nil {
		return err
	}
	if err := w.keeping.load(ctx, w.conn); err != nil {
		return err
	}
	for _, s := range w.history.slices {
		if s.closed && s.bits == unindexed {
			w.closed = append(w.closed, s)
		}
	}
	return w.loadSnapshots(ctx)
}

func (w *writer) disconnect() error {
	if w.conn == nil {
		return nil
	}
	err := w.conn.Close()
	w.conn = nil
	return err
}

// reopen starts again on a new connection and tries whether it can write.
func (w *writer) reopen(ctx context.Context) error {
	_ = w.disconnect() // whatever was wrong with it
	if err := w.connect(ctx); err != nil {
		return err
	}
	return w.transact(ctx, func() error { return w.saveCounters(ctx) })
}

func (w *writer) saveCounters(ctx context.Context) error {
	return w.tx.Put(ctx, "UPDATE meta SET last_sequence = ?, last_attempt = ?, watermark = ?, batches = ?", w.lastSequence, w.lastAttempt, w.watermark, w.batches)
}

// transact runs fn in a transaction, which is w.tx meanwhile. A connection that broke
// before is made anew.
func (w *writer) transact(ctx context.Context, fn func() error) error {
	if w.conn == nil {
		if err := w.reopen(ctx); errors.Is(err, ErrUnknown) {
			return fmt.Errorf("try a new connection: %v", err) //nolint:errorlint // unknown is what became of the trial, and of nothing else
		} else if err != nil {
			return err
		}
	}
	w.packed = w.packed[:0]
	err := w.conn.Transact(ctx, func(tx Tx) error {
		w.tx = tx
		defer func() { w.tx = nil }()
		return fn()
	})
	if errors.Is(err, ErrBroken) {
		_ = w.disconnect()
	}
	return err
}

// counted runs fn in a transaction that counts as a batch: it is missed where the database
// forgets it.
func (w *writer) counted(ctx context.Context, fn func() error) error {
	err := w.transact(ctx, func() error {
		w.batches++
		if err := fn(); err != nil {
			return err
		}
		return w.saveCounters(ctx)
	})
	if err == nil {
		w.kept = w.batches
	}
	return err
}
