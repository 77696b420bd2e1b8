package voipbin

import (
	"strings"
	"sync"

	"github.com/switchhook/switchhook/internal/dialect"
)

// ringing is the one name that not every event of its types has.
const ringing = "call_ringing"

// flowWebhook is the one type whose body is not VoIPBin's but a flow's own.
const flowWebhook = "flow.webhook"

// A cell is what VoIPBin calls a type.
type cell struct {
	typ  string
	name string // in 2022, on its page; none: it told nothing of it
	told string // the names that it may have come under from a VoIPBin of any year
}

// column is the VoIPBin column of the catalogue. call.* and leg.* are alike: a
// leg is a call with a master_call_id.
func column() []cell {
	return []cell{
		{"call.created", "call_created", ""},
		{"call.ringing", ringing, ""},
		{"call.answered", "call_answered", "call_progressing"},
		{"call.bridged", "call_updated", ""},
		{"call.updated", "call_updated", "call_dialing call_terminating call_canceling"},
		{"call.hungup", "call_hungup", "call_hangup"},
		{"leg.created", "call_created", ""},
		{"leg.ringing", ringing, ""},
		{"leg.answered", "call_answered", "call_progressing"},
		{"leg.bridged", "call_updated", ""},
		{"leg.updated", "call_updated", "call_dialing call_terminating call_canceling"},
		{"leg.hungup", "call_hungup", "call_hangup"},
		{"call.transferred", "call_updated", ""},
		{"recording.started", "call_updated", "recording_started"},
		{"recording.finished", "call_updated", "recording_finished"},
		{"flow.started", "activeflow_created", ""},
		{"flow.updated", "activeflow_updated", ""},
		{"flow.ended", "activeflow_deleted", ""},
		{flowWebhook, "webhook_send", ""},
		{"queue.created", "queue_created", ""},
		{"queue.updated", "queue_updated", ""},
		{"queue.deleted", "queue_deleted", ""},
		{"queuecall.created", "queuecall_created", ""},
		{"queuecall.connecting", "queuecall_entering", "queuecall_connecting"},
		{"queuecall.kicked", "queuecall_kicking", ""},
		{"queuecall.serviced", "queuecall_serviced", ""},
		{"queuecall.done", "queuecall_done", ""},
		{"queuecall.abandoned", "queuecall_abandoned", ""},
		{"agent.created", "agent_created", ""},
		{"agent.updated", "agent_updated", ""},
		{"agent.deleted", "agent_deleted", ""},
		{"agent.status_updated", "agent_status_updated", ""},
		{"message.received", "", "message_created"},
		{"message.sent", "", "message_created"},
		{"message.status", "", "message_updated"},
		{"record.created", "", "number_created"},
		{"record.updated", "", "number_updated number_renewed"},
		{"record.deleted", "", "number_deleted"},
	}
}

// table is the column in rows: one for each name of a type.
//
//nolint:gochecknoglobals // a constant; Go has no constant lists
var table = sync.OnceValue(func() []dialect.Row {
	var rows []dialect.Row
	add := func(typ, name, note string) {
		rows = append(rows, dialect.Row{Type: typ, Name: name, Formats: []string{"json"}, Note: note})
	}
	for _, c := range column() {
		switch {
		case c.name == "":
		case c.name == ringing:
			add(c.typ, c.name, "only where leg_direction is outbound: an incoming call is ringing from its call_created on")
		case c.typ == flowWebhook:
			add(c.typ, c.name, "the data of the flow's action as it is, without an envelope; only by the webhook of call flows, or if a flow of VoIPBin's has sent it here")
		case strings.HasPrefix(c.typ, "recording."):
			add(c.typ, c.name, "only where the event's data has the call")
		default:
			add(c.typ, c.name, "")
		}
		for name := range strings.FieldsSeq(c.told) {
			add(c.typ, name, "only what came from a VoIPBin under this name")
		}
	}
	return rows
})
