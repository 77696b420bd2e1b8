package kazoobus

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

const callEvent = "call_event"

// channel translates what a switch says of a channel. Each message has all that is known of
// its channel, so each tells of the leg anew: of one whose beginning was missed, too.
func (t *translator) channel(m *Message) ([]source.Fact, error) {
	leg := m.text("Call-ID")
	if leg == "" {
		return nil, switchhook.InvalidField("Call-ID", "is required: the channel's id")
	}
	if step, parking := parkSteps[m.Name]; parking {
		parking := source.Parking{When: m.at(), Leg: leg, Slot: m.text("Parking-Slot"), Step: step}
		if step == source.Parked {
			return []source.Fact{t.met(m, leg), parking}, nil
		}
		return []source.Fact{parking}, nil
	}
	tell := channelEvents[m.Name]
	if tell == nil {
		return nil, nil // of the many that say nothing of calls
	}
	var facts []source.Fact
	if m.Has("Call-Direction") {
		facts = append(facts, t.leg(m, leg))
	}
	return tell(m, leg, facts), nil
}

var parkSteps = map[string]source.ParkStep{ //nolint:gochecknoglobals // a constant, but for the language
	"PARK_PARKED": source.Parked, "PARK_RETRIEVED": source.Retrieved, "PARK_ABANDONED": source.ParkAbandoned,
}

// channelEvents are the events of channels that are told, and the facts that each adds.
var channelEvents = map[string]func(m *Message, leg string, facts []source.Fact) []source.Fact{ //nolint:gochecknoglobals // a constant, but for the language
	"CHANNEL_CREATE":         created,
	"CHANNEL_PROGRESS":       ringing,
	"CHANNEL_PROGRESS_MEDIA": ringing,
	"CHANNEL_ANSWER":         answered,
	"CHANNEL_BRIDGE":         bridged,
	"CHANNEL_UNBRIDGE":       unbridged,
	"CHANNEL_HOLD":           held,
	"CHANNEL_UNHOLD":         held,
	"CHANNEL_DESTROY":        destroyed,
	"CHANNEL_DISCONNECTED":   destroyed,
	"CHANNEL_TRANSFEROR":     transferor,
	"CHANNEL_REPLACED":       replaced,
	"CHANNEL_INTERCEPTED":    replaced,
	"RECORD_START":           recording,
	"RECORD_STOP":            recording,
	"DTMF":                   dtmf,
}

// leg is what a message says of its channel.
func (t *translator) leg(m *Message, id string) source.LegStarted {
	f := source.LegStarted{
		When: m.began(), Leg: id, Channel: m.text("Channel-Name"), Outbound: m.outbound(), Hidden: m.loopback(),
		Context: m.variable("Realm", "Account-Realm"), Account: t.account(m), AccountLater: true, SIPCallID: id,
		Device: cmp.Or(user(cmp.Or(m.text("Presence-ID"), m.variable("Presence-ID"))), m.variable("Username", "Authorizing-ID")),
		More:   more(m),
	}
	f.Trunk = !f.Hidden && m.trunk()
	switch {
	case f.Hidden:
		if f.Twin = m.text("Channel-Loopback-Other-Leg-ID"); f.Twin != "" {
			f.Call = "loopback:" + min(id, f.Twin)
		}
	case !f.Outbound:
		f.Call = id
	} // what Kazoo calls itself belongs to whoever dials it, which the message of its beginning tells
	if f.Outbound {
		f.Caller = source.Line{Number: m.text("Callee-ID-Number"), Name: m.text("Callee-ID-Name")}
	} else {
		f.Caller = source.Line{Number: m.text("Caller-ID-Number"), Name: m.text("Caller-ID-Name")}
		f.Dialed = m.dialed()
	}
	return f
}

// met is what a message says of a channel that is told by somebody else than the switch, and of which we may not have
// heard: it can be older than we are here. What is known of it already stays.
func (t *translator) met(m *Message, id string) source.LegStarted {
	return source.LegStarted{
		When: m.at(), Leg: id, SIPCallID: id, Trunk: m.trunk(), Account: t.account(m), AccountLater: true,
		Device: cmp.Or(user(cmp.Or(m.text("Channel-Presence-ID"), m.variable("Presence-ID"))), m.variable("Username", "Authorizing-ID")),
		Caller: source.Line{Number: m.text("Caller-ID-Number"), Name: m.text("Caller-ID-Name")},
	}
}

// began is when the channel was made.
func (m *Message) began() source.When {
	at := m.at()
	if began, ok := micros(m.text("Channel-Created-Time")); ok && at.At().Sub(began) < 48*time.Hour && !began.After(at.At()) {
		return source.When(began)
	}
	return at
}

