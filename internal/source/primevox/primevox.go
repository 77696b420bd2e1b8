// Package primevox reads PrimeVOX's real-time events: eleven, each with an
// eventType and some with an eventTarget, as a form or, of text messages, as JSON.
// table.go says what each parameter becomes.
//
// An account of PrimeVOX's is a tenant of a container: containerId/tenantId, such
// as 482915/104. The default tenant, which may be left out, is 0.
//
// PrimeVOX tells no time: what it tells occurred when it came. It has no id of the
// event either. A call begins and ends once, so InboundCall, outboundCall and
// HangupCall are known again by their callUuid; everything else may happen twice.
// A stay in a queue has no id: it is the call's and the queue's number.
//
// The event as it came is kept beside the data, so that the dialect primevox sends it
// on unchanged: with the container and tenant, with parameters that are not
// on the page, and with numbers written as PrimeVOX writes them.
//
// A parameter without a value is one that PrimeVOX knows nothing for. Only the
// extension of a HangupCall says something by it: that nobody answered.
package primevox

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// A Translator makes events of PrimeVOX's webhooks.
type Translator struct {
	events map[string]*event
}

var _ source.Translator = (*Translator)(nil)

// New returns the translator.
func New() *Translator { return &Translator{events: events()} }

// Kind is primevox.
func (*Translator) Kind() string { return "primevox" }

// Translate reads one webhook.
func (t *Translator) Translate(r *source.Request) (*source.Message, error) {
	in, err := r.Object()
	if err != nil {
		return nil, err
	}
	rd := &reading{in: in}
	name, e, err := t.event(rd)
	if err != nil {
		return nil, err
	}
	account := account(rd)
	data := e.read(rd)
	if err := rd.errs.Err(); err != nil {
		return nil, err
	}
	ev := &switchhook.Event{Type: e.typ, OccurredAt: r.ReceivedAt, Data: data.Append(nil)}
	if e.whole {
		ev.ID, ev.IDGiven = source.EventID(t.Kind(), name, account, rd.text("callUuid")), true
	}
	if err := r.Keep(ev, t.Kind(), ""); err != nil {
		return nil, err
	}
	return &source.Message{SystemAccount: account, Events: []*switchhook.Event{ev}}, nil
}

// event finds out which of PrimeVOX's events came.
func (t *Translator) event(r *reading) (name string, e *event, err error) {
	name = r.text("eventType")
	if name == "" {
		return "", nil, switchhook.InvalidField("eventType", "is required: the event's name, such as InboundCall")
	}
	if e := t.events[name]; e != nil {
		return name, e, nil
	}
	field := "eventType"
	for known := range t.events {
		if strings.HasPrefix(known, name+"/") {
			field = "eventTarget" // it is there, but wrong
		}
	}
	if target := r.text("eventTarget"); target != "" {
		name += "/" + target
	}
	if e := t.events[name]; e != nil {
		return name, e, nil
	}
	unknown := switchhook.InvalidField(field, "PrimeVOX has no event %.80q; it has %s", name,
		strings.Join(slices.Sorted(maps.Keys(t.events)), ", "))
	unknown.Code = switchhook.CodeUnknownType
	return "", nil, unknown
}

// account is whose event it is. Forms and JSON spell the names differently.
func account(r *reading) string {
	container := cmp.Or(r.text("containerId"), r.text("containerID"))
	if container == "" {
		return ""
	}
	return container + "/" + cmp.Or(r.text("tenantId"), r.text("tenantID"), "0")
}

// read makes the data of an event.
func (e *event) read(r *reading) ordjson.Object {
	family, _, _ := strings.Cut(e.typ, ".")
	data := ordjson.Object{{Name: family, Value: json.RawMessage("{}")}} // be nothing known of what it is about
	for _, f := range e.fields {
		if s := r.text(f.from); s != "" {
			set(&data, f.to, ordjson.String(s))
		}
	}
	for _, s := range e.says {
		if has(data, s.to[:strings.LastIndexByte(s.to, '.')]) { // a party of which nothing is known has no type
			set(&data, s.to, ordjson.String(s.value))
		}
	}
	call := r.text("callUuid")
	if call == "" && (e.whole || family == "queuecall") {
		r.errs.Add("callUuid", "is required: the call's id")
	}
	switch {
	case family == "queuecall":
		set(&data, "queuecall.id", ordjson.String(call+"/"+r.text("queueNumber")))
	case e.typ != "call.hungup":
	case has(data, "call.answered_extension"):
		set(&data, "call.answered_by", ordjson.String("extension"))
	default:
		set(&data, "call.answered_extension", json.RawMessage("null"))
	}
	return data
}

// A reading is under way: the payload, and what is wrong with it.
type reading struct {
	in   ordjson.Object
	errs source.Errors
}

// text is a parameter's value, be it written as a number; empty where there is
// none.
func (r *reading) text(name string) string {
	v := r.in.Get(name)
	s, ok := ordjson.Plain(v)
	if !ok {
		r.errs.Add(name, "expected a string, got "+ordjson.KindName(jsontext.Kind(v[0])))
	}
	return s
}

// set puts a text at a path such as call.from.name, and makes the objects on its
// way.
func set(o *ordjson.Object, path string, value json.RawMessage) {
	name, rest, nested := strings.Cut(path, ".")
	if nested {
		inner, _ := ordjson.Parse(o.Get(name)) // one that is not there has no members
		set(&inner, rest, value)
		value = inner.Append(nil)
	}
	o.Set(name, value)
}

// has reports whether there is anything at a path.
func has(o ordjson.Object, path string) bool {
	name, rest, nested := strings.Cut(path, ".")
	if !nested {
		return o.Has(name)
	}
	inner, err := ordjson.Parse(o.Get(name))
	return err == nil && has(inner, rest)
}
