// Package kazoo reads the webhooks of 2600Hz KAZOO: channel_*, cdr, parking,
// object, notifications, sms, mms, stream and the webhook action of a call flow, in
// payload version v1 (as a form, as JSON or as the query of a GET) and v2 (an
// envelope of action, name and data).
// table.go says what each member becomes; the members of most notifications lie
// flat in the data, as the catalogue has them.
//
// A Kazoo channel hook knows its own leg (call_id) and its peer
// (other_leg_call_id), not the call. An outbound leg whose peer is known is taken
// for a leg that the peer started: its event is leg.*, the peer is its parent and
// the call's root. Every other one is call.*: an inbound leg, and an outbound one
// without a peer, such as a call that the API placed. Once such a call has a peer,
// it looks like a leg of it.
//
// A member that a channel hook could have and has not is unset, so it is null in
// the data; the other hooks leave out what they do not know. A form has no types:
// what is mapped gets its own back, what lies in custom_* stays text.
//
// All that came in is kept as it was, beside the data: the payload as JSON, and what
// only its form says. The dialect kazoo sends it on unchanged, with what the catalogue
// has no place for.
//
// What Kazoo 5 sends of media streams, the channel events beyond the usual six that
// an operator can switch on, and notifications that are not on Kazoo's page have no
// type in the catalogue. They become custom.kazoo.NAME. The type of a document is a
// setting of Kazoo's too; one beyond the usual is the schema kazoo_TYPE. What has the
// shape of a call flow's own webhook is flow.webhook.
//
// Kazoo sends no row of the document that changed: the row of a record event is
// its id and Kazoo's type, and in v2 the document's public fields.
//
// Kazoo has no delivery id and never sends an event of its own accord again after
// an answer; what it repeats after a broken connection is the same to the byte.
// So the body names an event that has something of its own in it: a timestamp, a
// msg_id, a message's id. Parking and object hooks in v1 have nothing of the kind,
// and two of them that are alike are two events.
package kazoo

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// A Translator makes events of Kazoo's webhooks.
type Translator struct {
	hooks map[string]*hook // by hook_event, event_name, action, or the type sms or mms
}

var _ source.Translator = (*Translator)(nil)

// New returns the translator.
func New() *Translator { return &Translator{hooks: hooks()} }

// Kind is kazoo.
func (*Translator) Kind() string { return "kazoo" }

// Translate reads one webhook.
func (t *Translator) Translate(r *source.Request) (*source.Message, error) {
	said := &switchhook.Original{System: t.Kind(), Version: "v1", Format: "json"}
	body, err := r.Read(func(form string) (o ordjson.Object, err error) {
		said.Format = "form" // or the query of a GET, which is one
		o, said.Gaps, err = readForm(form, fromQuery(r))
		return o, err
	})
	if err != nil {
		return nil, err
	}
	payload, err := ordjson.Compact(body.Append(nil))
	if err != nil {
		return nil, switchhook.Errorf(switchhook.CodeMalformed, "the body: %v", err)
	}
	said.Body = string(payload)
	rd := &reading{in: body, used: map[string]bool{}}
	name, err := rd.open()
	if err != nil {
		return nil, err
	}
	// Kazoo 5 has a hook whose v1 looks like v2: a deleted account.
	if name != "" && (body.Has("timestamp") || !body.Has("cluster_id")) {
		said.Version = "v2"
	}
	m, h, err := t.read(rd, name, r.ReceivedAt)
	if err != nil {
		return nil, err
	}
	ev := m.Events[0]
	if err := source.Keep(ev, said); err != nil {
		return nil, err
	}
	if rd.unique(h) {
		ev.ID, ev.IDGiven = eventID(r), true
	}
	return m, nil
}

