package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/openid"
	"github.com/switchhook/switchhook/internal/openid/openidtest"
)

// A browser is one at the real server, with its cookies. It follows redirects.
type browser struct {
	t    *testing.T
	http *http.Client
	base string
}

// newBrowser is another browser at the same server.
func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	check(t, err)
	return &browser{t, &http.Client{Jar: jar, Timeout: 10 * time.Second}, base}
}

// visit opens a page, and returns where the browser ends and what it shows.
func (b *browser) visit(path string) (at string, status int, body string, header http.Header) {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.base + path
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, path, nil)
	check(b.t, err)
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	res, err := b.http.Do(req)
	check(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(b.t, err)
	return strings.TrimPrefix(res.Request.URL.String(), b.base), res.StatusCode, string(text), res.Header
}

// stop lets the browser follow redirects to its own server no more, and returns where the
// next visit is sent to at last.
func (b *browser) stop(path string) string {
	b.t.Helper()
	follow := b.http.CheckRedirect
	defer func() { b.http.CheckRedirect = follow }()
	var last string
	b.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		last = r.URL.String()
		if strings.HasPrefix(last, b.base) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	b.visit(path)
	return last
}

// session is what the server says of the browser; nil: nobody is signed in.
func (b *browser) session() map[string]any {
	b.t.Helper()
	_, status, body, _ := b.visit("/v1/session")
	if status != http.StatusOK {
		return nil
	}
	var session map[string]any
	check(b.t, json.Unmarshal([]byte(body), &session))
	return session
}

// withOpenID is a server at a real address, with a provider.
func withOpenID(t *testing.T) (*server, *openidtest.Provider, *browser) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	base := "http://" + listener.Addr().String()
	op := openidtest.New(t, base+"/signin/oidc/callback")
	s := newServer(t, func(o *api.Options) {
		o.PublicURL, o.OpenIDName = base, "Example"
		o.OpenID = openid.New(openid.Options{
			Issuer: op.URL, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, Scopes: []string{"email"},
			Redirect: base + "/signin/oidc/callback", Client: &http.Client{Timeout: 10 * time.Second},
		})
		o.Web = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the page") })
	})
	web := &http.Server{Handler: s.handler, ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return t.Context() }}
	done := make(chan error, 1)
	go func() { done <- web.Serve(listener) }()
	t.Cleanup(func() {
		_ = web.Close()
		<-done
	})
	return s, op, newBrowser(t, base)
}

func person(sub, email string, verified bool) map[string]any {
	return map[string]any{"sub": sub, "email": email, "email_verified": verified}
}

func TestSignInAtTheProvider(t *testing.T) {
	t.Parallel()
	s, op, b := withOpenID(t)
	id := s.ada()
	var ways map[string]any
	s.ok(200, request{path: "/v1/session/ways", key: "-"}, &ways)
	if got := fmt.Sprint(ways["oidc"]); got != "map[name:Example url:/signin/oidc]" {
		t.Error(got)
	}

	op.Person(person("s-1", "ADA@example.com", true))
	at, status, body, _ := b.visit("/signin/oidc?return=" + url.QueryEscape("/webhooks?x=1#y"))
	if at != "/webhooks?x=1#y" || status != 200 || body != "the page" {
		t.Fatalf("%s %d %s", at, status, body)
	}
	if got := b.session(); got["user_id"] != id || got["kind"] != "user" || got["role"] != "developer" {
		t.Errorf("%v", got)
	}
	_, entries := s.audit(request{path: "/v1/audit?resource=session"})
	if len(entries) != 1 || entries[0].Action != "sign-in" || entries[0].Actor.Login != "ada@example.com" || string(entries[0].After) != `{"way":"oidc"}` || entries[0].Actor.Address != "127.0.0.1" {
		t.Errorf("%+v", entries)
	}
	// The cookie that bound the sign-in to the browser is gone with it.
	u, err := url.Parse(b.base + "/signin/oidc/callback")
	check(t, err)
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name != "switchhook_session" {
			t.Errorf("%+v", c)
		}
	}

	// Once it is said whom the provider knows her as, her e-mail address lets nobody in, and
	// she comes in whatever it is.
	s.ok(200, request{method: "PATCH", path: "/v1/users/" + id, body: `{"oidc_subject":"s-2"}`}, nil)
	if b.session() != nil {
		t.Error("she is signed in as whom the provider knew her before")
	}
	if _, status, body, _ := b.visit("/signin/oidc"); status != 403 || !strings.Contains(body, "ada@example.com, subject s-1") {
		t.Errorf("%d %s", status, body)
	}
	op.Person(person("s-2", "other@example.com", false))
	if at, _, _, _ := b.visit("/signin/oidc"); at != "/" || b.session()["user_id"] != id {
		t.Errorf("%s %v", at, b.session())
	}
	// No two users are the same there.
	s.problem(request{method: "POST", path: "/v1/users", body: `{"login":"b","role":"viewer","oidc_subject":"s-2"}`}, conflict("oidc_subject", `another user has the oidc_subject "s-2"`))
	s.problem(request{method: "POST", path: "/v1/users", body: `{"login":"b","role":"viewer","oidc_subject":"s 2"}`}, wrong("oidc_subject", "expected at most 255 printable ASCII characters without blanks"))
	// A customer who may make users does not say which stranger they are; what it sends back as
	// it read it is no change.
	ofOperator := forbidden("oidc_subject", "only the operator's keys say whom the OpenID provider knows a user as")
	s.problem(request{method: "POST", path: "/v1/users", key: acmeKey, body: `{"login":"b","role":"viewer","oidc_subject":"s-3"}`}, ofOperator)
	s.problem(request{method: "PATCH", path: "/v1/users/" + id, key: acmeKey, body: `{"oidc_subject":null}`}, ofOperator)
	s.ok(200, request{method: "PATCH", path: "/v1/users/" + id, key: acmeKey, body: `{"name":"Ada","oidc_subject":"s-2"}`}, nil)
}

