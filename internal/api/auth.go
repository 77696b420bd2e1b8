package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// tenants is who is there: accounts, their keys and their sources, and which may
// let call flows send requests. It is read
// whole and never changed, so requests use it without a lock.
type tenants struct {
	*keyring
	*tree
	users   map[string]*switchhook.User
	sources map[string]*switchhook.Source
	flows   map[string]bool // the accounts whose call flows may send requests
	// retention is the server's; 0: for ever.
	retention switchhook.Duration
}

// A keyring is all API keys.
type keyring struct {
	rows    []*switchhook.APIKey // what it was made of
	keys    map[[sha256.Size]byte]*credential
	keyList []*credential
	keyByID map[string]*credential
}

// A tree is all accounts.
type tree struct {
	rows     []*switchhook.Account // what it was made of
	accounts map[string]*switchhook.Account
	children map[string][]string
	// suspended names for each account that is, the one that was: itself, or one above.
	suspended map[string]string
	// bounds are those of the accounts for which there are any.
	bounds map[string]*bounds
	logos  map[string]string // by their paths
}

// readTenants reads who is there. Of what has not changed since, all is as it was.
func (a *api) readTenants(ctx context.Context) error {
	keys, err := a.Store.APIKeys(ctx)
	if err != nil {
		return fmt.Errorf("read the API keys: %w", err)
	}
	users, err := a.Store.Users(ctx)
	if err != nil {
		return fmt.Errorf("read the users: %w", err)
	}
	accounts, err := a.Store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	sources, err := a.Store.Sources(ctx)
	if err != nil {
		return fmt.Errorf("read the sources: %w", err)
	}
	webhooks, err := a.Store.Webhooks(ctx)
	if err != nil {
		return fmt.Errorf("read the webhooks: %w", err)
	}
	t, old := &tenants{
		users: usersByID(users), sources: map[string]*switchhook.Source{}, flows: map[string]bool{}, retention: switchhook.Duration(a.Retention),
	}, a.tenants.Load()
	if old == nil {
		old = &tenants{keyring: &keyring{}, tree: &tree{}}
	}
	if t.keyring = old.keyring; t.keys == nil || !slices.Equal(t.keyring.rows, keys) {
		t.keyring = newKeyring(keys, old.keyring)
	}
	if t.tree = old.tree; t.accounts == nil || !slices.Equal(t.tree.rows, accounts) {
		t.tree = newTree(accounts)
	}
	for _, m := range []*meter{&a.requests, &a.events, &a.signIns} {
		m.forget(time.Now())
	}
	for _, s := range sources {
		t.sources[s.ID] = s
	}
	for _, w := range webhooks {
		if w.Flow && w.Enabled {
			t.flows[w.AccountID] = true
		}
	}
	a.tenants.Store(t)
	return nil
}

func newKeyring(keys []*switchhook.APIKey, old *keyring) *keyring {
	r := &keyring{rows: keys, keys: map[[sha256.Size]byte]*credential{}, keyByID: map[string]*credential{}}
	for _, k := range keys {
		c := old.credential(k)
		r.keyList, r.keyByID[k.ID] = append(r.keyList, c), c
		if len(k.Hash) == sha256.Size {
			r.keys[[sha256.Size]byte(k.Hash)] = c
		}
	}
	return r
}

func newTree(accounts []*switchhook.Account) *tree {
	t := &tree{rows: accounts, accounts: map[string]*switchhook.Account{}, children: map[string][]string{}, suspended: map[string]string{}, bounds: map[string]*bounds{}, logos: map[string]string{}}
	for _, acc := range accounts {
		t.accounts[acc.ID] = acc
		if p := acc.Portal; p != nil && p.Logo != "" {
			t.logos[logoAt(p.Logo)] = p.Logo
		}
		if acc.ParentID != "" {
			t.children[acc.ParentID] = append(t.children[acc.ParentID], acc.ID)
		}
	}
	t.suspend()
	t.bound()
	return t
}

// suspend finds the accounts that are suspended, and those below them.
func (t *tree) suspend() {
	for id, acc := range t.accounts {
		if acc.SuspendedAt.IsZero() {
			continue
		}
		for _, below := range t.below(id) {
			if t.suspended[below] == "" || below == id {
				t.suspended[below] = id
			}
		}
	}
}

// A caller is who makes a request: the key with its account and role, among the
// tenants as they were when the request came.
type caller struct {
	*tenants
	account   string
	role      switchhook.Role
	actor     switchhook.Actor // who it is, for the audit log
	operation string           // what the request asks for
}

// callerOf is who makes the request. Every operation behind a key has one.
func callerOf(ctx context.Context) caller {
	ex, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok || !ex.asked {
		panic("api: an operation without a key asked whose it is")
	}
	return ex.caller
}

// ask remembers who makes the request: nobody, where no key is needed.
func ask(ctx context.Context, c caller) {
	if ex, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		ex.caller, ex.asked = c, true
	}
}

