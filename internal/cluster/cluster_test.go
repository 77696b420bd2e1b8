package cluster_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/switchhook/switchhook/internal/cluster"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Parallel(m, "8")) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// process is one with a part in the protocol, reached at url.
func process(t *testing.T, database, url string) *cluster.Lease {
	t.Helper()
	db, err := postgres.Connect(t.Context(), database)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	l := db.Lease("test", url, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = l.Release() }) // before the database is closed
	return l
}

// leading is a process that leads, which it has to within some time.
func leading(t *testing.T, l *cluster.Lease, within time.Duration) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	start := time.Now()
	if err := l.Acquire(ctx); err != nil {
		t.Fatalf("it does not lead within %v: %v", within, err)
	}
	if !l.Held() || l.Leader().Owner != l.Owner() {
		t.Errorf("held %v, leads %v just after it was taken", l.Held(), l.Leader().Owner == l.Owner())
	}
	return time.Since(start)
}

func lost(l *cluster.Lease) bool {
	select {
	case <-l.Lost():
		return true
	default:
		return false
	}
}

// fenced reports whether the fence keeps a writer out.
func fenced(t *testing.T, c *pgx.Conn, l *cluster.Lease) bool {
	t.Helper()
	_, err := c.Exec(t.Context(), cluster.Fence, l.Epoch(), l.Owner())
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "22012" {
		return true
	}
	must(t, err)
	return false
}

func TestGivenBack(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	a, b := process(t, database, "http://a"), process(t, database, "http://b")
	c := pgtest.Connect(t, database)
	if took := leading(t, a, 3*time.Second); took > 2*time.Second {
		t.Errorf("a lease that is free was taken after %v", took)
	}
	if fenced(t, c, a) || !fenced(t, c, b) {
		t.Error("the fence keeps the leader out, or lets the follower in")
	}
	second := make(chan error, 1)
	go func() { second <- b.Acquire(t.Context()) }()
	pgtest.Eventually(t, "the follower knows the leader", 3*time.Second, func() bool { return b.Leader() == cluster.Leader{Owner: a.Owner(), URL: "http://a"} })
	if b.Held() || b.Leader().Owner == b.Owner() {
		t.Error("a follower leads")
	}
	must(t, a.Release())
	if a.Held() {
		t.Error("it is still held after it was given back")
	}
	start := time.Now()
	must(t, <-second)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("what was given back was taken after %v", took)
	}
	if b.Epoch() <= a.Epoch() || !fenced(t, c, a) || fenced(t, c, b) {
		t.Errorf("the epochs are %d and then %d", a.Epoch(), b.Epoch())
	}
}

func TestRunOut(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, nil)
	database := s.New(t)
	l := process(t, database, "")
	c := pgtest.Connect(t, database)
	pgtest.Do(t, c, "UPDATE lease SET owner = 'dead', epoch = 7, until = clock_timestamp() + interval '1 second'")
	must(t, s.Restart())
	leading(t, l, 15*time.Second)
	c = pgtest.Connect(t, database)
	var early bool
	must(t, c.QueryRow(t.Context(), "SELECT clock_timestamp() < pg_postmaster_start_time() + interval '4 seconds'").Scan(&early))
	if early {
		t.Error("it was taken when its leader could not have renewed it yet")
	}
	if l.Epoch() != 8 {
		t.Errorf("the epoch is %d after 7", l.Epoch())
	}
}

// What was taken by a statement whose answer never came.
func TestTakenWithoutKnowing(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	l := process(t, database, "")
	pgtest.Do(t, pgtest.Connect(t, database), "UPDATE lease SET owner = $1, epoch = 7, until = clock_timestamp() + interval '1 hour'", l.Owner())
	leading(t, l, 3*time.Second)
	if l.Epoch() != 8 {
		t.Errorf("the epoch is %d after 7", l.Epoch())
	}
}

