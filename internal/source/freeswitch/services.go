package freeswitch

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// park: the application park. It ends with the leg, too, and then says nothing more.
func (t *translator) park(m Message, at source.When) []source.Fact {
	f := source.Parking{When: at, Leg: m["Unique-ID"], Step: source.Parked}
	if m["Event-Name"] == "CHANNEL_UNPARK" {
		f.Step = source.Retrieved
	}
	if m["Answer-State"] == "hangup" {
		return nil
	}
	return []source.Fact{f}
}

// valet: a parking lot. The leg is the one that is parked, Bridge-To-UUID who fetches it. It
// has left (exit) after that, at its end, or because it waited too long.
func (t *translator) valet(m Message, at source.When) []source.Fact {
	f := source.Parking{When: at, Leg: m["Unique-ID"], Slot: m["Valet-Extension"], Lot: m["Valet-Lot-Name"]}
	switch m["Action"] {
	case "hold":
		f.Step = source.Parked
	case "bridge":
		f.Step, f.Retriever = source.Retrieved, m["Bridge-To-UUID"]
	case "exit":
		if m["Answer-State"] == "hangup" {
			return nil
		}
		f.Step = source.ParkTimedOut
	default:
		return nil
	}
	return append(t.tenant(f.Leg, domainOf(f.Lot)), f)
}

func (t *translator) conference(m Message, at source.When) []source.Fact {
	f := source.Conferred{When: at, Room: m["Conference-Name"], Instance: m["Conference-Unique-ID"]}
	switch m["Action"] {
	case "conference-destroy":
		return []source.Fact{f}
	case "add-member", "del-member":
	default:
		return nil
	}
	f.Leg, f.Joined = m["Unique-ID"], m["Action"] == "add-member"
	if m["Call-Direction"] == "outbound" {
		e := t.plan.endpointOf(m)
		f.Caller = source.Line{Number: calleeOf(m, &e), Name: known(m["Caller-Callee-ID-Name"])}
	} else {
		f.Caller, _ = t.began(m)
	}
	if kind := m["Member-Type"]; kind != "" {
		moderator := kind == "moderator"
		f.Moderator = &moderator
	}
	if speaks := m["Speak"]; speaks != "" {
		muted := speaks != "true"
		f.Muted = &muted
	}
	return []source.Fact{f}
}

// phones are the contacts of those that are registered, by user@domain. A profile takes one
// contact of each, and forgets the one before without a word, unless multiple-registrations
// is on. That is known once some phone has two in the list of all.
type phones struct {
	all     map[string][]string
	several bool
}

// mostPhones bounds what is remembered of them.
const mostPhones = 200_000

func (t *translator) register(m Message, at source.When) []source.Fact {
	f := phone(m, at, "registered")
	if f.Device == "" {
		return nil
	}
	if n, is := whole(m["expires"]); is {
		f.Expires = &n
	}
	key := f.Device + "@" + f.Domain
	before := t.phones.all[key]
	if slices.Contains(before, f.Contact) {
		return nil // it does so again and again
	}
	facts := []source.Fact{f}
	if !t.phones.several {
		for _, contact := range before {
			gone := source.Registered{When: at, Device: f.Device, Domain: f.Domain, Contact: contact, Status: "deregistered", Reason: "replaced"}
			facts = append(facts, gone)
		}
		before = nil
	}
	if len(t.phones.all) < mostPhones {
		t.phones.all[key] = append(slices.Clip(before), f.Contact)
	}
	return facts
}

func (t *translator) unregister(m Message, at source.When) []source.Fact {
	f := phone(m, at, "deregistered")
	if f.Device == "" {
		return nil
	}
	if m["Event-Subclass"] == "sofia::expire" {
		f.Reason = "expired"
	}
	key := f.Device + "@" + f.Domain
	if left := slices.DeleteFunc(slices.Clone(t.phones.all[key]), func(c string) bool { return c == f.Contact }); len(left) > 0 {
		t.phones.all[key] = left
	} else {
		delete(t.phones.all, key)
	}
	return []source.Fact{f}
}

// registerFailure tells neither why, nor of which domain (to-host is an address).
func (t *translator) registerFailure(m Message, at source.When) []source.Fact {
	f := phone(m, at, "failed")
	if f.Device == "" {
		f.Device = m["to-user"]
	}
	f.Domain, f.Contact, f.Reason = "", "", "unknown user or wrong password"
	return []source.Fact{f}
}

// phone reads what all of them have in common. Those that expire have other names for it.
func phone(m Message, at source.When, status string) source.Registered {
	f := source.Registered{
		When: at, Device: m["from-user"], Domain: m["from-host"], Contact: contactOf(m["contact"]), UserAgent: m["user-agent"],
		IP: m["network-ip"], Port: number(m["network-port"]), Status: status,
	}
	if f.Device == "" {
		f.Device, f.Domain = m["user"], m["host"]
	}
	return f
}

// contactOf is the same for all that write one: sip:101@192.0.2.1:5060 of
// "Desk" <sip:101@192.0.2.1:5060;transport=udp> and of sofia/internal/sip:101@192.0.2.1:5060.
func contactOf(s string) string {
	if _, rest, found := strings.Cut(s, "<"); found {
		s, _, _ = strings.Cut(rest, ">")
	}
	if i := strings.Index(s, "sip"); i >= 0 {
		s = s[i:]
	}
	s, _, _ = strings.Cut(s, ";")
	if decoded, err := url.PathUnescape(s); err == nil {
		s = decoded
	}
	return s
}

