// Package voipbin reads VoIPBin's webhooks as they were in 2022: an envelope of
// a type and the whole resource. table.go says what each member becomes.
package voipbin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
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
	resources map[string]*resource
}

var _ source.Translator = (*Translator)(nil)

// New returns the translator.
func New() *Translator {
	return &Translator{types: types(), resources: resources()}
}

// Kind is voipbin.
func (*Translator) Kind() string { return "voipbin" }

// Translate reads one webhook. VoIPBin sends the same body with every method.
func (t *Translator) Translate(r *source.Request) (*source.Message, error) {
	envelope, err := ordjson.Parse(r.Body)
	if err != nil {
		return nil, switchhook.Errorf(switchhook.CodeMalformed, "the body: %v", err)
	}
	name, ok := ordjson.Unquote(envelope.Get("type"))
	if !ok {
		return nil, switchhook.InvalidField("type", "expected a string, got %s", ordjson.Brief(envelope.Get("type")))
	}
	typ, ok := t.types[name]
	if !ok {
		e := switchhook.InvalidField("type", "VoIPBin has no webhook %q; it has %s", name,
			strings.Join(slices.Sorted(maps.Keys(t.types)), ", "))
		e.Code = switchhook.CodeUnknownType
		return nil, e
	}
	in, err := ordjson.Parse(envelope.Get("data"))
	if err != nil {
		return nil, switchhook.InvalidField("data", "expected an object, got %s", ordjson.Brief(envelope.Get("data")))
	}
	family, rest, _ := strings.Cut(typ, ".")
	res := t.resources[family]
	rd := reading{}
	out := rd.members("data", in, res.fields)
	if len(rd.errs) == 0 && ordjson.Null(out.Get("id")) {
		rd.wrong("data.id", "is required: the "+res.name+"'s id")
	}
	if len(rd.errs) > 0 {
		return nil, &switchhook.Error{
			Code: switchhook.CodeInvalid, Fields: rd.errs,
			Message: rd.errs[0].Field + ": " + rd.errs[0].Message,
		}
	}
	if family == "call" {
		family = enrich(&out, in)
	}
	return &source.Message{
		SystemAccount: out.Text("customer_id"),
		Events: []*switchhook.Event{{
			ID:         eventID(r.Body),
			IDGiven:    true,
			Type:       family + "." + rest,
			OccurredAt: occurredAt(in, res.times, r.ReceivedAt),
			Data:       ordjson.Object{{Name: res.name, Value: out.Append(nil)}}.Append(nil),
		}},
	}, nil
}

// eventID names the body, so that VoIPBin's own retries of it, which are the
// same to the byte, become one event.
func eventID(body []byte) string {
	sum := sha256.Sum256(body)
	return "voipbin:" + hex.EncodeToString(sum[:16])
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
	case from == "" || from == "tel":
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

// occurredAt is the first of the times that is set, else when it came.
func occurredAt(in ordjson.Object, times []string, received time.Time) time.Time {
	for _, name := range times {
		if t, set, err := parseTime(in.Text(name)); set && err == nil {
			return t
		}
	}
	return received
}

// A resource is one of VoIPBin's, and what it becomes.
type resource struct {
	name   string // the resource's name in our data
	fields []field
	times  []string // when something happened to it, the most telling first
}

// A field is a member of VoIPBin's, and the one that it becomes.
type field struct {
	from, to string
	read     read
}

// A read turns VoIPBin's value into ours; its zero becomes null.
type read func(r *reading, path string, v json.RawMessage) json.RawMessage

// A reading gathers what is wrong with a resource.
type reading struct{ errs []switchhook.FieldError }

func (r *reading) wrong(path, message string) json.RawMessage {
	if len(r.errs) < 20 {
		r.errs = append(r.errs, switchhook.FieldError{Field: path, Message: message})
	}
	return null()
}

func (r *reading) expected(path, what string, v json.RawMessage) json.RawMessage {
	return r.wrong(path, "expected "+what+", got "+ordjson.Brief(v))
}

func null() json.RawMessage { return json.RawMessage("null") }

// members reads the members of an object that it has; others are passed over.
func (r *reading) members(path string, in ordjson.Object, fields []field) ordjson.Object {
	out := make(ordjson.Object, 0, len(fields)+2) // enrich adds up to two
	for _, f := range fields {
		switch v := in.Get(f.from); {
		case v == nil:
		case ordjson.Null(v):
			out = append(out, ordjson.Member{Name: f.to, Value: null()})
		default:
			out = append(out, ordjson.Member{Name: f.to, Value: f.read(r, path+"."+f.from, v)})
		}
	}
	return out
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
	_, set, err := parseTime(s)
	switch {
	case err != nil:
		return r.expected(path, "a time such as 2022-04-11 00:23:53.636000", v)
	case !set:
		return null()
	default:
		return ordjson.String(s[:10] + "T" + s[11:] + "Z")
	}
}

// parseTime reads VoIPBin's times, which are in UTC. The year 9999 and the
// empty string stand for what has not happened.
func parseTime(s string) (t time.Time, set bool, err error) {
	if s == "" {
		return time.Time{}, false, nil
	}
	layout := "2006-01-02 15:04:05.000000000"
	if n := len(s); n < len(layout) {
		layout = strings.TrimSuffix(layout[:max(n, len("2006-01-02 15:04:05"))], ".")
	}
	t, err = time.Parse(layout, s)
	if err == nil && t.Format(layout) != s { // Parse lets an hour have one digit
		err = &time.ParseError{Layout: layout, Value: s}
	}
	return t, t.Year() < 9999, err
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
		return r.wrong(path, err.Error())
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

// part reads an object within a resource. One that says nothing is null.
func part(fields []field) read {
	return func(r *reading, path string, v json.RawMessage) json.RawMessage {
		in, err := ordjson.Parse(v)
		if err != nil {
			return r.expected(path, "an object", v)
		}
		out := r.members(path, in, fields)
		if !slices.ContainsFunc(out, func(m ordjson.Member) bool { return !ordjson.Null(m.Value) }) {
			return null()
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

// parts reads a list of objects. A new list takes the old one's place, so that
// what is unset need not be cleared: it is left out.
func parts(fields []field) read {
	one := part(fields)
	return list(func(r *reading, path string, v json.RawMessage) json.RawMessage {
		o, err := ordjson.Parse(one(r, path, v))
		if err != nil {
			return json.RawMessage("{}") // nothing is set
		}
		o = slices.DeleteFunc(o, func(m ordjson.Member) bool { return ordjson.Null(m.Value) })
		return o.Append(nil)
	})
}
