package kazoo

import (
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/catalogue"
)

// A hook is one of Kazoo's, and what it becomes.
type hook struct {
	typ     string
	channel bool // it tells of a channel: what it lacks is unset
	flat    bool // its members lie flat in the data, as the catalogue has them
	flow    bool // it is a call flow's own
	parts   []part
}

// A part is a resource that a payload speaks of, or where it has no name the
// data itself. The first one is what the event is about.
type part struct {
	resource string
	id       string // the member that must be there
	fields   []field
}

// A field is a member of Kazoo's, and the one that it becomes: from.name is the
// member name of from. Where a realm is named too, both make user@realm.
type field struct {
	from, to string
	read     read
	realm    string
}

// hooks are Kazoo's by the word that tells them apart: hook_event, event_name,
// action or type, and in v2 the name.
func hooks() map[string]*hook {
	all := map[string]*hook{}
	for _, h := range []struct {
		name, typ string
		with      []field
	}{
		{"channel_create", "call.created", nil},
		{"channel_answer", "call.answered", nil},
		{"channel_bridge", "call.bridged", []field{
			{"original_number", "original_number", readText, ""},
			{"other_leg_destination_number", "peer_destination", readText, ""},
		}},
		{"channel_hold", "call.held", nil},
		{"channel_unhold", "call.unheld", nil},
		{"channel_destroy", "call.hungup", hangup()},
		{"cdr", "call.cdr", hangup()}, // in v2
	} {
		all[h.name] = &hook{typ: h.typ, channel: true, parts: []part{{"call", "call_id", append(channel(), h.with...)}}}
	}
	all["report"] = all["cdr"]                           // in v2
	all["channel_disconnected"] = all["channel_destroy"] // which Kazoo reports it as

	for name, typ := range map[string]string{
		"PARK_PARKED": "call.parked", "PARK_RETRIEVED": "call.retrieved", "PARK_ABANDONED": "call.park_abandoned",
	} {
		all[name] = &hook{typ: typ, parts: []part{{"call", "call_id", append(caller(),
			field{"caller_id_Number", "from.address", readText, ""}, // so in Kazoo's own sample
			field{"callee_id_number", "callee.address", readText, ""},
			field{"callee_id_name", "callee.name", readText, ""},
			field{"parking_slot", "parking.slot", readText, ""},
		)}}}
	}

	for name, typ := range map[string]string{
		"doc_created": "record.created", "doc_edited": "record.updated", "doc_deleted": "record.deleted",
		"doc_updated": "record.updated", // so on Kazoo's page once
	} {
		all[name] = &hook{typ: typ, parts: []part{{"", "id", []field{
			{"type", "schema", readSchema(), ""},
			{"id", "id", readText, ""},
			{"doc", "row", readObject, ""}, // v2 only
		}}}}
	}

	sms := &hook{typ: "message.received", parts: []part{{"message", "", []field{
		{"id", "id", readText, ""},
		{"type", "channel", word("sms mms"), ""},
		{"from", "from", readText, ""},
		{"to", "to", readText, ""},
		{"body", "text", readText, ""},
		{"origin", "origin", readText, ""},
		{"charges", "charges", readText, ""},
	}}}}
	all["sms"], all["mms"] = sms, sms
	all["inbound"] = sms // in v2

	for _, n := range notifications() {
		all[n.name] = &hook{typ: n.typ, flat: n.parts == nil, parts: append(slices.Clip(n.parts), part{"notification", "", mail()})}
	}
	return all
}

// custom is the beginning of the types of what the catalogue has no type for.
const custom = "custom.kazoo."

// other is a hook of Kazoo's beyond the table, by its name: of a stream, a channel
// or a notification. It is nil where the name cannot be a type's.
func other(name string) *hook {
	if _, ok := catalogue.Lookup(custom + name); !ok {
		return nil
	}
	return &hook{typ: custom + name, parts: []part{{"", "", []field{
		{"call_id", "call_id", readText, ""},
		{"stream_id", "stream_id", readText, ""},
		{"stream_name", "stream_name", readText, ""},
		{"reason", "reason", readAny, ""},
		{"error_message", "error_message", readAny, ""},
	}}}}
}

// flowHook is the webhook action of a call flow (cf_webhook.erl).
func flowHook() *hook {
	return &hook{typ: "flow.webhook", flow: true, parts: []part{{"call", "call_id", []field{{"call_id", "id", readText, ""}}}}}
}

// A notification is one of the hook notifications. Without parts its members lie
// flat in the data, under Kazoo's names, as the catalogue describes them.
type notification struct {
	name, typ string
	parts     []part
}

