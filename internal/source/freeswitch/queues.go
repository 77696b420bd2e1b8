package freeswitch

import (
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// An agent of mod_callcenter has a status, which they set, and a state, which says what they
// do at the moment. Each event tells one of them.
type agent struct{ status, state string }

// callcenter: a caller is known by their channel, which is CC-Member-Session-UUID.
func (t *translator) callcenter(m Message, at source.When) []source.Fact {
	queue, caller, agent := m["CC-Queue"], m["CC-Member-Session-UUID"], agentLine(m["CC-Agent"])
	switch m["CC-Action"] {
	case "member-queue-start":
		return append(t.tenant(caller, domainOf(queue)), source.QueueJoined{When: at, Queue: queue, Leg: caller})
	case "agent-offering":
		// A telephone that is called has a leg, which is told as it begins. An agent who
		// waits on the line does not get another one.
		if m["CC-Agent-Type"] == "uuid-standby" {
			return []source.Fact{source.AgentCalled{When: at, Queue: queue, Leg: caller, Agent: agent}}
		}
	case "bridge-agent-start":
		return []source.Fact{source.AgentConnected{
			When: at, Queue: queue, Leg: caller, AgentLeg: m["CC-Agent-UUID"], Agent: agent,
			Waited: epochs(m["CC-Member-Joined-Time"], m["CC-Agent-Answered-Time"]), Rang: epochs(m["CC-Agent-Called-Time"], m["CC-Agent-Answered-Time"]),
		}}
	case "bridge-agent-fail":
		return []source.Fact{source.AgentMissed{
			When: at, Queue: queue, Leg: caller, Agent: agent, Rang: epochs(m["CC-Agent-Called-Time"], m["CC-Agent-Aborted-Time"]),
		}}
	case "member-queue-end":
		return queueEnd(m, queue, caller, at)
	case "agent-status-change":
		return t.agentIs(m["CC-Agent"], m["CC-Agent-Status"], "", at)
	case "agent-state-change":
		return t.agentIs(m["CC-Agent"], "", m["CC-Agent-State"], at)
	}
	return nil
}

// queueEnd comes when somebody has spoken with the caller, after the end of the call, or when
// nobody did. BREAK_OUT is that the caller hung up, or that the switch took them out.
func queueEnd(m Message, queue, caller string, at source.When) []source.Fact {
	joined, left := m["CC-Member-Joined-Time"], m["CC-Member-Leaving-Time"]
	if m["CC-Cause"] == "Terminated" {
		return []source.Fact{source.QueueCompleted{
			When: at, Queue: queue, Leg: caller, AgentLeg: m["CC-Agent-UUID"], Agent: agentLine(m["CC-Agent"]),
			Waited: epochs(joined, m["CC-Agent-Answered-Time"]), Talked: epochs(m["CC-Agent-Answered-Time"], left),
		}}
	}
	return []source.Fact{source.QueueAbandoned{
		When: at, Queue: queue, Leg: caller, Waited: epochs(joined, left),
		GaveUp: m["CC-Cancel-Reason"] == "BREAK_OUT" && m["Answer-State"] == "hangup",
	}}
}

// agentIs tells how an agent stands, who is in all queues the same.
func (t *translator) agentIs(name, status, state string, at source.When) []source.Fact {
	if name == "" {
		return nil
	}
	a := t.agents[name]
	if a == nil {
		a = &agent{}
		t.agents[name] = a
	}
	if status != "" {
		a.status = status
	}
	if state != "" {
		a.state = state
	}
	return []source.Fact{source.AgentStatus{When: at, Agent: agentLine(name), Status: a.stands(), Reason: a.reason()}}
}

// stands is our word. What an agent does goes before what they set: whoever goes on a break
// in a call is busy until its end. Idle is the state of one who did not answer too often.
func (a *agent) stands() string {
	switch {
	case a.state == "In a queue call":
		return "busy"
	case a.state == "Receiving":
		return "ringing"
	case a.status == "Logged Out":
		return "offline"
	case a.status == "On Break", a.state == "Idle":
		return "away"
	}
	return "available"
}

func (a *agent) reason() string {
	if a.stands() == "away" {
		return a.status
	}
	return ""
}

// agentLine is an agent by name, which is extension@domain for most.
func agentLine(name string) source.AgentLine {
	user, _, _ := strings.Cut(name, "@")
	a := source.AgentLine{ID: name}
	if isNumber(user) {
		a.Extension = user
	}
	return a
}

// fifo is the simpler queue. What is told of a consumer is of their leg; a caller is known by
// theirs.
func (t *translator) fifo(m Message, at source.When) []source.Fact {
	queue, leg := m["FIFO-Name"], m["Unique-ID"]
	switch m["FIFO-Action"] {
	case "push":
		return append(t.tenant(leg, domainOf(queue)), source.QueueJoined{When: at, Queue: queue, Leg: leg})
	case "bridge-caller-start":
		f := source.AgentConnected{When: at, Queue: queue, Leg: leg, AgentLeg: m["Other-Leg-Unique-ID"]}
		if l := t.legs[leg]; l != nil && f.AgentLeg == "" {
			f.AgentLeg = l.peer
		}
		if l := t.legs[f.AgentLeg]; l != nil {
			f.Agent = agentLine(userOf(l.channel))
		}
		return []source.Fact{f}
	case "bridge-caller-stop":
		talked := time.Duration(number(m["FIFO-Caller-Talk-Time-s"])) * time.Second
		return []source.Fact{source.QueueCompleted{When: at, Queue: queue, Leg: leg, Talked: talked}}
	case "abort":
		return []source.Fact{source.QueueAbandoned{When: at, Queue: queue, Leg: leg, GaveUp: m["Answer-State"] == "hangup"}}
	}
	return nil
}
