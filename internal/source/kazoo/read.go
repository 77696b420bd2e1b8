package kazoo

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// A reading is under way: the payload, what of it was read, and what is wrong.
type reading struct {
	in   ordjson.Object
	path string // of the payload, data. in v2
	used map[string]bool
	errs source.Errors
}

// take returns a member and marks it as read; nil where it is not there.
func (r *reading) take(name string) json.RawMessage {
	v := r.in.Get(name)
	if v != nil {
		r.used[name] = true
	}
	if ordjson.Null(v) {
		return nil
	}
	return v
}

// text takes a member that is a string.
func (r *reading) text(name string) string {
	v := r.take(name)
	if v == nil {
		return ""
	}
	s, _ := ordjson.Unquote(readText(r, name, v)) // what is no text is said already
	return s
}

func (r *reading) wrong(name, message string) { r.errs.Add(r.path+name, message) }

func (r *reading) expected(name, what string, v json.RawMessage) json.RawMessage {
	r.wrong(name, "expected "+what+", got "+ordjson.Brief(v))
	return nil
}

// read makes the data of an event.
func (h *hook) read(r *reading) ordjson.Object {
	var data ordjson.Object
	about := "" // the data itself
	switch {
	case h.flow:
		data = r.flow()
	case h.flat:
		data = r.flat(h.typ)
	case len(h.parts) > 0:
		about = h.parts[0].resource
	}
	for _, p := range h.parts {
		if p.resource == "notification" { // what is the event's own is no mail's
			p.fields = slices.DeleteFunc(slices.Clone(p.fields), func(f field) bool { return r.used[f.from] })
		}
		o := r.part(h, p)
		if p.id != "" && !r.failed(p.id) && o.Text("id") == "" {
			r.wrong(p.id, "is required: the id of what the event is about")
		}
		switch {
		case p.resource == "" && strings.HasPrefix(h.typ, custom):
			data = o
			continue
		case p.resource == "":
			data = record(o, r)
			continue
		case p.resource == "call" && len(o) > 0:
			complete(&o, h)
		case p.resource == "message" && o.Text("id")+o.Text("from")+o.Text("to")+o.Text("text") == "" && len(r.errs) == 0:
			r.wrong("from", "is required: who sent the message")
		case p.resource == "fax":
			o.Set("direction", ordjson.String(faxDirection(h.typ)))
		}
		if len(o) > 0 || p.resource == about {
			data.Set(p.resource, o.Append(nil))
		}
	}
	return data
}

func faxDirection(typ string) string {
	if strings.HasPrefix(typ, "fax.receive") {
		return "inbound"
	}
	return "outbound"
}

// flat reads the members that lie in the data itself.
func (r *reading) flat(typ string) ordjson.Object {
	var data ordjson.Object
	t, ok := catalogue.Lookup(typ)
	if !ok {
		return data
	}
	for i := range t.Flat {
		f := &t.Flat[i]
		name := f.Name
		if name == "emergency_notification_contact_emails" && !r.in.Has(name) {
			name = "emergency_notfication_contact_emails" // Kazoo's spelling
		}
		if v := r.field(field{from: name, read: reader(f)}); v != nil {
			data.Set(f.Name, v)
		}
	}
	return data
}

// reader reads a value of the kind that a field of the catalogue has.
func reader(f *catalogue.Field) read {
	var one read
	switch f.Kind {
	case catalogue.String:
		one = readText
		if len(f.Enum) > 0 {
			one = word(strings.Join(f.Enum, " "))
		}
	case catalogue.Integer, catalogue.Unsigned, catalogue.Number32:
		one = readInteger
	case catalogue.Boolean:
		one = readBoolean
	case catalogue.Decimal:
		one = readDecimal
	case catalogue.Time:
		one = readTime
	case catalogue.Map, catalogue.Part:
		one = readObject
	case catalogue.Any:
		one = readAny
	}
	if f.Array {
		return list(one)
	}
	return one
}

func (r *reading) failed(name string) bool {
	return r.errs.Has(r.path + name)
}

// part reads the members of one resource. What a channel's hook could have and has
// not is null.
func (r *reading) part(h *hook, p part) ordjson.Object {
	var out ordjson.Object
	inner := map[string]*ordjson.Object{}
	for _, f := range p.fields {
		name, member, nested := strings.Cut(f.to, ".")
		v := r.field(f)
		switch {
		case v == nil && (!h.channel || sometimes(h.typ, f.to) || out.Has(name)):
		case v == nil:
			out.Set(name, json.RawMessage("null"))
		case nested:
			if inner[name] == nil {
				inner[name] = &ordjson.Object{}
				out.Set(name, json.RawMessage("{}"))
			}
			inner[name].Set(member, v)
		default:
			out.Set(name, v)
		}
	}
	for name, o := range inner {
		out.Set(name, o.Append(nil))
	}
	return out
}

