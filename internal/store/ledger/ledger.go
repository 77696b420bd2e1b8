// Package ledger is the store: how everything that Switchhook keeps lies in an SQL
// database. The databases are sqlite and postgres; this package knows neither, and
// asks of them what Database says.
//
// # One writer
//
// All writes go through one goroutine, the committer, on one connection: the
// commits that [DB.Submit] queues, and the small writes of configuration, which
// queue as functions. The committer takes what has gathered while the last
// fsync ran, puts it into one transaction, and calls each commit's Done in the
// order of submission. No timer: a lone commit is written at once, and under
// load the batches grow by themselves. Reads have connections of their own and
// see what is committed.
//
// # History
//
// Events and attempts are not rows: what a transaction has of them is written
// as blocks (codec.go, blocks.go), which belong to slices of the history
// (slices.go), each with an index of its own (index.go) and dropped as a whole
// (prune.go); accounts that keep less than others are cut out of them (cut.go).
// Lists go through blocks (events.go, attempts.go); how a delivery stands follows from its event, what is due, and its attempts (deliveries.go).
// What changes in place is rows: what is due, gates, jobs (due.go), snapshots
// (snapshots.go), records, and configuration.
//
// # Failure
//
// A transaction that fails fails every commit in it, though one of them may be
// to blame (such as one with a client's event id that is taken: the caller has
// to look first, see [DB.Known]). What the committer keeps in memory is then
// read again by [DB.Resume], which takes up again on a new connection. Where
// nobody knows what is on the disk, Broken is closed.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/switchhook/switchhook"
)

// A Database is what a ledger lies in. Its schema has the tables of the ledger;
// statements are in the SQL of SQLite, of which the ledger uses little that is not
// in the standard:
//
//   - parameters are ? or ?1, ?2 …;
//   - "SELECT value FROM json_each(?)" are the integers of a JSON array, and with
//     " AS text" behind it its texts;
//   - INDEXED BY may be left out.
type Database interface {
	// Reader reads what is committed, from any goroutine.
	Reader
	// View runs fn on one state of the database.
	View(ctx context.Context, fn func(Reader) error) error
	// Connect opens the connection that writes. Only the committer uses it.
	Connect(ctx context.Context) (Conn, error)
	// BeginDay is called in a transaction before it writes the first blocks of a day
	// (since 1970, UTC), which may have been there before.
	BeginDay(ctx context.Context, tx Tx, day int64) error
	// DropsDays reports whether DropDay drops all blocks of a day. Where not, they are
	// deleted, a few at a time.
	DropsDays() bool
	DropDay(ctx context.Context, tx Tx, day int64) error
	// Sweep is called after transactions that erased, with the days of the blocks that they
	// have changed: what lies there for nobody is to be cleared away, as far as the database
	// can. It may be called again for the same.
	Sweep(ctx context.Context, days []int64) error
	// Fatal reports whether an error leaves unknown what is on the disk, so that
	// nothing can be promised any more.
	Fatal(err error) bool
	// Held reports whether nobody else can have it by now. Lost is closed once somebody
	// has; nil: nobody ever will.
	Held() bool
	Lost() <-chan struct{}
	// Name says in a few words where the data lies, for errors.
	Name() string
	Close() error
}

// A Reader asks.
type Reader interface {
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

// A Conn is the connection that writes.
type Conn interface {
	Reader
	// Transact runs fn in a transaction, which is durable once it returns nil.
	// ErrUnknown: nobody knows whether it was committed, until Connect succeeds: then
	// it was, or never will be. ErrBroken: the connection is of no more use.
	Transact(ctx context.Context, fn func(Tx) error) error
	Close() error
}

// ErrUnknown is in an error of Transact: the connection broke while it committed.
var ErrUnknown = errors.New("the connection broke while a transaction was committed")

// ErrBroken is in an error of Transact: the connection broke.
var ErrBroken = errors.New("the connection to the database broke")

// A Tx is a transaction under way.
type Tx interface {
	Reader
	// Put runs a statement, at the latest before the transaction ends: then
	// Transact returns its error. What args refer to must not change until then.
	Put(ctx context.Context, text string, args ...any) error
	// PutOne is Put of a statement that has to change a row: otherwise is the
	// error if it does not.
	PutOne(ctx context.Context, otherwise error, text string, args ...any) error
	// Leave lets what the transaction deletes from then on lie until its room is used again,
	// where that is cheaper. Otherwise it is overwritten, as far as the database can.
	Leave(ctx context.Context) error
	// Exec runs a statement at once and returns how many rows it has changed.
	Exec(ctx context.Context, text string, args ...any) (int64, error)
}

// Options configures a DB. Database and MasterKeys must be set.
type Options struct {
	Database Database

	// MasterKeys are the keys of 32 bytes one of which seals secrets.
	MasterKeys Keys

	// Logger tells of failed writes. Nil: silence.
	Logger *slog.Logger
}

// DB is a store. Its methods may be called concurrently.
type DB struct {
	db   Database
	log  *slog.Logger
	seal *sealer

	history history
	keeping keeping
	recent  recent
	setup   setup
	cuts    cuts

	queue *queue
	w     *writer        // of the committer alone
	done  sync.WaitGroup // the committer, and what writes indexes

	// refusal is why no write is taken. Only the committer sets it.
	refusal atomic.Pointer[switchhook.Error]
	broken  chan struct{}

	// doubtful are the commits of a batch of which nobody knows whether it was
	// committed, and its number as meta.batches counts. Of the committer alone.
	doubtful []*rows
	doubt    int64

	closed   chan struct{}
	closing  sync.Once
	closeErr error
}

// Open takes up what is in a database, whose schema is there already. An error
// leaves it open.
func Open(ctx context.Context, o Options) (*DB, error) {
	d := &DB{db: o.Database, log: o.Logger, queue: newQueue(), broken: make(chan struct{}), closed: make(chan struct{})}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.newSetup()
	d.log = d.log.With("data", d.db.Name())
	w, err := newWriter(ctx, d.db, &d.history, &d.keeping)
	if err != nil {
		return nil, fmt.Errorf("open the database for writing: %w", err)
	}
	if d.seal, err = w.openSealer(ctx, o.MasterKeys); err != nil {
		return nil, errors.Join(err, w.disconnect())
	}
	d.w = w
	// The committer outlives the call: only Close ends it.
	ctx = context.WithoutCancel(ctx)
	d.indexClosed(ctx)
	d.done.Go(func() { d.run(ctx) })
	go func() {
		select {
		case <-d.db.Lost():
			_ = d.enqueue(ctx, func(ctx context.Context) error { return d.refuse(ctx, ErrLost) })
		case <-d.closed:
		}
	}()
	return d, nil
}

// ErrLost is in an error of Transact: the database is another process's now.
var ErrLost = errors.New("another process has taken over the database")

// ErrForgot is in the error of a store whose database has lost what it had committed: its
// server was replaced by one that knew less. What is in memory here fits it no more.
var ErrForgot = errors.New("the database has lost what it had committed")

// fatal reports whether nothing can be promised any more.
func (d *DB) fatal(err error) bool { return errors.Is(err, ErrForgot) || d.db.Fatal(err) }

// Close waits for what was submitted and releases everything, the database
// included.
func (d *DB) Close() error {
	d.closing.Do(func() {
		close(d.closed)
		d.queue.close()
		d.done.Wait()
		d.closeErr = errors.Join(d.w.disconnect(), d.db.Close())
	})
	return d.closeErr
}
