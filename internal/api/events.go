package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// An accepted is the answer to events that were taken over.
type accepted struct {
	Events []switchhook.Receipt `json:"events" doc:"One receipt per event, in the order of the request."`
}

// An eventInput is an event as a client sends it; it is what the document says,
// while readEvents is what reads it.
type eventInput struct {
	Type       string         `json:"type" doc:"The type's name in the catalogue, or any custom.* name." example:"call.answered"`
	AccountID  string         `json:"account_id,omitzero" doc:"The account that it happened in. Default: the key's."`
	Data       map[string]any `json:"data" doc:"The resources that the type carries; see /v1/event-types/{type}."`
	ID         string         `json:"id,omitzero" pattern:"^[A-Za-z0-9._:-]{1,128}$" doc:"Unique per account. The same id again within 24 hours is a duplicate: nothing is sent twice."`
	Key        string         `json:"key,omitzero" maxLength:"256" doc:"What it is ordered by. Default: the call, or what the event is about."`
	OccurredAt time.Time      `json:"occurred_at,omitzero" doc:"When it happened. Default: now."`
	Source     string         `json:"source,omitzero" maxLength:"128" doc:"A name for what told it."`
}

func (a *api) registerEvents() {
	a.sendEvents = a.withKey("send-events", a.postEvents)
	a.mux.HandleFunc("POST /v1/events", a.sendEvents)
	one := schemaOf[eventInput](a)
	a.document(huma.Operation{
		OperationID: "send-events", Method: http.MethodPost, Path: "/v1/events", Tags: []string{"Events"}, Security: withKeyOnly(),
		Summary: "Send events",
		Description: "One event, an array, or NDJSON; up to 1,000 events, 1 MiB each, 32 MiB together. All are taken or none. " +
			"The answer comes when they are kept for good, with what is to be delivered.",
		Parameters: []*huma.Param{{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Becomes the id of a single event that has none of its own.",
		}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json":     {Schema: &huma.Schema{OneOf: []*huma.Schema{one, {Type: huma.TypeArray, Items: one}}}},
			"application/x-ndjson": {Schema: &huma.Schema{Type: huma.TypeString, Description: "One event per line."}},
		}},
		Responses: map[string]*huma.Response{"202": {
			Description: "Accepted and kept",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schemaOf[accepted](a)}},
		}},
	})
	handle(a, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/events", Tags: []string{"Events"},
		Summary: "List events, newest first",
	}, a.listEvents)
	handle(a, huma.Operation{
		OperationID: "get-event", Method: http.MethodGet, Path: "/v1/events/{id}", Tags: []string{"Events"}, Summary: "Get an event",
	}, a.getEvent)
	handle(a, huma.Operation{
		OperationID: "list-event-deliveries", Method: http.MethodGet, Path: "/v1/events/{id}/deliveries", Tags: []string{"Events", "Deliveries"},
		Summary: "List an event's deliveries", Description: "One for each webhook that it goes to.",
	}, a.eventDeliveries)
	handle(a, huma.Operation{
		OperationID: "explain-event", Method: http.MethodGet, Path: "/v1/events/{id}/explain", Tags: []string{"Events", "Webhooks"},
		Summary:     "Explain which webhooks got an event, and why others did not",
		Description: "One for each webhook of the event's account and of those above it that the key opens, and one for each notification that such events make. Why one did not get it is judged by how it is set up now.",
	}, a.explainEvent)
}

// postEvents is the hot path: no reflection, one pass over the body.
func (a *api) postEvents(w http.ResponseWriter, r *http.Request) {
	receipts, err := a.takeEvents(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(appendReceipts(make([]byte, 0, 32+80*len(receipts)), receipts)) //nolint:gosec // it is JSON, and said to be; whoever went away gets none
}

// appendReceipts writes an accepted, and a line feed, as writeJSON does.
func appendReceipts(b []byte, receipts []switchhook.Receipt) []byte {
	b = append(b, `{"events":[`...)
	for i, r := range receipts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = ordjson.AppendString(b, r.ID)
		b = append(b, `,"duplicate":`...)
		b = strconv.AppendBool(b, r.Duplicate)
		b = append(b, `,"deliveries":`...)
		b = strconv.AppendInt(b, int64(r.Deliveries), 10)
		b = append(b, '}')
	}
	return append(b, "]}\n"...)
}

