package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/switchhook/switchhook/internal/store/ledger"
)

// A Summary says what is in a database, for people who want to know whether it is the right
// one.
type Summary struct {
	Bytes                                int64
	Accounts, Webhooks, Sources, Records int64
	LastSequence                         int64 // of the last event that was accepted
	Sealed                               bool  // it has secrets, which need the master key
}

// Backup writes the database of a data directory into a file, as it is at one moment; a
// server may be running on it. The file is complete, durable and checked when it is there.
func Backup(ctx context.Context, dir, file string) (s Summary, err error) {
	d := &database{dir: dir}
	if _, err := os.Stat(filepath.Join(dir, DatabaseFile)); err != nil {
		return s, fmt.Errorf("--data: there is no database in %s: %w", dir, err)
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("%s is there already", file)
	}
	db, err := sql.Open("sqlite", d.dsn(url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "temp_store(memory)"}}))
	if err != nil {
		return s, fmt.Errorf("open the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	unfinished := file + ".unfinished"
	// VACUUM INTO takes an empty file, whose mode is then ours.
	if err := os.WriteFile(unfinished, nil, 0o600); err != nil {
		return s, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(unfinished))
		}
	}()
	path, err := filepath.Abs(unfinished)
	if err != nil {
		return s, err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return s, fmt.Errorf("copy the database: %w", err)
	}
	if s, err = examine(ctx, unfinished); err != nil {
		return s, fmt.Errorf("check the copy: %w", err)
	}
	return s, install(unfinished, file)
}

// Restore puts a backup into a data directory that has no database yet, once it is known to
// be whole and its secrets can be opened.
func Restore(ctx context.Context, file, dir string, masterKeys [][]byte) (s Summary, err error) {
	if err := makeDir(dir); err != nil {
		return s, fmt.Errorf("make the data directory: %w", err)
	}
	lock, err := Lock(dir)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, Unlock(lock)) }()
	path := filepath.Join(dir, DatabaseFile)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("there is a database in %s already: restore into an empty directory", dir)
	}
	unfinished := path + ".unfinished"
	if err := copyFile(file, unfinished); err != nil {
		return s, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(unfinished))
		}
	}()
	if s, err = examine(ctx, unfinished); err != nil {
		return s, fmt.Errorf("check %s: %w", file, err)
	}
	if err := fits(ctx, unfinished, ledger.MasterKeys(masterKeys, dir, file)); err != nil {
		return s, err
	}
	// What a database that was here once has left is no part of this one.
	for _, left := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s, err
		}
	}
	return s, install(unfinished, path)
}

// install gives a file its name, durably.
func install(unfinished, file string) error {
	f, err := os.OpenFile(unfinished, os.O_RDWR, 0) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(unfinished, file); err != nil {
		return err
	}
	return ledger.SyncDir(filepath.Dir(file))
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // G304: in the operator's own data directory
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// lying is a database that lies in a file which nobody writes.
func lying(file string) (*sql.DB, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "/") {
		path = "/" + path // file:///C:/…
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"temp_store(memory)"}}.Encode()}
	return sql.Open("sqlite", u.String())
}

// examine reads all of a database, and says what is in it.
func examine(ctx context.Context, file string) (s Summary, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return s, err
	}
	s.Bytes = info.Size()
	db, err := lying(file)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var application, version int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application); err != nil {
		return s, err
	}
	if application != applicationID {
		return s, errors.New("it is not a database of Switchhook's")
	}
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return s, err
	}
	is := ledger.Schema{Version: version, Compatible: version}
	if err := ledger.Migrate(migrationFiles, file, is, func(string, ledger.Schema) error { return nil }); err != nil {
		return s, err // it is newer than this program
	}
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check(3)")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var is string
		if err := rows.Scan(&is); err != nil {
			return s, err
		}
		if is != "ok" {
			return s, fmt.Errorf("it is damaged: %s", is)
		}
	}
	if err := rows.Err(); err != nil {
		return s, err
	}
	return s, db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM webhooks), (SELECT count(*) FROM sources),
		(SELECT count(*) FROM records), last_sequence, key_check IS NOT NULL FROM meta`).
		Scan(&s.Accounts, &s.Webhooks, &s.Sources, &s.Records, &s.LastSequence, &s.Sealed)
}

// fits is an error if a database's secrets were sealed with none of the keys.
func fits(ctx context.Context, file string, keys ledger.Keys) (err error) {
	db, err := lying(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = ledger.FittingKey(ctx, &database{dir: "the backup", DB: db}, keys)
	return err
}
