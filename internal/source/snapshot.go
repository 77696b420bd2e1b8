package source

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A Snapshot becomes a Present: what a system has, put together of the lists that it gives one
// after the other, while things happen. It sends what happened before it made a list after it,
// or makes lists that are behind. So the lists are kept up to date with all facts since the
// connection began.
type Snapshot struct {
	legs      map[string]LegStarted
	ended     map[string]bool   // legs whose end was told already: a list may still have them
	unsure    map[string]bool   // legs that only a list has
	bridges   map[string]string // by leg
	apart     map[string]bool   // bridges in which nobody simply talks
	waiting   map[string]QueueJoined
	agents    map[string]AgentStatus
	devices   map[string]Registered
	mailboxes map[string]VoicemailCount
	parked    map[string]Parking
}

// NewSnapshot returns an empty one.
func NewSnapshot() *Snapshot {
	return &Snapshot{
		legs: map[string]LegStarted{}, ended: map[string]bool{}, unsure: map[string]bool{}, bridges: map[string]string{}, apart: map[string]bool{},
		waiting: map[string]QueueJoined{}, agents: map[string]AgentStatus{}, devices: map[string]Registered{},
		mailboxes: map[string]VoicemailCount{}, parked: map[string]Parking{},
	}
}

// Listed takes a leg of a list, and the bridge that it is in, if it is in one.
func (s *Snapshot) Listed(f LegStarted, bridge string) {
	if _, told := s.legs[f.Leg]; !told {
		s.unsure[f.Leg] = true
	}
	s.legs[f.Leg] = f
	if bridge != "" {
		s.bridges[f.Leg] = bridge
	}
}

// Ended reports whether the end of a leg was told.
func (s *Snapshot) Ended(leg string) bool { return s.ended[leg] }

// Unsure are the legs that nobody but a list has told: if their end came before all else,
// they will have none. So there is to be a second look at them.
func (s *Snapshot) Unsure() map[string]bool { return s.unsure }

// SetApart says whether the legs in a bridge simply talk, or are in a room or a lot.
func (s *Snapshot) SetApart(bridge string, apart bool) { s.apart[bridge] = apart }

// Apply takes a fact: something that happens, or what a list says of all but legs.
func (s *Snapshot) Apply(fact Fact) {
	switch f := fact.(type) {
	case LegStarted:
		s.legs[f.Leg] = f
		delete(s.unsure, f.Leg)
	case LegRinging:
		s.change(f.Leg, func(l *LegStarted) { l.Ringing = !l.Answered })
	case LegAnswered:
		s.change(f.Leg, func(l *LegStarted) { l.Ringing, l.Answered = false, true })
	case Linked:
		s.change(f.Leg, func(l *LegStarted) { l.Call = f.Call })
	case LegEnded:
		s.ended[f.Leg] = true
		delete(s.unsure, f.Leg)
		delete(s.legs, f.Leg)
		delete(s.bridges, f.Leg)
		delete(s.parked, f.Leg)
		maps.DeleteFunc(s.waiting, func(_ string, w QueueJoined) bool { return w.Leg == f.Leg })
	case BridgeEntered:
		s.bridges[f.Leg] = f.Bridge
		s.apart[f.Bridge] = f.Holding || f.Conference
	case BridgeLeft:
		if s.bridges[f.Leg] == f.Bridge {
			delete(s.bridges, f.Leg)
		}
	default:
		s.applyService(fact)
	}
}

func (s *Snapshot) change(leg string, how func(*LegStarted)) {
	if l, ok := s.legs[leg]; ok {
		how(&l)
		s.legs[leg] = l
	}
}

func (s *Snapshot) applyService(fact Fact) {
	switch f := fact.(type) {
	case QueueJoined:
		s.waiting[f.Queue+"\n"+f.Leg] = f
	case QueueLeft:
		delete(s.waiting, f.Queue+"\n"+f.Leg)
	case QueueAbandoned:
		delete(s.waiting, f.Queue+"\n"+f.Leg)
	case AgentConnected:
		delete(s.waiting, f.Queue+"\n"+f.Leg)
	case AgentStatus:
		s.agents[f.Queue+"\n"+f.Agent.ID] = f
		if f.Removed {
			delete(s.agents, f.Queue+"\n"+f.Agent.ID)
		}
	case Registered:
		switch key := f.Device + "\n" + f.Domain + "\n" + f.Contact; f.Status {
		case "registered":
			s.devices[key] = f
		case "deregistered":
			delete(s.devices, key)
		}
	case VoicemailCount:
		s.mailboxes[f.Mailbox+"@"+f.Context] = f
	case Parking:
		s.parked[f.Leg] = f
		if f.Step != Parked {
			delete(s.parked, f.Leg)
		}
	}
}

// Lists says which lists a system has, beside that of its legs.
type Lists struct{ Waiting, Agents, Devices, Mailboxes, Parked bool }

// Present is what there is. A list that the system does not have is nil. order compares two
// legs that began at the same time.
func (s *Snapshot) Present(at time.Time, has Lists, order func(a, b string) int) Present {
	f := Present{When: When(at), Bridges: map[string][]string{}, Legs: slices.Collect(maps.Values(s.legs))}
	slices.SortFunc(f.Legs, func(a, b LegStarted) int { return cmp.Or(a.At().Compare(b.At()), order(a.Leg, b.Leg)) })
	for _, l := range f.Legs {
		if b := s.bridges[l.Leg]; b != "" && !s.apart[b] {
			f.Bridges[b] = append(f.Bridges[b], l.Leg)
		}
	}
	f.Waiting, f.Agents = listed(has.Waiting, s.waiting), listed(has.Agents, s.agents)
	f.Devices, f.Mailboxes = listed(has.Devices, s.devices), listed(has.Mailboxes, s.mailboxes)
	f.ParkedLegs = listed(has.Parked, s.parked)
	return f
}

// listed is a list in the order of its keys, nil if there is none.
func listed[T any](has bool, all map[string]T) []T {
	if !has {
		return nil
	}
	list := make([]T, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[key])
	}
	return list
}