// field reads one member, nil where there is nothing or it says nothing.
func (r *reading) field(f field) json.RawMessage {
	v := r.take(f.from)
	if v != nil {
		v = f.read(r, f.from, v)
	}
	if f.realm == "" {
		return v
	}
	user, _ := ordjson.Unquote(v)
	realm := r.text(f.realm)
	if user+realm == "" {
		return nil
	}
	if realm != "" {
		user += "@" + realm
	}
	return ordjson.String(user)
}

// flow is what a call flow's webhook says: all but Kazoo's own mark is its data.
func (r *reading) flow() ordjson.Object {
	said := slices.Clone(r.in)
	said.Delete("cluster_id")
	data, err := ordjson.Compact(said.Append(nil))
	if err != nil {
		return nil // it was read from valid JSON
	}
	return ordjson.Object{{Name: "data", Value: data}}
}

// record makes a change of a record of what an object hook says.
func record(in ordjson.Object, r *reading) ordjson.Object {
	if in.Text("schema") == "" && !r.failed("type") {
		r.wrong("type", "is required: the document's type, such as user")
	}
	row, err := ordjson.Parse(in.Get("row"))
	if err != nil { // v1 tells no row
		row = ordjson.Object{{Name: "type", Value: r.in.Get("type")}}
	}
	row = slices.Insert(slices.DeleteFunc(row, func(m ordjson.Member) bool { return m.Name == "id" }), 0,
		ordjson.Member{Name: "id", Value: in.Get("id")})
	return ordjson.Object{
		{Name: "schema", Value: in.Get("schema")},
		{Name: "id", Value: in.Get("id")},
		{Name: "row", Value: row.Append(nil)},
	}
}

// complete says of a call what follows from several members.
func complete(call *ordjson.Object, h *hook) {
	leg, peer := call.Text("leg_direction"), call.Text("peer_id")
	if h.channel && leg == "outbound" && peer != "" && peer != call.Text("id") {
		call.Set("parent_id", call.Get("peer_id"))
		call.Set("root_id", call.Get("peer_id"))
	}
	from, errFrom := ordjson.Parse(call.Get("from"))
	to, errTo := ordjson.Parse(call.Get("to"))
	authorized := call.Text("authorizing_type")
	carrier := leg == "inbound" && authorized == "resource"
	if errFrom == nil && (carrier || telephone(from.Text("address"))) {
		from.Set("type", ordjson.String("tel"))
		call.Set("from", from.Append(nil))
	}
	if errTo == nil {
		user, _, _ := strings.Cut(to.Text("uri"), "@")
		if user != "" {
			to.Set("address", ordjson.String(user))
		}
		if telephone(user) {
			to.Set("type", ordjson.String("tel"))
		}
		call.Set("to", to.Append(nil))
	}
	switch {
	case leg == "inbound" && fromOutside(authorized):
		call.Set("direction", ordjson.String("inbound"))
	case leg == "inbound" && telephone(to.Text("address")):
		call.Set("direction", ordjson.String("outbound")) // one of the account's own phones dials a number
	}
}

// fromOutside reports whether who authorized an inbound leg is a carrier or nobody:
// the account's own phones authorize themselves (cf_missed_call_alert.erl asks the
// same).
func fromOutside(authorizingType string) bool {
	return authorizingType == "" || authorizingType == "resource" || authorizingType == "sys_info"
}

// telephone reports whether an address is a number of the telephone network for
// certain: Kazoo writes these with a plus.
func telephone(address string) bool {
	digits, plus := strings.CutPrefix(address, "+")
	return plus && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// A read turns Kazoo's value, which may have lost its type in a form, into ours.
// It returns nil where the value says nothing.
type read func(r *reading, name string, v json.RawMessage) json.RawMessage

// readText takes numbers too: Kazoo's own samples have them where text belongs.
func readText(r *reading, name string, v json.RawMessage) json.RawMessage {
	s, ok := ordjson.Unquote(v)
	switch {
	case ok && s == "":
		return nil
	case ok:
		return v
	case jsontext.Value(v).Kind() == '0':
		return ordjson.String(string(v))
	default:
		return r.expected(name, "a string", v)
	}
}

func readBoolean(r *reading, name string, v json.RawMessage) json.RawMessage {
	switch s := plain(v); s {
	case "true", "false":
		return json.RawMessage(s)
	case "":
		return nil
	default:
		return r.expected(name, "true or false", v)
	}
}

func readInteger(r *reading, name string, v json.RawMessage) json.RawMessage {
	s := plain(v)
	if s == "" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return r.expected(name, "an integer", v)
	}
	return json.RawMessage(strconv.FormatInt(n, 10))
}