// sees reports whether an account is the caller's own or below it.
func (c caller) sees(accountID string) bool {
	// The tree is as deep as the operator built it; a loop in it, which the
	// store cannot have, would end after as many steps as there are accounts.
	for range len(c.accounts) {
		acc := c.accounts[accountID]
		if acc == nil {
			return false
		}
		if acc.ID == c.account {
			return true
		}
		accountID = acc.ParentID
	}
	return false
}

// all lists the accounts that the caller sees; nil means every account.
func (c caller) all() []string {
	if c.account == switchhook.RootAccount {
		return nil
	}
	return c.below()
}

// below lists the caller's account and all below it.
func (c caller) below() []string { return c.tree.below(c.account) }

// below lists an account and all below it.
func (t *tree) below(account string) []string {
	list := []string{account}
	for i := 0; i < len(list); i++ {
		list = append(list, t.children[list[i]]...)
	}
	return list
}

// only is what a list is narrowed to: the one account that is asked for, or all
// that the caller sees.
func (c caller) only(accountID string) ([]string, error) {
	if accountID == "" {
		return c.all(), nil
	}
	if !c.sees(accountID) {
		return nil, unknownAccount("account_id", accountID)
	}
	return []string{accountID}, nil
}

// owner is the account that a new thing belongs to: the one that is named, or
// the caller's own.
func (c caller) owner(accountID string) (string, error) {
	if accountID == "" {
		return c.account, nil
	}
	if !c.sees(accountID) {
		return "", unknownAccount("account_id", accountID)
	}
	return accountID, nil
}

// callerNow is who makes the request, among the tenants as they are now and not as
// they were when it came. Who changes something holds Changes and asks this.
func (a *api) callerNow(ctx context.Context) caller {
	c := callerOf(ctx)
	c.tenants = a.tenants.Load()
	return c
}

func unknownAccount(field, id string) *switchhook.Error {
	return wrongField(switchhook.CodeUnknownAccount, field, "there is no account %q that this key opens", id)
}

// suspended is the error of an account that is.
func suspended(account, by string) error {
	if account == by {
		return switchhook.Errorf(switchhook.CodeSuspended, "the account %s is suspended; whoever runs the account above it can say why, and resume it", account)
	}
	return switchhook.Errorf(switchhook.CodeSuspended, "the account %s is suspended, for an account above it is", account)
}

// authenticate finds whose key the request has, or whose session, and whether it may do
// the operation.
func (a *api) authenticate(r *http.Request, operation string) (caller, error) {
	c, counted, err := a.identify(r, operation)
	if err != nil {
		return caller{}, err
	}
	if err := a.mayAsk(c, counted); err != nil {
		return caller{}, err
	}
	return c, c.may(operation)
}

// authorize is authenticate that counts nothing: for what goes on for long, and looks
// now and then whether it still may.
func (a *api) authorize(r *http.Request, operation string) (caller, error) {
	c, _, err := a.identify(r, operation)
	if err != nil {
		return caller{}, err
	}
	return c, c.may(operation)
}

// identify finds who makes a request, and what their requests are counted under.
func (a *api) identify(r *http.Request, operation string) (c caller, counted string, err error) {
	if c, counted, err = a.byKeyOrSession(r, operation); err != nil {
		return caller{}, "", err
	}
	if by := c.suspended[c.account]; by != "" {
		return caller{}, "", suspended(c.account, by)
	}
	return c, counted, nil
}

func (a *api) byKeyOrSession(r *http.Request, operation string) (c caller, counted string, err error) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		if cookie, _ := cookieOf(r); cookie != nil && scheme == "" {
			c, err := a.bySession(r, cookie, operation)
			return c, cmp.Or(c.actor.UserID, c.actor.KeyID, "portal "+c.account), err
		}
		return caller{}, "", switchhook.Errorf(switchhook.CodeUnauthorized, "an API key is needed: send it as Authorization: Bearer KEY")
	}
	t, at := a.tenants.Load(), time.Now()
	// A hash of what the caller sent is looked up, so the time that it takes
	// says nothing about the keys.
	k := t.keys[sha256.Sum256([]byte(key))]
	switch {
	case k == nil || t.accounts[k.AccountID] == nil:
		return caller{}, "", switchhook.Errorf(switchhook.CodeUnauthorized, "there is no such API key")
	case k.expired(at):
		return caller{}, "", switchhook.Errorf(switchhook.CodeUnauthorized, "the API key expired at %s", k.ExpiresAt.Format(time.RFC3339))
	}
	if t.suspended[k.AccountID] == "" {
		a.use(r.Context(), k, at)
	}
	return caller{tenants: t, account: k.AccountID, role: k.Role, actor: k.actor(), operation: operation}, k.ID, nil
}

// withKey lets only requests with a key that may do the operation through to a plain
// handler.
func (a *api) withKey(operation string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := a.authenticate(r, operation)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		ask(r.Context(), c)
		h(w, r)
	}
}
