package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type explained struct {
	Items []struct {
		WebhookID  string `json:"webhook_id"`
		DeliveryID string `json:"delivery_id"`
		Why        string
		Reason     string
	}
}

// of is the reason by webhook.
func (s *server) explained(event, key string) map[string]string {
	s.t.Helper()
	var got explained
	s.ok(200, request{path: "/v1/events/" + event + "/explain", key: key}, &got)
	all := map[string]string{}
	for _, x := range got.Items {
		all[x.WebhookID] = x.Why
		if (x.DeliveryID != "") != (x.Why == "delivery") || !strings.HasSuffix(x.Reason, ".") {
			s.t.Errorf("%+v", x)
		}
	}
	return all
}

func TestAnEventIsExplained(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	hook := func(account, members string) string {
		id, _ := s.webhook(fmt.Sprintf(`{"account_id":%q,"url":"http://127.0.0.1:9/",%s}`, account, members))
		return id
	}
	want := map[string]string{}
	want[hook("acme", `"events":["call.*"]`)] = "delivery"
	want[hook("acme", `"events":["queue.*"]`)] = "type"
	want[hook("acme", `"events":["*"],"filter":"data.call.direction == \"outbound\""`)] = "filter"
	off := hook("acme", `"events":["call.*"],"enabled":false`)
	want[off] = "disabled"
	on := hook("acme", `"events":["call.*"],"enabled":false`)
	want[on] = "changed"
	above, alone := hook("root", `"events":["*"],"include_subaccounts":true`), hook("root", `"events":["*"]`)
	hook("other", `"events":["*"]`)
	s.ok(202, post(`{"id":"e","type":"call.created","account_id":"acme","data":{"call":{"id":"a","direction":"inbound"}}}`), nil)
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + on, body: `{"enabled":true}`}, nil)
	want[hook("acme", `"events":["call.*"]`)] = "later"

	if d := cmp.Diff(want, s.explained("e", acmeKey)); d != "" {
		t.Errorf("as the account sees it (-want +got):\n%s", d)
	}
	want[above], want[alone] = "delivery", "subaccount"
	if d := cmp.Diff(want, s.explained("e", "")); d != "" {
		t.Errorf("as the operator sees it (-want +got):\n%s", d)
	}
	var one explained
	s.ok(200, request{path: "/v1/events/e/explain?webhook_id=" + off}, &one)
	if len(one.Items) != 1 || one.Items[0].Why != "disabled" {
		t.Errorf("one: %+v", one)
	}
}

func TestCallsAreSummarised(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	hook, _ := s.webhook(`{"account_id":"acme","url":"http://127.0.0.1:9/","events":["call.*"]}`)
	s.tell("acme", `call.created a "from":{"type":"tel","address":"+12025550143"}`)
	s.ok(202, post(`[{"type":"ring_group.entered","account_id":"acme","data":{"call":{"id":"a"},"ring_group":{"id":"g1","name":"Sales","number":"600"}}},
		{"type":"queuecall.created","account_id":"acme","data":{"call":{"id":"a"},"queue":{"id":"q1","name":"Support"},"queuecall":{"id":"qc","queue_id":"q1"}}}]`), nil)
	s.tell("acme", `call.hungup a`)
	type summary struct {
		Events     int
		Through    []struct{ Kind, ID, Name, Number string }
		Deliveries map[string]int
		Troubled   []map[string]any
	}
	for _, query := range []string{"", "&call_id=a", "&status=ended"} {
		var got struct {
			Items []struct{ Summary *summary }
		}
		s.ok(200, request{path: "/v1/calls?summary=true" + query}, &got)
		if len(got.Items) != 1 || got.Items[0].Summary == nil {
			t.Fatalf("%s: %+v", query, got)
		}
		is := got.Items[0].Summary
		if is.Events != 4 || len(is.Through) != 2 || is.Through[0].Name != "Sales" || is.Through[1].Kind != "queue" {
			t.Errorf("%s: %+v", query, is)
		}
		if n := is.Deliveries["pending"] + is.Deliveries["delivered"] + is.Deliveries["failed"]; n != 2 {
			t.Errorf("%s: %d deliveries to %s, expected 2: %+v", query, n, hook, is)
		}
		got.Items = nil
		s.ok(200, request{path: "/v1/calls?" + strings.TrimPrefix(query, "&")}, &got)
		if got.Items[0].Summary != nil {
			t.Error("a summary that nobody has asked for")
		}
	}
}

// Of a notification it is said why it was sent, or was not.
func TestANotificationIsExplained(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	const target = "mail:acme:voicemail_to_email"
	path := "/v1/templates/voicemail_to_email?account_id=acme"
	s.send(voicemail("sent", `["ada@example.com"]`), voicemail("nobody", `[]`), `{"id":"none","type":"call.created","account_id":"acme","data":{"call":{"id":"a"}}}`)
	s.ok(200, patch(path, `{"enabled":false}`), nil)
	s.send(voicemail("off", `["ada@example.com"]`))
	for event, want := range map[string]string{"sent": "delivery", "nobody": "notification", "off": "notification", "none": ""} {
		if got := s.explained(event, acmeKey)[target]; got != want {
			t.Errorf("%s: %q, want %q", event, got, want)
		}
	}
	var got struct {
		Items []struct {
			Name, Template, Status, Reason, Dialect string
			UpdatedAt                               string `json:"updated_at"`
		}
	}
	s.ok(200, request{path: "/v1/events/off/explain?webhook_id=" + target}, &got)
	if len(got.Items) != 1 || got.Items[0].Reason != "It is switched off." || got.Items[0].Template != "voicemail_to_email" || got.Items[0].Status != "disabled" || got.Items[0].Dialect != "mail" || got.Items[0].UpdatedAt == "" {
		t.Errorf("%+v", got)
	}
	s.ok(200, patch(path, `{"enabled":null}`), nil)
	if got := s.explained("off", acmeKey)[target]; got != "changed" {
		t.Errorf("switched on since: %q", got)
	}
}
