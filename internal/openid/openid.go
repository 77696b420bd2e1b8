// Package openid lets people sign in at an OpenID provider (OpenID Connect Core 1.0): by
// the authorization code flow with PKCE (RFC 7636), state and nonce. It says who they are
// there; whether they may come in is decided by others.
//
// Nothing is kept here of a sign-in that has begun. The browser keeps a secret, and state,
// nonce and the code's verifier are made of it: so whoever comes back has begun, and what
// they bring was made for them.
package openid

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/switchhook/switchhook"
)

// again is how long after a failure the provider's description is not asked for.
const again = 5 * time.Second

// Options says which provider, and who we are there.
type Options struct {
	// Issuer is the provider's URL, to the letter as it calls itself.
	Issuer string
	// ClientID and ClientSecret are what the provider knows us by. Without a secret we are a
	// public client, for which PKCE stands in.
	ClientID, ClientSecret string
	// Scopes are what is asked for beside openid, such as email.
	Scopes []string
	// Redirect is our URL that browsers come back to, as the provider has it.
	Redirect string
	// Client makes the requests. Its timeout bounds each.
	Client *http.Client
}

// A Provider is an OpenID provider. It is safe for use by many goroutines.
type Provider struct {
	o Options

	mu     sync.Mutex
	known  *known    // nil: not yet
	failed error     // why
	at     time.Time // when it failed
}

// known is what a provider says of itself.
type known struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
	saysIss  bool // it names itself when a browser comes back (RFC 9207)
}

// New makes a Provider. It is asked for its description once somebody wants to sign in: so
// the program starts while the provider does not answer.
func New(o Options) *Provider { return &Provider{o: o} }

// Begin says where a browser signs in.
func (p *Provider) Begin(ctx context.Context, secret string) (string, error) {
	k, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	return k.oauth.AuthCodeURL(derived(secret, "state"), oidc.Nonce(derived(secret, "nonce")), oauth2.S256ChallengeOption(derived(secret, "verifier"))), nil
}

// derived makes of a secret what may be known of it: 43 characters of base64url.
func derived(secret, what string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(what))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Finish is who has come back, by the query that the provider has sent along: the subject,
// and the e-mail address if the provider has verified it, else none. What is wrong is a
// *switchhook.Error with a sentence for the person, and the cause for the log.
func (p *Provider) Finish(ctx context.Context, secret string, query url.Values) (subject, email string, err error) {
	if state := derived(secret, "state"); secret == "" || !hmac.Equal([]byte(state), []byte(query.Get("state"))) {
		return "", "", switchhook.Errorf(switchhook.CodeUnauthorized, "the sign-in was not begun in this browser, or is over; begin again")
	}
	k, err := p.discover(ctx)
	if err != nil {
		return "", "", err
	}
	if iss := query.Get("iss"); iss != p.o.Issuer && (iss != "" || k.saysIss) {
		return "", "", unverified(fmt.Errorf("the answer is of the issuer %q", iss))
	}
	if code := query.Get("error"); code != "" {
		return "", "", switchhook.Errorf(switchhook.CodeUnauthorized, "the OpenID provider has not let you in: %s", said(code, query.Get("error_description")))
	}
	ctx = oidc.ClientContext(ctx, p.o.Client)
	token, err := k.oauth.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(derived(secret, "verifier")))
	if err != nil {
		return "", "", notExchanged(err)
	}
	return p.identity(ctx, k, token, derived(secret, "nonce"))
}

