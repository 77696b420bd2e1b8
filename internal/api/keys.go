package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

const (
	// AdminKeyID is the id of the operator's key, which the program's settings say.
	AdminKeyID = "key_admin"
	// mostKeys bounds how many keys an account has.
	mostKeys = 1000
	// noteEvery is how often it is written down that a key was used.
	noteEvery = time.Minute
	// noteWait is how long that may take: nobody waits for it.
	noteWait = 10 * time.Second
)

// NewAPIKey makes a key, of 24 random bytes.
func NewAPIKey() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return "sk_" + hex.EncodeToString(b[:])
}

// A credential is a key as requests find it.
type credential struct {
	*switchhook.APIKey
	// noted is when its last use was written down, in Unix seconds. It is the same
	// whenever the tenants are read anew.
	noted *atomic.Int64
}

func (k *credential) expired(at time.Time) bool {
	return !k.ExpiresAt.IsZero() && !at.Before(k.ExpiresAt)
}

func (k *credential) actor() switchhook.Actor {
	return switchhook.Actor{KeyID: k.ID, KeyName: k.Name, AccountID: k.AccountID}
}

// credential makes one of a key that was read from the store.
func (r *keyring) credential(k *switchhook.APIKey) *credential {
	c := &credential{APIKey: k}
	if was := r.keyByID[k.ID]; was != nil {
		c.noted = was.noted
		return c
	}
	c.noted = new(atomic.Int64)
	if !k.LastUsedAt.IsZero() {
		c.noted.Store(k.LastUsedAt.Unix())
	}
	return c
}

// use writes down that a key was used, beside the request and once in a while.
func (a *api) use(ctx context.Context, k *credential, at time.Time) {
	last := k.noted.Load()
	if at.Unix()-last < int64(noteEvery/time.Second) || !k.noted.CompareAndSwap(last, at.Unix()) {
		return
	}
	ctx = context.WithoutCancel(ctx) // nor need it end with the request
	go func() {
		ctx, cancel := context.WithTimeout(ctx, noteWait)
		defer cancel()
		if err := a.Store.UseAPIKey(ctx, k.ID, at.Truncate(time.Second)); err != nil {
			a.log.DebugContext(ctx, "it was not written down that a key was used", "key", k.ID, "error", err)
		}
	}()
}

// A apiKeyInput is an API key as a client makes it.
type apiKeyInput struct {
	AccountID string          `json:"account_id,omitzero" doc:"The account that it opens, with all below. Default: the key's that asks. Cannot be changed."`
	Name      string          `json:"name,omitzero" maxLength:"200" doc:"For people. Default: the role."`
	Role      switchhook.Role `json:"role" enum:"admin,developer,viewer,ingest" doc:"What it may do. viewer: read. developer: also webhooks, tests, replays and records, and send events. ingest: send events, and nothing else. admin: everything in its account and those below, also accounts, keys and sources."`
	ExpiresAt time.Time       `json:"expires_at,omitzero" doc:"It is refused from then on. Default: never."`
}

// A apiKeyView is an API key as it is shown.
type apiKeyView struct {
	switchhook.APIKey
	Key string `json:"key,omitzero" doc:"The key itself. Shown at creation, never again." example:"sk_5f0c…"`
}

func (a *api) registerKeys() {
	tags := []string{"API keys"}
	handle(a, huma.Operation{
		OperationID: "create-api-key", Method: http.MethodPost, Path: "/v1/api-keys", Tags: tags, Summary: "Create an API key", DefaultStatus: http.StatusCreated,
		Description: "The answer is the only one that shows the key: only a hash of it is kept.",
	}, a.createKey)
	handle(a, huma.Operation{
		OperationID: "list-api-keys", Method: http.MethodGet, Path: "/v1/api-keys", Tags: tags, Summary: "List API keys",
	}, a.listKeys)
	handle(a, huma.Operation{
		OperationID: "get-api-key", Method: http.MethodGet, Path: "/v1/api-keys/{id}", Tags: tags, Summary: "Get an API key",
	}, a.getKey)
	handle(a, huma.Operation{
		OperationID: "update-api-key", Method: http.MethodPatch, Path: "/v1/api-keys/{id}", Tags: tags, Summary: "Change an API key",
		Description: "JSON Merge Patch (RFC 7396): its name, role and expiry. In force with the next request.",
	}, a.patchKey)
	handle(a, huma.Operation{
		OperationID: "delete-api-key", Method: http.MethodDelete, Path: "/v1/api-keys/{id}", Tags: tags, Summary: "Delete an API key",
		Description: "The next request with it is refused.",
	}, a.deleteKey)
}

func viewKey(k *credential) apiKeyView {
	v := apiKeyView{APIKey: *k.APIKey}
	if s := k.noted.Load(); s > 0 {
		v.LastUsedAt = time.Unix(s, 0).UTC()
	}
	return v
}

// checkKey gathers what is wrong with a key.
func checkKey(in apiKeyInput, changed bool) error {
	var wrong []switchhook.FieldError
	bad := func(field, message string) {
		wrong = append(wrong, switchhook.FieldError{Field: field, Message: message})
	}
	if utf8.RuneCountInString(in.Name) > longestTitle {
		bad("name", "expected at most 200 characters")
	}
	if in.Role == "" {
		bad("role", "is required: admin, developer, viewer or ingest")
	} else if problem := checkRole(in.Role); problem != "" {
		bad("role", problem)
	}
	if changed && !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(time.Now()) {
		bad("expires_at", "expected a time in the future; to end a key now, delete it")
	}
	return invalid(wrong)
}

