package asterisk

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// What there is, is asked for in several lists. When all are there, and a Ping after them was
// answered, they are one Present. The facts that come meanwhile are told too, before it.

// A present is what there is, as far as it was listed.
type present struct {
	*source.Snapshot
	t    *translator
	told map[string]bool // the lists that Asterisk has; false: refused, or not over
}

func newPresent(t *translator) *present {
	return &present{Snapshot: source.NewSnapshot(), t: t, told: map[string]bool{}}
}

// ofPresent marks the ActionID of a list.
const ofPresent = "present-"

// requests asks for all lists, and in the end for the time. chan_sip was in Asterisk until 20;
// to ask a later one for its peers would be a security event.
func requests(chanSIP bool) string {
	var b strings.Builder
	for action := range strings.FieldsSeq("PJSIPShowEndpoints QueueStatus PJSIPShowContacts SIPpeers VoicemailUsersList ParkedCalls BridgeList CoreShowChannels Ping") {
		if action == "SIPpeers" && !chanSIP {
			continue
		}
		b.WriteString("Action: " + action + "\r\nActionID: " + ofPresent + action + "\r\n\r\n")
	}
	return b.String()
}

// list takes a frame of a list. over: it was the answer to the Ping, the last of all.
func (p *present) list(m Message, received time.Time) (over bool, refused error) {
	list := strings.TrimPrefix(m.Get("ActionID"), ofPresent)
	switch response := m.Get("Response"); {
	case list == "Ping":
		return true, nil
	case response == "Error" && strings.HasPrefix(m.Get("Message"), "No "):
		p.told[list] = true // "No Contacts found"
	case response == "Error" && list == "CoreShowChannels":
		return false, refusal{list, m.Get("Message") + ". It needs write = system or reporting in manager.conf"}
	case response == "Error": // a module that is not there, or a right
	case response != "":
		p.told[list] = true
	default:
		p.entry(m, source.When(received))
	}
	return false, nil
}

// entry takes an entry of a list.
func (p *present) entry(m Message, at source.When) {
	switch m.Get("Event") {
	case "EndpointList":
		p.t.plan.learn(m)
	case "BridgeListItem":
		p.SetApart(m.Get("BridgeUniqueid"), isApart(m.Get("BridgeTechnology"), m.Get("BridgeCreator")))
	case "CoreShowChannel":
		p.channel(m, at)
	case "QueueMember":
		p.Apply(member(m, at))
	case "QueueEntry":
		wait := source.When(at.At().Add(-seconds(m.Get("Wait"))))
		p.Apply(source.QueueJoined{When: wait, Queue: m.Get("Queue"), Leg: m.Get("Uniqueid"), Position: number(m.Get("Position"))})
	case "ContactList":
		if f := contact(m, at); m.Get("Status") != "Removed" && !p.t.plan.trunk("PJSIP/"+f.Device+"-", "") {
			f.Port = cmp.Or(f.Port, number(m.Get("ViaPort")))
			if until, err := strconv.ParseInt(m.Get("ExpirationTime"), 10, 64); err == nil && until > 0 {
				left := max(0, until-at.At().Unix())
				f.Expires = &left
			}
			p.Apply(f)
		}
	case "PeerEntry":
		if ip := m.Get("IPaddress"); m.Get("Dynamic") == "yes" && ip != "-none-" && ip != "" {
			p.Apply(source.Registered{When: at, Device: m.Get("ObjectName"), IP: ip, Port: number(m.Get("IPport")), Status: "registered"})
		}
	case "VoicemailUserEntry":
		p.Apply(source.VoicemailCount{
			When: at, Mailbox: m.Get("VoiceMailbox"), Context: m.Get("VMContext"), New: number(m.Get("NewMessageCount")), Old: number(m.Get("OldMessageCount")),
		})
	case "ParkedCall":
		p.Apply(parking(m, at))
	}
}

// channel is a channel in the list. It may have come far since it began: the context is not
// its endpoint's any more, and whether Asterisk made it is told by what it does.
func (p *present) channel(m Message, at source.When) {
	id, channel := m.Get("Uniqueid"), m.Get("Channel")
	if p.Ended(id) {
		return
	}
	f := source.LegStarted{
		When: source.When(startOf(id, at.At().Add(-clock(m.Get("Duration"))))), Leg: id, Call: callOf(m), Device: endpointOf(channel), Channel: channel,
		Hidden: isHidden(channel), Caller: line(m, "CallerID"), Context: m.Get("Context"), AccountCode: m.Get("AccountCode"),
	}
	f.Trunk = !f.Hidden && p.t.plan.seenTrunk(channel, f.Context)
	state := m.Get("ChannelStateDesc")
	f.Ringing, f.Answered = state == "Ringing", state == "Up"
	f.Outbound = f.Ringing || state == "Down" || m.Get("ApplicationData") == "(Outgoing Line)"
	if !f.Outbound {
		f.Dialed = dialled(m.Get("Exten"))
		if f.Call == "" && !f.Hidden {
			f.Call = id // ARI does not tell, but this one is the first of its call
		}
	}
	l := &leg{channel: channel, call: f.Call, bridge: m.Get("BridgeId")}
	f.Vars, l.vars = variables(m, "")
	if p.t.legs[id] == nil {
		p.t.legs[id] = l
		p.t.pair(f)
	}
	p.Listed(f, l.bridge)
}

// fact is what there is. A list that Asterisk does not have is nil.
func (p *present) fact(at time.Time) source.Present {
	f := p.Present(at, source.Lists{
		Waiting: p.told["QueueStatus"], Agents: p.told["QueueStatus"], Devices: p.told["PJSIPShowContacts"] || p.told["SIPpeers"],
		Mailboxes: p.told["VoicemailUsersList"], Parked: p.told["ParkedCalls"],
	}, func(a, b string) int { return cmp.Or(sequence(a)-sequence(b), cmp.Compare(a, b)) })
	halves := map[string]string{}
	for i, l := range f.Legs {
		if name, half := halfOf(l.Channel); half {
			f.Legs[i].Twin = halves[name]
			halves[name] = l.Leg
		}
	}
	return f
}

// startOf is when a channel began, by its id: [system-]seconds.number. An id that somebody
// chose (Originate with ChannelId) tells nothing; then it is otherwise.
func startOf(id string, otherwise time.Time) time.Time {
	id = id[strings.LastIndexByte(id, '-')+1:]
	if at, ok := epoch(strings.Split(id, ".")[0]); ok && at.Year() >= 2000 {
		return at
	}
	return otherwise
}

// sequence is the number in a channel's id, which rises.
func sequence(id string) int { return number(id[strings.LastIndexByte(id, '.')+1:]) }

// clock reads a duration as hours:minutes:seconds.
func clock(s string) (d time.Duration) {
	for part := range strings.SplitSeq(s, ":") {
		d = d*60 + seconds(part)
	}
	return d
}
