package kazoobus

import (
	"strconv"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// queueCall translates what Kazoo's call centre (ACDC) counts of a caller in a queue. There
// is no webhook of Kazoo's for it.
func (t *translator) queueCall(m *Message) ([]source.Fact, error) {
	queue, leg := m.text("Queue-ID"), m.text("Call-ID")
	if queue == "" || leg == "" {
		return nil, switchhook.InvalidField("Call-ID", "is required, and Queue-ID: who waits, and where")
	}
	agent := source.AgentLine{ID: m.text("Agent-ID")}
	switch m.Name {
	case "waiting":
		f := source.QueueJoined{When: m.at("Entered-Timestamp"), Queue: queue, Leg: leg, Position: max(0, number(m.text("Entered-Position")))}
		if priority, err := strconv.Atoi(m.text("Caller-Priority")); err == nil {
			f.Priority = &priority
		}
		return []source.Fact{t.caller(m, leg), f}, nil
	case "missed":
		return []source.Fact{source.AgentMissed{When: m.at("Miss-Timestamp"), Queue: queue, Leg: leg, Agent: agent}}, nil
	case "handled":
		return []source.Fact{source.AgentConnected{When: m.at("Handled-Timestamp"), Queue: queue, Leg: leg, Agent: agent}}, nil
	case "abandoned":
		// member_hangup, or why the queue has put them out: member_timeout, member_exit…
		reason := m.text("Abandon-Reason")
		gaveUp := reason == "" || strings.Contains(strings.ToLower(reason), "hangup")
		return []source.Fact{source.QueueAbandoned{When: m.at("Abandon-Timestamp"), Queue: queue, Leg: leg, GaveUp: gaveUp}}, nil
	case "processed":
		return []source.Fact{source.QueueCompleted{
			When: m.at("Processed-Timestamp"), Queue: queue, Leg: leg, Agent: agent, Reason: m.text("Hung-Up-By"),
		}}, nil
	}
	return nil, nil // flush, and what else is the counters' own
}

// caller tells of a waiting caller's leg, of which we may not have heard: they can have
// called before we came.
func (t *translator) caller(m *Message, leg string) source.Fact {
	return source.LegStarted{
		When: m.at("Entered-Timestamp"), Leg: leg, Call: leg, SIPCallID: leg, Trunk: true, Account: t.account(m), AccountLater: true,
		Caller: source.Line{Number: m.text("Caller-ID-Number"), Name: m.text("Caller-ID-Name")},
	}
}

// statuses are those of ACDC's agents, in our words. Who is about to log out is still on a
// call.
var statuses = map[string]string{ //nolint:gochecknoglobals // a constant, but for the language
	"ready": "available", "logged_in": "available", "logged_out": "offline", "connecting": "ringing",
	"connected": "busy", "outbound": "busy", "inbound": "busy", "wrapup": "away", "paused": "away",
}

// agentStatus translates how an agent stands, for all queues. One who is connected with a
// caller rings for them first.
func (t *translator) agentStatus(m *Message) ([]source.Fact, error) {
	agent := source.AgentLine{ID: m.text("Agent-ID")}
	if agent.ID == "" {
		return nil, switchhook.InvalidField("Agent-ID", "is required: the agent's id")
	}
	status := statuses[m.Name]
	if status == "" {
		return nil, nil
	}
	facts := []source.Fact{source.AgentStatus{When: m.at(), Account: t.account(m), Agent: agent, Status: status, Reason: m.text("Pause-Alias")}}
	if leg := m.text("Call-ID"); m.Name == "connecting" && leg != "" {
		facts = append(facts, source.AgentCalled{ // few versions of ACDC tell the queue
			When: m.at(), Queue: m.text("Queue-ID"), Leg: leg, Agent: agent, AgentLeg: agent.ID + "." + m.text("Timestamp"), // which leg it is, is not told
		})
	}
	return facts, nil
}
