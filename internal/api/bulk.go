package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

// A bulkInput selects webhooks, to do the same to each.
type bulkInput struct {
	AccountID          string   `json:"account_id,omitzero" doc:"The account. Default: the key's."`
	IncludeSubaccounts bool     `json:"include_subaccounts,omitzero" doc:"Webhooks of the accounts below, too."`
	IDs                []string `json:"ids,omitzero" maxItems:"1000" doc:"Only these webhooks."`
	Host               string   `json:"host,omitzero" maxLength:"253" doc:"Only webhooks whose URL has this host." example:"hooks.example.com"`
}

// changedWebhooks are those that something was done to.
type changedWebhooks struct {
	Items []*webhookView `json:"items" doc:"The webhooks that were changed. Those that were so already are not among them."`
}

func (a *api) registerBulk() {
	tags := []string{"Webhooks"}
	handleOptional(a, huma.Operation{
		OperationID: "pause-webhooks", Method: http.MethodPost, Path: "/v1/webhooks/pause", Tags: tags, Summary: "Pause many webhooks",
		Description: "All of an account, or those of them that are named or have a host: while a customer's server is moved, say.",
	}, a.pauseMany)
	handleOptional(a, huma.Operation{
		OperationID: "resume-webhooks", Method: http.MethodPost, Path: "/v1/webhooks/resume", Tags: tags, Summary: "Resume many paused webhooks",
		Description: "What waits is sent, each key in its order.",
	}, a.resumeMany)
}

type bulkRequest struct{ Body jsonBody[bulkInput] }

func (a *api) pauseMany(ctx context.Context, in *bulkRequest) (*output[changedWebhooks], error) {
	return a.changeSelected(ctx, in, func(w *switchhook.Webhook, at time.Time) bool {
		was := w.PausedAt
		if was.IsZero() {
			w.PausedAt = at
		}
		return was.IsZero()
	})
}

func (a *api) resumeMany(ctx context.Context, in *bulkRequest) (*output[changedWebhooks], error) {
	return a.changeSelected(ctx, in, func(w *switchhook.Webhook, _ time.Time) bool {
		was := w.PausedAt
		w.PausedAt = time.Time{}
		return !was.IsZero()
	})
}

func (a *api) changeSelected(ctx context.Context, in *bulkRequest, change func(w *switchhook.Webhook, at time.Time) bool) (*output[changedWebhooks], error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	items, err := a.changeMany(ctx, body, change)
	if err != nil {
		return nil, err
	}
	return &output[changedWebhooks]{Body: changedWebhooks{items}}, nil
}

// changeMany does something to each webhook that is selected, and returns those that
// change says it changed. An id that selects nothing is refused before anything is done.
func (a *api) changeMany(ctx context.Context, body bulkInput, change func(w *switchhook.Webhook, at time.Time) bool) ([]*webhookView, error) {
	account, err := callerOf(ctx).owner(body.AccountID)
	if err != nil {
		return nil, err
	}
	a.Changes.Lock()
	defer a.Changes.Unlock()
	all, err := a.Store.Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	below := caller{tenants: a.tenants.Load(), account: account}
	all = slices.DeleteFunc(all, func(w *switchhook.Webhook) bool {
		return w.AccountID != account && (!body.IncludeSubaccounts || !below.sees(w.AccountID))
	})
	check := &webhookCheck{}
	for i, id := range body.IDs {
		if !slices.ContainsFunc(all, func(w *switchhook.Webhook) bool { return w.ID == id }) {
			check.bad(fmt.Sprintf("ids[%d]", i), "there is no webhook %q", id)
		}
	}
	if err := invalid(check.wrong); err != nil {
		return nil, err
	}
	var changed []*switchhook.Webhook
	for _, was := range all {
		w, at := *was, later(was.UpdatedAt)
		if !body.wants(was) || !change(&w, at) {
			continue
		}
		w.UpdatedAt = at
		if err = a.Store.UpdateWebhook(ctx, &w, a.auditWebhook(ctx, was, &w)); err != nil {
			break
		}
		changed = append(changed, &w)
	}
	if err := errors.Join(err, a.reload(ctx)); err != nil { // what was changed is in force
		return nil, err
	}
	views := make([]*webhookView, 0, len(changed))
	for _, w := range changed {
		views = append(views, a.viewWebhook(w))
	}
	return views, nil
}

func (in *bulkInput) wants(w *switchhook.Webhook) bool {
	u, err := url.Parse(w.URL)
	return (len(in.IDs) == 0 || slices.Contains(in.IDs, w.ID)) &&
		(in.Host == "" || err == nil && strings.EqualFold(u.Hostname(), in.Host))
}
