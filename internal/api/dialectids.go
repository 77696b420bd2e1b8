package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// IDs knows what the operator has set as the dialects' ids of things.
type IDs interface {
	// Set fails with CodeConflict if another thing of the schema has the id.
	Set(ctx context.Context, id *switchhook.DialectID, audit ...*switchhook.AuditEntry) error
	Unset(ctx context.Context, accountID, dialect, schema, id string, audit ...*switchhook.AuditEntry) error
	Get(accountID, dialect, schema, id string) (*switchhook.DialectID, bool)
	List(f switchhook.DialectIDFilter) []*switchhook.DialectID
	// Forget is told of accounts that are gone, with what was set for them.
	Forget(accounts []string)
}

// A DialectIDPath names a thing and the dialect that calls it something.
type DialectIDPath struct {
	Dialect   string `path:"dialect" doc:"The dialect, such as kazoo."`
	Schema    string `path:"schema" doc:"What kind of thing it is, such as account, device or queue; GET /v1/dialect-ids/kinds lists them."`
	ID        string `path:"id" doc:"The thing's id as the phone system gives it; for schema account the account's."`
	AccountID string `query:"account_id" doc:"The account that it belongs to. Default: the key's; for schema account the account itself."`
}

// A dialectIDInput is what the dialect is to call it.
type dialectIDInput struct {
	Value string `json:"value" doc:"The id in the dialect's form." example:"4c7a1f0e9b2d48603f5e6a7b8c9d0e1f"`
}

// A dialectIDKind is a kind of thing that a dialect has ids for.
type dialectIDKind struct {
	Dialect string `json:"dialect" doc:"The dialect."`
	Schema  string `json:"schema" doc:"What kind of thing."`
	Form    string `json:"form" doc:"What such an id looks like."`
}

func (a *api) registerDialectIDs() {
	tags := []string{"Dialect ids"}
	handle(a, huma.Operation{
		OperationID: "list-dialect-ids", Method: http.MethodGet, Path: "/v1/dialect-ids", Tags: tags, Summary: "List what was set",
	}, a.listDialectIDs)
	handle(a, huma.Operation{
		OperationID: "list-dialect-id-kinds", Method: http.MethodGet, Path: "/v1/dialect-ids/kinds", Tags: tags, Summary: "List what can be set",
	}, a.listDialectIDKinds)
	handle(a, huma.Operation{
		OperationID: "get-dialect-id", Method: http.MethodGet, Path: "/v1/dialect-ids/{dialect}/{schema}/{id}", Tags: tags, Summary: "Get what was set",
	}, a.getDialectID)
	handle(a, huma.Operation{
		OperationID: "set-dialect-id", Method: http.MethodPut, Path: "/v1/dialect-ids/{dialect}/{schema}/{id}", Tags: tags, Summary: "Set a dialect's id of a thing",
		Description: "What is sent from then on has it. So code that was written for another system goes on to know its accounts and devices.",
	}, a.setDialectID)
	handle(a, huma.Operation{
		OperationID: "unset-dialect-id", Method: http.MethodDelete, Path: "/v1/dialect-ids/{dialect}/{schema}/{id}", Tags: tags, Summary: "Go back to the id that Switchhook makes",
	}, a.unsetDialectID)
}

// longestID is the length of the longest id that one can be set for.
const longestID = 256

// idKinds lists what a dialect has ids for; nothing where it takes ids as they are.
func idKinds(d dialect.Dialect) []dialect.IDKind {
	if i, ok := d.(dialect.Identifying); ok {
		return i.IDs()
	}
	return nil
}

func (a *api) listDialectIDKinds(_ context.Context, in *struct{ Paging }) (*listOutput[dialectIDKind], error) {
	var kinds []dialectIDKind
	for _, d := range a.Dialects {
		for _, k := range idKinds(d) {
			kinds = append(kinds, dialectIDKind{d.Name(), k.Schema, k.Form})
		}
	}
	page, next, err := pageOf(kinds, in.page(), func(k dialectIDKind) string { return k.Dialect + "/" + k.Schema }, inOrder)
	if err != nil {
		return nil, err
	}
	return listOf(page, next), nil
}

