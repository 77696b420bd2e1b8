package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

// An accountInput is an account as a client makes it.
type accountInput struct {
	ID       string `json:"id,omitzero" pattern:"^[a-z0-9_-]{1,64}$" doc:"Chosen, or acc_… if left out."`
	ParentID string `json:"parent_id,omitzero" doc:"The account above it. Default: the key's."`
	Name     string `json:"name,omitzero" maxLength:"200" doc:"For people. Default: the id."`

	FlowWebhooks bool `json:"flow_webhooks,omitzero" doc:"Call flows may send requests to addresses that the flow names (flow.webhook). A webhook of the account's with flow: true makes them: it has a secret and a history like any other."`
}

// An accountView is an account as it is shown.
type accountView struct {
	switchhook.Account
	FlowWebhooks bool `json:"flow_webhooks" doc:"Call flows may send requests to addresses that the flow names."`
}

func (c caller) view(acc *switchhook.Account) accountView {
	return accountView{*acc, c.flows[acc.ID]}
}

func (a *api) registerAccounts() {
	handle(a, huma.Operation{
		OperationID: "create-account", Method: http.MethodPost, Path: "/v1/accounts", Tags: []string{"Accounts"}, Summary: "Create an account",
		DefaultStatus: http.StatusCreated,
	}, a.createAccount)
	handle(a, huma.Operation{
		OperationID: "list-accounts", Method: http.MethodGet, Path: "/v1/accounts", Tags: []string{"Accounts"}, Summary: "List accounts",
		Description: "The key's own and all below it.",
	}, a.listAccounts)
	handle(a, huma.Operation{
		OperationID: "get-account", Method: http.MethodGet, Path: "/v1/accounts/{id}", Tags: []string{"Accounts"}, Summary: "Get an account",
	}, a.getAccount)
	handle(a, huma.Operation{
		OperationID: "update-account", Method: http.MethodPatch, Path: "/v1/accounts/{id}", Tags: []string{"Accounts"}, Summary: "Change an account",
		Description: "JSON Merge Patch (RFC 7396): its name, and whether its call flows may send requests.",
	}, a.patchAccount)
}

func (a *api) createAccount(ctx context.Context, in *struct{ Body jsonBody[accountInput] }) (*output[accountView], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	acc := &switchhook.Account{ID: body.ID, ParentID: body.ParentID, Name: body.Name, CreatedAt: now()}
	if acc.ID == "" {
		acc.ID = switchhook.NewID(switchhook.PrefixAccount)
	} else if !switchhook.ValidAccountID(acc.ID) {
		return nil, switchhook.InvalidField("id", "expected 1 to 64 characters of a-z 0-9 _ -")
	}
	if acc.ParentID == "" {
		acc.ParentID = c.account
	} else if !c.sees(acc.ParentID) {
		return nil, unknownAccount("parent_id", acc.ParentID)
	}
	if acc.Name, err = accountName(body.Name, acc.ID); err != nil {
		return nil, err
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	if err := a.Store.CreateAccount(ctx, acc); err != nil {
		return nil, taken(err, "account", acc.ID)
	}
	return a.changedAccount(ctx, acc, body.FlowWebhooks)
}

// changedAccount brings an account into force and shows it.
func (a *api) changedAccount(ctx context.Context, acc *switchhook.Account, flows bool) (*output[accountView], error) {
	if err := a.setFlowWebhooks(ctx, acc.ID, flows); err != nil {
		return nil, err
	}
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	return &output[accountView]{Body: caller{tenants: a.tenants.Load()}.view(acc)}, nil
}

func (a *api) patchAccount(ctx context.Context, in *struct {
	PathID
	Body patchBody[accountInput]
},
) (*output[accountView], error) {
	a.Changes.Lock()
	defer a.Changes.Unlock()
	c := a.callerNow(ctx)
	if !c.sees(in.ID) {
		return nil, notFound("account", in.ID)
	}
	acc := *c.accounts[in.ID]
	next, err := merge(accountInput{ID: acc.ID, ParentID: acc.ParentID, Name: acc.Name, FlowWebhooks: c.flows[acc.ID]}, in.Body.raw, nil)
	switch {
	case err != nil:
		return nil, err
	case next.ID != acc.ID:
		return nil, switchhook.InvalidField("id", "cannot be changed")
	case next.ParentID != acc.ParentID:
		return nil, switchhook.InvalidField("parent_id", "cannot be changed")
	}
	if acc.Name, err = accountName(next.Name, acc.ID); err != nil {
		return nil, err
	}
	if err := a.Store.UpdateAccount(ctx, &acc); err != nil {
		return nil, err
	}
	return a.changedAccount(ctx, &acc, next.FlowWebhooks)
}

// accountName is the name that is asked for, and the id for none.
func accountName(name, id string) (string, error) {
	if utf8.RuneCountInString(name) > longestTitle {
		return "", switchhook.InvalidField("name", "expected at most %d characters", longestTitle)
	}
	return cmp.Or(name, id), nil
}

// setFlowWebhooks makes the webhook of an account's call flows, or turns it on or
// off: that there is one which is on is what allows them.
func (a *api) setFlowWebhooks(ctx context.Context, accountID string, allowed bool) error {
	webhooks, err := a.Store.Webhooks(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(webhooks, func(w *switchhook.Webhook) bool { return w.Flow && w.AccountID == accountID })
	switch {
	case i < 0 && !allowed:
		return nil
	case i < 0:
		w := webhookOf(accountID, webhookInput{})
		w.ID, w.CreatedAt, w.Secrets = switchhook.NewID(switchhook.PrefixWebhook), now(), []switchhook.Secret{{Value: switchhook.NewSecret()}}
		w.Name, w.Flow, w.Events, w.Dialect, w.UpdatedAt = "Call flows", true, []string{"flow.webhook"}, "kazoo", w.CreatedAt
		return a.Store.CreateWebhook(ctx, w)
	case webhooks[i].Enabled == allowed:
		return nil
	}
	w := webhooks[i]
	w.Enabled, w.DisableReason, w.UpdatedAt = allowed, "", now()
	if !allowed {
		w.DisableReason = turnedOff
	}
	return a.Store.UpdateWebhook(ctx, w)
}

func (a *api) listAccounts(ctx context.Context, in *struct{ Paging }) (*listOutput[accountView], error) {
	c := callerOf(ctx)
	var list []*switchhook.Account
	if ids := c.all(); ids != nil {
		for _, id := range ids {
			list = append(list, c.accounts[id])
		}
	} else {
		list = slices.Collect(maps.Values(c.accounts))
	}
	page, next, err := pageOf(list, in.page(), func(acc *switchhook.Account) string { return acc.ID }, sorted)
	if err != nil {
		return nil, err
	}
	var views []accountView
	for _, acc := range page {
		views = append(views, c.view(acc))
	}
	return listOf(views, next), nil
}

func (a *api) getAccount(ctx context.Context, in *PathID) (*output[accountView], error) {
	c := callerOf(ctx)
	if !c.sees(in.ID) {
		return nil, notFound("account", in.ID)
	}
	return &output[accountView]{Body: c.view(c.accounts[in.ID])}, nil
}

// taken says in our words that an id is taken.
func taken(err error, what, id string) error {
	if switchhook.ErrorCode(err) == switchhook.CodeConflict {
		return wrongField(switchhook.CodeConflict, "id", "the %s %q is already there", what, id)
	}
	return err
}

// now is the time that goes into what is made here. Microseconds are what every
// store keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
