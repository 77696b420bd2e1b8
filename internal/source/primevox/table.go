package primevox

import "strings"

// An event is one of PrimeVOX's.
type event struct {
	typ    string
	fields []field
	says   []says // what the event itself says
	// whole says that the event is about the call as such: it has a callUuid, and
	// the call has one such event only.
	whole bool
}

// A field is a parameter of PrimeVOX's and what becomes of it: call.from.name is
// the member name of from in the resource call.
type field struct{ from, to string }

// says is a member and its value.
type says struct{ to, value string }

// events are the page's eleven, by eventType and, where there is one, eventTarget.
func events() map[string]*event {
	return map[string]*event{
		"InboundCall/phoneNumber": {
			typ: "call.created", whole: true,
			fields: fields("callUuid=call.id callerIdNum=call.from.address callerIdName=call.from.name didNumber=call.to.address" +
				" didNumber=number.number didDescription=number.description didGroup=number.group cidPrefix=number.caller_id_prefix"),
			says: []says{{"call.direction", "inbound"}, {"call.leg_direction", "inbound"}, {"call.from.type", "tel"}, {"call.to.type", "tel"}},
		},
		"HangupCall": {
			typ: "call.hungup", whole: true,
			fields: fields("callUuid=call.id callerIdNum=call.from.address callerIdName=call.from.name" +
				" extNumber=call.answered_extension.number extName=call.answered_extension.name"),
			says: []says{{"call.direction", "inbound"}, {"call.leg_direction", "inbound"}, {"call.from.type", "tel"}},
		},
		"outboundCall": {
			typ: "call.created", whole: true,
			fields: fields("callUuid=call.id extNumber=call.from.address extName=call.from.name numberDialed=call.to.address numberDialed=call.dialed" +
				" extNumber=extension.number extName=extension.name"),
			// The phone that dials out is an inbound leg of the outbound call.
			says: []says{{"call.direction", "outbound"}, {"call.leg_direction", "inbound"}, {"call.from.type", "extension"}, {"call.to.type", "tel"}},
		},
		"ringAttempt/extension": {typ: "extension.ringing", fields: fields("extNumber=extension.number extName=extension.name" + caller)},
		"ExtensionAnswered":     {typ: "extension.answered", fields: fields("extensionNumber=extension.number extensionName=extension.name" + caller)},
		"inboundCallCompleted":  {typ: "extension.completed", fields: fields("extNumber=extension.number extName=extension.name" + caller)},
		"voicemailHangup": {typ: "voicemail.new", fields: fields("extNumber=voicemail.mailbox_number extName=voicemail.mailbox_name" +
			" extNumber=extension.number extName=extension.name" + caller)},
		"ringAttempt/ringGroup": {typ: "ring_group.entered", fields: fields("rgNumber=ring_group.number" + caller)},
		"queueEntered/queue": {
			typ:    "queuecall.created",
			fields: fields("callUuid=queuecall.reference_id queueNumber=queue.number" + caller),
			says:   []says{{"queuecall.reference_type", "call"}},
		},
		"inboundMessage":  {typ: "message.received", fields: fields(message), says: []says{{"message.direction", "inbound"}}},
		"outboundMessage": {typ: "message.sent", fields: fields(message), says: []says{{"message.direction", "outbound"}}},
	}
}

const (
	caller  = " callUuid=call.id callerIdNum=call.from.address callerIdName=call.from.name"
	message = "conversationID=message.conversation_id fromNumber=message.from toNumber=message.to messageText=message.text"
)

func fields(pairs string) []field {
	var all []field
	for pair := range strings.FieldsSeq(pairs) {
		from, to, _ := strings.Cut(pair, "=")
		all = append(all, field{from, to})
	}
	return all
}
