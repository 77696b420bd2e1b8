package freeswitch

import (
	"cmp"
	"maps"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A leg is what later events of a channel leave out, or say otherwise. Channel-Call-UUID
// among them: it turns at the end of a leg that was answered, and that of a queue's agent is
// another from the start. So which call a leg belongs to is what it was when it began.
type leg struct {
	channel  string
	call     string
	from     string // on whose behalf it was made
	domain   string
	outbound bool
	hidden   bool
	up       bool
	dialled  bool     // others were made for it
	peer     string   // with whom it was bridged last
	bridge   string   // in which it is
	waits    []string // the two that are bridged, and not both answered yet
	by       string   // the channel that hung up
	transfer string   // Caller-Transfer-Source, as it was last
	listed   bool     // that is not known: a list had the leg
	vars     map[string]string
	files    map[string]bool  // that it is recorded into
	fax      *source.FaxEnded // whose file is not known yet
	faxed    bool             // the fax was told
	started  source.LegStarted
}

func (t *translator) create(m Message, at source.When) []source.Fact {
	if t.legs[m["Unique-ID"]] != nil {
		return nil
	}
	return t.start(m, at)
}

// late tells of a channel that began before we listened, by whatever event shows it first.
func (t *translator) late(m Message) []source.Fact {
	at, ok := micros(m["Caller-Channel-Created-Time"])
	if !ok {
		return nil
	}
	if m["Caller-Transfer-Source"] != "" && m["Caller-RDNIS"] != "" { // what was called is overwritten
		m = maps.Clone(m)
		m["Caller-Destination-Number"] = m["Caller-RDNIS"]
	}
	return t.start(m, source.When(at))
}

func (t *translator) start(m Message, at source.When) []source.Fact {
	id, name := m["Unique-ID"], m["Channel-Name"]
	e := t.plan.endpointOf(m)
	f := source.LegStarted{
		When: at, Leg: id, Device: e.name, Channel: channelOf(m), Trunk: e.trunk, Outbound: m["Call-Direction"] == "outbound",
		Hidden: isHidden(name), Context: m["Caller-Context"], AccountCode: m.variable("accountcode"), SIPCallID: m.variable("sip_call_id"),
		Account: t.accounts[e.domain],
	}
	// The dial plan finds out whose the number is.
	f.AccountLater = f.Trunk && !f.Outbound && f.Account == "" && len(t.accounts) > 0
	l := &leg{channel: f.Channel, outbound: f.Outbound, hidden: f.Hidden, domain: e.domain, transfer: m["Caller-Transfer-Source"], vars: map[string]string{}, files: map[string]bool{}}
	for _, variable := range t.variables {
		if value := m.variable(variable); value != "" {
			l.vars[variable] = value
		}
	}
	if len(l.vars) > 0 {
		f.Vars = maps.Clone(l.vars)
	}
	if f.Hidden {
		f.Trunk, f.Twin = false, m.variable("other_loopback_leg_uuid")
	}
	var first []source.Fact
	if l.from = originator(m); l.from == m["Other-Leg-Unique-ID"] && m["Other-Type"] == "originator" {
		first = t.other(m, at)
	}
	l.call = t.callOf(id, l.from, f.Twin)
	f.Call = l.call
	if f.Outbound {
		f.Caller = source.Line{Number: calleeOf(m, &e), Name: known(m["Caller-Callee-ID-Name"])}
	} else {
		f.Caller, f.Dialed = callerOf(m), m["Caller-Destination-Number"]
	}
	if m["Event-Name"] != "CHANNEL_CREATE" && m["Event-Name"] != "CHANNEL_ANSWER" {
		f.Answered = m["Answer-State"] == "answered"
		l.up = f.Answered
	}
	l.started = f
	t.legs[id] = l
	return append(first, t.dial(f, l, m)...)
}

// originator is on whose behalf a channel was made, empty for one that called us, or that
// somebody had called by a command. Those of a queue have the caller as a variable.
func originator(m Message) string {
	switch {
	case m["Call-Direction"] != "outbound":
		return ""
	case m.variable("cc_side") == "agent":
		return m.variable("cc_member_session_uuid")
	case m["Other-Type"] == "originator":
		return cmp.Or(m.variable("originator"), m["Other-Leg-Unique-ID"])
	}
	return m.variable("originator")
}

// callOf is the call that a leg belongs to: that of whom it was made for, or of the other half
// of a loopback, else its own.
func (t *translator) callOf(id, from, twin string) string {
	for _, other := range []string{from, twin} {
		if l := t.legs[other]; l != nil {
			return l.call
		}
	}
	return cmp.Or(from, id)
}

// calleeOf is the number at the end of a channel that FreeSWITCH made.
func calleeOf(m Message, e *endpoint) string {
	if e.trunk {
		return m["Caller-Destination-Number"]
	}
	return cmp.Or(e.name, m["Caller-Callee-ID-Number"])
}

// dial tells of a leg, and of whom it was made for.
func (t *translator) dial(f source.LegStarted, l *leg, m Message) (facts []source.Fact) {
	if l.from == "" {
		return []source.Fact{f}
	}
	if from := t.legs[l.from]; from != nil {
		from.dialled, from.by = true, ""
		// FusionPBX exports what its ring groups are called.
		if group := cmp.Or(m.variable("ring_group_extension"), m.variable("ring_group_name"), m.variable("ring_group_uuid")); group != "" && from.vars["RINGGROUP"] != group {
			from.vars["RINGGROUP"] = group
			facts = append(facts, source.PartyChanged{When: f.When, Leg: l.from, Vars: map[string]string{"RINGGROUP": group}})
		}
	}
	d := source.Dialled{When: f.When, From: l.from, To: f.Leg, Exten: m["Other-Leg-Destination-Number"], Context: m["Other-Leg-Context"]}
	if n := m["Caller-Destination-Number"]; isNumber(n) {
		d.Number = n
	}
	facts = append(facts, f, d)
	if m.variable("cc_side") == "agent" {
		facts = append(facts, source.AgentCalled{
			When: f.When, Queue: m.variable("cc_queue"), Leg: l.from, AgentLeg: f.Leg, Agent: agentLine(m.variable("cc_agent")),
		})
	}
	return facts
}

func (t *translator) progress(m Message, at source.When) []source.Fact {
	if l := t.legs[m["Unique-ID"]]; l == nil || !l.outbound { // what a caller hears says nothing
		return nil
	}
	return []source.Fact{source.LegRinging{When: at, Leg: m["Unique-ID"]}}
}

func (t *translator) answer(m Message, at source.When) []source.Fact {
	id := m["Unique-ID"]
	if t.legs[id] == nil {
		return []source.Fact{source.LegAnswered{When: at, Leg: id}}
	}
	return t.up(id, at)
}

// up: a leg is up. One that FreeSWITCH called was answered by who is there.
func (t *translator) up(id string, at source.When) []source.Fact {
	l := t.legs[id]
	if l == nil || l.up {
		return nil
	}
	l.up = true
	facts := []source.Fact{source.LegAnswered{When: at, Leg: id}}
	if l.outbound && l.from != "" {
		facts = append(facts, source.DialEnded{When: at, From: l.from, To: id, Outcome: source.Answered})
	}
	if l.waits != nil {
		facts = append(facts, t.meet(l.waits[0], l.waits[1], at)...)
	}
	return facts
}

// bridge: two legs hear one another. With early media they do before anybody answers: that
// is ringing, which the caller hears.
func (t *translator) bridge(m Message, at source.When) []source.Fact {
	a, b := m["Bridge-A-Unique-ID"], m["Bridge-B-Unique-ID"]
	if a == "" || b == "" {
		return nil
	}
	facts := append(t.other(m, at), t.attended(a, b, m, at)...)
	return append(facts, t.meet(a, b, at)...)
}

// other tells of the leg at the other end, if it began before we listened, or is up without
// that we heard it. Of it an event has less.
func (t *translator) other(m Message, now source.When) []source.Fact {
	id := m["Other-Leg-Unique-ID"]
	_, answered := micros(m["Other-Leg-Channel-Answered-Time"])
	switch {
	case id == "" || m["Other-Leg-Channel-Name"] == "":
		return nil
	case t.legs[id] != nil && answered:
		return t.up(id, now)
	case t.legs[id] != nil:
		return nil
	}
	began, ok := micros(m["Other-Leg-Channel-Created-Time"])
	if !ok {
		began = now.At()
	}
	of := Message{
		"Event-Name": m["Event-Name"], "Unique-ID": id, "Call-Direction": m["Other-Leg-Direction"], "Channel-Name": m["Other-Leg-Channel-Name"], "Answer-State": "answered",
	}
	for name := range strings.FieldsSeq("Context Destination-Number Caller-ID-Number Caller-ID-Name Callee-ID-Number Callee-ID-Name Privacy-Hide-Number Privacy-Hide-Name") {
		of["Caller-"+name] = m["Other-Leg-"+name]
	}
	if m["Other-Type"] == "originatee" {
		of["variable_originator"] = m["Unique-ID"]
	}
	if !answered {
		of["Answer-State"] = "early"
	}
	return t.start(of, source.When(began))
}

// meet tells that two legs hear one another, once both have answered.
func (t *translator) meet(a, b string, at source.When) []source.Fact {
	up := true
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		if l := t.legs[pair[0]]; l != nil {
			l.peer, l.waits, l.bridge, l.by = pair[1], []string{a, b}, "", ""
			up = up && l.up
		}
	}
	if !up {
		return nil
	}
	id := bridgeID(a, b)
	for _, leg := range []string{a, b} {
		if l := t.legs[leg]; l != nil {
			l.waits, l.bridge = nil, id
		}
	}
	return []source.Fact{source.BridgeEntered{When: at, Bridge: id, Leg: a}, source.BridgeEntered{When: at, Bridge: id, Leg: b}}
}