// outbound: the switch made the channel.
func (m *Message) outbound() bool { return m.text("Call-Direction") == "outbound" }

// loopback: the channel is a device of the switch's own, one of two.
func (m *Message) loopback() bool {
	return strings.HasPrefix(m.text("Channel-Name"), "loopback/") || m.text("Channel-Is-Loopback") == "true"
}

// trunk: the channel leads outside. Of those that come in, Kazoo's own telephones authorize
// themselves, carriers are resources or nothing at all (cf_missed_call_alert.erl asks the
// same).
func (m *Message) trunk() bool {
	switch m.variable("Authorizing-Type") {
	case "resource":
		return true
	case "", "sys_info":
		return !m.outbound() || m.has("Resource-ID") || m.has("Global-Resource")
	}
	return false
}

func (m *Message) has(variable string) bool { return m.variable(variable) != "" }

// peer is the channel at the other end, empty where there is none. Of a channel that was
// originated Kazoo tells its own id there.
func (m *Message) peer(leg string) string {
	if peer := m.text("Other-Leg-Call-ID"); peer != leg {
		return peer
	}
	return ""
}

// dialed is what somebody dialled who called Kazoo.
func (m *Message) dialed() string {
	return cmp.Or(user(m.text("Request")), user(m.text("To")), m.text("Caller-Destination-Number"))
}

// notTold are the variables that Kazoo keeps out of its webhooks (system_config
// call_command.reserved_ccv_keys, as it comes): most are members of their own.
const notTold = "Account-ID Account-Name Account-Realm Authorizing-ID Authorizing-Type Auto-Answer Call-Forward Call-Waiting-Disabled " +
	"Fax-Enabled Loopback-Bowout Media-Encryption-Enforce-Security Media-Webrtc Owner-ID Presence-ID RTCP-MUX Realm " +
	"Require-Ignore-Early-Media Retain-CID SIP-Invite-Domain Simplify-Loopback Username"

// told are the variables but those.
func (m *Message) told() ordjson.Object {
	return slices.DeleteFunc(slices.Clone(m.vars), func(v ordjson.Member) bool {
		return strings.HasPrefix(v.Name, "Confirm-") || strings.Contains(" "+notTold+" ", " "+v.Name+" ")
	})
}

// more is what is told of a leg beside what follows from how legs meet.
func more(m *Message) *switchhook.Call {
	local := m.variable("Global-Resource") != "true"
	call := &switchhook.Call{
		PeerID: m.peer(m.text("Call-ID")), RequestURI: m.text("Request"), OriginalNumber: m.variable("Original-Number"),
		OwnerID: m.variable("Owner-ID"), AuthorizingID: m.variable("Authorizing-ID"), AuthorizingType: m.variable("Authorizing-Type"),
		Inception: cmp.Or(m.text("Inception"), m.variable("Inception")), LocalResource: &local, Emergency: new(m.isTrue("Emergency-Resource")),
		AppVars: m.raw("Custom-Application-Vars"), SIPHeaders: m.raw("Custom-SIP-Headers"),
	}
	if m.has("Call-Forward") {
		call.Forwarded = new(m.isTrue("Call-Forward"))
	}
	if local {
		call.ResourceID = m.variable("Resource-ID")
	}
	if from := m.text("From"); from != "" {
		call.From = &switchhook.Party{URI: from}
	}
	if to := m.text("To"); to != "" {
		call.To = &switchhook.Party{URI: to}
	}
	if told := m.told(); len(told) > 0 {
		call.Vars = told.Pack()
	}
	return call
}

func created(m *Message, leg string, facts []source.Fact) []source.Fact {
	if peer := m.peer(leg); peer != "" && m.outbound() {
		facts = append(facts, source.Dialled{When: m.at(), From: peer, To: leg, Number: cmp.Or(user(m.text("To")), m.text("Callee-ID-Number"))})
	}
	return facts
}

func ringing(m *Message, leg string, facts []source.Fact) []source.Fact {
	return append(facts, source.LegRinging{When: m.at(), Leg: leg})
}

// answered: whoever has to press a key first has not answered yet when the channel is up;
// the bridge tells.
func answered(m *Message, leg string, facts []source.Fact) []source.Fact {
	facts = append(facts, source.LegAnswered{When: m.at(), Leg: leg})
	if peer := m.peer(leg); m.outbound() && peer != "" && !m.has("Confirm-Key") && !m.has("Confirm-File") {
		facts = append(facts, source.DialEnded{When: m.at(), From: peer, To: leg, Outcome: source.Answered})
	}
	return facts
}