// Who is no user here does not become one; nor does anybody come in with an address that
// the provider has not verified, or into an account that is suspended.
func TestStrangersStayOutside(t *testing.T) {
	t.Parallel()
	s, op, b := withOpenID(t)
	s.ada()
	for _, c := range []struct {
		person map[string]any
		want   string
	}{
		{person("s-1", "eve@example.com", true), "The OpenID provider knows you as eve@example.com, subject s-1, and there is no such user here"},
		{person("s-1", "ada@example.com", false), "The OpenID provider knows you as the subject s-1 and without a verified e-mail address"},
		{map[string]any{"sub": "ada@example.com"}, "without a verified e-mail address"},
		{person("<script>alert(1)</script>", "", false), "&lt;script&gt;alert(1)&lt;/script&gt;"},
	} {
		op.Person(c.person)
		at, status, body, header := b.visit("/signin/oidc")
		if status != 403 || !strings.HasPrefix(at, "/signin/oidc/callback?") || !strings.Contains(body, c.want) || strings.Contains(body, "<script>") {
			t.Errorf("%s %d %s", at, status, body)
		}
		if csp := header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || !strings.Contains(csp, "frame-ancestors 'none'") || header.Get("Content-Type") != "text/html; charset=utf-8" ||
			header.Get("Cache-Control") != "no-store" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%v", header)
		}
		if b.session() != nil {
			t.Fatalf("%v is signed in", c.person)
		}
	}
	op.Person(person("s-1", "ada@example.com", true))
	s.ok(200, s.patchAccount("acme", "", `{"suspended":true}`), nil)
	if _, status, body, _ := b.visit("/signin/oidc"); status != 403 || !strings.Contains(body, "The account acme is suspended") || b.session() != nil {
		t.Errorf("%d %s", status, body)
	}
	var users struct{ Items []any }
	s.ok(200, request{path: "/v1/users"}, &users)
	if len(users.Items) != 1 {
		t.Errorf("there are %d users", len(users.Items))
	}
	_, entries := s.audit(request{path: "/v1/audit?action=refuse-sign-in"})
	if len(entries) != 5 || entries[0].AccountID != "acme" || entries[4].AccountID != "root" || !strings.Contains(string(entries[4].After), "eve@example.com") {
		t.Errorf("%+v", entries)
	}
}

// What was begun in one browser does not end in another, nor twice; nor does anybody get
// far with answers that they have made up.
func TestSignInsAreOfOneBrowser(t *testing.T) {
	t.Parallel()
	s, op, b := withOpenID(t)
	s.ada()
	op.Person(person("s-1", "ada@example.com", true))
	const elsewhere = "The sign-in was not begun in this browser, or is over; begin again."
	theirs := b.stop("/signin/oidc") // the attacker stops before coming back, and has somebody else go there
	victim := newBrowser(t, b.base)
	if _, status, body, _ := victim.visit(theirs); status != 401 || !strings.Contains(body, elsewhere) || victim.session() != nil {
		t.Errorf("%d %s", status, body)
	}
	own := victim.stop("/signin/oidc")
	if _, status, body, _ := victim.visit(theirs); status != 401 || !strings.Contains(body, elsewhere) || victim.session() != nil {
		t.Errorf("%d %s", status, body)
	}
	if _, status, _, _ := victim.visit(own); status != 401 || victim.session() != nil { // the cookie was good once, for that
		t.Errorf("%d", status)
	}
	if at, _, _, _ := b.visit(theirs); at != "/" || b.session() == nil {
		t.Error("nor is the one let in who began")
	}
	if _, status, body, _ := b.visit(theirs); status != 401 || !strings.Contains(body, elsewhere) {
		t.Errorf("%d %s", status, body)
	}

	// What the provider says is shown, and is no HTML.
	op.Refuse(url.Values{"error": {"access_denied"}, "error_description": {"<b>no</b>"}})
	if _, status, body, _ := victim.visit("/signin/oidc"); status != 401 || !strings.Contains(body, "access_denied (&lt;b&gt;no&lt;/b&gt;)") {
		t.Errorf("%d %s", status, body)
	}
	// And what it says to nobody who has asked is not.
	if _, _, body, _ := victim.visit("/signin/oidc/callback?error=call+0900-SCAM&state=x"); strings.Contains(body, "SCAM") {
		t.Error(body)
	}
	// A token that is not good is for the log.
	op.Refuse(nil)
	op.Forge(openidtest.Unsigned)
	if _, status, body, _ := victim.visit("/signin/oidc"); status != 401 || !strings.Contains(body, "could not be verified; the log says why") {
		t.Errorf("%d %s", status, body)
	}
	if !strings.Contains(s.log.String(), `unexpected signature algorithm`) {
		t.Error("the log does not say why")
	}
	// Many at once are refused.
	last := 0
	for range 30 {
		_, last, _, _ = victim.visit("/signin/oidc/callback?state=x")
	}
	if last != http.StatusTooManyRequests {
		t.Error(last)
	}
}

