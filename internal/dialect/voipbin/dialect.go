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
// Of some members VoIPBin always knew a word, and its Go zero "" was never sent: a
// call's status and direction, a queue call's reference_type and status, an agent's
// ring_method and status. An event that does not tell them has the word that its
// type implies, else the one that VoIPBin begins with.
//
// What came from a VoIPBin leaves as it came, under the name that it came under, with
// what 2022 did not have: members, messages, numbers and what became custom.voipbin.*
// (internal/source/voipbin). The option era says "2022" where a receiver knows only
// that year: then it is written anew, and what that year did not have is left out.
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
	names map[string]string // of 2022, by our type
}

var (
	_ dialect.Dialect     = (*Dialect)(nil)
	_ dialect.Identifying = (*Dialect)(nil)
)

// New returns the dialect.
func New(env dialect.Env) *Dialect {
	d := &Dialect{env: env, names: map[string]string{}}
	for _, c := range column() {
		d.names[c.typ] = c.name
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
		kinds = append(kinds, dialect.IDKind{Schema: schema, Form: "a UUID in lower case", Valid: func(id string) bool {
			return dialect.IsUUID(id) && id != dialect.NilUUID // which is nothing
		}})
	}
	return kinds
}

// custom begins the types that internal/source/voipbin makes of what VoIPBin has
// sent and the catalogue has no type for.
const custom = "custom.voipbin."

// Table lists the 21 names of VoIPBin's page, of which several types share one, the
// flow's action webhook_send, and the names that only what came from a VoIPBin has.
func (*Dialect) Table() []dialect.Row { return table() }

// EventName is VoIPBin's name, such as call_hungup: of what came from a VoIPBin the
// one that it came under, such as call_hangup.
func (d *Dialect) EventName(ev *switchhook.Event) string {
	ev = dialect.Decoded(ev)
	if ev.Type == flowWebhook {
		return d.names[flowWebhook]
	}
	if said := ev.OriginalOf(name); said != nil {
		return said.Name
	}
	if name, ok := strings.CutPrefix(ev.Type, custom); ok {
		return name
	}
	return d.nameOf2022(ev)
}

// nameOf2022 is what VoIPBin called the event in 2022; nothing for what it did not
// have then.
func (d *Dialect) nameOf2022(ev *switchhook.Event) string {
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
		Dialect: name,
		Formats: []string{"json"},
		Methods: methods(),
		Options: map[string]func(any) string{"era": dialect.OneOf("as_sent", year2022)},
	}.Check(w)
}

const year2022 = "2022"

// asSaid reports whether what a VoIPBin said is to leave so: not where the receiver
// knows only the bodies of 2022.
func asSaid(w *switchhook.Webhook) bool {
	era, _ := w.Option("era")
	return era != year2022
}

func methods() []string {
	return []string{http.MethodPost, http.MethodPut, http.MethodGet, http.MethodDelete}
}

// Wants reports whether the scope lets the event through. What a flow of VoIPBin's has
// sent here goes to all; what one of ours sends goes to the address that it names
// (dialect.FlowTarget). A receiver that knows only 2022 does not get what there was
// not yet.
func (d *Dialect) Wants(ev *switchhook.Event, w *switchhook.Webhook) bool {
	ev = dialect.Decoded(ev)
	if ev.Type == flowWebhook {
		return ev.OriginalOf(name) != nil
	}
	return dialect.InScope(ev, w.Scope) && (asSaid(w) || d.nameOf2022(ev) != "")
}

func contentType(typ string) switchhook.Headers {
	return switchhook.Headers{{Name: "Content-Type", Value: typ}}
}

// Render makes the request.
func (d *Dialect) Render(ev *switchhook.Event, w *switchhook.Webhook) (*dialect.Request, error) {
	ev = dialect.Decoded(ev)
	req := &dialect.Request{
		Method: cmp.Or(w.Method, methods()[0]),
		URL:    w.URL,
		Header: contentType("application/json"),
	}
	if ev.Type == flowWebhook {
		typ, body := sent(ev)
		req.Header, req.Body = contentType(typ), body
		return req, nil
	}
	if said := ev.OriginalOf(name); said != nil && asSaid(w) {
		req.Body = []byte(said.Body)
		return req, nil
	}
	out := envelope{Type: d.nameOf2022(ev)}
	theirs, isCustom := strings.CutPrefix(ev.Type, custom)
	switch {
	case isCustom && asSaid(w):
		out.Type, out.Data = theirs, ev.Data
	case out.Type == "":
		return nil, switchhook.InvalidField("type", "VoIPBin of 2022 has nothing for this %s event", ev.Type)
	default:
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
	text, isText := ordjson.Unquote(body)
	if said := ev.OriginalOf(name); said != nil {
		text, isText = said.Body, true
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
	switch family, what, _ := strings.Cut(ev.Type, "."); family {
	case "flow":
		f := m.flow(cmp.Or(r.Flow, &switchhook.Flow{}))
		if what == "ended" {
			f.TMDelete = never // VoIPBin did not set it in 2022, see the page's example
		}
		return f
	case "queue":
		return m.queue(cmp.Or(r.Queue, &switchhook.Queue{}))
	case "queuecall":
		return m.queuecall(cmp.Or(r.QueueCall, &switchhook.QueueCall{}), what)
	case "agent":
		return m.agent(cmp.Or(r.Agent, &switchhook.Agent{}))
	default:
		return m.call(cmp.Or(r.Call, &switchhook.Call{}), what)
	}
}
