package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
)

// longestAudited is how much of a thing the audit log shows, in bytes.
const longestAudited = 64 << 10

// A state is how a thing is before or after a change: whole, by which is told what has
// changed, and as it may be seen, secrets masked. Both are objects in JSON.
type state struct{ whole, shown any }

// plain is the state of a thing that has no secrets, or shows none.
func plain(v any) *state { return &state{v, v} }

func (a *api) webhookState(w *switchhook.Webhook) *state {
	return &state{w, a.viewWebhook(w).Webhook}
}

func (a *api) sourceState(s *switchhook.Source) *state {
	v := a.viewSource(s)
	v.withhold(caller{role: switchhook.RoleViewer})
	return &state{s, v.Source}
}

// audit is the entry of the change that a request makes: to a thing of an account, from
// one state to another. nil: there is nothing.
func (a *api) audit(ctx context.Context, account, resource, id string, before, after *state) *switchhook.AuditEntry {
	return a.auditOf(ctx, callerOf(ctx), account, resource, id, before, after)
}

// auditOf is audit for what is done without a key.
func (a *api) auditOf(ctx context.Context, c caller, account, resource, id string, before, after *state) *switchhook.AuditEntry {
	e := c.entry(account, resource, id, before, after)
	e.Actor.Address = a.clientAddr(requestOf(ctx)).String()
	if ex, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		e.RequestID = ex.id
	}
	return e
}

// entry is the entry of a change that the caller makes, by whatever way.
func (c caller) entry(account, resource, id string, before, after *state) *switchhook.AuditEntry {
	e := &switchhook.AuditEntry{
		At: now(), AccountID: account, Action: c.operation, Resource: resource, ResourceID: id,
		Actor: c.actor,
	}
	e.Before, e.After = difference(before, after)
	return e
}

// difference is what of two states differs. Of what there is only one, it is all.
func difference(before, after *state) (was, is []byte) {
	same := func(string) bool { return false }
	if before != nil && after != nil {
		prior, next := membersOf(before.whole), membersOf(after.whole)
		same = func(name string) bool { return name == "updated_at" || bytes.Equal(prior[name], next[name]) }
	}
	shown := func(s *state) []byte {
		if s == nil {
			return nil
		}
		m := membersOf(s.shown)
		for name := range m {
			if same(name) {
				delete(m, name)
			}
		}
		b := marshalled(m)
		if len(b) > longestAudited {
			return fmt.Appendf(nil, `{"left_out":"%d bytes"}`, len(b))
		}
		return b
	}
	return shown(before), shown(after)
}

// membersOf are those of an object.
func membersOf(v any) map[string]jsontext.Value {
	m := map[string]jsontext.Value{}
	if err := jsonv2.Unmarshal(marshalled(v), &m, jsontext.AllowInvalidUTF8(true)); err != nil {
		panic(fmt.Errorf("read what is audited: %w", err)) // only types of ours come here
	}
	return m
}

func marshalled(v any) []byte {
	b, err := jsonv2.Marshal(v, marshalOptions())
	if err != nil {
		panic(fmt.Errorf("write what is audited: %w", err))
	}
	return b
}

// An auditView is an entry as it is shown.
type auditView struct {
	switchhook.AuditEntry
	Actor actorView `json:"actor" doc:"Who did it."`
}

// An actorView is who did it, as far as it concerns whoever reads it.
type actorView struct {
	switchhook.Actor
	Above bool `json:"above,omitzero" doc:"It was somebody of an account above those that the key opens, of whom no more is told."`
}

func (a *api) registerAudit() {
	handle(a, huma.Operation{
		OperationID: "list-audit", Method: http.MethodGet, Path: "/v1/audit", Tags: []string{"Audit"}, Summary: "List changes, newest first",
		Description: "Who changed what through the API, from where, and how it was before: written together with the change, and kept as long as history is. Secrets are masked. " +
			"Sign-ins are there too (sign-in, and refuse-sign-in, of many at once a few). What is sent (events, tests) is no change; nor is what a file configures at the start.",
	}, a.listAudit)
}

func (a *api) listAudit(ctx context.Context, in *struct {
	Paging
	AccountID  string  `query:"account_id" doc:"Only changes of what belongs to this account. Default: to all that the key opens."`
	KeyID      string  `query:"key_id" doc:"Only changes made with this API key."`
	UserID     string  `query:"user_id" doc:"Only changes made by this user."`
	Action     string  `query:"action" doc:"Only of this operation, such as update-webhook."`
	Resource   string  `query:"resource" enum:"account,api_key,user,session,portal_link,webhook,source,record,dialect_id,job,delivery,template,customer_update" doc:"Only of things of this kind."`
	ResourceID string  `query:"resource_id" doc:"Only of the thing with this id."`
	Since      instant `query:"since" format:"date-time" doc:"Made at or after this time."`
	Until      instant `query:"until" format:"date-time" doc:"Made before this time."`
},
) (*listOutput[auditView], error) {
	c := callerOf(ctx)
	accounts, err := c.only(in.AccountID)
	if err != nil {
		return nil, err
	}
	f := switchhook.AuditFilter{
		Accounts: accounts, KeyID: in.KeyID, UserID: in.UserID, Action: in.Action, Resource: in.Resource, ResourceID: in.ResourceID, Since: in.Since.Time, Until: in.Until.Time,
	}
	above := func(e *switchhook.AuditEntry) bool {
		return c.account != switchhook.RootAccount && !c.sees(e.Actor.AccountID)
	}
	entries, next, err := bounded(in.page(), func(e *switchhook.AuditEntry) int { return len(e.Before) + len(e.After) },
		func(p switchhook.Page) ([]*switchhook.AuditEntry, string, error) {
			entries, next, err := a.Store.Audit(ctx, f, p)
			if in.KeyID != "" || in.UserID != "" { // or it would tell what a key above has done
				entries = slices.DeleteFunc(entries, above)
			}
			return entries, next, err
		})
	if err != nil {
		return nil, err
	}
	var views []auditView
	for _, e := range entries {
		v := auditView{*e, actorView{Actor: e.Actor}}
		if above(e) {
			v.Actor = actorView{Above: true}
		}
		views = append(views, v)
	}
	return listOf(views, next), nil
}