// read makes an event of a payload; name is v2's.
func (t *Translator) read(rd *reading, name string, received time.Time) (*source.Message, *hook, error) {
	h, err := t.hook(rd, name)
	if err != nil {
		return nil, nil, err
	}
	ev := &switchhook.Event{Type: h.typ, OccurredAt: received}
	account := rd.text("account_id")
	if at := rd.take("timestamp"); at != nil {
		if when, ok := gregorian(at); ok {
			ev.OccurredAt = when
		} else {
			rd.expected("timestamp", expectedTime, at)
		}
	}
	data := h.read(rd)
	if err := rd.errs.Err(); err != nil {
		return nil, nil, err
	}
	switch {
	case isLeg(h, data):
		ev.Type = "leg." + strings.TrimPrefix(h.typ, "call.")
	case strings.HasPrefix(h.typ, custom):
		ev.Key = data.Text("call_id") // a stream stops after it has started
	}
	ev.Data = data.Append(nil)
	return &source.Message{SystemAccount: account, Events: []*switchhook.Event{ev}}, h, nil
}

// open finds the payload in a v2 envelope, and its name. A v1 payload is one
// itself and has no such name.
func (r *reading) open() (name string, err error) {
	if r.in.Text("action") != "event" || !r.in.Has("data") {
		return "", nil
	}
	name, err = r.word("name")
	if err != nil {
		return "", err
	}
	if name == "" {
		return "", switchhook.InvalidField("name", "is required: the event's name, such as CHANNEL_CREATE")
	}
	data, err := ordjson.Parse(r.in.Get("data"))
	if err != nil {
		return "", switchhook.InvalidField("data", "expected an object, got %s", ordjson.Brief(r.in.Get("data")))
	}
	if at := r.in.Get("timestamp"); !ordjson.Null(at) && !data.Has("timestamp") {
		data.Set("timestamp", at)
	}
	r.path = "data."
	r.in = flatten(data)
	return name, nil
}

// word is a member that says which hook it is; "" where it is not there.
func (r *reading) word(name string) (string, error) {
	v := r.in.Get(name)
	s, ok := ordjson.Unquote(v)
	if !ok && !ordjson.Null(v) {
		return "", switchhook.InvalidField(name, "expected a string, got %s", ordjson.Brief(v))
	}
	return s, nil
}

// hook finds out which of Kazoo's hooks a payload comes from, and marks what
// says so as read.
func (t *Translator) hook(r *reading, name string) (*hook, error) {
	if name != "" {
		return t.named(name)
	}
	said := map[string]string{}
	for _, says := range []string{"hook_event", "event_name", "action", "type"} {
		var err error
		if said[says], err = r.word(says); err != nil {
			return nil, err
		}
	}
	if h := t.hooks[said["hook_event"]]; h != nil && h.channel {
		r.take("hook_event")
		return h, nil
	}
	if event := said["event_name"]; event != "" {
		h := t.hooks[event]
		// Every notification has these, whatever its name.
		if h == nil && said["hook_event"] == "" && (r.in.Has("app_name") || r.in.Has("event_category") || strings.HasPrefix(event, "stream_")) {
			h = other(event)
		}
		if h == nil {
			return nil, t.unknown("event_name", event)
		}
		r.take("hook_event")
		r.take("event_name")
		return h, nil
	}
	if h := t.hooks[said["action"]]; h != nil && strings.HasPrefix(h.typ, "record.") {
		r.take("hook_event")
		r.take("action")
		return h, nil
	}
	if h := t.hooks[said["type"]]; h != nil && h.typ == "message.received" {
		r.take("hook_event")
		return h, nil
	}
	if event := said["hook_event"]; r.in.Has("call_id") && (strings.HasPrefix(event, "channel_") || strings.HasPrefix(event, "qubicle_")) {
		if h := other(event); h != nil {
			return h, nil
		}
	}
	for _, says := range []string{"hook_event", "action", "type"} {
		if said[says] != "" {
			return nil, t.unknown(says, said[says])
		}
	}
	if r.ofFlow() {
		return flowHook(), nil
	}
	return nil, switchhook.InvalidField("hook_event",
		"is required: the hook's name; a notification or a parking hook has event_name, an object hook action, a message the type sms or mms")
}

