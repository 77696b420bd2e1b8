// Package voipbin is VoIPBin's dialect, as its webhook documentation has it
// (docsdev/source/webhook_struct_webhook.rst of 2022-05-11): an envelope of a
// type and a whole resource, all members always there, times without a zone.
//
// VoIPBin makes its bodies with Go's encoding/json from structs, and so do we:
// wire.go has these structs. What is missing in an event becomes VoIPBin's own
// zero: the nil UUID, 9999-01-01 00:00:00.000000, an empty string or list. Ids
// that are no UUIDs are derived (dialect.UUID).
package voipbin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// A Dialect makes VoIPBin's webhooks.
type Dialect struct {
	names map[string]string
}

var _ dialect.Dialect = (*Dialect)(nil)

// New returns the dialect.
func New(dialect.Env) *Dialect {
	d := &Dialect{names: map[string]string{}}
	for _, row := range table() {
		d.names[row.Type] = row.Name
	}
	return d
}

// Name is voipbin.
func (*Dialect) Name() string { return "voipbin" }

// Table lists the 21 names of VoIPBin's page; several types share one.
func (*Dialect) Table() []dialect.Row { return table() }

// EventName is VoIPBin's name, such as call_hungup.
func (d *Dialect) EventName(ev *switchhook.Event) string {
	if ev.FirstLegTold {
		return "" // VoIPBin speaks of legs, and this one's end was told
	}
	if strings.HasPrefix(ev.Type, "recording.") && (ev.Resources == nil || ev.Resources.Call == nil) {
		return "" // call_updated is a whole call, and there is none
	}
	if name := d.names[ev.Type]; name != ringing || outgoing(ev.Resources) {
		return name
	}
	return "" // an incoming call is born ringing and says so only in call_created
}

func outgoing(r *switchhook.Resources) bool {
	return r != nil && r.Call != nil && r.Call.LegDirection == "outbound"
}

// Check refuses what VoIPBin does not have. It sends its JSON body with every
// method, with GET too.
func (d *Dialect) Check(w *switchhook.Webhook) []switchhook.FieldError {
	return dialect.Settings{
		Dialect: d.Name(),
		Formats: []string{"json"},
		Methods: methods(),
	}.Check(w)
}

func methods() []string {
	return []string{http.MethodPost, http.MethodPut, http.MethodGet, http.MethodDelete}
}

// Wants reports whether the scope lets the event through.
func (*Dialect) Wants(ev *switchhook.Event, w *switchhook.Webhook) bool {
	return dialect.InScope(ev, w.Scope)
}

// Render makes the request.
func (d *Dialect) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	body, err := json.Marshal(envelope{d.names[ev.Type], snapshot(ev)})
	if err != nil {
		return nil, fmt.Errorf("render the event %s for voipbin: %w", ev.ID, err)
	}
	return &dialect.Request{
		Method: cmp.Or(w.Method, methods()[0]),
		URL:    w.URL,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   body,
	}, nil
}

// snapshot is the resource that an event is about, as VoIPBin has it.
func snapshot(ev *switchhook.Event) any {
	m := maker{account: ev.AccountID}
	r := cmp.Or(ev.Resources, &switchhook.Resources{})
	switch family, _, _ := strings.Cut(ev.Type, "."); family {
	case "flow":
		f := m.flow(cmp.Or(r.Flow, &switchhook.Flow{}))
		if ev.Type == "flow.ended" {
			f.TMDelete = never // VoIPBin did not set it in 2022, see the page's example
		}
		return f
	case "queue":
		return m.queue(cmp.Or(r.Queue, &switchhook.Queue{}))
	case "queuecall":
		return m.queuecall(cmp.Or(r.QueueCall, &switchhook.QueueCall{}))
	case "agent":
		return m.agent(cmp.Or(r.Agent, &switchhook.Agent{}))
	default:
		return m.call(cmp.Or(r.Call, &switchhook.Call{}))
	}
}
