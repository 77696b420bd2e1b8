package voipbin

import (
	"strings"

	"github.com/switchhook/switchhook/internal/dialect"
)

// ringing is the one name that not every event of its types has.
const ringing = "call_ringing"

// flowWebhook is the one type whose body is not VoIPBin's but a flow's own.
const flowWebhook = "flow.webhook"

// table is the VoIPBin column of the catalogue. call.* and leg.* are alike: a
// leg is a call with a master_call_id.
func table() []dialect.Row {
	row := func(typ, name string) dialect.Row {
		r := dialect.Row{Type: typ, Name: name, Formats: []string{"json"}}
		if name == ringing {
			r.Note = "only where leg_direction is outbound: an incoming call is ringing from its call_created on"
		}
		if typ == flowWebhook {
			r.Note = "the data of the flow's action as it is, without an envelope; only by the webhook of call flows, or if a flow of VoIPBin's has sent it here"
		}
		if strings.HasPrefix(typ, "recording.") {
			r.Note = "only where the event's data has the call"
		}
		return r
	}
	return []dialect.Row{
		row("call.created", "call_created"),
		row("call.ringing", ringing),
		row("call.answered", "call_answered"),
		row("call.bridged", "call_updated"),
		row("call.updated", "call_updated"),
		row("call.hungup", "call_hungup"),
		row("leg.created", "call_created"),
		row("leg.ringing", ringing),
		row("leg.answered", "call_answered"),
		row("leg.bridged", "call_updated"),
		row("leg.updated", "call_updated"),
		row("leg.hungup", "call_hungup"),
		row("call.transferred", "call_updated"),
		row("recording.started", "call_updated"),
		row("recording.finished", "call_updated"),
		row("flow.started", "activeflow_created"),
		row("flow.updated", "activeflow_updated"),
		row("flow.ended", "activeflow_deleted"),
		row(flowWebhook, "webhook_send"),
		row("queue.created", "queue_created"),
		row("queue.updated", "queue_updated"),
		row("queue.deleted", "queue_deleted"),
		row("queuecall.created", "queuecall_created"),
		row("queuecall.connecting", "queuecall_entering"),
		row("queuecall.kicked", "queuecall_kicking"),
		row("queuecall.serviced", "queuecall_serviced"),
		row("queuecall.done", "queuecall_done"),
		row("queuecall.abandoned", "queuecall_abandoned"),
		row("agent.created", "agent_created"),
		row("agent.updated", "agent_updated"),
		row("agent.deleted", "agent_deleted"),
		row("agent.status_updated", "agent_status_updated"),
	}
}
