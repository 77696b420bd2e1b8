package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/switchhook/switchhook/internal/cluster"
	"github.com/switchhook/switchhook/internal/store/ledger"
)

// conn is the connection that writes. It is one of database/sql, for what is read, and
// the pgx connection below it, for what is written.
type conn struct {
	asker
	sql   *sql.Conn
	db    *database
	below *pgx.Conn
	pool  *sql.DB
}

// longestTransaction is how long the server may take for one. A server that hangs is
// then as good as one that is gone.
const longestTransaction = 15 * time.Second

func (d *database) Connect(ctx context.Context) (ledger.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, longestTransaction)
	defer cancel()
	pool := sql.OpenDB(stdlib.GetConnector(*d.config))
	c, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the database: %w", err), pool.Close())
	}
	w := &conn{asker: asker{c}, sql: c, db: d, pool: pool}
	err = c.Raw(func(driverConn any) error {
		w.below = driverConn.(*stdlib.Conn).Conn() //nolint:errcheck,forcetypeassert // GetConnector's
		return nil
	})
	if err == nil {
		// A transaction of the connection before may still be on its way: after this it
		// was committed, or never will be.
		err = d.o.Lease.Raise(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (c *conn) Close() error { return errors.Join(c.sql.Close(), c.pool.Close()) }

// Transact sends what was put together with the end of the transaction, if fn has asked
// for nothing at once.
func (c *conn) Transact(ctx context.Context, fn func(ledger.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, longestTransaction)
	defer cancel()
	t := &tx{conn: c}
	err := fn(t)
	if err == nil {
		err = t.commit(ctx)
	}
	if (err != nil || t.err != nil) && t.begun {
		c.rollBack(ctx)
	}
	if t.err != nil && !errors.Is(err, t.err) { // fn may have gone on, and met what follows from it
		err = errors.Join(t.err, err)
	}
	if err != nil && c.below.IsClosed() {
		err = errors.Join(err, ledger.ErrBroken)
	}
	return err
}

// rollBack ends a transaction, if there is one, or else the connection.
func (c *conn) rollBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout) // that of the transaction may be over
	defer cancel()
	if _, err := c.below.Exec(ctx, "ROLLBACK"); err != nil {
		_ = c.below.Close(ctx) // the server rolls back
	}
}

// tx saves what is put until something is asked, or the end.
type tx struct {
	*conn
	batch     pgx.Batch
	otherwise error // of the first statement that had to change a row and did not
	checks    bool  // there is such a statement
	begun     bool  // the server knows of the transaction
	err       error
}

func (t *tx) Put(_ context.Context, text string, args ...any) error {
	t.batch.Queue(translated(text), cleaned(args)...)
	return t.err
}

func (t *tx) PutOne(_ context.Context, otherwise error, text string, args ...any) error {
	t.checks = true
	t.batch.Queue(translated(text), cleaned(args)...).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 && t.otherwise == nil {
			t.otherwise = otherwise
		}
		return nil
	})
	return t.err
}

// Leave: rows lie in their files until they are vacuumed, and others take their room.
func (t *tx) Leave(context.Context) error { return t.err }

func (t *tx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	tag, err := t.below.Exec(ctx, translated(text), cleaned(args)...)
	return tag.RowsAffected(), err
}

func (t *tx) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	return t.conn.QueryContext(ctx, text, args...)
}

func (t *tx) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	_ = t.flush(ctx) // then the query fails too, and Transact returns this error
	return t.conn.QueryRowContext(ctx, text, args...)
}

// flush sends what was put, and begins the transaction before.
func (t *tx) flush(ctx context.Context) error {
	if t.err != nil {
		return t.err
	}
	if t.begun && t.batch.Len() == 0 {
		return nil
	}
	t.err = t.send(ctx, !t.begun)
	t.begun = true
	if t.err == nil {
		t.err = t.otherwise
	}
	return t.err
}

// send sends the batch. begin: first the beginning of the transaction and its fence;
// else it is a part of one, or, if none was begun, a transaction by itself.
func (t *tx) send(ctx context.Context, begin bool) error {
	b := &pgx.Batch{}
	if begin {
		b.Queue("BEGIN")
	}
	if !t.begun {
		b.Queue(cluster.Fence, t.db.o.Lease.Epoch(), t.db.o.Lease.Owner())
	}
	b.QueuedQueries = append(b.QueuedQueries, t.batch.QueuedQueries...)
	t.batch = pgx.Batch{}
	err := t.below.SendBatch(ctx, b).Close()
	const divisionByZero = "22012" // of the fence, and of no other statement
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == divisionByZero {
		t.db.o.Lease.Lose()
		return ledger.ErrLost
	}
	return err
}

// commit ends the transaction.
func (t *tx) commit(ctx context.Context) error {
	if !t.begun && !t.checks {
		if t.batch.Len() == 0 {
			return nil
		}
		return unknown(t.send(ctx, false))
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	tag, err := t.below.Exec(ctx, "COMMIT")
	if err == nil && tag.String() != "COMMIT" {
		return errors.New("the server has rolled the transaction back: one of its statements had failed")
	}
	return unknown(err)
}

// unknown marks an error of a commit of which the server has not said that it failed.
func unknown(err error) error {
	if err == nil || errors.Is(err, ledger.ErrLost) {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.SeverityUnlocalized == "ERROR" {
		return err
	}
	return fmt.Errorf("%w: %w", ledger.ErrUnknown, err)
}
