// Package voipbin reads VoIPBin's webhooks, those of 2022, which our dialect
// makes, and those that it has sent since, up to 2026: an envelope of a type and
// the whole resource. table.go says what each member becomes.
//
// The two eras differ in names (call_hungup, call_hangup), in how a time looks
// (2022-04-11 00:23:53.636000, 2026-02-05T09:12:44.1Z) and in what is unset: the
// year 9999, an empty string or the nil UUID in 2022, null or no member at all in
// 2026. All of it is read whatever the era. A resource is always whole, so what
// one of 2026 leaves out is null in the data, and clears what an earlier event
// said; of 2022, which left out nothing, a missing member is one that is not told.
//
// What its type itself tells, such as the status or when it ended, a resource of 2026
// that leaves it out does not clear.
//
// The body as it came is kept beside the data, so that the dialect voipbin sends it on
// unchanged, with what has no place here: members such as activeflow_id,
// and words such as the address type whatsapp, which is null.
//
// The other webhooks that VoIPBin sends its customers, such as groupcall_created or
// queuecall_waiting, become custom.voipbin.groupcall_created and so on: their data is
// VoIPBin's, whole and as it came, and they are ordered by the resource's id, or by
// what it belongs to (a queue call by its call, a transcript by its transcribe). A
// conversation's messages are of them: they go by LINE, WhatsApp and the like, and
// what is an SMS is told by message_* too.
//
// An SMS of several receivers becomes one event for each; one that is updated, for
// those receivers that the update was about, which are the newest. The first of them
// has the body. A number becomes a record, with VoIPBin's members as its row.
//
// What is no envelope can be what a flow has sent by its action webhook_send. If the
// flow's address is the ingest URL with ?webhook_send, it is flow.webhook, and goes
// out again as it came; else it is refused.
package voipbin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// A Translator makes events of VoIPBin's webhooks.
type Translator struct {
	types     map[string]string // VoIPBin's type to ours
	delivered map[string]told   // by VoIPBin's resource
	webhooks  map[string]string // VoIPBin's type to its resource
	resources map[string]*resource
}

var _ source.Translator = (*Translator)(nil)

// New returns the translator.
func New() *Translator {
	t := &Translator{types: types(), delivered: delivered(), webhooks: map[string]string{}, resources: resources()}
	for name := range t.types {
		t.webhooks[name] = t.resourceOf(name)
	}
	for resource, of := range t.delivered {
		for event := range strings.FieldsSeq(of.custom) {
			t.webhooks[resource+"_"+event] = resource
		}
	}
	return t
}

// Kind is voipbin.
func (*Translator) Kind() string { return "voipbin" }

// Translate reads one webhook. VoIPBin sends the same body with every method.
func (t *Translator) Translate(r *source.Request) (*source.Message, error) {
	envelope, err := ordjson.Parse(r.Body)
	switch isEnvelope := envelope.Has("type") && envelope.Has("data"); {
	case r.InQuery(sends) && !isEnvelope:
		return t.webhookSend(r)
	case err != nil:
		return nil, switchhook.Errorf(switchhook.CodeMalformed, "the body: %v", err)
	}
	name, ok := ordjson.Unquote(envelope.Get("type"))
	if !ok {
		return nil, switchhook.InvalidField("type", "expected a string, got %s", ordjson.Brief(envelope.Get("type")))
	}
	resource := t.webhooks[name]
	if resource == "" {
		return nil, t.unknown(name)
	}
	in, err := ordjson.Parse(envelope.Get("data"))
	if err != nil {
		return nil, switchhook.InvalidField("data", "expected an object, got %s", ordjson.Brief(envelope.Get("data")))
	}
	rd := &reading{}
	account := rd.id(in, "customer_id")
	var events []*switchhook.Event
	switch typ := t.types[name]; {
	case typ == "":
		events = []*switchhook.Event{t.custom(name, resource, in)}
	case strings.HasPrefix(typ, "record."):
		events = []*switchhook.Event{number(typ, in)}
	case strings.HasPrefix(typ, "message."):
		events = t.messages(rd, typ, in)
	default:
		events = []*switchhook.Event{t.resource(rd, name, in)}
	}
	if id := rd.id(in, "id"); id == "" && len(rd.errs) == 0 {
		rd.errs.Add("data.id", "is required: the "+resource+"'s id")
	}
	if err := rd.errs.Err(); err != nil {
		return nil, err
	}
	for i, ev := range events {
		ev.ID, ev.IDGiven = eventID(r.Body, i), true
		if ev.OccurredAt.IsZero() {
			ev.OccurredAt = r.ReceivedAt
		}
	}
	if err := r.Keep(events[0], t.Kind(), name); err != nil {
		return nil, err
	}
	return &source.Message{SystemAccount: account, Events: events}, nil
}

