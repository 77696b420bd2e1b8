package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

const (
	// A portal link's code is good once, and for so long; its session for an hour, or what
	// is asked for.
	codeTime           = time.Minute
	portalTime         = time.Hour
	longestPortalTime  = 24 * time.Hour
	shortestPortalTime = time.Minute
	mostCodes          = 10_000 // at once
)

// A promise is what a code stands for, until it ends.
type promise struct {
	entry
	ends time.Time
}

// A portalInput says what a portal link opens.
type portalInput struct {
	AccountID  string              `json:"account_id,omitzero" doc:"The account that the link opens, with all below. Default: the key's."`
	Role       switchhook.Role     `json:"role,omitzero" enum:"admin,developer,viewer" default:"developer" doc:"What its session may do."`
	SessionFor switchhook.Duration `json:"session_for,omitzero" doc:"How long its session lasts: 1m to 24h. Default: 1h."`
	Embed      bool                `json:"embed,omitzero" doc:"The link is for a frame (iframe) in your page, whose origin is in the portal.frame_ancestors of the account or of one above it."`
}

// A portalLink is a link that lets somebody in once.
type portalLink struct {
	URL       string    `json:"url" doc:"Where to send the browser."`
	Code      string    `json:"code" doc:"The code in it, for POST /v1/session."`
	ExpiresAt time.Time `json:"expires_at" doc:"Until when the code is good, once."`
}

func (a *api) registerPortal() {
	tags := []string{"Sign-in"}
	handle(a, huma.Operation{
		OperationID: "create-portal-link", Method: http.MethodPost, Path: "/v1/portal-links", Tags: tags, Summary: "Let a customer in from your own site", DefaultStatus: http.StatusCreated,
		Description: "Makes a link with a code that is good once and for 60 seconds: send the browser of somebody there whom your site knows, or a frame in your page (embed). It becomes a session of one account.",
	}, a.createPortalLink)
	a.mux.HandleFunc("GET /portal", a.openPortal)
	a.mux.HandleFunc("POST /portal", a.goOnToPortal)
	a.documentPage(huma.Operation{
		OperationID: "open-portal", Method: http.MethodGet, Path: "/portal", Tags: tags, Summary: "Follow a portal link",
		Description: "Who is signed in already as somebody else is asked first.",
		Parameters:  []*huma.Param{{Name: "code", In: "query", Required: true, Description: "The link's code.", Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "The page that asks", Content: htmlResponse().Content},
			"303": {Description: "To the page, with the session's cookie"},
		},
	})
	a.documentPage(huma.Operation{
		OperationID: "confirm-portal", Method: http.MethodPost, Path: "/portal", Tags: tags, Summary: "Follow a portal link, though signed in as somebody else",
		Description: "What the button does of the page that asks.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/x-www-form-urlencoded": {Schema: &huma.Schema{
			Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": {Type: huma.TypeString, Description: "The link's code."}},
		}}}},
		Responses: map[string]*huma.Response{"303": {Description: "To the page, with the session's cookie"}},
	})
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
	if body.Embed {
		if err := a.mayEmbed(c, account); err != nil {
			return nil, err
		}
	}
	code, expires, err := a.browsers.promise(entry{&switchhook.Session{AccountID: account, Role: body.Role}, lasts, "portal_link", body.Embed})
	if err != nil {
		return nil, err
	}
	if err := a.Store.PutAudit(ctx, a.audit(ctx, account, "portal_link", account, nil, plain(portalInput{account, body.Role, switchhook.Duration(lasts), body.Embed}))); err != nil {
		return nil, err
	}
	return &output[portalLink]{Body: portalLink{URL: a.PublicURL + "/portal?code=" + url.QueryEscape(code), Code: code, ExpiresAt: expires}}, nil
}

// mayEmbed says why a frame would stay empty.
func (a *api) mayEmbed(c caller, account string) error {
	if len(c.portal(account).FrameAncestors) == 0 {
		return switchhook.InvalidField("embed", "no page may have the portal of %s in a frame: neither it nor an account above it has portal.frame_ancestors", account)
	}
	if u, err := url.Parse(a.PublicURL); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return switchhook.InvalidField("embed", "browsers take a cookie in a frame by HTTPS alone, and this server is %s; see --public-url", a.PublicURL)
	}
	return nil
}

// promise makes the code of a session to come.
func (s *sessions) promise(e entry) (code string, expires time.Time, err error) {
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
	s.codes[h] = promise{e, at.Add(codeTime)}
	return code, at.Add(codeTime), nil
}

// promised is what a code stands for, which stays good.
func (s *sessions) promised(code string, at time.Time) (e entry, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, ok := s.codes[sha256.Sum256([]byte(code))]
	return p.entry, ok && at.Before(p.ends)
}

// redeem turns a code into what it promises, once.
func (s *sessions) redeem(code string, at time.Time) (e entry, ok bool) {
	h := sha256.Sum256([]byte(code))
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.codes[h]
	delete(s.codes, h)
	return p.entry, ok && at.Before(p.ends)
}

// openPortal follows a portal link: the code becomes a cookie, and is gone from the URL. Who
// is signed in as somebody else is asked first: any page can send a browser here, to an account
// of its maker's, and who does not notice would set up there what is secret.
func (a *api) openPortal(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Query().Get("code")
	if q, ok := a.asSomebodyElse(r, code); ok {
		askWhether(w, q)
		return
	}
	a.followPortal(w, r, code)
}

// asSomebodyElse reports whether who follows the link of a code is signed in, but not by a
// link into the same account, as who comes from the same site again is.
func (a *api) asSomebodyElse(r *http.Request, code string) (q question, ok bool) {
	e, good := a.browsers.promised(code, time.Now())
	cookie, err := r.Cookie(cookieName)
	if !good || e.framed || err != nil { // a session in a frame is beside this one
		return question{}, false
	}
	c, in := a.holder(cookie)
	if !in {
		return question{}, false
	}
	into, seen := c.accounts[e.session.AccountID], c.session(time.Time{}, false)
	if into == nil || seen.Kind == "portal_link" && c.account == into.ID {
		return question{}, false
	}
	return question{Who: cmp.Or(seen.Name, seen.AccountName), Into: into.Name, Code: code}, true
}

// goOnToPortal is what the button does of the page that asked.
func (a *api) goOnToPortal(w http.ResponseWriter, r *http.Request) {
	if err := a.ownPage(r); err != nil {
		a.failPage(w, r, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	a.followPortal(w, r, r.PostFormValue("code"))
}

func (a *api) followPortal(w http.ResponseWriter, r *http.Request, code string) {
	e, err := a.whoSignsIn(r.Context(), signInInput{Code: code})
	if err != nil {
		a.failPage(w, r, err)
		return
	}
	a.enter(w, r, e, "/")
}

// enter opens a session for a browser that asked for a page, and sends it to another one.
func (a *api) enter(w http.ResponseWriter, r *http.Request, e entry, to string) {
	_, cookies, err := a.begin(r.Context(), e)
	if err != nil {
		a.failPage(w, r, err)
		return
	}
	h := w.Header()
	for _, cookie := range cookies {
		h.Add("Set-Cookie", cookie)
	}
	redirect(w, to)
}

// redirect sends a browser elsewhere, which is told by nobody where it comes from.
func redirect(w http.ResponseWriter, to string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
