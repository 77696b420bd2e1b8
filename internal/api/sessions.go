package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

const (
	cookieName = "switchhook_session"
	// frameCookie is the cookie of a session in a frame of somebody else's page.
	frameCookie = "switchhook_portal"
	// signedIn is how long a session lasts after a sign-in.
	signedIn = 12 * time.Hour
)

type hash = [sha256.Size]byte

// sessions are those that are open, by the hash of what their cookies hold, and the codes
// of portal links that nobody has used yet. Its zero value is empty.
type sessions struct {
	mu    sync.RWMutex
	open  map[hash]*switchhook.Session
	codes map[hash]promise
}

// An entry is somebody who is let in.
type entry struct {
	session *switchhook.Session
	lasts   time.Duration
	way     string // password, key, portal_link or oidc
	framed  bool   // into a frame of somebody else's page
}

func (s *sessions) find(token string) *switchhook.Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.open[sha256.Sum256([]byte(token))]
}

func (s *sessions) add(session *switchhook.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[hash]*switchhook.Session{}
	}
	at := time.Now()
	maps.DeleteFunc(s.open, func(_ hash, old *switchhook.Session) bool { return !at.Before(old.ExpiresAt) })
	s.open[hash(session.Hash)] = session
}

// drop forgets those that are meant, and returns them.
func (s *sessions) drop(meant func(*switchhook.Session) bool) (dropped []*switchhook.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.open, func(_ hash, session *switchhook.Session) bool {
		if meant(session) {
			dropped = append(dropped, session)
			return true
		}
		return false
	})
	return dropped
}

// readSessions reads those that were open when the program ended.
func (a *api) readSessions(ctx context.Context) error {
	all, err := a.Store.Sessions(ctx)
	if err != nil {
		return fmt.Errorf("read the sessions: %w", err)
	}
	for _, s := range all {
		if len(s.Hash) == sha256.Size {
			a.browsers.add(s)
		}
	}
	return nil
}

// endSessions ends all of a user's, but for one.
func (a *api) endSessions(ctx context.Context, userID string, but hash) error {
	for _, s := range a.browsers.drop(func(s *switchhook.Session) bool { return s.UserID == userID && hash(s.Hash) != but }) {
		if err := a.Store.DeleteSession(ctx, s.Hash); err != nil {
			return err
		}
	}
	return nil
}

// newToken makes the secret of a session or of a portal link.
func newToken() (token string, h hash) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, sha256.Sum256([]byte(token))
}

// ownPage refuses what a page of somebody else's has a browser do: that sends our cookie
// whoever has made the page. The cookie of a frame goes with whatever the page around it
// sends, too: there, who does not say where a change comes from is refused as well.
func (a *api) ownPage(r *http.Request) error {
	err := a.crossOrigin.Check(r)
	if _, framed := cookieOf(r); err == nil && framed && !safe(r.Method) && r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
		err = errors.New("it does not say where it comes from")
	}
	if err != nil {
		return switchhook.Errorf(switchhook.CodeForbidden, "a page of another origin may not do this")
	}
	return nil
}

// safe reports whether requests of a method change nothing (RFC 9110 9.2.1).
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// cookieOf finds the cookie of a request's session, and whether it is that of a frame;
// nil: there is none. Where both are sent, because the page around the frame is of our own
// site, the frame's counts: what is in it is not to act as whoever is signed in beside it.
func cookieOf(r *http.Request) (c *http.Cookie, framed bool) {
	for _, name := range []string{frameCookie, cookieName} {
		if c, err := r.Cookie(name); err == nil {
			return c, name == frameCookie
		}
	}
	return nil, false
}

// requestOf is the request that is being answered.
func requestOf(ctx context.Context) *http.Request {
	ex, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		panic("api: there is no request")
	}
	return ex.request
}

// bySession finds whose session the request's cookie is of.
func (a *api) bySession(r *http.Request, cookie *http.Cookie, operation string) (caller, error) {
	if err := a.ownPage(r); err != nil {
		return caller{}, err
	}
	c, ok := a.holder(cookie)
	if !ok {
		return caller{}, switchhook.Errorf(switchhook.CodeUnauthorized, "the session has ended; sign in again")
	}
	c.operation = operation
	return c, nil
}

