package primevox

import (
	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// An event is one of PrimeVOX's.
type event struct {
	typ       string // in the catalogue
	direction string // of the call; empty: any
	name      string // eventType, and eventTarget where there is one
	template  string // as PrimeVOX's page prints it
	parts     []string
	// on reports whether the event is one of the scope's objects: those whose
	// tab "API/Webhooks" would have the webhook.
	on   func(v *values, s *switchhook.Scope) bool
	note string
}

func (e *event) format() string {
	if e.template[0] == '{' {
		return "json"
	}
	return "form"
}

func onNumber(v *values, s *switchhook.Scope) bool { return dialect.AnyOf(s.Numbers, v.numbers...) }
func onExtension(v *values, s *switchhook.Scope) bool {
	return dialect.AnyOf(s.Extensions, v.extensions...)
}

func onRingGroup(v *values, s *switchhook.Scope) bool {
	return dialect.AnyOf(s.RingGroups, v.ringGroups...)
}
func onQueue(v *values, s *switchhook.Scope) bool { return dialect.AnyOf(s.Queues, v.queues...) }

func events() []event {
	return []event{
		{
			typ: "call.created", direction: "inbound", name: "InboundCall/phoneNumber", on: onNumber,
			template: `eventType=InboundCall&eventTarget=phoneNumber&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&didNumber={PHONE_NUMBER}&didDescription={PHONE_NUMBER_DESCRIPTION}&didGroup={GROUP_NAME}&cidPrefix={CALLERID_PREFIX}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}&callerIdName={FROM_NAME}`,
			note:     "only inbound calls",
		},
		{
			typ: "call.created", direction: "outbound", name: "outboundCall", on: onExtension,
			template: `eventType=outboundCall&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&extNumber={EXTENSION_NUMBER}&extName={EXTENSION_NAME}&callUuid={CALL_UUID}&numberDialed={NUMBER_DIALED}`,
			note:     "only outbound calls",
		},
		{
			typ: "call.hungup", direction: "inbound", name: "HangupCall", on: onNumber,
			template: `eventType=HangupCall&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&extNumber={EXTENSION_NUMBER}&extName={EXTENSION_NAME}&callUuid={CALL_UUID}&callerIdName={FROM_NAME}&callerIdNum={FROM_NUMBER}`,
			note:     "only inbound calls",
		},
		{
			typ: "extension.ringing", name: "ringAttempt/extension", on: onExtension,
			template: `eventType=ringAttempt&eventTarget=extension&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&extNumber={EXTENSION_NUMBER}&extName={EXTENSION_NAME}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}`,
		},
		{
			typ: "extension.answered", name: "ExtensionAnswered", on: onExtension,
			template: `eventType=ExtensionAnswered&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}&callerIdName={FROM_NAME}&extensionNumber={EXTENSION_NUMBER}&extensionName={EXTENSION_NAME}`,
		},
		{
			typ: "extension.completed", name: "inboundCallCompleted", on: onExtension,
			template: `eventType=inboundCallCompleted&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&extNumber={EXTENSION_NUMBER}&extName={EXTENSION_NAME}&callUuid={CALL_UUID}&callerIdName={FROM_NAME}&callerIdNum={FROM_NUMBER}`,
		},
		{
			typ: "ring_group.entered", name: "ringAttempt/ringGroup", on: onRingGroup,
			template: `eventType=ringAttempt&eventTarget=ringGroup&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&rgNumber={RING_GROUP_EXTEN}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}`,
		},
		{
			typ: "queuecall.created", name: "queueEntered/queue", on: onQueue,
			template: `eventType=queueEntered&eventTarget=queue&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&queueNumber={QUEUE_EXTEN}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}`,
		},
		{
			typ: "message.received", name: "inboundMessage", on: onNumber,
			template: `{
"eventType": "inboundMessage",
"toNumber": "{TO_NUMBER}",
"fromNumber": "{FROM_NUMBER}",
"containerID": "{CONTAINER_ID}",
"tenantID": "{TENANT_ID}",
"conversationID": "{CONVO_ID}",
"messageText": "{ESCAPED_MESSAGE_TEXT}"
}`,
		},
		{
			typ: "message.sent", name: "outboundMessage", on: onNumber,
			template: `{
"eventType": "outboundMessage",
"toNumber": "{TO_NUMBER}",
"fromNumber": "{FROM_NUMBER}",
"containerID": "{CONTAINER_ID}",
"tenantID": "{TENANT_ID}",
"conversationID": "{CONVO_ID}",
"messageText": "{ESCAPED_MESSAGE_TEXT}"
}`,
		},
		{
			typ: "voicemail.new", name: "voicemailHangup", on: onExtension,
			template: `eventType=voicemailHangup&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&extNumber={EXTENSION_NUMBER}&extName={EXTENSION_NAME}&callUuid={CALL_UUID}&callerIdName={FROM_NAME}&callerIdNum={FROM_NUMBER}`,
		},
	}
}
