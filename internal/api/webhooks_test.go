package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

const hook = `{"url":"https://example.com/hook","events":["call.*"]}`

// with is the smallest webhook with some more members.
func with(members string) string {
	return `{"url":"https://example.com/hook","events":["call.*"],` + members + `}`
}

func create(body string) request {
	return request{method: "POST", path: "/v1/webhooks", body: body}
}

// webhook creates one, and returns its id and its members.
func (s *server) webhook(body string) (string, map[string]any) {
	s.t.Helper()
	var w map[string]any
	s.ok(201, create(body), &w)
	return w["id"].(string), w
}

func TestWebhookDefaults(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, w := s.webhook(hook)
	if secret := w["secret"].(string); !strings.HasPrefix(secret, "whsec_") || len(secret) != len("whsec_")+44 {
		t.Errorf("secret %q", secret)
	}
	for _, volatile := range []string{"id", "secret", "created_at", "updated_at"} {
		delete(w, volatile)
	}
	want := map[string]any{
		"account_id": "root", "name": "example.com", "url": "https://example.com/hook", "events": []any{"call.*"}, "dialect": "switchhook",
		"enabled": true, "include_subaccounts": false, "include_internal_legs": true, "retry": map[string]any{"policy": "standard"},
		"timeout": "15s", "max_concurrency": 16.0, "ordering": "key", "hold": "30s", "status": "active", "stats": map[string]any{"pending": 0.0},
		"secrets": []any{map[string]any{"value": "********"}}, "signing": "hmac",
	}
	if d := cmp.Diff(want, w); d != "" {
		t.Error(d)
	}
	// Read again, it is the same, but for the secret.
	var again map[string]any
	s.ok(200, request{path: "/v1/webhooks/" + id}, &again)
	for _, volatile := range []string{"id", "created_at", "updated_at"} {
		delete(again, volatile)
	}
	if d := cmp.Diff(want, again); d != "" {
		t.Error(d)
	}
	// It is in force: an event finds it.
	var got receipts
	s.ok(202, post(`{"type":"call.created","data":{"call":{"id":"7"}}}`), &got)
	if got.Events[0].Deliveries != 1 {
		t.Errorf("%+v", got)
	}
}

