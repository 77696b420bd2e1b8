package postgres_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// failedOver is a store on a server with a standby that takes its place, not knowing what
// was committed at the end.
func failedOver(t *testing.T, end func(*ledger.DB)) (s *ledger.DB, database, dir string) {
	t.Helper()
	primary := pgtest.Start(t, nil)
	standby := primary.Standby(t, false)
	database, err := primary.Or(standby, primary.New(t))
	must(t, err)
	dir = t.TempDir()
	s = open(t, database, dir)
	must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{event(1)}}))
	replayed := pgtest.Connect(t, standby.URL())
	behind := pgtest.Connect(t, primary.URL())
	pgtest.Eventually(t, "the standby to know it", 20*time.Second, func() bool {
		now := texts(t, behind, "SELECT pg_current_wal_lsn()::text")[0]
		return texts(t, replayed, "SELECT (pg_last_wal_replay_lsn() >= '"+now+"')::text")[0] == "true"
	})
	must(t, standby.SetConfig("primary_conninfo", "")) // from now on it hears nothing
	pgtest.Eventually(t, "the standby to hear nothing", 20*time.Second, func() bool {
		return texts(t, behind, "SELECT count(*)::text FROM pg_stat_replication")[0] == "0"
	})
	end(s)
	must(t, primary.Kill())
	must(t, standby.Promote())
	return s, database, dir
}

// Who has had something committed that the new server does not know can promise nothing
// any more: the same sequences would be given twice. It ends, and the next process takes up
// what is there.
func TestForgot(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *ledger.DB){
		"an event": func(t *testing.T, s *ledger.DB) {
			t.Helper()
			must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{event(2)}}))
		},
		"an account": func(t *testing.T, s *ledger.DB) {
			t.Helper()
			must(t, s.CreateAccount(t.Context(), &switchhook.Account{ID: "a", CreatedAt: time.Now()}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, database, dir := failedOver(t, func(s *ledger.DB) { end(t, s) })
			if err := submit(s, switchhook.Commit{Events: []*switchhook.Event{event(3)}}); switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
				t.Errorf("a commit over a broken connection: %v", err)
			}
			pgtest.Eventually(t, "the store is broken", 20*time.Second, func() bool {
				if s.Resume(t.Context()) == nil {
					t.Fatal("it takes commits again")
				}
				select {
				case <-s.Broken():
					return true
				default:
					return false
				}
			})
			must(t, s.Close())
			s = open(t, database, dir)
			if got := there(t, s); len(got) != 1 {
				t.Errorf("the events %v are there", got)
			}
			must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{event(2)}}))
		})
	}
}

// Who has lost nothing goes on.
func TestFailover(t *testing.T) {
	t.Parallel()
	s, _, _ := failedOver(t, func(*ledger.DB) {})
	if err := submit(s, switchhook.Commit{Events: []*switchhook.Event{event(2)}}); switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
		t.Errorf("a commit over a broken connection: %v", err)
	}
	pgtest.Eventually(t, "the store takes commits again", 20*time.Second, func() bool { return s.Resume(t.Context()) == nil })
	for n := range int64(2) {
		must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{event(2 + n)}}))
	}
	if got := there(t, s); len(got) != 3 {
		t.Errorf("the events %v are there", got)
	}
}

// A process that waits for the lease has an idle connection to a server that stands still,
// which nothing breaks. It takes over with the standby all the same.
func TestTakeoverFromAFrozenServer(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, nil)
	standby := primary.Standby(t, true)
	database, err := primary.Or(standby, primary.New(t))
	must(t, err)
	dir := t.TempDir()
	must(t, open(t, database, dir).Close())
	db, err := postgres.Connect(t.Context(), database)
	must(t, err)
	keys := ledger.MasterKeys(nil, dir, dir)
	_, err = db.Key(t.Context(), keys)
	must(t, err)
	read := time.Now()
	must(t, primary.Freeze())
	must(t, standby.Promote())
	pgtest.Eventually(t, "the connection to be idle for a while", 5*time.Second, func() bool { return time.Since(read) > 1100*time.Millisecond })
	lease := db.Lease("test", "", slog.New(slog.DiscardHandler))
	must(t, lease.Acquire(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := db.Open(ctx, postgres.Options{Lease: lease, MasterKeys: keys})
	must(t, err)
	must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{event(1)}}))
	_, err = db.Key(ctx, keys)
	must(t, err)
	must(t, s.Close())
}
