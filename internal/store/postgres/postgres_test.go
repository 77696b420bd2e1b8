package postgres_test

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
	"github.com/switchhook/switchhook/internal/store/storetest"
)

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
func open(t *testing.T, url, dir string) *ledger.DB {
	t.Helper()
	db, err := postgres.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	lease := db.Lease("test", "", slog.New(slog.DiscardHandler))
	if err := lease.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := db.Open(t.Context(), postgres.Options{Lease: lease, MasterKey: ledger.MasterKey(nil, dir, dir)})
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
	storetest.Model(t, 10, func(t *testing.T, dir string) store.Store {
		t.Helper()
		return open(t, dbs.of(t, dir), dir)
	}, func() store.Store { return memory.New() })
}
