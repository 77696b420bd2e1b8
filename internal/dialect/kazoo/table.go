package kazoo

import (
	"slices"
	"sync"
)

// A hook is what Kazoo makes of one of our types.
type hook struct {
	typ    string
	name   string         // the hook; a notification's Event-Name follows a slash
	render func(*payload) // adds the members to an empty payload
	action string         // of object hooks
}

// hooks is the kazoo column of the catalogue's table.
func hooks() []hook {
	return slices.Concat([]hook{
		{typ: "call.created", name: "channel_create", render: channel},
		{typ: "call.answered", name: "channel_answer", render: channel},
		{typ: "call.bridged", name: "channel_bridge", render: bridge},
		{typ: "call.held", name: "channel_hold", render: channel},
		{typ: "call.unheld", name: "channel_unhold", render: channel},
		{typ: "call.hungup", name: "channel_destroy", render: destroy},
		{typ: "leg.created", name: "channel_create", render: channel},
		{typ: "leg.answered", name: "channel_answer", render: channel},
		{typ: "leg.bridged", name: "channel_bridge", render: bridge},
		{typ: "leg.held", name: "channel_hold", render: channel},
		{typ: "leg.unheld", name: "channel_unhold", render: channel},
		{typ: "leg.hungup", name: "channel_destroy", render: destroy},

		{typ: "call.cdr", name: "cdr", render: cdr},
		{typ: "call.parked", name: "parking", render: parking("PARK_PARKED")},
		{typ: "call.retrieved", name: "parking", render: parking("PARK_RETRIEVED")},
		{typ: "call.park_abandoned", name: "parking", render: parking("PARK_ABANDONED")},

		{typ: "message.received", name: "sms", render: message},
		{typ: "message.received", name: "mms", render: message},

		{typ: "record.created", name: "object", render: object, action: "doc_created"},
		{typ: "record.updated", name: "object", render: object, action: "doc_edited"},
		{typ: "record.deleted", name: "object", render: object, action: "doc_deleted"},
		{typ: "recording.finished", name: "object", render: object, action: "doc_created"},
	}, notifications())
}

//nolint:gochecknoglobals // the table is a constant; Go has no constant maps
var index = sync.OnceValue(func() map[string]*hook {
	m := map[string]*hook{}
	for _, h := range hooks() {
		if m[h.typ] == nil {
			m[h.typ] = &h
		}
	}
	return m
})

// An objectKind is a kind of document that object hooks tell of.
type objectKind struct{ schema, typ string }

// objects are those kinds, by our schemas (system_config webhooks.object_types).
func objects() []objectKind {
	return []objectKind{
		{"account", "account"},
		{"user", "user"},
		{"device", "device"},
		{"call_flow", "callflow"},
		{"mailbox", "vmbox"},
		{"mailbox_message", "mailbox_message"},
		{"fax", "fax"},
		{"faxbox", "faxbox"},
		{"media", "media"},
		{"call_recording", "call_recording"},
	}
}

// objectType is Kazoo's document type for a schema of records, and "" where
// Kazoo tells of no such document.
func objectType(schema string) string {
	for _, o := range objects() {
		if o.schema == schema {
			return o.typ
		}
	}
	return ""
}
