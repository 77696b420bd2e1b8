package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

// migrationFiles are named 0001_what.sql, without gaps, and never change once
// they are released: forward only. An upgrade needs no stop if each says in its first line
// that the version before goes on with it (see ledger.Migrate). So what is to be dropped
// is first not used for a version, and what is written in a new way is first read for
// one.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// schemaLock keeps two processes from bringing the schema up to date at once.
const schemaLock = 0x53776869

// depose ends the lead of a process that does not know the schema any more: its next
// transaction meets the fence.
const depose = `UPDATE lease SET epoch = epoch + 1, owner = '', url = '', until = '-infinity'`

// migrate brings the schema to the newest version, all steps or none.
func migrate(ctx context.Context, conn *pgx.Conn, files fs.FS, name string) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return fmt.Errorf("open the database %s: %w", name, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after Commit
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", schemaLock); err != nil {
		return fmt.Errorf("lock the schema of %s: %w", name, err)
	}
	is, err := schema(ctx, tx)
	if err != nil {
		return fmt.Errorf("read the schema version of %s: %w", name, err)
	}
	// Whoever reads a table for long, as pg_dump does, keeps a migration waiting, and all
	// others behind it, the leader too.
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '3s'"); err != nil {
		return err
	}
	err = ledger.Migrate(files, name, is, func(script string, becomes ledger.Schema) error {
		// Without arguments: a script of many statements.
		if _, err := tx.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		if becomes.Compatible > is.Version && is.Version > 0 {
			if _, err := tx.Exec(ctx, depose); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "UPDATE schema_version SET version = $1, compatible = $2", becomes.Version, becomes.Compatible)
		return err
	})
	if err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// schema makes the table of the version in a new database.
func schema(ctx context.Context, tx pgx.Tx) (is ledger.Schema, err error) {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass('schema_version') IS NOT NULL").Scan(&there); err != nil {
		return is, err
	}
	if !there {
		_, err := tx.Exec(ctx, "CREATE TABLE schema_version (version integer NOT NULL, compatible integer NOT NULL)")
		if err == nil {
			_, err = tx.Exec(ctx, "INSERT INTO schema_version VALUES (0, 0)")
		}
		return is, err
	}
	err = tx.QueryRow(ctx, "SELECT version, compatible FROM schema_version").Scan(&is.Version, &is.Compatible)
	return is, err
}
