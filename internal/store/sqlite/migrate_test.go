package sqlite

import (
	"database/sql"
	"path/filepath"
	"slices"
	"testing"

	"github.com/switchhook/switchhook"
)

// What the first release wrote is there after the migrations.
func TestMigratesWhatVersion1Wrote(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	db, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	hook := &switchhook.Webhook{ID: "wh_1", AccountID: "root", DialectOptions: map[string]any{"node": "a@b"}, Auth: &switchhook.Auth{Type: "bearer", Token: "t"}}
	doc, err := toJSON("webhook", switchhook.Webhook{ID: hook.ID, AccountID: hook.AccountID, DialectOptions: hook.DialectOptions})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := db.seal.seal("webhooks/sealed/wh_1", webhookSecrets{Auth: hook.Auth})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := sql.Open("sqlite", filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []struct {
		text string
		args []any
	}{
		{"DROP TABLE given_ids", nil},
		{"ALTER TABLE events DROP COLUMN original", nil},
		{`INSERT INTO events VALUES (1, 'evt_1', 'acme', 'call.created', '', '', 0, 0, '', 0, 0, 'wh_1', x'7b7d')`, nil},
		{"PRAGMA user_version = 1", nil},
		{"INSERT INTO accounts (id, parent_id, name, created_at) VALUES ('acme', '', 'Acme', 0)", nil},
		{"INSERT INTO webhooks (id, created_at, doc, sealed) VALUES ('wh_1', 0, ?, ?)", []any{doc, sealed}},
	} {
		if _, err := file.ExecContext(ctx, statement.text, statement.args...); err != nil {
			t.Fatalf("%s: %v", statement.text, err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}

	db, err = Open(ctx, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	accounts, err := db.Accounts(ctx)
	if err != nil || !slices.ContainsFunc(accounts, func(a *switchhook.Account) bool { return a.ID == "acme" }) {
		t.Errorf("accounts: %v, %v", accounts, err)
	}
	hooks, err := db.Webhooks(ctx)
	if err != nil || len(hooks) != 1 || hooks[0].DialectOptions["node"] != "a@b" || hooks[0].Auth.Token != "t" {
		t.Fatalf("webhooks: %v, %v", hooks, err)
	}
	if ev, err := db.Event(ctx, nil, "evt_1"); err != nil || ev.Original != nil || string(ev.Data) != "{}" {
		t.Errorf("the event: %+v, %v", ev, err)
	}
	if err := db.UpdateWebhook(ctx, hooks[0]); err != nil {
		t.Fatal(err)
	}
	if err := db.PutDialectID(ctx, &switchhook.DialectID{AccountID: "acme", Dialect: "kazoo", Schema: "device", ID: "1", Value: "2"}); err != nil {
		t.Error(err)
	}
}
