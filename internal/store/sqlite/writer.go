package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// A writer is the one connection that writes, with its statements. Only the
// committer uses it.
type writer struct {
	db   *sql.DB
	conn *sql.Conn

	begin, commit, rollback, counters *sql.Stmt

	putEvents, putAttempts, eventID           *sql.Stmt
	putDue, settle, putSnapshot, dropSnapshot *sql.Stmt
	putRecord, dropRecord, reject             *sql.Stmt
	putGate, putJob                           *sql.Stmt

	lastSequence, lastAttempt, watermark int64 // as in the table meta

	history   *history
	snapshots snapshots

	// Of the batch under way.
	events, attempts builder
	log, packed      []byte
	changed, put     snapshotMap // logged; put into the table
	closed           []*slice    // to be indexed once it is committed
}

func newWriter(ctx context.Context, db *sql.DB, h *history) (*writer, error) {
	w := &writer{db: db, history: h}
	if err := w.connect(ctx); err != nil {
		return nil, fmt.Errorf("open the database for writing: %w", err)
	}
	return w, nil
}

func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn = conn
	// One row a statement: with this driver, many rows in one INSERT are no
	// faster than the same statement run many times.
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&w.begin, "BEGIN IMMEDIATE"},
		{&w.commit, "COMMIT"},
		{&w.rollback, "ROLLBACK"},
		{&w.counters, "UPDATE meta SET last_sequence = ?, last_attempt = ?, watermark = ?"},
		{&w.putEvents, insertEvents},
		{&w.putAttempts, insertAttempts},
		{&w.eventID, insertEventID},
		{&w.putDue, putDue},
		{&w.settle, deleteDue},
		{&w.putSnapshot, upsertSnapshot},
		{&w.dropSnapshot, deleteSnapshot},
		{&w.putRecord, upsertRecord},
		{&w.dropRecord, deleteRecord},
		{&w.reject, insertReject},
		{&w.putGate, putGate},
		{&w.putJob, putJob},
	} {
		if *s.stmt, err = conn.PrepareContext(ctx, s.text); err != nil { //nolint:sqlclosecheck // closed with the connection
			return errors.Join(err, w.disconnect())
		}
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
	err := w.conn.QueryRowContext(ctx, "SELECT last_sequence, last_attempt, watermark FROM meta").
		Scan(&w.lastSequence, &w.lastAttempt, &w.watermark)
	if err != nil {
		return err
	}
	if err := w.history.load(ctx, w.conn); err != nil {
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
	// Not only back to the pool: what is wrong with it must not come back.
	w.db.SetMaxIdleConns(-1)
	err := w.conn.Close()
	w.conn = nil
	return err
}

// reopen starts again on a new connection and tries whether it can write.
func (w *writer) reopen(ctx context.Context) error {
	if err := w.disconnect(); err != nil {
		return err
	}
	if err := w.connect(ctx); err != nil {
		return err
	}
	return w.transact(ctx, func() error { return w.saveCounters(ctx) })
}

func (w *writer) saveCounters(ctx context.Context) error {
	_, err := w.counters.ExecContext(ctx, w.lastSequence, w.lastAttempt, w.watermark)
	return err
}

// transact runs fn in a transaction.
func (w *writer) transact(ctx context.Context, fn func() error) error {
	if w.conn == nil {
		return errors.New("the last attempt to connect to the database failed")
	}
	if _, err := w.begin.ExecContext(ctx); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		if _, err = w.commit.ExecContext(ctx); err == nil {
			return nil
		}
	}
	// SQLite has rolled back by itself after some errors; then this one fails,
	// and does not matter.
	_, _ = w.rollback.ExecContext(ctx)
	return err
}

func (w *writer) close() error {
	return errors.Join(w.disconnect(), w.db.Close())
}
