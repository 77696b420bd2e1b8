package copying

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/switchhook/switchhook/internal/cluster"
	"github.com/switchhook/switchhook/internal/store/postgres"
)

// noKey stands in meta.key_check while a copy is unfinished.
const noKey = "a copy that is not finished"

// createStands makes the table that says how far a copy is. The row without a name is of
// the whole: at is its identity.
const createStands = `CREATE TABLE unfinished_copy (
	name  text   PRIMARY KEY,
	at    bytea, -- the key of the last row that is there; NULL: none is, or what is there is wrong
	rows  bigint NOT NULL DEFAULT 0,
	bytes bigint NOT NULL DEFAULT 0
)`

// A stand is how far the copy of a table is.
type stand struct {
	at          []byte
	rows, bytes int64
}

// A target is a database with its lease.
type target struct {
	db    *postgres.Database
	lease *cluster.Lease
	pool  *sql.Conn
	conn  *pgx.Conn // of pool
}

func openTarget(ctx context.Context, o Options) (_ *target, err error) {
	db, err := postgres.Connect(ctx, o.To)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // empty is no harm
	t := &target{db: db, lease: db.Lease(fmt.Sprintf("switchhook copy %s/%d", host, os.Getpid()), "", o.Logger)}
	defer func() { //nolint:contextcheck // as in Run
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	within, cancel := context.WithTimeout(ctx, o.Wait)
	defer cancel()
	if err := t.lease.Acquire(within); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if leader := t.lease.Leader(); leader.Owner != "" {
			owner, _, _ := strings.Cut(leader.Owner, " ")
			return nil, fmt.Errorf("the database is in use by another process (%s %s): stop it first; one that was killed holds it for some seconds more", owner, leader.URL)
		}
		return nil, fmt.Errorf("the lease of the database was not to be had within %s: %w", o.Wait, err)
	}
	if t.pool, err = db.Conn(ctx); err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return t, t.pool.Raw(func(driverConn any) error {
		t.conn = driverConn.(*stdlib.Conn).Conn() //nolint:errcheck,forcetypeassert // of package postgres
		return nil
	})
}

func (t *target) close() error {
	var err error
	if t.pool != nil {
		err = t.pool.Close()
	}
	return errors.Join(err, t.lease.Release(), t.db.Close())
}

// transact runs fn in a transaction that begins with the fence.
func (t *target) transact(ctx context.Context, fn func(pgx.Tx) error) error {
	tx, err := t.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after Commit
	if _, err := tx.Exec(ctx, cluster.Fence, t.lease.Epoch(), t.lease.Owner()); err != nil {
		const divisionByZero = "22012"
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == divisionByZero {
			return errors.New("another process has taken over the database meanwhile")
		}
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// begin makes the database ready to take the source's tables, and returns how far an
// earlier copy has come.
func (t *target) begin(ctx context.Context, from *source, report *Report) (stands map[string]stand, err error) {
	days, err := from.days(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the days of the history in %s: %w", from.dir, err)
	}
	err = t.transact(ctx, func(tx pgx.Tx) error {
		if err := fits(ctx, tx, from); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, "SELECT to_regclass('unfinished_copy') IS NOT NULL").Scan(&there); err != nil {
			return err
		}
		if !there {
			if err := empty(ctx, tx, from); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, createStands); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "UPDATE meta SET key_check = $1", []byte(noKey)); err != nil {
				return err
			}
		} else if err := resume(ctx, tx, from, report); err != nil {
			return err
		}
		is, err := json.Marshal(from.is)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO unfinished_copy (name, at) VALUES ('', $1) ON CONFLICT (name) DO UPDATE SET at = excluded.at", is); err != nil {
			return err
		}
		for _, table := range from.tables {
			if _, err := tx.Exec(ctx, "INSERT INTO unfinished_copy (name) VALUES ($1) ON CONFLICT DO NOTHING", table.name); err != nil {
				return err
			}
		}
		for _, day := range days {
			for _, text := range postgres.DayPartitions(day) {
				if _, err := tx.Exec(ctx, text); err != nil {
					return err
				}
			}
		}
		stands, err = readStands(ctx, tx)
		return err
	})
	return stands, err
}

