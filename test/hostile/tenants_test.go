package hostile

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lists are the paths that list things.
var lists = []string{
	"/v1/accounts", "/v1/api-keys", "/v1/users", "/v1/audit", "/v1/webhooks", "/v1/sources", "/v1/records", "/v1/dialect-ids",
	"/v1/events", "/v1/attempts", "/v1/deliveries", "/v1/calls", "/v1/jobs",
}

// theirs stands in everything that another account has.
const theirs = "belongs-to-the-other"

// settle gives an account one of everything, and returns the ids of it all by kind.
func settle(t *testing.T, s *server, who as, account, word, receiver string) map[string]string {
	t.Helper()
	ids := map[string]string{"account": account}
	create := func(kind, method, path, body, id string) answer {
		a := who.do(method, path, strings.ReplaceAll(body, "$word", word))
		if a.status >= 300 {
			t.Errorf("%s %s: %v", method, path, a)
		}
		ids[kind] = a.get(id)
		return a
	}
	create("webhook", "POST", "/v1/webhooks", `{"name":"$word","url":"`+receiver+`/$word","events":["*"],"headers":{"X-A":"$word"},"auth":{"type":"basic","username":"$word","password":"$word-p"}}`, "id")
	create("key", "POST", "/v1/api-keys", `{"name":"$word","role":"viewer"}`, "id")
	create("user", "POST", "/v1/users", `{"login":"$word@example.com","role":"viewer","password":"$word-password"}`, "id")
	source := create("source", "POST", "/v1/sources", `{"kind":"voipbin","options":{"note":"$word"}}`, "id")
	if _, path, ok := strings.Cut(source.get("ingest_url"), s.address); ok {
		s.as("").do("POST", path, `{"`+word+`":`) // a reject
	}
	create("record", "PUT", "/v1/records/extension/100", `{"number":"100","name":"$word"}`, "id")
	create("dialect id", "PUT", "/v1/dialect-ids/kazoo/device/100", `{"value":"0123456789abcdef0123456789abcdef"}`, "value")
	sent := create("event", "POST", "/v1/events", `{"type":"call.created","id":"event-1","key":"call-1","data":{"call":{"id":"call-1","from":{"number":"+15550100","name":"$word"},"to":{"number":"+15550101"},"direction":"inbound"}}}`, "events.0.id")
	if sent.get("events.0.duplicate") != "false" {
		t.Errorf("an event of %s is a duplicate of another account's: %v", account, sent)
	}
	again := who.do("POST", "/v1/events", `{"type":"custom.x","data":{"word":"`+word+`"}}`, "Idempotency-Key: one")
	if again.get("events.0.duplicate") != "false" {
		t.Errorf("an Idempotency-Key of %s is another account's: %v", account, again)
	}
	// An event that says nothing of the call but its id gets the rest of its own call.
	who.do("POST", "/v1/events", `{"type":"call.answered","data":{"call":{"id":"call-1"}}}`)
	create("job", "POST", "/v1/webhooks/"+ids["webhook"]+"/replay", `{"which":"all","since":"2020-01-01T00:00:00Z"}`, "id")
	await(t, "three attempts of "+account, func() bool { return len(all(who, "/v1/attempts")) >= 3 })
	ids["attempt"] = who.do("GET", "/v1/attempts?limit=1", "").get("items.0.id")
	ids["delivery"] = who.do("GET", "/v1/deliveries?limit=1", "").get("items.0.id")
	ids["call"] = "call-1"
	return ids
}

