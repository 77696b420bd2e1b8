package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// comeAndGo lets rows wait, and settles them.
func comeAndGo(t *testing.T, s *ledger.DB, from, to int64) {
	t.Helper()
	var due []switchhook.Due
	var settled []switchhook.DeliveryRef
	for n := from; n < to; n++ {
		ref := switchhook.DeliveryRef{Sequence: n, WebhookID: "wh_1"}
		due, settled = append(due, switchhook.Due{DeliveryRef: ref, At: time.Now()}), append(settled, ref)
	}
	must(t, submit(s, switchhook.Commit{Due: due}))
	must(t, submit(s, switchhook.Commit{Settled: settled}))
}

// counts waits for what the server counts, which it hears from a connection at a commit.
func counts(t *testing.T, s *ledger.DB, c *pgx.Conn, what string, is func(counters) bool) {
	t.Helper()
	pgtest.Eventually(t, what, 20*time.Second, func() bool {
		must(t, submit(s, switchhook.Commit{Settled: []switchhook.DeliveryRef{{Sequence: 1, WebhookID: "none"}}}))
		return is(counted(t, c))
	})
}

// counters are what the server has counted of the table of what is due.
type counters struct{ Vacuums, Dead, Read, IndexScans int64 }

func counted(t *testing.T, c *pgx.Conn) counters {
	t.Helper()
	rows, err := c.Query(t.Context(), "SELECT vacuum_count, n_dead_tup, seq_tup_read + idx_tup_fetch, idx_scan FROM pg_stat_user_tables WHERE relname = 'due'")
	must(t, err)
	n, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[counters])
	must(t, err)
	return n
}

// Who leads vacuums what waits as often as much of it has gone, and while somebody else
// still sees what is dead not over and over.
func TestVacuum(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, c, other := open(t, url, t.TempDir()), pgtest.Connect(t, url), pgtest.Connect(t, url)
	pgtest.Do(t, c, "ALTER TABLE due SET (autovacuum_enabled = off)")
	pgtest.Do(t, other, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	pgtest.Do(t, other, "SELECT 1 FROM due") // from now on it sees all that is here now
	comeAndGo(t, s, 1, 2000)
	counts(t, s, c, "it is vacuumed", func(n counters) bool { return n.Vacuums == 1 })
	comeAndGo(t, s, 2000, 2100) // too few for another
	counts(t, s, c, "it is counted", func(n counters) bool { return n.Dead == 2099 })
	comeAndGo(t, s, 2100, 4200)
	counts(t, s, c, "it is vacuumed again", func(n counters) bool { return n.Vacuums >= 2 })
	pgtest.Do(t, other, "ROLLBACK")
	comeAndGo(t, s, 4200, 6200)
	counts(t, s, c, "no row is dead", func(n counters) bool { return n.Dead == 0 })
	if n := counted(t, c).Vacuums; n > 4 {
		t.Errorf("%d vacuums of four times that rows went", n)
	}
}

// What waits for one webhook is found by the index, though the server knows nothing of
// the table yet and would rather read all of the webhook's rows and sort them.
func TestPlans(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, c := open(t, url, t.TempDir()), pgtest.Connect(t, url)
	pgtest.Do(t, c, "ALTER TABLE due SET (autovacuum_enabled = off)")
	fill := func(webhook string, from, to int) {
		pgtest.Do(t, c, fmt.Sprintf(`INSERT INTO due SELECT '%s', n, n, 1, 1, n, 0, 0, n %% 2, 0 FROM generate_series(%d, %d) n`, webhook, from, to))
	}
	fill("wh_1", 1, 20_000)
	fill("wh_2", 1, 20_000)
	before := counted(t, c)
	for _, webhook := range []string{"wh_1", "wh_2"} {
		due, err := s.Due(t.Context(), webhook, 5, 100)
		must(t, err)
		strays, err := s.Strays(t.Context(), webhook, time.UnixMicro(9_000), 100)
		must(t, err)
		if len(due) != 100 || due[0].Due.Sequence != 6 || due[99].Due.Sequence != 204 {
			t.Errorf("%s: %d rows are due", webhook, len(due))
		}
		if len(strays) != 100 || strays[0].Due.Sequence != 1 || strays[99].Due.Sequence != 199 {
			t.Errorf("%s: %d rows are strays", webhook, len(strays))
		}
	}
	must(t, s.Close()) // which tells the server
	pgtest.Eventually(t, "the server has counted", 20*time.Second, func() bool { return counted(t, c).IndexScans >= before.IndexScans+4 })
	if n := counted(t, c).Read - before.Read; n > 1000 {
		t.Errorf("%d rows were read for 400", n)
	}
}
