package sqlite_test

import (
	"testing"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/store/sqlite"
	"github.com/switchhook/switchhook/internal/store/storetest"
)

func open(t *testing.T, dir string) *ledger.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, dir string) store.Store {
		t.Helper()
		return open(t, dir)
	})
}

func TestModel(t *testing.T) {
	t.Parallel()
	storetest.Model(t, 30, func(t *testing.T, dir string) store.Store {
		t.Helper()
		return open(t, dir)
	}, func() store.Store { return memory.New() })
}
