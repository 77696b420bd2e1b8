// Package voipbin is VoIPBin's dialect, as its webhook documentation has it
// (docsdev/source/webhook_struct_webhook.rst of 2022-05-11): an envelope of a
// type and a whole resource, all members always there, times without a zone.
//
// VoIPBin makes its bodies with Go's encoding/json from structs, and so do we:
// wire.go has these structs. What is missing in an event becomes VoIPBin's own
// zero: the nil UUID, 9999-01-01 00:00:00.000000, an empty string or list. Ids
// that are no UUIDs are derived (dialect.UUID).
//
// An action of which nothing is known has the nil UUID too, VoIPBin's id of an
// empty action. The …0001 of the page's examples stands for a flow that has been
// started and is before its first action; that is more than nothing, and an event
// that knows it says so.
//
// The body of flow.webhook is no envelope: a flow's webhook_send says what it is.
package voipbin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// A Dialect makes VoIPBin's webhooks.
type Dialect struct {
	env   dialect.Env
	names map[string]string
}

var (
	_ dialect.Dialect     = (*Dialect)(nil)
	_ dialect.Identifying = (*Dialect)(nil)
)

// New returns the dialect.
func New(env dialect.Env) *Dialect {
	d := &Dialect{env: env, names: map[string]string{}}
	for _, row := range table() {
		d.names[row.Type] = row.Name
	}
	return d
}

const name = "voipbin"

// Name is voipbin.
func (*Dialect) Name() string { return name }

// IDs lists what has the same id as long as it lives; calls and the like come and
// go.
func (*Dialect) IDs() []dialect.IDKind {
	var kinds []dialect.IDKind
	for _, schema := range []string{anAgent, callFlow, aQueue, tag} {
		kinds = append(kinds, dialect.IDKind{Schema: schema, Form: "a UUID in lower case", Valid: dialect.IsUUID})
	}
	return kinds
}

// custom begins the types that internal/source/voipbin makes of what VoIPBin has
// sent and the catalogue has no type for. Such an event leaves as it came.
const custom = "custom.voipbin."

// Table lists the 21 names of VoIPBin's page, of which several types share one,
// and the flow's action webhook_send.
func (*Dialect) Table() []dialect.Row { return table() }

// EventName is VoIPBin's name, such as call_hungup.
func (d *Dialect) EventName(ev *switchhook.Event) string {
	if ev.FirstLegTold {
		return "" // VoIPBin speaks of legs, and this one's end was told
	}
	if strings.HasPrefix(ev.Type, "recording.") && (ev.Resources == nil || ev.Resources.Call == nil) {
		return "" // call_updated is a whole call, and there is none
	}
	if name, ok := strings.CutPrefix(ev.Type, custom); ok {
		return name
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
		Dialect: name,
		Formats: []string{"json"},
		Methods: methods(),
	}.Check(w)
}

func methods() []string {
	return []string{http.MethodPost, http.MethodPut, http.MethodGet, http.MethodDelete}
}

// Wants reports whether the scope lets the event through. What a flow sends goes to
// the address that it names and to nobody else; what a flow of VoIPBin's has sent
// here goes to all.
func (*Dialect) Wants(ev *switchhook.Event, w *switchhook.Webhook) bool {
	if ev.Type == flowWebhook {
		format, _ := dialect.Said(ev, name)
		return w.Flow != (format != "")
	}
	return !w.Flow && dialect.InScope(ev, w.Scope)
}

// Render makes the request.
func (d *Dialect) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	req := &dialect.Request{
		Method: cmp.Or(w.Method, methods()[0]),
		URL:    w.URL,
		Header: http.Header{"Content-Type": {"application/json"}},
	}
	if ev.Type == flowWebhook {
		contentType, body := sent(ev)
		req.Header.Set("Content-Type", contentType)
		req.Body = body
		return req, nil
	}
	out := envelope{Type: d.names[ev.Type]}
	if theirs, ok := strings.CutPrefix(ev.Type, custom); ok {
		out.Type, out.Data = theirs, ev.Data
	} else {
		out.Data = d.snapshot(ev)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("render the event %s for voipbin: %w", ev.ID, err)
	}
	req.Body = asGoDid(body)
	return req, nil
}

// asGoDid writes backspace and form feed as the Go of 2022 did: before Go 1.22
// encoding/json had no short escapes for them.
func asGoDid(body []byte) []byte {
	if !bytes.Contains(body, []byte(`\b`)) && !bytes.Contains(body, []byte(`\f`)) {
		return body
	}
	out := make([]byte, 0, len(body)+64)
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			out = append(out, body[i])
			continue
		}
		i++ // valid JSON: there is one more
		switch body[i] {
		case 'b':
			out = append(out, `\u0008`...)
		case 'f':
			out = append(out, `\u000c`...)
		default:
			out = append(out, '\\', body[i])
		}
	}
	return out
}

// sent is what a flow's webhook_send sends: its data as it is, and the Content-Type
// that it calls data_type. A text that names none is JSON if it can be read so.
func sent(ev *switchhook.Event) (contentType string, body []byte) {
	in, _ := ordjson.Parse(ev.Data) // an event's data is an object
	hook, _ := ordjson.Parse(in.Get("hook"))
	contentType, body = "application/json", in.Get("data")
	format, text := dialect.Said(ev, name)
	isText := format != ""
	if !isText {
		text, isText = ordjson.Unquote(body)
	}
	if isText {
		body = []byte(text)
		if !json.Valid(body) {
			contentType = "text/plain; charset=utf-8"
		}
	}
	return cmp.Or(headerValue(hook.Text("data_type")), contentType), body
}

// headerValue is a text that can stand in a header, and nothing for one that
// cannot.
func headerValue(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		return ""
	}
	return s
}

// snapshot is the resource that an event is about, as VoIPBin has it.
func (d *Dialect) snapshot(ev *switchhook.Event) any {
	m := maker{&d.env, ev.AccountID}
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
