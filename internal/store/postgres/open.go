// Package postgres keeps everything in a PostgreSQL database: what lies there, and how,
// says package ledger.
//
// One transaction goes to the server and back once: its statements are sent together.
// It is durable when the server says so: a server that runs with fsync=off is refused,
// and synchronous_commit is on in each transaction, whatever it is by default.
// Nothing lasts longer than a transaction on its connection (no named statements, no
// settings, no LISTEN), so that PgBouncer may stand between, in transaction mode.
//
// Of all processes that are pointed to a database one writes: package cluster has the
// protocol, and each transaction begins with its fence.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/switchhook/switchhook/internal/cluster"
	"github.com/switchhook/switchhook/internal/store/ledger"
)

const (
	readers        = 8
	connectTimeout = 3 * time.Second
	// connectWithin is how long all of several hosts have. One of which nothing is heard must
	// leave time for the next before a renewal of the lease is over.
	connectWithin = 1500 * time.Millisecond
)

// A Database is one that was looked at: it can be waited for, and then opened.
type Database struct {
	*sql.DB // readers
	lease   *sql.DB
	config  *pgx.ConnConfig
	name    string
	// local is this machine's address, as the server sees it; empty where it is the same
	// machine.
	local string
}

// Connect looks at a database: at its server's settings and at its schema, which it makes
// where there is none, and migrates where it is older than this program.
// rawURL is such as postgres://user:password@host:5432/name.
func Connect(ctx context.Context, rawURL string) (*Database, error) {
	config, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, fmt.Errorf("the database's URL: %w", err)
	}
	// Statements are described once and sent without names.
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	hosts := hostsOf(config)
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
		if len(hosts) > 1 {
			config.ConnectTimeout = connectWithin / time.Duration(len(hosts))
		}
	}
	if len(hosts) > 1 && config.ValidateConnect == nil { // no standby, of which one may be among them
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "switchhook"
	}
	d := &Database{config: config, name: fmt.Sprintf("%s at %s", config.Database, strings.Join(hosts, ", "))}
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	d.DB = sql.OpenDB(stdlib.GetConnector(*config, stdlib.OptionShouldPing(silent)))
	d.SetMaxOpenConns(readers)
	d.SetMaxIdleConns(readers)
	d.SetConnMaxIdleTime(5 * time.Minute)
	d.lease = sql.OpenDB(stdlib.GetConnector(*config)) // a renewal must not wait for a long list
	d.lease.SetMaxOpenConns(2)
	return d, nil
}