func bridged(m *Message, leg string, facts []source.Fact) []source.Fact {
	other := m.other(leg)
	if other == "" {
		return facts
	}
	bridge := min(leg, other) + "|" + max(leg, other)
	return append(facts, source.BridgeEntered{When: m.at(), Bridge: bridge, Leg: leg}, source.BridgeEntered{When: m.at(), Bridge: bridge, Leg: other})
}

func unbridged(m *Message, leg string, facts []source.Fact) []source.Fact {
	other := m.other(leg)
	bridge := min(leg, other) + "|" + max(leg, other)
	return append(facts, source.BridgeLeft{When: m.at(), Bridge: bridge, Leg: leg}, source.BridgeLeft{When: m.at(), Bridge: bridge, Leg: other})
}

// other is with whom a channel is bridged.
func (m *Message) other(leg string) string {
	for _, name := range []string{"Bridge-B-Unique-ID", "Bridge-A-Unique-ID", "Other-Leg-Call-ID"} {
		if other := m.text(name); other != "" && other != leg {
			return other
		}
	}
	return ""
}

func held(m *Message, leg string, facts []source.Fact) []source.Fact {
	return append(facts, source.Held{When: m.at(), Leg: leg, On: m.Name == "CHANNEL_HOLD"})
}

// destroyed: the end of a channel. Kazoo does not tell who hung up, but a caller who gave up
// has a cause of their own.
func destroyed(m *Message, leg string, facts []source.Fact) []source.Fact {
	cause := m.text("Hangup-Cause")
	end := source.LegEnded{
		When: m.at(), Leg: leg, CauseText: cause, ByUnknown: true, TellsMissed: true,
		More: &switchhook.Call{
			HangupCause: cause, DurationMS: m.seconds("Duration-Seconds"), RingingMS: m.seconds("Ringing-Seconds"), BillableMS: m.seconds("Billing-Seconds"),
		},
	}
	var reason string
	if cause != "" {
		end.Q850, reason = catalogue.HangupCause(cause)
	}
	if code, sip := strings.CutPrefix(m.text("Hangup-Code"), "sip:"); sip {
		end.SIPStatus = number(code)
	}
	if cause == "ORIGINATOR_CANCEL" && !m.outbound() {
		end.By = m.text("Channel-Name")
	}
	if spoke := end.More.BillableMS; spoke != nil && *spoke > 0 { // it was answered, whether we heard it or not
		facts = append(facts, source.LegAnswered{When: source.When(end.At().Add(-time.Duration(*spoke) * time.Millisecond)), Leg: leg})
		end.Talked = m.peer(leg) != ""
	}
	if peer := m.peer(leg); m.outbound() && outcomes[reason] != "" {
		facts = append(facts, source.DialEnded{When: m.at(), From: peer, To: leg, Outcome: outcomes[reason]})
	}
	return append(facts, end)
}

// outcomes are what became of the dialling of a leg that ended for a reason, unless it was
// answered.
var outcomes = map[string]source.Outcome{ //nolint:gochecknoglobals // a constant, but for the language
	"busy": source.Busy, "no_answer": source.NoAnswer, "timeout": source.NoAnswer, "cancelled": source.Cancelled,
	"answered_elsewhere": source.Elsewhere, "rejected": source.Rejected, "congestion": source.Congestion,
	"unregistered": source.Unavailable, "failed": source.Failed, "unallocated": source.Failed,
}

func transferor(m *Message, leg string, facts []source.Fact) []source.Fact {
	return append(facts, source.Transferred{
		When: m.at(), Leg: leg, Transferee: m.peer(leg), Target: user(m.text("Transfer-To")), Attended: m.text("Transfer-Type") == "attended",
	})
}

// replaced: another channel has the call now.
func replaced(m *Message, leg string, facts []source.Fact) []source.Fact {
	return append(facts, source.PickedUp{When: m.at(), Leg: m.text("Replaced-By", "Intercepted-By"), Target: leg})
}

func recording(m *Message, leg string, facts []source.Fact) []source.Fact {
	r := m.object("Recording")
	file := cmp.Or(textOf(r, "File-Path"), m.text("Application-Response"))
	id := textOf(r, "Media-Recording-ID", "Media-Name")
	if id == "" && file != "" {
		id = path.Base(file)
	}
	return append(facts, source.Recording{When: m.at(), Leg: leg, File: file, On: m.Name == "RECORD_START", ID: id})
}

// dtmf: the duration is in samples of an eighth of a millisecond.
func dtmf(m *Message, leg string, facts []source.Fact) []source.Fact {
	const samples = 8
	return append(facts, source.DTMF{
		When: m.at(), Leg: leg, Digit: m.text("DTMF-Digit"), Duration: time.Duration(number(m.text("DTMF-Duration"))/samples) * time.Millisecond,
	})
}
