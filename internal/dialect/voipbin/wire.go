package voipbin

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// The structs below are the bodies: members in VoIPBin's order. Ids are UUIDs,
// tm_* are never or a time as stamp writes it.

type envelope struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

type address struct {
	Type       string `json:"type"` // agent, endpoint, sip or tel
	Target     string `json:"target"`
	TargetName string `json:"target_name"`
	Name       string `json:"name"`
	Detail     string `json:"detail"`
}

type action struct {
	ID        string          `json:"id"`
	NextID    string          `json:"next_id"`
	Type      string          `json:"type"`
	Option    json.RawMessage `json:"option,omitempty"`
	TMExecute string          `json:"tm_execute,omitempty"` // nanoseconds, trailing zeros trimmed
}

type call struct {
	ID             string   `json:"id"`
	FlowID         string   `json:"flow_id"`
	Type           string   `json:"type"` // flow, conference or sip-service
	MasterCallID   string   `json:"master_call_id"`
	ChainedCallIDs []string `json:"chained_call_ids"`
	RecordingID    string   `json:"recording_id"`
	RecordingIDs   []string `json:"recording_ids"`
	Source         address  `json:"source"`
	Destination    address  `json:"destination"`
	Status         string   `json:"status"` // dialing, ringing, progressing, terminating, canceling or hangup
	Action         action   `json:"action"`
	Direction      string   `json:"direction"`     // incoming or outgoing
	HangupBy       string   `json:"hangup_by"`     // remote or local
	HangupReason   string   `json:"hangup_reason"` // normal, failed, busy, cancel, timeout, noanswer, dialout or amd
	TMCreate       string   `json:"tm_create"`
	TMUpdate       string   `json:"tm_update"`
	TMProgressing  string   `json:"tm_progressing"`
	TMRinging      string   `json:"tm_ringing"`
	TMHangup       string   `json:"tm_hangup"`
}

type activeflow struct {
	ID              string   `json:"id"`
	FlowID          string   `json:"flow_id"`
	CustomerID      string   `json:"customer_id"` // always the nil UUID: VoIPBin's converter forgot it
	ReferenceType   string   `json:"reference_type"`
	ReferenceID     string   `json:"reference_id"`
	CurrentAction   action   `json:"current_action"`
	ForwardActionID string   `json:"forward_action_id"`
	Actions         []action `json:"actions"`
	TMCreate        string   `json:"tm_create"`
	TMUpdate        string   `json:"tm_update"`
	TMDelete        string   `json:"tm_delete"`
}

type queue struct {
	ID                   string   `json:"id"`
	Name                 string   `json:"name"`
	Detail               string   `json:"detail"`
	RoutingMethod        string   `json:"routing_method"` // random
	TagIDs               []string `json:"tag_ids"`
	WaitActions          []action `json:"wait_actions"`
	WaitTimeout          int64    `json:"wait_timeout"`    // milliseconds
	ServiceTimeout       int64    `json:"service_timeout"` // milliseconds
	WaitQueueCallIDs     []string `json:"wait_queue_call_ids"`
	ServiceQueueCallIDs  []string `json:"service_queue_call_ids"`
	TotalIncomingCount   int64    `json:"total_incoming_count"`
	TotalServicedCount   int64    `json:"total_serviced_count"`
	TotalAbandonedCount  int64    `json:"total_abandoned_count"`
	TotalWaittime        int64    `json:"total_waittime"`         // milliseconds
	TotalServiceDuration int64    `json:"total_service_duration"` // milliseconds
	TMCreate             string   `json:"tm_create"`
	TMUpdate             string   `json:"tm_update"`
	TMDelete             string   `json:"tm_delete"`
}

type queuecall struct {
	ID             string `json:"id"`
	ReferenceType  string `json:"reference_type"` // call
	ReferenceID    string `json:"reference_id"`
	Status         string `json:"status"` // wait, entering, kicking, service, done or abandoned
	ServiceAgentID string `json:"service_agent_id"`
	TMCreate       string `json:"tm_create"`
	TMService      string `json:"tm_service"`
	TMUpdate       string `json:"tm_update"`
	TMDelete       string `json:"tm_delete"`
}

