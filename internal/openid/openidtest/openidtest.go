// Package openidtest is an OpenID provider for tests, over HTTP on loopback: strict in
// what it takes (redirect URI, client secret, PKCE, each code once), with keys and
// signatures that are real. Whoever is there signs in without being asked. A test can have
// it say what no honest provider says.
package openidtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// What the provider knows its one client by.
const (
	ClientID     = "switchhook"
	ClientSecret = "a secret/with+signs:in it"
)

// keyID is the id of the one key that signs.
const keyID = "key-1"

// A Provider is an OpenID provider.
type Provider struct {
	// URL is the issuer.
	URL string

	redirect string // the one that it sends browsers to
	key      *rsa.PrivateKey

	mu     sync.Mutex
	person map[string]any
	grants map[string]grant // by code
	tokens map[string]map[string]any
	forge  func(claims map[string]any) string
	refuse url.Values
	quiet  bool // e-mail is told by user info alone
	asked  int
}

// A grant is what a code stands for.
type grant struct{ nonce, challenge string }

// New starts a provider, whose client's browsers come back to a redirect URI.
func New(t *testing.T, redirect string) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{redirect: redirect, key: key, grants: map[string]grant{}, tokens: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.describe)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

// Person is who signs in from now on, as claims.
func (p *Provider) Person(claims map[string]any) { p.set(func() { p.person = claims }) }

// Forge has the provider issue what f makes of the claims in place of a token that it has
// signed; nil: no more.
func (p *Provider) Forge(f func(claims map[string]any) string) { p.set(func() { p.forge = f }) }

// Refuse has it let nobody in, and say so; nil: no more.
func (p *Provider) Refuse(answer url.Values) { p.set(func() { p.refuse = answer }) }

// Quiet has it tell e-mail addresses by user info alone, as OpenID Connect Core 5.4 says.
func (p *Provider) Quiet() { p.set(func() { p.quiet = true }) }

// Exchanges counts the codes that it was asked to exchange.
func (p *Provider) Exchanges() (n int) {
	p.set(func() { n = p.asked })
	return n
}

func (p *Provider) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// Signed is a token of claims that the provider has signed.
func (p *Provider) Signed(claims map[string]any) string {
	return Sign(jose.RS256, p.key, keyID, claims)
}

// PublicKey is the provider's, as an attacker knows it.
func (p *Provider) PublicKey() *rsa.PublicKey { return &p.key.PublicKey }

// Sign signs claims with any key.
func Sign(algorithm jose.SignatureAlgorithm, key any, id string, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", id))
	if err != nil {
		panic(err) // a test's own mistake
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

// Unsigned is a token of the algorithm none.
func Unsigned(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // a test's own mistake
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"`+keyID+`"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

func (p *Provider) describe(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "code_challenge_methods_supported": []string{"S256"},
		// Some do say that they support what nobody may accept.
		"id_token_signing_alg_values_supported":          []string{"RS256", "HS256", "none"},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("redirect_uri") != p.redirect {
		http.Error(w, "an unknown client, or not its redirect URI", http.StatusBadRequest) // and nobody is sent there
		return
	}
	back := url.Values{"state": q["state"], "iss": {p.URL}}
	switch {
	case p.refuse != nil:
		maps.Copy(back, p.refuse)
	case q.Get("response_type") != "code" || !slices.Contains(strings.Fields(q.Get("scope")), "openid") || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		back.Set("error", "invalid_request")
	default:
		code := rand.Text()
		p.grants[code] = grant{nonce: q.Get("nonce"), challenge: q.Get("code_challenge")}
		back.Set("code", code)
	}
	http.Redirect(w, r, p.redirect+"?"+back.Encode(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	id, secret, _ := r.BasicAuth()
	id, errID := url.QueryUnescape(id) // RFC 6749 2.3.1
	secret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil || id != ClientID || secret != ClientSecret {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	code := r.PostFormValue("code")
	g, ok := p.grants[code]
	delete(p.grants, code)
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != p.redirect || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": p.URL, "aud": ClientID, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "nonce": g.nonce}
	maps.Copy(claims, p.person)
	if p.quiet {
		delete(claims, "email")
		delete(claims, "email_verified")
	}
	access := rand.Text()
	p.tokens[access] = p.person
	sign := p.Signed
	if p.forge != nil {
		sign = p.forge
	}
	answer(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": sign(claims)})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.PublicKey(), KeyID: keyID, Algorithm: "RS256", Use: "sig"}}})
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	claims, ok := p.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	answer(w, http.StatusOK, claims)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
