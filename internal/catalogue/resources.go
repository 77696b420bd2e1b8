package catalogue

import "github.com/switchhook/switchhook/internal/ordjson"

// Kind is what a field's value is.
type Kind int

// The kinds.
const (
	String   Kind = iota
	Integer       // 64 bits
	Number32      // an integer of 32 bits
	Unsigned      // an integer of 64 bits, not negative
	Boolean
	Decimal // a number, or a string that is one
	Time    // RFC 3339
	Map     // an object of free members
	Any     // any value
	Part    // a resource's part, named by Of
)

// A Field is one member of a resource.
type Field struct {
	Name     string
	Kind     Kind
	Of       string   // the part's name, where Kind is Part
	Array    bool     // a list of such values
	Enum     []string // the only values, where there are any
	Required bool     // of flat fields only
	NotEmpty bool     // a string of at least one character
	Doc      string   // what it is, with its unit
}

// KindName is the field's kind in words, as an error names what was expected.
func (f *Field) KindName() string {
	switch f.Kind {
	case String:
		return "a string"
	case Integer, Number32:
		return "an integer"
	case Unsigned:
		return "an integer of 0 or more"
	case Boolean:
		return "true or false"
	case Decimal:
		return "a decimal number"
	case Time:
		return "an RFC 3339 time such as 2026-01-31T15:04:05.123Z"
	case Map:
		return "an object"
	case Any:
		return "any value"
	case Part:
		return "an object (" + f.Of + ")"
	default:
		return "a value"
	}
}

// A Resource is an object that an event's data can carry: a snapshot of its
// whole state as of the event. An absent field is unknown or not yet so.
type Resource struct {
	Name string
	Doc  string
	// IDField is the member that must be there in an event about the resource.
	IDField string
	Fields  []Field
	// Sample is a realistic one with every field that a sample can have.
	Sample string

	part bool           // only ever inside another resource
	at   map[string]int // the places of the fields
}

func (r *Resource) field(name string) *Field {
	if i, ok := r.at[name]; ok {
		return &r.Fields[i]
	}
	return nil
}

// find is the place of a member in the table, -1 if it is not there. Most objects
// are in the table's order, so it looks first at what comes next.
func (r *Resource) find(name string, next int) int {
	for i := next; i < min(next+4, len(r.Fields)); i++ {
		if r.Fields[i].Name == name {
			return i
		}
	}
	if i, ok := r.at[name]; ok {
		return i
	}
	return -1
}

// Sort puts an object's members in the order of the table. Those that the table
// does not have come after all others, in the order that they have.
func (r *Resource) Sort(o ordjson.Object) {
	var room [64]int
	places, next, sorted := room[:0], 0, true
	for i := range o {
		place := r.find(o[i].Name, next)
		if place < 0 {
			place = len(r.Fields)
		}
		sorted = sorted && place >= next-1
		next = place + 1
		places = append(places, place)
	}
	if sorted {
		return
	}
	for i := range o { // an insertion sort: few members are out of place
		m, place, j := o[i], places[i], i
		for ; j > 0 && places[j-1] > place; j-- {
			o[j], places[j] = o[j-1], places[j-1]
		}
		o[j], places[j] = m, place
	}
}

// Fits reports whether a value may stand in a member: the catalogue has it, and
// it is of the right kind.
func (r *Resource) Fits(name string, value []byte) bool {
	f := r.field(name)
	return f != nil && f.Kind != Part && !f.Array && f.problem(value) == ""
}

func str(name, doc string, enum ...string) Field {
	return Field{Name: name, Kind: String, Enum: enum, Doc: doc}
}

func id(doc string) Field { return Field{Name: "id", Kind: String, NotEmpty: true, Doc: doc} }

func strs(name, doc string) Field    { return Field{Name: name, Kind: String, Array: true, Doc: doc} }
func integer(name, doc string) Field { return Field{Name: name, Kind: Integer, Doc: doc} }
func number32(name, doc string) Field {
	return Field{Name: name, Kind: Number32, Doc: doc}
}
func boolean(name, doc string) Field { return Field{Name: name, Kind: Boolean, Doc: doc} }
func decimal(name, doc string) Field { return Field{Name: name, Kind: Decimal, Doc: doc} }
func free(name, doc string) Field    { return Field{Name: name, Kind: Any, Doc: doc} }
func at(name, doc string) Field      { return Field{Name: name, Kind: Time, Doc: doc} }
func object(name, doc string) Field  { return Field{Name: name, Kind: Map, Doc: doc} }
func address(name string) Field {
	return Field{Name: name, Kind: Any, Doc: "A string, a list or an object."}
}