func whole(s string) (int64, bool) {
	n := number(s)
	return int64(n), n > 0
}

// A letter is a message in a mailbox, until that says how many there are now.
type letter struct {
	leg, file string
	length    time.Duration
	caller    source.Line
}

// mostLetters bounds those of which nothing more was told.
const mostLetters = 1000

// voicemail: a message is left, and then the mailbox tells its count.
func (t *translator) voicemail(m Message, at source.When) []source.Fact {
	f := source.VoicemailCount{When: at, Mailbox: m["VM-User"], Context: m["VM-Domain"]}
	key := f.Mailbox + "@" + f.Context
	switch m["VM-Action"] {
	case "leave-message":
		if len(t.boxes) < mostLetters {
			t.boxes[key] = letter{m["VM-UUID"], m["VM-File-Path"], seconds(m["VM-Message-Len"]), source.Line{Number: m["VM-Caller-ID-Number"], Name: m["VM-Caller-ID-Name"]}}
		}
		return nil
	case "mwi-update":
	default:
		return nil
	}
	f.New, f.Old = number(m["VM-Total-New"]), number(m["VM-Total-Saved"])
	left := t.boxes[key]
	delete(t.boxes, key)
	f.Leg, f.File, f.Length, f.Caller = left.leg, left.file, left.length, left.caller
	return []source.Fact{f}
}

// fax: where its file is, FreeSWITCH may say at the leg's end only.
func (t *translator) fax(m Message, at source.When) []source.Fact {
	f := t.faxOf(m, at, func(name string) string { return m["fax-"+name] })
	f.Sent = m["Event-Subclass"] == "spandsp::txfaxresult"
	if l := t.legs[f.Leg]; l != nil {
		if l.faxed = true; f.File == "" {
			l.fax = &f
			return nil
		}
	}
	return []source.Fact{f}
}

// lateFax is the fax of a leg that ends, if it was not told. Its variables say the same again,
// to whoever comes late.
func (t *translator) lateFax(m Message, at source.When) []source.Fact {
	l := t.legs[m["Unique-ID"]]
	switch {
	case l != nil && l.fax != nil:
		l.fax.File = m.variable("fax_filename")
		return []source.Fact{*l.fax}
	case l == nil || l.faxed || m.variable("fax_success") == "":
		return nil
	}
	f := t.faxOf(m, at, func(name string) string { return m.variable("fax_" + strings.ReplaceAll(name, "-", "_")) })
	f.Sent = m.variable("current_application") == "txfax"
	return []source.Fact{f}
}

// faxOf reads what became of a fax. Who sent it to whom is as the leg began: FreeSWITCH
// overwrites both.
func (t *translator) faxOf(m Message, at source.When, value func(name string) string) source.FaxEnded {
	f := source.FaxEnded{
		When: at, Leg: m["Unique-ID"], OK: value("success") == "1", Local: value("local-station-id"), Remote: value("remote-station-id"),
		Pages: number(value("document-transferred-pages")), Status: value("result-text"), File: m.variable("fax_filename"), BitRate: value("transfer-rate"), DPI: value("image-resolution"),
	}
	if !f.OK {
		f.Status, f.Error = "FAILED", strings.TrimSpace(value("result-code")+" "+value("result-text"))
	}
	if m["Call-Direction"] == "outbound" {
		f.CallerOrCallee, f.LocalNumber = source.Line{Number: m["Caller-Destination-Number"]}, known(m["Caller-Caller-ID-Number"])
	} else {
		f.CallerOrCallee, f.LocalNumber = t.began(m)
	}
	return f
}

// began is who called on a leg that came in, and what, when it began.
func (t *translator) began(m Message) (caller source.Line, dialed string) {
	if l := t.legs[m["Unique-ID"]]; l != nil {
		return l.started.Caller, l.started.Dialed
	}
	return callerOf(m), m["Caller-Destination-Number"]
}

// record: a leg is written to a file. What is left in a mailbox is told as that.
func (t *translator) record(m Message, at source.When) []source.Fact {
	leg, file := m["Unique-ID"], m["Record-File-Path"]
	l := t.legs[leg]
	if l == nil || file == "" || m.variable("current_application") == "voicemail" {
		return nil
	}
	on := m["Event-Name"] == "RECORD_START"
	if l.files[file] == on {
		return nil
	}
	l.files[file] = on
	id := source.EventID("recording", leg, file)
	return []source.Fact{source.Recording{When: at, Leg: leg, ID: id[strings.IndexByte(id, ':')+1:], File: file, On: on}}
}

// mostTexts is how many text messages are remembered: each is told twice.
const mostTexts = 100

// text is a SIP MESSAGE. That the switch has it does not say that anybody else got it.
func (t *translator) text(m Message, at source.When) []source.Fact {
	id := source.EventID("freeswitch-text", m["Core-UUID"], m["Event-Sequence"], m["from"], m["to"])
	if slices.Contains(t.texts, id) {
		return nil
	}
	t.texts = append(t.texts, id)
	t.texts = t.texts[max(0, len(t.texts)-mostTexts):]
	profile, own := m["sip_profile"], m["from"]
	f := source.Texted{
		When: at, ID: id, From: userOf(m["from"]), To: userOf(m["to"]), Text: m[body],
		Outbound: !matches(t.plan.trunks, profile) && !matches(usualTrunks, strings.ToLower(profile)),
	}
	if !f.Outbound {
		own = m["to"]
	}
	f.Account = t.accounts[domainOf(own)]
	return []source.Fact{f}
}
