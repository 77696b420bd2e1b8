package catalogue

import (
	"slices"
	"strings"
)

// What the data of a family carries: the resource that the event is about, and
// what is usually with it.
func aboutCall(also ...string) []Use { return about("call", also...) }

func about(resource string, also ...string) []Use {
	uses := []Use{{resource, true}}
	for _, a := range also {
		uses = append(uses, Use{a, false})
	}
	return uses
}

// The stages of the sample call, each with what the earlier ones brought.
const (
	ringingCall  = `"status":"ringing","ringing_at":"2026-01-31T15:04:06.2Z","updated_at":"2026-01-31T15:04:06.2Z"`
	answeredCall = `"status":"answered","ringing_at":"2026-01-31T15:04:06.2Z","answered_at":"2026-01-31T15:04:09.75Z","updated_at":"2026-01-31T15:04:09.75Z",` +
		`"answered_by":"extension","answered_extension":{"id":"ext-101","number":"101","name":"Grace Hopper"}`
	bridgedCall = answeredCall + `,"bridged":true,"peer_id":"0c9d7a3e-0a8b-4a52-a6cc-2f4d1b1f90d2","peer_destination":"101","original_number":"+12025550100"`
	endedCall   = `"status":"ended","ringing_at":"2026-01-31T15:04:06.2Z","answered_at":"2026-01-31T15:04:09.75Z","ended_at":"2026-01-31T15:05:10.001Z","updated_at":"2026-01-31T15:05:10.001Z",` +
		`"answered_by":"extension","answered_extension":{"id":"ext-101","number":"101","name":"Grace Hopper"},"bridged":true,"peer_id":"0c9d7a3e-0a8b-4a52-a6cc-2f4d1b1f90d2",` +
		`"hangup_by":"remote","released_by":"caller","hangup_reason":"normal","hangup_cause":"NORMAL_CLEARING","q850":16,"sip_status":200,"duration_ms":64877,"ringing_ms":3550,"billable_ms":60251`
	// The second leg of the sample call: the phone at extension 101.
	leg = `"id":"0c9d7a3e-0a8b-4a52-a6cc-2f4d1b1f90d2","parent_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","leg_direction":"outbound","to":{"type":"extension","address":"101","name":"Grace Hopper","uri":"101@pbx.example.com"}`
)

// types is the table of everything that can happen.
func types() []Type {
	return slices.Concat(callTypes(), mediaTypes(), emergencyTypes(), partTypes(), queueTypes(), messageTypes(), faxTypes(),
		portTypes(), numberTypes(), deviceTypes(), accountTypes(), billingTypes(), systemTypes(), recordTypes())
}

// A call has exactly one call.created and one call.hungup; its further legs have
// the leg.* types, which carry the leg's own snapshot.
func callTypes() []Type {
	var all []Type
	stages := []struct {
		name      string
		freshness Freshness
		call, leg string // meanings
		sample    string
	}{
		{"created", Timely, "A call has begun.", "A further leg of a call has begun, such as a phone that is to ring.", `"status":"ringing"`},
		{"ringing", Live, "The call rings.", "A leg rings.", ringingCall},
		{"answered", Timely, "The call was answered.", "A leg was answered.", answeredCall},
		{"bridged", Timely, "The call was connected to another leg: two people can talk.", "A leg was connected to another.", bridgedCall},
		{"updated", Timely, "Something about the call changed that has no event of its own.", "Something about a leg changed that has no event of its own.", answeredCall},
		{"held", Timely, "The call was put on hold.", "A leg was put on hold.", bridgedCall + `,"held":true`},
		{"unheld", Timely, "The call was taken off hold.", "A leg was taken off hold.", bridgedCall + `,"held":false`},
		{"hungup", Lasting, "The call has ended, whatever happened to it.", "A leg has ended.", endedCall},
	}
	for _, s := range stages {
		all = append(all, Type{
			Name: "call." + s.name, Freshness: s.freshness, Meaning: s.call,
			Data: aboutCall("number"), With: `{"call":{` + s.sample + `}}`,
		})
	}
	for _, s := range stages {
		sample := strings.Replace(s.sample, `"peer_id":"0c9d7a3e-0a8b-4a52-a6cc-2f4d1b1f90d2"`, `"peer_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11"`, 1)
		if s.name == "created" {
			sample = `"status":"dialing"` // an outbound leg does not ring yet
		}
		all = append(all, Type{
			Name: "leg." + s.name, Freshness: s.freshness, Meaning: s.leg,
			Data: aboutCall(), With: `{"call":{` + sample + "," + leg + `}}`,
		})
	}
	return append(all,
		Type{
			Name: "call.transferred", Freshness: Timely, Meaning: "The call was transferred to somebody else.",
			Data: aboutCall(), With: `{"call":{` + bridgedCall + `,"callee":{"type":"extension","address":"102","name":"Alan Turing"}}}`,
		},
		Type{
			Name: "call.cdr", Freshness: Lasting, Meaning: "The call's detail record is complete.",
			Data: aboutCall(), With: `{"call":{` + endedCall + `}}`,
		},
		Type{
			Name: "call.missed", Freshness: Lasting, Meaning: "Nobody answered the call.",
			Data: aboutCall("notification"), With: `{"call":{"status":"ended","ended_at":"2026-01-31T15:04:35.5Z","updated_at":"2026-01-31T15:04:35.5Z","bridged":false,"message_left":false,` +
				`"hangup_reason":"no_answer","hangup_cause":"NO_ANSWER","q850":19,"notify":{"hangup_cause":"NO_ANSWER"}},"notification":{"to":["grace@example.com"]}}`,
		},
		Type{
			Name: "call.parked", Freshness: Timely, Meaning: "The call was parked in a slot.",
			Data: aboutCall(), With: `{"call":{` + answeredCall + `,"parking":{"slot":"701","lot":"default"}}}`,
		},
		Type{
			Name: "call.retrieved", Freshness: Timely, Meaning: "A parked call was picked up.",
			Data: aboutCall(), With: `{"call":{` + answeredCall + `,"parking":{"slot":"701","lot":"default"}}}`,
		},
		Type{
			Name: "call.park_abandoned", Freshness: Timely, Meaning: "A parked call ended before anybody picked it up.",
			Data: aboutCall(), With: `{"call":{` + answeredCall + `,"parking":{"slot":"701","lot":"default"}}}`,
		},
		Type{
			Name: "call.dtmf", Freshness: Live, Meaning: "The caller pressed a key.",
			Data: aboutCall(), Flat: []Field{str("digit", "The key: 0 to 9, *, # or A to D."), integer("duration_ms", "Milliseconds that it was pressed.")},
			With: `{"call":{` + answeredCall + `},"digit":"5","duration_ms":120}`,
		},
	)
}

