package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

// longestLogin is the length of the longest e-mail address (RFC 5321), in bytes.
const longestLogin = 254

// longestSubject is the length of the longest subject (OpenID Connect Core 2).
const longestSubject = 255

// A userInput is a user as a client makes it.
type userInput struct {
	AccountID string          `json:"account_id,omitzero" doc:"The account that the user belongs to, and sees with all below. Default: the key's. Cannot be changed."`
	Login     string          `json:"login" maxLength:"254" doc:"What the user signs in with, such as an e-mail address. Case does not count; no two users have the same." example:"ada@example.com"`
	Name      string          `json:"name,omitzero" maxLength:"200" doc:"For people. Default: the login."`
	Role      switchhook.Role `json:"role" enum:"admin,developer,viewer" doc:"What the user may do, as of an API key."`
	Password  string          `json:"password,omitzero" doc:"At least 10 characters. Never shown; a hash of it is kept (argon2id). Another one, or null, ends the user's sessions. Without one the user signs in at the OpenID provider, if there is one."`

	OIDCSubject string `json:"oidc_subject,omitzero" maxLength:"255" doc:"Whom the OpenID provider knows the user as (sub). Absent: whoever has the login there, as a verified e-mail address. Another one ends the user's sessions. Only the operator's keys set it."`
}

// A userView is a user as it is shown.
type userView struct {
	switchhook.User
	HasPassword bool `json:"has_password" doc:"The user can sign in with a password."`
}

func viewUser(u *switchhook.User) userView { return userView{*u, u.Password != ""} }

func (a *api) registerUsers() {
	tags := []string{"Users"}
	handle(a, huma.Operation{
		OperationID: "create-user", Method: http.MethodPost, Path: "/v1/users", Tags: tags, Summary: "Create a user", DefaultStatus: http.StatusCreated,
		Description: "A person who signs in with a login and a password (POST /v1/session), or at the OpenID provider (GET /signin/oidc).",
	}, a.createUser)
	handle(a, huma.Operation{
		OperationID: "list-users", Method: http.MethodGet, Path: "/v1/users", Tags: tags, Summary: "List users",
	}, a.listUsers)
	handle(a, huma.Operation{
		OperationID: "get-user", Method: http.MethodGet, Path: "/v1/users/{id}", Tags: tags, Summary: "Get a user",
	}, a.getUser)
	handle(a, huma.Operation{
		OperationID: "update-user", Method: http.MethodPatch, Path: "/v1/users/{id}", Tags: tags, Summary: "Change a user",
		Description: "JSON Merge Patch (RFC 7396). A role is in force with the next request.",
	}, a.patchUser)
	handle(a, huma.Operation{
		OperationID: "delete-user", Method: http.MethodDelete, Path: "/v1/users/{id}", Tags: tags, Summary: "Delete a user",
		Description: "Its sessions end.",
	}, a.deleteUser)
}

// readLogin is a login as it is kept.
func readLogin(login string) string { return strings.ToLower(strings.TrimSpace(login)) }

// checkUser gathers what is wrong with a user.
func checkUser(in *userInput) error {
	var wrong []switchhook.FieldError
	bad := func(field, message string) {
		wrong = append(wrong, switchhook.FieldError{Field: field, Message: message})
	}
	in.Login = readLogin(in.Login)
	switch {
	case in.Login == "":
		bad("login", "is required: what the user signs in with, such as an e-mail address")
	case len(in.Login) > longestLogin || strings.ContainsFunc(in.Login, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }):
		// What nobody sees, such as U+200B, would let one login look like another's.
		bad("login", "expected at most 254 bytes without blanks and invisible characters")
	}
	if utf8.RuneCountInString(in.Name) > longestTitle {
		bad("name", "expected at most 200 characters")
	}
	if len(in.OIDCSubject) > longestSubject || strings.ContainsFunc(in.OIDCSubject, func(r rune) bool { return r <= ' ' || r > '~' }) {
		bad("oidc_subject", "expected at most 255 printable ASCII characters without blanks")
	}
	if in.Role == "" {
		bad("role", "is required: admin, developer or viewer")
	} else if checkRole(in.Role) != "" || in.Role == switchhook.RoleIngest {
		bad("role", "expected admin, developer or viewer")
	}
	if in.Password != "" {
		if problem := checkPassword(in.Password, in.Login); problem != "" {
			bad("password", problem)
		}
	}
	return invalid(wrong)
}

// mayName reports whether who asks may say whom the provider knows a user as, if they do: a
// customer who named somebody else's subject would have them work in an account of theirs.
func mayName(c caller, names bool) error {
	if names && c.account != switchhook.RootAccount {
		return wrongField(switchhook.CodeForbidden, "oidc_subject", "only the operator's keys say whom the OpenID provider knows a user as")
	}
	return nil
}

