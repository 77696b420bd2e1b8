package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// MakeAccounts makes the accounts that a source's system has and we have not, with the checks and
// the audit of POST /v1/accounts, and says why it did not make one. What is there stays as people
// have made it, but that an account without a name gets one, and that one moves down, to an
// account that lies below the one that it is in.
func (a *API) MakeAccounts(ctx context.Context, s *switchhook.Source, tenants []source.Tenant) (refused []error, err error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	now := *a.tenants.Load()
	if now.sources[s.ID] == nil || now.accounts[s.AccountID] == nil {
		return nil, nil // it is being deleted
	}
	m := &maker{api: a.api, caller: caller{tenants: &now, account: s.AccountID, actor: switchhook.Actor{KeyName: "source " + s.ID, AccountID: s.AccountID}}}
	for i := range tenants {
		err := m.settle(ctx, &tenants[i])
		if code := switchhook.ErrorCode(err); err != nil && (code == "" || code == switchhook.CodeUnavailable) {
			return nil, err // it is tried again; what was made by then is met again
		} else if err != nil {
			refused = append(refused, err)
		}
	}
	if m.stale {
		err = m.api.reload(ctx)
	}
	return refused, err
}

// A maker makes accounts for a source, which may do so below its own.
type maker struct {
	caller
	api    *api
	copied bool // the tree is our own
	stale  bool // what is in force is not what the store has
	count  int  // of accounts below the source's own; 0: not counted yet
}

// settle makes an account, and those above it, each below the one before.
func (m *maker) settle(ctx context.Context, t *source.Tenant) (err error) {
	at := m.account
	for _, id := range t.Above {
		if at, err = m.put(ctx, &source.Tenant{ID: id, Most: t.Most}, at); err != nil {
			return err
		}
	}
	_, err = m.put(ctx, t, at)
	return err
}

// put makes an account below another, or moves it there, and returns where those below it
// belong.
func (m *maker) put(ctx context.Context, t *source.Tenant, parent string) (string, error) {
	old := m.accounts[t.ID]
	switch {
	case t.ID == m.account:
		return t.ID, nil
	case old == nil:
		return t.ID, m.create(ctx, t, parent)
	case !m.sees(t.ID):
		return parent, nil // it is somebody else's
	}
	next := *old
	if name := cmp.Or(t.Name, t.Realm); name != "" && (old.Name == old.ID || old.Name == t.Realm) {
		next.Name = short(name)
	}
	deeper := parent != old.ParentID && caller{tenants: m.tenants, account: old.ParentID}.sees(parent) && !caller{tenants: m.tenants, account: t.ID}.sees(parent)
	if deeper {
		if err := m.place(&next, parent); err != nil {
			return t.ID, err
		}
	}
	if next.Name == old.Name && !deeper {
		return t.ID, nil
	}
	next.UpdatedAt = later(old.UpdatedAt)
	m.operation = "update-account"
	err := m.api.Store.UpdateAccount(ctx, &next, m.entry(next.ID, "account", next.ID, accountState(old, m.flows[old.ID]), accountState(&next, m.flows[next.ID])))
	if err == nil {
		m.know(&next)
	}
	return t.ID, err
}

// create makes an account.
func (m *maker) create(ctx context.Context, t *source.Tenant, parent string) error {
	if !switchhook.ValidAccountID(t.ID) {
		return switchhook.InvalidField("id", "the phone system's account %.80q was not made: expected 1 to 64 characters of a-z 0-9 _ -", t.ID)
	}
	if m.count == 0 {
		m.count = len(m.below())
	}
	if m.count > t.Most {
		return switchhook.Errorf(switchhook.CodeConflict,
			"the phone system's account %s was not made: below %s there are %d, and the source makes no more than that (max_accounts); what happens in it belongs to %s", t.ID, m.account, m.count-1, m.account)
	}
	acc := &switchhook.Account{ID: t.ID, Name: short(cmp.Or(t.Name, t.Realm, t.ID)), CreatedAt: now()}
	acc.UpdatedAt = acc.CreatedAt
	if err := m.place(acc, parent); err != nil {
		return err
	}
	m.operation = "create-account"
	err := m.api.Store.CreateAccount(ctx, acc, m.entry(acc.ID, "account", acc.ID, nil, accountState(acc, false)))
	switch {
	case err == nil:
		m.count++
		m.know(acc)
	case switchhook.ErrorCode(err) == switchhook.CodeConflict:
		m.stale = true // an earlier try has made it, or
		return nil     // somebody has deleted it; it does not come back
	}
	return err
}

// know has an account among those that are there.
func (m *maker) know(acc *switchhook.Account) {
	if !m.copied {
		m.tree = newTree(m.tree.rows) // others read the one that it was
		m.copied = true
	}
	m.stale = true
	if old := m.accounts[acc.ID]; old != nil {
		siblings := m.children[old.ParentID]
		m.children[old.ParentID] = slices.DeleteFunc(siblings, func(id string) bool { return id == acc.ID })
	}
	m.accounts[acc.ID] = acc
	m.children[acc.ParentID] = append(m.children[acc.ParentID], acc.ID)
}

// short is a name of a length that is allowed.
func short(name string) string {
	if runes := []rune(name); len(runes) > longestTitle {
		return string(runes[:longestTitle])
	}
	return name
}