// sends is the query parameter that a flow's action webhook_send has in its address,
// by which its bodies are told from webhooks that cannot be read.
const sends = "webhook_send"

// webhookSend makes the event of what is no envelope: a flow's action webhook_send
// has sent it, and its body is the flow's own. Flows can say the same twice, so it
// has no id.
func (t *Translator) webhookSend(r *source.Request) (*source.Message, error) {
	body := ordjson.String(string(r.Body))
	if o, err := ordjson.Parse(r.Body); err == nil {
		body = o.Append(nil)
	}
	data := ordjson.Object{{Name: "data", Value: body}}
	if r.ContentType != "" {
		data.Set("hook", ordjson.Object{{Name: "data_type", Value: ordjson.String(r.ContentType)}}.Append(nil))
	}
	ev := &switchhook.Event{Type: "flow.webhook", OccurredAt: r.ReceivedAt, Data: data.Append(nil)}
	if err := r.Keep(ev, t.Kind(), ""); err != nil {
		return nil, err
	}
	return &source.Message{Events: []*switchhook.Event{ev}}, nil
}

// resourceOf is the resource that a webhook is about: the longest whose name the
// webhook's begins with; none for what customers are not told.
func (t *Translator) resourceOf(name string) string {
	for i := strings.LastIndexByte(name, '_'); i > 0; i = strings.LastIndexByte(name[:i], '_') {
		if _, ok := t.delivered[name[:i]]; ok {
			return name[:i]
		}
	}
	return ""
}

// unknown is the error of a webhook that VoIPBin does not have, or not for its
// customers. It lists the others of its resource, or else the resources.
func (t *Translator) unknown(name string) error {
	resource, has := t.resourceOf(name), []string(nil)
	for known, of := range t.webhooks {
		switch {
		case resource == "" && !slices.Contains(has, of):
			has = append(has, of)
		case of == resource:
			has = append(has, known)
		}
	}
	slices.Sort(has)
	what := "it has " + strings.Join(has, ", ")
	if resource == "" {
		what = "it has those of " + strings.Join(has, ", ")
	}
	e := switchhook.InvalidField("type", "VoIPBin has no webhook %.80q; %s", name, what)
	e.Code = switchhook.CodeUnknownType
	return e
}

// resource makes the event of a webhook whose resource is one of ours.
func (t *Translator) resource(r *reading, name string, in ordjson.Object) *switchhook.Event {
	typ := t.types[name]
	family, rest, _ := strings.Cut(typ, ".")
	res := t.resources[family]
	out := r.members("data", in, res.fields, res.once)
	if later(in) {
		for _, f := range res.fields {
			if !out.Has(f.to) && !tells(rest, f.to) {
				out.Set(f.to, null())
			}
		}
	}
	switch family {
	case "call":
		if status := callStatus(name); status != "" && !in.Has("status") {
			out.Set("status", ordjson.String(status))
		}
		family = enrich(&out, in)
	case "recording":
		if of := cmp.Or(in.Text("reference_type"), in.Text("type")); of != "call" { // type: its name in 2022
			out.Delete("call_id")
		}
	}
	return &switchhook.Event{
		Type:       family + "." + rest,
		OccurredAt: occurredAt(in, res.times),
		Data:       ordjson.Object{{Name: res.name, Value: out.Append(nil)}}.Append(nil),
	}
}

