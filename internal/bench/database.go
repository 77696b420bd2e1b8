package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

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

func (b *bench) onDatabase(fn func(*sql.DB) error) (err error) {
	db, err := sql.Open("pgx", b.o.Database)
	if err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := fn(db); err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	return nil
}
