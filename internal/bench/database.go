package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// freshSchema drops the schema of the data and makes another.
func (b *bench) freshSchema(ctx context.Context) error {
	if err := b.dropSchema(ctx); err != nil {
		return err
	}
	u, err := url.Parse(b.o.Database)
	if err != nil {
		return errors.New("--database: it is no URL")
	}
	schema := "switchhook_bench_" + strings.ToLower(rand.Text())
	if err := b.onDatabase(func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "CREATE SCHEMA "+schema)
		return err
	}); err != nil {
		return err
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	b.schema, b.database = schema, u.String()
	return nil
}

func (b *bench) dropSchema(ctx context.Context) error {
	if b.schema == "" {
		return nil
	}
	return b.onDatabase(func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+b.schema+" CASCADE")
		return err
	})
}

// size is how many bytes the data has.
func (b *bench) size(ctx context.Context) (n int64, err error) {
	if b.schema == "" {
		return sizeOf(b.dir)
	}
	err = b.onDatabase(func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'm')`, b.schema).Scan(&n)
	})
	return n, err
}

func (b *bench) onDatabase(fn func(*sql.DB) error) error { return on(b.o.Database, fn) }

func on(database string, fn func(*sql.DB) error) (err error) {
	db, err := sql.Open("pgx", database)
	if err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := fn(db); err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	return nil
}

// databaseCPU is what the database's server has used by now, in user and system mode; 0
// where there is none, or it is not on this machine, or that does not tell (Linux does).
func (b *bench) databaseCPU(ctx context.Context) (used time.Duration) {
	if b.schema == "" {
		return 0
	}
	_ = b.onDatabase(func(db *sql.DB) error { // then it is not told
		rows, err := db.QueryContext(ctx, "SELECT pid FROM pg_stat_activity")
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var pid int
			if err := rows.Scan(&pid); err != nil {
				return err
			}
			used += processCPU(pid, "postgres")
		}
		return rows.Err()
	})
	return used
}

// processCPU is what a process of a name has used (proc(5)); 0 where there is none.
func processCPU(pid int, name string) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || string(between(stat, "(", ')')) != name {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64) // in ticks, of which Linux tells a hundred a second
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / 100
}
