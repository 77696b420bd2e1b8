package asterisk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// A translator turns the events of one manager connection into facts. It does no I/O and
// asks no clock. What calls are is not its business; it only remembers what Asterisk says
// once and leaves out later.
type translator struct {
	plan   *plan
	users  []string // globs of the UserEvents that are told
	events map[string]func(Message, source.When) source.Fact

	legs   map[string]*leg   // by Uniqueid, those that are up
	halves map[string]string // of Local channels, by the name without ;1 or ;2: the Uniqueid of the first
	served map[string]served // by queue and interface: who speaks with whom
}

// A leg is what later events of a channel leave out.
type leg struct {
	channel, call string
	bridge        string // in which it talks to others
	twin          string // the other half of a Local channel
	by            string // the channel whose far end hung up
	cause, sip    int    // that it gave
	dismissed     bool   // Asterisk is about to hang up itself
	vars          string
	file          string // that it is recorded into, where told
	fax           string // FAXERROR, where told
	recordings    int
}

// A served caller. AgentComplete may come without the channels, if they are gone by then.
type served struct{ leg, agentLeg string }

func newTranslator(o *Options) *translator {
	t := &translator{plan: newPlan(o), users: o.UserEvents, legs: map[string]*leg{}, halves: map[string]string{}, served: map[string]served{}}
	t.events = t.table()
	// ARI sends these to whoever listens, AMI by class. Keys may be somebody's PIN.
	for class, events := range map[string][]string{"dialplan": {"Newexten", "VarSet"}, "dtmf": {"DTMFEnd"}} {
		for _, event := range events {
			if !slices.Contains(o.Classes, class) {
				delete(t.events, event)
			}
		}
	}
	return t
}

// table says what becomes of each event.
func (t *translator) table() map[string]func(Message, source.When) source.Fact {
	return map[string]func(Message, source.When) source.Fact{
		// Channels.
		"Newchannel":        t.newChannel,
		"Rename":            t.rename,
		"Newstate":          t.newState,
		"NewCallerid":       t.newCallerID,
		"NewConnectedLine":  t.newConnectedLine,
		"Newexten":          t.newExten,
		"VarSet":            t.varSet,
		"Hold":              t.hold,
		"Unhold":            t.hold,
		"DTMFEnd":           t.dtmf,
		"HangupRequest":     t.hangupRequest,
		"SoftHangupRequest": t.softHangupRequest,
		"Hangup":            t.hangup,

		// What they have to do with one another.
		"DialBegin":        t.dialBegin,
		"DialState":        t.dialState,
		"DialEnd":          t.dialEnd,
		"BridgeEnter":      t.bridgeEnter,
		"BridgeLeave":      t.bridgeLeave,
		"BlindTransfer":    t.blindTransfer,
		"AttendedTransfer": t.attendedTransfer,
		"Pickup":           t.pickup,
		"CEL":              t.cel,

		// Queues and agents.
		"QueueCallerJoin":      t.queueCallerJoin,
		"QueueCallerLeave":     t.queueCallerLeave,
		"QueueCallerAbandon":   t.queueCallerAbandon,
		"AgentCalled":          t.agentCalled,
		"AgentRingNoAnswer":    t.agentRingNoAnswer,
		"AgentConnect":         t.agentConnect,
		"AgentComplete":        t.agentComplete,
		"QueueMemberAdded":     t.queueMember,
		"QueueMemberRemoved":   t.queueMember,
		"QueueMemberPause":     t.queueMember,
		"QueueMemberStatus":    t.queueMember,
		"QueueMemberRinginuse": t.queueMember,
		"AgentLogin":           t.agentLogin,
		"AgentLogoff":          t.agentLogin,

		// Parking and conferences.
		"ParkedCall":        t.parked,
		"UnParkedCall":      t.parked,
		"ParkedCallTimeOut": t.parked,
		"ParkedCallGiveUp":  t.parked,
		"ParkedCallSwap":    t.parked,
		"ConfbridgeStart":   t.confbridge,
		"ConfbridgeJoin":    t.confbridge,
		"ConfbridgeLeave":   t.confbridge,
		"ConfbridgeEnd":     t.confbridge,

		// Devices.
		"ContactStatus":           t.contactStatus,
		"PeerStatus":              t.peerStatus,
		"ChallengeResponseFailed": t.security,
		"InvalidPassword":         t.security,

		// Voicemail, fax, recordings, records, and what the operator adds.
		"MessageWaiting":  t.messageWaiting,
		"FAXStatus":       t.faxStatus,
		"ReceiveFAX":      t.faxDone,
		"SendFAX":         t.faxDone,
		"MixMonitorStart": t.mixMonitor,
		"MixMonitorStop":  t.mixMonitor,
		"Cdr":             t.cdr,
		"UserEvent":       t.userEvent,

		// Only ARI tells of these.
		"TextMessageReceived": t.text,
	}
}