// bridgeID names what FreeSWITCH has no name for.
func bridgeID(a, b string) string { return min(a, b) + "/" + max(a, b) }

// unbridge may come after the legs' ends.
func (t *translator) unbridge(m Message, at source.When) (facts []source.Fact) {
	a, b := m["Bridge-A-Unique-ID"], m["Bridge-B-Unique-ID"]
	id := bridgeID(a, b)
	for _, leg := range []string{a, b} {
		l := t.legs[leg]
		if l == nil {
			continue
		}
		l.waits = nil
		if l.bridge == id {
			l.bridge = ""
			facts = append(facts, source.BridgeLeft{When: at, Bridge: id, Leg: leg})
		}
	}
	return facts
}

func (t *translator) hold(m Message, at source.When) []source.Fact {
	return []source.Fact{source.Held{When: at, Leg: m["Unique-ID"], On: m["Event-Name"] == "CHANNEL_HOLD"}}
}

// fresh is how long after a transfer an event shows it at most.
const fresh = 2 * time.Second

// passedOn tells of a blind transfer, by whatever event of the leg that goes on shows it first.
// The dial plan marks what it sends elsewhere in the same way; but a telephone sends a REFER.
func (t *translator) passedOn(id string, l *leg, m Message, at source.When) []source.Fact {
	mark := m["Caller-Transfer-Source"]
	if mark == "" || mark == l.transfer {
		return nil
	}
	epoch, _, _ := strings.Cut(mark, ":")
	old := l.listed && at.At().Sub(time.Unix(int64(number(epoch)), 0)) > fresh
	l.transfer, l.listed = mark, false
	_, target, blind := strings.Cut(mark, ":bl_xfer:")
	if !blind || old || m.variable("sip_refer_to") == "" {
		return nil
	}
	target, _, _ = strings.Cut(target, "/")
	l.by = "" // who passed it on has not ended it
	return []source.Fact{source.Transferred{When: at, Leg: l.peer, Transferee: id, Target: target}}
}