// silent reports whether a connection that was idle has to be given up. One to a server that
// stands still breaks by nothing: whoever read over it would wait for ever, such as a process
// that takes over because of just that.
func silent(ctx context.Context, p stdlib.ShouldPingParams) bool {
	if p.IdleDuration < time.Second {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	return p.Conn.Ping(ctx) != nil // it is closed then, which is what the ping finds that follows
}

// hostsOf are the different servers of a URL.
func hostsOf(config *pgx.ConnConfig) (hosts []string) {
	for _, f := range append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port}}, config.Fallbacks...) {
		host := net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port)))
		if !slices.Contains(hosts, host) { // each comes with TLS and without
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// Lease is the database's, for a process that is called so and reached there.
func (d *Database) Lease(name, url string, log *slog.Logger) *cluster.Lease {
	return cluster.New(d.lease, name, url, log)
}

// Close closes a database that was not opened.
func (d *Database) Close() error { return errors.Join(d.DB.Close(), d.lease.Close()) }

// Local is the address at which other machines reach this one, as far as the connection
// to the server tells; empty where it does not.
func (d *Database) Local() string { return d.local }

// Options configures a store. Lease and MasterKeys must be set.
type Options struct {
	// Lease is this process's, which has to have it.
	Lease *cluster.Lease
	// MasterKeys are the keys one of which seals secrets.
	MasterKeys ledger.Keys
	// Logger tells of failed writes. Nil: silence.
	Logger *slog.Logger
}

// Key is the one of the keys that secrets in the database were sealed with; nil where there
// are none yet. ledger.ErrMasterKey: it is none of them.
func (d *Database) Key(ctx context.Context, keys ledger.Keys) ([]byte, error) {
	return ledger.FittingKey(ctx, d.ledger(Options{}), keys)
}

// Open opens the store in a database. Closing it closes the database and gives the lease
// back.
func (d *Database) Open(ctx context.Context, o Options) (*ledger.DB, error) {
	below := d.ledger(o)
	opened, err := ledger.Open(ctx, ledger.Options{Database: below, MasterKeys: o.MasterKeys, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	ctx, below.stop = context.WithCancel(context.WithoutCancel(ctx)) // Close ends it
	below.vacuuming.Go(func() { below.vacuums(ctx) })
	return opened, nil
}

// A database is a ledger's.
type database struct {
	*Database
	asker
	o Options

	stop      context.CancelFunc
	vacuuming sync.WaitGroup
}

func (d *Database) ledger(o Options) *database {
	return &database{Database: d, asker: asker{d.DB}, o: o, stop: func() {}}
}

// prepare looks at the server's settings and brings the schema up to date.
func (d *Database) prepare(ctx context.Context) (err error) {
	conn, err := pgx.ConnectConfig(ctx, d.config)
	if err != nil {
		return fmt.Errorf("open the database %s: %w", d.name, err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	var fsync, isolation string
	if err := conn.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('default_transaction_isolation')").Scan(&fsync, &isolation); err != nil {
		return fmt.Errorf("read the settings of the database %s: %w", d.name, err)
	}
	if fsync != "on" {
		return fmt.Errorf("the server of the database %s runs with fsync=%s: what it calls committed may be lost; set fsync=on", d.name, fsync)
	}
	if isolation != "read committed" {
		return fmt.Errorf("the database %s has default_transaction_isolation=%s, and transactions are made for 'read committed': set it so for the database or the role", d.name, isolation)
	}
	if host, _, err := net.SplitHostPort(conn.PgConn().Conn().LocalAddr().String()); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && !ip.IsLoopback() {
			d.local = host
		}
	}
	return migrate(ctx, conn, migrationFiles, d.name)
}

func (d *database) Name() string { return "the database " + d.name }

func (d *database) Held() bool            { return d.o.Lease.Held() }
func (d *database) Lost() <-chan struct{} { return d.o.Lease.Lost() }

func (d *database) View(ctx context.Context, fn func(ledger.Reader) error) error {
	tx, err := d.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return fn(asker{tx})
}

// Fatal: who has lost the lease can promise nothing any more. What goes wrong on the
// server's disk is its own affair, and ends its transactions.
func (d *database) Fatal(err error) bool { return errors.Is(err, ledger.ErrLost) }

// Close gives the lease back.
func (d *database) Close() error {
	d.stop()
	d.vacuuming.Wait()
	return errors.Join(d.o.Lease.Release(), d.Database.Close())
}

// The blocks of a day are a partition.

func (d *database) DropsDays() bool { return true }

func (d *database) BeginDay(ctx context.Context, tx ledger.Tx, day int64) error {
	for _, text := range DayPartitions(day) {
		if _, err := tx.Exec(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// DayPartitions are the statements that make the partitions of a day (since 1970, UTC),
// where they are not there yet. CREATE TABLE … PARTITION OF would wait for all who read
// the table, such as pg_dump, which reads for hours. To attach one waits for nobody.
func DayPartitions(day int64) (statements []string) {
	for _, table := range dayTables {
		statements = append(statements, fmt.Sprintf(`DO $$ BEGIN
			IF to_regclass('%[1]s') IS NULL THEN
				CREATE TABLE %[1]s (LIKE %[2]s INCLUDING STORAGE);
				ALTER TABLE %[2]s ATTACH PARTITION %[1]s FOR VALUES FROM (%[3]d) TO (%[4]d);
			END IF;
		END $$`, partition(table, day), table, day, day+1))
	}
	return statements
}

func (d *database) DropDay(ctx context.Context, tx ledger.Tx, day int64) error {
	// It waits for all who read the table, and all who write wait behind it: Prune comes
	// again in an hour.
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '200ms'"); err != nil {
		return err
	}
	for _, table := range dayTables {
		if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+partition(table, day)); err != nil {
			return err
		}
	}
	return nil
}

// Sweep vacuums what was written anew: the rows that were there are gone from the tables'
// files once their room is used again.
func (d *database) Sweep(ctx context.Context, days []int64) error {
	tables := []string{"history_index", "event_ids", "rejects", "jobs", "snapshots"}
	for _, day := range days {
		for _, table := range dayTables {
			tables = append(tables, partition(table, day))
		}
	}
	for _, table := range tables {
		var there bool // a day may have been dropped meanwhile
		if err := d.DB.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&there); err != nil {
			return err
		}
		if !there {
			continue
		}
		if _, err := d.ExecContext(ctx, "VACUUM (SKIP_LOCKED) "+table); err != nil {
			return fmt.Errorf("vacuum %s: %w", table, err)
		}
	}
	return nil
}

var dayTables = [...]string{"event_blocks", "attempt_blocks"} //nolint:gochecknoglobals // a constant that Go cannot write as one

func partition(table string, day int64) string {
	return strings.ReplaceAll(fmt.Sprintf("%s_%d", table, day), "-", "before_")
}
