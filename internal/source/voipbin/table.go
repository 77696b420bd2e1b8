package voipbin

// types are VoIPBin's 21 webhooks. A call with a master is a leg: call. becomes
// leg. there.
func types() map[string]string {
	return map[string]string{
		"activeflow_created":   "flow.started",
		"activeflow_updated":   "flow.updated",
		"activeflow_deleted":   "flow.ended",
		"call_created":         "call.created",
		"call_ringing":         "call.ringing",
		"call_answered":        "call.answered",
		"call_updated":         "call.updated",
		"call_hungup":          "call.hungup",
		"queue_created":        "queue.created",
		"queue_updated":        "queue.updated",
		"queue_deleted":        "queue.deleted",
		"queuecall_created":    "queuecall.created",
		"queuecall_entering":   "queuecall.connecting",
		"queuecall_kicking":    "queuecall.kicked",
		"queuecall_serviced":   "queuecall.serviced",
		"queuecall_done":       "queuecall.done",
		"queuecall_abandoned":  "queuecall.abandoned",
		"agent_created":        "agent.created",
		"agent_updated":        "agent.updated",
		"agent_deleted":        "agent.deleted",
		"agent_status_updated": "agent.status_updated",
	}
}

// resources are VoIPBin's, by our families. What VoIPBin does not have is not
// listed and stays as other sources told it.
func resources() map[string]*resource {
	address := []field{
		{"type", "type", word("agent endpoint sip tel")},
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
				{"type", "kind", word("flow conference sip-service=sip_service")},
				{"master_call_id", "parent_id", readID},
				{"chained_call_ids", "chained_ids", ids()},
				{"recording_id", "recording_id", readID},
				{"recording_ids", "recording_ids", ids()},
				{"source", "from", part(address)},
				{"destination", "to", part(address)},
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
			},
			times: []string{"tm_update", "tm_hangup", "tm_progressing", "tm_ringing", "tm_create"},
		},
		"flow": {
			name: "flow",
			fields: []field{
				{"id", "id", readID},
				{"flow_id", "flow_id", readID},
				{"customer_id", "customer_id", readID},
				{"reference_type", "reference_type", word("call message")},
				{"reference_id", "reference_id", readID},
				{"current_action", "action", part(action)},
				{"forward_action_id", "forward_action_id", readID},
				{"actions", "actions", parts(action)},
				{"tm_create", "created_at", readTime},
				{"tm_update", "updated_at", readTime},
				{"tm_delete", "ended_at", readTime},
			},
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
				{"wait_actions", "wait_actions", parts(action)},
				{"wait_timeout", "wait_timeout_ms", readInteger},
				{"service_timeout", "service_timeout_ms", readInteger},
				{"wait_queue_call_ids", "waiting_ids", ids()},
				{"service_queue_call_ids", "service_ids", ids()},
				{"total_incoming_count", "incoming_count", readInteger},
				{"total_serviced_count", "serviced_count", readInteger},
				{"total_abandoned_count", "abandoned_count", readInteger},
				{"total_waittime", "wait_total_ms", readInteger},
				{"total_service_duration", "service_total_ms", readInteger},
				{"tm_create", "created_at", readTime},
				{"tm_update", "updated_at", readTime},
				{"tm_delete", "deleted_at", readTime},
			},
			times: []string{"tm_delete", "tm_update", "tm_create"},
		},
		"queuecall": {
			name: "queuecall",
			fields: []field{
				{"id", "id", readID},
				{"reference_type", "reference_type", readText},
				{"reference_id", "reference_id", readID},
				{"status", "status", word("wait=waiting entering=connecting kicking service=serviced done abandoned")},
				{"service_agent_id", "agent_id", readID},
				{"tm_create", "created_at", readTime},
				{"tm_service", "service_at", readTime},
				{"tm_update", "updated_at", readTime},
				{"tm_delete", "ended_at", readTime},
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
	}
}