// Each account sees exactly its own: whatever it asks, with whatever ids, cursors and places
// of another.
func TestTenants(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }))
	t.Cleanup(srv.Close)
	s := serve(t, "--allow-network", "127.0.0.0/8")
	acme, other := s.customer("acme"), s.customer("other")
	ids := settle(t, s, other, "other", theirs, srv.URL)
	mine := settle(t, s, acme, "acme", "mine", srv.URL)

	clean := func(t *testing.T, what string, a answer) {
		t.Helper()
		if strings.Contains(a.body, theirs) || strings.Contains(a.body, `"other"`) {
			t.Errorf("%s tells of another account: %v", what, a)
		}
	}
	t.Run("lists and cursors", func(t *testing.T) {
		t.Parallel()
		cursors := []string{
			"", "AAAA", "null", "0", "-1", "9223372036854775807", "' OR 1=1 --", "%00", "../..", strings.Repeat("A", 4000),
			base64.RawURLEncoding.EncodeToString([]byte("other\x00extension\x00100")), base64.RawURLEncoding.EncodeToString([]byte("\xff\xff")), base64.RawURLEncoding.EncodeToString([]byte("0")),
		}
		for _, list := range lists {
			c := append([]string{}, cursors...)
			for _, who := range []as{other, s.operator()} {
				if next := who.do("GET", list+"?limit=1", "").get("next_cursor"); next != "" {
					c = append(c, next, next+"A", next[:len(next)-1])
				}
			}
			for _, cursor := range c {
				clean(t, list+" "+cursor, acme.do("GET", list+"?limit=100&cursor="+url.QueryEscape(cursor), ""))
			}
			for _, query := range []string{
				"account_id=other", "account_id=root", "account_id=acme&account_id=other", "account_id=acme%00other", "account_id=acme,other", "account_id=*", "account_id=%25", "account_id=acme'%20OR%20'1'='1",
				"Account_ID=other", "limit=0", "limit=-1", "limit=1e9", "limit=99999999999999999999",
			} {
				clean(t, list+"?"+query, acme.do("GET", list+"?"+query, ""))
			}
		}
	})
	t.Run("things by their ids", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{
			"/v1/accounts/other", "/v1/webhooks/{webhook}", "/v1/webhooks/{webhook}/preview", "/v1/webhooks/{mine}/preview?event_id={event}", "/v1/api-keys/{key}", "/v1/users/{user}", "/v1/sources/{source}", "/v1/sources/{source}/rejects",
			"/v1/records/extension/100?account_id=other", "/v1/dialect-ids/kazoo/device/100?account_id=other", "/v1/attempts/{attempt}", "/v1/deliveries/{delivery}", "/v1/jobs/{job}",
			"/v1/calls/call-1?account_id=other", "/v1/events/{event}?account_id=other", "/v1/events/event-1?account_id=other", "/v1/events/event-1/deliveries?account_id=other", "/v1/attempts?webhook_id={webhook}", "/v1/deliveries?event_id={event}",
			"/v1/attempts?event_id=event-1", "/v1/deliveries?webhook_id={webhook}", "/v1/jobs?webhook_id={webhook}", "/v1/calls/call-1", "/v1/events/event-1", "/v1/events/event-1/deliveries", "/v1/audit?resource_id={webhook}", "/v1/audit?key_id={key}",
			"/v1/calls?number=%2B15550100", "/v1/events?call_id=call-1", "/v1/events?key=call-1",
		} {
			for kind, id := range ids {
				path = strings.ReplaceAll(path, "{"+kind+"}", id)
			}
			path = strings.NewReplacer("{mine}", mine["webhook"], "{my source}", mine["source"]).Replace(path)
			clean(t, path, acme.do("GET", path, ""))
		}
		for _, row := range [][3]string{
			{"DELETE", "/v1/webhooks/{webhook}", ""},
			{"PATCH", "/v1/webhooks/{webhook}", `{"name":"x"}`},
			{"POST", "/v1/webhooks/{webhook}/rotate-secret", `{}`},
			{"POST", "/v1/webhooks/{webhook}/test", `{}`},
			{"POST", "/v1/webhooks/{webhook}/replay", `{"which":"all"}`},
			{"POST", "/v1/webhooks/{webhook}/listen", `{}`},
			{"POST", "/v1/webhooks/{webhook}/pause", ""},
			{"POST", "/v1/deliveries/{delivery}/retry", ""},
			{"POST", "/v1/jobs/{job}/cancel", ""},
			{"DELETE", "/v1/api-keys/{key}", ""},
			{"DELETE", "/v1/api-keys/key_admin", ""},
			{"DELETE", "/v1/users/{user}", ""},
			{"PATCH", "/v1/users/{user}", `{"password":"a password of mine"}`},
			{"POST", "/v1/sources/{source}/rotate-token", ""},
			{"PATCH", "/v1/sources/{source}", `{"account_id":"acme"}`},
			{"POST", "/v1/in/{source}", `{}`},
			{"PATCH", "/v1/accounts/other", `{"parent_id":"acme"}`},
			{"DELETE", "/v1/accounts/other?recursive=true", ""},
			{"PATCH", "/v1/accounts/root", `{"name":"x"}`},
			{"PUT", "/v1/records/extension/100?account_id=other", `{"a":1}`},
			{"PUT", "/v1/records/extension/100", `{"account_id":"other","a":1}`},
			{"PUT", "/v1/records/extension/100?account_id=acme", `{"account_id":"other","a":1}`},
			{"DELETE", "/v1/records/extension/100?account_id=other", ""},
			{"PUT", "/v1/dialect-ids/kazoo/device/100?account_id=other", `{"value":"1123456789abcdef0123456789abcdef"}`},
			{"POST", "/v1/events", `{"type":"custom.x","account_id":"other","data":{}}`},
			{"POST", "/v1/events", `{"type":"custom.x","account_id":"root","data":{}}`},
			{"POST", "/v1/events", `[{"type":"custom.x","data":{}},{"type":"custom.x","account_id":"other","data":{}}]`},
			{"POST", "/v1/webhooks", `{"account_id":"other","url":"https://8.8.8.8","events":["*"]}`},
			{"POST", "/v1/webhooks", `{"account_id":"root","url":"https://8.8.8.8","events":["*"],"include_subaccounts":true}`},
			{"PATCH", "/v1/webhooks/{mine}", `{"account_id":"root"}`},
			{"POST", "/v1/webhooks/pause", `{"account_id":"other"}`},
			{"POST", "/v1/sources", `{"kind":"voipbin","account_id":"other"}`},
			{"POST", "/v1/sources", `{"kind":"voipbin","account_map":{"a":"other"}}`},
			{"PATCH", "/v1/sources/{my source}", `{"account_map":{"a":"root"}}`},
			{"PATCH", "/v1/sources/{my source}", `{"account_id":"other"}`},
			{"POST", "/v1/api-keys", `{"role":"admin","account_id":"root"}`},
			{"POST", "/v1/users", `{"login":"x","role":"admin","account_id":"root"}`},
			{"POST", "/v1/portal-links", `{"account_id":"other"}`},
			{"POST", "/v1/accounts", `{"id":"fresh","parent_id":"root"}`},
			{"PATCH", "/v1/accounts/acme", `{"parent_id":"other"}`},
		} {
			path, body := row[1], row[2]
			for kind, id := range ids {
				path = strings.ReplaceAll(path, "{"+kind+"}", id)
			}
			path = strings.NewReplacer("{mine}", mine["webhook"], "{my source}", mine["source"]).Replace(path)
			for _, h := range []string{"X-A: b", "If-Match: *"} {
				a := acme.do(row[0], path, body, h)
				if a.status != http.StatusNotFound && a.status != http.StatusForbidden && a.status != http.StatusUnprocessableEntity && a.status != http.StatusPreconditionFailed {
					t.Errorf("%s %s %s: %v", row[0], path, body, a)
				}
				if strings.Contains(a.body, theirs) {
					t.Errorf("%s %s tells of another account: %v", row[0], path, a)
				}
			}
		}
	})
	t.Run("calls of the same id", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/v1/calls/call-1", "/v1/events?call_id=call-1", "/v1/attempts"} {
			a := acme.do("GET", path, "")
			if clean(t, path, a); !strings.Contains(a.body, "mine") {
				t.Errorf("%s does not tell of the account's own: %v", path, a)
			}
		}
	})
	t.Run("streams", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/v1/events/stream?backlog=200", "/v1/attempts/stream?backlog=200", "/v1/events/stream?account_id=other&backlog=200"} {
			for _, place := range []string{"", "0", "1", "-1", "9223372036854775807", "9223372036854775808", "1e3", "0x1", "1\tid: 7", "%0a", "' OR 1=1"} {
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+acme.key)
				if place != "" {
					req.Header.Set("Last-Event-ID", place)
				}
				if resp, err := client.Do(req); err == nil {
					got, _ := io.ReadAll(resp.Body) // it goes on until ctx ends
					_ = resp.Body.Close()
					clean(t, path+" "+place, answer{resp.StatusCode, resp.Header, string(got)})
				}
				cancel()
			}
		}
	})
	t.Run("versions", func(t *testing.T) {
		t.Parallel()
		path := "/v1/webhooks/" + mine["webhook"]
		etag := acme.do("GET", path, "").header.Get("ETag")
		for _, h := range []string{`"0"`, `""`, "x", `W/` + etag, etag[:len(etag)-1], `"` + strings.Repeat("z", 9000) + `"`, "\"\t\"", "**", `"*"`} {
			if a := acme.do("PATCH", path, `{"name":"x"}`, "If-Match: "+h); a.status != http.StatusPreconditionFailed {
				t.Errorf("If-Match %.50s: %v", h, a)
			}
		}
		if a := acme.do("DELETE", "/v1/records/extension/none", "", "If-Match: *"); a.status != http.StatusNotFound {
			t.Errorf("If-Match * of what is not there: %v", a)
		}
	})
	t.Run("what metrics are called", func(t *testing.T) {
		t.Parallel()
		if m := s.operator().do("GET", "/metrics", ""); strings.Contains(m.body, theirs) || strings.Contains(m.body, "acme") {
			t.Errorf("metrics have the names of customers")
		}
	})
	t.Run("the audit log", func(t *testing.T) {
		t.Parallel()
		for _, e := range all(acme, "/v1/audit") {
			if fmt.Sprint(e["account_id"]) != "acme" {
				t.Errorf("it tells of another account: %v", e)
			}
			if actor, _ := e["actor"].(map[string]any); actor["above"] == true && len(actor) > 1 {
				t.Errorf("it tells who above did it: %v", e)
			}
		}
	})
}