// holder is who has the session of a cookie, as long as it lasts.
func (a *api) holder(cookie *http.Cookie) (caller, bool) {
	s, at := a.browsers.find(cookie.Value), time.Now()
	if s == nil || !at.Before(s.ExpiresAt) {
		return caller{}, false
	}
	return a.tenants.Load().bearer(s, at)
}

// bearer is who has a session, as far as there still is who it was opened for.
func (t *tenants) bearer(s *switchhook.Session, at time.Time) (c caller, ok bool) {
	c = caller{tenants: t, account: s.AccountID, role: s.Role}
	switch {
	case s.UserID != "":
		u := t.users[s.UserID]
		if u == nil {
			return caller{}, false
		}
		c.account, c.role, c.actor = u.AccountID, u.Role, switchhook.Actor{UserID: u.ID, Login: u.Login, AccountID: u.AccountID}
	case s.KeyID != "":
		k := t.keyByID(s.KeyID)
		if k == nil || k.expired(at) {
			return caller{}, false
		}
		c.account, c.role, c.actor = k.AccountID, k.Role, k.actor()
	default:
		c.actor = switchhook.Actor{KeyName: "portal link", AccountID: s.AccountID}
	}
	return c, t.accounts[c.account] != nil
}

// A sessionView is a session as it is shown: all that a page needs to know of who looks at it.
type sessionView struct {
	Kind        string          `json:"kind" enum:"user,key,portal_link" doc:"Who it is: a user, an API key, or whoever followed a portal link."`
	Name        string          `json:"name,omitzero" doc:"Of the user, or of the API key. Absent: of a portal link."`
	UserID      string          `json:"user_id,omitzero" doc:"The user who has signed in."`
	Login       string          `json:"login,omitzero" doc:"The user's login."`
	HasPassword bool            `json:"has_password" doc:"It is a user with a password, which POST /v1/session/password changes."`
	AccountID   string          `json:"account_id" doc:"The account that it opens, with all below."`
	AccountName string          `json:"account_name" doc:"The account's name."`
	Role        switchhook.Role `json:"role" enum:"admin,developer,viewer,ingest" doc:"What it may do."`
	ExpiresAt   time.Time       `json:"expires_at,omitzero" doc:"When it ends. Absent: the request has an API key."`
	Embedded    bool            `json:"embedded" doc:"It is one in a frame of another page."`
	Brand       brand           `json:"brand" doc:"How the page is to look."`
}

type sessionOutput struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      sessionView
}

func (a *api) registerSessions() {
	tags := []string{"Sign-in"}
	handleOpen(a, huma.Operation{
		OperationID: "sign-in", Method: http.MethodPost, Path: "/v1/session", Tags: tags, Summary: "Sign in", DefaultStatus: http.StatusCreated,
		Description: "With login and password, an API key, or the code of a portal link. The answer sets a cookie (HttpOnly, SameSite=Lax) that stands for the key from then on, in requests of our own pages. " +
			"Wrong passwords are counted: after some, 429.",
	}, a.signIn)
	handle(a, huma.Operation{
		OperationID: "get-session", Method: http.MethodGet, Path: "/v1/session", Tags: tags, Summary: "Who is signed in",
	}, a.getSession)
	handleOpen(a, huma.Operation{
		OperationID: "sign-out", Method: http.MethodDelete, Path: "/v1/session", Tags: tags, Summary: "Sign out",
	}, a.signOut)
	handleOpen(a, huma.Operation{
		OperationID: "list-sign-in-ways", Method: http.MethodGet, Path: "/v1/session/ways", Tags: tags, Summary: "How to sign in",
		Description: "What a page needs before anybody has signed in.",
	}, a.listWays)
	handle(a, huma.Operation{
		OperationID: "change-password", Method: http.MethodPost, Path: "/v1/session/password", Tags: tags, Summary: "Change one's own password", DefaultStatus: http.StatusNoContent,
		Description: "Of the user who has signed in. Their other sessions end.",
	}, a.changePassword)
}

