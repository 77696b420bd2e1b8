// Package sqlite keeps everything in one SQLite database in the data directory: what
// lies there, and how, says package ledger.
//
// WAL with synchronous=FULL: when a transaction is committed, the log has been
// fsynced. The directory is fsynced when it and the database are made. A lock
// on the directory keeps a second process out. After a full disk and the like the
// store takes up again on a new connection. After an I/O error or a damaged file
// nobody knows what is on the disk, and it is broken.
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

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

// DatabaseFile is the database in the data directory.
const DatabaseFile = "switchhook.db"

const (
	lockFile = "lock"
	readers  = 4
)

// Options configures a store. Dir must be set.
type Options struct {
	// Dir is the data directory. It is made where it does not exist.
	Dir string

	// MasterKeys are keys of 32 bytes one of which seals secrets. None: those in the
	// file master.key of Dir, made at the first start.
	MasterKeys [][]byte

	// Logger tells of failed writes. Nil: silence.
	Logger *slog.Logger
}

// Open opens the store in o.Dir, makes it where there is none, and migrates it
// where it is older than this program.
func Open(ctx context.Context, o Options) (*ledger.DB, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the data directory: %w", err)
	}
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	db := &database{dir: dir}
	if db.lock, err = Lock(dir); err != nil {
		return nil, err
	}
	if err := db.open(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	l, err := ledger.Open(ctx, ledger.Options{Database: db, MasterKeys: ledger.MasterKeys(o.MasterKeys, dir, dir), Logger: o.Logger})
	if err == nil {
		err = ledger.SyncDir(dir) // the database's entry is now as durable as its contents
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

// A database is a ledger's.
type database struct {
	dir     string
	lock    *os.File
	*sql.DB // readers
	writing *sql.DB
}

func (d *database) open(ctx context.Context) (err error) {
	// A database that SQLite makes is for all to read, where the directory is; its log gets
	// the same permissions.
	made, err := os.OpenFile(filepath.Join(d.dir, DatabaseFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := made.Close(); err != nil {
		return err
	}
	d.writing, err = sql.Open("sqlite", d.dsn(url.Values{"_pragma": {
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
		"secure_delete(on)", // see Leave
	}}))
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	d.writing.SetMaxOpenConns(1)
	if err := d.migrate(ctx); err != nil {
		return err
	}
	d.DB, err = sql.Open("sqlite", d.dsn(url.Values{
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
	d.SetMaxOpenConns(readers)
	d.SetMaxIdleConns(readers)
	return nil
}

// migrate brings the schema up to date.
func (d *database) migrate(ctx context.Context) error {
	conn, err := d.writing.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open the database in %s: %w", d.dir, err)
	}
	defer conn.Close()
	return migrate(ctx, conn, d.dir)
}

// dsn names the database with the parameters of one kind of connection.
func (d *database) dsn(params url.Values) string {
	params.Set("_defensive", "1")
	params.Set("_dqs", "0") // "x" is a name, never a text
	path := filepath.ToSlash(filepath.Join(d.dir, DatabaseFile))
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // file:///C:/…
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: params.Encode()}
	return u.String()
}

func (d *database) Name() string { return d.dir }

// Held: the lock is there as long as the process.
func (d *database) Held() bool            { return true }
func (d *database) Lost() <-chan struct{} { return nil }

func (d *database) View(ctx context.Context, fn func(ledger.Reader) error) error {
	tx, err := d.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return fn(tx)
}

func (d *database) Close() error {
	var errs []error
	// The readers first: the last connection to go folds the log into the
	// database, and a reader may not write.
	if d.DB != nil {
		errs = append(errs, d.DB.Close())
	}
	if d.writing != nil {
		errs = append(errs, d.writing.Close())
	}
	return errors.Join(append(errs, Unlock(d.lock))...)
}

// Fatal: after a failed fsync in particular, the kernel may have dropped the pages
// and report the next fsync as good.
func (d *database) Fatal(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case codes.SQLITE_IOERR, codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return true
	}
	return false
}

// The blocks of a slice are deleted a few at a time; SQLite uses their pages again.

func (d *database) DropsDays() bool                                  { return false }
func (d *database) BeginDay(context.Context, ledger.Tx, int64) error { return nil }
func (d *database) DropDay(context.Context, ledger.Tx, int64) error  { return nil }

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
	return errors.Join(ledger.SyncDir(dir), ledger.SyncDir(parent))
}