// fits reports an error if the database has not all tables of the source, with the same
// columns.
func fits(ctx context.Context, tx pgx.Tx, from *source) error {
	for _, table := range from.every() {
		rows, err := tx.Query(ctx, `SELECT attname::text, atttypid::regtype::text FROM pg_attribute
			WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`, quoted(table.name))
		if err != nil {
			return err
		}
		kinds := map[string]string{}
		var name, kind string
		if _, err := pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
			kinds[name] = map[string]string{"bigint": "INTEGER", "integer": "INTEGER", "smallint": "INTEGER", "text": "TEXT", "bytea": "BLOB"}[kind]
			return nil
		}); err != nil {
			return err
		}
		same := len(kinds) == len(table.columns)
		for _, c := range table.columns {
			same = same && kinds[c.name] == c.kind
		}
		if !same {
			return fmt.Errorf("the table %s in %s has not the columns that it has in the database, so the two were made by different versions: start `switchhook serve` of this version on %s once, stop it, and copy then",
				table.name, from.dir, from.dir)
		}
	}
	return nil
}

// empty reports an error if there is anything in the database.
func empty(ctx context.Context, tx pgx.Tx, from *source) error {
	var served, some bool
	if err := tx.QueryRow(ctx, "SELECT key_check IS NOT NULL FROM meta").Scan(&served); err != nil {
		return err
	}
	for _, table := range from.tables {
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+quoted(table.name)+")").Scan(&some); err != nil {
			return err
		}
		if some {
			return fmt.Errorf("the database holds other data (in the table %s): a copy wants an empty one", table.name)
		}
	}
	if served {
		return errors.New("the database holds other data (a server has started on it): a copy wants an empty one")
	}
	return nil
}

// resume looks at what an earlier copy has left, and drops it if it is of another state of
// the directory.
func resume(ctx context.Context, tx pgx.Tx, from *source, report *Report) error {
	var kept []byte
	var is identity
	if err := tx.QueryRow(ctx, "SELECT at FROM unfinished_copy WHERE name = ''").Scan(&kept); err != nil {
		return fmt.Errorf("read whose copy is in the database: %w", err)
	}
	if err := json.Unmarshal(kept, &is); err != nil {
		return fmt.Errorf("read whose copy is in the database: %w", err)
	}
	if is.Installation != from.is.Installation {
		return fmt.Errorf("the database holds an unfinished copy of another directory, %s: finish that one, or give an empty database", is.Dir)
	}
	report.Resumed, report.Anew = is.State == from.is.State, is.State != from.is.State
	if report.Resumed {
		return nil
	}
	for _, table := range from.tables {
		rows, err := tx.Query(ctx, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass($1)", quoted(table.name))
		if err != nil {
			return err
		}
		partitions, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, partition := range partitions {
			if _, err := tx.Exec(ctx, "DROP TABLE "+partition); err != nil {
				return err
			}
		}
	}
	_, err := tx.Exec(ctx, "DELETE FROM unfinished_copy")
	return err
}

func readStands(ctx context.Context, tx pgx.Tx) (map[string]stand, error) {
	rows, err := tx.Query(ctx, "SELECT name, at, rows, bytes FROM unfinished_copy")
	if err != nil {
		return nil, err
	}
	stands := map[string]stand{}
	var name string
	var s stand
	_, err = pgx.ForEachRow(rows, []any{&name, &s.at, &s.rows, &s.bytes}, func() error {
		stands[name] = s
		return nil
	})
	return stands, err
}

// A chunk are the next rows of a table, about limit bytes of them.
type chunk struct {
	*reader
	rows, bytes, limit int64
	ended              bool
	clean              []any
}

// mostRows are in a chunk, so that a narrow table shows progress too.
const mostRows = 50_000

func (c *chunk) Next() bool {
	if c.bytes >= c.limit || c.rows == mostRows {
		return false
	}
	if !c.next() {
		c.ended = true
		return false
	}
	c.rows++
	c.bytes += c.size
	return true
}

func (c *chunk) Values() ([]any, error) {
	c.clean = append(c.clean[:0], c.row...)
	for i, v := range c.clean {
		if text, ok := v.(string); ok {
			c.clean[i] = postgres.Cleaned(text)
		}
	}
	return c.clean, nil
}

// chunk copies some more of a table, and reports whether there may be more. The first
// chunk takes away what is there.
func (t *target) chunk(ctx context.Context, rows *reader, s *stand, limit int64) (more bool, err error) {
	c := &chunk{reader: rows, limit: limit}
	next := *s
	err = t.transact(ctx, func(tx pgx.Tx) error {
		if s.at == nil {
			if _, err := tx.Exec(ctx, "TRUNCATE "+quoted(rows.t.name)); err != nil {
				return err
			}
		}
		names := make([]string, len(rows.t.columns))
		for i, column := range rows.t.columns {
			names[i] = column.name
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{rows.t.name}, names, c); err != nil {
			return explained(err)
		}
		if c.rows == 0 {
			return nil
		}
		if next.at, err = rows.at(); err != nil {
			return err
		}
		next.rows, next.bytes = s.rows+c.rows, s.bytes+c.bytes
		_, err := tx.Exec(ctx, "UPDATE unfinished_copy SET at = $2, rows = $3, bytes = $4 WHERE name = $1", rows.t.name, next.at, next.rows, next.bytes)
		return err
	})
	if err == nil {
		*s = next
	}
	return !c.ended, err
}

// explained adds what PostgreSQL says of a key that is there twice.
func explained(err error) error {
	const uniqueViolation = "23505"
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == uniqueViolation {
		return fmt.Errorf("two rows have the same key in PostgreSQL, which keeps no NUL and nothing that is not UTF-8 (%s): %w", e.Detail, err)
	}
	return err
}

// again has the next run copy a table from its beginning.
func (t *target) again(ctx context.Context, table *table) error {
	return t.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE unfinished_copy SET at = NULL, rows = 0, bytes = 0 WHERE name = $1", table.name)
		return err
	})
}

