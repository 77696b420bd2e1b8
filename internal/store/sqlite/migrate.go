package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"strconv"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

// migrationFiles are named 0001_what.sql, without gaps, and never change once
// they are released: forward only.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID is what the first migration sets: "Swhi".
const applicationID = 0x53776869

// migrate brings the schema to the newest version, each step whole or not at
// all. PRAGMA user_version says where it stands.
func migrate(ctx context.Context, conn *sql.Conn, dir string) error {
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read the schema version of %s: %w", dir, err)
	}
	var application int
	if err := conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application); err != nil {
		return fmt.Errorf("read whose data is in %s: %w", dir, err)
	}
	if version > 0 && application != applicationID {
		return fmt.Errorf("the data in %s was written during the development before the first release and cannot be read any more: start with an empty directory", dir)
	}
	// One process at a time: there is nobody older to go on.
	return ledger.Migrate(migrationFiles, dir, ledger.Schema{Version: version, Compatible: version}, func(script string, becomes ledger.Schema) error {
		return apply(ctx, conn, script, becomes.Version)
	})
}

func apply(ctx context.Context, conn *sql.Conn, script string, version int) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	// user_version is in the file's header, so it changes with the transaction.
	// A pragma takes no parameters.
	for _, statement := range []string{script, "PRAGMA user_version = " + strconv.Itoa(version)} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}