func TestWebhookWithEverything(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	secret := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24))
	_, w := s.webhook(`{"account_id":"acme","name":"All","url":"http://example.com:8080/hook?x=1","events":["kazoo:channel_destroy","kazoo:all","voice*","custom.order.*"],
		"dialect":"kazoo","enabled":false,"scope":{"numbers":["+12025550100"]},"include_subaccounts":true,"include_internal_legs":false,
		"custom_data":{"a":"b"},"headers":{"X-Api-Key":"secret","X-Team":"blue"},"auth":{"type":"basic","username":"u","password":"p"},
		"retry":{"schedule":["5s","7d"]},"timeout":"1m","max_concurrency":1,"ordering":"none","hold":"0s","max_age":"30d","secret":"` + secret + `"}`)
	for name, want := range map[string]any{
		"account_id": "acme", "enabled": false, "status": "disabled", "disable_reason": "turned off by its owner",
		"headers": map[string]any{"X-Api-Key": "********", "X-Team": "blue"},
		"auth":    map[string]any{"type": "basic", "username": "u", "password": "********"},
		"retry":   map[string]any{"schedule": []any{"5s", "168h"}}, "timeout": "1m", "hold": "0s", "max_age": "720h", "secret": secret,
	} {
		if d := cmp.Diff(want, w[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	stored, err := s.store.Webhooks(t.Context())
	check(t, err)
	if stored[0].Headers["X-Api-Key"] != "secret" || stored[0].Auth.Password != "p" || stored[0].Secrets[0].Value != secret {
		t.Errorf("%+v", stored[0])
	}
}

func TestBadWebhooks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := func(url string) string { return `{"url":"` + url + `","events":["call.*"]}` }
	on := func(entry string) string { return `{"url":"https://example.com/","events":["` + entry + `"]}` }
	for _, c := range []struct {
		name, body string
		want       api.Problem
	}{
		{"no URL", `{"events":["*"]}`, wrong("url", "is required: where the requests go, such as https://example.com/hook")},
		{"no scheme", at("example.com/hook"), wrong("url", "expected an http or https URL such as https://example.com/hook")},
		{"another scheme", at("ftp://example.com/"), wrong("url", "expected an http or https URL such as https://example.com/hook")},
		{"no host", at("https:///hook"), wrong("url", "expected an http or https URL such as https://example.com/hook")},
		{"no URL at all", at("http://exa mple.com/%zz"), wrong("url", "expected an http or https URL such as https://example.com/hook")},
		{"refused by the guard", at("http://localhost:8080/"), wrong("url", "localhost is not a place that webhooks may reach")},
		{"password in the URL", at("https://u:p@example.com/"), wrong("url", "expected no user and password in the URL; put them in auth")},
		{"a host that is no ASCII", at("http://１２７.0.0.1/"), wrong("url", `expected a host in ASCII; write "１２７.0.0.1" in punycode (xn--…)`)},
		{"too long a host", at("http://" + strings.Repeat("x", 254) + "/"), wrong("url", "expected a host of at most 253 characters")},
		{"no such port", at("http://example.com:65536/"), wrong("url", "expected a port of 1 to 65535, got 65536")},
		{"port 0", at("http://example.com:0/"), wrong("url", "expected a port of 1 to 65535, got 0")},
		{"too long a URL", at("https://example.com/" + strings.Repeat("x", 2048)), wrong("url", "expected at most 2048 characters")},

		{"no events", `{"url":"https://example.com/"}`, wrong("events", `is required: which events, such as ["call.*"]; see /v1/event-types`)},
		{"no such type", on("call.exploded"), wrong("events[0]", `no event type is selected by "call.exploded"; see /v1/event-types`)},
		{"no such family", on("phone.*"), wrong("events[0]", `no event type is selected by "phone.*"; see /v1/event-types`)},
		{"an empty entry", on(""), wrong("events[0]", `no event type is selected by ""; see /v1/event-types`)},
		{"no such dialect of an entry", on("asterisk:Hangup"), wrong("events[0]", `there is no dialect "asterisk"; there is kazoo, switchhook, teli`)},
		{"no such event of a dialect", on("kazoo:channel_explode"), wrong("events[0]", `the dialect kazoo has no event "channel_explode"`)},
		{"too deep", with(`"modifiers":{"x":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}`), wrong("modifiers", "is nested more than 1000 levels deep")},
		{"too long an entry", on(strings.Repeat("*", 257)), wrong("events[0]", "expected at most 256 characters")},
		{"events is text", `{"url":"https://example.com/","events":"*"}`, wrong("events", "expected an array, got a string")},
		{"an entry is a number", `{"url":"https://example.com/","events":["*",5]}`, wrong("events[1]", "expected a string, got a number")},

		{"no such dialect", with(`"dialect":"asterisk"`), wrong("dialect", `there is no dialect "asterisk"; there is kazoo, switchhook, teli`)},
		{"what the dialect does not have", with(`"format":"form"`), wrong("format", "expected json in the dialect switchhook")},
		{"no such field", with(`"colour":"red"`), wrong("colour", "there is no such field")},
		{"no such field within", with(`"auth":{"type":"bearer","tokn":"x"}`), wrong("auth.tokn", "there is no such field")},
		{"case variant", with(`"URL":"http://10.0.0.1/"`), wrong("URL", "there is no such field")},
		{"member twice", with(`"url":"http://10.0.0.1/"`), api.Problem{Status: 400, Code: "malformed", Errors: []switchhook.FieldError{{Field: "url", Message: "the member is there twice"}}}},
		{"read only", with(`"status":"active"`), wrong("status", "there is no such field")},
		{"no JSON", `{"url":`, api.Problem{Status: 400, Code: "malformed", Detail: "the body is no valid JSON: it ends too early"}},
		{"an array", `[]`, api.Problem{Status: 422, Code: "invalid", Detail: "expected a JSON object, got an array"}},
		{"null", `null`, api.Problem{Status: 422, Code: "invalid", Detail: "expected a JSON object, got null"}},
		{"empty", ``, api.Problem{Status: 400, Code: "malformed", Detail: "the body is empty; expected a JSON object"}},
		{"unknown account", with(`"account_id":"nobody"`), api.Problem{
			Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "account_id", Message: `there is no account "nobody" that this key opens`}},
		}},
		{"too large", with(`"name":"` + strings.Repeat("x", 1<<20) + `"`), api.Problem{Status: 413, Code: "too_large", Detail: "the request is over the limit of 1 MiB"}},
		{"name too long", with(`"name":"` + strings.Repeat("x", 201) + `"`), wrong("name", "expected at most 200 characters")},
		{"a fragment", at("https://example.com/#frag"), wrong("url", "expected no #: what follows it is never sent")},
		{
			"the mask as a secret", `{"url":"https://example.com/","events":["call.*"],"dialect":"kazoo","dialect_options":{"version":"v2","sha256_key":"********"}}`,
			wrong("dialect_options.sha256_key", "is the mask that stands for a secret; give the secret itself"),
		},
		{"a filter with a slip", with(`"filter":"call.direction == 'inbound'"`), wrong("filter", "line 1, column 1: there is no call; did you mean data.call?")},
		{"a filter that is no condition", with(`"filter":"'x' + 'y'"`), wrong("filter", "is a string: expected a condition, which is true or false")},
		{"a negative rate limit", with(`"rate_limit":-1`), wrong("rate_limit", "expected a number a second of 0.00001 (about one a day) to 100000, or null for no limit")},
		{"a rate limit that is none", with(`"rate_limit":100000.5`), wrong("rate_limit", "expected a number a second of 0.00001 (about one a day) to 100000, or null for no limit")},
		{"a rate limit of less than one a day", with(`"rate_limit":1e-300`), wrong("rate_limit", "expected a number a second of 0.00001 (about one a day) to 100000, or null for no limit")},
		{"a rate limit as text", with(`"rate_limit":"5/s"`), wrong("rate_limit", "expected a number, got a string")},
		{"paused from the start", with(`"paused_at":"2026-01-01T00:00:00Z"`), wrong("paused_at", "is read only; use POST /v1/webhooks/{id}/pause")},
		{"too many tries", with(`"retry":{"policy":"kazoo","tries":6}`), wrong("retry.tries", "expected 1 to 5, the first one counted")},

		{"reserved header", with(`"headers":{"Host":"x"}`), wrong("headers.Host", "cannot be set; Switchhook sets it itself")},
		{"reserved header in small letters", with(`"headers":{"content-length":"5"}`), wrong("headers.content-length", "cannot be set; Switchhook sets it itself")},
		{"our header", with(`"headers":{"Webhook-Signature":"x"}`), wrong("headers.Webhook-Signature", "cannot be set; Switchhook sets it itself")},
		{"no header name", with(`"headers":{"X Y":"x"}`), wrong("headers.X Y", "is no valid header name (RFC 9110)")},
		{"line break in a header", with(`"headers":{"X":"a\r\nY: b"}`), wrong("headers.X", "is no valid header value: no control characters, and no blanks at its ends")},
		{"header twice", with(`"headers":{"X-a":"1","x-A":"2"}`), wrong("headers.x-A", "is there twice; the case of letters does not count")},
		{"header value is a number", with(`"headers":{"X":5}`), wrong("headers.X", "expected a string, got a number")},

		{"no such mask", with(`"mask":["numbers","names"]`), wrong("mask[1]", "expected numbers or text")},
		{"a mask twice", with(`"mask":["text","text"]`), wrong("mask[1]", "is there twice")},
		{"no such auth", with(`"auth":{"type":"digest"}`), wrong("auth.type", "expected basic, bearer or oauth2")},
		{"basic without user", with(`"auth":{"type":"basic"}`), wrong("auth.username", "is required for basic")},
		{"basic with a colon", with(`"auth":{"type":"basic","username":"a:b"}`), wrong("auth.username", "cannot have a colon (RFC 7617)")},
		{"bearer without token", with(`"auth":{"type":"bearer"}`), wrong("auth.token", "is required for bearer")},
		{"bearer with a user", with(`"auth":{"type":"bearer","token":"x","username":"u"}`), wrong("auth.username", "is for basic only")},
		{"bearer with a line break", with(`"auth":{"type":"bearer","token":"a\nb"}`), wrong("auth.token", "cannot have control characters, or blanks at its ends")},

		{"no such policy", with(`"retry":{"policy":"often"}`), wrong("retry.policy", "expected standard, none or kazoo")},
		{"policy and schedule", with(`"retry":{"policy":"none","schedule":["5s"]}`), wrong("retry", "give policy or schedule, not both")},
		{"an empty schedule", with(`"retry":{"schedule":[]}`), wrong("retry.schedule", "expected 1 to 50 entries; for no retries use the policy none")},
		{"too long a schedule", with(`"retry":{"schedule":["1s"` + strings.Repeat(`,"1s"`, 50) + `]}`), wrong("retry.schedule", "expected 1 to 50 entries; for no retries use the policy none")},
		{"too long a wait", with(`"retry":{"schedule":["1s","8d"]}`), wrong("retry.schedule[1]", "expected at most 7d")},
		{"tries without the policy", with(`"retry":{"policy":"none","tries":2}`), wrong("retry.tries", "only the policy kazoo has it")},
		{"no duration", with(`"timeout":"soon"`), wrong("timeout", `"soon" is not a duration such as 15s, 72h or 30d`)},
		{"a duration as number", with(`"timeout":15`), wrong("timeout", "expected a duration as text, such as 15s or 72h, got a number")},
		{"too short a timeout", with(`"timeout":"0s"`), wrong("timeout", "expected 1s to 60s")},
		{"too long a timeout", with(`"timeout":"61s"`), wrong("timeout", "expected 1s to 60s")},
		{"no concurrency", with(`"max_concurrency":0`), wrong("max_concurrency", "expected 1 to 256")},
		{"half a request", with(`"max_concurrency":1.5`), wrong("max_concurrency", "expected a whole number, got a number")},
		{"no such order", with(`"ordering":"random"`), wrong("ordering", "expected key or none")},
		{"too long a hold", with(`"hold":"2h"`), wrong("hold", "expected 0s to 1h")},
		{"too short an age", with(`"max_age":"10ms"`), wrong("max_age", "expected at least 1s")},
		{"an empty number", with(`"scope":{"numbers":["1",""]}`), wrong("scope.numbers[1]", "expected a string that is not empty")},
		{"a secret without prefix", with(`"secret":"abc"`), wrong("secret", "expected whsec_ and the base64 of 24 to 64 bytes")},
		{"a secret with a line break", with(`"secret":"whsec_` + strings.Repeat("A", 32) + `\n"`), wrong("secret", "expected whsec_ and the base64 of 24 to 64 bytes")},
		{"too short a secret", with(`"secret":"whsec_AAAA"`), wrong("secret", "expected whsec_ and the base64 of 24 to 64 bytes, got 3 bytes")},
		{"several at once", `{"url":"x","events":["nope","call.*"],"timeout":"2m"}`, api.Problem{
			Status: 422, Code: "invalid", Detail: "url: expected an http or https URL such as https://example.com/hook (and 2 more)",
			Errors: []switchhook.FieldError{
				{Field: "url", Message: "expected an http or https URL such as https://example.com/hook"},
				{Field: "events[0]", Message: `no event type is selected by "nope"; see /v1/event-types`},
				{Field: "timeout", Message: "expected 1s to 60s"},
			},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s.in(t).problem(create(c.body), c.want)
		})
	}
	t.Cleanup(func() { // after the parallel cases
		if list, err := s.store.Webhooks(context.Background()); err != nil || len(list) != 0 {
			t.Errorf("%d webhooks of refused requests are kept (%v)", len(list), err)
		}
	})
	s.problem(request{method: "POST", path: "/v1/webhooks", body: hook, header: map[string]string{"Content-Type": "text/plain"}}, api.Problem{
		Status: 415, Code: "unsupported_media_type", Errors: []switchhook.FieldError{{Field: "Content-Type", Message: "send application/json, not text/plain"}},
	})
}

func TestWebhookPatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, patch string
		want              map[string]any // what changes
		gone              []string
	}{
		{"one field", hook, `{"name":"New"}`, map[string]any{"name": "New"}, nil},
		{"nothing", hook, `{}`, map[string]any{}, nil},
		{"a list as a whole", hook, `{"events":["voicemail.*"]}`, map[string]any{"events": []any{"voicemail.*"}}, nil},
		{"back to the default", with(`"timeout":"3s","hold":"0s"`), `{"timeout":null,"hold":null}`, map[string]any{"timeout": "15s", "hold": "30s"}, nil},
		{"a member of an object", with(`"headers":{"A":"1","B":"2"}`), `{"headers":{"A":"3","B":null,"C":"4"}}`, map[string]any{"headers": map[string]any{"A": "3", "C": "4"}}, nil},
		{"an object out", with(`"headers":{"A":"1"},"auth":{"type":"bearer","token":"t"}`), `{"headers":null,"auth":null}`, map[string]any{}, []string{"headers", "auth"}},
		{"off", hook, `{"enabled":false}`, map[string]any{"enabled": false, "status": "disabled", "disable_reason": "turned off by its owner"}, nil},
		{"on", with(`"enabled":false`), `{"enabled":true}`, map[string]any{"enabled": true, "status": "active"}, []string{"disable_reason"}},
		{"a schedule for a policy", hook, `{"retry":{"schedule":["5s"]}}`, map[string]any{"retry": map[string]any{"schedule": []any{"5s"}}}, nil},
		{"Kazoo's policy", hook, `{"retry":{"policy":"kazoo"}}`, map[string]any{"retry": map[string]any{"policy": "kazoo", "tries": 2.0}}, nil},
		{"its tries stay", with(`"retry":{"policy":"kazoo","tries":3}`), `{"name":"x"}`, map[string]any{"name": "x"}, nil},
		{"a policy for a schedule", with(`"retry":{"schedule":["5s"]}`), `{"retry":{"policy":"none"}}`, map[string]any{"retry": map[string]any{"policy": "none"}}, nil},
		{
			"another kind of auth", with(`"auth":{"type":"basic","username":"u","password":"p"}`), `{"auth":{"type":"bearer","token":"t"}}`,
			map[string]any{"auth": map[string]any{"type": "bearer", "token": "********"}},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			id, want := s.webhook(c.body)
			var got map[string]any
			s.ok(200, request{
				method: "PATCH", path: "/v1/webhooks/" + id, body: c.patch,
				header: map[string]string{"Content-Type": "application/merge-patch+json"},
			}, &got)
			maps.Copy(want, c.want)
			for _, name := range append(c.gone, "secret", "updated_at") {
				delete(want, name)
			}
			delete(got, "updated_at")
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWebhookPatchKeepsMaskedSecrets(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, _ := s.webhook(with(`"headers":{"X-Token":"t1","X-Team":"blue"},"auth":{"type":"basic","username":"u","password":"p"}`))
	// What was read is sent back, with one change.
	var shown map[string]json.RawMessage
	s.ok(200, request{path: "/v1/webhooks/" + id}, &shown)
	s.ok(200, request{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"headers":` + string(shown["headers"]) + `,"auth":` + string(shown["auth"]) + `,"name":"New"}`}, nil)
	stored, err := s.store.Webhooks(t.Context())
	check(t, err)
	if w := stored[0]; w.Headers["X-Token"] != "t1" || w.Auth.Password != "p" || w.Name != "New" {
		t.Errorf("%+v %+v", w, w.Auth)
	}
}

func TestBadWebhookPatches(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, _ := s.webhook(hook)
	path := "/v1/webhooks/" + id
	before, err := s.store.Webhooks(t.Context())
	check(t, err)
	for patch, want := range map[string]api.Problem{
		`{"url":"http://localhost/"}`: wrong("url", "localhost is not a place that webhooks may reach"),
		`{"url":null}`:                wrong("url", "is required: where the requests go, such as https://example.com/hook"),
		`{"URL":"https://x.example"}`: wrong("URL", "there is no such field"),
		`{"id":"wh_x"}`:               wrong("id", "there is no such field"),
		`{"colour":null}`:             wrong("colour", "there is no such field"),
		`{"scope":{"number":null}}`:   wrong("scope.number", "there is no such field"),
		`{"timeout":"1h"}`:            wrong("timeout", "expected 1s to 60s"),
		`{"account_id":"acme"}`:       wrong("account_id", "cannot be changed"),
		`{"secret":"whsec_x"}`:        wrong("secret", "cannot be changed here; use POST "+path+"/rotate-secret"),
		`{"name":"a","name":"b"}`:     {Status: 400, Code: "malformed", Errors: []switchhook.FieldError{{Field: "name", Message: "the member is there twice"}}},
		`[]`:                          {Status: 422, Code: "invalid", Detail: "expected a JSON object, got an array"},
		``:                            {Status: 400, Code: "malformed", Detail: "the body is empty; expected a JSON object"},
	} {
		s.problem(request{method: "PATCH", path: path, body: patch}, want)
	}
	after, err := s.store.Webhooks(t.Context())
	check(t, err)
	if d := cmp.Diff(before, after); d != "" {
		t.Error(d)
	}
}

func TestWebhooksOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	theirs, _ := s.webhook(with(`"account_id":"other"`))
	mine, _ := s.webhook(with(`"account_id":"acme-east"`))
	for _, r := range []request{
		{path: "/v1/webhooks/" + theirs},
		{method: "PATCH", path: "/v1/webhooks/" + theirs, body: `{"name":"x"}`},
		{method: "DELETE", path: "/v1/webhooks/" + theirs},
		{method: "POST", path: "/v1/webhooks/" + theirs + "/test"},
		{method: "POST", path: "/v1/webhooks/" + theirs + "/rotate-secret"},
		{path: "/v1/webhooks/" + theirs + "/preview"},
	} {
		r.key = acmeKey
		s.problem(r, api.Problem{Status: 404, Code: "not_found", Detail: `there is no webhook "` + theirs + `"`})
	}
	var page struct {
		Items []struct{ ID string }
	}
	s.ok(200, request{path: "/v1/webhooks", key: acmeKey}, &page)
	if len(page.Items) != 1 || page.Items[0].ID != mine {
		t.Errorf("%+v", page)
	}
	s.ok(200, request{path: "/v1/webhooks?account_id=acme", key: acmeKey}, &page)
	if len(page.Items) != 0 {
		t.Errorf("%+v", page)
	}
}

func TestWebhookDelete(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, _ := s.webhook(hook)
	s.ok(204, request{method: "DELETE", path: "/v1/webhooks/" + id}, nil)
	s.problem(request{method: "DELETE", path: "/v1/webhooks/" + id}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no webhook "` + id + `"`})
	var got receipts
	s.ok(202, post(`{"type":"call.created","data":{"call":{"id":"7"}}}`), &got)
	if got.Events[0].Deliveries != 0 {
		t.Errorf("%+v", got)
	}
}

func TestRotateSecret(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, w := s.webhook(hook)
	first := w["secret"].(string)
	path := "/v1/webhooks/" + id + "/rotate-secret"
	var got struct {
		Secret  string
		Secrets []struct {
			Value     string
			ExpiresAt time.Time `json:"expires_at"`
		}
	}
	s.ok(200, request{method: "POST", path: path}, &got)
	if got.Secret == first || len(got.Secrets) != 2 || got.Secrets[0].Value != "********" || !got.Secrets[0].ExpiresAt.IsZero() {
		t.Errorf("%+v", got)
	}
	if left := time.Until(got.Secrets[1].ExpiresAt); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("the old secret signs for another %s", left)
	}
	second := got.Secret
	given := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 64)))
	s.ok(200, request{method: "POST", path: path, body: `{"secret":"` + given + `"}`}, &got)
	stored, err := s.store.Webhooks(t.Context())
	check(t, err)
	var values []string
	for _, secret := range stored[0].Secrets {
		values = append(values, secret.Value)
	}
	if d := cmp.Diff([]string{given, second, first}, values); d != "" {
		t.Error(d)
	}
	s.problem(request{method: "POST", path: path, body: `{"secret":"short"}`}, wrong("secret", "expected whsec_ and the base64 of 24 to 64 bytes"))
	var shown map[string]any
	s.ok(200, request{path: "/v1/webhooks/" + id}, &shown)
	if shown["secret"] != nil {
		t.Errorf("the secret is shown again: %v", shown["secret"])
	}
}

