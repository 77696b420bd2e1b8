package track

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A queueCall is one stay of a leg in a queue. It is in its call until it is done.
type queueCall struct {
	ID     string    `json:"id"`
	Queue  string    `json:"q"` // the system's name
	Leg    string    `json:"leg"`
	Joined time.Time `json:"at"`
	Called []called  `json:"called,omitzero"` // who rings, or rang
	// Left is since when the caller waits no longer, while it is open whether an agent has
	// them, they gave up, or the queue has put them out.
	Left     time.Time `json:"left,omitzero"`
	Position int       `json:"pos,omitzero"` // when they left
	Answered bool      `json:"ans,omitzero"` // somebody whom the queue rang has answered
	// Agent and AgentLeg serve the caller.
	Agent    string    `json:"agent,omitzero"`
	AgentLeg string    `json:"agleg,omitzero"`
	Served   time.Time `json:"served,omitzero"`
}

// A called agent.
type called struct {
	Leg   string `json:"leg"`
	Agent string `json:"agent"`
}

// mostCalled is how many agents of a stay are remembered who rang.
const mostCalled = 50

// waits reports whether nobody serves the caller yet.
func (q *queueCall) waits() bool { return q.Served.IsZero() }

// inQueue finds a leg's stay in a queue that is not done. Of no queue: where it waits.
func (t *Tracker) inQueue(queue, leg string, at source.When) (*call, *queueCall) {
	c := t.callOf(leg)
	if c == nil || !c.Ended.IsZero() {
		return nil, nil
	}
	c.hear(at.At())
	for _, q := range c.Queues {
		if q.Leg == leg && (q.Queue == queue || queue == "" && q.waits()) {
			return c, q
		}
	}
	return c, nil
}

// tellQueue adds an event of a stay in a queue.
func (t *Tracker) tellQueue(c *call, q *queueCall, what string, at time.Time, more switchhook.QueueCall, name ...string) {
	more.ID, more.QueueID = q.ID, t.recordID(c.Account, "queue", q.Queue)
	more.ReferenceType, more.ReferenceID = "call", q.Leg
	t.tell(c, "queuecall."+what, at, &switchhook.Resources{
		QueueCall: &more, Queue: &switchhook.Queue{ID: more.QueueID},
	}, append(name, q.ID)...)
	t.touch(c)
}

func (t *Tracker) queueJoined(f source.QueueJoined) {
	l := t.live(f.Leg, f.When)
	if l == nil || l.Hidden {
		return
	}
	t.leaveQueues(l, f.At())
	c := l.call
	if _, q := t.inQueue(f.Queue, f.Leg, f.When); q != nil {
		return
	}
	c.Queued++
	t.announce(c)
	q := &queueCall{ID: l.ID + "." + f.Queue, Queue: f.Queue, Leg: l.ID, Joined: f.At()}
	if c.Queued > 1 {
		q.ID += "." + strconv.Itoa(c.Queued)
	}
	c.Queues = append(c.Queues, q)
	more := switchhook.QueueCall{}
	if f.Position > 0 {
		position := int64(f.Position)
		more.Position = &position
	}
	if f.Priority != nil {
		priority := int64(*f.Priority)
		more.Priority = &priority
	}
	t.tellQueue(c, q, "created", f.At(), more)
}

func (t *Tracker) agentCalled(f source.AgentCalled) {
	c, q := t.inQueue(f.Queue, f.Leg, f.When)
	if q == nil || !q.waits() || slices.ContainsFunc(q.Called, func(o called) bool { return o.Leg == f.AgentLeg }) {
		return
	}
	agent := t.agentID(c.Account, f.Agent)
	q.Called = append(q.Called, called{f.AgentLeg, agent})
	q.Called = q.Called[max(0, len(q.Called)-mostCalled):]
	t.tellQueue(c, q, "connecting", f.At(), switchhook.QueueCall{AgentID: agent}, f.AgentLeg)
}

func (t *Tracker) agentConnected(f source.AgentConnected) {
	c, q := t.inQueue(f.Queue, f.Leg, f.When)
	if q == nil || !q.waits() {
		return
	}
	if l := t.live(f.AgentLeg, f.When); l != nil && !l.Hidden {
		t.answer(l, f.At())
	}
	t.serve(c, q, t.agentID(c.Account, f.Agent), f.AgentLeg, f.At())
}

// serve tells that an agent speaks with the caller.
func (t *Tracker) serve(c *call, q *queueCall, agent, agentLeg string, at time.Time) {
	q.Agent, q.AgentLeg, q.Left, q.Called = agent, agentLeg, time.Time{}, nil
	if l := t.legs[agentLeg]; l == nil || l.Hidden {
		q.AgentLeg = t.behind(c, l)
	}
	c.Human = true
	at = c.moment(at)
	q.Served = at
	t.tellQueue(c, q, "serviced", at, switchhook.QueueCall{AgentID: agent, WaitMS: milliseconds(at.Sub(q.Joined))})
}

