package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

const (
	cookieName = "switchhook_session"
	// signedIn is how long a session lasts after a sign-in.
	signedIn = 12 * time.Hour
	// A portal link's code is good once, and for so long; its session for an hour, or what
	// is asked for.
	codeTime           = time.Minute
	portalTime         = time.Hour
	longestPortalTime  = 24 * time.Hour
	shortestPortalTime = time.Minute
	mostCodes          = 10_000 // at once
)

type hash = [sha256.Size]byte

// sessions are those that are open, by the hash of what their cookies hold, and the codes
// of portal links that nobody has used yet. Its zero value is empty.
type sessions struct {
	mu    sync.RWMutex
	open  map[hash]*switchhook.Session
	codes map[hash]promise
}

// A promise is what a code stands for, until it ends: a session, and how long that lasts.
type promise struct {
	session *switchhook.Session
	lasts   time.Duration
	ends    time.Time
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

// endSessions ends all of a user's.
func (a *api) endSessions(ctx context.Context, userID string) error {
	for _, s := range a.browsers.drop(func(s *switchhook.Session) bool { return s.UserID == userID }) {
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
// whoever has made the page.
func (a *api) ownPage(r *http.Request) error {
	if err := a.crossOrigin.Check(r); err != nil {
		return switchhook.Errorf(switchhook.CodeForbidden, "a page of another origin may not do this")
	}
	return nil
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
	ended := switchhook.Errorf(switchhook.CodeUnauthorized, "the session has ended; sign in again")
	s, t, at := a.browsers.find(cookie.Value), a.tenants.Load(), time.Now()
	if s == nil || !at.Before(s.ExpiresAt) {
		return caller{}, ended
	}
	c := caller{tenants: t, account: s.AccountID, role: s.Role, operation: operation}
	switch {
	case s.UserID != "":
		u := t.users[s.UserID]
		if u == nil {
			return caller{}, ended
		}
		c.account, c.role, c.actor = u.AccountID, u.Role, switchhook.Actor{UserID: u.ID, Login: u.Login, AccountID: u.AccountID}
	case s.KeyID != "":
		k := t.keyByID(s.KeyID)
		if k == nil || k.expired(at) {
			return caller{}, ended
		}
		c.account, c.role, c.actor = k.AccountID, k.Role, k.actor()
	default:
		c.actor = switchhook.Actor{KeyName: "portal link", AccountID: s.AccountID}
	}
	if t.accounts[c.account] == nil {
		return caller{}, ended
	}
	return c, nil
}

// A signInInput says who signs in.
type signInInput struct {
	Login    string `json:"login,omitzero" doc:"A user's login, with the password."`
	Password string `json:"password,omitzero" doc:"The user's password."`
	Key      string `json:"key,omitzero" doc:"Or an API key."`
	Code     string `json:"code,omitzero" doc:"Or the code of a portal link."`
}

// A sessionView is a session as it is shown.
type sessionView struct {
	AccountID string          `json:"account_id" doc:"The account that it opens, with all below."`
	Role      switchhook.Role `json:"role" enum:"admin,developer,viewer,ingest" doc:"What it may do."`
	UserID    string          `json:"user_id,omitzero" doc:"The user who has signed in."`
	ExpiresAt time.Time       `json:"expires_at,omitzero" doc:"When it ends. Absent: the request has an API key."`
}

type sessionOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      sessionView
}

// A portalInput says what a portal link opens.
type portalInput struct {
	AccountID  string              `json:"account_id,omitzero" doc:"The account that the link opens, with all below. Default: the key's."`
	Role       switchhook.Role     `json:"role,omitzero" enum:"admin,developer,viewer" default:"developer" doc:"What its session may do."`
	SessionFor switchhook.Duration `json:"session_for,omitzero" doc:"How long its session lasts: 1m to 24h. Default: 1h."`
}

// A portalLink is a link that lets somebody in once.
type portalLink struct {
	URL       string    `json:"url" doc:"Where to send the browser."`
	Code      string    `json:"code" doc:"The code in it, for POST /v1/session."`
	ExpiresAt time.Time `json:"expires_at" doc:"Until when the code is good, once."`
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
	handle(a, huma.Operation{
		OperationID: "create-portal-link", Method: http.MethodPost, Path: "/v1/portal-links", Tags: tags, Summary: "Let a customer in from your own site", DefaultStatus: http.StatusCreated,
		Description: "Makes a link with a code that is good once and for 60 seconds: send the browser of somebody there whom your site knows. It becomes a session of one account.",
	}, a.createPortalLink)
	a.mux.HandleFunc("GET /portal", a.openPortal)
	a.document(huma.Operation{
		OperationID: "open-portal", Method: http.MethodGet, Path: "/portal", Tags: tags, Summary: "Follow a portal link", Security: []map[string][]string{{}},
		Parameters: []*huma.Param{{Name: "code", In: "query", Required: true, Description: "The link's code.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses:  map[string]*huma.Response{"303": {Description: "To the page, with the session's cookie"}},
	})
}

// begin opens a session, and returns its cookie.
func (a *api) begin(ctx context.Context, s *switchhook.Session, lasts time.Duration) (*http.Cookie, error) {
	token, h := newToken()
	s.Hash, s.CreatedAt = h[:], now()
	s.ExpiresAt = s.CreatedAt.Add(lasts)
	if err := a.Store.PutSession(ctx, s); err != nil {
		return nil, err
	}
	a.browsers.add(s)
	return a.cookie(ctx, token, lasts), nil
}

func (a *api) cookie(ctx context.Context, token string, lasts time.Duration) *http.Cookie {
	secure := strings.HasPrefix(a.PublicURL, "https://") || requestOf(ctx).TLS != nil
	//nolint:gosec // G124: Secure, where the page is: plain HTTP is for this machine alone
	return &http.Cookie{Name: cookieName, Value: token, Path: "/", MaxAge: int(lasts.Seconds()), Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (a *api) signIn(ctx context.Context, in *struct{ Body jsonBody[signInInput] }) (*sessionOutput, error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	if err := a.ownPage(requestOf(ctx)); err != nil { // or somebody is signed in as somebody else, and does not notice
		return nil, err
	}
	s, lasts, err := a.whoSignsIn(ctx, body)
	if err != nil {
		return nil, err
	}
	cookie, err := a.begin(ctx, s, lasts)
	if err != nil {
		return nil, err
	}
	out := &sessionOutput{SetCookie: cookie.String(), Body: sessionView{AccountID: s.AccountID, Role: s.Role, UserID: s.UserID, ExpiresAt: s.ExpiresAt}}
	t := a.tenants.Load()
	if u := t.users[s.UserID]; u != nil {
		out.Body.AccountID, out.Body.Role = u.AccountID, u.Role
	}
	if k := t.keyByID(s.KeyID); k != nil {
		out.Body.AccountID, out.Body.Role = k.AccountID, k.Role
	}
	return out, nil
}

func (a *api) whoSignsIn(ctx context.Context, in signInInput) (*switchhook.Session, time.Duration, error) {
	given := 0
	for _, v := range []string{in.Login + in.Password, in.Key, in.Code} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		return nil, 0, switchhook.Errorf(switchhook.CodeInvalid, "expected login and password, or key, or code")
	}
	at := time.Now()
	switch t := a.tenants.Load(); {
	case in.Code != "":
		s, lasts := a.browsers.redeem(in.Code, at)
		if s == nil {
			return nil, 0, switchhook.Errorf(switchhook.CodeUnauthorized, "the link was used already, or is older than 60 seconds; ask for another one")
		}
		return s, lasts, t.mayEnter(s.AccountID)
	case in.Key != "":
		k := t.keys[sha256.Sum256([]byte(strings.TrimSpace(in.Key)))]
		if k == nil || k.expired(at) {
			return nil, 0, switchhook.Errorf(switchhook.CodeUnauthorized, "there is no such API key")
		}
		return &switchhook.Session{KeyID: k.ID}, signedIn, t.mayEnter(k.AccountID)
	}
	login := readLogin(in.Login)
	if err := a.mayTry(ctx, login); err != nil {
		return nil, 0, err
	}
	u, kept := a.tenants.Load().byLogin(login), ""
	if u != nil {
		kept = u.Password
	}
	ok, err := a.passwords.matches(ctx, kept, in.Password)
	if err != nil {
		return nil, 0, err
	}
	if !ok {
		return nil, 0, switchhook.Errorf(switchhook.CodeUnauthorized, "the login or the password is wrong")
	}
	return &switchhook.Session{UserID: u.ID}, signedIn, a.tenants.Load().mayEnter(u.AccountID)
}

// mayEnter refuses accounts that are suspended, or gone.
func (t *tenants) mayEnter(account string) error {
	if by := t.suspended[account]; by != "" {
		return suspended(account, by)
	}
	if t.accounts[account] == nil {
		return switchhook.Errorf(switchhook.CodeUnauthorized, "the account is gone")
	}
	return nil
}

// mayTry refuses who guesses passwords: of one login five at once and one in ten seconds,
// from one address (IPv6: one network of 64 bits) twenty and one a second.
func (a *api) mayTry(ctx context.Context, login string) error {
	login = login[:min(len(login), longestLogin)]
	from := a.clientAddr(requestOf(ctx))
	if from.Is6() { // whoever has one IPv6 address has 2^64
		from = netip.PrefixFrom(from.WithZone(""), 64).Masked().Addr()
	}
	wait := a.signIns.take(time.Now(), taking{rate{"login " + login, 0.1, 5}, 1}, taking{rate{"address " + from.String(), 1, 20}, 1})
	if wait > 0 {
		return &tooMany{switchhook.Errorf(codeRateLimited, "too many passwords were tried; the next one is taken in %s", seconds(wait)), wait}
	}
	return nil
}

func (a *api) getSession(ctx context.Context, _ *struct{}) (*output[sessionView], error) {
	c := callerOf(ctx)
	v := sessionView{AccountID: c.account, Role: c.role, UserID: c.actor.UserID}
	if r := requestOf(ctx); r.Header.Get("Authorization") == "" {
		if cookie, err := r.Cookie(cookieName); err == nil {
			if s := a.browsers.find(cookie.Value); s != nil {
				v.ExpiresAt = s.ExpiresAt
			}
		}
	}
	return &output[sessionView]{Body: v}, nil
}

func (a *api) signOut(ctx context.Context, _ *struct{}) (*struct {
	SetCookie string `header:"Set-Cookie"`
}, error,
) {
	out := &struct {
		SetCookie string `header:"Set-Cookie"`
	}{}
	cookie := a.cookie(ctx, "", 0) //nolint:gosec // G124: as there
	cookie.MaxAge = -1
	out.SetCookie = cookie.String()
	r := requestOf(ctx)
	if err := a.ownPage(r); err != nil {
		return nil, err
	}
	given, err := r.Cookie(cookieName)
	if err != nil {
		return out, nil //nolint:nilerr // nobody is signed in
	}
	h := sha256.Sum256([]byte(given.Value))
	for range a.browsers.drop(func(s *switchhook.Session) bool { return hash(s.Hash) == h }) {
		if err := a.Store.DeleteSession(ctx, h[:]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *api) createPortalLink(ctx context.Context, in *struct{ Body jsonBody[portalInput] }) (*output[portalLink], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	account, err := c.owner(body.AccountID)
	if err != nil {
		return nil, err
	}
	if body.Role == "" {
		body.Role = switchhook.RoleDeveloper
	}
	if checkRole(body.Role) != "" || body.Role == switchhook.RoleIngest {
		return nil, switchhook.InvalidField("role", "expected admin, developer or viewer")
	}
	lasts := time.Duration(body.SessionFor)
	if lasts == 0 {
		lasts = portalTime
	}
	if lasts < shortestPortalTime || lasts > longestPortalTime {
		return nil, switchhook.InvalidField("session_for", "expected 1m to 24h")
	}
	code, expires, err := a.browsers.promise(&switchhook.Session{AccountID: account, Role: body.Role}, lasts)
	if err != nil {
		return nil, err
	}
	if err := a.Store.PutAudit(ctx, a.audit(ctx, account, "portal_link", account, nil, plain(portalInput{account, body.Role, switchhook.Duration(lasts)}))); err != nil {
		return nil, err
	}
	return &output[portalLink]{Body: portalLink{URL: a.PublicURL + "/portal?code=" + url.QueryEscape(code), Code: code, ExpiresAt: expires}}, nil
}

// promise makes the code of a session to come.
func (s *sessions) promise(session *switchhook.Session, lasts time.Duration) (code string, expires time.Time, err error) {
	code, h := newToken()
	s.mu.Lock()
	defer s.mu.Unlock()
	at := now()
	maps.DeleteFunc(s.codes, func(_ hash, p promise) bool { return !at.Before(p.ends) })
	if len(s.codes) >= mostCodes {
		return "", time.Time{}, &tooMany{switchhook.Errorf(codeRateLimited, "too many portal links were made within a minute"), codeTime}
	}
	if s.codes == nil {
		s.codes = map[hash]promise{}
	}
	s.codes[h] = promise{session, lasts, at.Add(codeTime)}
	return code, at.Add(codeTime), nil
}

// redeem turns a code into what it promises, once.
func (s *sessions) redeem(code string, at time.Time) (*switchhook.Session, time.Duration) {
	h := sha256.Sum256([]byte(code))
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.codes[h]
	delete(s.codes, h)
	if !ok || !at.Before(p.ends) {
		return nil, 0
	}
	return p.session, p.lasts
}

// openPortal follows a portal link: the code becomes a cookie, and is gone from the URL.
func (a *api) openPortal(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	s, lasts, err := a.whoSignsIn(r.Context(), signInInput{Code: r.URL.Query().Get("code")})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	cookie, err := a.begin(r.Context(), s, lasts)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	http.SetCookie(w, cookie)
	h.Set("Location", "/")
	w.WriteHeader(http.StatusSeeOther)
}
