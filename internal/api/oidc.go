package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

const (
	oidcPath   = "/signin/oidc"
	oidcCookie = "switchhook_oidc"
	// oidcTime is how long somebody may take at the provider.
	oidcTime    = 10 * time.Minute
	longestPath = 1000 // bytes of a path to come back to
)

// OpenID is an OpenID provider.
type OpenID interface {
	// Begin says where a browser signs in. What Finish needs is known by the secret, which
	// the browser keeps meanwhile.
	Begin(ctx context.Context, secret string) (url string, err error)
	// Finish is who has come back, with the query that the provider has sent along: the
	// subject, and the e-mail address if the provider has verified it. Its errors are
	// *switchhook.Error where somebody can do something about it.
	Finish(ctx context.Context, secret string, query url.Values) (subject, email string, err error)
}

func (a *api) registerOIDC() {
	tags := []string{"Sign-in"}
	a.mux.HandleFunc("GET "+oidcPath, a.beginOIDC)
	a.mux.HandleFunc("GET "+oidcPath+"/callback", a.finishOIDC)
	param := func(name, doc string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	a.documentPage(huma.Operation{
		OperationID: "begin-oidc", Method: http.MethodGet, Path: oidcPath, Tags: tags, Summary: "Sign in at the OpenID provider",
		Description: "Where a browser is sent, which is sent on to the provider. 404 where there is none.",
		Parameters:  []*huma.Param{param("return", "The path of our page to come back to. Default: /.")},
		Responses:   map[string]*huma.Response{"303": {Description: "To the provider, with a cookie that binds the sign-in to the browser"}},
	})
	a.documentPage(huma.Operation{
		OperationID: "finish-oidc", Method: http.MethodGet, Path: oidcPath + "/callback", Tags: tags, Summary: "Come back from the OpenID provider",
		Description: "Where the provider sends the browser: its redirect URI. Only users that there are come in; a page says it to all others.",
		Parameters:  []*huma.Param{param("code", "From the provider."), param("state", "As it was sent there."), param("error", "Why the provider did not let somebody in."), param("error_description", "The same in words."), param("iss", "Which provider it is (RFC 9207).")},
		Responses:   map[string]*huma.Response{"303": {Description: "To the page, with the session's cookie"}},
	})
}

// errNoOpenID is the error of a server without a provider.
func errNoOpenID() error {
	return switchhook.Errorf(switchhook.CodeNotFound, "this server has no OpenID provider to sign in at")
}

// beginOIDC sends a browser to the provider. What it comes back with is bound to this
// browser by a secret in a cookie.
func (a *api) beginOIDC(w http.ResponseWriter, r *http.Request) {
	if a.OpenID == nil {
		a.failPage(w, r, errNoOpenID())
		return
	}
	back := r.URL.Query().Get("return")
	if !ownPath(back) {
		back = "/"
	}
	secret, _ := newToken()
	to, err := a.OpenID.Begin(r.Context(), secret)
	if err != nil {
		a.failOIDC(w, r, err)
		return
	}
	http.SetCookie(w, a.oidcCookie(r, secret+"."+base64.RawURLEncoding.EncodeToString([]byte(back)), oidcTime))
	redirect(w, to)
}

func (a *api) oidcCookie(r *http.Request, value string, lasts time.Duration) *http.Cookie {
	//nolint:gosec // G124: as of a session. Lax: it has to come along from the provider's page
	return &http.Cookie{Name: oidcCookie, Value: value, Path: oidcPath, MaxAge: int(lasts.Seconds()), Secure: a.secure(r), HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// finishOIDC lets in who comes back from the provider, if there is such a user.
func (a *api) finishOIDC(w http.ResponseWriter, r *http.Request) {
	if a.OpenID == nil {
		a.failPage(w, r, errNoOpenID())
		return
	}
	var secret, back string
	if cookie, err := r.Cookie(oidcCookie); err == nil {
		secret, back, _ = strings.Cut(cookie.Value, ".")
	}
	gone := a.oidcCookie(r, "", 0) //nolint:gosec // G124: as there
	gone.MaxAge = -1
	http.SetCookie(w, gone) // it is good once
	e, err := a.byOIDC(r, secret)
	if err != nil {
		a.failOIDC(w, r, err)
		return
	}
	to, err := base64.RawURLEncoding.DecodeString(back)
	if err != nil || !ownPath(string(to)) {
		to = []byte("/")
	}
	a.enter(w, r, e, string(to))
}

// byOIDC finds the user who has come back.
func (a *api) byOIDC(r *http.Request, secret string) (entry, error) {
	ctx := r.Context()
	if err := a.mayTry(ctx, ""); err != nil { // each costs the provider something
		return entry{}, err
	}
	subject, email, err := a.OpenID.Finish(ctx, secret, r.URL.Query())
	if err != nil {
		a.refuseSignIn(ctx, "oidc", nil, err)
		return entry{}, err
	}
	t := a.tenants.Load()
	u, err := t.byOpenID(subject, readLogin(email))
	if err == nil {
		err = t.mayEnter(u.AccountID)
	}
	if err != nil {
		a.refuseSignIn(ctx, "oidc", u, err)
		return entry{}, err
	}
	return entry{&switchhook.Session{UserID: u.ID}, signedIn, "oidc", false}, nil
}

// byOpenID finds the user whom the provider knows by a subject, else the one whose login
// is the e-mail address that it has verified: unless an admin has said which subject that
// user has. Nobody becomes a user by signing in.
func (t *tenants) byOpenID(subject, email string) (*switchhook.User, error) {
	for _, u := range t.users {
		if u.OIDCSubject == subject {
			return u, nil
		}
	}
	known := "as the subject " + subject + " and without a verified e-mail address"
	if email != "" {
		if u := t.byLogin(email); u != nil && u.OIDCSubject == "" {
			return u, nil
		}
		known = "as " + email + ", subject " + subject
	}
	return nil, switchhook.Errorf(switchhook.CodeForbidden,
		"the OpenID provider knows you %s, and there is no such user here; whoever manages your account can make one with that login, and the operator one with that oidc_subject", known)
}

// failOIDC is failPage, with what only the operator can do something about in the log.
func (a *api) failOIDC(w http.ResponseWriter, r *http.Request, err error) {
	if e, ok := errors.AsType[*switchhook.Error](err); ok && e.Unwrap() != nil {
		a.log.WarnContext(r.Context(), "a sign-in at the OpenID provider failed", "error", err)
	}
	a.failPage(w, r, err)
}

// ownPath reports whether a path leads to a page of ours, however a browser reads it: it
// takes //host and /\host for those of another server, and passes over tabs and newlines.
func ownPath(path string) bool {
	return len(path) <= longestPath && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") &&
		!strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == '\\' || r >= unicode.MaxASCII })
}
