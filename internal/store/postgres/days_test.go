package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

func event(n int64) *switchhook.Event {
	return &switchhook.Event{
		ID: fmt.Sprintf("evt_%d", n), Type: "custom.x", AccountID: "a", Sequence: n, AcceptedAt: time.Now(), Data: []byte(`{}`),
	}
}

// noon is that of a day, counted from a week ago.
func noon(day int) time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, day-7).Add(12 * time.Hour)
}

// keep commits an event of some time, which nobody waits for.
func keep(t *testing.T, s *ledger.DB, n int64, at time.Time) {
	t.Helper()
	e := event(n)
	e.AcceptedAt = at
	a := &switchhook.Attempt{ID: fmt.Sprintf("att_%d", n), EventID: e.ID, AccountID: "a", WebhookID: "wh_1", Sequence: n, StartedAt: at, State: switchhook.Delivered}
	must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{a}, Watermark: n}))
}

func prune(t *testing.T, s *ledger.DB, before time.Time) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = s.Prune(t.Context(), before)
		must(t, err)
	}
}

// there are the events that are found.
func there(t *testing.T, s *ledger.DB) (sequences []int64) {
	t.Helper()
	events, _, err := s.Events(t.Context(), switchhook.EventFilter{}, switchhook.Page{Limit: 1000})
	must(t, err)
	for _, e := range events {
		sequences = append(sequences, e.Sequence)
	}
	slices.Sort(sequences)
	return sequences
}

const partitions = "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relkind = 'r' ORDER BY 1"

func TestDaysAreDropped(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, c := open(t, url, t.TempDir()), pgtest.Connect(t, url)
	for n := range 6 { // two slices a day
		keep(t, s, int64(n+1), noon(n/2).Add(time.Duration(n%2)*7*time.Hour))
	}
	if got := texts(t, c, partitions); len(got) != 2*3 {
		t.Fatalf("the partitions of three days are %v", got)
	}
	prune(t, s, noon(0).Add(time.Hour))
	if got := texts(t, c, partitions); len(got) != 2*3 || !slices.Equal(there(t, s), []int64{2, 3, 4, 5, 6}) {
		t.Errorf("after a slice of a day has gone there are %v, %v", got, there(t, s))
	}
	prune(t, s, noon(1).Add(time.Hour))
	if got := texts(t, c, partitions); len(got) != 2*2 || !slices.Equal(there(t, s), []int64{4, 5, 6}) {
		t.Errorf("after a day has gone there are %v, %v", got, there(t, s))
	}
	prune(t, s, noon(9))
	if got := texts(t, c, partitions); len(got) != 0 || len(there(t, s)) != 0 {
		t.Errorf("after all have gone there are %v, %v", got, there(t, s))
	}
	if got := texts(t, c, "SELECT relname FROM pg_class WHERE relname ~ 'blocks_(before_)?[0-9]' UNION ALL SELECT part::text FROM history_index"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	keep(t, s, 7, noon(2)) // a day that was there before
	if !slices.Equal(there(t, s), []int64{7}) {
		t.Errorf("then there are %v", there(t, s))
	}
}

// A clock that was set back makes days that do not rise.
func TestDayComesAgain(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t), t.TempDir())
	const slice = 100_000 // more than one has
	keep(t, s, 1, noon(3))
	keep(t, s, 1+slice, noon(2))
	keep(t, s, 1+2*slice, noon(3).Add(time.Hour))
	prune(t, s, noon(3).Add(time.Minute))
	if !slices.Equal(there(t, s), []int64{1 + 2*slice}) {
		t.Errorf("there are %v", there(t, s))
	}
}

// pg_dump reads all tables for hours, over midnight too.
func TestSomebodyReadsForLong(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, c := open(t, url, t.TempDir()), pgtest.Connect(t, url)
	keep(t, s, 1, noon(1))
	pgtest.Do(t, c, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	pgtest.Do(t, c, "SELECT count(*) FROM event_blocks")
	pgtest.Do(t, c, "LOCK TABLE attempt_blocks, slices, meta IN ACCESS SHARE MODE") // as pg_dump does
	quick := func(what string, fn func()) {
		t.Helper()
		start := time.Now()
		if fn(); time.Since(start) > 5*time.Second {
			t.Errorf("%s took %v", what, time.Since(start))
		}
	}
	quick("an event of a new day", func() { keep(t, s, 2, noon(2)) })
	quick("to drop a day", func() {
		if _, err := s.Prune(t.Context(), noon(2)); switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
			t.Errorf("a day that is read was dropped: %v", err)
		}
	})
	quick("an event after that", func() { keep(t, s, 3, noon(2)) })
	pgtest.Do(t, c, "COMMIT")
	prune(t, s, noon(2))
	if !slices.Equal(there(t, s), []int64{2, 3}) {
		t.Errorf("there are %v", there(t, s))
	}
}