// translate returns what an event says. received is the time for an event that tells none
// (timestampevents=no in manager.conf).
func (t *translator) translate(m Message, received time.Time) []source.Fact {
	event, ok := t.events[m.Get("Event")]
	if !ok {
		return nil
	}
	at := source.When(received)
	if stamp, ok := epoch(m.Get("Timestamp")); ok {
		at = source.When(stamp)
	}
	facts := t.follow(nil, m, "", at)
	facts = t.follow(facts, m, "Dest", at)
	if f := event(m, at); f != nil {
		facts = append(facts, f)
	}
	return facts
}

// follow tells what any event with a channel in it may be the first to show: that it belongs
// to another call now, and new values of the variables in channelvars.
func (t *translator) follow(facts []source.Fact, m Message, prefix string, at source.When) []source.Fact {
	id := m.Get(prefix + "Uniqueid")
	l := t.legs[id]
	if l == nil {
		return facts
	}
	if call := m.Get(prefix + "Linkedid"); call != "" && call != l.call && (l.call == "" || older(call, l.call)) {
		l.call = call
		facts = append(facts, source.Linked{When: at, Leg: id, Call: call})
	}
	if vars, all := variables(m, prefix); all != "" && all != l.vars {
		before := l.vars
		l.vars = all
		for name, value := range vars {
			if strings.Contains(before, "\n"+name+"="+value+"\n") {
				delete(vars, name)
			}
		}
		facts = append(facts, source.PartyChanged{When: at, Leg: id, Vars: vars})
	}
	return facts
}

// older reports whether a channel's id is older than another. Calls that meet take the id of
// the older one; some events still show how it was before.
func older(a, b string) bool {
	x, y := startOf(a, time.Time{}), startOf(b, time.Time{})
	return x.IsZero() || y.IsZero() || x.Before(y) || x.Equal(y) && sequence(a) < sequence(b)
}

// variables are those of channelvars in manager.conf; all is the whole of them.
func variables(m Message, prefix string) (vars map[string]string, all string) {
	for _, f := range m {
		if rest, own := strings.CutPrefix(f.Name, prefix); !own || rest != "ChanVariable" {
			continue
		}
		name, value, _ := strings.Cut(f.Value, "=")
		if vars == nil {
			vars, all = map[string]string{}, "\n"
		}
		vars[name] = value
		all += f.Value + "\n"
	}
	return vars, all
}

// cel uses one of the records of a channel's life (cel.conf, [manager] enabled=yes): the
// last of a call. The others say what events say, only later.
func (t *translator) cel(m Message, at source.When) source.Fact {
	if m.Get("EventName") != "LINKEDID_END" {
		return nil
	}
	return source.CallEnded{When: at, Call: m.Get("LinkedID")}
}

// cdr passes the record on as it is (cdr_manager.conf, [general] enabled=yes).
func (t *translator) cdr(m Message, at source.When) source.Fact {
	return source.Detailed{When: at, Leg: m.Get("UniqueID"), Record: object(m, "Event", "Privilege", "Timestamp")}
}

// userEvent is the dial plan's application UserEvent: what it was given is the data.
func (t *translator) userEvent(m Message, at source.When) source.Fact {
	name := m.Get("UserEvent")
	if name == "" || t.users != nil && !matches(t.users, name) {
		return nil
	}
	given := m
	for i, f := range m { // after the name comes what was given, before it the channel
		if f.Name == "UserEvent" {
			given = m[i+1:]
		}
	}
	return source.Custom{When: at, Name: name, Leg: m.Get("Uniqueid"), Data: object(given, "ActionID")}
}

// object is the fields of a message but some, as JSON. Of a name that is there twice the
// last one counts.
func object(m Message, but ...string) []byte {
	o := make(ordjson.Object, 0, len(m))
fields:
	for _, f := range m {
		for _, name := range but {
			if f.Name == name {
				continue fields
			}
		}
		o.Set(f.Name, ordjson.String(f.Value))
	}
	return o.Pack()
}

// epoch reads seconds.microseconds since 1970.
func epoch(s string) (time.Time, bool) {
	seconds, micros, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	us, _ := strconv.ParseInt((micros + "000000")[:6], 10, 64)
	return time.Unix(sec, us*1000).UTC(), true
}

// number reads an int, 0 where there is none.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// seconds reads a whole number of them.
func seconds(s string) time.Duration { return time.Duration(number(s)) * time.Second }

// line is who is at the end of a channel; which is CallerID or ConnectedLine, with the
// prefix of the channel.
func line(m Message, which string) source.Line {
	return source.Line{Number: m.known(which + "Num"), Name: m.known(which + "Name")}
}
