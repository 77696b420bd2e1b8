package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
)

func (a *api) registerAttempts() {
	handle(a, huma.Operation{
		OperationID: "list-attempts", Method: http.MethodGet, Path: "/v1/attempts", Tags: []string{"Deliveries"}, Summary: "List attempts, newest first",
		Description: "Every try to deliver, with what was sent and what came back.",
	}, a.listAttempts)
	handle(a, huma.Operation{
		OperationID: "get-attempt", Method: http.MethodGet, Path: "/v1/attempts/{id}", Tags: []string{"Deliveries"}, Summary: "Get an attempt",
	}, a.getAttempt)
	handle(a, huma.Operation{
		OperationID: "list-deliveries", Method: http.MethodGet, Path: "/v1/deliveries", Tags: []string{"Deliveries"}, Summary: "List deliveries, newest first",
		Description: "A delivery is one event for one webhook.",
	}, a.listDeliveries)
	handle(a, huma.Operation{
		OperationID: "get-delivery", Method: http.MethodGet, Path: "/v1/deliveries/{id}", Tags: []string{"Deliveries"}, Summary: "Get a delivery",
	}, a.getDelivery)
	handle(a, huma.Operation{
		OperationID: "retry-delivery", Method: http.MethodPost, Path: "/v1/deliveries/{id}/retry", Tags: []string{"Deliveries"},
		Summary: "Send a delivery now", DefaultStatus: http.StatusAccepted,
		Description: "One that waits for its next try goes at once (to a failing webhook: with its next probe). One that has ended, however it did, is made again under its id, with the header webhook-replay: true. " +
			"One that waits behind others has its turn like all: 409.",
	}, a.retryDelivery)
}

// An AttemptFilter is what a list and a stream of attempts are narrowed by.
type AttemptFilter struct {
	AccountID string   `query:"account_id" doc:"Only attempts for events of this account. Default: of all that the key opens."`
	WebhookID string   `query:"webhook_id" doc:"Only attempts of this webhook."`
	EventID   string   `query:"event_id" doc:"Only attempts for this event."`
	Outcome   string   `query:"outcome" enum:"success,failure" doc:"Only attempts that ended so."`
	Dialect   string   `query:"dialect" doc:"Only attempts in this dialect."`
	Type      []string `query:"type,explode" doc:"Only for events of these types; * stands for anything, dots too. Repeat it, or separate by commas."`
	CallID    string   `query:"call_id" doc:"Only for events of this call or leg."`
	Number    string   `query:"number" doc:"Only for events that carry this phone number. With it or call_id a list goes event by event, the newest event first."`
}

func (f AttemptFilter) of(c caller) (switchhook.AttemptFilter, error) {
	accounts, err := c.only(f.AccountID)
	return switchhook.AttemptFilter{
		Accounts: accounts, WebhookID: f.WebhookID, EventID: f.EventID, Outcome: switchhook.Outcome(f.Outcome),
		Types: separated(f.Type), Dialect: f.Dialect,
	}, err
}

// events are the events whose attempts are wanted. narrow: not any.
func (f AttemptFilter) events(accounts []string) (events switchhook.EventFilter, narrow bool) {
	events = switchhook.EventFilter{Accounts: accounts, CallID: f.CallID, Number: strings.TrimSpace(f.Number)}
	return events, events.CallID != "" || events.Number != ""
}

// attemptSize is about how long an attempt is.
func attemptSize(at *switchhook.Attempt) int {
	n := 0
	if at.Request != nil {
		n += len(at.Request.Body)
	}
	if at.Response != nil {
		n += len(at.Response.Body)
	}
	return n
}

func (a *api) listAttempts(ctx context.Context, in *struct {
	Paging
	AttemptFilter
	Since instant `query:"since" format:"date-time" doc:"Started at or after this time."`
	Until instant `query:"until" format:"date-time" doc:"Started before this time."`
},
) (*listOutput[*switchhook.Attempt], error) {
	f, err := in.of(callerOf(ctx))
	if err != nil {
		return nil, err
	}
	f.Since, f.Until = in.Since.Time, in.Until.Time
	var attempts []*switchhook.Attempt
	var next string
	if events, narrow := in.events(f.Accounts); narrow {
		attempts, next, err = a.attemptsByEvent(ctx, f, events, in.page())
	} else {
		attempts, next, err = bounded(in.page(), attemptSize,
			func(p switchhook.Page) ([]*switchhook.Attempt, string, error) { return a.Store.Attempts(ctx, f, p) })
	}
	if err != nil {
		return nil, err
	}
	for i := range attempts {
		attempts[i] = callerOf(ctx).told(attempts[i])
	}
	return listOf(attempts, next), nil
}

// told is an attempt as the caller may see it: where the requests of an account above go, and
// what they are answered, is that account's affair.
func (c caller) told(at *switchhook.Attempt) *switchhook.Attempt {
	if at.OwnerID == "" || c.sees(at.OwnerID) {
		return at
	}
	one := *at
	one.Request, one.Response = nil, nil
	if one.Error != "" {
		one.Error = ofAbove
	}
	return &one
}

