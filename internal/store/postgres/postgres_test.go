package postgres_test

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
	"github.com/switchhook/switchhook/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Parallel(m, "8")) }

// databases are those of a test's directories: what is opened twice is the same.
type databases struct {
	mu   sync.Mutex
	urls map[string]string
}

func (d *databases) of(t *testing.T, dir string) string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.urls[dir] == "" {
		d.urls[dir] = pgtest.New(t)
	}
	return d.urls[dir]
}

// open opens a store as the only process does.
func open(t *testing.T, database, dir string) *ledger.DB {
	t.Helper()
	db, err := postgres.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	lease := db.Lease("test", "", slog.New(slog.DiscardHandler))
	if err := lease.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := db.Open(t.Context(), postgres.Options{Lease: lease, MasterKeys: ledger.MasterKeys(nil, dir, dir)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	dbs := databases{urls: map[string]string{}}
	storetest.Run(t, func(t *testing.T, dir string) store.Store {
		t.Helper()
		return open(t, dbs.of(t, dir), dir)
	})
}

func TestModel(t *testing.T) {
	t.Parallel()
	dbs := databases{urls: map[string]string{}}
	storetest.Model(t, 5, func(t *testing.T, dir string) store.Store {
		t.Helper()
		return open(t, dbs.of(t, dir), dir)
	}, func() store.Store { return memory.New() })
}

// The store asks for nothing that PgBouncer does not have in transaction mode.
func TestModelBehindPgBouncer(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, nil)
	super := pgtest.Connect(t, server.URL())
	through, err := url.Parse(pgtest.Bouncer(t, server.URL())) // to any database
	must(t, err)
	names := map[string]string{}
	storetest.Model(t, 5, func(t *testing.T, dir string) store.Store {
		t.Helper()
		if names[dir] == "" {
			names[dir] = fmt.Sprint("d", len(names))
			pgtest.Do(t, super, "CREATE DATABASE "+names[dir])
		}
		u := *through
		u.Path = names[dir]
		return open(t, u.String(), dir)
	}, func() store.Store { return memory.New() })
}
