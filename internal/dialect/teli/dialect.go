// Package teli is the dialect of Teli (teleapi.net): its web hooks, which tell
// of every record inserted, updated or deleted, and the posts of its text
// messages and delivery receipts.
//
// Teli is PHP over MySQL, and its rows look so: values are strings, flags are 0
// or 1, ids are integers, phone numbers have 10 digits. The option values says
// "typed" where a receiver wants numbers as numbers.
//
// An id is what the operator has set for it, else itself where it is an integer,
// else the integer that stands for it. A row whose own field id is an integer keeps
// it, and where the row refers to itself, it is that one; other rows, which know
// only the native id, have it too if the operator has set it.
//
// What came from a Teli leaves as it came, with what the catalogue has no place for:
// fields that are not on Teli's pages, the order of a post, the name of a schema.
// Only options other than the defaults make it anew, then with all its fields.
package teli

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// A Dialect makes Teli's posts.
type Dialect struct {
	env     dialect.Env
	schemas map[string]schema // by our name
}

var (
	_ dialect.Dialect     = (*Dialect)(nil)
	_ dialect.Identifying = (*Dialect)(nil)
)

// New returns the dialect. Ids that are no integers become integers by
// env.Integer.
func New(env dialect.Env) *Dialect {
	d := &Dialect{env: env, schemas: map[string]schema{}}
	for _, s := range schemas() {
		d.schemas[s.ours] = s
	}
	return d
}

// Name is teli.
func (*Dialect) Name() string { return "teli" }

// Table lists the posts of messages, sms_enablement, and for each type of change
// the 19 schemas.
func (*Dialect) Table() []dialect.Row { return table() }

// EventName is the schema's name, such as dids or sms_enablement, or sms or dlr.
func (d *Dialect) EventName(ev *switchhook.Event) string {
	ev = dialect.Decoded(ev)
	switch ev.Type {
	case "message.received":
		return "sms"
	case "message.status":
		if ev.Resources != nil && ev.Resources.Message != nil && receiptOf(ev.Resources.Message).sendStatus != "" {
			return "dlr"
		}
	case "record.created", "record.updated", "record.deleted":
		if ev.Resources != nil {
			return d.schemas[ev.Resources.Schema].name
		}
	case "number.sms_enablement":
		return enablement
	}
	return ""
}

// IDs lists the schemas: every row has an integer.
func (*Dialect) IDs() []dialect.IDKind {
	var kinds []dialect.IDKind
	for _, s := range schemas() {
		kinds = append(kinds, dialect.IDKind{Schema: s.ours, Form: "an integer such as 4711", Valid: isInteger})
	}
	return kinds
}

// Check refuses what Teli does not have.
func (d *Dialect) Check(w *switchhook.Webhook) []switchhook.FieldError {
	return dialect.Settings{
		Dialect: d.Name(),
		Options: map[string]func(any) string{
			"schema_names": d.checkSchemaNames,
			"values":       dialect.OneOf("strings", "typed"),
		},
	}.Check(w)
}

// asSaid reports whether the webhook has no option that would write what a Teli said
// in another way.
func asSaid(w *switchhook.Webhook) bool {
	names, _ := w.DialectOptions["schema_names"].(map[string]any)
	for name, other := range names {
		if other != name {
			return false
		}
	}
	values, _ := w.Option("values")
	return values != "typed"
}

// checkSchemaNames says what is wrong with the option schema_names: an object
// from Teli's names as we have them to the names that the receiver expects.
func (d *Dialect) checkSchemaNames(v any) string {
	names, ok := v.(map[string]any)
	if !ok {
		return `expected an object such as {"directory_listings":"did_directory_listings"}`
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if s, ok := names[name].(string); !ok || s == "" {
			return "expected a string as the name of " + name
		}
		if !slices.ContainsFunc(schemas(), func(s schema) bool { return s.name == name }) {
			return name + " is no schema; the schemas are " + strings.Join(schemaNames(), ", ")
		}
	}
	return ""
}

// Wants reports whether the scope lets the event through. A record touches the
// numbers that its row names.
func (d *Dialect) Wants(ev *switchhook.Event, w *switchhook.Webhook) bool {
	ev = dialect.Decoded(ev)
	return dialect.InScope(ev, w.Scope) || recordInScope(ev, w.Scope)
}

func contentType(typ string) switchhook.Headers {
	return switchhook.Headers{{Name: "Content-Type", Value: typ}}
}

// Render makes the request.
func (d *Dialect) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	ev = dialect.Decoded(ev)
	req := &dialect.Request{
		Method: http.MethodPost,
		URL:    w.URL,
		Header: contentType("application/x-www-form-urlencoded"),
	}
	if said := ev.OriginalOf(d.Name()); said != nil && asSaid(w) {
		if said.Format == "json" {
			req.Header = contentType("application/json")
		}
		req.Body = []byte(said.Body)
		return req, nil
	}
	switch ev.Type {
	case "message.received":
		req.Body = smsForm(ev.Resources.Message)
	case "message.status":
		req.Body = dlrForm(ev.Resources.Message)
	case "number.sms_enablement":
		req.Header = contentType("application/json")
		req.Body = enablementBody(ev)
	default:
		body, err := d.record(ev, w)
		if err != nil {
			return nil, err
		}
		req.Header = contentType("application/json")
		req.Body = body
	}
	return req, nil
}
