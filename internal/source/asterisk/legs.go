package asterisk

import (
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

func (t *translator) newChannel(m Message, at source.When) source.Fact {
	id, channel, context := m.Get("Uniqueid"), m.Get("Channel"), m.Get("Context")
	f := source.LegStarted{
		When: at, Leg: id, Call: callOf(m), Device: endpointOf(channel), Channel: channel,
		Hidden: isHidden(channel), Caller: line(m, "CallerID"), Context: context, AccountCode: m.Get("AccountCode"),
		SIPCallID: m.Get("SIPCallID"), // from ARI
		// Down is how a channel begins that is about to dial; one that dials us begins
		// with Ring, an analogue telephone with Rsrvd or Dialing.
		Outbound: m.Get("ChannelStateDesc") == "Down",
	}
	f.Trunk = !f.Hidden && t.plan.began(channel, context)
	if !f.Outbound {
		f.Dialed = dialled(m.Get("Exten"))
	}
	l := &leg{channel: channel, call: f.Call}
	f.Vars, l.vars = variables(m, "")
	t.legs[id] = l
	return t.pair(f)
}

// callOf is which call a channel belongs to. Where that is not told, one that dials us is
// the first of its own.
func callOf(m Message) string {
	call := m.Get("Linkedid")
	if call == "" && m.Get("ChannelStateDesc") == "Ring" && !isHidden(m.Get("Channel")) {
		return m.Get("Uniqueid")
	}
	return call
}

// pair tells which legs are the halves of one Local channel.
func (t *translator) pair(f source.LegStarted) source.LegStarted {
	if name, half := halfOf(f.Channel); half {
		f.Twin = t.halves[name]
		t.halves[name] = f.Leg
		if other := t.legs[f.Twin]; other != nil {
			other.twin, t.legs[f.Leg].twin = f.Leg, f.Twin
		}
	}
	return f
}

// halfOf is what the halves of a Local channel have in common: their names differ in ;1 and
// ;2 only.
func halfOf(channel string) (name string, half bool) {
	name, number, half := strings.Cut(channel, ";")
	return name, half && (number == "1" || number == "2")
}

// dialled is an extension that somebody may have dialled. s, and words such as h and
// start, are the dial plan's own.
func dialled(exten string) string {
	if exten == "s" || exten == "h" {
		return ""
	}
	return exten
}

func (t *translator) rename(m Message, _ source.When) source.Fact {
	if l := t.legs[m.Get("Uniqueid")]; l != nil {
		l.channel = m.Get("Newname")
	}
	return nil
}

func (t *translator) newState(m Message, at source.When) source.Fact {
	switch m.Get("ChannelStateDesc") {
	case "Ringing":
		return source.LegRinging{When: at, Leg: m.Get("Uniqueid")}
	case "Up":
		return source.LegAnswered{When: at, Leg: m.Get("Uniqueid")}
	}
	return nil
}

func (t *translator) newCallerID(m Message, at source.When) source.Fact {
	caller := line(m, "CallerID")
	return source.PartyChanged{When: at, Leg: m.Get("Uniqueid"), Caller: &caller}
}

func (t *translator) newConnectedLine(m Message, at source.When) source.Fact {
	connected := line(m, "ConnectedLine")
	return source.PartyChanged{When: at, Leg: m.Get("Uniqueid"), Connected: &connected}
}

// newExten tells that a leg went on to another extension of the dial plan, such as a ring
// group. It comes only to those who ask for the class dialplan.
func (t *translator) newExten(m Message, at source.When) source.Fact {
	if m.Get("Priority") != "1" || m.Get("AppData") == "(Outgoing Line)" {
		return nil
	}
	return source.PartyChanged{When: at, Leg: m.Get("Uniqueid"), Dialed: dialled(m.Get("Extension")), Context: m.Get("Context")}
}

// varSet notes what no other event tells. It comes only to those who ask for the class
// dialplan.
func (t *translator) varSet(m Message, _ source.When) source.Fact {
	l := t.legs[m.Get("Uniqueid")]
	if l == nil {
		return nil
	}
	switch m.Get("Variable") {
	case "MIXMONITOR_FILENAME":
		l.file = m.Get("Value")
	case "FAXERROR":
		l.fax = m.Get("Value")
	}
	return nil
}

func (t *translator) hold(m Message, at source.When) source.Fact {
	return source.Held{When: at, Leg: m.Get("Uniqueid"), On: m.Get("Event") == "Hold"}
}

func (t *translator) dtmf(m Message, at source.When) source.Fact {
	if m.Get("Direction") != "Received" {
		return nil
	}
	return source.DTMF{When: at, Leg: m.Get("Uniqueid"), Digit: m.Get("Digit"), Duration: time.Duration(number(m.Get("DurationMs"))) * time.Millisecond}
}

// hangupRequest comes when the far end of a channel ends it: it hangs up, gives up or
// refuses. So it tells who hung up, also for those in the same bridge. What comes out of a
// Local channel is what went into its other half.
func (t *translator) hangupRequest(m Message, _ source.When) source.Fact {
	id := m.Get("Uniqueid")
	l := t.legs[id]
	if l == nil {
		return nil
	}
	l.cause, l.sip = number(m.Get("Cause")), number(m.Get("TechCause"))
	if twin := t.legs[l.twin]; l.by == "" && twin != nil {
		l.by = twin.by
	} else if l.by == "" && !isHidden(l.channel) {
		l.by = l.channel
	}
	if l.bridge != "" {
		for _, other := range t.legs {
			if other.bridge == l.bridge && other.by == "" {
				other.by = l.by
			}
		}
	}
	return nil
}

// softHangupRequest comes when Asterisk ends a channel by itself: it stops, or somebody told
// it to.
func (t *translator) softHangupRequest(m Message, _ source.When) source.Fact {
	if l := t.legs[m.Get("Uniqueid")]; l != nil {
		l.dismissed = true
	}
	return nil
}

// refused is the state of a channel that the dial plan turned away: with Busy or Congestion,
// or because it had no step after a Dial that failed (main/pbx.c). chan_pjsip requests the
// hangup then, too, as if the far end had.
const refused = "Busy"

func (t *translator) hangup(m Message, at source.When) source.Fact {
	id := m.Get("Uniqueid")
	f := source.LegEnded{
		When: at, Leg: id, Q850: number(m.Get("Cause")), CauseText: m.Get("Cause-txt"), SIPStatus: number(m.Get("TechCause")),
	}
	if l := t.legs[id]; l != nil {
		if m.Get("ChannelStateDesc") != refused {
			f.By = l.by
		}
		if f.SIPStatus == 0 {
			f.SIPStatus = l.sip
		}
		delete(t.legs, id)
	}
	if name, half := halfOf(m.Get("Channel")); half {
		delete(t.halves, name)
	}
	return f
}

func (t *translator) dialBegin(m Message, at source.When) source.Fact {
	return source.Dialled{
		When: at, From: m.Get("Uniqueid"), To: m.Get("DestUniqueid"), Number: numberOf(m.Get("DialString")),
		Exten: dialled(m.Get("Exten")), Context: m.Get("Context"),
	}
}

// numberOf is the number in what was dialled: that of trunk/0301234, 0301234@trunk and
// trunk/sip:0301234@192.0.2.1.
func numberOf(dialString string) string {
	number := dialString[strings.LastIndexAny(dialString, "/:")+1:]
	if user, _, at := strings.Cut(dialString, "@"); at { // Local/101@context/n
		number = user[strings.LastIndexAny(user, "/:")+1:]
	}
	if !isNumber(number) {
		return ""
	}
	return number
}

// dialState: progress is what a trunk says instead of ringing, when the ringing itself can
// be heard.
func (t *translator) dialState(m Message, at source.When) source.Fact {
	switch m.Get("DialStatus") {
	case "RINGING", "PROGRESS":
		return source.LegRinging{When: at, Leg: m.Get("DestUniqueid")}
	}
	return nil
}

func (t *translator) dialEnd(m Message, at source.When) source.Fact {
	to := m.Get("DestUniqueid")
	f := source.DialEnded{When: at, From: m.Get("Uniqueid"), To: to, Outcome: outcomes[m.Get("DialStatus")], Forward: m.Get("Forward")}
	if f.Outcome == "" {
		f.Outcome = source.Failed
	}
	if l := t.legs[to]; l != nil && f.Outcome != source.Answered && f.Outcome != source.Cancelled {
		f.Outcome = refine(f.Outcome, l.cause, l.sip)
	}
	return f
}

// outcomes are the DialStatus of DialEnd (apps/app_dial.c, main/dial.c).
var outcomes = map[string]source.Outcome{ //nolint:gochecknoglobals // a constant, but for the language
	"ANSWER":      source.Answered,
	"BUSY":        source.Busy,
	"NOANSWER":    source.NoAnswer,
	"CANCEL":      source.Cancelled,
	"ABORT":       source.Cancelled,
	"CONGESTION":  source.Congestion,
	"CHANUNAVAIL": source.Unavailable,
	"DONTCALL":    source.Rejected, // the privacy manager: not now
	"TORTURE":     source.Rejected, // and never
}

// refine says more than a DialStatus does with the cause that the phone gave: Asterisk has
// no status for a refusal and calls it UNKNOWN, or whatever its table makes of the SIP
// answer.
func refine(o source.Outcome, q850, sip int) source.Outcome {
	switch {
	case sip == 603 || sip == 403 || sip == 401 || sip == 407 || q850 == 21:
		return source.Rejected
	case sip == 486 || sip == 600 || q850 == 17:
		return source.Busy
	case o == source.Failed && (q850 == 18 || q850 == 19):
		return source.NoAnswer
	case o == source.Failed && q850 == 20:
		return source.Unavailable
	case o == source.Failed && (q850 == 34 || q850 == 42):
		return source.Congestion
	}
	return o
}

func (t *translator) bridgeEnter(m Message, at source.When) source.Fact {
	f := source.BridgeEntered{
		When: at, Bridge: m.Get("BridgeUniqueid"), Leg: m.Get("Uniqueid"),
		Holding: m.Get("BridgeTechnology") == holding, Conference: m.Get("BridgeCreator") == conference,
	}
	if l := t.legs[f.Leg]; l != nil && !f.Conference && !f.Holding { // there nobody hangs up for others
		l.bridge = f.Bridge
	}
	return f
}

// What bridges say of themselves in which people do not simply talk to one another.
const holding, conference = "holding_bridge", "ConfBridge"

// isApart reports whether a bridge is one of them.
func isApart(technology, creator string) bool { return technology == holding || creator == conference }

func (t *translator) bridgeLeave(m Message, at source.When) source.Fact {
	f := source.BridgeLeft{When: at, Bridge: m.Get("BridgeUniqueid"), Leg: m.Get("Uniqueid")}
	if l := t.legs[f.Leg]; l != nil && l.bridge == f.Bridge {
		l.bridge = ""
	}
	return f
}

func (t *translator) blindTransfer(m Message, at source.When) source.Fact {
	if m.Get("Result") != "Success" {
		return nil
	}
	return source.Transferred{
		When: at, Leg: m.Get("TransfererUniqueid"), Transferee: m.Get("TransfereeUniqueid"), Target: m.Get("Extension"),
	}
}

// attendedTransfer: who transfers has two channels, one to whom they pass on and one to the
// target.
func (t *translator) attendedTransfer(m Message, at source.When) source.Fact {
	if m.Get("Result") != "Success" {
		return nil
	}
	target := m.known("TransferTargetCallerIDNum")
	if target == "" {
		target = m.known("SecondTransfererConnectedLineNum")
	}
	return source.Transferred{
		When: at, Attended: true, Leg: m.Get("OrigTransfererUniqueid"), Transferee: m.Get("TransfereeUniqueid"),
		SecondLeg: m.Get("SecondTransfererUniqueid"), Target: target, TargetLeg: m.Get("TransferTargetUniqueid"),
	}
}

func (t *translator) pickup(m Message, at source.When) source.Fact {
	return source.PickedUp{When: at, Leg: m.Get("Uniqueid"), Target: m.Get("TargetUniqueid")}
}
