package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// A heard is an event as whoever listens gets it: with the request that a delivery
// would send.
type heard struct {
	EventID    string    `json:"event_id"`
	EventType  string    `json:"event_type"`
	AccountID  string    `json:"account_id"`
	DeliveryID string    `json:"delivery_id"`
	Key        string    `json:"key,omitzero"`
	Sequence   int64     `json:"sequence"`
	OccurredAt time.Time `json:"occurred_at"`

	Request *switchhook.HTTPRequest `json:"request,omitzero" doc:"The request, credentials in it and signed: to be sent as it is."`
	Encoded string                  `json:"body_base64,omitzero" doc:"The request's body where it is no text; its body is empty then."`
	Error   string                  `json:"error,omitzero" doc:"Why there is no request, for a person."`
}

func (a *api) registerListen() {
	tags := []string{"Webhooks"}
	const about = " Each event comes with the request that a delivery of it would send, signed and with credentials, made for the url that is given; nothing is sent from here. " +
		"So a program on a machine that nobody can reach gets a webhook's requests (switchhook listen)."
	handleOptional(a, streamOf(http.MethodPost, "listen-webhook", "/v1/webhooks/{id}/listen", "Receive a webhook's requests live",
		"The webhook's deliveries go on as ever."+about, tags, schemaOf[heard](a)), a.listenWebhook)
	handle(a, streamOf(http.MethodPost, "listen", "/v1/webhooks/listen", "Receive live what a webhook would be sent",
		"Of a webhook that is described here and kept nowhere. Its secret has to be given, so that a connection that is made again signs alike."+about, tags, schemaOf[heard](a)), a.listen)
}

// A listenInput says where whoever listens hands the requests on.
type listenInput struct {
	URL string `json:"url,omitzero" format:"uri" maxLength:"2048" doc:"The URL that the requests are made for, such as http://localhost:3000/hook. Default: the webhook's."`
}

func (a *api) listenWebhook(ctx context.Context, in *struct {
	PathID
	Streaming
	Body jsonBody[listenInput]
},
) (*streamOutput, error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	find := func() (*switchhook.Webhook, error) {
		w, err := a.webhook(ctx, in.ID)
		if err == nil && body.URL != "" {
			w.URL = body.URL
		}
		return w, err
	}
	w, err := find()
	if err != nil {
		return nil, err
	}
	if w.Flow {
		return nil, switchhook.Errorf(switchhook.CodeConflict, "the webhook of call flows has no URL of its own that could be another one")
	}
	check := &webhookCheck{a: a, w: w, near: true}
	if check.url(); len(check.wrong) > 0 {
		return nil, invalid(check.wrong)
	}
	return a.hear(ctx, in.Streaming, true, find, func(ev *switchhook.Event) bool { return slices.Contains(ev.Targets, in.ID) })
}

// listening is the id of the webhook that is none: the ids of its requests are the same
// each time for the same event.
const listening = switchhook.PrefixWebhook + "listen"

func (a *api) listen(ctx context.Context, in *struct {
	Streaming
	Body jsonBody[webhookInput]
},
) (*streamOutput, error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	body.near = true
	w, err := a.buildWebhook(callerOf(ctx), body, false)
	if err != nil {
		return nil, err
	}
	if body.Secret == "" {
		return nil, switchhook.InvalidField("secret", "is required: whsec_ and the base64 of 24 to 64 bytes, the same for each connection")
	}
	w.ID, w.CreatedAt, w.Secrets = listening, now(), []switchhook.Secret{{Value: body.Secret}}
	return a.hear(ctx, in.Streaming, w.IncludeSubaccounts, func() (*switchhook.Webhook, error) { return w, nil }, a.Router.Selects(w))
}

// hear answers with a stream of the requests of the events that a webhook wants, of its
// account and, with below, of those below it. find reads the webhook again when something
// has changed: the next request is made as it is then.
func (a *api) hear(ctx context.Context, in Streaming, below bool, find func() (*switchhook.Webhook, error), wants func(*switchhook.Event) bool) (*streamOutput, error) {
	var as *tenants
	var w *switchhook.Webhook
	var request func(*switchhook.Event) (*switchhook.HTTPRequest, error)
	var f switchhook.EventFilter
	prepare := func() (err error) {
		now := a.tenants.Load()
		if now == as {
			return nil
		}
		if w, err = find(); err == nil {
			request, err = a.Engine.Requests(w)
			as, f.Accounts = now, []string{w.AccountID}
			if below {
				f.Accounts = caller{tenants: now, account: w.AccountID}.all()
			}
		}
		return err
	}
	if err := prepare(); err != nil {
		return nil, err
	}
	return follow(ctx, a, in, tail[*switchhook.Event]{
		list: func(ctx context.Context, after int64, limit int) ([]*switchhook.Event, error) {
			if err := prepare(); err != nil { // it was deleted
				return nil, err
			}
			f.After = after
			events, _, err := a.Store.Events(ctx, f, switchhook.Page{Limit: limit})
			return events, err
		},
		end:   a.Store.LastSequence,
		place: func(ev *switchhook.Event) int64 { return ev.Sequence },
		view: func(ev *switchhook.Event) any {
			if !wants(ev) {
				return nil
			}
			return hearing(w.ID, ev, request)
		},
	})
}

func hearing(webhookID string, ev *switchhook.Event, request func(*switchhook.Event) (*switchhook.HTTPRequest, error)) *heard {
	h := &heard{
		EventID: ev.ID, EventType: ev.Type, AccountID: ev.AccountID, DeliveryID: switchhook.DeliveryID(ev.AccountID, ev.ID, webhookID),
		Key: ev.Key, Sequence: ev.Sequence, OccurredAt: ev.OccurredAt,
	}
	err := error(nil)
	if ev.Resources == nil {
		err = catalogue.Attach(ev)
	}
	if err == nil {
		h.Request, err = request(ev)
	}
	if err != nil {
		h.Error = err.Error()
		return h
	}
	if !utf8.ValidString(h.Request.Body) {
		h.Encoded, h.Request.Body = base64.StdEncoding.EncodeToString([]byte(h.Request.Body)), ""
	}
	return h
}