type querier interface {
	Query(ctx context.Context, text string, args ...any) (pgx.Rows, error)
}

func (t *target) sum(ctx context.Context, table *table) (*sum, error) {
	return sumOf(ctx, t.conn, table)
}

// sumOf reads a table.
func sumOf(ctx context.Context, from querier, t *table) (*sum, error) {
	text := fmt.Sprintf("SELECT %s FROM %s", strings.Join(quotedNames(t.columns), ", "), quoted(t.name))
	rows, err := from.Query(ctx, text, pgx.QueryResultFormats{pgx.BinaryFormatCode})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	s, row := &sum{}, make([]any, len(t.columns))
	for rows.Next() {
		for i, raw := range rows.RawValues() {
			switch {
			case raw == nil:
				row[i] = nil
			case t.columns[i].kind == "TEXT":
				row[i] = string(raw)
			case t.columns[i].kind == "BLOB":
				row[i] = raw
			default:
				row[i] = integer(raw)
			}
		}
		s.add(row)
	}
	return s, rows.Err()
}

// integer is a smallint, integer or bigint in PostgreSQL's binary format.
func integer(raw []byte) int64 {
	switch len(raw) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(raw))) //nolint:gosec // its bits
	case 4:
		return int64(int32(binary.BigEndian.Uint32(raw))) //nolint:gosec // its bits
	default:
		return int64(binary.BigEndian.Uint64(raw)) //nolint:gosec // its bits
	}
}

// finish makes of what is there a database that a server starts on.
func (t *target) finish(ctx context.Context, from *source) error {
	for _, table := range from.tables {
		// What the planner knows of parents of partitions it learns in no other way.
		if _, err := t.conn.Exec(ctx, "ANALYZE "+quoted(table.name)); err != nil {
			return fmt.Errorf("analyze the table %s: %w", table.name, err)
		}
	}
	return t.transact(ctx, func(tx pgx.Tx) error {
		// Where a commit is not waited for by default: with this one, all before are durable.
		if _, err := tx.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"); err != nil {
			return err
		}
		if err := goOn(ctx, tx, from); err != nil {
			return err
		}
		if err := writeMeta(ctx, tx, from); err != nil {
			return fmt.Errorf("copy the table meta: %w", err)
		}
		_, err := tx.Exec(ctx, "DROP TABLE unfinished_copy")
		return err
	})
}

// goOn lets identity columns go on behind the highest value that they have had.
func goOn(ctx context.Context, tx pgx.Tx, from *source) error {
	for _, table := range from.tables {
		rows, err := tx.Query(ctx, "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attidentity <> ''", quoted(table.name))
		if err != nil {
			return err
		}
		columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, column := range columns {
			highest, err := from.highest(ctx, table, column)
			if err != nil {
				return fmt.Errorf("read the highest %s of %s in %s: %w", column, table.name, from.dir, err)
			}
			if _, err := tx.Exec(ctx, fmt.Sprintf("ALTER TABLE %s ALTER %s RESTART WITH %d", quoted(table.name), quoted(column), highest+1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeMeta writes the one row of meta, and looks whether it is there.
func writeMeta(ctx context.Context, tx pgx.Tx, from *source) error {
	row, err := from.all(ctx, from.meta)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM meta"); err != nil {
		return err
	}
	names := make([]string, len(from.meta.columns))
	for i, column := range from.meta.columns {
		names[i] = column.name
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"meta"}, names, pgx.CopyFromRows([][]any{row})); err != nil {
		return err
	}
	var here sum
	here.add(row)
	there, err := sumOf(ctx, tx, from.meta)
	if err == nil && !there.same(&here) {
		err = errors.New("it differs")
	}
	return err
}
