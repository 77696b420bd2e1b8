package postgres

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

// migrationFiles are named 0001_what.sql, without gaps, and never change once
// they are released: forward only. A program of the version before must be able to
// go on with the schema that it finds, so that an upgrade needs no stop.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// schemaLock keeps two processes from bringing the schema up to date at once.
const schemaLock = 0x53776869

// migrate brings the schema to the newest version, all steps or none.
func migrate(ctx context.Context, conn *pgx.Conn, name string) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return fmt.Errorf("open the database %s: %w", name, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after Commit
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", schemaLock); err != nil {
		return fmt.Errorf("lock the schema of %s: %w", name, err)
	}
	version, err := schemaVersion(ctx, tx)
	if err != nil {
		return fmt.Errorf("read the schema version of %s: %w", name, err)
	}
	err = ledger.Migrate(migrationFiles, name, version, func(script string, version int) error {
		// Without arguments: a script of many statements.
		if _, err := tx.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE schema_version SET version = $1", version)
		return err
	})
	if err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// schemaVersion is 0 in a new database.
func schemaVersion(ctx context.Context, tx pgx.Tx) (version int, err error) {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass('schema_version') IS NOT NULL").Scan(&there); err != nil {
		return 0, err
	}
	if !there {
		_, err := tx.Exec(ctx, "CREATE TABLE schema_version (version integer NOT NULL)")
		if err == nil {
			_, err = tx.Exec(ctx, "INSERT INTO schema_version VALUES (0)")
		}
		return 0, err
	}
	err = tx.QueryRow(ctx, "SELECT version FROM schema_version").Scan(&version)
	return version, err
}
