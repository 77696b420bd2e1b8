package storetest

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

func configCases() []testCase {
	return []testCase{
		{"accounts", accounts},
		{"webhooks", webhooks},
		{"sources", sources},
		{"API keys", apiKeys},
		{"users", users},
		{"templates", templates},
		{"counts", tallies},
		{"sessions", sessions},
		{"an account is deleted with what belongs to it, for good", deleteAccounts},
		{"lists are oldest first", oldestFirst},
		{"what callers change afterwards is not stored", notAliased},
		{"what has not changed is the same", unchanged},
		{"integers rise from the first per account and schema", integers},
		{"an integer is made once, whoever asks", integersConcurrently},
		{"dialect ids", dialectIDs},
		{"an integer that was given is not made, and one that was made is not given", givenIntegers},
	}
}

func webhook(id string) *switchhook.Webhook {
	return &switchhook.Webhook{
		ID: id, AccountID: "a", Name: "CRM", URL: "https://example.com/in?x=1&y=ü", Events: []string{"call.*", "kazoo:channel_destroy"},
		Dialect: "kazoo", Format: "form", Method: "PUT", Enabled: true,
		Scope:              &switchhook.Scope{Numbers: []string{"+15551234567"}, Queues: []string{"q"}},
		IncludeSubaccounts: true, IncludeInternalLegs: true,
		CustomData: map[string]string{"k": "v"},
		Modifiers:  map[string]any{"m": []any{"x", 1.5, nil, true}},
		Headers:    map[string]string{"X-Api-Key": "header secret"},
		Auth:       &switchhook.Auth{Type: "basic", Username: "u", Password: "auth secret"},
		Mask:       []string{"numbers"}, Signing: "both",
		TLS:            &switchhook.TLS{CA: "ca", Certificate: "certificate", Key: "tls key"},
		DialectOptions: map[string]any{"n": 3.0},
		Retry:          switchhook.Retry{Schedule: []switchhook.Duration{switchhook.Duration(time.Second)}},
		Timeout:        switchhook.Duration(15 * time.Second), MaxConcurrency: 16, Ordering: "key",
		Hold: switchhook.Duration(30 * time.Second), MaxAge: switchhook.Duration(time.Hour),
		Secrets: []switchhook.Secret{
			{Value: "whsec_bmV3"}, {Value: "whsec_b2xk", ExpiresAt: base().Add(24 * time.Hour)},
		},
		DisableReason: "the receiver said 410", CreatedAt: base(), UpdatedAt: base(),
	}
}

func webhooks(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	full, bare := webhook("wh_1"), &switchhook.Webhook{ID: "wh_2", CreatedAt: base()}
	for _, w := range []*switchhook.Webhook{full, bare} {
		if err := s.CreateWebhook(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.CreateWebhook(ctx, webhook("wh_1")), switchhook.CodeConflict)
	wantEqual(t, "webhooks", must(s.Webhooks(ctx))(t), []*switchhook.Webhook{full, bare})

	full.Enabled, full.Auth, full.TLS, full.Secrets = false, nil, nil, full.Secrets[:1]
	full.UpdatedAt = base().Add(time.Minute)
	if err := s.UpdateWebhook(ctx, full); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.UpdateWebhook(ctx, webhook("wh_3")), switchhook.CodeNotFound)
	wantEqual(t, "updated", must(s.Webhooks(ctx))(t), []*switchhook.Webhook{full, bare})

	if err := s.DeleteWebhook(ctx, "wh_1"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.DeleteWebhook(ctx, "wh_1"), switchhook.CodeNotFound)
	wantEqual(t, "after deletion", must(s.Webhooks(ctx))(t), []*switchhook.Webhook{bare})
}

func source(id string) *switchhook.Source {
	return &switchhook.Source{
		ID: id, Kind: "kazoo", AccountID: "a", AccountMap: map[string]string{"4f6a": "b"}, MappedBy: "c",
		Options: map[string]any{"password": "option secret"}, Token: "token secret", CreatedAt: base(), UpdatedAt: base(),
	}
}

func sources(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	full, bare := source("one"), &switchhook.Source{ID: "two", CreatedAt: base()}
	for _, src := range []*switchhook.Source{full, bare} {
		if err := s.CreateSource(ctx, src); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.CreateSource(ctx, source("one")), switchhook.CodeConflict)
	wantEqual(t, "sources", must(s.Sources(ctx))(t), []*switchhook.Source{full, bare})

	full.Token, full.AccountMap = "rotated", nil
	if err := s.UpdateSource(ctx, full); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.UpdateSource(ctx, source("three")), switchhook.CodeNotFound)
	wantEqual(t, "updated", must(s.Sources(ctx))(t), []*switchhook.Source{full, bare})

	if err := s.DeleteSource(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.DeleteSource(ctx, "one"), switchhook.CodeNotFound)
	wantEqual(t, "after deletion", must(s.Sources(ctx))(t), []*switchhook.Source{bare})
}