// notifications are all of them. One more is one row more: its event_name, the
// type, and the resources that its members belong to.
func notifications() []notification {
	vm := []part{{"voicemail", "", voicemail()}, {"call", "", callOf()}}
	phone := []part{{"device", "", device()}}
	document := []part{{"fax", "", fax()}, {"call", "", faxCall()}}
	return []notification{
		{"missed_call", "call.missed", []part{{"call", "call_id", missed()}}},
		{"emergency_bridge", "emergency.bridged", nil},
		{"denied_emergency_bridge", "emergency.denied", nil},

		{"voicemail_new", "voicemail.new", vm},
		{"voicemail_saved", "voicemail.saved", vm},
		{"voicemail_deleted", "voicemail.deleted", vm},
		{"voicemail_full", "voicemail.full", []part{{"voicemail", "", []field{
			{"voicemail_box", "mailbox_id", readText, ""},
			{"message_count", "message_count", readInteger, ""},
			{"max_message_count", "max_message_count", readInteger, ""},
		}}}},

		{"inbound_fax", "fax.received", document},
		{"inbound_fax_error", "fax.receive_failed", document},
		{"outbound_fax", "fax.sent", document},
		{"outbound_fax_error", "fax.send_failed", document},
		{"outbound_smtp_fax_error", "fax.email_rejected", document},

		{"port_unconfirmed", "port.unconfirmed", nil},
		{"port_request", "port.requested", nil},
		{"port_pending", "port.pending", nil},
		{"port_scheduled", "port.scheduled", nil},
		{"port_rejected", "port.rejected", nil},
		{"port_cancel", "port.canceled", nil},
		{"port_comment", "port.commented", nil},
		{"ported", "port.completed", nil},
		{"cnam_request", "number.cnam_requested", nil},
		{"number_feature_manual_action", "number.feature_manual_action", nil},

		{"register", "device.registered", phone},
		{"deregister", "device.deregistered", phone},

		{"new_account", "account.created", nil},
		{"account_deleted", "account.deleted", nil},
		{"account_zone_change", "account.zone_changed", nil},
		{"first_occurrence", "account.first_occurrence", nil},
		{"customer_update", "account.customer_update", nil},
		{"new_user", "user.created", nil},
		{"password_recovery", "user.password_recovery", nil},

		{"transaction", "billing.transaction", nil},
		{"top_up", "billing.topup", nil}, // so on Kazoo's page
		{"topup", "billing.topup", nil},  // so in its code
		{"bill_reminder", "billing.reminder", nil},
		{"low_balance", "billing.low_balance", nil},
		{"service_added", "billing.service_added", nil},

		{"cf_notification", "notification.custom", nil},
		{"system_alert", "system.alert", nil},
		{"webhook", "flow.webhook", nil},
		{"webhook_disabled", "webhook.disabled", nil},
	}
}

// channel are the members of channel hooks and of cdr.
func channel() []field {
	return append(caller(), []field{
		{"call_direction", "leg_direction", word("inbound outbound"), ""},
		{"from", "from.uri", readText, ""},
		{"to", "to.uri", readText, ""},
		{"callee_id_number", "callee.address", readText, ""},
		{"callee_id_name", "callee.name", readText, ""},
		{"request", "request_uri", readText, ""},
		{"other_leg_call_id", "peer_id", readText, ""},
		{"call_forwarded", "forwarded", readBoolean, ""},
		{"owner_id", "owner_id", readText, ""},
		{"authorizing_id", "authorizing_id", readText, ""},
		{"authorizing_type", "authorizing_type", readText, ""},
		{"local_resource_id", "resource_id", readText, ""},
		{"local_resource_used", "local_resource", readBoolean, ""},
		{"emergency_resource_used", "emergency", readBoolean, ""},
		{"is_internal_leg", "internal_leg", readBoolean, ""},
		{"inception", "inception", readText, ""},
		{"custom_channel_vars", "vars", readObject, ""},
		{"custom_application_vars", "app_vars", readObject, ""},
		{"custom_sip_headers", "sip_headers", readObject, ""},
	}...)
}

func hangup() []field {
	return []field{
		{"hangup_cause", "hangup_cause", readText, ""},
		{"hangup_code", "sip_status", readSIP, ""},
		{"duration_seconds", "duration_ms", readSeconds, ""},
		{"ringing_seconds", "ringing_ms", readSeconds, ""},
		{"billing_seconds", "billable_ms", readSeconds, ""},
	}
}

// sometimes reports whether not every channel hook of a type has a member: mod_kazoo
// gives CHANNEL_BRIDGE, CHANNEL_HOLD and CHANNEL_UNHOLD no From, To and Request,
// Kazoo 4 sends no SIP headers, a cdr has neither variables nor inception, and in v1
// not how the call ended. Their absence says nothing.
func sometimes(typ, to string) bool {
	switch name, _, _ := strings.Cut(to, "."); name {
	case "to", "request_uri", "sip_headers", "inception", "vars", "app_vars", "resource_id":
		return true
	case "hangup_cause", "sip_status", "duration_ms", "ringing_ms", "billable_ms":
		return typ == "call.cdr"
	default:
		return false
	}
}