func (a *api) takeEvents(w http.ResponseWriter, r *http.Request) ([]switchhook.Receipt, error) {
	if err := checkMediaType(r, ndjson); err != nil {
		return nil, err
	}
	events, single, err := takeBody(w, r)
	if err != nil {
		return nil, err
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		if err := nameEvent(events, key); err != nil {
			return nil, err
		}
	}
	c, now := callerOf(r.Context()), time.Now().UTC()
	var wrong []switchhook.FieldError
	for i, ev := range events {
		if ev.Type == customerUpdate && c.may("create-customer-update") != nil {
			return nil, ofBatch(wrongField(switchhook.CodeForbidden, eventPath(i, "type"), "the role of this key is %s; %s writes to everybody, which needs a key of the role admin", c.role, ev.Type), single)
		}
		if ev.AccountID == "" {
			ev.AccountID = c.account
		} else if !c.sees(ev.AccountID) && len(wrong) < mostErrors {
			wrong = append(wrong, unknownAccount(eventPath(i, "account_id"), ev.AccountID).Fields...)
		}
		if ev.OccurredAt.IsZero() {
			ev.OccurredAt = now
		}
	}
	if len(wrong) > 0 {
		return nil, ofBatch(&switchhook.Error{Code: switchhook.CodeUnknownAccount, Message: sentence(wrong), Fields: wrong}, single)
	}
	if err := a.maySend(c.tenants, events); err != nil {
		return nil, err
	}
	receipts, err := a.Router.Accept(r.Context(), events)
	return receipts, ofBatch(err, single)
}

// nameEvent gives a single event the id of the request's Idempotency-Key.
func nameEvent(events []*switchhook.Event, key string) error {
	const header = "Idempotency-Key"
	switch {
	case len(events) != 1:
		return switchhook.InvalidField(header, "goes with a single event; in a batch give each event its id")
	case events[0].IDGiven:
		return switchhook.InvalidField(header, "the event has an id of its own; leave out one of the two")
	case !switchhook.ValidEventID(key):
		return switchhook.InvalidField(header, "expected 1 to 128 characters of A-Z a-z 0-9 . _ : -")
	}
	events[0].ID, events[0].IDGiven = key, true
	return nil
}

// ofBatch says an error of a batch as it is to be said of one event: the client
// who sent an object knows nothing of events[0].
func ofBatch(err error, single bool) error {
	const first = "events[0]"
	e, ok := asOwn(err)
	if !ok || !single {
		return err
	}
	out := &switchhook.Error{Code: e.Code, Message: strings.ReplaceAll(strings.ReplaceAll(e.Message, first+".", ""), first+": ", "")}
	for _, f := range e.Fields {
		if f.Field != first { // else it is the whole, which has no path
			out.Fields = append(out.Fields, switchhook.FieldError{Field: strings.TrimPrefix(f.Field, first+"."), Message: f.Message})
		}
	}
	return out.With(err)
}

// A listEventsInput narrows the list of events.
type listEventsInput struct {
	Paging
	EventFilter
	Since instant `query:"since" format:"date-time" doc:"Accepted at or after this time."`
	Until instant `query:"until" format:"date-time" doc:"Accepted before this time."`
}

// An EventFilter is what a list and a stream of events are narrowed by.
type EventFilter struct {
	AccountID string   `query:"account_id" doc:"Only events of this account. Default: of all that the key opens."`
	Type      []string `query:"type,explode" doc:"Only these types; * stands for anything, dots too. Repeat it, or separate by commas."`
	Key       string   `query:"key" doc:"Only events with this ordering key."`
	CallID    string   `query:"call_id" doc:"Only events of this call or leg."`
	Number    string   `query:"number" doc:"Only events that carry this phone number."`
}

func (f EventFilter) of(c caller) (switchhook.EventFilter, error) {
	accounts, err := c.only(f.AccountID)
	if err != nil {
		return switchhook.EventFilter{}, err
	}
	number := strings.TrimSpace(f.Number) // a plus that nobody has encoded
	return switchhook.EventFilter{Accounts: accounts, Types: separated(f.Type), Key: f.Key, CallID: f.CallID, Number: number}, nil
}

// separated are the entries of lists that are separated by commas.
func separated(lists []string) (entries []string) {
	for _, list := range lists {
		for entry := range strings.SplitSeq(list, ",") {
			if entry = strings.TrimSpace(entry); entry != "" {
				entries = append(entries, entry)
			}
		}
	}
	return entries
}

// An instant is a time in a query.
type instant struct{ time.Time }

// UnmarshalText reads RFC 3339.
func (t *instant) UnmarshalText(b []byte) error {
	if err := t.Time.UnmarshalText(b); err != nil {
		return errTime
	}
	t.Time = t.UTC()
	return nil
}

func (a *api) listEvents(ctx context.Context, in *listEventsInput) (*listOutput[*switchhook.Event], error) {
	f, err := in.of(callerOf(ctx))
	if err != nil {
		return nil, err
	}
	f.Since, f.Until = in.Since.Time, in.Until.Time
	events, next, err := bounded(in.page(), func(ev *switchhook.Event) int { return len(ev.Data) },
		func(p switchhook.Page) ([]*switchhook.Event, string, error) { return a.Store.Events(ctx, f, p) })
	if err != nil {
		return nil, err
	}
	return listOf(events, next), nil
}

