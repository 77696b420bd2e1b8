package kazoobus

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/kazoo"
)

// A Message is one of the bus: a flat object, whose names are case-sensitive.
type Message struct {
	ordjson.Object
	Category, Name string         // Event-Category and Event-Name
	vars           ordjson.Object // Custom-Channel-Vars
	received       time.Time
}

// mostMessage bounds a message, also once it is unpacked.
const mostMessage = 4 << 20

// Parse reads a message. What is not UTF-8 in it is replaced.
func Parse(body []byte, received time.Time) (*Message, error) {
	o, err := ordjson.Parse(body)
	if err != nil {
		if o, err = ordjson.Parse([]byte(strings.ToValidUTF8(string(body), "\uFFFD"))); err != nil {
			return nil, switchhook.Errorf(switchhook.CodeMalformed, "the message: %v", err)
		}
	}
	m := &Message{Object: o, received: received}
	if m.Category = m.text("Event-Category"); m.Category == "" {
		return nil, switchhook.InvalidField("Event-Category", "is required: what the message is of, such as call_event")
	}
	if m.Name = m.text("Event-Name"); m.Name == "" {
		return nil, switchhook.InvalidField("Event-Name", "is required: what has happened, such as CHANNEL_CREATE")
	}
	m.vars = m.object("Custom-Channel-Vars")
	return m, nil
}

// text is a member that is a string or a number, the first that is not empty.
func (m *Message) text(names ...string) string { return textOf(m.Object, names...) }

// variable is the same of the channel's variables.
func (m *Message) variable(names ...string) string { return textOf(m.vars, names...) }

func textOf(o ordjson.Object, names ...string) string {
	for _, name := range names {
		v := o.Get(name)
		s, ok := ordjson.Unquote(v)
		if !ok && (jsontext.Value(v).Kind() == '0' || jsontext.Value(v).Kind() == 't' || jsontext.Value(v).Kind() == 'f') {
			s = string(v)
		}
		if s != "" {
			return s
		}
	}
	return ""
}

// object is a member that is one, empty where it is not.
func (m *Message) object(name string) ordjson.Object {
	v := m.Get(name)
	if len(v) == 0 || v[0] != '{' {
		return nil
	}
	o, err := ordjson.Parse(v)
	if err != nil {
		return nil
	}
	return o
}

// raw is an object as it is, nil where there is none or nothing in it.
func (m *Message) raw(name string) json.RawMessage {
	if o := m.object(name); len(o) > 0 {
		return o.Pack()
	}
	return nil
}

// isTrue reports whether one of the channel's variables, or a member, is.
func (m *Message) isTrue(name string) bool {
	return cmp.Or(m.text(name), m.variable(name)) == "true"
}

// seconds is a duration that Kazoo tells in whole seconds, in milliseconds.
func (m *Message) seconds(name string) *int64 {
	n, err := strconv.ParseInt(m.text(name), 10, 32)
	if err != nil || n < 0 {
		return nil
	}
	return new(n * 1000)
}

// account is Kazoo's id of the account that the message is of, empty where none is told.
func (m *Message) account() string {
	account := cmp.Or(m.text("Account-ID"), m.variable("Account-ID"), m.text("Conference-Account-ID", "pvt_account_id"))
	if account == "" {
		account = cmp.Or(textOf(m.object("Details"), "Account-ID", "account_id"), textOf(m.object("Account"), "_id"))
	}
	if database := m.text("Database"); account == "" && database != "" {
		account = ofDatabase(database)
	}
	return account
}

// ofDatabase is the account of a database such as account/ab/cd/ef… or, of a month,
// account/ab/cd/ef…-202611.
func ofDatabase(name string) string {
	id, ok := strings.CutPrefix(strings.ReplaceAll(name, "%2F", "/"), "account/")
	if !ok {
		return ""
	}
	id, _, _ = strings.Cut(strings.ReplaceAll(id, "/", ""), "-")
	return id
}

// at is when it happened: of what a switch says, to the microsecond (Msg-ID is its time);
// of all else to the second (Timestamp, or a time by another name).
func (m *Message) at(names ...string) source.When {
	at, known := time.Time{}, false
	for _, name := range append(names, "Timestamp") {
		if at, known = kazoo.Gregorian(m.Get(name)); known {
			break
		}
	}
	if exact, ok := micros(m.text("Msg-ID")); ok && m.Category == callEvent && (!known || exact.Sub(at).Abs() < time.Minute) {
		return source.When(exact)
	}
	if !known {
		return source.When(m.received)
	}
	return source.When(at)
}

// micros reads microseconds since 1970.
func micros(s string) (time.Time, bool) {
	const since, until = 1e15, 1e16 // 2001 to 2286; other ids are numbers too
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < since || n > until {
		return time.Time{}, false
	}
	return time.UnixMicro(n).UTC(), true
}

// id is what tells the message from all others of its name: its Msg-ID, which copies have
// too that other zones' brokers or several ecallmgrs send; else all that is in it.
func (m *Message) id() string {
	if id := m.text("Msg-ID"); id != "" {
		return id
	}
	var all strings.Builder
	for _, member := range m.Object {
		switch member.Name {
		case "AMQP-Broker", "AMQP-Broker-Zone", "Node", "Server-ID":
		default:
			all.WriteString(member.Name + "=" + string(member.Value) + "\n")
		}
	}
	return source.EventID("message", all.String())
}

// user is the part of user@realm before the @.
func user(address string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(address, "sip:"), "@")
	if name == "nouser" || name == "norealm" { // what Kazoo writes for nobody
		return ""
	}
	return name
}

// number reads an int, 0 where there is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > math.MaxInt32 || n < math.MinInt32 {
		return 0
	}
	return n
}
