package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// Whatever a rotation has come to when it is interrupted, the next start opens all secrets,
// and the rotation can be finished.
func TestMasterKeyRotationIsInterrupted(t *testing.T) {
	t.Parallel()
	const webhooks = 50
	for done, name := range []string{"before", "a new key is there", "all is sealed", "after"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			db := open(t, dir)
			for i := range webhooks {
				must(t, db.CreateWebhook(t.Context(), &switchhook.Webhook{ID: fmt.Sprint("wh_", i), Secrets: []switchhook.Secret{{Value: fmt.Sprint("whsec_", i)}}, CreatedAt: time.Now()}))
			}
			must(t, db.CreateSource(t.Context(), &switchhook.Source{ID: "s", Token: "token"}))
			must(t, db.Close())
			first := read(t, filepath.Join(dir, "master.key"))

			rotate := func(steps int) {
				db := open(t, dir)
				if steps > 0 {
					key, err := ledger.NextKey(nil, dir)
					must(t, err)
					if steps > 1 {
						n, err := db.Reseal(t.Context(), key)
						must(t, err)
						if n != 0 && n != webhooks+1 {
							t.Errorf("%d were sealed anew", n)
						}
					}
				}
				must(t, db.Close())
				if steps > 2 {
					_, err := ledger.SettleKeys(dir)
					must(t, err)
				}
			}
			opens := func() {
				t.Helper()
				db := open(t, dir)
				defer db.Close()
				list, err := db.Webhooks(t.Context())
				must(t, err)
				for i, w := range list {
					if w.Secrets[0].Value != fmt.Sprint("whsec_", i) {
						t.Errorf("%s has %v", w.ID, w.Secrets)
					}
				}
				sources, err := db.Sources(t.Context())
				if err != nil || len(list) != webhooks || sources[0].Token != "token" {
					t.Error(len(list), sources, err)
				}
			}
			rotate(done)
			opens()
			rotate(3)
			opens()
			now := read(t, filepath.Join(dir, "master.key"))
			if bytes.Contains(now, bytes.TrimSpace(first)) || bytes.Count(now, []byte("\n")) != 1 {
				t.Errorf("the old key is still there: %q, %q", first, now)
			}
			if old := read(t, filepath.Join(dir, "master.key.old")); done < 3 && !bytes.Equal(old, first) {
				t.Errorf("the old key is not kept: %q, %q", first, old)
			}
			// The old key opens nothing.
			must(t, os.WriteFile(filepath.Join(dir, "master.key"), first, 0o600))
			if _, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir}); !errors.Is(err, ledger.ErrMasterKey) {
				t.Errorf("with the old key: %v", err)
			}
		})
	}
}

// A crash in the middle of the transaction leaves all as it was.
func TestResealIsOneTransaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, dir)
	must(t, db.CreateWebhook(t.Context(), &switchhook.Webhook{ID: "wh_1", Secrets: []switchhook.Secret{{Value: "whsec_1"}}}))
	must(t, db.CreateWebhook(t.Context(), &switchhook.Webhook{ID: "wh_2", Secrets: []switchhook.Secret{{Value: "whsec_2"}}}))
	must(t, db.Close())
	tamper(t, dir, "UPDATE webhooks SET sealed = x'00' WHERE id = 'wh_2'") // which stops it
	db = open(t, dir)
	if _, err := db.Reseal(t.Context(), bytes.Repeat([]byte{7}, 32)); err == nil {
		t.Error("what cannot be opened was sealed anew")
	}
	must(t, db.Close())
	tamper(t, dir, "DELETE FROM webhooks WHERE id = 'wh_2'")
	db = open(t, dir)
	defer db.Close()
	if list, err := db.Webhooks(context.Background()); err != nil || len(list) != 1 || list[0].Secrets[0].Value != "whsec_1" {
		t.Error(list, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return text
}
