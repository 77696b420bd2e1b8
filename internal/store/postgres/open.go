// Package postgres keeps everything in a PostgreSQL database: what lies there, and how,
// says package ledger.
//
// One transaction goes to the server and back once: its statements are sent together.
// It is durable when the server says so: a server that runs with fsync=off is refused,
// and where synchronous_commit is off by default, it is turned on for each transaction.
// Nothing lasts longer than a transaction on its connection (no named statements, no
// settings, no LISTEN), so that PgBouncer may stand between, in transaction mode.
//
// Of all processes that are pointed to a database one writes, by a lease (lease.go); the
// others wait until it ends.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

const (
	readers        = 8
	connectTimeout = 10 * time.Second
)

// Options configures a store. URL and Dir must be set.
type Options struct {
	// URL is that of the database: postgres://user:password@host:5432/name.
	URL string
	// Dir is the data directory, for the master key.
	Dir string
	// MasterKey is the key of 32 bytes that seals secrets. Nil: the one in the
	// file master.key of Dir, made at the first start with a database.
	MasterKey []byte
	// Owner says who this process is, to people who look at the lease. Empty: its
	// host and its number there.
	Owner string
	// Logger tells of failed writes, and for whom this process waits. Nil: silence.
	Logger *slog.Logger
}

// Open waits until it has the lease of the database, and then opens the store there. It
// makes the schema where there is none, and migrates one that is older than this
// program.
func Open(ctx context.Context, o Options) (*ledger.DB, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("the database's URL: %w", err)
	}
	// Statements are described once and sent without names.
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "switchhook"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	db := &database{config: config, name: fmt.Sprintf("%s at %s", config.Database, config.Host), log: o.Logger}
	db.DB = sql.OpenDB(stdlib.GetConnector(*config))
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.DB.Close())
	}
	if o.Owner == "" {
		host, _ := os.Hostname()
		o.Owner = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	if db.lease, err = acquire(ctx, db, o.Owner); err != nil {
		return nil, errors.Join(err, db.DB.Close())
	}
	l, err := ledger.Open(ctx, ledger.Options{
		Database: db, MasterKey: ledger.MasterKey(o.MasterKey, o.Dir, "the database "+db.name), Logger: o.Logger,
	})
	if err != nil {
		return nil, errors.Join(err, db.Close()) //nolint:contextcheck // it takes its own time
	}
	return l, nil
}

// A database is a ledger's.
type database struct {
	*sql.DB // readers
	config  *pgx.ConnConfig
	name    string
	log     *slog.Logger
	lease   *lease
	// lax: a commit is not waited for by default.
	lax bool
}

// prepare looks at the server's settings and brings the schema up to date.
func (d *database) prepare(ctx context.Context) (err error) {
	conn, err := pgx.ConnectConfig(ctx, d.config)
	if err != nil {
		return fmt.Errorf("open the database %s: %w", d.name, err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	var fsync, synchronous string
	if err := conn.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('synchronous_commit')").Scan(&fsync, &synchronous); err != nil {
		return fmt.Errorf("read the settings of the database %s: %w", d.name, err)
	}
	if fsync != "on" {
		return fmt.Errorf("the server of the database %s runs with fsync=%s: what it calls committed may be lost; set fsync=on", d.name, fsync)
	}
	d.lax = synchronous == "off"
	return migrate(ctx, conn, d.name)
}

func (d *database) Name() string { return d.name }

func (d *database) Held() bool            { return d.lease.held() }
func (d *database) Lost() <-chan struct{} { return d.lease.lost }

// QueryContext asks in the ledger's SQL.
func (d *database) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return d.DB.QueryContext(ctx, translated(text), cleaned(args)...)
}

// QueryRowContext asks in the ledger's SQL.
func (d *database) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	return d.DB.QueryRowContext(ctx, translated(text), cleaned(args)...)
}

func (d *database) View(ctx context.Context, fn func(ledger.Reader) error) error {
	tx, err := d.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return fn(view{tx})
}

type view struct{ *sql.Tx }

func (v view) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return v.Tx.QueryContext(ctx, translated(text), cleaned(args)...)
}

func (v view) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	return v.Tx.QueryRowContext(ctx, translated(text), cleaned(args)...)
}

// Fatal: who has lost the lease can promise nothing any more. What goes wrong on the
// server's disk is its own affair, and ends its transactions.
func (d *database) Fatal(err error) bool { return errors.Is(err, ledger.ErrLost) }

// Close gives the lease back.
func (d *database) Close() error {
	return errors.Join(d.lease.release(), d.DB.Close())
}

// The blocks of a day are a partition.

func (d *database) DropsDays() bool { return true }

func (d *database) BeginDay(ctx context.Context, tx ledger.Tx, day int64) error {
	for _, table := range dayTables {
		text := fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s PARTITION OF %s FOR VALUES FROM (%d) TO (%d)", partition(table, day), table, day, day+1)
		if _, err := tx.Exec(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) DropDay(ctx context.Context, tx ledger.Tx, day int64) error {
	for _, table := range dayTables {
		if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+partition(table, day)); err != nil {
			return err
		}
	}
	return nil
}

var dayTables = [...]string{"event_blocks", "attempt_blocks"} //nolint:gochecknoglobals // a constant that Go cannot write as one

func partition(table string, day int64) string {
	return strings.ReplaceAll(fmt.Sprintf("%s_%d", table, day), "-", "before_")
}