// After signing in a browser goes to a page of ours and nowhere else.
func TestWhereABrowserComesBackTo(t *testing.T) {
	t.Parallel()
	_, op, b := withOpenID(t)
	op.Person(person("s-1", "eve@example.com", true))
	s := newServer(t, func(o *api.Options) {
		o.OpenID = provider{}
		o.PublicURL = "https://hooks.example.com"
	})
	s.ada()
	for back, want := range map[string]string{
		"": "/", "/": "/", "/webhooks/wh_1?tab=x#y": "/webhooks/wh_1?tab=x#y",
		"//evil.example": "/", `/\evil.example`: "/", "https://evil.example": "/", "evil": "/", "javascript:alert(1)": "/", "/\t/evil.example": "/", "/a\r\nSet-Cookie:x=y": "/",
		"/" + strings.Repeat("a", 1000): "/",
	} {
		res := s.do(request{path: "/signin/oidc?return=" + url.QueryEscape(back), key: "-"})
		cookie, err := http.ParseSetCookie(res.header.Get("Set-Cookie"))
		check(t, err)
		if res.status != 303 || res.header.Get("Location") != "https://login.example/auth" || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/signin/oidc" || cookie.MaxAge != 600 {
			t.Errorf("%d %v %+v", res.status, res.header, cookie)
		}
		res = s.do(as(cookie.Name+"="+cookie.Value, request{path: "/signin/oidc/callback?code=x"}))
		if got := res.header.Get("Location"); res.status != 303 || got != want {
			t.Errorf("%q: %d to %q, want %q", back, res.status, got, want)
		}
	}
	// Not even if the cookie says so.
	res := s.do(as("switchhook_oidc=secret.Ly9ldmlsLmV4YW1wbGU", request{path: "/signin/oidc/callback?code=x"}))
	if got := res.header.Get("Location"); got != "/" {
		t.Error(got)
	}
	if at := b.stop("/signin/oidc?return=//evil.example"); strings.Contains(at, "evil") {
		t.Error(at)
	}
}

// provider is one that lets Ada in at once: of it only the way back is of interest.
type provider struct{}

func (provider) Begin(context.Context, string) (string, error) {
	return "https://login.example/auth", nil
}

func (provider) Finish(context.Context, string, url.Values) (subject, email string, err error) {
	return "s-1", "ada@example.com", nil
}

func TestNoProvider(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.problem(request{path: "/signin/oidc", key: "-"}, api.Problem{Status: 404, Code: "not_found", Detail: "this server has no OpenID provider to sign in at"})
	var ways map[string]any
	s.ok(200, request{path: "/v1/session/ways", key: "-"}, &ways)
	if _, has := ways["oidc"]; has || ways["password"] != true {
		t.Errorf("%v", ways)
	}

	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	s = newServer(t, func(o *api.Options) {
		o.OpenID = openid.New(openid.Options{Issuer: down.URL, ClientID: "x", Client: &http.Client{Timeout: 10 * time.Second}})
	})
	res := s.do(request{path: "/signin/oidc", key: "-", header: map[string]string{"Accept": "text/html"}})
	if res.status != 503 || !strings.Contains(string(res.body), "<h1>Signing in does not work at the moment</h1>") || res.header.Get("Retry-After") == "" || !strings.Contains(s.log.String(), "refused") {
		t.Errorf("%d %s", res.status, res.body)
	}
}

// conflict is the problem of a field whose value is taken.
func conflict(field, message string) api.Problem {
	return api.Problem{Status: 409, Code: "conflict", Errors: []switchhook.FieldError{{Field: field, Message: message}}}
}
