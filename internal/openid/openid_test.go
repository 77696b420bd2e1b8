package openid_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/openid"
	"github.com/switchhook/switchhook/internal/openid/openidtest"
)

const redirect = "http://127.0.0.1:1/signin/oidc/callback"

func start(t *testing.T) (*openidtest.Provider, *openid.Provider) {
	t.Helper()
	op := openidtest.New(t, redirect)
	op.Person(map[string]any{"sub": "s-1", "email": "ada@example.com", "email_verified": true})
	return op, ours(op.URL)
}

func ours(issuer string) *openid.Provider {
	return openid.New(openid.Options{
		Issuer: issuer, ClientID: openidtest.ClientID, ClientSecret: openidtest.ClientSecret, Scopes: []string{"openid", "email"}, Redirect: redirect,
		Client: &http.Client{Timeout: 10 * time.Second},
	})
}

// visit goes to the provider and returns what the browser is sent back with.
func visit(t *testing.T, p *openid.Provider, secret string) url.Values {
	t.Helper()
	to, err := p.Begin(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil || !strings.HasPrefix(back.String(), redirect+"?") {
		t.Fatalf("%d %v %v", res.StatusCode, back, err)
	}
	return back.Query()
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	op, p := start(t)
	for _, c := range []struct {
		name  string
		email any
		ok    any
		want  string
	}{
		{"verified", "ada@example.com", true, "ada@example.com"},
		{"as text", "ada@example.com", "true", "ada@example.com"},
		{"not verified", "ada@example.com", false, ""},
		{"not, as text", "ada@example.com", "false", ""},
		{"a number", "ada@example.com", 1, ""},
		{"nothing said", "ada@example.com", nil, ""},
	} {
		op.Person(map[string]any{"sub": "s-1", "email": c.email, "email_verified": c.ok})
		subject, email, err := p.Finish(t.Context(), "secret", visit(t, p, "secret"))
		if subject != "s-1" || email != c.want || err != nil {
			t.Errorf("%s: %q %q %v", c.name, subject, email, err)
		}
	}
}

func TestEmailByUserInfo(t *testing.T) {
	t.Parallel()
	op, p := start(t)
	op.Quiet()
	subject, email, err := p.Finish(t.Context(), "secret", visit(t, p, "secret"))
	if subject != "s-1" || email != "ada@example.com" || err != nil {
		t.Errorf("%q %q %v", subject, email, err)
	}
	op.Forge(func(claims map[string]any) string { // somebody else's access token
		claims["sub"] = "s-2"
		return op.Signed(claims)
	})
	refused(t, p, "secret", visit(t, p, "secret"), `the user info is of the subject "s-1", not of "s-2"`)
}

// refused finishes a sign-in that must not succeed, for a reason that the log is told.
func refused(t *testing.T, p *openid.Provider, secret string, query url.Values, why string) {
	t.Helper()
	subject, email, err := p.Finish(t.Context(), secret, query)
	e, ok := errors.AsType[*switchhook.Error](err)
	if subject != "" || email != "" || !ok || e.Code != switchhook.CodeUnauthorized {
		t.Fatalf("%q %q %v", subject, email, err)
	}
	if !strings.Contains(err.Error(), why) {
		t.Errorf("%v, want %s", err, why)
	}
	if why != e.Message && strings.Contains(e.Message, why) {
		t.Errorf("the person is told %q", e.Message)
	}
}

// Tokens that are not the provider's, or not for this sign-in.
//
//nolint:tparallel // one provider, one lie at a time
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	op, p := start(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(op.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	var first string
	with := func(name string, value any) func(map[string]any) string {
		return func(claims map[string]any) string {
			claims[name] = value
			return op.Signed(claims)
		}
	}
	for _, c := range []struct {
		name  string
		forge func(map[string]any) string
		why   string
	}{
		{"another nonce", with("nonce", "x"), "the nonce is of another sign-in"},
		{"no nonce", with("nonce", nil), "the nonce is of another sign-in"},
		{"another audience", with("aud", "other"), `expected audience "switchhook"`},
		{"no audience", with("aud", nil), `expected audience "switchhook"`},
		{"for two, and nobody says for whom of them", with("aud", []string{"other", "switchhook"}), `the authorized party is ""`},
		{"for another one, who may speak with us", with("azp", "other"), `the authorized party is "other"`},
		{"expired", with("exp", time.Now().Add(-time.Minute).Unix()), "token is expired"},
		{"no expiry", with("exp", nil), "failed to unmarshal"},
		{"of tomorrow", with("nbf", time.Now().Add(time.Hour).Unix()), "before the nbf"},
		{"another issuer", with("iss", "https://evil.example"), "issued by a different provider"},
		{"no subject", with("sub", ""), "it has no subject"},
		{"a subject that is no text", with("sub", 7), "failed to unmarshal"},
		{"an e-mail that is no text", with("email", []string{"ada@example.com"}), "cannot unmarshal"},
		{"not signed", openidtest.Unsigned, `unexpected signature algorithm "none"`},
		{"signed with the public key as a secret", func(claims map[string]any) string { return openidtest.Sign(jose.HS256, public, "key-1", claims) }, "unexpected signature algorithm"},
		{"signed by somebody else", func(claims map[string]any) string { return openidtest.Sign(jose.RS256, other, "key-1", claims) }, "failed to verify signature"},
		{"by an unknown key", func(claims map[string]any) string { return openidtest.Sign(jose.RS256, other, "key-2", claims) }, "failed to verify signature"},
		{"changed afterwards", func(claims map[string]any) string {
			parts := strings.Split(op.Signed(claims), ".")
			claims["sub"] = "s-2"
			parts[1] = strings.Split(op.Signed(claims), ".")[1]
			return strings.Join(parts, ".")
		}, "failed to verify signature"},
		{"none", func(map[string]any) string { return "" }, "malformed jwt"},
		{"no token", func(map[string]any) string { return "x" }, "malformed jwt"},
		{"once more", func(claims map[string]any) string {
			if first == "" {
				first = op.Signed(claims)
			}
			return first
		}, "the nonce is of another sign-in"},
	} {
		op.Forge(c.forge)
		if c.name == "once more" { // it is good the first time
			if _, _, err := p.Finish(t.Context(), "first", visit(t, p, "first")); err != nil {
				t.Error(err)
			}
		}
		t.Run(c.name, func(t *testing.T) { refused(t, p, "secret", visit(t, p, "secret"), c.why) }) //nolint:paralleltest // one provider, one lie
	}
}

// Answers that are not of the provider, or not for this browser.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	op, p := start(t)
	const elsewhere = "the sign-in was not begun in this browser, or is over; begin again"
	theirs := visit(t, p, "theirs")
	refused(t, p, "ours", theirs, elsewhere)
	refused(t, p, "", theirs, elsewhere)
	changed := func(q url.Values, name string, value ...string) url.Values {
		next := maps.Clone(q)
		next[name] = value
		return next
	}
	own := visit(t, p, "ours")
	refused(t, p, "ours", changed(own, "state"), elsewhere)
	refused(t, p, "ours", changed(own, "state", own.Get("state")+"x"), elsewhere)
	refused(t, p, "ours", changed(own, "iss", "https://evil.example"), `the answer is of the issuer "https://evil.example"`)
	refused(t, p, "ours", changed(own, "iss"), `the answer is of the issuer ""`)
	if n := op.Exchanges(); n != 0 {
		t.Errorf("%d codes were exchanged", n)
	}
	// A code that somebody else has got is good for nobody but them (PKCE).
	const used = "the OpenID provider has let you in once with this answer, or too long ago; begin again"
	if _, _, err := p.Finish(t.Context(), "ours", changed(own, "code", theirs.Get("code"))); err == nil || !strings.HasPrefix(err.Error(), used) {
		t.Error(err)
	}
	if _, _, err := p.Finish(t.Context(), "ours", own); err != nil {
		t.Error(err)
	}
	if _, _, err := p.Finish(t.Context(), "ours", own); err == nil || !strings.HasPrefix(err.Error(), used) {
		t.Error(err)
	}

	op.Refuse(url.Values{"error": {"access_denied"}, "error_description": {strings.Repeat("no ", 200)}})
	_, _, err := p.Finish(t.Context(), "ours", visit(t, p, "ours"))
	if err == nil || !strings.HasPrefix(err.Error(), "the OpenID provider has not let you in: access_denied (no no ") || len(err.Error()) > 400 {
		t.Error(err)
	}
}

// A provider that does not answer, and one that does not want us.
func TestProviderFails(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer down.Close()
	p := ours(down.URL)
	for range 3 {
		_, err := p.Begin(t.Context(), "secret")
		if e, ok := errors.AsType[*switchhook.Error](err); !ok || e.Code != switchhook.CodeUnavailable || !strings.Contains(err.Error(), "502") || strings.Contains(e.Message, "502") {
			t.Error(err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("it was asked %d times at once", n)
	}

	op, _ := start(t)
	_, err := ours(op.URL+"/").Begin(t.Context(), "secret")
	if err == nil || !strings.Contains(err.Error(), "did not match") {
		t.Error(err)
	}
	wrong := openid.New(openid.Options{Issuer: op.URL, ClientID: openidtest.ClientID, ClientSecret: "wrong", Redirect: redirect, Client: http.DefaultClient})
	_, _, err = wrong.Finish(t.Context(), "secret", visit(t, wrong, "secret"))
	if e, ok := errors.AsType[*switchhook.Error](err); !ok || e.Code != switchhook.CodeUnavailable || e.Message != "the OpenID provider refuses this server: invalid_client; its operator can see to it" {
		t.Error(err)
	}
}

// After a failure the provider is asked again in five seconds.
func TestProviderComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := []int{http.StatusServiceUnavailable, http.StatusOK}
		p := openid.New(openid.Options{Issuer: "https://login.example", ClientID: "x", Redirect: redirect, Client: &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
			rec := httptest.NewRecorder()
			rec.Header().Set("Content-Type", "application/json")
			rec.WriteHeader(answers[0])
			answers = answers[1:]
			_, _ = rec.WriteString(`{"issuer":"https://login.example","authorization_endpoint":"https://login.example/auth","token_endpoint":"https://login.example/token","jwks_uri":"https://login.example/keys"}`)
			res := rec.Result()
			res.Request = r
			return res
		})}})
		begin := func() string {
			to, err := p.Begin(t.Context(), "secret")
			if err != nil {
				return err.Error()
			}
			return to
		}
		if got := begin(); !strings.Contains(got, "503") {
			t.Error(got)
		}
		time.Sleep(5*time.Second - time.Nanosecond)
		if got := begin(); !strings.Contains(got, "503") {
			t.Error(got)
		}
		time.Sleep(time.Nanosecond)
		if got := begin(); !strings.HasPrefix(got, "https://login.example/auth?") || strings.Contains(got, "secret") {
			t.Error(got)
		}
	})
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }
