package asterisk

import (
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

func (t *translator) queueCallerJoin(m Message, at source.When) source.Fact {
	return source.QueueJoined{When: at, Queue: m.Get("Queue"), Leg: m.Get("Uniqueid"), Position: number(m.Get("Position"))}
}

// queueCallerLeave comes before AgentConnect and after QueueCallerAbandon.
func (t *translator) queueCallerLeave(m Message, at source.When) source.Fact {
	return source.QueueLeft{When: at, Queue: m.Get("Queue"), Leg: m.Get("Uniqueid")}
}

// queueCallerAbandon comes for all whom nobody served, also for those whom the queue put out.
// Who gave up, or whose channel Asterisk was ending, is known by the hangup request before it.
func (t *translator) queueCallerAbandon(m Message, at source.When) source.Fact {
	f := source.QueueAbandoned{
		When: at, Queue: m.Get("Queue"), Leg: m.Get("Uniqueid"), Position: number(m.Get("Position")), Waited: seconds(m.Get("HoldTime")),
	}
	if l := t.legs[f.Leg]; l != nil {
		f.GaveUp = l.dismissed || l.by == l.channel
	}
	return f
}

func (t *translator) agentCalled(m Message, at source.When) source.Fact {
	return source.AgentCalled{When: at, Queue: m.Get("Queue"), Leg: m.Get("Uniqueid"), AgentLeg: m.Get("DestUniqueid"), Agent: agent(m)}
}

func (t *translator) agentRingNoAnswer(m Message, at source.When) source.Fact {
	return source.AgentMissed{
		When: at, Queue: m.Get("Queue"), Leg: m.Get("Uniqueid"), AgentLeg: m.Get("DestUniqueid"), Agent: agent(m),
		Rang: time.Duration(number(m.Get("RingTime"))) * time.Millisecond, // here alone not in seconds
	}
}

func (t *translator) agentConnect(m Message, at source.When) source.Fact {
	f := source.AgentConnected{
		When: at, Queue: m.Get("Queue"), Leg: m.Get("Uniqueid"), AgentLeg: m.Get("DestUniqueid"), Agent: agent(m),
		Waited: seconds(m.Get("HoldTime")), Rang: seconds(m.Get("RingTime")),
	}
	t.served[f.Queue+"\n"+f.Agent.ID] = served{f.Leg, f.AgentLeg}
	return f
}

// agentComplete has no channels if they are gone by then; then they are those that the
// agent was connected with.
func (t *translator) agentComplete(m Message, at source.When) source.Fact {
	f := source.QueueCompleted{
		When: at, Queue: m.Get("Queue"), Leg: m.Get("Uniqueid"), AgentLeg: m.Get("DestUniqueid"), Agent: agent(m),
		Reason: m.Get("Reason"), Waited: seconds(m.Get("HoldTime")), Talked: seconds(m.Get("TalkTime")),
	}
	key := f.Queue + "\n" + f.Agent.ID
	if s := t.served[key]; f.Leg == "" {
		f.Leg, f.AgentLeg = s.leg, s.agentLeg
	}
	if t.served[key].leg == f.Leg {
		delete(t.served, key)
	}
	return f
}

// queueMember: an event of a member of a queue, whatever changed.
func (t *translator) queueMember(m Message, at source.When) source.Fact {
	return member(m, at)
}

func member(m Message, at source.When) source.AgentStatus {
	f := source.AgentStatus{When: at, Queue: m.Get("Queue"), Agent: agent(m), Status: deviceState(m.Get("Status"))}
	switch {
	case m.Get("Event") == "QueueMemberRemoved":
		f.Removed, f.Status = true, "offline"
	case m.Get("Paused") == "1":
		f.Reason = m.Get("PausedReason")
		if f.Status == "available" {
			f.Status = "away"
		}
	}
	f.Added = m.Get("Event") == "QueueMemberAdded"
	return f
}

// deviceState is an agent's status by the state of their telephone (include/asterisk/
// devicestate.h). app_queue calls those whose state is not known, and so they are available.
func deviceState(code string) string {
	switch number(code) {
	case 0, 1: // unknown, not in use
		return "available"
	case 6:
		return "ringing"
	case 4, 5: // invalid, unavailable
		return "offline"
	default: // in use, busy, ringing and in use, on hold
		return "busy"
	}
}

// agent is a member of a queue. Lists call the interface Location.
func agent(m Message) source.AgentLine {
	a := source.AgentLine{ID: m.Get("Interface"), Name: m.Get("MemberName")}
	if a.ID == "" {
		a.ID, a.Name = m.Get("Location"), m.Get("Name")
	}
	a.Extension = extensionOf(a.ID)
	if state := m.Get("StateInterface"); !isNumber(a.Extension) && isNumber(extensionOf(state)) {
		a.Extension = extensionOf(state)
	}
	if a.Name == a.ID {
		a.Name = ""
	}
	return a
}

// agentLogin: an agent of the application AgentLogin.
func (t *translator) agentLogin(m Message, at source.When) source.Fact {
	f := source.AgentStatus{When: at, Agent: source.AgentLine{ID: "Agent/" + m.Get("Agent"), Extension: m.Get("Agent")}, Status: "available"}
	if m.Get("Event") == "AgentLogoff" {
		f.Status = "offline"
	}
	return f
}
