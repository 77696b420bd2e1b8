package api

import (
	"context"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A callSummary is what a list says of a call that is in no single event of it.
type callSummary struct {
	Events     int           `json:"events" doc:"How many events it has, of 2,000 at most."`
	Through    []passed      `json:"through" doc:"The ring groups and queues that it went through, the first first."`
	Deliveries deliveryTally `json:"deliveries" doc:"How many deliveries of its events stand how."`
	Troubled   []troubled    `json:"troubled" doc:"The webhooks that did not get all, or only after several attempts so far."`
}

// passed is a ring group or queue that a call went through.
type passed struct {
	Kind   string `json:"kind" enum:"ring_group,queue" doc:"What it is."`
	ID     string `json:"id" doc:"Its id."`
	Name   string `json:"name" doc:"Its name."`
	Number string `json:"number" doc:"Its number."`
}

// A deliveryTally counts deliveries by state.
type deliveryTally struct {
	Delivered int `json:"delivered" doc:"The receiver took them."`
	Pending   int `json:"pending" doc:"They wait to be sent, or to be sent again."`
	Failed    int `json:"failed" doc:"The last attempt failed."`
	Expired   int `json:"expired" doc:"They were too old to be of use."`
	Cancelled int `json:"cancelled" doc:"Their webhook was disabled or deleted."`
}

// troubled is a webhook with deliveries that did not go as they should.
type troubled struct {
	WebhookID string `json:"webhook_id" doc:"The webhook."`
	Failed    int    `json:"failed" doc:"How many failed or expired."`
	Retrying  int    `json:"retrying" doc:"How many were tried in vain and wait for the next attempt."`
}

// summaryTime bounds how long a page of a list is summarised: what is left has no
// summary, and the list comes none the less.
const summaryTime = 5 * time.Second

// listed is a page of calls, with summaries where these are asked for.
func (a *api) listed(ctx context.Context, in *listCallsInput, items []CallView, next string) (*listOutput[CallView], error) {
	began := time.Now()
	for i := range items {
		if !in.Summary || time.Since(began) > summaryTime {
			break
		}
		s, err := a.summarise(ctx, &items[i])
		if err != nil {
			return nil, err
		}
		items[i].Summary = s
	}
	return listOf(items, next), nil
}

func (a *api) summarise(ctx context.Context, v *CallView) (*callSummary, error) {
	s := &callSummary{Through: []passed{}, Troubled: []troubled{}}
	newest, _, err := a.Store.Events(ctx, switchhook.EventFilter{Accounts: []string{v.AccountID}, CallID: v.ID}, switchhook.Page{Limit: 1})
	if err != nil || len(newest) == 0 {
		return s, err
	}
	events, err := a.callEvents(ctx, newest[0])
	if err != nil {
		return nil, err
	}
	s.Events = len(events)
	for _, ev := range events {
		s.pass(ev)
	}
	for cursor := ""; ; {
		list, next, err := a.Store.Deliveries(ctx, switchhook.DeliveryFilter{Events: events}, switchhook.Page{Limit: 500, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			s.count(d)
		}
		if cursor = next; next == "" {
			return s, nil
		}
	}
}

// pass notes what a call goes through with an event.
func (s *callSummary) pass(ev *switchhook.Event) {
	kind, ok := map[string]string{"ring_group.entered": "ring_group", "queuecall.created": "queue"}[ev.Type]
	if !ok {
		return
	}
	object := ordjson.Find(ev.Data, kind)
	p := passed{Kind: kind, ID: ordjson.FindText(object, "id"), Name: ordjson.FindText(object, "name"), Number: ordjson.FindText(object, "number")}
	if p.ID == "" && kind == "queue" {
		p.ID = ordjson.FindText(ordjson.Find(ev.Data, "queuecall"), "queue_id")
	}
	if !slices.Contains(s.Through, p) {
		s.Through = append(s.Through, p)
	}
}

func (s *callSummary) count(d *switchhook.Delivery) {
	failed, retrying := 0, 0
	switch d.State {
	case switchhook.Delivered:
		s.Deliveries.Delivered++
	case switchhook.Pending:
		s.Deliveries.Pending++
		retrying = min(d.Attempts, 1)
	case switchhook.Failed:
		s.Deliveries.Failed++
		failed = 1
	case switchhook.Expired:
		s.Deliveries.Expired++
		failed = 1
	case switchhook.Cancelled:
		s.Deliveries.Cancelled++
	}
	if failed+retrying == 0 {
		return
	}
	i := slices.IndexFunc(s.Troubled, func(t troubled) bool { return t.WebhookID == d.WebhookID })
	if i < 0 {
		i = len(s.Troubled)
		s.Troubled = append(s.Troubled, troubled{WebhookID: d.WebhookID})
	}
	s.Troubled[i].Failed += failed
	s.Troubled[i].Retrying += retrying
}