// begin opens a session for whoever is let in, and says so in the audit log. The cookies
// are what the browser is to keep from then on.
func (a *api) begin(ctx context.Context, e entry) (c caller, cookies []string, err error) {
	token, h := newToken()
	s, r := e.session, requestOf(ctx)
	s.Hash, s.CreatedAt = h[:], now()
	s.ExpiresAt = s.CreatedAt.Add(e.lasts)
	c, ok := a.tenants.Load().bearer(s, s.CreatedAt)
	if !ok {
		return caller{}, nil, switchhook.Errorf(switchhook.CodeUnauthorized, "it was deleted just now")
	}
	c.operation = "sign-in"
	if err := a.Store.PutSession(ctx, s, a.auditOf(ctx, c, c.account, "session", sessionID(s), nil, plain(signInState{Way: e.way, Embedded: e.framed}))); err != nil {
		return caller{}, nil, err
	}
	a.browsers.add(s)
	cookies = []string{a.cookie(r, e.framed, token, e.lasts).String()}
	if _, framed := cookieOf(r); framed && !e.framed { // or it would go on counting
		cookies = append(cookies, a.noCookie(r, true))
	}
	return c, cookies, nil
}

// sessionID is what the audit log knows a session by: who has it.
func sessionID(s *switchhook.Session) string { return cmp.Or(s.UserID, s.KeyID, s.AccountID) }

func (a *api) cookie(r *http.Request, framed bool, token string, lasts time.Duration) *http.Cookie {
	//nolint:gosec // G124: Secure, where the page is: plain HTTP is for this machine alone
	c := &http.Cookie{Name: cookieName, Value: token, Path: "/", MaxAge: int(lasts.Seconds()), Secure: a.secure(r), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if framed {
		// It is to outlive the session, until the browser ends: without it the frame would go
		// on as whoever is signed in beside it.
		c.Name, c.MaxAge = frameCookie, 0
		if c.Secure { // else browsers take no cookie from other sites, and pages of this machine are one site
			c.SameSite, c.Partitioned = http.SameSiteNoneMode, true
		}
	}
	return c
}

// noCookie has a browser forget the cookie.
func (a *api) noCookie(r *http.Request, framed bool) string {
	c := a.cookie(r, framed, "", 0) //nolint:gosec // G124: as there
	c.MaxAge = -1
	return c.String()
}

// secure reports whether browsers reach us by HTTPS.
func (a *api) secure(r *http.Request) bool {
	return strings.HasPrefix(a.PublicURL, "https://") || r.TLS != nil
}

func (a *api) getSession(ctx context.Context, _ *struct{}) (*output[sessionView], error) {
	c, r := callerOf(ctx), requestOf(ctx)
	if cookie, framed := cookieOf(r); cookie != nil && r.Header.Get("Authorization") == "" {
		if s := a.browsers.find(cookie.Value); s != nil {
			return &output[sessionView]{Body: c.session(s.ExpiresAt, framed)}, nil
		}
	}
	return &output[sessionView]{Body: c.session(time.Time{}, false)}, nil
}

// session is what is shown of a caller's session.
func (c caller) session(expires time.Time, framed bool) sessionView {
	v := sessionView{
		Kind: "portal_link", UserID: c.actor.UserID, Login: c.actor.Login, AccountID: c.account, AccountName: c.accounts[c.account].Name,
		Role: c.role, ExpiresAt: expires, Embedded: framed, Brand: c.brand(c.account),
	}
	if c.actor.KeyID != "" {
		v.Kind, v.Name = "key", c.actor.KeyName
	}
	if u := c.users[c.actor.UserID]; u != nil {
		v.Kind, v.Name, v.HasPassword = "user", u.Name, u.Password != ""
	}
	return v
}

func (a *api) signOut(ctx context.Context, _ *struct{}) (*struct {
	SetCookie []string `header:"Set-Cookie"`
}, error,
) {
	r := requestOf(ctx)
	if err := a.ownPage(r); err != nil {
		return nil, err
	}
	out := &struct {
		SetCookie []string `header:"Set-Cookie"`
	}{SetCookie: []string{a.noCookie(r, false)}}
	for _, name := range []string{cookieName, frameCookie} { // of both, or the other one would count from then on
		given, err := r.Cookie(name)
		if err != nil {
			continue // there is none
		}
		if name == frameCookie {
			out.SetCookie = append(out.SetCookie, a.noCookie(r, true))
		}
		h := sha256.Sum256([]byte(given.Value))
		for range a.browsers.drop(func(s *switchhook.Session) bool { return hash(s.Hash) == h }) {
			if err := a.Store.DeleteSession(ctx, h[:]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