// named is the hook of a v2 name.
func (t *Translator) named(name string) (*hook, error) {
	h := t.hooks[name]
	if h == nil {
		h = t.hooks[strings.ToLower(name)] // CHANNEL_CREATE
	}
	if h == nil {
		h = other(strings.ToLower(name))
	}
	if h == nil {
		return nil, t.unknown("name", name)
	}
	return h, nil
}

// ofFlow reports whether the payload is what the webhook action of a call flow
// sends: a call's data (kapps_call:to_json/1), and nothing says which hook it is.
func (r *reading) ofFlow() bool {
	return r.in.Text("call_id") != "" && slices.ContainsFunc([]string{
		"call_direction", "fetch_id", "from_user", "request_user", "resource_type", "switch_hostname", "switch_url", "to_user",
	}, r.in.Has)
}

func (t *Translator) unknown(field, name string) error {
	e := switchhook.InvalidField(field, "no event is known for Kazoo's %.80q; known are %s", name,
		strings.Join(slices.Sorted(maps.Keys(t.hooks)), ", "))
	e.Code = switchhook.CodeUnknownType
	return e
}

// isLeg reports whether a channel's event tells of a further leg of a call.
func isLeg(h *hook, data ordjson.Object) bool {
	if !h.channel || h.typ == "call.cdr" { // the catalogue has one record per call
		return false
	}
	call, err := ordjson.Parse(data.Get("call"))
	return err == nil && call.Text("parent_id") != ""
}

// unique reports whether no two events can have the same body.
func (r *reading) unique(h *hook) bool {
	return r.used["timestamp"] || !ordjson.Null(r.in.Get("msg_id")) ||
		h.typ == "message.received" && !ordjson.Null(r.in.Get("id"))
}

// eventID names what was sent.
func eventID(r *source.Request) string {
	said := string(r.Body)
	if fromQuery(r) {
		said = r.Query
	}
	return source.EventID("kazoo", said)
}

func fromQuery(r *source.Request) bool { return len(bytes.TrimSpace(r.Body)) == 0 }

// flatten gives the payload of v2, which is the message of Kazoo's bus, the names
// that v1 has.
func flatten(in ordjson.Object) ordjson.Object {
	vars, _ := ordjson.Parse(in.Get("custom_channel_vars")) // without them there is nothing to look up
	from := func(name string, value json.RawMessage) {
		if !ordjson.Null(value) && !in.Has(name) {
			in.Set(name, value)
		}
	}
	for _, name := range []string{"account_id", "authorizing_id", "authorizing_type", "owner_id", "reseller_id", "inception", "original_number"} {
		from(name, vars.Get(name))
	}
	from("call_forwarded", vars.Get("call_forward"))
	from("emergency_resource_used", vars.Get("emergency_resource"))
	if strings.HasPrefix(in.Text("channel_name"), "loopback/") { // webhooks_channel_util.erl, is_fireable_hook, asks both
		from("is_internal_leg", boolean(true))
	}
	from("is_internal_leg", in.Get("channel_is_loopback"))
	in.Delete("channel_is_loopback")
	if in.Has("call_direction") && !in.Has("local_resource_used") {
		local := vars.Text("global_resource") != "true" && string(vars.Get("global_resource")) != "true"
		in.Set("local_resource_used", boolean(local))
		if local {
			from("local_resource_id", vars.Get("resource_id"))
		}
	}
	if metadata, err := ordjson.Parse(in.Get("metadata")); err == nil {
		doc, _ := ordjson.Parse(in.Get("doc")) // a deleted document may be gone
		for _, name := range []string{"id", "type", "account_id"} {
			from(name, metadata.Get(name))
			from(name, doc.Get(name))
		}
	}
	return in
}
