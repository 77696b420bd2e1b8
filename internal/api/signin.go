package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// A signInInput says who signs in.
type signInInput struct {
	Login    string `json:"login,omitzero" doc:"A user's login, with the password."`
	Password string `json:"password,omitzero" doc:"The user's password."`
	Key      string `json:"key,omitzero" doc:"Or an API key."`
	Code     string `json:"code,omitzero" doc:"Or the code of a portal link."`
}

// A signInState is what the audit log says of a sign-in.
type signInState struct {
	Way      string `json:"way"`
	Embedded bool   `json:"embedded,omitzero"`
	Refused  string `json:"refused,omitzero"` // why
}

// A waysView is how one can sign in, and how the page looks that asks for it.
type waysView struct {
	Password bool     `json:"password" doc:"With login and password: POST /v1/session."`
	Key      bool     `json:"key" doc:"With an API key: POST /v1/session."`
	OIDC     *oidcWay `json:"oidc,omitzero" doc:"At the operator's OpenID provider. Absent: not offered."`
	Brand    brand    `json:"brand" doc:"How the page is to look: as the operator's account has it."`

	Session *sessionView `json:"session,omitzero" doc:"Who is signed in in this browser, as GET /v1/session says it. Absent: nobody."`
}

// An oidcWay is the button of the OpenID provider.
type oidcWay struct {
	Name string `json:"name" doc:"What the provider is called, for the button."`
	URL  string `json:"url" doc:"Where to send the browser. return, in its query, is the path of our page to come back to."`
}

// A passwordInput is a user's new password.
type passwordInput struct {
	Current string `json:"current" doc:"The password until now."`
	New     string `json:"new" doc:"At least 10 characters."`
}

func (a *api) listWays(ctx context.Context, _ *struct{}) (*output[waysView], error) {
	v := waysView{Password: true, Key: true, Brand: a.tenants.Load().brand(switchhook.RootAccount)}
	if a.OpenID != nil {
		v.OIDC = &oidcWay{Name: a.OpenIDName, URL: oidcPath}
	}
	// The page asks here who looks at it: to be nobody is no error, which a browser would log.
	if r := requestOf(ctx); a.ownPage(r) == nil {
		if cookie, framed := cookieOf(r); cookie != nil {
			s := a.browsers.find(cookie.Value)
			if c, ok := a.holder(cookie); ok && s != nil && c.suspended[c.account] == "" {
				seen := c.session(s.ExpiresAt, framed)
				v.Session = &seen
			}
		}
	}
	return &output[waysView]{Body: v}, nil
}

func (a *api) signIn(ctx context.Context, in *struct{ Body jsonBody[signInInput] }) (*sessionOutput, error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	if err := a.ownPage(requestOf(ctx)); err != nil { // or somebody is signed in as somebody else, and does not notice
		return nil, err
	}
	e, err := a.whoSignsIn(ctx, body)
	if err != nil {
		return nil, err
	}
	c, cookies, err := a.begin(ctx, e)
	if err != nil {
		return nil, err
	}
	return &sessionOutput{SetCookie: cookies, Body: c.session(e.session.ExpiresAt, e.framed)}, nil
}

// whoSignsIn finds who is let in with what was given. That somebody is not is said in the
// audit log.
func (a *api) whoSignsIn(ctx context.Context, in signInInput) (entry, error) {
	given, way := 0, "password"
	for name, v := range map[string]string{"password": in.Login + in.Password, "key": in.Key, "portal_link": in.Code} {
		if v != "" {
			given, way = given+1, name
		}
	}
	if given != 1 {
		return entry{}, switchhook.Errorf(switchhook.CodeInvalid, "expected login and password, or key, or code")
	}
	var e entry
	var who *switchhook.User
	var err error
	switch t, at := a.tenants.Load(), time.Now(); way {
	case "portal_link":
		e, err = a.byCode(t, in.Code, at)
	case "key":
		e, err = t.byKey(in.Key, at)
	default:
		e, who, err = a.byPassword(ctx, in)
	}
	if err != nil {
		a.refuseSignIn(ctx, way, who, err)
	}
	return e, err
}

func (a *api) byCode(t *tenants, code string, at time.Time) (entry, error) {
	e, ok := a.browsers.redeem(code, at)
	if !ok {
		return entry{}, switchhook.Errorf(switchhook.CodeUnauthorized, "the link was used already, or is older than 60 seconds; ask for another one")
	}
	return e, t.mayEnter(e.session.AccountID)
}

func (t *tenants) byKey(key string, at time.Time) (entry, error) {
	k := t.keys[sha256.Sum256([]byte(strings.TrimSpace(key)))]
	if k == nil || k.expired(at) {
		return entry{}, switchhook.Errorf(switchhook.CodeUnauthorized, "there is no such API key")
	}
	return entry{&switchhook.Session{KeyID: k.ID}, signedIn, "key", false}, t.mayEnter(k.AccountID)
}

