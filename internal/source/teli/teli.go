// Package teli reads what Teli (teleapi.net) posts: its web hooks, which tell of
// every row inserted, updated or deleted, its incoming text messages and its
// delivery receipts. table.go says what each name becomes.
//
// A web hook's data is a string of JSON, as Teli's page has it; an object is taken
// too, and so is the whole as a form. The row keeps Teli's own fields, in their
// order. Numbers stay as Teli writes them, ten digits for North America.
//
// The post as it came is kept beside the data, so that the dialect teli sends it on
// unchanged, with what has no place here.
//
// Teli tells no time and no delivery id: what it tells occurred when it came, and
// two posts that are alike are two events. A receipt is the exception: a message
// is delivered once, so its uuid and what the receipt says name the event.
package teli

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// A Translator makes events of Teli's posts.
type Translator struct {
	schemas, operations, statuses map[string]string // Teli's words to ours
}

var _ source.Translator = (*Translator)(nil)

// New returns the translator.
func New() *Translator {
	return &Translator{schemas: schemas(), operations: operations(), statuses: statuses()}
}

// Kind is teli.
func (*Translator) Kind() string { return "teli" }

// Translate reads one post.
func (t *Translator) Translate(r *source.Request) (*source.Message, error) {
	in, err := r.Object()
	if err != nil {
		return nil, err
	}
	rd := &reading{in: in}
	ev := &switchhook.Event{OccurredAt: r.ReceivedAt}
	account := ""
	switch {
	case in.Has("schema"):
		account, err = t.record(rd, ev)
	case in.Has("send_status"):
		t.receipt(rd, ev)
	case in.Has("source") && in.Has("destination"):
		sms(rd, ev)
	default:
		return nil, switchhook.InvalidField("schema",
			"is required of a web hook; a text message has source and destination, a receipt send_status too")
	}
	if err != nil {
		return nil, err
	}
	if err := rd.errs.Err(); err != nil {
		return nil, err
	}
	if err := r.Keep(ev, t.Kind(), ""); err != nil {
		return nil, err
	}
	return &source.Message{SystemAccount: account, Events: []*switchhook.Event{ev}}, nil
}

// record reads a change of a row, and whose it is.
func (t *Translator) record(r *reading, ev *switchhook.Event) (account string, err error) {
	name := r.text("schema")
	if name == "sms_enablement" {
		enablement(r, ev)
		return r.text("user_id"), nil
	}
	schema, known := t.schemas[name]
	if !known && len(r.errs) == 0 {
		e := switchhook.InvalidField("schema", "Teli has no schema %.80q; it has %s", name, strings.Join(slices.Sorted(maps.Keys(t.schemas)), ", "))
		e.Code = switchhook.CodeUnknownType
		return "", e
	}
	operation := r.text("type")
	typ, known := t.operations[operation]
	if !known {
		r.errs.Add("type", "expected one of insert, update, delete, got "+ordjson.Brief(r.in.Get("type")))
	}
	row, ok := object(r.in.Get("data"))
	if !ok {
		r.errs.Add("data", "expected a row: a string of JSON, which is an object, got "+ordjson.Brief(r.in.Get("data")))
		return "", nil
	}
	id := plain(row.Get("id"))
	if id == "" {
		r.errs.Add("data.id", "is required: the row's id, got "+ordjson.Brief(row.Get("id")))
	}
	ev.Type = typ
	ev.Data = ordjson.Object{
		{Name: "schema", Value: ordjson.String(schema)},
		{Name: "id", Value: ordjson.String(id)},
		{Name: "row", Value: row.Append(nil)},
	}.Append(nil)
	// Teli's account is a user; his own row has no user_id, a sub user's the
	// parent's.
	account = plain(row.Get("user_id"))
	switch schema {
	case "account":
		account = cmp.Or(account, id)
	case "user":
		account = cmp.Or(account, plain(row.Get("parent_id")))
	}
	return account, nil
}

// enablement reads the one web hook that has no row: whether text messages could
// be switched on.
func enablement(r *reading, ev *switchhook.Event) {
	var data ordjson.Object
	r.copy(&data, "number", "number")
	r.copy(&data, "status", "status")
	if s := data.Text("status"); s != "success" && s != "error" {
		r.errs.Add("status", "expected one of success, error, got "+ordjson.Brief(r.in.Get("status")))
	}
	data.Set("verbose", ordjson.String(r.text("verbose")))
	ev.Type, ev.Data = "number.sms_enablement", data.Append(nil)
}

