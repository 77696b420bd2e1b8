package postgres_test

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// texts are those of a query's only column.
func texts(t *testing.T, c *pgx.Conn, text string) []string {
	t.Helper()
	rows, err := c.Query(t.Context(), text)
	must(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	return all
}

// says checks the sentence with which something is refused.
func says(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Error("not refused")
		return
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
}

// refused is a database that must not be taken.
func refused(t *testing.T, url string, want ...string) {
	t.Helper()
	db, err := postgres.Connect(t.Context(), url)
	if err == nil {
		_ = db.Close()
	}
	says(t, err, want...)
}

func submit(s *ledger.DB, c switchhook.Commit) error {
	done := make(chan error, 1)
	c.Done = func(err error) { done <- err }
	s.Submit(&c)
	return <-done
}

// What is acknowledged is on the disk, whatever the server's settings are, and become.
func TestDurable(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, map[string]string{"synchronous_commit": "off"})
	url := server.New(t)
	s := open(t, url, t.TempDir())
	c := pgtest.Connect(t, url)
	pgtest.Do(t, c, `CREATE TABLE seen (setting text)`)
	pgtest.Do(t, c, `CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`)
	pgtest.Do(t, c, `CREATE TRIGGER see AFTER UPDATE ON meta FOR EACH ROW EXECUTE FUNCTION see()`)
	var want []string
	n := int64(0)
	for _, setting := range []string{"off", "local", "remote_apply"} {
		must(t, server.SetConfig("synchronous_commit", setting))
		for _, given := range []bool{false, true} { // in one piece, and with a COMMIT of its own
			n++
			e := event(n)
			e.IDGiven = given
			must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{e}}))
			if setting == "remote_apply" { // which is more
				want = append(want, setting)
			} else {
				want = append(want, "on")
			}
		}
	}
	if got := texts(t, c, "SELECT setting FROM seen"); !slices.Equal(got, want) {
		t.Errorf("synchronous_commit was %v, want %v", got, want)
	}
	must(t, server.SetConfig("fsync", "off"))
	refused(t, url, "fsync=off", "set fsync=on")
}

func TestOtherIsolation(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	c := pgtest.Connect(t, url)
	pgtest.Do(t, c, "ALTER DATABASE "+c.Config().Database+" SET default_transaction_isolation = 'serializable'")
	refused(t, url, "default_transaction_isolation=serializable", "read committed")
}

func TestNotThere(t *testing.T) {
	t.Parallel()
	refused(t, "postgres://nobody@127.0.0.1:1/nothing", "nothing at 127.0.0.1", "refused")
	refused(t, "postgres://a b", "the database's URL")
}

func TestManyMakeTheSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			db, err := postgres.Connect(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := texts(t, pgtest.Connect(t, url), "SELECT version::text FROM schema_version"); len(got) != 1 {
		t.Errorf("the schema's versions are %v", got)
	}
	open(t, url, t.TempDir())
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	must(t, open(t, url, t.TempDir()).Close())
	c := pgtest.Connect(t, url)
	pgtest.Do(t, c, "UPDATE schema_version SET version = 900, compatible = 899")
	refused(t, url, c.Config().Database, "schema version 900", "version 899", "knows versions up to ")
}

func TestMasterKey(t *testing.T) {
	t.Parallel()
	url, dir := pgtest.New(t), t.TempDir()
	one, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	check := func(keys ledger.Keys) error {
		db, err := postgres.Connect(t.Context(), url)
		must(t, err)
		defer db.Close()
		_, err = db.Key(t.Context(), keys)
		return err
	}
	for _, key := range [][]byte{one, other} { // there is no secret yet
		must(t, check(ledger.MasterKeys([][]byte{key}, dir, "the database")))
	}
	must(t, os.WriteFile(filepath.Join(dir, "master.key"), []byte(base64.StdEncoding.EncodeToString(one)), 0o600))
	s := open(t, url, dir) // and leads meanwhile
	if err := s.CreateWebhook(t.Context(), &switchhook.Webhook{ID: "wh_1", Secrets: []switchhook.Secret{{Value: "whsec_1"}}}); err != nil {
		t.Fatal(err)
	}
	must(t, check(ledger.MasterKeys([][]byte{one}, t.TempDir(), "the database")))
	must(t, check(ledger.MasterKeys(nil, dir, "the database")))
	says(t, check(ledger.MasterKeys([][]byte{other}, dir, "the database")), "master key does not fit", "the database")
	elsewhere := t.TempDir()
	says(t, check(ledger.MasterKeys(nil, elsewhere, "the database")), "the database", "missing", filepath.Join(elsewhere, "master.key"), "give the key")
	if files, err := os.ReadDir(elsewhere); err != nil || len(files) > 0 {
		t.Errorf("a key was made all the same: %v, %v", files, err)
	}
	// Who looked before there was a key, and comes to lead later.
	db, err := postgres.Connect(t.Context(), url)
	must(t, err)
	defer db.Close()
	lease := db.Lease("test", "", slog.New(slog.DiscardHandler))
	must(t, s.Close())
	must(t, lease.Acquire(t.Context()))
	defer func() { _ = lease.Release() }()
	_, err = db.Open(t.Context(), postgres.Options{Lease: lease, MasterKeys: ledger.MasterKeys([][]byte{other}, "", "the database")})
	says(t, err, "master key does not fit")
}
