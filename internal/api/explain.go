package api

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
)

// An explanation says why a webhook got an event, or did not.
type explanation struct {
	WebhookID  string    `json:"webhook_id" doc:"The webhook."`
	Name       string    `json:"name" doc:"Its name."`
	Template   string    `json:"template,omitzero" doc:"Of a notification, which has a webhook_id of its own: the template. Absent: it is a webhook."`
	AccountID  string    `json:"account_id" doc:"The account that it belongs to: the event's, or one above."`
	Dialect    string    `json:"dialect" doc:"Its dialect."`
	Status     string    `json:"status" enum:"active,failing,paused,disabled" doc:"How it fares now."`
	DeliveryID string    `json:"delivery_id,omitzero" doc:"The delivery of the event to it. Absent: there is none."`
	Why        string    `json:"why" enum:"delivery,later,disabled,changed,subaccount,flow,type,dialect,internal_leg,scope,settings,filter,filter_error,notification" doc:"What decided: delivery, that it got one; later, that it was made after the event; changed, that it wants such an event as it is now, and did not when this one came; notification, that none is sent, as reason says; else what is in the way as it is now."`
	Reason     string    `json:"reason" doc:"The same as a sentence."`
	UpdatedAt  time.Time `json:"updated_at,omitzero" doc:"When the webhook was last changed: what is in the way now may not have been before. Absent: a template that is as it is built in."`
}

// explainEvent tells of each webhook that could have got an event. Whoever asks most
// often asks about the one that did not.
func (a *api) explainEvent(ctx context.Context, in *struct {
	EventInPath
	WebhookID string `query:"webhook_id" doc:"Only this webhook."`
},
) (*listOutput[explanation], error) {
	ev, err := a.event(ctx, in.EventInPath)
	if err != nil {
		return nil, err
	}
	all, err := a.Store.Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	made, err := a.madeOf(ctx, ev)
	if err != nil {
		return nil, err
	}
	c, items := callerOf(ctx), []explanation{}
	for _, w := range all {
		above := caller{tenants: c.tenants, account: w.AccountID}
		if !c.sees(w.AccountID) || !above.sees(ev.AccountID) || in.WebhookID != "" && in.WebhookID != w.ID {
			continue
		}
		status, _ := a.Engine.Status(w.ID)
		x := explanation{WebhookID: w.ID, Name: w.Name, AccountID: w.AccountID, Dialect: w.Dialect, Status: status, UpdatedAt: w.UpdatedAt}
		if made[w.ID] != "" {
			x.DeliveryID, x.Why, x.Reason = made[w.ID], "delivery", "It has a delivery of the event."
		} else {
			x.Why, x.Reason = a.why(w, ev)
		}
		items = append(items, x)
	}
	items = append(items, a.explainNotifications(ev, made, in.WebhookID)...)
	slices.SortStableFunc(items, func(x, y explanation) int { return cmp.Compare(x.rank(), y.rank()) })
	return listOf(items, ""), nil
}

// mostExplained is how many notifications of one event are explained: a customer update has
// one for each of its recipients.
const mostExplained = 500

// explainNotifications tells of each template that an event feeds, or once fed, whether
// something was sent.
func (a *api) explainNotifications(ev *switchhook.Event, made map[string]string, only string) (items []explanation) {
	told := map[string]bool{}
	add := func(t mail.Target, name, why, reason string) {
		x := explanation{WebhookID: t.ID(), Name: name, Template: t.Template, AccountID: t.AccountID, Dialect: t.Medium, Why: why, Reason: reason}
		if told[x.WebhookID] || only != "" && only != x.WebhookID || len(items) == mostExplained {
			return
		}
		told[x.WebhookID] = true
		x.Status, _ = a.Engine.Status(x.WebhookID)
		if own := a.Book.Own(t.AccountID, t.Template); own != nil {
			x.UpdatedAt = own.UpdatedAt
		}
		if id := made[x.WebhookID]; id != "" {
			x.DeliveryID, x.Why, x.Reason = id, "delivery", "It has a delivery of the event."
		}
		items = append(items, x)
	}
	for _, one := range a.Book.Consider(ev) {
		if t, ok := mail.ParseTarget(one.Target); ok {
			add(t, one.Name, "changed", "As it is set up now it is sent for such an event; when this one came it was not.")
			continue
		}
		add(mail.Target{Medium: mail.Email, AccountID: ev.AccountID, Template: one.Template}, one.Name, "notification", one.Reason)
	}
	for _, id := range slices.Sorted(maps.Keys(made)) { // what was sent then, and would not be now
		if t, ok := mail.ParseTarget(id); ok {
			name := t.Template
			if l, ok := a.Book.Letter(t.AccountID, t.Template); ok {
				name = l.Title.Value
			}
			add(t, name, "delivery", "")
		}
	}
	return items
}

// rank puts those that got the event first, and last those of an account above that
// were never to.
func (x *explanation) rank() int {
	switch x.Why {
	case "delivery":
		return 0
	case string(switchhook.WhySubaccount):
		return 2
	}
	return 1
}

// madeOf has the ids of an event's deliveries by webhook: replays can have added some.
func (a *api) madeOf(ctx context.Context, ev *switchhook.Event) (map[string]string, error) {
	made := map[string]string{}
	for cursor := ""; ; {
		list, next, err := a.Store.Deliveries(ctx, switchhook.DeliveryFilter{Events: []*switchhook.Event{ev}}, switchhook.Page{Limit: 500, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			made[d.WebhookID] = d.ID
		}
		if cursor = next; next == "" {
			return made, nil
		}
	}
}

// why says why a webhook has no delivery of an event.
func (a *api) why(w *switchhook.Webhook, ev *switchhook.Event) (code, reason string) {
	if w.CreatedAt.After(ev.AcceptedAt) {
		return "later", "It was made after the event."
	}
	why, note := a.Router.Why(w, ev)
	if why != switchhook.WhyNothing {
		return string(why), whySentence(why, w, ev, note)
	}
	if !w.Enabled {
		reason = "It is disabled."
		if w.DisableReason != "" {
			reason = "It is disabled: " + w.DisableReason + "."
		}
		return "disabled", reason
	}
	return "changed", "As it is set up now it wants such an event; when this one came it did not, or was disabled."
}

func whySentence(why switchhook.Why, w *switchhook.Webhook, ev *switchhook.Event, note string) string {
	switch why {
	case switchhook.WhySubaccount:
		return "It is of an account above, and does not include the accounts below."
	case switchhook.WhyFlow:
		return "It is the webhook of the account's call flows, and gets only what these send."
	case switchhook.WhyType:
		return "It does not select " + ev.Type + "."
	case switchhook.WhyDialect:
		return "Its dialect " + w.Dialect + " has nothing for this event."
	case switchhook.WhyInternalLeg:
		return "The event is of a leg inside the switch, and it leaves these out."
	case switchhook.WhyScope:
		return "The event is not of the numbers, extensions, ring groups or queues that it is limited to."
	case switchhook.WhySettings:
		return "Its settings of the dialect " + w.Dialect + " leave the event out."
	case switchhook.WhyFilter:
		return "Its filter is not true of this event."
	case switchhook.WhyFilterError:
		return "Its filter cannot be evaluated for this event: " + note + "."
	case switchhook.WhyNothing: // it wants it
	}
	return ""
}
