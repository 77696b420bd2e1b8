package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
)

// An account above gets the events of those below. That it did they may see; where to, and
// what was answered there, they may not, in no list and no stream.
func TestWebhooksAboveAreNotShownBelow(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "inner-answer", http.StatusTeapot) }))
	t.Cleanup(r.Close)
	hook, _ := s.webhook(fmt.Sprintf(`{"account_id":"acme","include_subaccounts":true,"url":"%s/inner-path","events":["call.*"],"retry":{"policy":"none"}}`, r.URL))
	s.ok(202, post(`{"id":"e1","account_id":"acme-east","type":"call.created","data":{"call":{"id":"c1"}}}`), nil)
	var attempts struct{ Items []switchhook.Attempt }
	for end := time.Now().Add(10 * time.Second); len(attempts.Items) == 0 && time.Now().Before(end); {
		s.await("/v1/attempts?webhook_id="+hook, "next_cursor", "<nil>")
		s.ok(200, request{path: "/v1/attempts?webhook_id=" + hook}, &attempts)
	}
	if len(attempts.Items) != 1 || attempts.Items[0].Response.Body != "inner-answer\n" {
		t.Fatalf("the account above sees %+v", attempts.Items)
	}
	at := attempts.Items[0]
	var made struct{ Key string }
	s.ok(201, request{method: "POST", path: "/v1/api-keys", body: `{"role":"admin","account_id":"acme-east"}`}, &made)
	s.feed.Close() // streams end at once
	for _, path := range []string{
		"/v1/attempts", "/v1/attempts/" + at.ID, "/v1/deliveries", "/v1/deliveries/" + at.DeliveryID, "/v1/events/e1/deliveries", "/v1/calls/c1", "/v1/attempts/stream",
	} {
		got := s.do(request{path: path, key: made.Key, header: map[string]string{"Last-Event-ID": "0"}})
		text := string(got.body)
		for _, inner := range []string{"inner-", `:418`, "answered 418", strings.TrimPrefix(r.URL, "http://")} {
			if got.status != 200 || strings.Contains(text, inner) {
				t.Errorf("%s: %d tells %s: %s", path, got.status, inner, text)
			}
		}
		if strings.Contains(path, "deliver") && !strings.Contains(text, hook) {
			t.Errorf("%s does not have the delivery: %s", path, text)
		}
	}
	for _, key := range []string{acmeKey, rootKey} {
		if got := s.do(request{path: "/v1/attempts/" + at.ID, key: key}); !strings.Contains(string(got.body), "inner-answer") {
			t.Errorf("who may does not see it: %s", got.body)
		}
	}
}