func TestWebhookTest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, _ := s.webhook(`{"url":"https://example.com/","events":["custom.*","voicemail.new"],"account_id":"acme"}`)
	path := "/v1/webhooks/" + id + "/test"
	var at switchhook.Attempt
	s.ok(200, request{method: "POST", path: path}, &at)
	if at.EventType != "voicemail.new" || at.AccountID != "acme" || at.Response.Body != "bytes that are no text: \uFFFD" {
		t.Errorf("%+v %+v", at, at.Response)
	}
	s.ok(200, request{method: "POST", path: path, body: `{"type":"call.hungup"}`}, &at)
	if at.EventType != "call.hungup" {
		t.Errorf("%+v", at)
	}
	if n := s.events(); n != 0 {
		t.Errorf("a test has kept %d events", n)
	}
	s.problem(request{method: "POST", path: path, body: `{"type":"call.exploded"}`}, api.Problem{
		Status: 422, Code: "unknown_type", Errors: []switchhook.FieldError{{Field: "type", Message: `there is no event type "call.exploded"; see /v1/event-types`}},
	})
	s.problem(request{method: "POST", path: path, body: `{"typ":"x"}`}, wrong("typ", "there is no such field"))

	custom, _ := s.webhook(`{"url":"https://example.com/","events":["custom.order.*"]}`)
	s.ok(200, request{method: "POST", path: "/v1/webhooks/" + custom + "/test"}, &at)
	if at.EventType != "custom.order.test" {
		t.Errorf("%+v", at)
	}
	hook, _ := s.webhook(`{"url":"https://example.com/","events":["*"],"dialect":"kazoo"}`)
	s.problem(request{method: "POST", path: "/v1/webhooks/" + hook + "/test", body: `{"type":"call.ringing"}`}, wrong("type", "the dialect kazoo has nothing for call.ringing"))
	names, _ := s.webhook(`{"url":"https://example.com/","events":["kazoo:channel_destroy"],"dialect":"kazoo"}`)
	s.ok(200, request{method: "POST", path: "/v1/webhooks/" + names + "/test"}, &at)
	if at.EventType != "call.hungup" {
		t.Errorf("%+v", at)
	}
}