// Ids that look like paths are names like any other.
func TestIDs(t *testing.T) {
	t.Parallel()
	s := serve(t)
	acme := s.customer("acme")
	acme.must(http.StatusCreated, "PUT", "/v1/records/extension/100", `{"name":"one"}`)
	for i, id := range []string{
		"..", ".", "../extension/100", "/etc/passwd", "a/b", `..\..`, "%2e%2e", "a?b", "a#b", "a b", " ", "a\tb", "a\nb", "a\r\nX-A: b", "a\x00b", "\u202e", "\ufeff", "é", "💥", "e\u0301", "'; DROP TABLE records; --", "<script>alert(1)</script>", "${jndi:ldap://8.8.8.8/a}", "{{7*7}}", strings.Repeat("a", 300), strings.Repeat("é", 5000),
	} {
		path := "/v1/records/extension/" + strings.ReplaceAll(url.PathEscape(id), ".", "%2E")
		put := acme.do("PUT", path, `{"name":"`+strconv.Itoa(i)+`"}`)
		switch put.status {
		case http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusNotFound, http.StatusTemporaryRedirect, http.StatusMethodNotAllowed, http.StatusPermanentRedirect:
			continue // it is none
		case http.StatusCreated:
		default:
			t.Errorf("PUT %.100q: %v", path, put)
			continue
		}
		if got := put.get("id"); got != id {
			t.Errorf("a record called %q is kept as %q", id, got)
		}
		if got := acme.do("GET", path, ""); got.status != http.StatusOK || got.get("id") != id {
			t.Errorf("GET %.100q: %v", path, got)
		}
		acme.do("GET", "/v1/records?schema=extension", "")
		if a := acme.do("DELETE", path, ""); a.status != http.StatusNoContent {
			t.Errorf("DELETE %.100q: %v", path, a)
		}
	}
	if a := acme.do("GET", "/v1/records/extension/100", ""); !strings.Contains(a.body, "one") {
		t.Errorf("another id has changed it: %v", a)
	}
	for _, id := range []string{"..", "a/b", "A", "a b", "a\n", "", strings.Repeat("a", 65), "ä", "a\x00"} {
		for _, row := range [][2]string{{"/v1/accounts", `{"id":%s}`}, {"/v1/sources", `{"kind":"voipbin","id":%s}`}} {
			if a := acme.do("POST", row[0], fmt.Sprintf(row[1], object(id))); a.status == http.StatusCreated && id != "" {
				t.Errorf("POST %s with the id %q: %v", row[0], id, a)
			}
		}
	}
	for _, id := range []string{"a/b", "a b", "a\nb", "é", "a\x00", strings.Repeat("a", 129), "a\u202e"} {
		for _, a := range []answer{
			acme.do("POST", "/v1/events", object(map[string]any{"type": "custom.x", "id": id, "data": map[string]any{}})),
			acme.do("POST", "/v1/events", `{"type":"custom.x","data":{}}`, "Idempotency-Key: "+strings.NewReplacer("\n", "%0a", "\x00", "%00").Replace(id)),
		} {
			if a.status == http.StatusAccepted {
				t.Errorf("an event's id is %q: %v", id, a)
			}
		}
	}
}
