package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

var schemaName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// A recordRow is the body of a PUT: any object. Its order is kept.
type recordRow struct{ raw []byte }

// Schema is that of any object that may name its account.
func (*recordRow) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true,
		Description: "The row itself: any members, in any order, which is kept. account_id names the account and is not part of the row.",
		Properties:  map[string]*huma.Schema{"account_id": {Type: huma.TypeString, Description: "The account that the record belongs to. Default: the key's."}},
	}
}

func (b *recordRow) keep(raw []byte) { b.raw = append([]byte(nil), raw...) }

// A RecordPath names a record: its id is unique per account and schema.
type RecordPath struct {
	Schema    string `path:"schema" doc:"What kind of record it is, such as number, extension, queue or port_request."`
	ID        string `path:"id" doc:"The record's id, your own."`
	AccountID string `query:"account_id" doc:"The account that it belongs to. Default: the key's."`
}

// A RecordChange is a change of the record of a path.
type RecordChange struct {
	RecordPath
	Conditional
}

// allow refuses a change of another version of the record than the one that is there, and
// says who changes it.
func (a *api) allow(ctx context.Context, in RecordChange, account string) func(before, after *switchhook.Record) (*switchhook.AuditEntry, error) {
	return func(before, after *switchhook.Record) (*switchhook.AuditEntry, error) {
		var version time.Time
		var was, is *state
		if before != nil {
			version, was = before.UpdatedAt, plain(before.Row)
		}
		if after != nil {
			is = plain(after.Row)
		}
		return a.audit(ctx, account, "record", in.Schema+"/"+in.ID, was, is), in.match(version)
	}
}

type recordOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"The version, for If-Match."`
	Body   *switchhook.Record
}

func (a *api) registerRecords() {
	handle(a, huma.Operation{
		OperationID: "list-records", Method: http.MethodGet, Path: "/v1/records", Tags: []string{"Records"}, Summary: "List records",
	}, a.listRecords)
	handle(a, huma.Operation{
		OperationID: "get-record", Method: http.MethodGet, Path: "/v1/records/{schema}/{id}", Tags: []string{"Records"}, Summary: "Get a record",
	}, a.getRecord)
	handle(a, huma.Operation{
		OperationID: "put-record", Method: http.MethodPut, Path: "/v1/records/{schema}/{id}", Tags: []string{"Records"}, Summary: "Create or replace a record",
		Description: "A change makes its event: record.created or record.updated; the schemas queue and agent make queue.* and agent.* instead. A change of nothing makes none.",
		Responses: map[string]*huma.Response{"201": {
			Description: "Created", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[switchhook.Record](a)}},
		}},
	}, a.putRecord)
	handle(a, huma.Operation{
		OperationID: "delete-record", Method: http.MethodDelete, Path: "/v1/records/{schema}/{id}", Tags: []string{"Records"}, Summary: "Delete a record",
		Description: "Makes record.deleted, with the row as it was.",
	}, a.deleteRecord)
}

func (a *api) putRecord(ctx context.Context, in *struct {
	RecordChange
	Body recordRow
},
) (*recordOutput, error) {
	var wrong []switchhook.FieldError
	if !schemaName.MatchString(in.Schema) {
		wrong = append(wrong, switchhook.FieldError{Field: "schema", Message: "expected 1 to 64 characters of a-z 0-9 _"})
	}
	if err := invalid(wrong); err != nil {
		return nil, err
	}
	row, account, err := readRow(in.Body.raw)
	if err != nil {
		return nil, err
	}
	if account != "" && in.AccountID != "" && account != in.AccountID {
		return nil, switchhook.InvalidField("account_id", "the body says %q and the query %q", account, in.AccountID)
	}
	if account == "" {
		account = in.AccountID
	}
	if account, err = callerOf(ctx).owner(account); err != nil {
		return nil, err
	}
	stored, created, err := a.Router.PutRecord(ctx, &switchhook.Record{Schema: in.Schema, ID: in.ID, AccountID: account, Row: row}, a.allow(ctx, in.RecordChange, account))
	if err != nil {
		return nil, err
	}
	out := &recordOutput{Status: http.StatusOK, ETag: etag(stored.UpdatedAt), Body: stored}
	if created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

// readRow reads the body of a PUT: the row, and the account if it names one.
func readRow(raw []byte) (row json.RawMessage, accountID string, err error) {
	v := jsontext.Value(raw)
	if v.IsValid() && v.Kind() != '{' {
		return nil, "", &switchhook.Error{Code: switchhook.CodeInvalid, Message: "expected a JSON object, got " + ordjson.KindName(v.Kind())}
	}
	o, err := ordjson.Parse(raw)
	if err != nil {
		e := &switchhook.Error{Code: switchhook.CodeMalformed, Message: "the body is no valid JSON: " + err.Error()}
		if d, ok := errors.AsType[*ordjson.DuplicateError](err); ok {
			e.Fields = []switchhook.FieldError{{Field: fieldOf(jsontext.Pointer(d.Pointer), ""), Message: "the member is there twice"}}
			e.Message = sentence(e.Fields)
		}
		return nil, "", e
	}
	if err := checkDepth(raw); err != nil {
		return nil, "", err
	}
	if id := o.Get("account_id"); id != nil {
		if !ordjson.Null(id) && id[0] != '"' {
			return nil, "", switchhook.InvalidField("account_id", "expected a string, got %s", ordjson.KindName(jsontext.Value(id).Kind()))
		}
		accountID = o.Text("account_id")
		o.Delete("account_id")
	}
	row, err = ordjson.Compact(o.Append(nil))
	return row, accountID, err
}

func (a *api) listRecords(ctx context.Context, in *struct {
	Paging
	AccountID string `query:"account_id" doc:"Only records of this account. Default: of all that the key opens."`
	Schema    string `query:"schema" doc:"Only records of this schema."`
},
) (*listOutput[*switchhook.Record], error) {
	accounts, err := callerOf(ctx).only(in.AccountID)
	if err != nil {
		return nil, err
	}
	all := a.Router.Records(switchhook.RecordFilter{Accounts: accounts, Schema: in.Schema})
	page, next, err := pageOf(all, in.page(), func(r *switchhook.Record) string {
		return r.AccountID + "\x00" + r.Schema + "\x00" + r.ID
	}, sorted)
	if err != nil {
		return nil, err
	}
	return listOf(page, next), nil
}

// record finds a record of the path.
func (a *api) record(ctx context.Context, in RecordPath) (*switchhook.Record, error) {
	account, err := callerOf(ctx).owner(in.AccountID)
	if err != nil {
		return nil, err
	}
	r, ok := a.Router.Record(account, in.Schema, in.ID)
	if !ok {
		return nil, switchhook.Errorf(switchhook.CodeNotFound, "the account %s has no record %s/%s", account, in.Schema, in.ID)
	}
	return r, nil
}

func (a *api) getRecord(ctx context.Context, in *RecordPath) (*tagged[*switchhook.Record], error) {
	r, err := a.record(ctx, *in)
	if err != nil {
		return nil, err
	}
	return tag(r.UpdatedAt, r), nil
}

func (a *api) deleteRecord(ctx context.Context, in *RecordChange) (*struct{}, error) {
	r, err := a.record(ctx, in.RecordPath)
	if err != nil {
		return nil, err
	}
	return nil, a.Router.DeleteRecord(ctx, r.AccountID, r.Schema, r.ID, a.allow(ctx, *in, r.AccountID))
}