func TestWebhookPreview(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, _ := s.webhook(with(`"account_id":"acme","include_subaccounts":true`))
	s.ok(202, post(`[{"id":"e1","type":"call.created","account_id":"acme-east","data":{"call":{"id":"7"}}},{"id":"e2","type":"custom.x","account_id":"other","data":{}}]`), nil)
	path := "/v1/webhooks/" + id + "/preview"
	var got switchhook.HTTPRequest
	s.ok(200, request{path: path}, &got)
	if !strings.HasPrefix(got.Body, "call.created evt_") {
		t.Errorf("%+v", got)
	}
	s.ok(200, request{path: path + "?type=call.hungup"}, &got)
	if !strings.HasPrefix(got.Body, "call.hungup evt_") {
		t.Errorf("%+v", got)
	}
	s.ok(200, request{path: path + "?event_id=e1"}, &got)
	if got.Body != "call.created e1" {
		t.Errorf("%+v", got)
	}
	s.problem(request{path: path + "?type=nope"}, api.Problem{
		Status: 422, Code: "unknown_type", Errors: []switchhook.FieldError{{Field: "type", Message: `there is no event type "nope"; see /v1/event-types`}},
	})
	s.problem(request{path: path + "?event_id=e2"}, api.Problem{
		Status: 404, Code: "not_found", Errors: []switchhook.FieldError{{Field: "event_id", Message: `the webhook's account has no event "e2"`}},
	})
	s.problem(request{path: path + "?event_id=e1&type=call.created"}, wrong("event_id", "give type or event_id, not both"))
}