// A PathID is the id in a path. (It and its like are exported because huma reads
// only the exported of embedded structs.)
type PathID struct {
	ID string `path:"id"`
}

// EventInPath names an event. Its id is unique per account only, so a key that
// opens several may have to say which.
type EventInPath struct {
	PathID
	AccountID string `query:"account_id" doc:"The event's account, where two of your accounts have an event of this id."`
}

func (a *api) event(ctx context.Context, in EventInPath) (*switchhook.Event, error) {
	accounts, err := callerOf(ctx).only(in.AccountID)
	if err != nil {
		return nil, err
	}
	ev, err := a.Store.Event(ctx, accounts, in.ID)
	if switchhook.ErrorCode(err) == switchhook.CodeNotFound {
		return nil, notFound("event", in.ID)
	}
	return ev, err
}

func (a *api) getEvent(ctx context.Context, in *EventInPath) (*output[*switchhook.Event], error) {
	ev, err := a.event(ctx, *in)
	if err != nil {
		return nil, err
	}
	return &output[*switchhook.Event]{Body: ev}, nil
}

func (a *api) eventDeliveries(ctx context.Context, in *struct {
	Paging
	EventInPath
},
) (*listOutput[*switchhook.Delivery], error) {
	ev, err := a.event(ctx, in.EventInPath)
	if err != nil {
		return nil, err
	}
	f := switchhook.DeliveryFilter{Accounts: []string{ev.AccountID}, EventID: ev.ID}
	deliveries, next, err := a.deliveries(ctx, f, in.page())
	if err != nil {
		return nil, err
	}
	return listOf(deliveries, next), nil
}

// An eventType is an entry of the catalogue, with what each dialect makes of it.
type eventType struct {
	Type        string              `json:"type" example:"call.answered" doc:"Its name."`
	Description string              `json:"description" doc:"What it means."`
	Freshness   catalogue.Freshness `json:"freshness" enum:"live,timely,lasting" doc:"How long it is of use: live 60 seconds, timely 6 hours, lasting until the retries end."`
	MaxAge      switchhook.Duration `json:"max_age,omitzero" doc:"The age at which a delivery of it expires, unless its webhook says otherwise. Absent: never."`
	Resources   []string            `json:"resources" doc:"The resources that its data carries, what it is about first."`
	Schema      rawObject           `json:"schema" doc:"The JSON Schema (2020-12) of its data."`
	Sample      rawObject           `json:"sample" doc:"The data of a realistic event."`
	Dialects    []dialectEvent      `json:"dialects" doc:"What each dialect sends for it. A dialect that is missing has nothing for it."`
}

// A dialectEvent is what a dialect makes of a type.
type dialectEvent struct {
	Dialect string                  `json:"dialect" doc:"The dialect's name."`
	Name    string                  `json:"name" doc:"What that system calls it."`
	Formats []string                `json:"formats" doc:"The bodies that it can have."`
	Note    string                  `json:"note,omitzero" doc:"When the dialect has nothing for an event of the type."`
	Example *switchhook.HTTPRequest `json:"example,omitzero" doc:"The request that the sample makes, without signature."`
}

func (a *api) registerEventTypes() {
	handle(a, huma.Operation{
		OperationID: "list-event-types", Method: http.MethodGet, Path: "/v1/event-types", Tags: []string{"Events"}, Summary: "List the catalogue of event types",
	}, a.listEventTypes)
	handle(a, huma.Operation{
		OperationID: "get-event-type", Method: http.MethodGet, Path: "/v1/event-types/{type}", Tags: []string{"Events"}, Summary: "Get an event type",
		Description: "With an example of the request that each dialect makes of it.",
	}, a.getEventType)
}

func (a *api) listEventTypes(_ context.Context, in *struct{ Paging }) (*listOutput[eventType], error) {
	types, next, err := pageOf(catalogue.All(), in.page(), func(t *catalogue.Type) string { return t.Name }, inOrder)
	if err != nil {
		return nil, err
	}
	var items []eventType
	for _, t := range types {
		items = append(items, a.describeType(t))
	}
	return listOf(items, next), nil
}

func (a *api) getEventType(ctx context.Context, in *struct {
	Type string `path:"type"`
},
) (*output[eventType], error) {
	t, ok := catalogue.Lookup(in.Type)
	if !ok {
		return nil, notFound("event type", in.Type)
	}
	out := a.describeType(t)
	ev, err := sampleOf(t, callerOf(ctx).account)
	if err != nil {
		return nil, err
	}
	for i := range out.Dialects {
		out.Dialects[i].Example = a.example(out.Dialects[i].Dialect, ev)
	}
	return &output[eventType]{Body: out}, nil
}

