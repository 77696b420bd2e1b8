package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// alone is how long the lease of a database is waited for by who wants it for itself: a
// leader that crashed has lost it by then.
const alone = 15 * time.Second

// A Rotation is what RotateMasterKey has done.
type Rotation struct {
	Sealed int    // how many secrets were sealed anew; 0: they were already
	Kept   string // the file where old keys are now; empty: the keys were given
}

// RotateMasterKey seals all secrets of an installation whose processes are stopped with the
// newest master key: the last of c.MasterKeys, or one that is made. Interrupted at any
// moment, it leaves an installation that starts, and it can be asked again.
func RotateMasterKey(ctx context.Context, c Config) (r Rotation, err error) {
	db, err := openAlone(ctx, c)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	key, err := ledger.NextKey(c.MasterKeys, c.Data)
	if err != nil {
		return r, fmt.Errorf("the new master key: %w", err)
	}
	if r.Sealed, err = db.Reseal(ctx, key); err != nil || len(c.MasterKeys) > 0 {
		return r, err
	}
	r.Kept, err = ledger.SettleKeys(c.Data)
	return r, err
}

// openAlone opens the store of an installation that must not be in use.
func openAlone(ctx context.Context, c Config) (*ledger.DB, error) {
	log := slog.New(slog.DiscardHandler)
	if c.Database == "" {
		if _, err := os.Stat(filepath.Join(c.Data, sqlite.DatabaseFile)); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no %s in %s: --data wants the data directory of a server", sqlite.DatabaseFile, c.Data)
		}
		return sqlite.Open(ctx, sqlite.Options{Dir: c.Data, MasterKeys: c.MasterKeys, Logger: log})
	}
	db, err := postgres.Connect(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	lease := db.Lease("maintenance", "", log)
	within, cancel := context.WithTimeoutCause(ctx, alone, errors.New("a server leads: stop all processes of the database first"))
	defer cancel()
	if err := lease.Acquire(within); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	opened, err := db.Open(ctx, postgres.Options{Lease: lease, MasterKeys: ledger.MasterKeys(c.MasterKeys, c.Data, "the database"), Logger: log})
	if err != nil {
		return nil, errors.Join(err, lease.Release(), db.Close()) //nolint:contextcheck // ctx may have ended
	}
	return opened, nil
}