// byPassword finds the user of a login, too, if the password is wrong.
func (a *api) byPassword(ctx context.Context, in signInInput) (entry, *switchhook.User, error) {
	login := readLogin(in.Login)
	u, kept := a.tenants.Load().byLogin(login), ""
	if err := a.mayTry(ctx, login); err != nil {
		return entry{}, u, err
	}
	if u != nil {
		kept = u.Password
	}
	ok, err := a.passwords.matches(ctx, kept, in.Password)
	switch {
	case err != nil:
		return entry{}, u, err
	case !ok:
		return entry{}, u, switchhook.Errorf(switchhook.CodeUnauthorized, "the login or the password is wrong")
	}
	return entry{&switchhook.Session{UserID: u.ID}, signedIn, "password", false}, u, a.tenants.Load().mayEnter(u.AccountID)
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

// mayTry refuses who guesses passwords, or asks a provider for much: of one login five at once and one in ten seconds,
// from one address (IPv6: one network of 64 bits) twenty and one a second.
func (a *api) mayTry(ctx context.Context, login string) error {
	login = login[:min(len(login), longestLogin)]
	from := a.clientAddr(requestOf(ctx))
	if from.Is6() { // whoever has one IPv6 address has 2^64
		from = netip.PrefixFrom(from.WithZone(""), 64).Masked().Addr()
	}
	of := []taking{{rate{"address " + from.String(), 1, 20}, 1}}
	if login != "" {
		of = append(of, taking{rate{"login " + login, 0.1, 5}, 1})
	}
	wait := a.signIns.take(time.Now(), of...)
	if wait > 0 {
		return &tooMany{switchhook.Errorf(codeRateLimited, "too many sign-ins were tried; the next one is taken in %s", seconds(wait)), wait}
	}
	return nil
}

// refuseSignIn says in the audit log that somebody was not let in: of the account of the
// user whom they said to be; if there is none, of the operator's, without what was given
// as the login, which may be a password. Of many at once a few are said.
func (a *api) refuseSignIn(ctx context.Context, way string, u *switchhook.User, why error) {
	e, ok := errors.AsType[*switchhook.Error](why)
	if !ok || e.Code == switchhook.CodeUnavailable {
		return // it is no judgement
	}
	c := caller{tenants: a.tenants.Load(), account: switchhook.RootAccount, operation: "refuse-sign-in", actor: switchhook.Actor{AccountID: switchhook.RootAccount}}
	id, r := "", rate{"refused", 0.1, 20}
	if u != nil {
		c.account, c.actor = u.AccountID, switchhook.Actor{Login: u.Login, AccountID: u.AccountID}
		id, r = u.ID, rate{"refused " + u.ID, 1. / 60, 5}
	}
	if a.signIns.take(time.Now(), taking{r, 1}) > 0 {
		return
	}
	if err := a.Store.PutAudit(ctx, a.auditOf(ctx, c, c.account, "session", id, nil, plain(signInState{Way: way, Refused: e.Message}))); err != nil {
		a.log.WarnContext(ctx, "a refused sign-in is missing in the audit log", "error", err)
	}
}

func (a *api) changePassword(ctx context.Context, in *struct{ Body jsonBody[passwordInput] }) (*struct{}, error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	u := c.users[c.actor.UserID]
	switch {
	case u == nil:
		return nil, switchhook.Errorf(switchhook.CodeConflict, "only a user who has signed in has a password to change")
	case u.Password == "":
		return nil, switchhook.Errorf(switchhook.CodeConflict, "there is no password to change; whoever manages the account can set one")
	}
	if err := a.mayTry(ctx, u.Login); err != nil {
		return nil, err
	}
	ok, err := a.passwords.matches(ctx, u.Password, body.Current)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, switchhook.InvalidField("current", "is not the password")
	}
	if body.New == body.Current {
		return nil, switchhook.InvalidField("new", "is the password that it was")
	}
	if problem := checkPassword(body.New, u.Login); problem != "" {
		return nil, switchhook.InvalidField("new", "%s", problem)
	}
	kept, err := a.passwords.hash(ctx, body.New)
	if err != nil {
		return nil, err
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	next := a.callerNow(ctx).users[u.ID]
	if next == nil || next.Password != u.Password {
		return nil, switchhook.Errorf(switchhook.CodeConflict, "somebody else has changed the password meanwhile")
	}
	changed := *next
	changed.Password, changed.UpdatedAt = kept, later(next.UpdatedAt)
	if err := a.Store.PutUser(ctx, &changed, a.audit(ctx, u.AccountID, "user", u.ID, nil, plain(map[string]string{"password": mask}))); err != nil {
		return nil, err
	}
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	cookie, _ := cookieOf(requestOf(ctx)) // a user has no other way to be here
	return nil, a.endSessions(ctx, u.ID, sha256.Sum256([]byte(cookie.Value)))
}
