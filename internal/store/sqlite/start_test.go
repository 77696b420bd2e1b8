package sqlite_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// refused returns the sentence with which a directory is refused.
func refused(t *testing.T, o sqlite.Options, want ...string) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), o)
	if err == nil {
		_ = db.Close()
		t.Fatal("opened")
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
}

func TestSecondOpener(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir)
	refused(t, sqlite.Options{Dir: dir}, dir, "in use", "another process")
	if err := first.Ping(t.Context()); err != nil {
		t.Errorf("the first opener: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestNewDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "var", "lib", "switch%20hook?x#y")
	open(t, dir)
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v of the directory", info.Mode())
	}
	if info, err = os.Stat(filepath.Join(dir, "master.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the master key: %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "switchhook.db")); err != nil {
		t.Error(err)
	}
}

func TestDirectoryIsAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, sqlite.Options{Dir: path}, "not a directory")
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	version := tamper(t, dir, "PRAGMA user_version = 900")
	if version == 0 {
		t.Error("a new database has no schema version")
	}
	refused(t, sqlite.Options{Dir: dir}, dir, "schema version 900", "knows versions up to ")
}

// What was written before the first release is told from what is newer, whatever
// its version.
func TestDevelopmentSchema(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1", "2", "900"} {
		dir := t.TempDir()
		if err := open(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
		tamper(t, dir, "PRAGMA application_id = 0; PRAGMA user_version = "+version)
		refused(t, sqlite.Options{Dir: dir}, dir, "before the first release", "empty directory")
	}
}

// tamper changes a closed database behind the store's back, and returns the
// schema version that it had.
func tamper(t *testing.T, dir, text string) (version int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "switchhook.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	return version
}

func TestNotADatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "switchhook.db"), bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, sqlite.Options{Dir: dir}, "open the database", dir)
}

func TestMasterKey(t *testing.T) {
	t.Parallel()
	one, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	given := func(t *testing.T) string {
		t.Helper()
		dir := t.TempDir()
		db, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir, MasterKeys: [][]byte{one}})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Run("the same key opens", func(t *testing.T) {
		t.Parallel()
		db, err := sqlite.Open(t.Context(), sqlite.Options{Dir: given(t), MasterKeys: [][]byte{one}})
		if err != nil {
			t.Fatal(err)
		}
		_ = db.Close()
	})
	t.Run("another key is refused", func(t *testing.T) {
		t.Parallel()
		dir := given(t)
		refused(t, sqlite.Options{Dir: dir, MasterKeys: [][]byte{other}}, "master key does not fit", dir)
	})
	t.Run("no key is refused, and none is made", func(t *testing.T) {
		t.Parallel()
		dir := given(t)
		for range 2 {
			refused(t, sqlite.Options{Dir: dir}, "missing", "master.key")
		}
	})
	t.Run("a key in the file opens", func(t *testing.T) {
		t.Parallel()
		dir := given(t)
		text := base64.StdEncoding.EncodeToString(one)
		if err := os.WriteFile(filepath.Join(dir, "master.key"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, dir)
	})
	t.Run("a file that holds no key is refused", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "master.key"), []byte("secret!"), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, sqlite.Options{Dir: dir}, "master.key", "base64")
	})
	t.Run("a key of another length is refused", func(t *testing.T) {
		t.Parallel()
		refused(t, sqlite.Options{Dir: t.TempDir(), MasterKeys: [][]byte{one[:16]}}, "16 bytes", "32")
	})
}

func TestSecretsAreSealed(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	db := open(t, dir)
	const public, secret = "public-text-0815", "very-secret-4711"
	w := &switchhook.Webhook{
		ID: "wh_1", Name: public, CreatedAt: time.Now(),
		Headers: map[string]string{"x": secret},
		Auth:    &switchhook.Auth{Type: "bearer", Token: secret},
		Secrets: []switchhook.Secret{{Value: "whsec_" + secret}},
	}
	src := &switchhook.Source{ID: "src", Kind: public, Token: secret, Options: map[string]any{"password": secret}}
	for _, err := range []error{
		db.CreateWebhook(ctx, w), db.UpdateWebhook(ctx, w),
		db.CreateSource(ctx, src), db.UpdateSource(ctx, src),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	look := func(when string) {
		files, err := filepath.Glob(filepath.Join(dir, "switchhook.db*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		found := false
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(text, []byte(public))
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s, %s holds a secret in the open", when, filepath.Base(path))
			}
		}
		if !found {
			t.Errorf("%s, the files do not even hold what is public: the test looks at the wrong ones", when)
		}
	}
	look("in the log")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	look("after closing")

	// A sealed value opens in its own row alone.
	tamper(t, dir, "UPDATE webhooks SET id = 'wh_2'")
	if _, err := open(t, dir).Webhooks(ctx); err == nil {
		t.Error("a secret that was moved to another row opens")
	}
}