// caller names a call and who calls.
func caller() []field {
	return []field{
		{"call_id", "id", readText, ""},
		{"caller_id_number", "from.address", readText, ""},
		{"caller_id_name", "from.name", readText, ""},
	}
}

// callOf is what a notification says of a call.
func callOf() []field {
	return append(caller(),
		field{"from_user", "from.uri", readText, "from_realm"},
		field{"to_user", "to.uri", readText, "to_realm"},
	)
}

func missed() []field {
	return append(callOf(),
		field{"call_bridged", "bridged", readBoolean, ""},
		field{"message_left", "message_left", readBoolean, ""},
		field{"notify", "notify", readObject, ""},
	)
}

func voicemail() []field {
	return []field{
		{"voicemail_id", "id", readText, ""},
		{"voicemail_box", "mailbox_id", readText, ""},
		{"voicemail_length", "length_ms", readInteger, ""}, // milliseconds in Kazoo too
		{"voicemail_timestamp", "received_at", readTime, ""},
		{"voicemail_transcription", "transcription", readObject, ""},
		{"reason", "reason", readText, ""},
	}
}

func fax() []field {
	return []field{
		{"fax_id", "id", readText, ""},
		{"fax_jobid", "job_id", readText, ""},
		{"faxbox_id", "box_id", readText, ""},
		{"faxbox_name", "box_name", readText, ""},
		{"faxbox_timezone", "box_timezone", readText, ""},
		{"owner_id", "owner_id", readText, ""},
		{"caller_id_number", "from.address", readText, ""},
		{"caller_id_name", "from.name", readText, ""},
		{"from_user", "from.uri", readText, "from_realm"},
		{"callee_id_number", "to.address", readText, ""},
		{"callee_id_name", "to.name", readText, ""},
		{"to_user", "to.uri", readText, "to_realm"},
		{"fax_result_code", "result_code", readText, ""},
		{"fax_error", "error", readText, ""},
		{"errors", "errors", list(readText), ""},
		{"fax_info", "info", readObject, ""},
		{"fax_notifications", "notifications", readObject, ""},
		{"fax_from_email", "from_email", readText, ""},
		{"fax_to_email", "to_email", readText, ""},
		{"fax_email_subject", "subject", readText, ""}, // Kazoo 5
		{"number", "number", readText, ""},
		{"original_number", "original_number", readText, ""},
		{"fax_timestamp", "completed_at", readTime, ""},
	}
}

// faxCall is the call that a fax came or went by.
func faxCall() []field {
	return append(callOf(),
		field{"callee_id_number", "callee.address", readText, ""},
		field{"callee_id_name", "callee.name", readText, ""},
	)
}

func device() []field {
	return []field{
		{"authorizing_id", "id", readText, ""}, // the device's document
		{"username", "username", readText, ""},
		{"realm", "realm", readText, ""},
		{"contact", "contact", readText, ""},
		{"user_agent", "user_agent", readText, ""},
		{"network_ip", "network_ip", readText, ""},
		{"network_port", "network_port", readPort, ""},
		{"expires", "expires", readInteger, ""},
		{"status", "status", readText, ""},
		{"event_timestamp", "registered_at", readTime, ""},
		{"call_id", "call_id", readText, ""},
		{"from_user", "from_user", readText, ""},
		{"from_host", "from_host", readText, ""},
		{"to_user", "to_user", readText, ""},
		{"to_host", "to_host", readText, ""},
		{"profile_name", "profile_name", readText, ""},
		{"presence_hosts", "presence_hosts", readText, ""},
		{"rpid", "rpid", readText, ""},
		{"freeswitch_hostname", "switch_host", readText, ""},
		{"authorizing_id", "authorizing_id", readText, ""},
		{"authorizing_type", "authorizing_type", readText, ""},
		{"owner_id", "owner_id", readText, ""},
		{"suppress_unregister_notify", "suppress_notify", readBoolean, ""},
	}
}

// mail are the optional members of every notification.
func mail() []field {
	return []field{
		{"account_db", "account_db", readText, ""},
		{"attachment_url", "attachment_url", readText, ""},
		{"bcc", "bcc", readAny, ""},
		{"cc", "cc", readAny, ""},
		{"from", "from", readAny, ""},
		{"html", "html", readText, ""},
		{"preview", "preview", readBoolean, ""},
		{"reply_to", "reply_to", readAny, ""},
		{"subject", "subject", readText, ""},
		{"text", "text", readText, ""},
		{"to", "to", readAny, ""},
	}
}
