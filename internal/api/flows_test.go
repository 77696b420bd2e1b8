package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

type accountView struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	FlowWebhooks bool   `json:"flow_webhooks"`
}

func TestFlowWebhooks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var acc accountView
	s.ok(200, request{path: "/v1/accounts/acme"}, &acc)
	if acc.FlowWebhooks {
		t.Error("call flows may send from the start")
	}
	const event = `{"type":"flow.webhook","account_id":"acme","data":{"flow":{"id":"f"},"data":{"a":1},"hook":{"uri":"https://a.example/step"}}}`
	deliveries := func(want int) {
		t.Helper()
		var got receipts
		s.ok(202, post(event), &got)
		if got.Events[0].Deliveries != want {
			t.Errorf("%d deliveries, expected %d", got.Events[0].Deliveries, want)
		}
	}
	change := func(body string) accountView {
		t.Helper()
		var acc accountView
		s.ok(200, request{method: "PATCH", path: "/v1/accounts/acme", key: acmeKey, body: body}, &acc)
		return acc
	}
	deliveries(0)
	if d := cmp.Diff(accountView{"acme", "Acme & Sons", true}, change(`{"name":"Acme & Sons","flow_webhooks":true}`)); d != "" {
		t.Error(d)
	}
	deliveries(1)
	var page struct{ Items []switchhook.Webhook }
	s.ok(200, request{path: "/v1/webhooks", key: acmeKey}, &page)
	if len(page.Items) != 1 || !page.Items[0].Flow || page.Items[0].Dialect != "kazoo" || page.Items[0].URL != "" {
		t.Fatalf("%+v", page.Items)
	}
	id := page.Items[0].ID
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"timeout":"5s","dialect":"switchhook","headers":{"X-Step":"1"}}`}, nil)
	deliveries(1)
	const itself = "cannot be set on the webhook of call flows: each flow.webhook event says it in hook"
	for body, want := range map[string]api.Problem{
		`{"url":"https://example.com/"}`:   wrong("url", itself),
		`{"method":"PUT"}`:                 wrong("method", itself),
		`{"events":["call.*"]}`:            wrong("events", `expected ["flow.webhook"] on the webhook of call flows`),
		`{"include_subaccounts":true}`:     wrong("include_subaccounts", "cannot be set on the webhook of call flows: the accounts below have their own"),
		`{"dialect":"teli"}`:               wrong("dialect", "the dialect teli has nothing for flow.webhook"),
		`{"dialect":"kazoo","flow":false}`: wrong("flow", "there is no such field"),
	} {
		s.in(t).problem(request{method: "PATCH", path: "/v1/webhooks/" + id, body: body}, want)
	}
	if acc := change(`{"flow_webhooks":false}`); acc.FlowWebhooks {
		t.Errorf("%+v", acc)
	}
	deliveries(0)
	if acc := change(`{"flow_webhooks":true}`); !acc.FlowWebhooks {
		t.Errorf("%+v", acc)
	}
	deliveries(1)
	s.ok(200, request{path: "/v1/webhooks", key: acmeKey}, &page)
	if len(page.Items) != 1 || page.Items[0].ID != id {
		t.Errorf("turned off and on again, it is another one: %+v", page.Items)
	}
	// Deleted, it is off too.
	s.ok(204, request{method: "DELETE", path: "/v1/webhooks/" + id}, nil)
	s.ok(200, request{path: "/v1/accounts/acme"}, &acc)
	if acc.FlowWebhooks {
		t.Error("still on after its webhook was deleted")
	}
	for body, want := range map[string]api.Problem{
		`{"id":"else"}`: wrong("id", "cannot be changed"),
		`{"name":"` + strings.Repeat("x", 201) + `"}`: wrong("name", "expected at most 200 characters"),
	} {
		s.in(t).problem(request{method: "PATCH", path: "/v1/accounts/acme", body: body}, want)
	}
	s.problem(request{method: "PATCH", path: "/v1/accounts/other", key: acmeKey, body: `{}`}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no account "other"`})
}

func TestReEnable(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	disabled := func(account, reason string) string {
		t.Helper()
		id, _ := s.webhook(with(`"account_id":"` + account + `"`))
		all, err := s.store.Webhooks(t.Context())
		check(t, err)
		for _, w := range all {
			if w.ID == id && reason != "" {
				w.Enabled, w.DisableReason = false, reason
				check(t, s.store.UpdateWebhook(t.Context(), w))
			}
		}
		return id
	}
	const tooMany = "too many failed attempts"
	on, off := disabled("acme", ""), disabled("acme", "turned off by its owner")
	first, below, other := disabled("acme", tooMany), disabled("acme-east", "the receiver answered 410 Gone"), disabled("other", tooMany)
	// One that its owner turns off after it was disabled is its owner's.
	givenUp := disabled("acme", tooMany)
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + givenUp, body: `{"name":"old"}`}, nil)
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + givenUp, body: `{"enabled":false}`}, nil)
	again := func(body string) string {
		t.Helper()
		var got struct{ Items []switchhook.Webhook }
		s.ok(200, request{method: "POST", path: "/v1/webhooks/re-enable", key: acmeKey, body: body}, &got)
		var ids []string
		for _, w := range got.Items {
			if !w.Enabled || w.DisableReason != "" {
				t.Errorf("%+v", w)
			}
			ids = append(ids, w.ID)
		}
		return strings.Join(ids, " ")
	}
	if got := again(""); got != first {
		t.Errorf("%s, expected %s", got, first)
	}
	if got := again(`{"include_subaccounts":true}`); got != below {
		t.Errorf("%s, expected %s", got, below)
	}
	s.problem(request{method: "POST", path: "/v1/webhooks/re-enable", key: acmeKey, body: `{"account_id":"other"}`},
		api.Problem{Status: 422, Code: "unknown_account", Detail: `account_id: there is no account "other" that this key opens`, Errors: []switchhook.FieldError{{Field: "account_id", Message: `there is no account "other" that this key opens`}}})
	for id, want := range map[string]bool{on: true, off: false, other: false, givenUp: false} {
		var w switchhook.Webhook
		s.ok(200, request{path: "/v1/webhooks/" + id}, &w)
		if w.Enabled != want {
			t.Errorf("%+v", w)
		}
	}
}