// What happens to a call at an extension, a ring group or in a flow.
func partTypes() []Type {
	return []Type{
		{
			Name: "extension.ringing", Freshness: Live, Meaning: "A call rings at an extension.",
			Data: about("extension", "call"), With: `{"call":{` + ringingCall + `}}`,
		},
		{
			Name: "extension.answered", Freshness: Timely, Meaning: "Somebody answered a call at an extension.",
			Data: about("extension", "call"), With: `{"call":{` + answeredCall + `}}`,
		},
		{
			Name: "extension.completed", Freshness: Lasting, Meaning: "A call that was answered at an extension has ended.",
			Data: about("extension", "call"), With: `{"call":{` + endedCall + `}}`,
		},
		{
			Name: "extension.missed", Freshness: Lasting, Meaning: "A call rang at an extension and nobody answered it there.",
			Data: about("extension", "call"), With: `{"call":{` + ringingCall + `}}`,
		},
		{
			Name: "ring_group.entered", Freshness: Live, Meaning: "A caller entered a ring group.",
			Data: about("ring_group", "call"),
		},
		{
			Name: "flow.started", Freshness: Timely, Meaning: "A call flow has started.",
			Data: about("flow"), With: `{"flow":{"action":{"id":"00000000-0000-0000-0000-000000000001","next_id":"00000000-0000-0000-0000-000000000000","type":""},"updated_at":"2026-01-31T15:04:05.724620Z"}}`,
		},
		{Name: "flow.updated", Freshness: Timely, Meaning: "A call flow went on to its next step.", Data: about("flow")},
		{
			Name: "flow.ended", Freshness: Timely, Meaning: "A call flow has ended.",
			Data: about("flow"), With: `{"flow":{"ended_at":"2026-01-31T15:05:10.134500Z"}}`,
		},
		flowWebhook(),
	}
}