// tells reports whether an event of a kind, such as answered, tells the member itself
// (internal/calls fills it in), so that it is not unset where VoIPBin leaves it out. No
// resource of VoIPBin's that has a status is without one.
func tells(what, member string) bool {
	switch member {
	case "status":
		return true
	case "created_at":
		return what == "created" || what == "started"
	case "ringing_at":
		return what == "ringing"
	case "answered_at":
		return what == "answered"
	case "service_at":
		return what == "connecting" || what == "serviced"
	case "ended_at":
		return slices.Contains([]string{"hungup", "done", "abandoned", "ended"}, what)
	case "deleted_at":
		return what == "deleted"
	default:
		return false
	}
}

// callStatus is the status that a webhook's name tells where our type does not.
func callStatus(name string) string {
	switch name {
	case "call_dialing", "call_terminating", "call_canceling":
		return strings.TrimPrefix(name, "call_")
	default:
		return ""
	}
}

// custom makes an event of a webhook that has no type of ours.
func (t *Translator) custom(name, resource string, in ordjson.Object) *switchhook.Event {
	key := in.Text("id")
	if by := in.Text(t.delivered[resource].by); by != "" && isUUID(by) && by != nilUUID {
		key = by
	}
	return &switchhook.Event{
		Type: "custom.voipbin." + name, Key: key,
		OccurredAt: occurredAt(in, []string{"tm_event", "tm_update", "tm_delete", "tm_create"}),
		Data:       in.Append(nil),
	}
}

// number makes a record's event: a row of VoIPBin's members, in which an id that is
// not set is null.
func number(typ string, in ordjson.Object) *switchhook.Event {
	row := slices.Clone(in)
	for i := range row {
		if text, _ := ordjson.Unquote(row[i].Value); text == nilUUID {
			row[i].Value = null()
		}
	}
	return &switchhook.Event{
		Type:       typ,
		OccurredAt: occurredAt(in, []string{"tm_delete", "tm_update", "tm_create"}),
		Data: ordjson.Object{
			{Name: "schema", Value: ordjson.String("number")},
			{Name: "id", Value: ordjson.String(in.Text("id"))},
			{Name: "row", Value: row.Append(nil)},
		}.Append(nil),
	}
}

// eventID names the body, so that VoIPBin's own retries of it, which are the
// same to the byte, become one event.
func eventID(body []byte, i int) string {
	id := source.EventID("voipbin", string(body))
	if i > 0 { // a text message's further receivers
		id += "-" + strconv.Itoa(i+1)
	}
	return id
}

// enrich says of a call what follows from several of its members, and which
// family its event belongs to: a call with a master is a leg of the master's.
func enrich(call *ordjson.Object, in ordjson.Object) (family string) {
	family = "call"
	master := call.Text("parent_id")
	if master != "" {
		family = "leg"
		call.Set("root_id", ordjson.String(master))
	}
	switch in.Text("direction") {
	case "incoming":
		call.Set("direction", ordjson.String(business(addressType(in, "source"), addressType(in, "destination"))))
	case "outgoing":
		if master == "" {
			call.Set("direction", ordjson.String("outbound"))
		}
	}
	return family
}

// business is the direction of a call that came in from somewhere: from the
// telephone network, or from one of the customer's own phones.
func business(from, to string) string {
	switch {
	case from == "" || slices.Contains([]string{"tel", "email", "line", "webchat", "web_session", "whatsapp"}, from):
		return "inbound"
	case to == "tel":
		return "outbound"
	default:
		return "internal"
	}
}

func addressType(in ordjson.Object, member string) string {
	address, err := ordjson.Parse(in.Get(member))
	if err != nil {
		return "" // absent or null
	}
	return address.Text("type")
}