type agent struct {
	ID         string    `json:"id"`
	Username   string    `json:"username"`
	Name       string    `json:"name"`
	Detail     string    `json:"detail"`
	RingMethod string    `json:"ring_method"` // ringall or linear
	Status     string    `json:"status"`      // available, away, busy, offline or ringing
	Permission uint64    `json:"permission"`
	TagIDs     []string  `json:"tag_ids"`
	Addresses  []address `json:"addresses"`
	TMCreate   string    `json:"tm_create"`
	TMUpdate   string    `json:"tm_update"`
	TMDelete   string    `json:"tm_delete"`
}

// A maker makes VoIPBin's resources of one account's; the account is what ids
// that are no UUIDs are derived from.
type maker struct {
	env     *dialect.Env
	account string
}

// call is a call as of an event of a kind, such as answered.
func (m maker) call(c *switchhook.Call, what string) call {
	out := call{
		ID:             m.id(c.ID),
		FlowID:         m.given(callFlow, c.FlowID),
		Type:           kind(c.Kind),
		MasterCallID:   m.id(master(c)),
		ChainedCallIDs: m.ids("", c.ChainedIDs),
		RecordingID:    m.id(c.RecordingID),
		RecordingIDs:   m.ids("", c.RecordingIDs),
		Source:         addressOf(c.From),
		Destination:    addressOf(c.To),
		Status:         callStatus(c, what),
		Action:         m.action(c.Action),
		Direction:      direction(c),
		HangupBy:       c.HangupBy,
		HangupReason:   hangupReason(c.HangupReason),
		TMCreate:       stamp(c.CreatedAt),
		TMUpdate:       stamp(c.UpdatedAt),
		TMProgressing:  stamp(c.AnsweredAt),
		TMRinging:      never,
		TMHangup:       stamp(c.EndedAt),
	}
	if c.LegDirection == "outbound" { // an incoming call keeps never for ever
		out.TMRinging = stamp(c.RingingAt)
	}
	return out
}

// master is the leg that started this one; where only the whole call is known,
// its first leg. A first leg has none.
func master(c *switchhook.Call) string {
	if c.ParentID == "" && c.RootID != c.ID {
		return c.RootID
	}
	return c.ParentID
}

func (m maker) flow(f *switchhook.Flow) activeflow {
	return activeflow{
		ID:              m.id(f.ID),
		FlowID:          m.given(callFlow, f.FlowID),
		CustomerID:      dialect.NilUUID,
		ReferenceType:   f.ReferenceType,
		ReferenceID:     m.id(f.ReferenceID),
		CurrentAction:   m.action(f.Action),
		ForwardActionID: m.id(f.ForwardActionID),
		Actions:         m.actions(f.Actions),
		TMCreate:        stamp(f.CreatedAt),
		TMUpdate:        stamp(f.UpdatedAt),
		TMDelete:        stamp(f.EndedAt),
	}
}

func (m maker) queue(q *switchhook.Queue) queue {
	return queue{
		ID:                   m.given(aQueue, q.ID),
		Name:                 q.Name,
		Detail:               q.Detail,
		RoutingMethod:        only("random", q.Routing),
		TagIDs:               m.ids(tag, q.TagIDs),
		WaitActions:          m.actions(q.WaitActions),
		WaitTimeout:          q.WaitTimeoutMS,
		ServiceTimeout:       q.ServiceTimeoutMS,
		WaitQueueCallIDs:     m.ids("", q.WaitingIDs),
		ServiceQueueCallIDs:  m.ids("", q.ServiceIDs),
		TotalIncomingCount:   q.IncomingCount,
		TotalServicedCount:   q.ServicedCount,
		TotalAbandonedCount:  q.AbandonedCount,
		TotalWaittime:        q.WaitTotalMS,
		TotalServiceDuration: q.ServiceTotalMS,
		TMCreate:             stamp(q.CreatedAt),
		TMUpdate:             stamp(q.UpdatedAt),
		TMDelete:             stamp(q.DeletedAt),
	}
}

func (m maker) queuecall(q *switchhook.QueueCall, what string) queuecall {
	return queuecall{
		ID:             m.id(q.ID),
		ReferenceType:  "call", // 2022 knew no other
		ReferenceID:    m.id(q.ReferenceID),
		Status:         queuecallStatus(q.Status, what),
		ServiceAgentID: m.given(anAgent, q.AgentID),
		TMCreate:       stamp(q.CreatedAt),
		TMService:      stamp(q.ServiceAt),
		TMUpdate:       stamp(q.UpdatedAt),
		TMDelete:       stamp(q.EndedAt),
	}
}

