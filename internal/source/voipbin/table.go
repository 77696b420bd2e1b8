package voipbin

// types are the webhooks that have a type of ours: VoIPBin's 21 of 2022 and what
// the same things have been called since. A call with a master is a leg: call.
// becomes leg. there. Of an SMS, message.received stands for sent too.
func types() map[string]string {
	return map[string]string{
		"activeflow_created": "flow.started",
		"activeflow_updated": "flow.updated",
		"activeflow_deleted": "flow.ended",

		"call_created":     "call.created",
		"call_dialing":     "call.updated",
		"call_ringing":     "call.ringing",
		"call_answered":    "call.answered",
		"call_progressing": "call.answered",
		"call_updated":     "call.updated",
		"call_terminating": "call.updated",
		"call_canceling":   "call.updated",
		"call_hungup":      "call.hungup",
		"call_hangup":      "call.hungup",

		"queue_created": "queue.created",
		"queue_updated": "queue.updated",
		"queue_deleted": "queue.deleted",

		"queuecall_created":    "queuecall.created",
		"queuecall_entering":   "queuecall.connecting",
		"queuecall_connecting": "queuecall.connecting",
		"queuecall_kicking":    "queuecall.kicked",
		"queuecall_serviced":   "queuecall.serviced",
		"queuecall_done":       "queuecall.done",
		"queuecall_abandoned":  "queuecall.abandoned",

		"agent_created":        "agent.created",
		"agent_updated":        "agent.updated",
		"agent_deleted":        "agent.deleted",
		"agent_status_updated": "agent.status_updated",

		"recording_started":  "recording.started",
		"recording_finished": "recording.finished",

		"message_created": "message.received",
		"message_updated": "message.status",

		"number_created": "record.created",
		"number_updated": "record.updated",
		"number_renewed": "record.updated",
		"number_deleted": "record.deleted",
	}
}

// A told is a resource whose webhooks go to VoIPBin's customers.
type told struct {
	by     string // the member that names what its events are ordered by; none: its id
	custom string // what it tells that has no type of ours
}

// delivered are the resources that VoIPBin tells its customers of. They are those
// that its services publish as webhooks, not on the internal bus only (bin-*-manager,
// calls of PublishWebhookEvent, 2026), the queue, whose webhooks are on its page, and
// the tag, which had some in 2022.
func delivered() map[string]told {
	const life = "created updated deleted"
	return map[string]told{
		"account":              {custom: life},
		"activeflow":           {},
		"agent":                {},
		"ai":                   {custom: life},
		"aicall":               {custom: "status_initializing status_progressing status_pausing status_resuming status_terminating status_terminated"},
		"aimessage":            {by: "aicall_id", custom: "created intermediate"},
		"call":                 {by: "master_call_id", custom: "deleted"},
		"campaign":             {custom: life + " status_run status_stopping status_stop"},
		"campaigncall":         {custom: life},
		"chat":                 {custom: life},
		"chatmessage":          {custom: "created deleted reaction_updated"},
		"chatparticipant":      {custom: "added removed"},
		"conference":           {custom: life},
		"conversation":         {custom: life},
		"conversation_message": {by: "conversation_id", custom: life},
		"email":                {custom: life},
		"groupcall":            {custom: "created progressing hangup deleted"},
		"message":              {custom: "deleted"},
		"number":               {},
		"outdial":              {custom: life},
		"queue":                {},
		"queuecall":            {by: "reference_id", custom: "waiting deleted"},
		"recording":            {},
		"summary":              {custom: life},
		"tag":                  {custom: life},
		"team":                 {custom: life},
		"transcribe":           {by: "transcribe_id", custom: "created progressing done speech_started speech_interim speech_ended"},
		"transcript":           {by: "transcribe_id", custom: "created"},
		"webchat_message":      {by: "session_id", custom: "created"},
		"webchat_session":      {custom: "ended"},
	}
}

