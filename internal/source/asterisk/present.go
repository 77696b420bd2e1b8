package asterisk

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// What there is, is asked for in several lists, between which things happen: Asterisk sends
// what happened before it made a list after it. So each list is kept up to date with the
// facts that come after it, and when all are there, and a Ping after them was answered, they
// are one Present. The facts themselves are told too, before it.

// A present is what there is, as far as it was listed.
type present struct {
	t    *translator
	told map[string]bool // the lists that Asterisk has; false: refused, or not over

	legs      map[string]source.LegStarted
	ended     map[string]bool   // legs whose end was told already: a list may still have them
	unsure    map[string]bool   // legs that only the list has
	bridges   map[string]string // by leg
	apart     map[string]bool   // bridges in which nobody simply talks
	waiting   map[string]source.QueueJoined
	agents    map[string]source.AgentStatus
	devices   map[string]source.Registered
	mailboxes map[string]source.VoicemailCount
	parked    map[string]source.Parking
}

func newPresent(t *translator) *present {
	return &present{
		t: t, told: map[string]bool{}, legs: map[string]source.LegStarted{}, ended: map[string]bool{}, unsure: map[string]bool{}, bridges: map[string]string{}, apart: map[string]bool{}, waiting: map[string]source.QueueJoined{},
		agents: map[string]source.AgentStatus{}, devices: map[string]source.Registered{}, mailboxes: map[string]source.VoicemailCount{}, parked: map[string]source.Parking{},
	}
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
		p.apart[m.Get("BridgeUniqueid")] = isApart(m.Get("BridgeTechnology"), m.Get("BridgeCreator"))
	case "CoreShowChannel":
		p.channel(m, at)
	case "QueueMember":
		p.apply(member(m, at))
	case "QueueEntry":
		wait := source.When(at.At().Add(-seconds(m.Get("Wait"))))
		p.apply(source.QueueJoined{When: wait, Queue: m.Get("Queue"), Leg: m.Get("Uniqueid"), Position: number(m.Get("Position"))})
	case "ContactList":
		if f := contact(m, at); m.Get("Status") != "Removed" && !p.t.plan.trunk("PJSIP/"+f.Device+"-", "") {
			f.Port = cmp.Or(f.Port, number(m.Get("ViaPort")))
			if until, err := strconv.ParseInt(m.Get("ExpirationTime"), 10, 64); err == nil && until > 0 {
				left := max(0, until-at.At().Unix())
				f.Expires = &left
			}
			p.apply(f)
		}
	case "PeerEntry":
		if ip := m.Get("IPaddress"); m.Get("Dynamic") == "yes" && ip != "-none-" && ip != "" {
			p.apply(source.Registered{When: at, Device: m.Get("ObjectName"), IP: ip, Port: number(m.Get("IPport")), Status: "registered"})
		}
	case "VoicemailUserEntry":
		p.apply(source.VoicemailCount{
			When: at, Mailbox: m.Get("VoiceMailbox"), Context: m.Get("VMContext"), New: number(m.Get("NewMessageCount")), Old: number(m.Get("OldMessageCount")),
		})
	case "ParkedCall":
		p.apply(parking(m, at))
	}
}

// channel is a channel in the list. It may have come far since it began: the context is not
// its endpoint's any more, and whether Asterisk made it is told by what it does.
func (p *present) channel(m Message, at source.When) {
	id, channel := m.Get("Uniqueid"), m.Get("Channel")
	if p.ended[id] {
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
	if _, started := p.legs[id]; !started {
		p.unsure[id] = true
	}
	p.legs[id] = f
	if l.bridge != "" {
		p.bridges[id] = l.bridge
	}
}

// apply keeps the lists up to date.
func (p *present) apply(fact source.Fact) {
	switch f := fact.(type) {
	case source.LegStarted:
		p.legs[f.Leg] = f
		delete(p.unsure, f.Leg)
	case source.LegRinging:
		if l, ok := p.legs[f.Leg]; ok {
			l.Ringing = !l.Answered
			p.legs[f.Leg] = l
		}
	case source.LegAnswered:
		if l, ok := p.legs[f.Leg]; ok {
			l.Ringing, l.Answered = false, true
			p.legs[f.Leg] = l
		}
	case source.Linked:
		if l, ok := p.legs[f.Leg]; ok {
			l.Call = f.Call
			p.legs[f.Leg] = l
		}
	case source.LegEnded:
		p.ended[f.Leg] = true
		delete(p.unsure, f.Leg)
		delete(p.legs, f.Leg)
		delete(p.bridges, f.Leg)
		delete(p.parked, f.Leg)
		maps.DeleteFunc(p.waiting, func(_ string, w source.QueueJoined) bool { return w.Leg == f.Leg })
	case source.BridgeEntered:
		p.bridges[f.Leg] = f.Bridge
		p.apart[f.Bridge] = f.Holding || f.Conference
	case source.BridgeLeft:
		if p.bridges[f.Leg] == f.Bridge {
			delete(p.bridges, f.Leg)
		}
	case source.QueueJoined:
		p.waiting[f.Queue+"\n"+f.Leg] = f
	case source.QueueLeft:
		delete(p.waiting, f.Queue+"\n"+f.Leg)
	case source.AgentStatus:
		p.agents[f.Queue+"\n"+f.Agent.ID] = f
		if f.Removed {
			delete(p.agents, f.Queue+"\n"+f.Agent.ID)
		}
	case source.Registered:
		switch f.Status {
		case "registered":
			p.devices[f.Device+"\n"+f.Contact] = f
		case "deregistered":
			delete(p.devices, f.Device+"\n"+f.Contact)
		}
	case source.VoicemailCount:
		p.mailboxes[f.Mailbox+"@"+f.Context] = f
	case source.Parking:
		p.parked[f.Leg] = f
		if f.Step != source.Parked {
			delete(p.parked, f.Leg)
		}
	}
}

// fact is what there is. A list that Asterisk does not have is nil.
func (p *present) fact(at time.Time) source.Present {
	f := source.Present{When: source.When(at), Bridges: map[string][]string{}, Legs: slices.Collect(maps.Values(p.legs))}
	slices.SortFunc(f.Legs, func(a, b source.LegStarted) int {
		return cmp.Or(a.At().Compare(b.At()), sequence(a.Leg)-sequence(b.Leg), cmp.Compare(a.Leg, b.Leg))
	})
	halves := map[string]string{}
	for i, l := range f.Legs {
		if b := p.bridges[l.Leg]; b != "" && !p.apart[b] {
			f.Bridges[b] = append(f.Bridges[b], l.Leg)
		}
		if name, half := halfOf(l.Channel); half {
			f.Legs[i].Twin = halves[name]
			halves[name] = l.Leg
		}
	}
	f.Waiting = listed(p.told["QueueStatus"], p.waiting)
	f.Agents = listed(p.told["QueueStatus"], p.agents)
	f.Devices = listed(p.told["PJSIPShowContacts"] || p.told["SIPpeers"], p.devices)
	f.Mailboxes = listed(p.told["VoicemailUsersList"], p.mailboxes)
	f.ParkedLegs = listed(p.told["ParkedCalls"], p.parked)
	return f
}

// listed is a list in the order of its keys, nil if it was not told.
func listed[T any](told bool, all map[string]T) []T {
	if !told {
		return nil
	}
	list := make([]T, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[key])
	}
	return list
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