// Leaders come and go, some are robbed as if the database's clock had jumped, and the
// table says in which order they have written.
func TestNeverTwo(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	process(t, database, "") // makes the schema
	c := pgtest.Connect(t, database)
	pgtest.Do(t, c, "CREATE TABLE written (n bigserial PRIMARY KEY, epoch bigint, before bigint)")
	const turns = 12
	var wg sync.WaitGroup
	var led atomic.Int64
	for range 4 {
		wg.Go(func() {
			for led.Load() < turns {
				l := process(t, database, "")
				w := pgtest.Connect(t, database)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				err := l.Acquire(ctx)
				cancel()
				if err != nil {
					t.Error(err)
					return
				}
				n := led.Add(1)
				for i := range 40 {
					batch := &pgx.Batch{}
					batch.Queue(cluster.Fence, l.Epoch(), l.Owner())
					batch.Queue("INSERT INTO written (epoch, before) SELECT $1, coalesce(max(epoch), 0) FROM written", l.Epoch())
					if err := w.SendBatch(t.Context(), batch).Close(); err != nil {
						break // robbed
					}
					if i == 20 && n%2 == 0 {
						_, err := w.Exec(t.Context(), "UPDATE lease SET until = '-infinity'")
						if err != nil {
							t.Error(err)
						}
					}
				}
				if err := l.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var rows, epochs, wrong int
	must(t, c.QueryRow(t.Context(), "SELECT count(*), count(DISTINCT epoch), count(*) FILTER (WHERE before > epoch) FROM written").Scan(&rows, &epochs, &wrong))
	if rows < 40*turns/2 || epochs < turns || wrong > 0 {
		t.Errorf("%d rows of %d epochs, %d of them written after a later leader's", rows, epochs, wrong)
	}
}

func TestServerAway(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, nil)
	l := process(t, s.New(t), "")
	leading(t, l, 10*time.Second)
	must(t, s.Stop(pgtest.Fast))
	pgtest.Eventually(t, "it may have run out", 8*time.Second, func() bool { return !l.Held() })
	must(t, s.Restart())
	pgtest.Eventually(t, "it was renewed", 8*time.Second, l.Held)
	must(t, s.Freeze())
	pgtest.Eventually(t, "it may have run out", 8*time.Second, func() bool { return !l.Held() })
	must(t, s.Thaw())
	pgtest.Eventually(t, "it was renewed", 8*time.Second, l.Held)
	if lost(l) {
		t.Error("it was lost, and nobody else was there")
	}
}

func TestLost(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	l := process(t, database, "")
	leading(t, l, 3*time.Second)
	pgtest.Do(t, pgtest.Connect(t, database), "UPDATE lease SET owner = 'other', epoch = epoch + 1, until = clock_timestamp() + interval '1 hour'")
	pgtest.Eventually(t, "it is lost", 4*time.Second, func() bool { return lost(l) })
	if l.Held() {
		t.Error("it is held, and lost")
	}
	if err := l.Raise(t.Context()); !errors.Is(err, ledger.ErrLost) {
		t.Errorf("raised: %v", err)
	}
	must(t, l.Release())
	var owner string
	must(t, pgtest.Connect(t, database).QueryRow(t.Context(), "SELECT owner FROM lease").Scan(&owner))
	if owner != "other" {
		t.Errorf("it gave back what is another's: the owner is %q", owner)
	}
}

// A server that took the place of another may give an epoch again.
func TestSameEpochOfAnother(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	l := process(t, database, "")
	leading(t, l, 3*time.Second)
	c := pgtest.Connect(t, database)
	pgtest.Do(t, c, "UPDATE lease SET owner = 'other', until = clock_timestamp() + interval '1 hour'")
	if !fenced(t, c, l) {
		t.Error("the fence lets in who has another's epoch")
	}
}

// A leader that was stopped, or cut off, in the midst of a transaction: its connection
// stays, and so does its lock.
func TestHangsInATransaction(t *testing.T) {
	t.Parallel()
	stuck := func(t *testing.T, database string, l *cluster.Lease) *pgx.Conn {
		t.Helper()
		c := pgtest.Connect(t, database)
		pgtest.Do(t, c, "BEGIN")
		if fenced(t, c, l) {
			t.Fatal("the leader is kept out")
		}
		return c
	}
	t.Run("another leads", func(t *testing.T) {
		t.Parallel()
		database := pgtest.New(t)
		a, b := process(t, database, ""), process(t, database, "")
		leading(t, a, 3*time.Second)
		c := stuck(t, database, a)
		pgtest.Do(t, pgtest.Connect(t, database), "UPDATE lease SET until = clock_timestamp() - interval '1 second', owner = 'stopped'")
		leading(t, b, 10*time.Second)
		if _, err := c.Exec(t.Context(), "COMMIT"); err == nil {
			t.Error("the transaction of the one before was committed after that")
		}
	})
	t.Run("not before its time is over", func(t *testing.T) {
		t.Parallel()
		database := pgtest.New(t)
		a, b := process(t, database, ""), process(t, database, "")
		leading(t, a, 3*time.Second)
		c := stuck(t, database, a)
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		if err := b.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("another leads: %v", err)
		}
		pgtest.Do(t, c, "COMMIT")
	})
	t.Run("it comes back itself", func(t *testing.T) {
		t.Parallel()
		database := pgtest.New(t)
		l := process(t, database, "")
		leading(t, l, 3*time.Second)
		c, before := stuck(t, database, l), l.Epoch()
		start := time.Now()
		must(t, l.Raise(t.Context()))
		if took := time.Since(start); took > 2*time.Second || l.Epoch() != before+1 {
			t.Errorf("the epoch was raised from %d to %d after %v", before, l.Epoch(), took)
		}
		if _, err := c.Exec(t.Context(), "COMMIT"); err == nil {
			t.Error("what was on its way was committed after that")
		}
		if fenced(t, pgtest.Connect(t, database), l) {
			t.Error("the fence keeps the leader out")
		}
	})
}

func TestAcquireEnds(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	leading(t, process(t, database, ""), 3*time.Second)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("told to")
	time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
	if err := process(t, database, "").Acquire(ctx); !errors.Is(err, why) {
		t.Errorf("it ended with %v", err)
	}
}
