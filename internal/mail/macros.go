package mail

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// An Env is what a mail can say beside its event. What is not known is empty.
type Env struct {
	Account  Account // the event's
	Parent   Account // the one above it
	Reseller Account // the nearest above it that resells; default: Parent

	// User is the directory's record of the user whom it is about: the mailbox's, fax
	// box's or device's owner, the user of user.*; for what goes to an account's
	// administrators, the first of them. A JSON object with Kazoo's members: first_name,
	// last_name, email, username, timezone.
	User json.RawMessage
	// Port is the directory's record of the port request that it is about.
	Port json.RawMessage
	// Webhook is the one that was disabled.
	Webhook *switchhook.Webhook
	// Attachments are what comes with the mail: only then it says so.
	Attachments []Attachment

	Hostname string // of the server, as its mail names it
	Node     string
	Brand    Brand
}

// An Account is what a mail says of one.
type Account struct {
	ID, Name, Realm, Timezone, Language string
}

// A Brand is how a mail looks.
type Brand struct {
	Name               string
	Accent, AccentDark string // #rrggbb; what is none is the default
	Logo               bool   // the message has one, as cid:logo
}

// Context turns an event into a template's macros, by the names that Kazoo has for them,
// and beside them `event`, its data as it is, and `brand`. All values are map[string]any,
// []any, string, int64, float64, json.Number, bool or time.Time. What is not known is not
// there: no macro is nil or an empty string, list or map.
//
// Macros are for people: a phone number is written +1 202-555-0143, money with two
// digits; what stands on one line has no line breaks and no control characters. What a
// stranger can make long is cut: a text after 500 letters, one of several lines after
// 10,000, a list after a hundred items or 8 KiB (then NAME_left_out says how many more
// there are). `link` is an address that can be clicked, or not there. `event` has all of
// it as it came.
func Context(ev *switchhook.Event, env *Env) map[string]any {
	r := resources(ev)
	m := &macros{ev: ev, env: env, r: r, flat: group(objectOf(ev.Data)), all: group{}}
	m.zone, m.location = zone(m.timezone())
	m.surroundings()
	m.calls()
	switch family, _, _ := strings.Cut(ev.Type, "."); family {
	case "voicemail":
		m.voicemail()
	case "fax":
		m.fax()
	case "device":
		m.registration()
	case "port":
		m.port()
	case "billing":
		m.billing()
	default:
		m.others()
	}
	m.olderNames()
	// first_occurrence has a macro of its own that is called event.
	if m.flat != nil && m.all["event"] == nil {
		m.all["event"] = map[string]any(m.flat)
	}
	return m.all
}

// macros are those of one event, as they are gathered.
type macros struct {
	ev       *switchhook.Event
	env      *Env
	r        *switchhook.Resources
	flat     group // the data
	zone     string
	location *time.Location
	all      group
}

// timezone is the zone in which its times are told: the fax box's, the one that the
// event names, the account's.
func (m *macros) timezone() string {
	if f := m.r.Fax; f != nil && f.BoxTimezone != "" {
		return f.BoxTimezone
	}
	return cmp.Or(m.flat.text("timezone"), m.env.Account.Timezone)
}

func zone(name string) (string, *time.Location) {
	l, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return "UTC", time.UTC
	}
	return name, l
}

// surroundings are the macros that every mail has.
func (m *macros) surroundings() {
	account := accountMacros(m.env.Account)
	account.set("parent_id", m.env.Parent.ID)
	account.set("parent_name", m.env.Parent.Name)
	account.set("parent_realm", m.env.Parent.Realm)
	if id := m.ev.AccountID; account["id"] == nil {
		account.set("id", id)
	}
	m.all.set("account", account)
	reseller := m.env.Reseller
	if reseller == (Account{}) {
		reseller = m.env.Parent
	}
	m.all.set("reseller", accountMacros(reseller))

	system := group{}
	system.set("hostname", m.env.Hostname)
	system.set("encoded_hostname", encoded(m.env.Hostname))
	system.set("node", m.env.Node)
	system.set("encoded_node", encoded(m.env.Node))
	m.all.set("system", system)

	m.all.set("user", userMacros(objectOf(m.env.User)))
	m.all.set("brand", m.env.Brand.macros())
}

func accountMacros(a Account) group {
	g := group{}
	g.set("id", a.ID)
	g.set("name", a.Name)
	g.set("realm", a.Realm)
	g.set("timezone", a.Timezone)
	g.set("language", a.Language)
	return g
}

// encoded names a machine without telling its name.
func encoded(name string) string {
	if name == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:8])
}

func userMacros(of group) group {
	g := group{}
	for _, name := range []string{"id", "first_name", "last_name", "email", "timezone", "username"} {
		g.set(name, of.text(name))
	}
	g.set("full_name", cmp.Or(of.text("full_name"), fullName(g)))
	return g
}

func fullName(user group) string {
	return strings.TrimSpace(user.text("first_name") + " " + user.text("last_name"))
}

// objectOf reads a JSON object; numbers stay as they were written.
func objectOf(data []byte) map[string]any {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var o map[string]any
	if d.Decode(&o) != nil {
		return nil
	}
	return o
}
