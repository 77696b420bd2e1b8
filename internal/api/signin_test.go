package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/internal/api"
)

func password(body string) request {
	return request{method: "POST", path: "/v1/session/password", body: body}
}

func TestOwnPassword(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		id := s.ada()
		const in = `{"login":"ada@example.com","password":"correct horse battery"}`
		here, elsewhere := s.signIn(in), s.signIn(in)
		key := s.signIn(`{"key":"` + acmeKey + `"}`)
		s.problem(as(here, password(`{"current":"wrong","new":"another long one"}`)), wrong("current", "is not the password"))
		s.problem(as(here, password(`{"current":"correct horse battery","new":"short"}`)), wrong("new", "expected at least 10 characters"))
		time.Sleep(time.Minute)
		s.problem(as(here, password(`{"current":"correct horse battery","new":"correct horse battery"}`)), wrong("new", "is the password that it was"))
		s.problem(as(here, password(`{"current":"correct horse battery","new":"ada@EXAMPLE.com"}`)), wrong("new", "is too easy to guess"))
		s.problem(as(here, request{method: "POST", path: "/v1/session/password", header: map[string]string{"Origin": "https://evil.example"}, body: `{}`}),
			api.Problem{Status: 403, Code: "forbidden", Detail: "a page of another origin may not do this"})
		s.ok(200, as(elsewhere, request{path: "/v1/session"}), nil) // nothing has happened yet

		if res := s.do(as(here, password(`{"current":"correct horse battery","new":"another long one"}`))); res.status != 204 {
			t.Fatalf("%d %s", res.status, res.body)
		}
		s.ok(200, as(here, request{path: "/v1/session"}), nil)
		s.ok(200, as(key, request{path: "/v1/session"}), nil)
		s.problem(as(elsewhere, request{path: "/v1/session"}), ended)
		time.Sleep(time.Minute)
		s.problem(request{method: "POST", path: "/v1/session", key: "-", body: in}, noSignIn)
		s.signIn(`{"login":"ada@example.com","password":"another long one"}`)
		_, entries := s.audit(request{path: "/v1/audit?action=change-password"})
		if len(entries) != 1 || entries[0].Actor.UserID != id || entries[0].ResourceID != id || string(entries[0].After) != `{"password":"********"}` {
			t.Errorf("%+v", entries)
		}

		// A key has none, nor has a user whom only the provider knows.
		none := api.Problem{Status: 409, Code: "conflict", Detail: "only a user who has signed in has a password to change"}
		s.problem(password(`{"current":"x","new":"another long one"}`), none)
		s.problem(as(key, password(`{"current":"x","new":"another long one"}`)), none)

		// Nobody finds out by trying.
		time.Sleep(time.Minute)
		for range 5 {
			s.problem(as(here, password(`{"current":"guess","new":"another long one"}`)), wrong("current", "is not the password"))
		}
		if res := s.do(as(here, password(`{"current":"another long one","new":"correct horse battery"}`))); res.status != 429 {
			t.Errorf("%d %s", res.status, res.body)
		}
	})
}

// What a page needs to know of who looks at it.
func TestSessionsAreDescribed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.ada()
	k := s.key(`{"account_id":"acme","name":"CRM","role":"viewer"}`)
	var link struct{ Code string }
	s.ok(201, request{method: "POST", path: "/v1/portal-links", key: acmeKey, body: `{}`}, &link)
	for body, want := range map[string]string{
		`{"login":"ada@example.com","password":"correct horse battery"}`: `{"account_id":"acme","account_name":"Acme","brand":{},"embedded":false,"has_password":true,"kind":"user","login":"ada@example.com","name":"ada@example.com","role":"developer","user_id":"` + id + `"}`,
		`{"key":"` + k.Key + `"}`:      `{"account_id":"acme","account_name":"Acme","brand":{},"embedded":false,"has_password":false,"kind":"key","name":"CRM","role":"viewer"}`,
		`{"code":"` + link.Code + `"}`: `{"account_id":"acme","account_name":"Acme","brand":{},"embedded":false,"has_password":false,"kind":"portal_link","role":"developer"}`,
	} {
		res := s.do(request{method: "POST", path: "/v1/session", key: "-", body: body})
		again := s.do(as(cookieOf(t, res), request{path: "/v1/session"}))
		if got := withoutExpiry(t, res.body); got != want || withoutExpiry(t, again.body) != want {
			t.Errorf("%s\n%s\n%s", got, again.body, want)
		}
	}
	// By a key, without a session.
	if res := s.do(request{path: "/v1/session", key: k.Key}); strings.Contains(string(res.body), "expires_at") || !strings.Contains(string(res.body), `"kind":"key"`) {
		t.Errorf("%s", res.body)
	}
}

// Who was let in, and who was not, is in the audit log: of many refusals a few, and no
// word that may be a password in the wrong field.
func TestSignInsAreAudited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		id := s.ada()
		try := func(body string) {
			t.Helper()
			s.do(request{method: "POST", path: "/v1/session", key: "-", body: body})
		}
		s.signIn(`{"login":"ada@example.com","password":"correct horse battery"}`)
		try(`{"login":"ada@example.com","password":"wrong"}`)
		try(`{"login":"my secret password","password":"ada@example.com"}`)
		try(`{"key":"sk_none"}`)
		try(`{"code":"none"}`)
		type entry struct{ account, action, id, login, after string }
		var got []entry
		_, entries := s.audit(request{path: "/v1/audit?resource=session"})
		for _, e := range entries {
			got = append(got, entry{e.AccountID, e.Action, e.ResourceID, e.Actor.Login, string(e.After)})
		}
		want := []entry{
			{"root", "refuse-sign-in", "", "", `{"refused":"the link was used already, or is older than 60 seconds; ask for another one","way":"portal_link"}`},
			{"root", "refuse-sign-in", "", "", `{"refused":"there is no such API key","way":"key"}`},
			{"root", "refuse-sign-in", "", "", `{"refused":"the login or the password is wrong","way":"password"}`},
			{"acme", "refuse-sign-in", id, "ada@example.com", `{"refused":"the login or the password is wrong","way":"password"}`},
			{"acme", "sign-in", id, "ada@example.com", `{"way":"password"}`},
		}
		if len(got) != len(want) {
			t.Fatalf("%+v", got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%+v, want %+v", got[i], want[i])
			}
		}
		// Whoever tries all night leaves a few lines.
		for range 200 {
			try(`{"login":"ada@example.com","password":"guess"}`)
			try(`{"key":"sk_none"}`)
		}
		if _, entries := s.audit(request{path: "/v1/audit?resource=session&limit=500"}); len(entries) > 30 {
			t.Errorf("%d entries", len(entries))
		}
	})
}

// withoutExpiry is a session as it is shown, but for when it ends.
func withoutExpiry(t *testing.T, body []byte) string {
	t.Helper()
	var m map[string]any
	check(t, json.Unmarshal(body, &m))
	delete(m, "expires_at")
	b, err := json.Marshal(m)
	check(t, err)
	return string(b)
}