// identity is whom a token is of (OpenID Connect Core 3.1.3.7).
func (p *Provider) identity(ctx context.Context, k *known, token *oauth2.Token, nonce string) (subject, email string, err error) {
	raw, _ := token.Extra("id_token").(string)
	id, err := k.verifier.Verify(ctx, raw)
	if err != nil {
		return "", "", unverified(err)
	}
	var claims struct {
		Email         string `json:"email"`
		EmailVerified truth  `json:"email_verified"`
		Party         string `json:"azp"`
	}
	switch err := id.Claims(&claims); {
	case err != nil:
		return "", "", unverified(err)
	case !hmac.Equal([]byte(id.Nonce), []byte(nonce)):
		return "", "", unverified(errors.New("the nonce is of another sign-in"))
	case claims.Party != p.o.ClientID && (claims.Party != "" || len(id.Audience) > 1):
		return "", "", unverified(fmt.Errorf("it is for %q, and the authorized party is %q", id.Audience, claims.Party))
	case id.Subject == "":
		return "", "", unverified(errors.New("it has no subject"))
	}
	if claims.Email == "" && k.provider.UserInfoEndpoint() != "" { // where e-mail belongs, says 5.4
		info, err := k.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		switch {
		case err != nil:
			return "", "", unreachable(err)
		case info.Subject != id.Subject:
			return "", "", unverified(fmt.Errorf("the user info is of the subject %q, not of %q", info.Subject, id.Subject))
		}
		claims.Email, claims.EmailVerified = info.Email, truth(info.EmailVerified)
	}
	if !claims.EmailVerified {
		claims.Email = ""
	}
	return id.Subject, claims.Email, nil
}

// A truth is a boolean that some providers send as text.
type truth bool

// UnmarshalJSON takes nothing but true for true.
func (t *truth) UnmarshalJSON(b []byte) error {
	*t = truth(string(b) == "true" || string(b) == `"true"`)
	return nil
}

// discover asks the provider for its description, until it has it.
func (p *Provider) discover(ctx context.Context) (*known, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	if p.failed != nil && time.Since(p.at) < again {
		return nil, unreachable(p.failed)
	}
	// Others wait for it, too: it does not end with the request.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), p.o.Client)
	provider, err := oidc.NewProvider(ctx, p.o.Issuer)
	if err != nil {
		p.failed, p.at = err, time.Now()
		return nil, unreachable(err)
	}
	var more struct {
		SaysIss bool     `json:"authorization_response_iss_parameter_supported"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		p.failed, p.at = err, time.Now()
		return nil, unreachable(err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // the default (OpenID Connect Discovery 3)
	if p.o.ClientSecret == "" || more.Methods != nil && !slices.Contains(more.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	p.known = &known{
		provider: provider, verifier: provider.Verifier(&oidc.Config{ClientID: p.o.ClientID}), saysIss: more.SaysIss,
		oauth: oauth2.Config{
			ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: endpoint, RedirectURL: p.o.Redirect,
			Scopes: append([]string{oidc.ScopeOpenID}, slices.DeleteFunc(slices.Clone(p.o.Scopes), func(s string) bool { return s == oidc.ScopeOpenID })...),
		},
	}
	return p.known, nil
}

func unreachable(cause error) error {
	return switchhook.Errorf(switchhook.CodeUnavailable, "the OpenID provider cannot be reached at the moment; the log says why").With(cause)
}

func unverified(cause error) error {
	return switchhook.Errorf(switchhook.CodeUnauthorized, "what the OpenID provider says of you could not be verified; the log says why").With(cause)
}

// notExchanged is the error of a code that the provider gave no token for.
func notExchanged(err error) error {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok || e.ErrorCode == "": // it was no answer of RFC 6749
		return unreachable(err)
	case e.ErrorCode == "invalid_grant":
		return switchhook.Errorf(switchhook.CodeUnauthorized, "the OpenID provider has let you in once with this answer, or too long ago; begin again").With(err)
	default: // such as invalid_client
		return switchhook.Errorf(switchhook.CodeUnavailable, "the OpenID provider refuses this server: %s; its operator can see to it", said(e.ErrorCode, e.ErrorDescription)).With(err)
	}
}

// said is what a provider says for people, and how long that may be.
func said(code, description string) string {
	const most = 300
	text := code
	if description != "" {
		text += " (" + description + ")"
	}
	text = strings.ToValidUTF8(text, "")
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
