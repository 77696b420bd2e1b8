package pgtest

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Connect is a connection behind the back of whatever is tested, for the time of the test.
func Connect(tb testing.TB, url string) *pgx.Conn {
	tb.Helper()
	c, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// Do runs a statement.
func Do(tb testing.TB, c *pgx.Conn, text string, args ...any) {
	tb.Helper()
	if _, err := c.Exec(tb.Context(), text, args...); err != nil {
		tb.Fatal(err)
	}
}

// Eventually waits for what has to come true.
func Eventually(tb testing.TB, what string, within time.Duration, is func() bool) {
	tb.Helper()
	if err := until(what, within, func() (bool, error) { return is(), nil }); err != nil {
		tb.Fatal(err)
	}
}

// Parallel is what TestMain runs where most of a test is waiting for a server: n tests at
// once, unless -parallel says how many.
func Parallel(m *testing.M, n string) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := f.Value.Set(n); err != nil {
			panic(err)
		}
	}
	return m.Run()
}