func oldestFirst(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	for _, n := range []int{2, 3, 1} {
		id, at := fmt.Sprint(n), base().Add(time.Duration(n)*time.Second)
		for _, err := range []error{
			s.CreateAccount(ctx, &switchhook.Account{ID: id, CreatedAt: at}),
			s.CreateWebhook(ctx, &switchhook.Webhook{ID: id, CreatedAt: at}),
			s.CreateSource(ctx, &switchhook.Source{ID: id, CreatedAt: at}),
			s.PutAPIKey(ctx, &switchhook.APIKey{ID: id, CreatedAt: at}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []string{"1", "2", "3"}
	wantEqual(t, "accounts", names(must(s.Accounts(ctx))(t), func(a *switchhook.Account) string { return a.ID }), want)
	wantEqual(t, "webhooks", names(must(s.Webhooks(ctx))(t), func(w *switchhook.Webhook) string { return w.ID }), want)
	wantEqual(t, "sources", names(must(s.Sources(ctx))(t), func(src *switchhook.Source) string { return src.ID }), want)
	wantEqual(t, "keys", names(must(s.APIKeys(ctx))(t), func(k *switchhook.APIKey) string { return k.ID }), want)
}

func notAliased(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	w, src := webhook("wh_1"), source("one")
	if err := s.CreateWebhook(ctx, w); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSource(ctx, src); err != nil {
		t.Fatal(err)
	}
	must(s.Webhooks(ctx))(t) // it is in memory by now, if ever
	if err := s.UpdateWebhook(ctx, w); err != nil {
		t.Fatal(err)
	}
	w.Events[0], w.Scope.Numbers[0], w.Headers["X-Api-Key"], w.Auth.Password, w.TLS.Key, w.Secrets[0].Value = "x", "x", "x", "x", "x", "x"
	src.AccountMap["4f6a"], src.Options["password"] = "x", "x"
	wantEqual(t, "webhook", must(s.Webhook(ctx, "wh_1"))(t), webhook("wh_1"))
	wantEqual(t, "webhooks", must(s.Webhooks(ctx))(t), []*switchhook.Webhook{webhook("wh_1")})
	wantEqual(t, "source", must(s.Sources(ctx))(t)[0], source("one"))
}

// unchanged: who asks again finds by the pointers what has changed since, and what one had
// before is as it was.
func unchanged(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	for _, id := range []string{"wh_1", "wh_2", "wh_3"} {
		if err := s.CreateWebhook(ctx, webhook(id)); err != nil {
			t.Fatal(err)
		}
	}
	before := must(s.Webhooks(ctx))(t)
	changed := webhook("wh_2")
	changed.Name = "another"
	for _, err := range []error{s.UpdateWebhook(ctx, changed), s.CreateWebhook(ctx, webhook("wh_4")), s.DeleteWebhook(ctx, "wh_3")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.UpdateWebhook(ctx, webhook("wh_3")), switchhook.CodeNotFound)
	after := must(s.Webhooks(ctx))(t)
	wantEqual(t, "webhooks", after, []*switchhook.Webhook{webhook("wh_1"), changed, webhook("wh_4")})
	wantEqual(t, "before", before, []*switchhook.Webhook{webhook("wh_1"), webhook("wh_2"), webhook("wh_3")})
	if after[0] != before[0] || must(s.Webhook(ctx, "wh_1"))(t) != after[0] {
		t.Error("what has not changed is another")
	}
	if after[1] == before[1] || must(s.Webhook(ctx, "wh_2"))(t) != after[1] {
		t.Error("what has changed is the same")
	}
	_, err := s.Webhook(ctx, "wh_3")
	wantCode(t, err, switchhook.CodeNotFound)
	after[0] = nil // the list is the caller's own
	wantEqual(t, "webhooks", len(must(s.Webhooks(ctx))(t)[0].Events), len(webhook("").Events))
}

func integers(of trial) {
	t, s := of.t, of.s
	for _, c := range []struct {
		account, schema, id string
		want                int64
	}{
		{"a", "numbers", "x", 1},
		{"a", "numbers", "y", 2},
		{"a", "calls", "x", 1},
		{"b", "numbers", "y", 1},
		{"a", "numbers", "x", 1},
		{"a", "numbers", "z", 3},
	} {
		got, err := s.Integer(t.Context(), c.account, c.schema, c.id)
		if err != nil || got != switchhook.FirstInteger-1+c.want {
			t.Errorf("%s %s %s: %d, %v, want the %dth", c.account, c.schema, c.id, got, err, c.want)
		}
	}
}

func integersConcurrently(of trial) {
	t, s := of.t, of.s
	const ids = 20
	var got [4][ids]int64
	var group sync.WaitGroup
	for g := range got {
		group.Go(func() {
			for i := range ids {
				n, err := s.Integer(t.Context(), "a", "calls", fmt.Sprint(i))
				if err != nil {
					t.Error(err)
				}
				got[g][i] = n
			}
		})
	}
	group.Wait()
	seen := make(map[int64]bool)
	for i, n := range got[0] {
		for g := range got {
			if got[g][i] != n {
				t.Errorf("id %d is %d and %d", i, n, got[g][i])
			}
		}
		if n < switchhook.FirstInteger || n >= switchhook.FirstInteger+ids || seen[n] {
			t.Errorf("id %d is %d, which is taken or too high", i, n)
		}
		seen[n] = true
	}
}

func dialectID(dialect, schema, id, value string) *switchhook.DialectID {
	return &switchhook.DialectID{AccountID: "a", Dialect: dialect, Schema: schema, ID: id, Value: value, UpdatedAt: base()}
}

func listDialectIDs(t *testing.T, s store.Store) map[string]switchhook.DialectID {
	t.Helper()
	found := map[string]switchhook.DialectID{}
	err := s.DialectIDs(t.Context(), func(id switchhook.DialectID) error {
		found[id.Dialect+"/"+id.Schema+"/"+id.ID] = id
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func dialectIDs(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	for _, id := range []*switchhook.DialectID{
		dialectID("kazoo", "device", "101", "old"),
		dialectID("kazoo", "device", "101", "new"), // said anew
		dialectID("kazoo", "user", "101", "new"),   // another schema
		dialectID("voipbin", "device", "101", "new"),
		dialectID("kazoo", "device", "102", "old"), // free again
	} {
		if err := s.PutDialectID(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.PutDialectID(ctx, dialectID("kazoo", "device", "103", "new")), switchhook.CodeConflict)
	elsewhere := dialectID("kazoo", "device", "103", "new")
	elsewhere.AccountID = "b"
	if err := s.PutDialectID(ctx, elsewhere); err != nil {
		t.Errorf("in another account: %v", err)
	}
	if err := s.DeleteDialectID(ctx, "a", "voipbin", "device", "101"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.DeleteDialectID(ctx, "a", "voipbin", "device", "101"), switchhook.CodeNotFound)
	wantEqual(t, "dialect ids", listDialectIDs(t, s), map[string]switchhook.DialectID{
		"kazoo/device/101": *dialectID("kazoo", "device", "101", "new"),
		"kazoo/user/101":   *dialectID("kazoo", "user", "101", "new"),
		"kazoo/device/102": *dialectID("kazoo", "device", "102", "old"),
		"kazoo/device/103": *elsewhere,
	})
}

func givenIntegers(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	integer := func(id string, want int64) {
		t.Helper()
		wantEqual(t, "the integer of "+id, must(s.Integer(ctx, "a", "number", id))(t), switchhook.FirstInteger-1+want)
	}
	text := func(nth int) string { return strconv.Itoa(switchhook.FirstInteger - 1 + nth) }
	integer("x", 1)
	for id, value := range map[string]string{"p": text(2), "q": text(3), "r": text(900)} {
		if err := s.PutDialectID(ctx, dialectID("teli", "number", id, value)); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, s.PutDialectID(ctx, dialectID("teli", "number", "s", text(1))), switchhook.CodeConflict)
	if err := s.PutDialectID(ctx, dialectID("teli", "number", "s", "0"+text(1))); err != nil { // is no integer as one is written
		t.Error(err)
	}
	if err := s.PutDialectID(ctx, dialectID("teli", "number", "x", text(1))); err != nil {
		t.Errorf("the integer that it has already: %v", err)
	}
	integer("y", 4)
	integer("z", 5)
	wantEqual(t, "in another schema", must(s.Integer(ctx, "a", "device", "y"))(t), int64(switchhook.FirstInteger))
}
