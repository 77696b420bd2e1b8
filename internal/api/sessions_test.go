package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

// signIn signs in, and returns the cookie as a browser sends it back.
func (s *server) signIn(body string) string {
	s.t.Helper()
	res := s.do(request{method: "POST", path: "/v1/session", key: "-", body: body})
	if res.status != 201 {
		s.t.Fatalf("%d %s", res.status, res.body)
	}
	return cookieOf(s.t, res)
}

func cookieOf(t *testing.T, res reply) string {
	t.Helper()
	cookie, err := http.ParseSetCookie(res.header.Get("Set-Cookie"))
	check(t, err)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
		t.Errorf("%+v", cookie)
	}
	return cookie.Name + "=" + cookie.Value
}

// as is a request with a cookie and no key.
func as(cookie string, r request) request {
	header := map[string]string{"Cookie": cookie}
	maps.Copy(header, r.header)
	r.key, r.header = "-", header
	return r
}

const ada = `{"account_id":"acme","login":"Ada@Example.com","role":"developer","password":"correct horse battery"}`

func (s *server) ada() string {
	s.t.Helper()
	var u switchhook.User
	s.ok(201, request{method: "POST", path: "/v1/users", body: ada}, &u)
	return u.ID
}

var (
	ended    = api.Problem{Status: 401, Code: "unauthorized", Detail: "the session has ended; sign in again"}
	noSignIn = api.Problem{Status: 401, Code: "unauthorized", Detail: "the login or the password is wrong"}
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.ada()
	cookie := s.signIn(`{"login":" ada@EXAMPLE.com","password":"correct horse battery"}`)
	var session struct {
		AccountID string    `json:"account_id"`
		UserID    string    `json:"user_id"`
		ExpiresAt time.Time `json:"expires_at"`
		Role      string
	}
	s.ok(200, as(cookie, request{path: "/v1/session"}), &session)
	if session.AccountID != "acme" || session.UserID != id || session.Role != "developer" || time.Until(session.ExpiresAt) < 11*time.Hour {
		t.Errorf("%+v", session)
	}
	// The page asks with the ways in, which are no error for who is nobody.
	for cookie, login := range map[string]string{cookie: "ada@example.com", "switchhook_session=guessed": "", "other=1": ""} {
		var ways struct {
			Password bool
			Session  struct{ Login string }
		}
		s.ok(200, as(cookie, request{path: "/v1/session/ways"}), &ways)
		if !ways.Password || ways.Session.Login != login {
			t.Errorf("%s: %+v", cookie, ways)
		}
	}
	s.ok(201, as(cookie, create(hook)), nil)
	s.problem(as(cookie, request{method: "POST", path: "/v1/api-keys", body: `{"role":"admin"}`}), api.Problem{
		Status: 403, Code: "forbidden", Detail: "the role of this key is developer; create-api-key needs a key of the role admin",
	})
	_, entries := s.audit(request{path: "/v1/audit?user_id=" + id})
	if len(entries) != 2 || entries[0].Actor.Login != "ada@example.com" || entries[0].Action != "create-webhook" || entries[1].Action != "sign-in" {
		t.Errorf("%+v", entries)
	}

	// Wrong ones are all answered the same.
	for _, body := range []string{
		`{"login":"ada@example.com","password":"wrong"}`, `{"login":"nobody@example.com","password":"correct horse battery"}`, `{"login":"ada@example.com"}`,
	} {
		s.problem(request{method: "POST", path: "/v1/session", key: "-", body: body}, noSignIn)
	}
	s.problem(request{method: "POST", path: "/v1/session", key: "-", body: `{"key":"sk_none"}`}, api.Problem{Status: 401, Code: "unauthorized", Detail: "there is no such API key"})
	s.problem(request{method: "POST", path: "/v1/session", key: "-", body: `{"key":"k","code":"c"}`}, api.Problem{Status: 422, Code: "invalid", Detail: "expected login and password, or key, or code"})
	s.problem(as("switchhook_session=guessed", request{path: "/v1/info"}), ended)

	// Another password ends the sessions; another role is in force at once.
	s.ok(200, request{method: "PATCH", path: "/v1/users/" + id, body: `{"role":"viewer"}`}, nil)
	if res := s.do(as(cookie, create(hook))); res.status != 403 {
		t.Errorf("%d %s", res.status, res.body)
	}
	s.ok(200, request{method: "PATCH", path: "/v1/users/" + id, body: `{"password":"another long one"}`}, nil)
	s.problem(as(cookie, request{path: "/v1/info"}), ended)
	cookie = s.signIn(`{"login":"ada@example.com","password":"another long one"}`)

	// Signed out, the cookie is worth nothing, and the browser forgets it.
	res := s.do(as(cookie, request{method: "DELETE", path: "/v1/session"}))
	if res.status != 204 || !strings.Contains(res.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d %q", res.status, res.header.Get("Set-Cookie"))
	}
	s.problem(as(cookie, request{path: "/v1/info"}), ended)

	// A key is a way in, too: the session may what the key may, while there is the key.
	k := s.key(`{"account_id":"acme","role":"viewer"}`)
	cookie = s.signIn(`{"key":"` + k.Key + `"}`)
	s.ok(200, as(cookie, request{path: "/v1/info"}), nil)
	s.ok(204, request{method: "DELETE", path: "/v1/api-keys/" + k.ID}, nil)
	s.problem(as(cookie, request{path: "/v1/info"}), ended)

	// Nothing of it is in the log, the answers or the audit log.
	all := s.log.String() + string(s.do(request{path: "/v1/audit?limit=500"}).body) + string(s.do(request{path: "/v1/users"}).body)
	for _, secret := range []string{"correct horse", "another long", "argon2id", strings.TrimPrefix(cookie, "switchhook_session=")} {
		if strings.Contains(all, secret) {
			t.Errorf("it says %q", secret)
		}
	}
}

