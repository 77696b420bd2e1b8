// Package sqlite keeps everything in one SQLite database in the data directory.
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
// (prune.go). Lists go through blocks (events.go, attempts.go); how a delivery
// stands follows from its event, what is due, and its attempts (deliveries.go).
// What changes in place is rows: what is due, gates, jobs (due.go), snapshots
// (snapshots.go), records, and configuration.
//
// # Durability
//
// WAL with synchronous=FULL: when a transaction is committed, the log has been
// fsynced. The directory is fsynced when it and the database are made. A lock
// on the directory keeps a second process out.
//
// # Failure
//
// A transaction that fails fails every commit in it, though one of them may be
// to blame (such as one with a client's event id that is taken: the caller has
// to look first, see [DB.Known]). What the committer keeps in memory is then
// read again by Resume. After a full disk and the like, [DB.Resume]
// takes up again on a new connection. After an I/O error or a damaged file
// nobody knows what is on the disk, and Broken is closed.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver

	"github.com/switchhook/switchhook"
)

const (
	databaseFile = "switchhook.db"
	lockFile     = "lock"
	readers      = 4
)

// Options configures a DB. Dir must be set.
type Options struct {
	// Dir is the data directory. It is made where it does not exist.
	Dir string

	// MasterKey is the key of 32 bytes that seals secrets. Nil: the one in the
	// file master.key of Dir, made at the first start.
	MasterKey []byte

	// Logger tells of failed writes. Nil: silence.
	Logger *slog.Logger
}

// DB is a store in a directory. Its methods may be called concurrently.
type DB struct {
	dir    string
	log    *slog.Logger
	lock   *os.File
	seal   *sealer
	reader *sql.DB

	indexPart *sql.Stmt // of reader
	history   history
	recent    recent

	queue *queue
	w     *writer        // of the committer alone
	done  sync.WaitGroup // the committer, and what writes indexes

	// refusal is why no write is taken. Only the committer sets it.
	refusal atomic.Pointer[switchhook.Error]
	broken  chan struct{}

	closing  sync.Once
	closeErr error
}

// Open opens the store in o.Dir, makes it where there is none, and migrates it
// where it is older than this program.
func Open(ctx context.Context, o Options) (*DB, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the data directory: %w", err)
	}
	d := &DB{dir: dir, log: o.Logger, queue: newQueue(), broken: make(chan struct{})}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	if d.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if err := d.open(ctx, o.MasterKey); err != nil {
		return nil, errors.Join(err, d.release())
	}
	// The committer outlives the call: only Close ends it.
	ctx = context.WithoutCancel(ctx)
	d.indexClosed(ctx)
	d.done.Go(func() { d.run(ctx) })
	return d, nil
}

func (d *DB) open(ctx context.Context, masterKey []byte) error {
	writing, err := sql.Open("sqlite", d.dsn(url.Values{"_pragma": {
		// The driver sets busy_timeout first, whatever the order.
		"busy_timeout(10000)",
		"journal_mode(wal)",
		"synchronous(full)",
		"foreign_keys(1)",
		// A longer log means that pages which change often, such as the right
		// edges of the indexes, are written to the database less often.
		"wal_autocheckpoint(4000)",
		"journal_size_limit(67108864)",
		"cache_size(-16384)",
		"temp_store(memory)",
	}}))
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	writing.SetMaxOpenConns(1)
	if err := d.prepare(ctx, writing, masterKey); err != nil {
		return errors.Join(err, writing.Close())
	}
	if d.w, err = newWriter(ctx, writing, &d.history); err != nil {
		return errors.Join(err, writing.Close())
	}
	d.reader, err = sql.Open("sqlite", d.dsn(url.Values{
		"mode": {"ro"},
		"_pragma": {
			"busy_timeout(10000)",
			"query_only(1)",
			"cache_size(-4096)",
			"temp_store(memory)",
		},
	}))
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	d.reader.SetMaxOpenConns(readers)
	d.reader.SetMaxIdleConns(readers)
	d.indexPart, err = d.reader.PrepareContext(ctx, "SELECT body FROM history_index WHERE part = ?")
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	return nil
}

// prepare brings the schema up to date and checks the master key.
func (d *DB) prepare(ctx context.Context, db *sql.DB, masterKey []byte) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open the database in %s: %w", d.dir, err)
	}
	defer conn.Close()
	if err := migrate(ctx, conn, d.dir); err != nil {
		return err
	}
	if d.seal, err = openSealer(ctx, conn, d.dir, masterKey); err != nil {
		return err
	}
	// The database's entry is now as durable as its contents.
	if err := syncDir(d.dir); err != nil {
		return fmt.Errorf("sync the data directory: %w", err)
	}
	return nil
}

// dsn names the database with the parameters of one kind of connection.
func (d *DB) dsn(params url.Values) string {
	params.Set("_defensive", "1")
	params.Set("_dqs", "0") // "x" is a name, never a text
	path := filepath.ToSlash(filepath.Join(d.dir, databaseFile))
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // file:///C:/…
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: params.Encode()}
	return u.String()
}

// Close waits for what was submitted and releases everything.
func (d *DB) Close() error {
	d.closing.Do(func() {
		d.queue.close()
		d.done.Wait()
		d.closeErr = d.release()
	})
	return d.closeErr
}

func (d *DB) release() error {
	var errs []error
	// The readers first: the last connection to go folds the log into the
	// database, and a reader may not write.
	if d.reader != nil {
		errs = append(errs, d.reader.Close())
	}
	if d.w != nil {
		errs = append(errs, d.w.close())
	}
	return errors.Join(append(errs, unlockDir(d.lock))...)
}

// makeDir makes dir and what is missing above it, each with its entry durable.
func makeDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a directory", dir)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(parent))
}
