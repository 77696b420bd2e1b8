package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

func auditCases() []testCase {
	return []testCase{
		{"the audit log has what became durable, and nothing else", auditWithChanges},
		{"the audit log is filtered and paged", auditFilters},
		{"the audit log is pruned", auditPruned},
	}
}

func auditEntry(n int) *switchhook.AuditEntry {
	return &switchhook.AuditEntry{
		At: base().Add(time.Duration(n) * time.Minute), AccountID: []string{"a", "b"}[n%2], Action: fmt.Sprint("action", n%3), Resource: []string{"webhook", "account"}[n%2],
		ResourceID: fmt.Sprint("thing", n), Actor: switchhook.Actor{KeyID: fmt.Sprint("key", n%2), KeyName: "Bäckerei", AccountID: "root", Address: "2001:db8::1"},
		Before: []byte(`{"url":"https://example.com/?a=1&b=<2>"}`), After: []byte(`{}`), RequestID: fmt.Sprint("req", n),
	}
}

func listAudit(ctx context.Context, s store.Store, f switchhook.AuditFilter) pageFunc[*switchhook.AuditEntry] {
	return func(p switchhook.Page) ([]*switchhook.AuditEntry, string, error) { return s.Audit(ctx, f, p) }
}

func auditedThings(of trial, f switchhook.AuditFilter) []string {
	of.t.Helper()
	return names(pages(of.t, 2, listAudit(of.t.Context(), of.s, f)), func(e *switchhook.AuditEntry) string { return e.ResourceID })
}

// auditWithChanges gives each change an entry of its own.
func auditWithChanges(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	n := 0
	next := func() *switchhook.AuditEntry {
		n++
		return auditEntry(n)
	}
	own := belongingsOf("a")
	for i, err := range []error{
		s.CreateAccount(ctx, own.account, next()), s.UpdateAccount(ctx, own.account, next()),
		s.PutAPIKey(ctx, own.key, next()), s.DeleteAPIKey(ctx, own.key.ID, next()),
		s.CreateWebhook(ctx, own.webhook, next()), s.UpdateWebhook(ctx, own.webhook, next()), s.DeleteWebhook(ctx, own.webhook.ID, next()),
		s.CreateSource(ctx, own.source, next()), s.UpdateSource(ctx, own.source, next()), s.DeleteSource(ctx, own.source.ID, next()),
		s.PutDialectID(ctx, own.id, next()), s.DeleteDialectID(ctx, "a", "kazoo", "device", "1", next()),
		s.DeleteAccounts(ctx, []string{"a"}, next(), next()), s.PutAudit(ctx, next()),
	} {
		if err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	commit(t, s, switchhook.Commit{Audit: []*switchhook.AuditEntry{next()}})
	kept := n
	for _, err := range []error{ // what fails leaves no entry
		s.CreateAccount(ctx, own.account, next()), s.UpdateAccount(ctx, own.account, next()), s.DeleteAPIKey(ctx, own.key.ID, next()),
		s.UpdateWebhook(ctx, own.webhook, next()), s.DeleteWebhook(ctx, own.webhook.ID, next()),
		s.UpdateSource(ctx, own.source, next()), s.DeleteSource(ctx, own.source.ID, next()), s.DeleteDialectID(ctx, "a", "kazoo", "device", "1", next()),
	} {
		if err == nil {
			t.Error("a change of what is not there was made")
		}
	}
	got := pages(t, 4, listAudit(ctx, s, switchhook.AuditFilter{}))
	if len(got) != kept {
		t.Fatalf("%d entries, want %d", len(got), kept)
	}
	for i, e := range got {
		want := auditEntry(kept - i)
		if i > 0 && e.ID >= got[i-1].ID {
			t.Errorf("the ids do not fall: %d after %d", e.ID, got[i-1].ID)
		}
		want.ID = e.ID
		wantEqual(t, "entry", e, want)
	}
	got[0].Before[2] = 'X'
	wantEqual(t, "what a caller changed", must(first(s.Audit(ctx, switchhook.AuditFilter{}, switchhook.Page{Limit: 1})))(t).Before, auditEntry(kept).Before)
}

func first[T any](items []T, _ string, err error) (T, error) {
	if len(items) == 0 {
		var none T
		return none, err
	}
	return items[0], err
}

func auditFilters(of trial) {
	t, s := of.t, of.s
	for n := range 6 {
		if err := s.PutAudit(t.Context(), auditEntry(n)); err != nil {
			t.Fatal(err)
		}
	}
	at := func(n int) time.Time { return auditEntry(n).At }
	for _, c := range []struct {
		f    switchhook.AuditFilter
		want []string
	}{
		{switchhook.AuditFilter{}, []string{"thing5", "thing4", "thing3", "thing2", "thing1", "thing0"}},
		{switchhook.AuditFilter{Accounts: []string{"b", "c"}}, []string{"thing5", "thing3", "thing1"}},
		{switchhook.AuditFilter{Accounts: []string{}}, nil},
		{switchhook.AuditFilter{KeyID: "key0"}, []string{"thing4", "thing2", "thing0"}},
		{switchhook.AuditFilter{Action: "action1"}, []string{"thing4", "thing1"}},
		{switchhook.AuditFilter{Resource: "webhook", Action: "action1"}, []string{"thing4"}},
		{switchhook.AuditFilter{ResourceID: "thing3"}, []string{"thing3"}},
		{switchhook.AuditFilter{Since: at(1), Until: at(3)}, []string{"thing2", "thing1"}},
	} {
		wantEqual(t, fmt.Sprintf("%+v", c.f), auditedThings(of, c.f), c.want)
	}
	_, _, err := s.Audit(t.Context(), switchhook.AuditFilter{}, switchhook.Page{Limit: 1, Cursor: "x"})
	wantCode(t, err, switchhook.CodeInvalid)
}

func auditPruned(of trial) {
	t, s := of.t, of.s
	for n := range 4 {
		if err := s.PutAudit(t.Context(), auditEntry(n)); err != nil {
			t.Fatal(err)
		}
	}
	pruneAll(t, s, auditEntry(2).At)
	wantEqual(t, "left", auditedThings(of, switchhook.AuditFilter{}), []string{"thing3", "thing2"})
	last := must(first(s.Audit(t.Context(), switchhook.AuditFilter{}, switchhook.Page{Limit: 1})))(t).ID
	pruneAll(t, s, auditEntry(9).At)
	if err := s.PutAudit(t.Context(), auditEntry(5)); err != nil {
		t.Fatal(err)
	}
	if got := must(first(s.Audit(t.Context(), switchhook.AuditFilter{}, switchhook.Page{Limit: 1})))(t).ID; got <= last {
		t.Errorf("the id %d comes after %d, which was pruned", got, last)
	}
}