// sms reads an incoming text message.
func sms(r *reading, ev *switchhook.Event) {
	var media []byte
	for i, address := range r.list("attachments") {
		media = append(media, ","[:min(i, 1)]...)
		media = append(media, ordjson.Object{{Name: "url", Value: ordjson.String(address)}}.Append(nil)...)
	}
	var m ordjson.Object
	channel := r.text("type")
	switch {
	case channel == "sms" || channel == "mms":
	case channel != "":
		r.errs.Add("type", "expected one of sms, mms, got "+ordjson.Brief(r.in.Get("type")))
	case media != nil:
		channel = "mms"
	default:
		channel = "sms"
	}
	m.Set("channel", ordjson.String(channel))
	m.Set("direction", ordjson.String("inbound"))
	r.copy(&m, "from", "source")
	r.copy(&m, "to", "destination")
	r.copy(&m, "text", "message")
	if media != nil {
		m.Set("media", json.RawMessage("["+string(media)+"]"))
	}
	r.copy(&m, "charges", "cost")
	ev.Type = "message.received"
	ev.Data = ordjson.Object{{Name: "message", Value: m.Append(nil)}}.Append(nil)
}

// receipt reads how a message that was sent fares.
func (t *Translator) receipt(r *reading, ev *switchhook.Event) {
	var m ordjson.Object
	r.copy(&m, "id", "uuid")
	if len(r.errs) == 0 && m.Text("id") == "" {
		r.errs.Add("uuid", "is required: the message's id")
	}
	m.Set("direction", ordjson.String("outbound"))
	r.copy(&m, "from", "source")
	r.copy(&m, "to", "destination")
	status, known := t.statuses[r.text("send_status")]
	if !known {
		r.errs.Add("send_status", "expected one of "+strings.Join(slices.Sorted(maps.Keys(t.statuses)), ", ")+", got "+ordjson.Brief(r.in.Get("send_status")))
	}
	m.Set("status", ordjson.String(status))
	r.copy(&m, "carrier_status", "status")
	r.copy(&m, "error_code", "error")
	r.copy(&m, "charges", "cost")
	ev.Type = "message.status"
	ev.Data = ordjson.Object{{Name: "message", Value: m.Append(nil)}}.Append(nil)
	ev.ID, ev.IDGiven = source.EventID(t.Kind(), string(ev.Data)), true
}

// A reading is under way: the payload, and what is wrong with it.
type reading struct {
	in   ordjson.Object
	errs source.Errors
}

// text is a member that is a string, or a number in its place; empty where there
// is none.
func (r *reading) text(name string) string {
	v := r.in.Get(name)
	s, ok := ordjson.Plain(v)
	if !ok {
		r.errs.Add(name, "expected a string, got "+ordjson.Brief(v))
	}
	return s
}

// copy sets a member to one of Teli's, unless that says nothing.
func (r *reading) copy(o *ordjson.Object, to, from string) {
	if s := r.text(from); s != "" {
		o.Set(to, ordjson.String(s))
	}
}

// list is a list of strings: as such, as a string of JSON, or a single one.
func (r *reading) list(name string) []string {
	v := r.in.Get(name)
	if ordjson.Null(v) {
		return nil
	}
	if s := plain(v); v[0] == '"' {
		if s == "" {
			return nil
		}
		if s[0] != '[' {
			return []string{s}
		}
		v = json.RawMessage(s)
	}
	var all []string
	if err := json.Unmarshal(v, &all); err != nil {
		r.errs.Add(name, "expected a list of addresses, got "+ordjson.Brief(r.in.Get(name)))
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// object is an object as such or as a string of JSON.
func object(v json.RawMessage) (ordjson.Object, bool) {
	if len(v) > 0 && v[0] == '"' {
		v = json.RawMessage(plain(v))
	}
	compact, err := ordjson.Compact(v)
	if err != nil {
		return nil, false
	}
	o, err := ordjson.Parse(compact)
	return o, err == nil
}

// plain is a string's content, or a number as it is written, else nothing.
func plain(v json.RawMessage) string {
	s, _ := ordjson.Plain(v)
	return s
}
