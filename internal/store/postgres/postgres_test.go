package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"log/slog"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/storetest"
)

func database(t *testing.T, dir string) string {
	h := fnv.New64a()
	h.Write([]byte(dir))
	name := fmt.Sprintf("t_%x", h.Sum64())
	db, err := sql.Open("pgx", "postgres://postgres@127.0.0.1:5499/postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.ExecContext(context.Background(), "CREATE DATABASE "+name)
	return "postgres://postgres@127.0.0.1:5499/" + name
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, dir string) store.Store {
		t.Helper()
		db, err := postgres.Connect(t.Context(), database(t, dir))
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
	})
}
