package track

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// An agent is believed to stand in each queue as that said last. What is told is one
// status for all of them.
type agent struct {
	ID        string   `json:"id"` // the system's
	Name      string   `json:"name,omitzero"`
	Extension string   `json:"ext,omitzero"`
	Queues    []member `json:"queues,omitzero"`
	Status    string   `json:"told,omitzero"`
	Account   string   `json:"acct,omitzero"`
}

// A member of a queue is what it knows of an agent.
type member struct {
	Queue  string    `json:"q"`
	Status string    `json:"s"`
	At     time.Time `json:"at"`
}

func (a *agent) beliefID() string { return "agent/" + a.ID }

// ranks are the statuses of agents, of several the first one counts: who speaks to a caller
// of one queue is busy for all, and who pauses in one of two is still there for the other.
var ranks = []string{"busy", "ringing", "available", "away", "offline"} //nolint:gochecknoglobals // a constant, but for the language

func (a *agent) status() string {
	for _, s := range ranks {
		if slices.ContainsFunc(a.Queues, func(m member) bool { return m.Status == s }) {
			return s
		}
	}
	return "offline"
}

func (t *Tracker) agentStatus(f *source.AgentStatus) {
	if f.Agent.ID == "" {
		return
	}
	a := t.agents[f.Agent.ID]
	if a == nil {
		if f.Removed {
			return
		}
		a = &agent{ID: f.Agent.ID}
		t.agents[a.ID] = a
	}
	a.Name, a.Extension = cmp.Or(strings.ToValidUTF8(f.Agent.Name, "\uFFFD"), a.Name), cmp.Or(f.Agent.Extension, a.Extension)
	a.Account = cmp.Or(f.Account, a.Account)
	i := slices.IndexFunc(a.Queues, func(m member) bool { return m.Queue == f.Queue })
	switch {
	case i >= 0 && f.At().Before(a.Queues[i].At): // told late
		return
	case f.Removed && i >= 0:
		a.Queues = slices.Delete(a.Queues, i, i+1)
	case f.Removed || f.Status == "" || !slices.Contains(ranks, f.Status):
		return
	case i < 0:
		a.Queues = append(a.Queues, member{f.Queue, f.Status, f.At()})
	case a.Queues[i].Status == f.Status:
		return
	default:
		a.Queues[i].Status, a.Queues[i].At = f.Status, f.At()
	}
	t.agentChanged(a, f.Queue, f.At())
}

// agentChanged tells an agent's status if it is another one. Who is in no queue is
// forgotten.
func (t *Tracker) agentChanged(a *agent, queue string, at time.Time) {
	t.touch(a)
	if s := a.status(); s != a.Status {
		a.Status = s
		line := source.AgentLine{ID: a.ID, Name: a.Name, Extension: a.Extension}
		account := a.Account
		if account == "" {
			account = t.ownerOf("agent", a.ID, "agent", a.Extension, "extension", a.Extension, "queue", queue)
		}
		told := &switchhook.Agent{ID: t.agentID(account, line), Name: a.Name, Extension: a.Extension, Status: s}
		t.event(account, "agent.status_updated", at, &switchhook.Resources{Agent: told}, a.ID, s, stamp(at))
	}
	if len(a.Queues) == 0 {
		delete(t.agents, a.ID)
		t.forget(a)
	}
}

// agentsPresent takes a list of all agents in place of what was believed.
func (t *Tracker) agentsPresent(list []source.AgentStatus, at time.Time) {
	for i := range list {
		t.agentStatus(&list[i])
	}
	for _, id := range sortedKeys(t.agents) {
		a := t.agents[id]
		before := len(a.Queues)
		a.Queues = slices.DeleteFunc(a.Queues, func(m member) bool {
			return !slices.ContainsFunc(list, func(f source.AgentStatus) bool { return f.Agent.ID == id && f.Queue == m.Queue })
		})
		if len(a.Queues) != before {
			t.agentChanged(a, "", at)
		}
	}
}