// What a page of somebody else's has the browser do is refused, though the cookie goes
// with it; programs with a key are none of that.
func TestOtherPagesChangeNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *api.Options) { o.PublicURL = "https://hooks.example.com/" })
	s.ada()
	cookie := s.signIn(`{"login":"ada@example.com","password":"correct horse battery"}`)
	refused := api.Problem{Status: 403, Code: "forbidden", Detail: "a page of another origin may not do this"}
	for _, header := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
	} {
		r := create(hook)
		r.header = header
		s.problem(as(cookie, r), refused)
		s.problem(as(cookie, request{method: "DELETE", path: "/v1/session", header: header}), refused)
		s.problem(request{method: "POST", path: "/v1/session", key: "-", header: header, body: `{"key":"` + acmeKey + `"}`}, refused)
		s.ok(201, r, nil) // with a key
	}
	for _, header := range []map[string]string{
		nil, {"Sec-Fetch-Site": "same-origin", "Origin": "https://hooks.example.com"}, {"Origin": "https://hooks.example.com"}, {"Origin": "http://example.com"}, // example.com is the test's Host
	} {
		r := create(hook)
		r.header = header
		s.ok(201, as(cookie, r), nil)
	}
	if res := s.do(request{method: "POST", path: "/v1/session", key: "-", body: `{"key":"` + acmeKey + `"}`}); !strings.Contains(res.header.Get("Set-Cookie"), "; Secure") {
		t.Errorf("the cookie of HTTPS goes over plain HTTP too: %q", res.header.Get("Set-Cookie"))
	}
}

func TestPasswordsAreNotGuessed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.ada()
		try := func(password string) int {
			t.Helper()
			return s.do(request{method: "POST", path: "/v1/session", key: "-", body: `{"login":"ada@example.com","password":"` + password + `"}`}).status
		}
		for range 5 {
			if got := try("guess"); got != 401 {
				t.Fatal(got)
			}
		}
		if got := try("correct horse battery"); got != 429 {
			t.Errorf("after five wrong ones: %d", got)
		}
		time.Sleep(10 * time.Second)
		if got := try("correct horse battery"); got != 201 {
			t.Errorf("ten seconds later: %d", got)
		}
		// Many logins from one address.
		got := map[int]int{}
		for i := range 40 {
			got[s.do(request{method: "POST", path: "/v1/session", key: "-", body: `{"login":"u` + string(rune('a'+i%26)) + `","password":"x"}`}).status]++
		}
		if got[429] < 10 {
			t.Errorf("%v", got)
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		id := s.ada()
		cookie := s.signIn(`{"login":"ada@example.com","password":"correct horse battery"}`)
		time.Sleep(12*time.Hour - time.Second)
		s.ok(200, as(cookie, request{path: "/v1/info"}), nil)
		time.Sleep(time.Second)
		s.problem(as(cookie, request{path: "/v1/info"}), ended)
		cookie = s.signIn(`{"login":"ada@example.com","password":"correct horse battery"}`)
		s.ok(200, s.patchAccount("acme", "", `{"suspended":true}`), nil)
		if res := s.do(as(cookie, request{path: "/v1/info"})); res.status != 403 || !strings.Contains(string(res.body), "account_suspended") {
			t.Errorf("%d %s", res.status, res.body)
		}
		s.ok(200, s.patchAccount("acme", "", `{"suspended":false}`), nil)
		s.ok(204, request{method: "DELETE", path: "/v1/users/" + id}, nil)
		s.problem(as(cookie, request{path: "/v1/info"}), ended)
	})
}

