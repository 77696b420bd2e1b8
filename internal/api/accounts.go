package api

import (
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
}

func (a *api) createAccount(ctx context.Context, in *struct{ Body jsonBody[accountInput] }) (*output[*switchhook.Account], error) {
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
	if acc.Name == "" {
		acc.Name = acc.ID
	}
	if utf8.RuneCountInString(acc.Name) > longestTitle {
		return nil, switchhook.InvalidField("name", "expected at most %d characters", longestTitle)
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	if err := a.Store.CreateAccount(ctx, acc); err != nil {
		return nil, taken(err, "account", acc.ID)
	}
	if err := a.reload(ctx); err != nil {
		return nil, err
	}
	return &output[*switchhook.Account]{Body: acc}, nil
}

func (a *api) listAccounts(ctx context.Context, in *struct{ Paging }) (*listOutput[*switchhook.Account], error) {
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
	return listOf(page, next), nil
}

func (a *api) getAccount(ctx context.Context, in *PathID) (*output[*switchhook.Account], error) {
	c := callerOf(ctx)
	if !c.sees(in.ID) {
		return nil, notFound("account", in.ID)
	}
	return &output[*switchhook.Account]{Body: c.accounts[in.ID]}, nil
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