// readPort reads a port of the network.
func readPort(r *reading, name string, v json.RawMessage) json.RawMessage {
	if plain(v) == "" {
		return nil
	}
	n, err := strconv.ParseUint(plain(v), 10, 16)
	if err != nil {
		return r.expected(name, "a port", v)
	}
	return json.RawMessage(strconv.FormatUint(n, 10))
}

// readDecimal keeps a number as it was written, as text too: Kazoo sends amounts
// in both ways.
func readDecimal(r *reading, name string, v json.RawMessage) json.RawMessage {
	s := plain(v)
	if s == "" {
		return nil
	}
	if n := jsontext.Value(s); !n.IsValid() || n.Kind() != '0' || strings.TrimSpace(s) != s {
		return r.expected(name, "a decimal number", v)
	}
	return json.RawMessage(s) // of a form, which has no types, too
}

// list reads a list; a value alone is a list of one.
func list(one read) read {
	return func(r *reading, name string, v json.RawMessage) json.RawMessage {
		var in []json.RawMessage
		if v[0] != '[' {
			in = append(in, v)
		} else if err := json.Unmarshal(v, &in); err != nil {
			return r.expected(name, "a list", v)
		}
		out := []byte{'['}
		for _, e := range in {
			if ordjson.Null(e) {
				continue
			}
			if e = one(r, name, e); e == nil {
				continue
			}
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(out, e...)
		}
		return append(out, ']')
	}
}

// readSeconds makes milliseconds.
func readSeconds(r *reading, name string, v json.RawMessage) json.RawMessage {
	s := plain(v)
	if s == "" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return r.expected(name, "whole seconds", v)
	}
	return json.RawMessage(strconv.FormatInt(n*1000, 10))
}

const expectedTime = "seconds since the year 0, such as 63937091045"

func readTime(r *reading, name string, v json.RawMessage) json.RawMessage {
	if plain(v) == "" {
		return nil
	}
	t, ok := gregorian(v)
	if !ok {
		return r.expected(name, expectedTime, v)
	}
	return ordjson.String(t.Format(time.RFC3339))
}

// gregorian reads seconds since year 0, Erlang's calendar.
func gregorian(v json.RawMessage) (time.Time, bool) {
	const to1970, year10000 = 62167219200, 315569520000
	n, err := strconv.ParseInt(plain(v), 10, 64)
	if err != nil || n < 0 || n >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(n-to1970, 0).UTC(), true
}

// readSIP reads sip:200. Other codes are of other protocols.
func readSIP(_ *reading, _ string, v json.RawMessage) json.RawMessage {
	s, _ := ordjson.Unquote(v)
	code, isSIP := strings.CutPrefix(s, "sip:")
	n, err := strconv.ParseUint(code, 10, 16)
	if !isSIP || err != nil || n == 0 {
		return nil
	}
	return json.RawMessage(strconv.FormatUint(n, 10))
}

func readObject(r *reading, name string, v json.RawMessage) json.RawMessage {
	if plain(v) == "" {
		return nil
	}
	if v[0] != '{' {
		return r.expected(name, "an object", v)
	}
	return readAny(r, name, v)
}

func readAny(r *reading, name string, v json.RawMessage) json.RawMessage {
	out, err := ordjson.Compact(v)
	if err != nil {
		return r.expected(name, "a value", v)
	}
	return out
}

// word reads one of Kazoo's words as ours. The pairs are such as
// "callflow=call_flow"; a word alone is the same in both.
func word(pairs string) read {
	ours, theirs := source.Words(pairs)
	return func(r *reading, name string, v json.RawMessage) json.RawMessage {
		s, ok := ordjson.Unquote(v)
		if ok && s == "" {
			return nil
		}
		to, known := ours[s]
		if !ok || !known {
			return r.expected(name, "one of "+strings.Join(theirs, ", "), v)
		}
		return ordjson.String(to)
	}
}

// readSchema reads the type of a document. The names on the left are those of
// system_config webhooks.object_types.
func readSchema() read {
	ours, _ := source.Words("account user device callflow=call_flow vmbox=mailbox fax faxbox media mailbox_message call_recording")
	return func(r *reading, name string, v json.RawMessage) json.RawMessage {
		s, ok := ordjson.Unquote(v)
		switch {
		case !ok:
			return r.expected(name, "a string", v)
		case s == "":
			return nil
		case ours[s] != "":
			return ordjson.String(ours[s])
		default:
			return ordjson.String("kazoo_" + s)
		}
	}
}

// plain is a string's content, or a value as it is written.
func plain(v json.RawMessage) string {
	if s, ok := ordjson.Unquote(v); ok {
		return s
	}
	return string(v)
}

func boolean(b bool) json.RawMessage { return json.RawMessage(strconv.FormatBool(b)) }