// attended tells of an attended transfer, when a bridge joins the far ends of two calls of the
// one who transfers.
func (t *translator) attended(a, b string, m Message, at source.When) []source.Fact {
	x, y := t.legs[a], t.legs[b]
	if x == nil || y == nil || x.peer == "" || y.peer == "" || x.peer == b {
		return nil
	}
	history := strings.Join(append(m.list("variable_transfer_history"), m["Caller-Transfer-Source"], m.variable("transfer_source")), " ")
	if !strings.Contains(history, "att_xfer") {
		return nil
	}
	target := y.number(m)
	return []source.Fact{source.Transferred{When: at, Attended: true, Leg: x.peer, SecondLeg: y.peer, Transferee: a, TargetLeg: b, Target: target}}
}

// number is what is at a leg's end, as its channel's name has it.
func (l *leg) number(m Message) string {
	return cmp.Or(userOf(l.channel), m["Other-Leg-Destination-Number"])
}

// dtmf: the duration is in samples, of which there are 8,000 a second.
func (t *translator) dtmf(m Message, at source.When) []source.Fact {
	const perSecond = 8000
	return []source.Fact{source.DTMF{
		When: at, Leg: m["Unique-ID"], Digit: m["DTMF-Digit"], Duration: time.Duration(number(m["DTMF-Duration"])) * time.Second / perSecond,
	}}
}

