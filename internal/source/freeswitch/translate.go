package freeswitch

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// A translator turns the events of one FreeSWITCH into facts. It does no I/O and asks no
// clock. What calls are is not its business; it only remembers what FreeSWITCH says once, or
// says otherwise later.
type translator struct {
	plan      plan
	accounts  map[string]string // by domain
	variables []string
	custom    []string
	events    map[string]func(Message, source.When) []source.Fact

	legs   map[string]*leg   // by Unique-ID, those that are up
	agents map[string]*agent // by name
	boxes  map[string]letter // by mailbox: the message that was just left there
	texts  []string          // ids of the last text messages
	phones phones
}

func newTranslator(o *Options, accounts map[string]string) *translator {
	t := &translator{
		plan: plan{o.Trunks, o.Extensions}, accounts: accounts, variables: o.Variables, custom: o.CustomEvents,
		legs: map[string]*leg{}, agents: map[string]*agent{}, boxes: map[string]letter{}, phones: phones{all: map[string][]string{}},
	}
	t.events = t.table()
	return t
}

// table says what becomes of each event.
func (t *translator) table() map[string]func(Message, source.When) []source.Fact {
	all := map[string]func(Message, source.When) []source.Fact{
		// Channels.
		"CHANNEL_CREATE":          t.create,
		"CHANNEL_PROGRESS":        t.progress,
		"CHANNEL_PROGRESS_MEDIA":  t.progress,
		"CHANNEL_ANSWER":          t.answer,
		"CHANNEL_BRIDGE":          t.bridge,
		"CHANNEL_UNBRIDGE":        t.unbridge,
		"CHANNEL_HOLD":            t.hold,
		"CHANNEL_UNHOLD":          t.hold,
		"CHANNEL_HANGUP_COMPLETE": t.hangup,
		"DTMF":                    t.dtmf,

		// Queues and agents.
		"callcenter::info": t.callcenter,
		"fifo::info":       t.fifo,

		// Parking and conferences.
		"CHANNEL_PARK":            t.park,
		"CHANNEL_UNPARK":          t.park,
		"valet_parking::info":     t.valet,
		"conference::maintenance": t.conference,

		// Devices. What is told before a password was checked (pre_register,
		// register_attempt) says that a phone is registered, be it or not.
		"sofia::register":         t.register,
		"sofia::unregister":       t.unregister,
		"sofia::expire":           t.unregister,
		"sofia::register_failure": t.registerFailure,

		// Voicemail, fax, recordings, text messages.
		"vm::maintenance":      t.voicemail,
		"spandsp::rxfaxresult": t.fax,
		"spandsp::txfaxresult": t.fax,
		"RECORD_START":         t.record,
		"RECORD_STOP":          t.record,
		"MESSAGE":              t.text,
	}
	for _, subclass := range t.custom {
		if all[subclass] == nil {
			all[subclass] = t.operators
		}
	}
	return all
}

// translate returns what an event says. received is the time for an event that tells none.
func (t *translator) translate(m Message, received time.Time) []source.Fact {
	event, ok := t.events[m.kind()]
	if !ok {
		return nil
	}
	at := m.at(received)
	facts := t.follow(m, at)
	return append(facts, event(m, at)...)
}

// at is when an event was, by FreeSWITCH's clock if it tells.
func (m Message) at(received time.Time) source.When {
	if stamp, ok := micros(m["Event-Date-Timestamp"]); ok {
		return source.When(stamp)
	}
	return source.When(received)
}

// follow tells what any event of a channel may be the first to show: that it is there at all
// (we came later), whose it is, variables, and that somebody passed it on.
func (t *translator) follow(m Message, at source.When) []source.Fact {
	id := m["Unique-ID"]
	l := t.legs[id]
	if l == nil {
		switch m["Event-Name"] {
		case "CHANNEL_CREATE", "CHANNEL_HANGUP_COMPLETE", "MESSAGE":
			return nil
		}
		if id == "" || m["Channel-Name"] == "" || m["Answer-State"] == "hangup" {
			return nil
		}
		return t.late(m)
	}
	var facts []source.Fact
	if !l.up && m["Answer-State"] == "answered" && m["Event-Name"] != "CHANNEL_ANSWER" { // that was missed
		facts = t.up(id, at)
	}
	changed := source.PartyChanged{When: at, Leg: id}
	if l.domain == "" {
		facts = append(facts, t.tenant(id, t.plan.endpointOf(m).domain)...)
	}
	for _, name := range t.variables {
		if value := m.variable(name); value != "" && l.vars[name] != value {
			l.vars[name] = value
			if changed.Vars == nil {
				changed.Vars = map[string]string{}
			}
			changed.Vars[name] = value
		}
	}
	if changed.Vars != nil {
		facts = append(facts, changed)
	}
	return append(facts, t.passedOn(id, l, m, at)...)
}

// tenant tells whose a call is, once that is known of one of its legs.
func (t *translator) tenant(id, domain string) []source.Fact {
	l := t.legs[id]
	if l == nil || l.domain != "" {
		return nil
	}
	l.domain = domain
	again := l.started
	if again.Account = t.accounts[domain]; again.Account == "" {
		return nil
	}
	return []source.Fact{again}
}

// operators is a CUSTOM event of the operator's own: what it was given is the data.
func (t *translator) operators(m Message, at source.When) []source.Fact {
	o := make(ordjson.Object, 0, 8)
	for _, name := range sorted(m) {
		own := slices.ContainsFunc([]string{"Event-", "FreeSWITCH-", "Core-", "variable_", "Channel-", "Caller-", "Other-", "Presence-"},
			func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if !own || name == "Event-Info" {
			o.Set(name, ordjson.String(m[name]))
		}
	}
	return []source.Fact{source.Custom{When: at, Name: strings.ReplaceAll(m["Event-Subclass"], "::", "."), Leg: m["Unique-ID"], Data: o.Pack()}}
}

func sorted(m Message) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// micros reads microseconds since 1970.
func micros(s string) (time.Time, bool) {
	us, err := strconv.ParseInt(s, 10, 64)
	if err != nil || us <= 0 {
		return time.Time{}, false
	}
	return time.UnixMicro(us).UTC(), true
}

// number reads an int, 0 where there is none.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// seconds reads a whole number of them.
func seconds(s string) time.Duration { return time.Duration(number(s)) * time.Second }

// epochs is the time from one whole number of seconds since 1970 to another, 0 where one is
// not told.
func epochs(from, to string) time.Duration {
	a, b := number(from), number(to)
	if a <= 0 || b < a {
		return 0
	}
	return time.Duration(b-a) * time.Second
}