func (a *api) createUser(ctx context.Context, in *struct{ Body jsonBody[userInput] }) (*tagged[userView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	if err := checkUser(&body); err != nil {
		return nil, err
	}
	if err := mayName(callerOf(ctx), body.OIDCSubject != ""); err != nil {
		return nil, err
	}
	u := &switchhook.User{
		ID: switchhook.NewID(switchhook.PrefixUser), Login: body.Login, Name: cmp.Or(body.Name, body.Login), Role: body.Role,
		OIDCSubject: body.OIDCSubject, CreatedAt: now(),
	}
	u.UpdatedAt = u.CreatedAt
	if body.Password != "" {
		if u.Password, err = a.passwords.hash(ctx, body.Password); err != nil {
			return nil, err
		}
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	if u.AccountID, err = a.callerNow(ctx).owner(body.AccountID); err != nil {
		return nil, err
	}
	return a.changedUser(ctx, nil, u)
}

// changedUser keeps a user, brings it into force and shows it.
func (a *api) changedUser(ctx context.Context, before *state, u *switchhook.User) (*tagged[userView], error) {
	err := a.Store.PutUser(ctx, u, a.audit(ctx, u.AccountID, "user", u.ID, before, plain(viewUser(u))))
	if err != nil {
		return nil, err
	}
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	return tag(u.UpdatedAt, viewUser(u)), nil
}

// user finds a user of the caller's accounts.
func (c caller) user(id string) (*switchhook.User, error) {
	if u := c.users[id]; u != nil && c.sees(u.AccountID) {
		return u, nil
	}
	return nil, notFound("user", id)
}

func (a *api) listUsers(ctx context.Context, in *struct {
	Paging
	AccountID string `query:"account_id" doc:"Only users of this account. Default: of all that the key opens."`
},
) (*listOutput[userView], error) {
	c := callerOf(ctx)
	if _, err := c.only(in.AccountID); err != nil {
		return nil, err
	}
	var views []userView
	for _, u := range c.users {
		if c.sees(u.AccountID) && (in.AccountID == "" || in.AccountID == u.AccountID) {
			views = append(views, viewUser(u))
		}
	}
	page, next, err := pageOf(views, in.page(), func(v userView) string { return v.ID }, sorted)
	if err != nil {
		return nil, err
	}
	return listOf(page, next), nil
}

func (a *api) getUser(ctx context.Context, in *PathID) (*tagged[userView], error) {
	u, err := callerOf(ctx).user(in.ID)
	if err != nil {
		return nil, err
	}
	return tag(u.UpdatedAt, viewUser(u)), nil
}

func (a *api) patchUser(ctx context.Context, in *struct {
	ChangeID
	Body patchBody[userInput]
},
) (*tagged[userView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	old, err := a.callerNow(ctx).user(in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.match(old.UpdatedAt); err != nil {
		return nil, err
	}
	next, err := merge(userInput{AccountID: old.AccountID, Login: old.Login, Name: old.Name, Role: old.Role, OIDCSubject: old.OIDCSubject}, in.Body.raw, nil)
	if err != nil {
		return nil, err
	}
	if next.AccountID != old.AccountID {
		return nil, switchhook.InvalidField("account_id", "cannot be changed")
	}
	if err := checkUser(&next); err != nil {
		return nil, err
	}
	if err := mayName(callerOf(ctx), next.OIDCSubject != old.OIDCSubject); err != nil {
		return nil, err
	}
	u := *old
	u.Login, u.Name, u.Role, u.OIDCSubject, u.UpdatedAt = next.Login, cmp.Or(next.Name, next.Login), next.Role, next.OIDCSubject, later(old.UpdatedAt)
	if says(in.Body.raw, "password") {
		u.Password = ""
		if next.Password != "" {
			if u.Password, err = a.passwords.hash(ctx, next.Password); err != nil {
				return nil, err
			}
		}
	}
	out, err := a.changedUser(ctx, plain(viewUser(old)), &u)
	if err == nil && (u.Password != old.Password || u.OIDCSubject != old.OIDCSubject) {
		err = a.endSessions(ctx, u.ID, hash{})
	}
	return out, err
}

func (a *api) deleteUser(ctx context.Context, in *ChangeID) (*struct{}, error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	u, err := a.callerNow(ctx).user(in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.match(u.UpdatedAt); err != nil {
		return nil, err
	}
	if err := a.Store.DeleteUser(ctx, u.ID, a.audit(ctx, u.AccountID, "user", u.ID, plain(viewUser(u)), nil)); err != nil {
		return nil, err
	}
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	return nil, a.endSessions(ctx, u.ID, hash{})
}

// byLogin finds who signs in so.
func (t *tenants) byLogin(login string) *switchhook.User {
	for _, u := range t.users {
		if u.Login == login {
			return u
		}
	}
	return nil
}

// usersByID are all users.
func usersByID(users []*switchhook.User) map[string]*switchhook.User {
	m := make(map[string]*switchhook.User, len(users))
	for u := range slices.Values(users) {
		m[u.ID] = u
	}
	return m
}