// hangup is the end of a leg, with all that is known of it. It is told once hooks of the dial
// plan have run, and so maybe some time after that.
func (t *translator) hangup(m Message, at source.When) []source.Fact {
	if ended, ok := micros(m["Caller-Channel-Hangup-Time"]); ok && ended.Before(at.At()) {
		at = source.When(ended)
	}
	e := endingOf(m.variable, m["Call-Direction"] == "outbound")
	e.cause, e.channel = m["Hangup-Cause"], channelOf(m)
	return append(t.lateFax(m, at), t.end(m["Unique-ID"], e, at)...)
}

// An ending is what FreeSWITCH says of a leg's end, in an event or in a record.
type ending struct {
	channel     string
	outbound    bool
	answered    bool
	cause       string
	q850, sip   int
	disposition string // sip_hangup_disposition
	originate   string // originate_disposition: what became of whom it called
}

func endingOf(variable func(string) string, outbound bool) ending {
	e := ending{
		channel: variable("channel_name"), outbound: outbound, answered: number(variable("answer_epoch")) > 0,
		cause: variable("hangup_cause"), q850: q850(number(variable("hangup_cause_q850"))),
		disposition: variable("sip_hangup_disposition"), originate: variable("originate_disposition"),
	}
	if !e.answered {
		e.sip = sipStatus(variable, e.outbound)
	}
	return e
}

// q850 is a cause, if it is one of Q.850, which has 127. FreeSWITCH's own are above.
func q850(cause int) int {
	if cause > 127 {
		return 0
	}
	return cause
}

func (t *translator) end(id string, e ending, at source.When) (facts []source.Fact) {
	f := source.LegEnded{When: at, Leg: id, Q850: e.q850, SIPStatus: e.sip}
	if e.cause != "" {
		f.More = &switchhook.Call{HangupCause: e.cause}
	}
	l := t.legs[id]
	if l == nil { // it began before we came
		l = &leg{channel: e.channel, outbound: e.outbound, up: e.answered, dialled: true}
	}
	if f.Self = strings.HasPrefix(e.disposition, "recv_"); !f.Self {
		f.By = l.by
	} else if peer := t.legs[l.peer]; peer != nil && peer.peer == id && e.disposition == "recv_bye" {
		peer.by = l.channel // unless it goes on
	}
	if l.outbound && !l.up {
		facts = append(facts, source.DialEnded{When: at, From: l.from, To: id, Outcome: outcomeOf(e.cause)})
	}
	if nobody := e.reached(); !l.outbound && !l.dialled && nobody != "" {
		facts = append(facts, source.DialEnded{When: at, From: id, Outcome: nobody})
	}
	delete(t.legs, id)
	return append(facts, f)
}

// reached is what became of whom a leg was to call, empty if somebody answered or it called
// nobody. Nobody can be called at all where no telephone is registered.
func (e *ending) reached() source.Outcome {
	if e.originate == "" || e.originate == "SUCCESS" || e.originate == "failure" {
		return ""
	}
	return outcomeOf(e.originate)
}

// outcomeOf is what became of a leg that nobody answered, by its cause (switch_types.h).
func outcomeOf(cause string) source.Outcome {
	if o, ok := outcomes[cause]; ok {
		return o
	}
	return source.Failed
}

var outcomes = map[string]source.Outcome{ //nolint:gochecknoglobals // a constant, but for the language
	"NO_ANSWER":                 source.NoAnswer,
	"NO_USER_RESPONSE":          source.NoAnswer,
	"ALLOTTED_TIMEOUT":          source.NoAnswer,
	"PROGRESS_TIMEOUT":          source.NoAnswer,
	"USER_BUSY":                 source.Busy,
	"CALL_REJECTED":             source.Rejected,
	"ORIGINATOR_CANCEL":         source.Cancelled,
	"NORMAL_CLEARING":           source.Cancelled,
	"LOSE_RACE":                 source.Elsewhere,
	"PICKED_OFF":                source.Elsewhere,
	"USER_NOT_REGISTERED":       source.Unavailable,
	"SUBSCRIBER_ABSENT":         source.Unavailable,
	"NORMAL_CIRCUIT_CONGESTION": source.Congestion,
	"SWITCH_CONGESTION":         source.Congestion,
}

// sipStatus is the answer that ended a leg which nobody answered: 486 of sip:486. A caller's
// leg may have that of somebody whom it called as sip_invite_failure_status.
func sipStatus(variable func(string) string, outbound bool) int {
	if s, ok := strings.CutPrefix(variable("proto_specific_hangup_cause"), "sip:"); ok && s != "200" {
		return number(s)
	}
	if !outbound {
		return 0
	}
	return number(variable("sip_invite_failure_status"))
}