func part(name, of, doc string) Field {
	return Field{Name: name, Kind: Part, Of: of, Doc: doc}
}

func parts(name, of, doc string) Field {
	return Field{Name: name, Kind: Part, Of: of, Array: true, Doc: doc}
}

// resources is the table of everything that an event can speak of.
func resources() []Resource {
	return []Resource{
		{
			Name: "party", part: true, Doc: "One end of a call.",
			Fields: []Field{
				str("type", "What the address is.", "tel", "sip", "extension", "agent", "endpoint"),
				str("address", "The number or name, as the phone system gives it."),
				str("name", "The name that a display shows."),
				str("label", "A name that the operator gave the address."),
				str("detail", "A description of the address."),
				str("uri", "The SIP address as user@realm."),
			},
		},
		{
			Name: "action", part: true, Doc: "One step of a call flow.",
			Fields: []Field{
				str("id", "The step's id."), str("next_id", "The next step's id."),
				str("type", "What it does, such as answer, talk or queue_join."),
				object("option", "Its settings."), at("executed_at", "When it was carried out."),
			},
		},
		{
			Name: "parking", part: true, Doc: "Where a parked call waits.",
			Fields: []Field{str("slot", "The slot's number."), str("lot", "The parking lot.")},
		},
		{
			Name: "media", part: true, Doc: "A file that came with a message.",
			Fields: []Field{
				str("url", "Where it can be fetched."), str("type", "Its MIME type."),
				str("name", "Its file name."), integer("size", "Its size in bytes."),
			},
		},
		{
			Name: "participant", part: true, Doc: "One caller in a conference.",
			Fields: []Field{
				str("id", "The participant's id."), str("call_id", "The participant's leg."), str("name", "The participant's name."),
				str("number", "The participant's number."), boolean("moderator", "Moderates the conference."), boolean("muted", "Cannot be heard."),
			},
		},
		{
			Name: "call", IDField: "id", Doc: "A call, or one leg of it.",
			Fields: []Field{
				id("The leg's id, the phone system's own."),
				str("root_id", "The id of the whole call: its first leg's. Default: id."),
				str("parent_id", "The leg that started this one."),
				str("peer_id", "The leg at the other end."),
				strs("chained_ids", "Legs that end with this one."),
				str("kind", "What the leg is for.", "flow", "conference", "sip_service"),
				str("flow_id", "The call flow that it runs through."),
				part("action", "action", "The step of the flow that it is at."),
				str("direction", "Where the call comes from and goes to, as the business sees it.", "inbound", "outbound", "internal"),
				str("leg_direction", "The leg as the switch sees it: a phone dialling out is an inbound leg of an outbound call.", "inbound", "outbound"),
				part("from", "party", "The caller."),
				part("to", "party", "Whom the caller dialled."),
				part("callee", "party", "Who was reached."),
				str("request_uri", "The SIP request's address as user@realm."),
				str("dialed", "The digits that were dialled."),
				str("original_number", "The number that was dialled before any translation."),
				str("peer_destination", "The number that the other leg was sent to."),
				boolean("forwarded", "The call was forwarded."),
				str("status", "Where the leg stands.", "dialing", "ringing", "answered", "terminating", "canceling", "ended"),
				boolean("bridged", "It was connected to another leg."),
				boolean("held", "It is on hold."),
				boolean("message_left", "The caller left a voicemail."),
				boolean("reconciled", "Told by Switchhook after an outage, not by the phone system."),
				str("answered_by", "Who answered.", "extension", "external", "system"),
				part("answered_extension", "extension", "The extension that answered; absent if none did."),
				str("hangup_by", "Who ended this leg.", "remote", "local"),
				str("released_by", "Who ended the call.", "caller", "callee", "system"),
				str("hangup_reason", "Why it ended.", "normal", "busy", "no_answer", "cancelled", "rejected", "unregistered", "unallocated",
					"congestion", "answered_elsewhere", "abandoned", "timeout", "dialout", "amd", "lost", "failed"),
				str("hangup_cause", "The Q.850 cause by name, such as NORMAL_CLEARING."),
				number32("q850", "The Q.850 cause value."),
				number32("sip_status", "The SIP status code (RFC 3261)."),
				at("created_at", "When the leg began."),
				at("ringing_at", "When it began to ring."),
				at("answered_at", "When it was answered."),
				at("ended_at", "When it ended."),
				at("updated_at", "When it last changed."),
				integer("duration_ms", "Milliseconds from its beginning to its end."),
				integer("ringing_ms", "Milliseconds that it rang."),
				integer("billable_ms", "Milliseconds from the answer to its end."),
				str("recording_id", "The recording under way."),
				strs("recording_ids", "All recordings of it."),
				part("parking", "parking", "Where it is parked."),
				str("owner_id", "The user whom it belongs to."),
				str("authorizing_id", "The device or resource that was allowed to make it."),
				str("authorizing_type", "What that is, such as device or resource."),
				str("resource_id", "The carrier that it came or went through."),
				boolean("local_resource", "That carrier is the account's own."),
				boolean("emergency", "It is an emergency call."),
				boolean("internal_leg", "A loopback leg inside the switch."),
				str("inception", "Where the call entered the system, as user@realm."),
				object("vars", "Channel variables, spelling kept."),
				object("app_vars", "Application variables, spelling kept."),
				object("sip_headers", "SIP headers, spelling kept."),
				object("notify", "Data for a notification."),
				object("extra", "What else there is to say of it: members of your own."),
			},
			Sample: `{"id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","root_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","direction":"inbound","leg_direction":"inbound",
				"from":{"type":"tel","address":"+12025550143","name":"Ada Lovelace","uri":"+12025550143@sip.example.com"},
				"to":{"type":"tel","address":"+12025550100","uri":"+12025550100@pbx.example.com"},
				"callee":{"type":"extension","address":"101","name":"Grace Hopper"},
				"request_uri":"+12025550100@pbx.example.com","dialed":"+12025550100","status":"ringing",
				"created_at":"2026-01-31T15:04:05.123456Z","authorizing_id":"carrier-1","authorizing_type":"resource","resource_id":"carrier-1","local_resource":false,
				"emergency":false,"internal_leg":false,"forwarded":false,"inception":"+12025550143@sip.example.com","owner_id":"grace",
				"vars":{"Campaign":"spring & summer"},"app_vars":{"ticket":"4711"}}`,
		},
		{
			Name: "extension", Doc: "A number inside the phone system.",
			Fields: []Field{
				str("id", "Its id."), str("number", "The number, such as 101."),
				str("name", "Whose it is."), str("owner_id", "The user whom it belongs to."),
			},
			Sample: `{"id":"ext-101","number":"101","name":"Grace Hopper","owner_id":"user-grace"}`,
		},
		{
			Name: "number", Doc: "A phone number that can be dialled from outside (DID).",
			Fields: []Field{
				str("id", "Its id."), str("number", "The number."), str("description", "What it is for."),
				str("group", "The group it is in."), str("caller_id_prefix", "Put before the caller's name."),
			},
			Sample: `{"id":"did-100","number":"+12025550100","description":"Main line","group":"Sales","caller_id_prefix":"SALES"}`,
		},
		{
			Name: "ring_group", Doc: "Extensions that ring together or in turn.",
			Fields: []Field{
				str("id", "Its id."), str("number", "Its number, such as 600."), str("name", "Its name."),
				str("strategy", "How it rings, such as ringall."),
			},
			Sample: `{"id":"rg-600","number":"600","name":"Sales team","strategy":"ringall"}`,
		},
		{
			Name: "queue", IDField: "id", Doc: "It holds callers until an agent is free.",
			Fields: []Field{
				id("Its id."), str("number", "Its number, such as 700."), str("name", "Its name."), str("detail", "What it is for."),
				str("routing", "How it chooses agents, such as random."), strs("tag_ids", "Tags that an agent must have."),
				parts("wait_actions", "action", "What a waiting caller hears."),
				integer("wait_timeout_ms", "Milliseconds that a caller waits at most."),
				integer("service_timeout_ms", "Milliseconds that a call is served at most."),
				strs("waiting_ids", "Queue calls that wait."), strs("service_ids", "Queue calls being served."),
				integer("incoming_count", "Calls that ever came."), integer("serviced_count", "Calls that were served."),
				integer("abandoned_count", "Calls that gave up."),
				integer("wait_total_ms", "Milliseconds that all callers waited."),
				integer("service_total_ms", "Milliseconds that all calls were served."),
				at("created_at", "When it was made."), at("updated_at", "When it last changed."), at("deleted_at", "When it was deleted."),
			},
			Sample: `{"id":"2b1f7a0e-93a4-4c57-8f5e-0d6f5f0f7d70","number":"700","name":"Support","detail":"Support in English","routing":"random",
				"tag_ids":["d7450dda-21e0-4611-b09a-8d771c50a5e6"],"wait_actions":[{"id":"f1f0a7a2-21e0-4611-b09a-8d771c50a5e6","next_id":"00000000-0000-0000-0000-000000000000","type":"talk","option":{"text":"Please hold the line.","language":"en-US"}}],
				"wait_timeout_ms":300000,"service_timeout_ms":1800000,"waiting_ids":["c7c1e226-8c86-4b43-9606-2d5bb2059a09"],"service_ids":[],
				"incoming_count":41,"serviced_count":37,"abandoned_count":3,"wait_total_ms":512000,"service_total_ms":9100000,
				"created_at":"2025-11-29T06:09:07.263846Z","updated_at":"2026-01-31T15:04:05.500000Z"}`,
		},
		{
			Name: "queuecall", IDField: "id", Doc: "One caller's stay in a queue.",
			Fields: []Field{
				id("Its id."), str("queue_id", "The queue."), str("reference_type", "What waits: call."), str("reference_id", "The waiting leg's id."),
				str("status", "Where it stands.", "waiting", "connecting", "kicking", "serviced", "done", "abandoned"),
				str("agent_id", "The agent who was chosen."), integer("position", "The place in the queue; 1 is next."), integer("priority", "Higher goes first."),
				str("abandon_reason", "Why the caller left."),
				integer("wait_ms", "Milliseconds that the caller waited."), integer("service_ms", "Milliseconds that the agent spoke."),
				at("created_at", "When the caller came."), at("service_at", "When an agent was chosen, then when the agent answered."),
				at("updated_at", "When it last changed."), at("ended_at", "When it ended."),
			},
			Sample: `{"id":"c7c1e226-8c86-4b43-9606-2d5bb2059a09","queue_id":"2b1f7a0e-93a4-4c57-8f5e-0d6f5f0f7d70","reference_type":"call",
				"reference_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","status":"waiting","position":1,"priority":0,"created_at":"2026-01-31T15:04:06.111715Z"}`,
		},
		{
			Name: "agent", IDField: "id", Doc: "A person who answers the calls of queues.",
			Fields: []Field{
				id("Its id."), str("username", "The log-in name."), str("name", "The agent's name."), str("detail", "A description."),
				str("extension", "The extension where the agent is reached."), str("ring_method", "How the agent's addresses ring.", "ringall", "linear"),
				str("status", "What the agent is doing.", "available", "away", "busy", "offline", "ringing"),
				{Name: "permission", Kind: Unsigned, Doc: "VoIPBin's permission bits."},
				strs("tag_ids", "The agent's tags."), parts("addresses", "party", "Where the agent is reached."),
				at("created_at", "When the agent was made."), at("updated_at", "When it last changed."), at("deleted_at", "When it was deleted."),
			},
			Sample: `{"id":"eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b","username":"grace","name":"Grace Hopper","detail":"Speaks English and COBOL","extension":"101","ring_method":"ringall",
				"status":"available","permission":0,"tag_ids":["d7450dda-21e0-4611-b09a-8d771c50a5e6"],"addresses":[{"type":"tel","address":"+12025550101"}],
				"created_at":"2025-11-29T06:09:07.263846Z","updated_at":"2026-01-31T15:04:05.814900Z"}`,
		},
		{
			Name: "flow", IDField: "id", Doc: "A running call flow.",
			Fields: []Field{
				id("The run's id."), str("flow_id", "The flow that runs."), str("customer_id", "The customer, where the phone system tells it."),
				str("reference_type", "What it runs for.", "call", "message"), str("reference_id", "The call's or message's id."),
				part("action", "action", "The step that it is at."), str("forward_action_id", "The step that it was told to go to."),
				parts("actions", "action", "All its steps."),
				at("created_at", "When it started."), at("updated_at", "When it last changed."), at("ended_at", "When it ended."),
			},
			Sample: `{"id":"74ac5405-7c70-4184-9388-1c9f8f8ce25f","flow_id":"d157ce07-0360-4cad-9007-c8ab89fccf9c","reference_type":"call","reference_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11",
				"action":{"id":"df25724f-e308-4c89-9325-cf56cd09249e","next_id":"00000000-0000-0000-0000-000000000000","type":"answer"},
				"actions":[{"id":"df25724f-e308-4c89-9325-cf56cd09249e","next_id":"00000000-0000-0000-0000-000000000000","type":"answer"},{"id":"2e7ec294-fc66-4039-8446-6590b82ed54f","next_id":"00000000-0000-0000-0000-000000000000","type":"talk","option":{"text":"Welcome.","gender":"female","language":"en-US"}}],
				"created_at":"2026-01-31T15:04:05.724620Z","updated_at":"2026-01-31T15:04:05.840938Z"}`,
		},
		{
			Name: "message", Doc: "A text message (SMS or MMS).",
			Fields: []Field{
				str("id", "Its id."), str("conversation_id", "The conversation it belongs to. Default: derived from the two numbers."),
				str("channel", "What carries it.", "sms", "mms"), str("direction", "Which way it went.", "inbound", "outbound"),
				str("from", "The sender's number."), str("to", "The receiver's number."), str("text", "What it says."),
				parts("media", "media", "Files that came with it."), number32("segments", "How many SMS it took."),
				str("status", "How it fares.", "queued", "sent", "delivered", "failed", "rejected"), str("carrier_status", "The carrier's own word for it."),
				str("error_code", "The carrier's error code."), str("charges", "What it cost, a decimal number."), str("origin", "Where it came from, such as offnet."),
				at("sent_at", "When it was sent."), at("updated_at", "When it last changed."),
			},
			Sample: `{"id":"SM4f1f2a","conversation_id":"48151","channel":"sms","direction":"inbound","from":"+12025550143","to":"+12025550100","text":"Are you open today? Café & \"bar\" :)",
				"segments":1,"charges":"0.0075","origin":"offnet","sent_at":"2026-01-31T15:04:05Z"}`,
		},
		{
			Name: "voicemail", Doc: "A message that a caller left.",
			Fields: []Field{
				str("id", "Its id."), str("mailbox_id", "The mailbox's id."), str("mailbox_number", "The mailbox's number."), str("mailbox_name", "The mailbox's name."),
				integer("length_ms", "Its length in milliseconds."), at("received_at", "When it was left."), object("transcription", "What it says, as the phone system wrote it down."),
				str("audio_url", "Where the sound can be fetched."), str("folder", "The folder it is in, such as new."), str("reason", "Why it was deleted."),
				integer("message_count", "How many messages the mailbox holds."), integer("max_message_count", "How many it can hold."),
			},
			Sample: `{"id":"202601-vm9f2c","mailbox_id":"vmbox-101","mailbox_number":"101","mailbox_name":"Grace Hopper","length_ms":12400,"received_at":"2026-01-31T15:04:40Z",
				"transcription":{"result":"success","text":"Please call me back."},"audio_url":"https://pbx.example.com/vm/202601-vm9f2c.mp3","folder":"new","message_count":3,"max_message_count":100}`,
		},
		{
			Name: "fax", Doc: "A document that was sent or received, or could not be.",
			Fields: []Field{
				str("id", "Its id."), str("job_id", "The id of the job that sends it."),
				str("box_id", "The fax box's id."), str("box_name", "The fax box's name."), str("box_timezone", "The fax box's time zone, such as America/New_York."),
				str("owner_id", "The user whom it belongs to."), str("direction", "Which way it went.", "inbound", "outbound"),
				part("from", "party", "The sender."), part("to", "party", "The receiver."),
				integer("pages", "How many pages it has."), integer("transferred_pages", "How many pages came through."),
				str("status", "How it fares, in the phone system's words."), str("result_code", "The fax engine's result code."), str("error", "What went wrong."),
				strs("errors", "What was wrong with the mail that asked for it."),
				object("info", "The fax engine's own data."), object("notifications", "Who is told of it, and how."),
				str("from_email", "Who mailed it."), str("to_email", "Where the mail was sent to."), str("subject", "The subject of the mail."),
				str("number", "The number that the mail was for."), str("original_number", "That number as the mail had it."),
				str("document_url", "Where the document can be fetched."), at("completed_at", "When it was through, or given up."),
			},
			Sample: `{"id":"202601-fax7d21","box_id":"faxbox-sales","box_name":"Sales fax","box_timezone":"America/New_York","owner_id":"user-grace","direction":"inbound",
				"from":{"type":"tel","address":"+12025550143","name":"Ada Lovelace","uri":"+12025550143@sip.example.com"},
				"to":{"type":"tel","address":"+12025550100","name":"Sales fax","uri":"+12025550100@pbx.example.com"},
				"pages":3,"transferred_pages":3,"status":"completed","result_code":"0","info":{"fax_bad_rows":0,"fax_transfer_rate":14400},
				"notifications":{"email":{"send_to":["sales@example.com"]}},"document_url":"https://pbx.example.com/fax/202601-fax7d21.pdf","completed_at":"2026-01-31T15:06:12Z"}`,
		},
		{
			Name: "device", Doc: "A phone, and what it said when it registered.",
			Fields: []Field{
				str("id", "Its id."), str("name", "Its name."), str("username", "Its SIP user name."), str("realm", "Its SIP realm."),
				str("contact", "The SIP Contact that it gave."), str("user_agent", "Its make, as it says itself."),
				str("network_ip", "The address that it came from."), number32("network_port", "The port that it came from."),
				integer("expires", "Seconds that the registration lasts."), str("status", "The registration's state, in the phone system's words."),
				at("registered_at", "When it registered, or the registration ended."), str("call_id", "The SIP Call-ID of the registration."),
				str("from_user", "The user in the SIP From."), str("from_host", "The host in the SIP From."),
				str("to_user", "The user in the SIP To."), str("to_host", "The host in the SIP To."),
				str("profile_name", "The switch's SIP profile."), str("presence_hosts", "The hosts whose presence it serves."), str("rpid", "Its presence status."),
				str("switch_host", "The switch that it registered with."), str("authorizing_id", "What was allowed to register."),
				str("authorizing_type", "What that is, such as device."), str("owner_id", "The user whom it belongs to."),
				boolean("suppress_notify", "The operator wants no mail about it."),
			},
			Sample: `{"id":"device-101","name":"Grace's desk phone","username":"user_101","realm":"pbx.example.com","contact":"sip:user_101@203.0.113.7:5060",
				"user_agent":"Yealink SIP-T46S 66.86.0.15","network_ip":"203.0.113.7","network_port":5060,"expires":360,"status":"Registered(UDP)",
				"registered_at":"2026-01-31T15:04:05Z","call_id":"0_1722341988@203.0.113.7","from_user":"user_101","from_host":"pbx.example.com","to_user":"user_101","to_host":"pbx.example.com",
				"profile_name":"sipinterface_1","presence_hosts":"pbx.example.com","rpid":"unknown","switch_host":"fs1.example.com",
				"authorizing_id":"device-101","authorizing_type":"device","owner_id":"user-grace","suppress_notify":false}`,
		},
		{
			Name: "conference", IDField: "id", Doc: "A room where several callers talk.",
			Fields: []Field{
				id("Its id."), str("number", "Its number, such as 800."), str("name", "Its name."), str("instance_id", "This time that it is held."),
				part("participant", "participant", "Whom the event is about."), integer("participant_count", "How many are in it now."),
				at("started_at", "When the first participant came."), at("ended_at", "When the last participant left."),
			},
			Sample: `{"id":"conf-800","number":"800","name":"Monday meeting","instance_id":"3b0f6f0a-7a2e-4d44-9e2b-5a4f0f5f8d10",
				"participant":{"id":"2","call_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","name":"Ada Lovelace","number":"+12025550143","moderator":false,"muted":false},
				"participant_count":2,"started_at":"2026-01-31T15:00:00Z"}`,
		},
		{
			Name: "recording", IDField: "id", Doc: "The sound of a call.",
			Fields: []Field{
				id("Its id."), str("call_id", "The leg that is recorded."), str("status", "How it fares, such as recording or finished."),
				str("format", "The sound's format, such as mp3."), str("url", "Where the sound can be fetched."),
				at("started_at", "When it began."), at("ended_at", "When it ended."), integer("duration_ms", "Its length in milliseconds."),
			},
			Sample: `{"id":"5f2d8c1e-4b7a-4f39-8a6e-0c1d2e3f4a5b","call_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","status":"recording","format":"mp3","started_at":"2026-01-31T15:04:10Z"}`,
		},
		{
			Name: "notification", Doc: "Mail fields that any event may carry.",
			Fields: []Field{
				str("account_db", "The account's database."), str("attachment_url", "Where the attachment can be fetched."),
				address("bcc"), address("cc"), address("from"),
				address("to"), address("reply_to"),
				str("subject", "The subject."), str("html", "The HTML part."), str("text", "The text part."), boolean("preview", "A preview: it changes no state."),
			},
			Sample: `{}`,
		},
	}
}