func (m maker) agent(a *switchhook.Agent) agent {
	out := agent{
		ID:         m.given(anAgent, a.ID),
		Username:   a.Username,
		Name:       a.Name,
		Detail:     a.Detail,
		RingMethod: cmp.Or(a.RingMethod, "ringall"), // VoIPBin's default
		Status:     cmp.Or(a.Status, "offline"),     // as its new agents
		Permission: a.Permission,
		TagIDs:     m.ids(tag, a.TagIDs),
		Addresses:  make([]address, 0, len(a.Addresses)),
		TMCreate:   stamp(a.CreatedAt),
		TMUpdate:   stamp(a.UpdatedAt),
		TMDelete:   stamp(a.DeletedAt),
	}
	for i := range a.Addresses {
		out.Addresses = append(out.Addresses, addressOf(&a.Addresses[i]))
	}
	return out
}

// What lasts has ids that an operator can set, by our words for it.
const callFlow, aQueue, anAgent, tag = "call_flow", "queue", "agent", "tag"

// given is the id that was set for a thing, else the one that id makes.
func (m maker) given(schema, id string) string {
	return cmp.Or(m.env.Given(m.account, name, schema, id), m.id(id))
}

func (m maker) id(id string) string { return dialect.UUID(m.account, id) }

// ids is never nil: VoIPBin's lists are never null.
func (m maker) ids(schema string, ids []string) []string {
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if schema != "" {
			out = append(out, m.given(schema, id))
		} else {
			out = append(out, m.id(id))
		}
	}
	return out
}

func (m maker) action(a *switchhook.Action) action {
	if a == nil {
		a = &switchhook.Action{}
	}
	out := action{ID: m.id(a.ID), NextID: m.id(a.NextID), Type: a.Type}
	if !ordjson.Null(a.Option) {
		out.Option = a.Option
	}
	if !a.ExecutedAt.IsZero() {
		out.TMExecute = a.ExecutedAt.UTC().Format("2006-01-02 15:04:05.999999999")
	}
	return out
}

func (m maker) actions(actions []switchhook.Action) []action {
	out := make([]action, 0, len(actions))
	for i := range actions {
		out = append(out, m.action(&actions[i]))
	}
	return out
}

func addressOf(p *switchhook.Party) address {
	if p == nil {
		return address{}
	}
	a := address{Type: p.Type, Target: p.Address, TargetName: p.Name, Name: p.Label, Detail: p.Detail}
	if a.Type == "extension" {
		a.Type = "endpoint" // what VoIPBin called a registered phone in 2022
	}
	return a
}

// never is VoIPBin's time of what has not happened.
const never = "9999-01-01 00:00:00.000000"

func stamp(t time.Time) string {
	if t.IsZero() {
		return never
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000")
}

// only is s if it is the one word that VoIPBin has, else nothing.
func only(word, s string) string {
	if s != word {
		return ""
	}
	return s
}

func kind(s string) string {
	if s == "sip_service" {
		return "sip-service"
	}
	return s
}

// direction is how the switch sees the leg, and where that is not known, how the
// business sees the call. Where nothing is known, it came in.
func direction(c *switchhook.Call) string {
	switch cmp.Or(c.LegDirection, c.Direction) {
	case "outbound", "internal":
		return "outgoing"
	default:
		return "incoming"
	}
}

// callStatus is a call's status, and where that is not known, what the event says
// of it.
func callStatus(c *switchhook.Call, what string) string {
	switch c.Status {
	case "answered":
		return "progressing"
	case "ended":
		return "hangup"
	case "":
	default:
		return c.Status
	}
	switch {
	case what == "hungup":
		return "hangup"
	case what == "created" && direction(c) == "outgoing":
		return "dialing"
	case what == "created", what == "ringing":
		return "ringing"
	default:
		return "progressing"
	}
}

func hangupReason(s string) string {
	switch s {
	case "no_answer", "rejected", "unregistered":
		return "noanswer"
	case "cancelled":
		return "cancel"
	case "answered_elsewhere", "abandoned":
		return "normal"
	case "unallocated", "congestion", "lost":
		return "failed"
	default:
		return s
	}
}

// queuecallStatus is a queue call's status, and where that is not known, what the
// event says of it.
func queuecallStatus(status, what string) string {
	switch cmp.Or(status, what) {
	case "waiting", "created":
		return "wait"
	case "connecting":
		return "entering"
	case "kicked":
		return "kicking"
	case "serviced":
		return "service"
	default: // the words are the same
		return cmp.Or(status, what)
	}
}
