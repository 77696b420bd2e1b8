package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

type keptAccount struct {
	Retention          *string
	EffectiveRetention string `json:"effective_retention"`
}

func month(o *api.Options) { o.Retention = 30 * 24 * time.Hour }

func TestRetentionOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newServer(t, month)
	want := func(id, key, own, effective string) {
		t.Helper()
		var got keptAccount
		s.ok(200, request{path: "/v1/accounts/" + id, key: key}, &got)
		if got.Retention == nil {
			got.Retention = new(string)
		}
		if *got.Retention != own || got.EffectiveRetention != effective {
			t.Errorf("%s keeps %s by itself and %s in all, want %s and %s", id, *got.Retention, got.EffectiveRetention, own, effective)
		}
	}
	want("acme", acmeKey, "", "720h")
	s.ok(200, s.patchAccount("acme", "", `{"retention":"7d"}`), nil)
	want("acme", acmeKey, "168h", "168h")
	want("acme-east", acmeKey, "", "168h")
	s.ok(200, s.patchAccount("acme-east", acmeKey, `{"retention":"72h"}`), nil)
	want("acme-east", acmeKey, "72h", "72h")
	s.ok(200, s.patchAccount("acme-east", acmeKey, `{"retention":"20d"}`), nil) // it may say so, and the shorter one holds
	want("acme-east", acmeKey, "480h", "168h")
	s.ok(200, s.patchAccount("acme", "", `{"retention":null}`), nil)
	want("acme", acmeKey, "", "720h")
	want("acme-east", acmeKey, "480h", "480h")
	s.ok(201, request{method: "POST", path: "/v1/accounts", body: `{"id":"new","retention":"30d"}`}, nil)
	s.ok(200, s.patchAccount("root", "", `{"retention":"25d"}`), nil)
	want("new", "", "720h", "600h")

	s.problem(s.patchAccount("acme", acmeKey, `{"retention":"1h"}`), forbidden("retention", "that of the key's own account is set from above it"))
	s.ok(200, s.patchAccount("acme", acmeKey, `{"name":"Acme & Sons"}`), nil)
	s.problem(s.patchAccount("acme", "", `{"retention":"59m"}`), wrong("retention", "expected at least 1h, or null for that of the account above"))
	s.problem(s.patchAccount("acme", "", `{"retention":"31d"}`), wrong("retention", "expected at most the 720h for which the server keeps history (--retention)"))
	if res := s.do(s.patchAccount("acme", "", `{"retention":"soon"}`)); res.status != 422 {
		t.Errorf("%d", res.status)
	}
}

// past commits a call that was a while ago, with an attempt.
func (s *server) past(account, hook string, sequence int64, ago time.Duration) {
	s.t.Helper()
	at := time.Now().Add(-ago).UTC().Truncate(time.Second)
	id := fmt.Sprintf("%s%d", account, sequence)
	ev := &switchhook.Event{
		ID: "evt_" + id, Type: "call.created", AccountID: account, Key: id, CallID: id, Sequence: sequence, OccurredAt: at, AcceptedAt: at, Opens: true,
		Targets: []string{hook}, Data: fmt.Appendf(nil, `{"call":{"id":%q,"from":{"address":"+4930%d"}}}`, id, sequence),
	}
	done := make(chan error, 1)
	s.store.Submit(&switchhook.Commit{
		Events: []*switchhook.Event{ev}, Watermark: sequence,
		Attempts: []*switchhook.Attempt{{
			ID: "att_" + id, EventID: ev.ID, EventType: ev.Type, AccountID: account, WebhookID: hook, Sequence: sequence, Number: 1,
			StartedAt: at, Outcome: switchhook.Success, State: switchhook.Delivered, Request: &switchhook.HTTPRequest{Body: "x"},
		}},
		Done: func(err error) { done <- err },
	})
	check(s.t, <-done)
}

// One key, one webhook, three accounts that keep their history for different times: each
// list has of each what it keeps.
func TestListsOfAccountsThatKeepDifferently(t *testing.T) {
	t.Parallel()
	s := newServer(t, month)
	var hook struct{ ID string }
	s.ok(201, request{method: "POST", path: "/v1/webhooks", body: `{"account_id":"acme","url":"https://example.com","events":["*"],"include_subaccounts":true}`}, &hook)
	sequence := int64(0)
	for day := 9; day >= 0; day-- {
		for _, account := range []string{"acme", "acme-east", "other"} {
			sequence++
			s.past(account, hook.ID, sequence, time.Duration(day)*24*time.Hour+time.Hour)
		}
	}
	want := func(key string, n int) {
		t.Helper()
		for _, path := range []string{"/v1/events?", "/v1/attempts?", "/v1/deliveries?", "/v1/calls?", "/v1/deliveries?webhook_id=" + hook.ID, "/v1/attempts?webhook_id=" + hook.ID} {
			got := 0
			for cursor := ""; ; {
				var page struct {
					Items []struct{ ID string }
					Next  *string `json:"next_cursor"`
				}
				s.ok(200, request{path: path + "&limit=4&cursor=" + cursor, key: key}, &page)
				if got += len(page.Items); page.Next == nil {
					break
				}
				cursor = *page.Next
			}
			if got != n {
				t.Errorf("%s: %d, want %d", path, got, n)
			}
		}
	}
	want("", 30)
	want(acmeKey, 20)
	s.ok(200, s.patchAccount("acme-east", "", `{"retention":"3d"}`), nil)
	want("", 10+3+10)
	want(acmeKey, 10+3)
	s.ok(200, s.patchAccount("acme", "", `{"retention":"7d"}`), nil)
	want("", 7+3+10)
	want(acmeKey, 7+3)
	for path, status := range map[string]int{
		"/v1/events/evt_acme1": 404, "/v1/events/evt_acme1/deliveries": 404, "/v1/attempts/att_acme1": 404, "/v1/calls/acme1": 404,
		"/v1/events/evt_acme-east17": 404, "/v1/calls/acme-east17": 404, "/v1/deliveries/" + switchhook.DeliveryID("acme-east", "evt_acme-east17", hook.ID): 404,
		"/v1/events/evt_acme-east23": 200, "/v1/calls/acme-east23": 200, "/v1/deliveries/" + switchhook.DeliveryID("acme-east", "evt_acme-east23", hook.ID): 200,
		"/v1/events/evt_acme10": 200, "/v1/events/evt_other3": 200, "/v1/attempts/att_other3": 200,
	} {
		if res := s.do(request{path: path}); res.status != status {
			t.Errorf("%s: %d, want %d", path, res.status, status)
		}
	}
	for more := true; more; {
		var err error
		more, err = s.store.Prune(t.Context(), time.Now().AddDate(0, 0, -30))
		check(t, err)
	}
	want("", 7+3+10)
	s.ok(204, request{method: "DELETE", path: "/v1/accounts/acme-east"}, nil)
	want("", 7+10)
	want(acmeKey, 7)
	s.ok(200, s.patchAccount("acme", "", `{"retention":null}`), nil) // what is gone stays gone
	want("", 7+10)
}

// A deleted account's calls do not go on.
func TestDeletedAccountsHaveNoOpenCalls(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.tell("other", "call.created a")
	s.tell("acme", "call.created b")
	if got := s.calls("status=open", 5); len(got) != 2 {
		t.Fatal(got)
	}
	s.ok(204, request{method: "DELETE", path: "/v1/accounts/other"}, nil)
	for _, query := range []string{"status=open", "status=ended", ""} {
		if got := s.calls(query, 5); len(got) > 0 && got[0] != "b" || len(got) > 1 {
			t.Errorf("%q: %v", query, got)
		}
	}
}
