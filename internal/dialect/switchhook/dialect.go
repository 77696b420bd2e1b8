// Package switchhook is our own dialect: every event as it was accepted, in an
// envelope of seven members that are always there.
//
//	{"id":…,"type":…,"account_id":…,"key":…,"sequence":…,"occurred_at":…,"data":{…}}
//
// id is the event's. key is what it is ordered by, empty if it is unordered,
// and sequence rises within account and key. occurred_at is RFC 3339 in UTC.
// data leaves byte for byte as the event holds it, but for passwords, API keys and
// reset links: they are *** unless the option secrets is "show".
package switchhook

import (
	"bytes"
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A Dialect makes our own webhooks.
type Dialect struct{}

var _ dialect.Dialect = (*Dialect)(nil)

// New returns the dialect.
func New(dialect.Env) *Dialect { return &Dialect{} }

// Name is switchhook.
func (*Dialect) Name() string { return "switchhook" }

// Table lists every type of the catalogue. The free custom.* types, which no
// table can list, have an event too.
func (*Dialect) Table() []dialect.Row { return table() }

//nolint:gochecknoglobals // a constant; Go has no constant lists
var table = sync.OnceValue(func() []dialect.Row {
	var rows []dialect.Row
	for _, t := range catalogue.All() {
		rows = append(rows, dialect.Row{Type: t.Name, Name: t.Name, Formats: []string{"json"}})
	}
	return rows
})

// Verbatim says that nobody need decode an event's data for this dialect.
func (*Dialect) Verbatim() {}

// EventName is the type.
func (*Dialect) EventName(ev *switchhook.Event) string { return ev.Type }

// Check allows JSON by POST or PUT, and nothing that only another dialect has.
func (d *Dialect) Check(w *switchhook.Webhook) []switchhook.FieldError {
	upper := *w
	upper.Method = strings.ToUpper(w.Method)
	return dialect.Settings{
		Dialect: d.Name(),
		Formats: []string{"json"},
		Methods: []string{http.MethodPost, http.MethodPut},
		Options: map[string]func(any) string{"secrets": dialect.OneOf("mask", "show")},
	}.Check(&upper)
}

// Wants asks the webhook's scope, and leaves out loopback legs where the
// webhook does.
func (*Dialect) Wants(ev *switchhook.Event, w *switchhook.Webhook) bool {
	if !w.IncludeInternalLegs && internalLeg(ev) {
		return false
	}
	return dialect.InScope(ev, w.Scope)
}

func internalLeg(ev *switchhook.Event) bool {
	if !strings.HasPrefix(ev.Type, "call.") && !strings.HasPrefix(ev.Type, "leg.") {
		return false
	}
	if ev.Resources != nil {
		c := ev.Resources.Call
		return c != nil && c.InternalLeg != nil && *c.InternalLeg
	}
	// Accepted data has no blanks, and a call's names no escapes: most often a search is enough.
	return bytes.Contains(ev.Data, []byte(`"internal_leg":true`)) &&
		string(ordjson.Find(ordjson.Find(ev.Data, "call"), "internal_leg")) == "true"
}

// Render writes the envelope.
func (*Dialect) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	b := make([]byte, 0, len(ev.Data)+256)
	b = append(b, `{"id":`...)
	b = ordjson.AppendString(b, ev.ID)
	b = append(b, `,"type":`...)
	b = ordjson.AppendString(b, ev.Type)
	b = append(b, `,"account_id":`...)
	b = ordjson.AppendString(b, ev.AccountID)
	b = append(b, `,"key":`...)
	b = ordjson.AppendString(b, ev.Key)
	b = append(b, `,"sequence":`...)
	b = strconv.AppendInt(b, ev.Sequence, 10)
	b = append(b, `,"occurred_at":"`...)
	b = ev.OccurredAt.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","data":`...)
	if len(ev.Data) > 0 {
		b = append(b, masked(ev, w)...)
	} else {
		b = append(b, "{}"...)
	}
	b = append(b, '}')
	return &dialect.Request{
		Method: strings.ToUpper(cmp.Or(w.Method, http.MethodPost)),
		URL:    w.URL,
		Header: switchhook.Headers{{Name: "Content-Type", Value: "application/json"}},
		Body:   b,
	}, nil
}

// masked is an event's data as the webhook may see it. That of a custom event which
// did not come from another system is the customer's own.
func masked(ev *switchhook.Event, w *switchhook.Webhook) []byte {
	shown, _ := w.Option("secrets")
	if shown == "show" || !ev.Relayed && strings.HasPrefix(ev.Type, "custom.") {
		return ev.Data
	}
	return dialect.Masked(ev.Data)
}