// resources are VoIPBin's, by our families. What VoIPBin does not have is not
// listed and stays as other sources told it.
func resources() map[string]*resource {
	address := []field{
		{"type", "type", open("agent endpoint extension sip tel")},
		{"target", "address", readText},
		{"target_name", "name", readText},
		{"name", "label", readText},
		{"detail", "detail", readText},
	}
	action := []field{
		{"id", "id", readID},
		{"next_id", "next_id", readID},
		{"type", "type", readText},
		{"option", "option", readObject},
		{"tm_execute", "executed_at", readTime},
	}
	return map[string]*resource{
		"call": {
			name: "call",
			fields: []field{
				{"id", "id", readID},
				{"flow_id", "flow_id", readID},
				{"type", "kind", open("flow conference sip-service=sip_service")},
				{"master_call_id", "parent_id", readID},
				{"chained_call_ids", "chained_ids", ids()},
				{"recording_id", "recording_id", readID},
				{"recording_ids", "recording_ids", ids()},
				{"source", "from", whole(address)},
				{"destination", "to", whole(address)},
				{"status", "status", word("dialing ringing progressing=answered terminating canceling hangup=ended")},
				{"action", "action", part(action)},
				{"direction", "leg_direction", word("incoming=inbound outgoing=outbound")},
				{"hangup_by", "hangup_by", word("remote local")},
				{"hangup_reason", "hangup_reason", word("normal failed busy cancel=cancelled timeout noanswer=no_answer dialout amd")},
				{"tm_create", "created_at", readTime},
				{"tm_update", "updated_at", readTime},
				{"tm_progressing", "answered_at", readTime},
				{"tm_ringing", "ringing_at", readTime},
				{"tm_hangup", "ended_at", readTime},
				{"owner_id", "owner_id", readID},
			},
			times: []string{"tm_update", "tm_hangup", "tm_progressing", "tm_ringing", "tm_create"},
		},
		"flow": {
			name: "flow",
			fields: []field{
				{"id", "id", readID},
				{"flow_id", "flow_id", readID},
				{"customer_id", "customer_id", readID},
				{"reference_type", "reference_type", open("call message")},
				{"reference_id", "reference_id", readID},
				{"current_action", "action", part(action)},
				{"forward_action_id", "forward_action_id", readID},
				{"tm_create", "created_at", readTime},
				{"tm_update", "updated_at", readTime},
				{"tm_delete", "ended_at", readTime},
			},
			once:  []field{{"actions", "actions", parts(action)}},
			times: []string{"tm_delete", "tm_update", "tm_create"},
		},
		"queue": {
			name: "queue",
			fields: []field{
				{"id", "id", readID},
				{"name", "name", readText},
				{"detail", "detail", readText},
				{"routing_method", "routing", readText},
				{"tag_ids", "tag_ids", ids()},
				{"wait_timeout", "wait_timeout_ms", readInteger},
				{"service_timeout", "service_timeout_ms", readInteger},
				{"wait_queue_call_ids", "waiting_ids", ids()},
				{"service_queue_call_ids", "service_ids", ids()},
				{"total_incoming_count", "incoming_count", readInteger},
				{"total_serviced_count", "serviced_count", readInteger},
				{"total_abandoned_count", "abandoned_count", readInteger},
				{"tm_create", "created_at", readTime},
				{"tm_update", "updated_at", readTime},
				{"tm_delete", "deleted_at", readTime},
			},
			once: []field{
				{"wait_actions", "wait_actions", parts(action)},
				{"total_waittime", "wait_total_ms", readInteger},
				{"total_service_duration", "service_total_ms", readInteger},
				{"wait_queuecall_ids", "waiting_ids", ids()},
				{"service_queuecall_ids", "service_ids", ids()},
			},
			times: []string{"tm_delete", "tm_update", "tm_create"},
		},
		"queuecall": {
			name: "queuecall",
			fields: []field{
				{"id", "id", readID},
				{"reference_type", "reference_type", readText},
				{"reference_id", "reference_id", readID},
				{"status", "status", word("wait=waiting initiating=waiting waiting entering=connecting connecting kicking service=serviced done abandoned")},
				{"service_agent_id", "agent_id", readID},
				{"tm_create", "created_at", readTime},
				{"tm_service", "service_at", readTime},
				{"tm_update", "updated_at", readTime},
				{"tm_delete", "ended_at", readTime},
			},
			once: []field{
				{"duration_waiting", "wait_ms", readInteger},
				{"duration_service", "service_ms", readInteger},
			},
			times: []string{"tm_update", "tm_delete", "tm_service", "tm_create"},
		},
		"agent": {
			name: "agent",
			fields: []field{
				{"id", "id", readID},
				{"username", "username", readText},
				{"name", "name", readText},
				{"detail", "detail", readText},
				{"ring_method", "ring_method", word("ringall linear")},
				{"status", "status", word("available away busy offline ringing")},
				{"permission", "permission", readUnsigned},
				{"tag_ids", "tag_ids", ids()},
				{"addresses", "addresses", parts(address)},
				{"tm_create", "created_at", readTime},
				{"tm_update", "updated_at", readTime},
				{"tm_delete", "deleted_at", readTime},
			},
			times: []string{"tm_delete", "tm_update", "tm_create"},
		},
		"recording": {
			name: "recording",
			fields: []field{
				{"id", "id", readID},
				{"reference_id", "call_id", readID},
				{"status", "status", readText},
				{"format", "format", readText},
				{"tm_start", "started_at", readTime},
				{"tm_end", "ended_at", readTime},
			},
			times: []string{"tm_end", "tm_start", "tm_create"},
		},
		"message": {
			name: "message",
			fields: []field{
				{"id", "id", readID},
				{"direction", "direction", word("inbound outbound")},
				{"text", "text", readText},
				{"tm_create", "sent_at", readTime},
				{"tm_update", "updated_at", readTime},
				{"type", "channel", open("sms mms")},
			},
			times: []string{"tm_update", "tm_create"},
		},
	}
}