// A portal link lets somebody into one account, once and within a minute.
func TestPortalLinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, func(o *api.Options) { o.PublicURL = "https://hooks.example.com" })
		var link struct{ URL, Code string }
		mk := func(body string) {
			t.Helper()
			s.ok(201, request{method: "POST", path: "/v1/portal-links", key: acmeKey, body: body}, &link)
		}
		mk(`{"account_id":"acme-east","role":"viewer","session_for":"10m"}`)
		if link.URL != "https://hooks.example.com/portal?code="+link.Code {
			t.Errorf("%+v", link)
		}
		res := s.do(request{path: strings.TrimPrefix(link.URL, "https://hooks.example.com"), key: "-"})
		if res.status != 303 || res.header.Get("Location") != "/" || res.header.Get("Cache-Control") != "no-store" || res.header.Get("Referrer-Policy") != "no-referrer" {
			t.Fatalf("%d %v %s", res.status, res.header, res.body)
		}
		cookie := cookieOf(t, res)
		var info map[string]any
		s.ok(200, as(cookie, request{path: "/v1/session"}), &info)
		if info["account_id"] != "acme-east" || info["role"] != "viewer" {
			t.Errorf("%v", info)
		}
		s.problem(as(cookie, request{path: "/v1/webhooks?account_id=acme"}), api.Problem{
			Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "account_id", Message: `there is no account "acme" that this key opens`}},
		})
		used := api.Problem{Status: 401, Code: "unauthorized", Detail: "the link was used already, or is older than 60 seconds; ask for another one"}
		s.problem(request{path: "/portal?code=" + link.Code, key: "-"}, used)
		s.problem(request{method: "POST", path: "/v1/session", key: "-", body: `{"code":"` + link.Code + `"}`}, used)
		time.Sleep(10 * time.Minute)
		s.problem(as(cookie, request{path: "/v1/info"}), ended)

		mk(`{}`)
		time.Sleep(time.Minute)
		s.problem(request{path: "/portal?code=" + link.Code, key: "-"}, used)
		mk(`{}`)
		s.signIn(`{"code":"` + link.Code + `"}`)
		if strings.Contains(s.log.String(), link.Code) {
			t.Error("the log has the code")
		}
		s.problem(request{method: "POST", path: "/v1/portal-links", body: `{"role":"ingest"}`}, wrong("role", "expected admin, developer or viewer"))
		s.problem(request{method: "POST", path: "/v1/portal-links", body: `{"session_for":"48h"}`}, wrong("session_for", "expected 1m to 24h"))
	})
}

// A session goes on after a restart.
func TestSessionsAreKept(t *testing.T) {
	t.Parallel()
	var o api.Options
	s := newServer(t, func(options *api.Options) { o = *options })
	s.ada()
	cookie := s.signIn(`{"login":"ada@example.com","password":"correct horse battery"}`)
	handler, err := api.New(api.Options{
		Store: o.Store, Router: o.Router, Engine: o.Engine, IDs: o.IDs, Dialects: o.Dialects, Translators: o.Translators,
	})
	check(t, err)
	again := s.in(t)
	again.handler = handler
	again.ok(200, as(cookie, request{path: "/v1/info"}), nil)
	// What is kept is no way in: neither the cookie nor the password is there.
	kept, err := s.store.Sessions(t.Context())
	check(t, err)
	users, err := s.store.Users(t.Context())
	check(t, err)
	text, err := json.Marshal([]any{kept, users[0].Password})
	check(t, err)
	if strings.Contains(string(text), strings.TrimPrefix(cookie, "switchhook_session=")) || strings.Contains(string(text), "horse") || !strings.Contains(string(text), "$argon2id$v=19$m=64,t=1,p=1$") || api.PasswordCost != [2]uint32{19456, 2} {
		t.Errorf("%s", text)
	}
}

func TestBadUsers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.ada()
	mk := func(body string) request { return request{method: "POST", path: "/v1/users", body: body} }
	s.problem(mk(`{"role":"viewer"}`), wrong("login", "is required: what the user signs in with, such as an e-mail address"))
	for _, login := range []string{"a b", `a\u200bb`, `\u202ea`} { // the last two look like others
		s.problem(mk(`{"login":"`+login+`","role":"viewer"}`), wrong("login", "expected at most 254 bytes without blanks and invisible characters"))
	}
	s.problem(mk(`{"login":"a"}`), wrong("role", "is required: admin, developer or viewer"))
	s.problem(mk(`{"login":"a","role":"ingest"}`), wrong("role", "expected admin, developer or viewer"))
	s.problem(mk(`{"login":"a","role":"viewer","password":"short"}`), wrong("password", "expected at least 10 characters"))
	s.problem(mk(`{"login":"a@example.com","role":"viewer","password":"A@EXAMPLE.com"}`), wrong("password", "is too easy to guess"))
	s.problem(mk(`{"login":"ADA@example.com","role":"viewer"}`), api.Problem{
		Status: 409, Code: "conflict", Errors: []switchhook.FieldError{{Field: "login", Message: `another user has the login "ada@example.com"`}},
	})
	s.problem(request{method: "POST", path: "/v1/users", key: acmeKey, body: `{"login":"x","role":"viewer","account_id":"other"}`}, api.Problem{
		Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "account_id", Message: `there is no account "other" that this key opens`}},
	})
}
