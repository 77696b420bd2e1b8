package kazoo

import (
	"slices"
	"strings"
	"sync"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// A hook is what Kazoo makes of one of our types.
type hook struct {
	typ    string
	name   string         // the hook; a notification's Event-Name follows a slash
	event  string         // the name of the event in v2
	v1, v2 func(*payload) // add the members to an empty payload; in v2 to its data
	action string         // of object hooks
}

// channelHook is an event of a channel, whose hook is the event in small letters.
func channelHook(typ, event string, v1 func(*payload)) hook {
	return hook{typ: typ, name: strings.ToLower(event), event: event, v1: v1, v2: busChannel}
}

func parkingHook(typ, event string) hook {
	return hook{typ: typ, name: "parking", event: event, v1: parking, v2: busParking}
}

func objectHook(typ, action string) hook {
	return hook{typ: typ, name: "object", event: action, v1: document, v2: busDocument, action: action}
}

// hooks is the kazoo column of the catalogue's table.
func hooks() []hook {
	return slices.Concat([]hook{
		channelHook("call.created", "CHANNEL_CREATE", channel),
		channelHook("call.answered", "CHANNEL_ANSWER", channel),
		channelHook("call.bridged", "CHANNEL_BRIDGE", bridge),
		channelHook("call.held", "CHANNEL_HOLD", channel),
		channelHook("call.unheld", "CHANNEL_UNHOLD", channel),
		channelHook("call.hungup", "CHANNEL_DESTROY", destroy),
		channelHook("leg.created", "CHANNEL_CREATE", channel),
		channelHook("leg.answered", "CHANNEL_ANSWER", channel),
		channelHook("leg.bridged", "CHANNEL_BRIDGE", bridge),
		channelHook("leg.held", "CHANNEL_HOLD", channel),
		channelHook("leg.unheld", "CHANNEL_UNHOLD", channel),
		channelHook("leg.hungup", "CHANNEL_DESTROY", destroy),

		{typ: "call.cdr", name: "cdr", event: "cdr", v1: cdr, v2: busChannel},
		parkingHook("call.parked", "PARK_PARKED"),
		parkingHook("call.retrieved", "PARK_RETRIEVED"),
		parkingHook("call.park_abandoned", "PARK_ABANDONED"),

		{typ: "message.received", name: "sms", event: "inbound", v1: message, v2: busMessage},
		{typ: "message.received", name: "mms", event: "inbound", v1: message, v2: busMessage},

		objectHook("record.created", "doc_created"),
		objectHook("record.updated", "doc_edited"),
		objectHook("record.deleted", "doc_deleted"),
		objectHook("recording.finished", "doc_created"),

		// Only what came from a Kazoo, see relayed: the catalogue has no such types.
		{typ: "custom.kazoo.stream_start", name: "stream/stream_start", event: "stream_start", v1: relayed, v2: relayed},
		{typ: "custom.kazoo.stream_stop", name: "stream/stream_stop", event: "stream_stop", v1: relayed, v2: relayed},
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

// custom is the beginning of the types of what a Kazoo sent and the catalogue
// has no type for.
const custom = "custom.kazoo."

// hookOf is the hook for an event, nil where there is none.
func hookOf(ev *switchhook.Event) *hook {
	rest, isCustom := strings.CutPrefix(ev.Type, custom)
	switch {
	case !isCustom:
		return index()[ev.Type]
	case ev.OriginalOf(name) == nil:
		return nil
	}
	if h := index()[ev.Type]; h != nil {
		return h
	}
	h := &hook{typ: ev.Type, event: rest, v1: relayed, v2: relayed}
	switch family, _, _ := strings.Cut(rest, "_"); family {
	case "channel":
		h.name, h.event = rest, strings.ToUpper(rest)
	case "qubicle":
		h.name = rest
	default:
		h.name = "notifications/" + rest
	}
	return h
}

// Table lists the types that Kazoo has a hook for.
func (*Dialect) Table() []dialect.Row { return table() }

//nolint:gochecknoglobals // as index
var table = sync.OnceValue(func() []dialect.Row {
	var rows []dialect.Row
	for _, h := range hooks() {
		row := dialect.Row{Type: h.typ, Name: h.name, Formats: []string{"form", "json", "query"}}
		switch {
		case strings.HasPrefix(h.typ, custom):
			row.Note = "only what came from a Kazoo"
			rows = append(rows, row)
		case h.name != "object":
			rows = append(rows, row)
		case !strings.HasPrefix(h.typ, "record."):
			row.Name = "object/call_recording"
			rows = append(rows, row)
		default:
			for _, o := range objects() {
				row.Name, row.Note = "object/"+o.typ, "only records of the schema "+o.schema
				rows = append(rows, row)
			}
		}
	}
	place := map[string]int{}
	for i, t := range catalogue.All() {
		place[t.Name] = i - len(catalogue.All()) // what is not there comes last
	}
	slices.SortStableFunc(rows, func(a, b dialect.Row) int { return place[a.Type] - place[b.Type] })
	return rows
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

//nolint:gochecknoglobals // as index
var objectTypes = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for _, o := range objects() {
		m[o.schema] = o.typ
	}
	return m
})

// objectType is Kazoo's document type for a schema of records, and "" where
// Kazoo tells of no such document. The object types are a setting of Kazoo's; one
// beyond the usual is the schema kazoo_TYPE (internal/source/kazoo).
func objectType(schema string) string {
	if typ, other := strings.CutPrefix(schema, "kazoo_"); other {
		return typ
	}
	return objectTypes()[schema]
}