// dialectIDKind checks the path, and finds whose the thing is.
func (a *api) dialectIDKind(ctx context.Context, in *DialectIDPath) (kind dialect.IDKind, accountID string, err error) {
	d := a.dialects[in.Dialect]
	if d == nil {
		return kind, "", switchhook.InvalidField("dialect", "there is no dialect %q; there is %s", in.Dialect, a.dialectNames())
	}
	if !utf8.ValidString(in.ID) || len(in.ID) > longestID || strings.ContainsFunc(in.ID, unicode.IsControl) {
		return kind, "", switchhook.InvalidField("id", "expected at most %d bytes of UTF-8 without control characters", longestID)
	}
	kinds := idKinds(d)
	if len(kinds) == 0 {
		return kind, "", switchhook.InvalidField("dialect", "the dialect %s takes ids as they are", in.Dialect)
	}
	i := slices.IndexFunc(kinds, func(k dialect.IDKind) bool { return k.Schema == in.Schema })
	if i < 0 {
		var schemas []string
		for _, k := range kinds {
			schemas = append(schemas, k.Schema)
		}
		return kind, "", switchhook.InvalidField("schema", "the dialect %s has ids for %s", in.Dialect, strings.Join(schemas, ", "))
	}
	if accountID = in.AccountID; accountID == "" && kinds[i].OfAccount {
		accountID = in.ID
	}
	if accountID, err = callerOf(ctx).owner(accountID); err != nil {
		return kind, "", err
	}
	if kinds[i].OfAccount && accountID != in.ID {
		return kind, "", switchhook.InvalidField("id", "expected the account's own id %q", accountID)
	}
	return kinds[i], accountID, nil
}

func (a *api) setDialectID(ctx context.Context, in *struct {
	DialectIDPath
	Body jsonBody[dialectIDInput]
},
) (*output[*switchhook.DialectID], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	kind, account, err := a.dialectIDKind(ctx, &in.DialectIDPath)
	if err != nil {
		return nil, err
	}
	if !kind.Valid(body.Value) {
		return nil, switchhook.InvalidField("value", "expected %s, got %.80q", kind.Form, body.Value)
	}
	id := &switchhook.DialectID{AccountID: account, Dialect: in.Dialect, Schema: in.Schema, ID: in.ID, Value: body.Value, UpdatedAt: now()}
	err = a.IDs.Set(ctx, id, a.auditID(ctx, account, &in.DialectIDPath, plain(id)))
	if switchhook.ErrorCode(err) == switchhook.CodeConflict {
		return nil, wrongField(switchhook.CodeConflict, "value", "another %s has the id %q in the dialect %s", in.Schema, body.Value, in.Dialect)
	}
	return &output[*switchhook.DialectID]{Body: id}, err
}

func (a *api) getDialectID(ctx context.Context, in *DialectIDPath) (*output[*switchhook.DialectID], error) {
	_, account, err := a.dialectIDKind(ctx, in)
	if err != nil {
		return nil, err
	}
	id, ok := a.IDs.Get(account, in.Dialect, in.Schema, in.ID)
	if !ok {
		return nil, noDialectID(account, in)
	}
	return &output[*switchhook.DialectID]{Body: id}, nil
}

func (a *api) unsetDialectID(ctx context.Context, in *DialectIDPath) (*struct{}, error) {
	_, account, err := a.dialectIDKind(ctx, in)
	if err != nil {
		return nil, err
	}
	err = a.IDs.Unset(ctx, account, in.Dialect, in.Schema, in.ID, a.auditID(ctx, account, in, nil))
	if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
		return nil, noDialectID(account, in)
	}
	return nil, err
}

func (a *api) auditID(ctx context.Context, account string, in *DialectIDPath, after *state) *switchhook.AuditEntry {
	var before *state
	if old, ok := a.IDs.Get(account, in.Dialect, in.Schema, in.ID); ok {
		before = plain(old)
	}
	return a.audit(ctx, account, "dialect_id", in.Dialect+"/"+in.Schema+"/"+in.ID, before, after)
}

func noDialectID(account string, in *DialectIDPath) error {
	return switchhook.Errorf(switchhook.CodeNotFound, "no id is set for the %s %q of the account %s in the dialect %s", in.Schema, in.ID, account, in.Dialect)
}

func (a *api) listDialectIDs(ctx context.Context, in *struct {
	Paging
	AccountID string `query:"account_id" doc:"Only ids of this account. Default: of all that the key opens."`
	Dialect   string `query:"dialect" doc:"Only ids of this dialect."`
	Schema    string `query:"schema" doc:"Only ids of this kind of thing."`
},
) (*listOutput[*switchhook.DialectID], error) {
	accounts, err := callerOf(ctx).only(in.AccountID)
	if err != nil {
		return nil, err
	}
	all := a.IDs.List(switchhook.DialectIDFilter{Accounts: accounts, Dialect: in.Dialect, Schema: in.Schema})
	page, next, err := pageOf(all, in.page(), (*switchhook.DialectID).Position, sorted)
	if err != nil {
		return nil, err
	}
	return listOf(page, next), nil
}