func (a *api) describeType(t *catalogue.Type) eventType {
	out := eventType{
		Type: t.Name, Description: t.Meaning, Freshness: t.Freshness, MaxAge: switchhook.Duration(t.Freshness.MaxAge()),
		Resources: []string{}, Schema: rawObject(t.Schema()), Sample: rawObject(t.Sample()), Dialects: []dialectEvent{},
	}
	for _, use := range t.Data {
		out.Resources = append(out.Resources, use.Resource)
	}
	for _, d := range a.Dialects {
		out.Dialects = append(out.Dialects, dialectEvents(d, t)...)
	}
	return out
}

// dialectEvents is what a dialect makes of a type. A free custom.* type is in
// no table; the dialect says by its name for an event whether it sends it.
func dialectEvents(d dialect.Dialect, t *catalogue.Type) []dialectEvent {
	var out []dialectEvent
	for _, row := range d.Table() {
		if row.Type == t.Name {
			out = append(out, dialectEvent{Dialect: d.Name(), Name: row.Name, Formats: row.Formats, Note: row.Note})
		}
	}
	if len(out) == 0 && t.Custom() {
		if ev, err := sampleOf(t, switchhook.RootAccount); err == nil {
			if name := d.EventName(ev); name != "" {
				out = append(out, dialectEvent{Dialect: d.Name(), Name: name, Formats: d.Table()[0].Formats}) // its rows are all alike
			}
		}
	}
	return out
}

// sampleOf is an event of the type's sample, for documents: always the same.
func sampleOf(t *catalogue.Type, accountID string) (*switchhook.Event, error) {
	data := t.Sample()
	r, err := catalogue.Decode(data)
	if err != nil {
		return nil, err
	}
	at := time.Date(2026, time.January, 31, 15, 4, 10, 0, time.UTC)
	return &switchhook.Event{
		ID: "evt_sample", Type: t.Name, AccountID: accountID, Key: catalogue.Key(t, r), Sequence: 1,
		OccurredAt: at, AcceptedAt: at, Data: data, Resources: r,
	}, nil
}

// example is the request that a dialect makes of an event; nil if it makes none.
func (a *api) example(name string, ev *switchhook.Event) *switchhook.HTTPRequest {
	d := a.dialects[name]
	if d.EventName(ev) == "" {
		return nil
	}
	w := &switchhook.Webhook{
		ID: "wh_sample", AccountID: ev.AccountID, URL: "https://example.com/hook", Dialect: name, Enabled: true, IncludeInternalLegs: true,
	}
	if len(d.Check(w)) > 0 { // it needs settings of the webhook's own
		return nil
	}
	req, err := d.Render(ev, w)
	if err != nil {
		return nil
	}
	req.Header.Sort()
	return &switchhook.HTTPRequest{Method: req.Method, URL: req.URL, Headers: req.Header, Body: string(req.Body)}
}

// firstType is the first type of the catalogue that a webhook's events select
// and its dialect has something for: what a test sends if nothing is said.
func (a *api) firstType(w *switchhook.Webhook) string {
	if types := a.selectedTypes(w); len(types) > 0 {
		return types[0].Name
	}
	return ""
}

// selectedTypes lists the types that a webhook's events select and its dialect
// has something for; of those that are free, one stands for all.
func (a *api) selectedTypes(w *switchhook.Webhook) []*catalogue.Type {
	d := a.dialects[w.Dialect]
	if d == nil {
		return nil
	}
	var types []*catalogue.Type
	for _, t := range catalogue.All() {
		if len(dialectEvents(d, t)) > 0 && slices.ContainsFunc(w.Events, func(s string) bool { return a.selects(s, t.Name) }) {
			types = append(types, t)
		}
	}
	for _, s := range w.Events {
		if rest, ok := strings.CutPrefix(s, "custom."); ok {
			if t, ok := catalogue.Lookup("custom." + strings.ReplaceAll(rest, "*", "test")); ok {
				return append(types, t)
			}
		}
	}
	return types
}

// selects reports whether an entry of a webhook's events selects a type.
func (a *api) selects(entry, typeName string) bool {
	name, selector, own := strings.Cut(entry, ":")
	if !own {
		return catalogue.Match(entry, typeName)
	}
	d := a.dialects[name]
	return d != nil && slices.ContainsFunc(d.Table(), func(row dialect.Row) bool {
		return row.Type == typeName && dialect.Selects(selector, row.Name)
	})
}

// A rawObject is a JSON object, written as it is.
type rawObject []byte

// MarshalJSON writes the object.
func (o rawObject) MarshalJSON() ([]byte, error) { return o, nil }

// Schema is that of any object.
func (rawObject) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}
