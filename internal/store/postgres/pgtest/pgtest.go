// Package pgtest gives tests real PostgreSQL servers, PgBouncer in front of them
// if they like, and takes all of it away again.
//
// [New] is what most tests need: a database of their own on a server that the
// tests of a process share. [Start] is for tests of faults: a server of their
// own, to be stopped, killed and frozen.
//
// The programs are those of the PATH, or the newest of where systems keep them.
// PostgreSQL refuses to be root: if the tests are, it runs as the user postgres.
// Where there is none the test is skipped with a sentence that says how to get
// it, and under CI=true it fails. With SWITCHHOOK_TEST_POSTGRES=postgres://… (the
// URL of a superuser, PostgreSQL 13 or later) New uses that server instead of
// starting one.
//
// No TestMain is needed: a server lasts until its test ends, or the shared one
// until the process does, and a keeper (see home) ends it then and deletes its
// files, also if the process panics or is killed.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const superEnv = "SWITCHHOOK_TEST_POSTGRES"

// New returns the URL of a new and empty database, which is dropped at the end
// of the test with all connections to it. As an operator would have it, it
// belongs to a role that may do nothing else; and its texts sort as English ones
// do, not byte by byte, where the server can (15 or later, with ICU).
// Tests may call it in parallel.
func New(tb testing.TB) string {
	tb.Helper()
	super := os.Getenv(superEnv)
	if super == "" {
		s, err := shared()
		if errors.Is(err, errMissing) {
			err = fmt.Errorf("%w; or set %s to the URL of a superuser", err, superEnv)
		}
		need(tb, err)
		super = s.URL()
	}
	database, drop, err := create(super)
	need(tb, err)
	tb.Cleanup(func() {
		if err := drop(); err != nil {
			tb.Error(err)
		}
	})
	return database
}

//nolint:gochecknoglobals // one server for all tests of a process: what else do they share?
var shared = sync.OnceValues(func() (*Server, error) { return newServer(nil) })

// create makes a database with its owner and returns the owner's URL.
func create(super string) (string, func() error, error) {
	u, err := url.Parse(super)
	if err != nil {
		return "", nil, fmt.Errorf("the superuser's URL: %w", err)
	}
	name, password := "switchhook_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	u.User, u.Path = url.UserPassword(name, password), "/"+name
	drop := func() error {
		return ask(super, func(ctx context.Context, c *pgx.Conn) error {
			if _, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
				return err
			}
			_, err := c.Exec(ctx, "DROP ROLE IF EXISTS "+name)
			return err
		})
	}
	return u.String(), drop, ask(super, func(ctx context.Context, c *pgx.Conn) error {
		var icu bool
		if err := c.QueryRow(ctx, `SELECT current_setting('server_version_num')::int >= 150000
			AND EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i')`).Scan(&icu); err != nil {
			return err
		}
		locale := ""
		if icu {
			locale = " LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
		}
		if _, err := c.Exec(ctx, "CREATE ROLE "+name+" LOGIN PASSWORD '"+password+"'"); err != nil {
			return err
		}
		_, err := c.Exec(ctx, "CREATE DATABASE "+name+" OWNER "+name+" TEMPLATE template0 ENCODING 'UTF8'"+locale)
		return err
	})
}

// patience is how long anything here may take, on a machine with much to do.
const patience = time.Minute

// ask does something over a connection of its own.
func ask(database string, what func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	return errors.Join(what(ctx, c), c.Close(ctx))
}

// until waits for something to come true, or to fail.
func until(what string, within time.Duration, done func() (bool, error)) error {
	end := time.After(within)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-end:
			return fmt.Errorf("waited %v for %s", within, what)
		}
	}
}

// errMissing is what the tests are left out for.
var errMissing = errors.New("not to be had here")

// need ends a test that did not get what it needs. In CI all runs.
func need(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case !errors.Is(err, errMissing):
		tb.Fatal(err)
	case os.Getenv("CI") == "true":
		tb.Fatalf("LEFT OUT, though all is to run under CI=true: %v", err)
	default:
		tb.Skipf("LEFT OUT: %v", err)
	}
}

// find returns the path of a program of a Debian package.
func find(name, debian string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		var found []string
		for _, dir := range []string{
			"/usr/lib/postgresql/*/bin", "/usr/sbin", // Debian
			"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", // Homebrew
			"/usr/pgsql-*/bin", // the PostgreSQL project's packages for Red Hat
		} {
			paths, _ := filepath.Glob(filepath.Join(dir, name)) // the patterns are well formed
			found = append(found, paths...)
		}
		if len(found) == 0 {
			return "", fmt.Errorf("%s is %w: apt-get install %s (make deps)", name, errMissing, debian)
		}
		version := regexp.MustCompile(`\d+`)
		path = slices.MaxFunc(found, func(a, b string) int {
			va, _ := strconv.Atoi(version.FindString(a)) // 0 without a number
			vb, _ := strconv.Atoi(version.FindString(b))
			return va - vb
		})
	}
	return filepath.EvalSymlinks(path) // its siblings lie beside it, not beside a link to it
}
