package storetest

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// reopening fills a store, closes it and finds everything again.
func reopening(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir)
	given := event(3)
	given.ID, given.IDGiven = "given", true
	for _, c := range []switchhook.Commit{full(1), full(2), {Events: []*switchhook.Event{given}, Watermark: 1}} {
		commit(t, s, c)
	}
	for _, err := range []error{
		s.CreateAccount(ctx, &switchhook.Account{ID: "a", CreatedAt: base()}),
		s.CreateWebhook(ctx, webhook("wh_1")),
		s.CreateSource(ctx, source("src")),
		s.PutAPIKey(ctx, &switchhook.APIKey{ID: "key", Hash: []byte{1}, CreatedAt: base()}),
		s.PutDialectID(ctx, dialectID("kazoo", "device", "101", "new")),
		s.UpdateAccount(ctx, &switchhook.Account{ID: "a", Name: "renamed"}),
		s.UseAPIKey(ctx, "key", base()),
		s.PutTemplate(ctx, template("a", 1)),
		s.PutUser(ctx, &switchhook.User{ID: "usr", Login: "x", Password: "p", CreatedAt: base()}),
		s.PutCounts(ctx, []switchhook.StoredCounts{{Step: time.Minute, At: base(), Body: []byte{1}}}),
		s.PutSession(ctx, &switchhook.Session{Hash: []byte{7}, UserID: "usr", CreatedAt: base(), ExpiresAt: base()}),
		s.CreateAccount(ctx, &switchhook.Account{ID: "gone", CreatedAt: base()}),
		s.DeleteAccounts(ctx, []string{"gone"}, auditEntry(1)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Integer(ctx, "a", "calls", "x"))(t)
	before := contents(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	wantEqual(t, "after reopening", contents(t, s), before)
	wantEqual(t, "known", must(s.Known(ctx, "a", []string{"given"}))(t), map[string]bool{"given": true})
	wantCode(t, s.CreateAccount(ctx, &switchhook.Account{ID: "gone"}), switchhook.CodeConflict)
	wantEqual(t, "last sequence", must(s.LastSequence(ctx))(t), int64(3))
	wantEqual(t, "an old integer", must(s.Integer(ctx, "a", "calls", "x"))(t), int64(switchhook.FirstInteger))
	wantEqual(t, "a new integer", must(s.Integer(ctx, "a", "calls", "y"))(t), int64(switchhook.FirstInteger+1))
	a := attempt(event(2), "wh_1", switchhook.Delivered)
	commit(t, s, switchhook.Commit{Attempts: []*switchhook.Attempt{a}})
	if a.Row != 3 {
		t.Errorf("the next attempt has row %d, want 3", a.Row)
	}
}

// contents is all that a store can be asked.
func contents(t *testing.T, s store.Store) map[string]any {
	t.Helper()
	ctx := t.Context()
	return map[string]any{
		"events":     pages(t, 2, listEvents(ctx, s, switchhook.EventFilter{})),
		"attempts":   pages(t, 2, listAttempts(ctx, s, switchhook.AttemptFilter{})),
		"deliveries": pages(t, 2, listDeliveries(ctx, s, switchhook.DeliveryFilter{})),
		"open":       openDeliveries(t, s),
		"recovered":  recovered(t, s),
		"gates":      must(s.Gates(ctx))(t),
		"jobs":       must(s.Jobs(ctx))(t),
		"snapshots":  snapshots(t, s),
		"records":    records(t, s),
		"rejects": pages(t, 2, func(p switchhook.Page) ([]*switchhook.Reject, string, error) {
			return s.Rejects(ctx, "src", p)
		}),
		"accounts":  must(s.Accounts(ctx))(t),
		"webhooks":  must(s.Webhooks(ctx))(t),
		"sources":   must(s.Sources(ctx))(t),
		"keys":      must(s.APIKeys(ctx))(t),
		"counts":    allCounts(t, s),
		"users":     must(s.Users(ctx))(t),
		"templates": must(s.Templates(ctx))(t),
		"versions":  must(s.TemplateVersions(ctx, "a", "missed_call"))(t),
		"sessions":  must(s.Sessions(ctx))(t),
		"ids":       listDialectIDs(t, s),
		"audit":     pages(t, 2, listAudit(ctx, s, switchhook.AuditFilter{})),
	}
}
