package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

// conn is the connection that writes, with the statements that were run on it.
type conn struct {
	*sql.Conn
	db       *sql.DB
	prepared map[string]*sql.Stmt
	leaving  bool
}

func (d *database) Connect(ctx context.Context) (ledger.Conn, error) {
	c, err := d.writing.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, db: d.writing, prepared: map[string]*sql.Stmt{}}, nil
}

// Transact: the lock is taken at the beginning, so that what is read is still true
// when it is written.
func (c *conn) Transact(ctx context.Context, fn func(ledger.Tx) error) error {
	if _, err := c.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := fn(tx{c})
	if err = errors.Join(err, c.leaveNot(ctx)); err == nil {
		if _, err = c.exec(ctx, "COMMIT"); err == nil {
			return nil
		}
	}
	// SQLite has rolled back by itself after some errors; then this one fails,
	// and does not matter.
	_, _ = c.exec(ctx, "ROLLBACK")
	return err
}

// Leave: to overwrite whole pages costs as much again as to write them did. What lies in
// pages that are written anyway is overwritten all the same.
func (t tx) Leave(ctx context.Context) error {
	t.leaving = true
	_, err := t.ExecContext(ctx, "PRAGMA secure_delete = FAST") // in force once it is compiled, so not one prepared before
	return err
}

func (c *conn) leaveNot(ctx context.Context) error {
	if !c.leaving {
		return nil
	}
	c.leaving = false
	_, err := c.ExecContext(ctx, "PRAGMA secure_delete = ON")
	return err
}

// exec runs a statement, prepared once. One row a statement: with this driver,
// many rows in one INSERT are no faster than the same statement run many times.
func (c *conn) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	s := c.prepared[text]
	if s == nil {
		var err error
		if s, err = c.PrepareContext(ctx, text); err != nil { // it is closed with the connection
			return nil, err
		}
		c.prepared[text] = s
	}
	return s.ExecContext(ctx, args...)
}

func (c *conn) Close() error {
	// Not only back to the pool: what is wrong with it must not come back.
	c.db.SetMaxIdleConns(-1)
	return c.Conn.Close()
}

// tx runs everything at once: there is no way to be saved.
type tx struct{ *conn }

func (t tx) Put(ctx context.Context, text string, args ...any) error {
	_, err := t.exec(ctx, text, args...)
	return err
}

func (t tx) PutOne(ctx context.Context, otherwise error, text string, args ...any) error {
	n, err := t.Exec(ctx, text, args...)
	if err == nil && n == 0 {
		return otherwise
	}
	return err
}

func (t tx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	res, err := t.exec(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