// occurredAt is the first of the times that is set.
func occurredAt(in ordjson.Object, times []string) time.Time {
	for _, name := range times {
		if t, err := parseTime(in.Text(name)); err == nil && !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// A resource is one of VoIPBin's, and what it becomes.
type resource struct {
	name   string // the resource's name in our data
	fields []field
	once   []field  // those that only one era has: absent, they say nothing
	times  []string // when something happened to it, the most telling first
}

// A field is a member of VoIPBin's, and the one that it becomes.
type field struct {
	from, to string
	read     read
}

// A read turns VoIPBin's value into ours; its zero becomes null, and so does what the
// catalogue has no word for.
type read func(r *reading, path string, v json.RawMessage) json.RawMessage

// A reading gathers what is wrong with a resource.
type reading struct{ errs source.Errors }

func (r *reading) expected(path, what string, v json.RawMessage) json.RawMessage {
	r.errs.Add(path, "expected "+what+", got "+ordjson.Brief(v))
	return null()
}

func null() json.RawMessage { return json.RawMessage("null") }

// later reports whether a resource is of the years after 2022-07, when all of them
// got a customer_id. In 2022 only the activeflow had it, and had actions then.
func later(in ordjson.Object) bool { return in.Has("customer_id") && !in.Has("actions") }

// members reads the members of an object that it has and that are ours.
func (r *reading) members(path string, in ordjson.Object, tables ...[]field) ordjson.Object {
	out := make(ordjson.Object, 0, len(in)+3) // enrich adds up to two
	for _, table := range tables {
		for _, f := range table {
			switch v := in.Get(f.from); {
			case v == nil:
			case ordjson.Null(v):
				out.Set(f.to, null())
			default:
				out.Set(f.to, f.read(r, path+"."+f.from, v))
			}
		}
	}
	return out
}

// id is a member that is a UUID; empty where it is not set.
func (r *reading) id(in ordjson.Object, name string) string {
	v := in.Get(name)
	if ordjson.Null(v) || r.errs.Has("data."+name) {
		return ""
	}
	id, _ := ordjson.Unquote(readID(r, "data."+name, v))
	return id
}

func readText(r *reading, path string, v json.RawMessage) json.RawMessage {
	s, ok := ordjson.Unquote(v)
	switch {
	case !ok:
		return r.expected(path, "a string", v)
	case s == "":
		return null()
	default:
		return v
	}
}

func readID(r *reading, path string, v json.RawMessage) json.RawMessage {
	s, ok := ordjson.Unquote(v)
	switch {
	case !ok || !isUUID(s):
		return r.expected(path, "a UUID", v)
	case s == "" || s == nilUUID:
		return null()
	default:
		return v
	}
}

const nilUUID = "00000000-0000-0000-0000-000000000000"

// isUUID reports whether s is empty or has the form of a UUID in lower case, as
// VoIPBin writes them.
func isUUID(s string) bool {
	if s == "" {
		return true
	}
	if len(s) != len(nilUUID) || strings.Trim(s, "0123456789abcdef-") != "" {
		return false
	}
	for i := range nilUUID {
		if (s[i] == '-') != (nilUUID[i] == '-') {
			return false
		}
	}
	return true
}

func readTime(r *reading, path string, v json.RawMessage) json.RawMessage {
	s, ok := ordjson.Unquote(v)
	if !ok {
		return r.expected(path, "a string", v)
	}
	t, err := parseTime(s)
	switch {
	case err != nil:
		return r.expected(path, "a time such as 2022-04-11 00:23:53.636000 or 2026-02-05T09:12:44.1Z", v)
	case t.IsZero():
		return null()
	case s[10] == ' ':
		return ordjson.String(s[:10] + "T" + s[11:] + "Z")
	case s[len(s)-1] == 'Z':
		return v
	default:
		return ordjson.String(t.Format(time.RFC3339Nano))
	}
}

// parseTime reads VoIPBin's times: those of 2022, which are in UTC, and RFC 3339.
// The year 9999 and the empty string stand for what has not happened; so does the
// year 1, Go's zero.
func parseTime(s string) (t time.Time, err error) {
	switch {
	case s == "":
		return time.Time{}, nil
	case len(s) > 10 && s[10] == 'T':
		t, err = time.Parse(time.RFC3339, s)
		if err == nil && (s[13] != ':' || s[19] == ',') { // Parse lets an hour have one digit
			err = &time.ParseError{Layout: time.RFC3339, Value: s}
		}
	default:
		layout := "2006-01-02 15:04:05.000000000"
		if n := len(s); n < len(layout) {
			layout = strings.TrimSuffix(layout[:max(n, len("2006-01-02 15:04:05"))], ".")
		}
		t, err = time.Parse(layout, s)
		if err == nil && t.Format(layout) != s { // Parse lets an hour have one digit
			err = &time.ParseError{Layout: layout, Value: s}
		}
	}
	if t = t.UTC(); t.Year() >= 9999 || t.Year() <= 1 {
		t = time.Time{}
	}
	return t, err
}

func readInteger(r *reading, path string, v json.RawMessage) json.RawMessage {
	var n int64
	if json.Unmarshal(v, &n) != nil {
		return r.expected(path, "an integer", v)
	}
	return v
}

func readUnsigned(r *reading, path string, v json.RawMessage) json.RawMessage {
	var n uint64
	if json.Unmarshal(v, &n) != nil {
		return r.expected(path, "an integer of 0 or more", v)
	}
	return v
}

func readObject(r *reading, path string, v json.RawMessage) json.RawMessage {
	if v[0] != '{' {
		return r.expected(path, "an object", v)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, v); err != nil {
		r.errs.Add(path, err.Error())
		return null()
	}
	return out.Bytes()
}

// word reads one of VoIPBin's words as ours. The pairs are such as
// "progressing=answered"; a word alone is the same in both.
func word(pairs string) read {
	ours, theirs := source.Words(pairs)
	return func(r *reading, path string, v json.RawMessage) json.RawMessage {
		s, ok := ordjson.Unquote(v)
		if ok && s == "" {
			return null()
		}
		to, known := ours[s]
		if !ok || !known {
			return r.expected(path, "one of "+strings.Join(theirs, ", "), v)
		}
		return ordjson.String(to)
	}
}

// open is word for a list that VoIPBin has added to: a word that is not ours is null.
func open(pairs string) read {
	ours, _ := source.Words(pairs)
	return func(r *reading, path string, v json.RawMessage) json.RawMessage {
		s, ok := ordjson.Unquote(v)
		switch to := ours[s]; {
		case !ok:
			return r.expected(path, "a string", v)
		case to != "":
			return ordjson.String(to)
		default:
			return null()
		}
	}
}

// part reads an object within a resource. A new one takes the old one's place, so
// that what is unset need not be cleared: it is left out. One that says nothing is
// null.
func part(fields []field) read {
	return func(r *reading, path string, v json.RawMessage) json.RawMessage {
		in, err := ordjson.Parse(v)
		if err != nil {
			return r.expected(path, "an object", v)
		}
		out := slices.DeleteFunc(r.members(path, in, fields), func(m ordjson.Member) bool { return ordjson.Null(m.Value) })
		if len(out) == 0 {
			return null()
		}
		return out.Append(nil)
	}
}

// whole is part for a call's parties: with the same address it is the same party
// (internal/calls), of which more may be known, and what is unset clears that.
func whole(fields []field) read {
	read := part(fields)
	return func(r *reading, path string, v json.RawMessage) json.RawMessage {
		in, err := ordjson.Parse(read(r, path, v))
		if err != nil {
			return null() // nothing is set
		}
		out := make(ordjson.Object, 0, len(fields))
		for _, f := range fields {
			value := in.Get(f.to)
			if value == nil {
				value = null()
			}
			out = append(out, ordjson.Member{Name: f.to, Value: value})
		}
		return out.Append(nil)
	}
}

// list reads a list. It is never null, and nothing in it is.
func list(element read) read {
	return func(r *reading, path string, v json.RawMessage) json.RawMessage {
		var in []json.RawMessage
		if v[0] != '[' || json.Unmarshal(v, &in) != nil {
			return r.expected(path, "a list", v)
		}
		out := []byte{'['}
		for i, e := range in {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, element(r, path+"["+strconv.Itoa(i)+"]", e)...)
		}
		return append(out, ']')
	}
}

func ids() read {
	return list(func(r *reading, path string, v json.RawMessage) json.RawMessage {
		if s, ok := ordjson.Unquote(v); !ok || !isUUID(s) || s == "" {
			return r.expected(path, "a UUID", v)
		}
		return v
	})
}

// parts reads a list of objects.
func parts(fields []field) read {
	one := part(fields)
	return list(func(r *reading, path string, v json.RawMessage) json.RawMessage {
		if o := one(r, path, v); !ordjson.Null(o) {
			return o
		}
		return json.RawMessage("{}") // nothing is set
	})
}