func queueTypes() []Type {
	const (
		connecting = `"status":"connecting","agent_id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b","service_at":"2026-01-31T15:04:22.233858Z","updated_at":"2026-01-31T15:04:22.233858Z"`
		serviced   = `"status":"serviced","agent_id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b","service_at":"2026-01-31T15:04:24.811442Z","updated_at":"2026-01-31T15:04:24.811442Z","wait_ms":18699`
		done       = `"status":"done","agent_id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b","service_at":"2026-01-31T15:04:24.811442Z","updated_at":"2026-01-31T15:05:10.001Z",` +
			`"wait_ms":18699,"service_ms":45189,"ended_at":"2026-01-31T15:05:10.001Z"`
	)
	queuecall := func(name string, f Freshness, meaning, with string) Type {
		return Type{Name: "queuecall." + name, Freshness: f, Meaning: meaning, Data: about("queuecall", "queue", "call"), With: with}
	}
	return []Type{
		{Name: "queue.created", Freshness: Lasting, Meaning: "A queue was made.", Data: about("queue")},
		{Name: "queue.updated", Freshness: Lasting, Meaning: "A queue was changed.", Data: about("queue")},
		{
			Name: "queue.deleted", Freshness: Lasting, Meaning: "A queue was deleted.",
			Data: about("queue"), With: `{"queue":{"deleted_at":"2026-01-31T16:00:00.5Z"}}`,
		},
		queuecall("created", Timely, "A caller entered a queue.", ""),
		queuecall("connecting", Live, "An agent was chosen for a waiting caller.", `{"queuecall":{`+connecting+`}}`),
		queuecall("kicked", Timely, "A caller is being taken out of a queue.", `{"queuecall":{"status":"kicking","agent_id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b","updated_at":"2026-01-31T15:04:30Z"}}`),
		queuecall("serviced", Timely, "An agent speaks with a caller from the queue.", `{"queuecall":{`+serviced+`}}`),
		queuecall("done", Lasting, "The agent and the caller from the queue have finished.", `{"queuecall":{`+done+`}}`),
		queuecall("abandoned", Lasting, "A caller gave up waiting in a queue.",
			`{"queuecall":{"status":"abandoned","abandon_reason":"caller_hangup","wait_ms":31000,"updated_at":"2026-01-31T15:04:37.111715Z","ended_at":"2026-01-31T15:04:37.111715Z"}}`),
		{Name: "agent.created", Freshness: Lasting, Meaning: "An agent was made.", Data: about("agent"), With: `{"agent":{"status":"offline"}}`},
		{Name: "agent.updated", Freshness: Lasting, Meaning: "An agent was changed.", Data: about("agent")},
		{
			Name: "agent.deleted", Freshness: Lasting, Meaning: "An agent was deleted.",
			Data: about("agent"), With: `{"agent":{"deleted_at":"2026-01-31T16:00:00.5Z"}}`,
		},
		{Name: "agent.status_updated", Freshness: Timely, Meaning: "An agent's status changed, such as from available to away.", Data: about("agent")},
	}
}

func messageTypes() []Type {
	voicemail := func(name, meaning string, also ...string) Type {
		return Type{
			Name: "voicemail." + name, Freshness: Lasting, Meaning: meaning, Data: about("voicemail", append(also, "extension")...),
		}
	}
	vm := []Type{
		voicemail("new", "A caller left a voicemail.", "call"),
		voicemail("saved", "A voicemail was saved in the mailbox.", "call"),
		voicemail("deleted", "A voicemail was deleted.", "call"),
		voicemail("full", "A caller could not leave a voicemail because the mailbox is full."),
	}
	vm[2].With = `{"voicemail":{"folder":"deleted","reason":"dtmf"}}`
	vm[3].With = `{"voicemail":{"id":null,"length_ms":null,"received_at":null,"transcription":null,"audio_url":null,"folder":null,"message_count":100}}`
	return append([]Type{
		{Name: "message.received", Freshness: Lasting, Meaning: "A text message came in.", Data: about("message", "number")},
		{
			Name: "message.sent", Freshness: Lasting, Meaning: "A text message went out.",
			Data: about("message", "number"), With: `{"message":{"direction":"outbound","from":"+12025550100","to":"+12025550143","text":"Yes, until 6 pm.","status":"sent"}}`,
		},
		{
			Name: "message.status", Freshness: Lasting, Meaning: "The carrier reported how a text message fares.",
			Data: about("message"), With: `{"message":{"direction":"outbound","from":"+12025550100","to":"+12025550143","text":"Yes, until 6 pm.","status":"delivered","carrier_status":"DELIVRD","error_code":"000","updated_at":"2026-01-31T15:04:09Z"}}`,
		},
	}, vm...)
}

// A change of a directory record. The schemas queue and agent make queue.* and
// agent.* instead.
func recordTypes() []Type {
	const row = `"schema":"number","id":"did-100","row":{"number":"+12025550100","description":"Main line","group":"Sales","caller_id_prefix":"SALES","state":"DC","ratecenter":"WASHINGTON"}`
	record := func(name, meaning, changed string) Type {
		return Type{
			Name: "record." + name, Freshness: Lasting, Meaning: meaning,
			Flat: []Field{
				{Name: "schema", Kind: String, Required: true, Doc: "What kind of record it is, such as number, extension or port_request."},
				{Name: "id", Kind: String, Required: true, Doc: "The record's id."},
				{Name: "row", Kind: Map, Required: true, Doc: "The whole record after the change; before it for a delete."},
				strs("changed", "The names of the fields that changed."),
			},
			With: `{` + row + `,"changed":[` + changed + `]}`,
		}
	}
	return []Type{
		record("created", "A record was added to the directory.", `"number","description","group","caller_id_prefix","state","ratecenter"`),
		record("updated", "A record of the directory was changed.", `"description"`),
		record("deleted", "A record was taken out of the directory.", ``),
	}
}