// A new webhook's preview says what its filter makes of the samples.
func TestPreviewTriesTheFilter(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var got struct {
		Body    string
		Samples []struct {
			Type, Error string
			Match       bool
		}
	}
	hook := func(filter string) string {
		return `{"webhook":{"url":"https://example.com/hook","events":["call.created","call.hungup"],"dialect":"switchhook","filter":` + strconv.Quote(filter) + `},"type":"call.hungup"}`
	}
	preview := func(filter string) request {
		return request{method: "POST", path: "/v1/webhooks/preview", body: hook(filter)}
	}
	s.ok(200, preview(""), &got)
	if len(got.Samples) != 0 || !strings.HasPrefix(got.Body, "call.hungup evt_") {
		t.Errorf("%+v", got)
	}
	s.ok(200, preview(`data.call.hangup_reason == "normal"`), &got)
	if len(got.Samples) != 2 || got.Samples[0].Match || got.Samples[0].Error == "" || !got.Samples[1].Match || got.Samples[1].Error != "" {
		t.Errorf("%+v", got)
	}
	got.Samples = nil
	s.ok(200, preview(`event.type == "call.created"`), &got)
	if len(got.Samples) != 2 || !got.Samples[0].Match || got.Samples[1].Match || got.Samples[1].Error != "" {
		t.Errorf("%+v", got)
	}
}