func (a *api) createKey(ctx context.Context, in *struct{ Body jsonBody[apiKeyInput] }) (*tagged[apiKeyView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	if err := checkKey(body, true); err != nil {
		return nil, err
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	c := a.callerNow(ctx)
	account, err := c.owner(body.AccountID)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, k := range c.keyList {
		if k.AccountID == account {
			n++
		}
	}
	if n >= mostKeys {
		return nil, switchhook.Errorf(switchhook.CodeConflict, "the account %s has %d keys, which is the most; delete some", account, n)
	}
	secret := NewAPIKey()
	hash := sha256.Sum256([]byte(secret))
	k := &switchhook.APIKey{
		ID: switchhook.NewID(switchhook.PrefixAPIKey), AccountID: account, Name: cmp.Or(body.Name, string(body.Role)), Role: body.Role,
		Hash: hash[:], ExpiresAt: body.ExpiresAt.UTC(), CreatedAt: now(),
	}
	k.UpdatedAt = k.CreatedAt
	return a.changedKey(ctx, nil, k, secret)
}

// changedKey keeps a key, brings it into force and shows it.
func (a *api) changedKey(ctx context.Context, before *state, k *switchhook.APIKey, secret string) (*tagged[apiKeyView], error) {
	if err := a.Store.PutAPIKey(ctx, k, a.audit(ctx, k.AccountID, "api_key", k.ID, before, plain(k))); err != nil {
		return nil, err
	}
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	v, err := caller{tenants: a.tenants.Load(), account: switchhook.RootAccount}.key(k.ID)
	if err != nil {
		return nil, err
	}
	view := viewKey(v)
	view.Key = secret
	return tag(k.UpdatedAt, view), nil
}

// key finds a key of the caller's accounts.
func (c caller) key(id string) (*credential, error) {
	if k := c.keyByID[id]; k != nil && c.sees(k.AccountID) {
		return k, nil
	}
	return nil, notFound("API key", id)
}

func (a *api) listKeys(ctx context.Context, in *struct {
	Paging
	AccountID string `query:"account_id" doc:"Only keys of this account. Default: of all that the key opens."`
},
) (*listOutput[apiKeyView], error) {
	c := callerOf(ctx)
	if _, err := c.only(in.AccountID); err != nil {
		return nil, err
	}
	var views []apiKeyView
	for _, k := range c.keyList {
		if c.sees(k.AccountID) && (in.AccountID == "" || in.AccountID == k.AccountID) {
			views = append(views, viewKey(k))
		}
	}
	page, next, err := pageOf(views, in.page(), func(v apiKeyView) string { return v.ID }, sorted)
	if err != nil {
		return nil, err
	}
	return listOf(page, next), nil
}

func (a *api) getKey(ctx context.Context, in *PathID) (*tagged[apiKeyView], error) {
	k, err := callerOf(ctx).key(in.ID)
	if err != nil {
		return nil, err
	}
	return tag(k.UpdatedAt, viewKey(k)), nil
}

// ownKey finds a key that may be changed.
func (a *api) ownKey(ctx context.Context, in ChangeID) (*switchhook.APIKey, error) {
	k, err := a.callerNow(ctx).key(in.ID)
	if err != nil {
		return nil, err
	}
	if in.ID == AdminKeyID {
		return nil, switchhook.Errorf(switchhook.CodeConflict, "the operator's key is what SWITCHHOOK_ADMIN_KEY or the file admin.key says; it cannot be changed here")
	}
	return k.APIKey, in.match(k.UpdatedAt)
}

func (a *api) patchKey(ctx context.Context, in *struct {
	ChangeID
	Body patchBody[apiKeyInput]
},
) (*tagged[apiKeyView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	old, err := a.ownKey(ctx, in.ChangeID)
	if err != nil {
		return nil, err
	}
	next, err := merge(apiKeyInput{AccountID: old.AccountID, Name: old.Name, Role: old.Role, ExpiresAt: old.ExpiresAt}, in.Body.raw, nil)
	if err != nil {
		return nil, err
	}
	if next.AccountID != old.AccountID {
		return nil, switchhook.InvalidField("account_id", "cannot be changed")
	}
	if err := checkKey(next, !next.ExpiresAt.Equal(old.ExpiresAt)); err != nil {
		return nil, err
	}
	k := *old
	k.Name, k.Role, k.ExpiresAt, k.UpdatedAt = cmp.Or(next.Name, string(next.Role)), next.Role, next.ExpiresAt.UTC(), later(old.UpdatedAt)
	return a.changedKey(ctx, plain(old), &k, "")
}

func (a *api) deleteKey(ctx context.Context, in *ChangeID) (*struct{}, error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	k, err := a.ownKey(ctx, *in)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteAPIKey(ctx, k.ID, a.audit(ctx, k.AccountID, "api_key", k.ID, plain(k), nil)); err != nil {
		return nil, err
	}
	return nil, a.reload(ctx)
}