const ofAbove = "it is a webhook of an account above this one"

// toldDelivery is a delivery as the caller may see it. Of one to a webhook that is gone
// nobody knows whose that was.
func (a *api) toldDelivery(ctx context.Context, d *switchhook.Delivery) (*switchhook.Delivery, error) {
	if d.Reason == "" {
		return d, nil
	}
	w, err := a.Store.Webhook(ctx, d.WebhookID)
	switch {
	case switchhook.ErrorCode(err) == switchhook.CodeNotFound || err == nil && callerOf(ctx).sees(w.AccountID):
		return d, nil
	case err != nil:
		return nil, err
	}
	one := *d
	one.Reason = ofAbove
	return &one, nil
}

// deliveries lists deliveries as the caller may see them.
func (a *api) deliveries(ctx context.Context, f switchhook.DeliveryFilter, p switchhook.Page) (list []*switchhook.Delivery, next string, err error) {
	if list, next, err = a.Store.Deliveries(ctx, f, p); err != nil {
		return nil, "", err
	}
	for i := range list {
		if list[i], err = a.toldDelivery(ctx, list[i]); err != nil {
			return nil, "", err
		}
	}
	return list, next, nil
}

func (a *api) getAttempt(ctx context.Context, in *PathID) (*output[*switchhook.Attempt], error) {
	at, err := a.Store.Attempt(ctx, callerOf(ctx).all(), in.ID)
	if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
		return nil, notFound("attempt", in.ID)
	}
	if err != nil {
		return nil, err
	}
	return &output[*switchhook.Attempt]{Body: callerOf(ctx).told(at)}, nil
}

func (a *api) listDeliveries(ctx context.Context, in *struct {
	Paging
	AccountID string   `query:"account_id" doc:"Only deliveries of events of this account. Default: of all that the key opens."`
	WebhookID string   `query:"webhook_id" doc:"Only deliveries to this webhook."`
	EventID   string   `query:"event_id" doc:"Only deliveries of this event."`
	Type      []string `query:"type,explode" doc:"Only deliveries of events of these types; * stands for anything, dots too. Repeat it, or separate by commas."`
	CallID    string   `query:"call_id" doc:"Only deliveries of events of this call or leg."`
	Number    string   `query:"number" doc:"Only deliveries of events that carry this phone number."`
	State     string   `query:"state" enum:"pending,delivered,failed,expired,cancelled" doc:"Only deliveries that stand so."`
	Since     instant  `query:"since" format:"date-time" doc:"Of events accepted at or after this time."`
	Until     instant  `query:"until" format:"date-time" doc:"Of events accepted before this time."`
},
) (*listOutput[*switchhook.Delivery], error) {
	accounts, err := callerOf(ctx).only(in.AccountID)
	if err != nil {
		return nil, err
	}
	deliveries, next, err := a.deliveries(ctx, switchhook.DeliveryFilter{
		Accounts: accounts, WebhookID: in.WebhookID, EventID: in.EventID, State: switchhook.DeliveryState(in.State),
		Since: in.Since.Time, Until: in.Until.Time,
		Of: &switchhook.EventFilter{Types: separated(in.Type), CallID: in.CallID, Number: strings.TrimSpace(in.Number)},
	}, in.page())
	if err != nil {
		return nil, err
	}
	return listOf(deliveries, next), nil
}

func (a *api) delivery(ctx context.Context, id string) (*switchhook.Delivery, error) {
	d, err := a.Store.Delivery(ctx, callerOf(ctx).all(), id)
	if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
		return nil, notFound("delivery", id)
	}
	return d, err
}

func (a *api) getDelivery(ctx context.Context, in *PathID) (*output[*switchhook.Delivery], error) {
	d, err := a.delivery(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if d, err = a.toldDelivery(ctx, d); err != nil {
		return nil, err
	}
	return &output[*switchhook.Delivery]{Body: d}, nil
}

func (a *api) retryDelivery(ctx context.Context, in *PathID) (*output[*switchhook.Delivery], error) {
	d, err := a.delivery(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	w, err := a.destination(ctx, d.WebhookID)
	switch {
	case switchhook.ErrorCode(err) == switchhook.CodeNotFound:
		return nil, switchhook.Errorf(switchhook.CodeConflict, "the delivery's webhook %s was deleted", d.WebhookID)
	case err != nil:
		return nil, err
	case !callerOf(ctx).sees(w.AccountID): // an account above gets events of this one: they may be seen, its webhook is its own
		return nil, notFound("delivery", in.ID)
	}
	if err := enabled(w); err != nil {
		return nil, err
	}
	if err := a.Replayer.Retry(ctx, d); err != nil {
		return nil, err
	}
	if err := a.Store.PutAudit(ctx, a.audit(ctx, d.AccountID, "delivery", d.ID, nil, nil)); err != nil {
		return nil, err
	}
	return a.getDelivery(ctx, in)
}