// behind is the phone that was reached through a hidden leg: the one that was answered last.
func (t *Tracker) behind(c *call, hidden *leg) string {
	if hidden == nil {
		return ""
	}
	for _, l := range slices.Backward(c.Legs) {
		if l.phone() && l.Phase == answered {
			return l.ID
		}
	}
	return hidden.ID
}

func (t *Tracker) queueAbandoned(f source.QueueAbandoned) {
	c, q := t.inQueue(f.Queue, f.Leg, f.When)
	if q == nil || !q.waits() {
		return
	}
	q.Left, q.Position = f.At(), f.Position
	t.touch(c)
	if f.GaveUp {
		t.abandon(c, q)
	}
}

// abandon tells that the caller gave up.
func (t *Tracker) abandon(c *call, q *queueCall) {
	c.Abandoned = true
	more := switchhook.QueueCall{AbandonReason: "caller_hangup", WaitMS: milliseconds(q.Left.Sub(q.Joined))}
	if q.Position > 0 {
		p := int64(q.Position)
		more.Position = &p
	}
	t.leave(c, q)
	t.tellQueue(c, q, "abandoned", q.Left, more)
}

// leave takes a stay that is over out of its call.
func (t *Tracker) leave(c *call, q *queueCall) {
	c.Queues = slices.DeleteFunc(c.Queues, func(o *queueCall) bool { return o == q })
	t.touch(c)
}

// queueLeft is told before an agent is connected as well as when the caller gave up or was
// put out.
func (t *Tracker) queueLeft(f source.QueueLeft) {
	if c, q := t.inQueue(f.Queue, f.Leg, f.When); q != nil && q.waits() && q.Left.IsZero() {
		q.Left = f.At()
		t.touch(c)
	}
}

// leaveQueues decides what became of a leg in queues that it has left, as it goes on.
func (t *Tracker) leaveQueues(l *leg, at time.Time) {
	for _, q := range slices.Clone(l.call.Queues) {
		if q.Leg == l.ID {
			t.leaveQueue(l.call, q, at)
		}
	}
}

// leaveQueue: a caller who left a queue goes on. Either somebody has answered, or the queue
// has put them out: waiting took too long, nobody was there to answer, or they pressed a key.
func (t *Tracker) leaveQueue(c *call, q *queueCall, at time.Time) {
	switch {
	case q.Left.IsZero() || !q.waits():
	case q.Answered:
		var who called
		for _, o := range q.Called {
			if l := t.legs[o.Leg]; l != nil && l.Phase == answered {
				who = o
			}
		}
		t.serve(c, q, who.Agent, who.Leg, at)
	default:
		t.leave(c, q)
		t.tellQueue(c, q, "kicked", at, switchhook.QueueCall{WaitMS: milliseconds(q.Left.Sub(q.Joined)), EndedAt: q.Left})
	}
}

// queueCompleted: it comes after the legs' ends, which have told it already, or without
// them, when a call was transferred.
func (t *Tracker) queueCompleted(f source.QueueCompleted) {
	if f.Leg != "" {
		if c, q := t.inQueue(f.Queue, f.Leg, f.When); q != nil && !q.waits() {
			t.complete(c, q, f.At())
		}
		return
	}
	for _, key := range sortedKeys(t.all) {
		c := t.all[key]
		for _, q := range slices.Clone(c.Queues) {
			if q.Queue == f.Queue && !q.waits() && q.Agent == t.agentID(c.Account, f.Agent) {
				t.complete(c, q, f.At())
			}
		}
	}
}

func (t *Tracker) complete(c *call, q *queueCall, at time.Time) {
	at = c.moment(at)
	t.leave(c, q)
	t.tellQueue(c, q, "done", at, switchhook.QueueCall{AgentID: q.Agent, ServiceMS: milliseconds(at.Sub(q.Served))})
}

// endQueues ends what a leg that is gone was in: as a caller or as an agent. A caller who
// still waited has given up; one who had left the queue was put out of it, and went on to
// something else before they or the switch hung up.
func (t *Tracker) endQueues(l *leg) {
	c, e := l.call, l.End
	for _, q := range slices.Clone(c.Queues) {
		switch waits := q.waits(); {
		case !waits && (q.Leg == l.ID || q.AgentLeg == l.ID):
			t.complete(c, q, e.At)
		case !waits || q.Leg != l.ID:
		case q.Answered:
			q.Left = e.At
			t.leaveQueue(c, q, e.At)
			t.complete(c, q, e.At)
		case !q.Left.IsZero() && !e.unknown():
			t.leaveQueue(c, q, e.At)
		default:
			if q.Left.IsZero() {
				q.Left = e.At
			}
			t.abandon(c, q)
		}
	}
}

// agentID is the id of an agent's record, else what the system calls the agent.
func (t *Tracker) agentID(account string, a source.AgentLine) string {
	return cmp.Or(t.recordID(account, "agent", a.ID, a.Extension, a.Name), a.Extension, a.Name)
}
