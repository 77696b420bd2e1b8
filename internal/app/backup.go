package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// A BackupReport is what Backup and Restore have to say.
type BackupReport struct {
	sqlite.Summary
	// KeyFile is where the master key is that the secrets need; empty: it is given by the
	// variable.
	KeyFile string
}

var errPostgres = errors.New("the data are in PostgreSQL, which has tools of its own: see \"Backups\" in docs/operating.md (pg_dump, pg_restore)")

// Backup writes the embedded store of an installation, which may be running, into a file.
func Backup(ctx context.Context, c Config, file string) (r BackupReport, err error) {
	if c.Database != "" {
		return r, errPostgres
	}
	r.Summary, err = sqlite.Backup(ctx, c.Data, file)
	r.KeyFile = c.keyFile()
	return r, err
}

// Restore puts such a file into a data directory that has no database yet.
func Restore(ctx context.Context, c Config, file string) (r BackupReport, err error) {
	if c.Database != "" {
		return r, errPostgres
	}
	r.Summary, err = sqlite.Restore(ctx, file, c.Data, c.MasterKeys)
	r.KeyFile = c.keyFile()
	return r, err
}

func (c *Config) keyFile() string {
	path := filepath.Join(c.Data, "master.key")
	if _, err := os.Stat(path); err != nil || len(c.MasterKeys) > 0 {
		return ""
	}
	return path
}
