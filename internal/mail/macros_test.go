package mail_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
)

// What the template language can show is all that a context holds.
func TestContextHoldsPlainValues(t *testing.T) {
	t.Parallel()
	for _, d := range mail.Definitions() { // TestLetters looks at more of each
		checkPlain(t, d.ID, mail.Context(&switchhook.Event{Type: mail.Sample(d.ID).Type, Data: json.RawMessage(`not JSON`)}, &mail.Env{}))
	}
}

// checkPlain fails the test if something in a context is not as a template expects it.
func checkPlain(t *testing.T, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			checkPlain(t, at+"."+name, member)
		}
	case []any:
		for i, item := range v {
			checkPlain(t, fmt.Sprintf("%s.%d", at, i), item)
		}
	case nil:
		if !strings.Contains(at, ".event.") {
			t.Errorf("%s is nil", at)
		}
	case string:
		if v == "" && !strings.Contains(at, ".event.") {
			t.Errorf("%s is empty", at)
		}
	case json.Number, int64, float64, bool, time.Time:
	default:
		t.Errorf("%s is a %T", at, v)
	}
}

func TestMacros(t *testing.T) {
	t.Parallel()
	berlin := &mail.Env{Account: mail.Account{Timezone: "Europe/Berlin"}}
	ada := &mail.Env{User: json.RawMessage(`{"id":"ada","first_name":"Ada","last_name":"Lovelace"}`)}
	for _, c := range []struct {
		typ, data string
		env       *mail.Env
		macro     string
		want      string
	}{
		{"call.missed", `{"call":{"id":"a","from":{"name":"Ada","address":"+12025550143"}}}`, berlin, "caller_id.name_number", "Ada (+1 202-555-0143)"},
		{"call.missed", `{"call":{"id":"a","from":{"name":"+12025550143","address":"+12025550143"}}}`, berlin, "caller_id.name_number", "+1 202-555-0143"},
		{"call.missed", `{"call":{"id":"a","from":{"name":"unknown","address":"+442079460123"}}}`, berlin, "caller_id.name_number", "+442079460123"},
		{"call.missed", `{"call":{"id":"a","from":{"name":"Unknown","address":"unknown"}}}`, berlin, "caller_id", "<nil>"},
		{"call.missed", `{"call":{"id":"a","from":{"address":"+12025550143"}}}`, berlin, "event.call.from.address", "+12025550143"},
		{"call.missed", `{"call":{"id":"a","hangup_reason":"busy"}}`, berlin, "missed_call.reason", "the line was busy"},
		{"call.missed", `{"call":{"id":"a","notify":{"hangup_cause":"ORIGINATOR_CANCEL"}}}`, berlin, "missed_call.reason", "the caller hung up"},
		{"voicemail.new", `{"voicemail":{"received_at":"2026-01-31T15:04:40Z"}}`, berlin, "date_called.local", "2026-01-31 16:04:40 +0100 CET"},
		{"voicemail.new", `{"voicemail":{"received_at":"2026-01-31T15:04:40Z"}}`, &mail.Env{Account: mail.Account{Timezone: "Mars/Olympus"}}, "date_called.timezone", "UTC"},
		{"voicemail.new", `{"voicemail":{"received_at":"2026-01-31T15:04:40Z"}}`, berlin, "date_called.timestamp", "63937091080"},
		{"voicemail.new", `{"voicemail":{"length_ms":3725000}}`, berlin, "voicemail.length", "01:02:05"},
		{"voicemail.new", `{"voicemail":{"length_ms":3725000}}`, berlin, "voicemail.duration", "1 hour 2 minutes 5 seconds"},
		{"voicemail.new", `{"voicemail":{"length_ms":400}}`, berlin, "voicemail.duration", "less than a second"},
		{"voicemail.new", `{"voicemail":{"transcription":{"text":"a\r\nb"}}}`, berlin, "voicemail.transcription", "a\nb"},
		{"voicemail.new", `{"voicemail":{"id":"v"}}`, berlin, "voicemail.file_name", "<nil>"},
		{"fax.received", `{"fax":{"box_timezone":"Asia/Tokyo","completed_at":"2026-01-31T15:04:40Z"}}`, berlin, "date_called.local", "2026-02-01 00:04:40 +0900 JST"},
		{"billing.transaction", `{"amount":"20.5"}`, berlin, "transaction.amount", "20.50"},
		{"billing.transaction", `{"amount":1e999}`, berlin, "transaction.amount", "<nil>"},
		{"billing.reminder", `{"due_date":"2026-02-01T00:00:00Z"}`, berlin, "invoice.due_date.local", "2026-02-01 00:00:00 +0000 UTC"},
		{"billing.reminder", `{"items":{"a":{"quantity":2,"rate":"1.25"},"b":{"total":1}}}`, berlin, "invoice.total", "3.50"},
		{"billing.reminder", `{"items":[{"name":"a","quantity":0,"total":0},{"name":"b","quantity":1,"rate":2}]}`, berlin, "invoice.items", "map[B:map[discounts:0.00 quantity:1 rate:2.00 total:2.00]]"},
		{"port.scheduled", `{"port":{"scheduled_date":63938124000}}`, berlin, "port_request.port_scheduled_date.utc", "2026-02-12 14:00:00 +0000 UTC"},
		{"port.scheduled", `{"port":{"scheduled_date":"2026-02-12"}}`, berlin, "port_request.port_scheduled_date.local", "2026-02-12 00:00:00 +0100 CET"},
		{"port.requested", `{"number":"+12025550177"}`, berlin, "port_request.name", "+1 202-555-0177"},
		{"port.requested", `{}`, berlin, "port_request.port_state", "submitted"},
		{"port.commented", `{"comment":"Hello"}`, berlin, "port_request.comment.content", "Hello"},
		{"port.commented", `{"comment":{"content":"Hello","author":"Ada Lovelace","user_id":"ada"}}`, ada, "user.last_name", "Lovelace"},
		{"port.commented", `{"comment":{"content":"Hello","author":"The operator","user_id":"other"}}`, ada, "user.first_name", "The operator"},
		{"port.commented", `{"comment":{"content":"Hello","user_id":"ada"}}`, ada, "port_request.comment.author", "Ada Lovelace"},
		{"port.pending", `{"reason":{"content":"So","author":"The operator","timestamp":63938124000}}`, ada, "port_request.transition_reason.user.author", "The operator"},
		{"port.pending", `{"port":{"created":63938124000,"carrier":"Old","bill":{"pin":"4711","street_address":"1 Main St"}}}`, berlin, "port_request.created.local", "2026-02-12 15:00:00 +0100 CET"},
		{"port.pending", `{"port":{"carrier":"Old","bill":{"pin":"4711","street_address":"1 Main St"}}}`, berlin, "port_request.bill.account.pin", "4711"},
		{"port.pending", `{"port":{"carrier":"Old","bill":{"pin":"4711","street_address":"1 Main St"}}}`, berlin, "port_request.bill.address.street_name", "1 Main St"},
		{"port.pending", `{"port":{"carrier":"Old"}}`, berlin, "port_request.losing_carrier", "Old"},
		{"port.pending", `{}`, &mail.Env{Port: json.RawMessage(`{"name":"Move","numbers":{"+12025550177":{}}}`)}, "port_request.numbers", "[+1 202-555-0177]"},
		{"fax.email_rejected", `{"fax":{"from_email":"ada@example.com","errors":["no document"]}}`, berlin, "fax.from", "ada@example.com"},
		{"fax.email_rejected", `{"fax":{"from_email":"ada@example.com","errors":["no document"]}}`, berlin, "fax.error", "no document"},
		{"fax.email_rejected", `{"fax":{"from_email":"ada@example.com"}}`, berlin, "date.local", "2026-01-31 16:04:05 +0100 CET"},
		{"voicemail.full", `{"voicemail":{"mailbox_number":"101"}}`, ada, "voicemail.number", "101"},
		{"voicemail.new", `{"voicemail":{"id":"v"}}`, ada, "owner.first_name", "Ada"},
		{"billing.topup", `{"amount":20,"success":true}`, berlin, "amount", "20.00"},
		{"billing.service_added", `{"audit_log":{"audit":{"request":{"client_ip":"192.0.2.1"}}}}`, berlin, "request.client_ip", "192.0.2.1"},
		{"user.password_recovery", `{"password_reset_link":"javascript:alert(1)"}`, berlin, "link", "<nil>"},
		{"user.password_recovery", `{"password_reset_link":"https://portal.example.com/#/x"}`, berlin, "link", "https://portal.example.com/#/x"},
		{"account.first_occurrence", `{"occurrence":"call"}`, berlin, "event", "call"},
		{"notification.custom", `{"template_id":"x","comments":"a\nb","mine":{"deep":[1]}}`, berlin, "mine.deep", "[1]"},
		{"notification.custom", `{"account":{"name":"forged"}}`, &mail.Env{Account: mail.Account{Name: "Example"}}, "account.name", "Example"},
		{"notification.custom", `{"template_id":"x","caller_id_number":"101"}`, berlin, "call.caller_id_number", "101"},
		{"notification.custom", `{"template_id":"conference_email_invite","conference_numbers":["800","801"],"guests":["a@example.com"]}`, berlin, "invite", "map[conference_numbers:[800 801] conference_numbers_formatted:800, 801]"},
		{"notification.custom", `{"template_id":"conference_email_invite","invite":{"invite_message":"a\nb"}}`, berlin, "invite.invite_message", "a\nb"},
		{"notification.custom", `{"template_id":"conference_email_invite","conference_link":"javascript:alert(1)"}`, berlin, "invite", "<nil>"},
		{"notification.custom", `{"template_id":"conference_email_invite","notify":{"conference":{"number":"+12025550180"}}}`, berlin, "invite.conference_call_in_numbers", "[+1 202-555-0180]"},
		{"notification.custom", `{"template_id":"email_verification","notify":{"code":"4711"}}`, berlin, "verification_code", "4711"},
		{"notification.custom", `{"template_id":"email_verification","verification_code":"4712"}`, berlin, "verification_code", "4712"},
		{"notification.custom", `{"template_id":"desktop_app_welcome"}`, &mail.Env{Brand: mail.Brand{Name: "Acme"}}, "branding.reseller.company_name", "Acme"},
		{"notification.custom", `{"template_id":"desktop_app_welcome","webphone_enabled":true}`, berlin, "desktop.webphone_enabled", "true"},
		{"port.completed", `{}`, berlin, "port_request.ported_date.local", "2026-01-31 16:04:05 +0100 CET"},
		{"port.pending", `{}`, berlin, "port_request.ported_date", "<nil>"},
		{"port.pending", `{"port":{"port_authority":"abc"}}`, &mail.Env{Reseller: mail.Account{Name: "Telecom"}}, "port_request.port_authority.name", "Telecom"},
		{"user.created", `{"user_id":"ada","first_name":"Ada","last_name":"Byron"}`, ada, "user.full_name", "Ada Byron"},
		{"port.commented", `{"comment":{"content":"Hello","author":"The operator"}}`, ada, "port_request.comment.full_name", "The operator"},
		{"billing.service_added", `{"items":[{"category":"devices","item":"sip_device","quantity":2},{"category":"devices","item":"softphone","quantity":1}]}`, berlin, "service_changes", "map[Devices:map[Sip device:2 Softphone:1]]"},
		{"fax.email_rejected", `{"fax":{"from_email":"ada@example.com","subject":"Please\nfax"}}`, berlin, "fax.subject", "Please fax"},
		{"voicemail.new", `{"voicemail":{"id":"v"},"call":{"from":{"address":"+12025550143"}}}`, berlin, "voicemail.caller_id_number", "+1 202-555-0143"},
		{"voicemail.new", `{"voicemail":{"id":"v"}}`, &mail.Env{Hostname: "a.example.com"}, "service", "map[host:a.example.com]"},
		{"notification.custom", `{"numbers":"mine","service":{"name":"mine"}}`, &mail.Env{Brand: mail.Brand{Name: "Acme"}, Hostname: "a.example.com"}, "service.name", "mine"},
		{"system.alert", `{"details":"disk"}`, berlin, "details.message", "disk"},
		{"system.alert", `{"details":{"a":1,"cf_module":"user","custom_channel_vars":{"account_id":"b"},"reply_headers":{"server":"c"}}}`, berlin, "details", "map[a:1]"},
		{"system.alert", `{"details":{"cf_module":"user","cf_flow":{"module":"menu"}}}`, berlin, "callflow", "map[cf_module:user module:menu]"},
		{"system.alert", `{"details":{"custom_channel_vars":{"account_id":"b"}}}`, berlin, "channel_vars.account_id", "b"},
		{"system.alert", `{"details":{"reply_headers":{"server":"c"}}}`, berlin, "http_headers", "[server: c]"},
		{"call.missed", `{}`, &mail.Env{Brand: mail.Brand{Accent: "#ffd400"}}, "brand.accent_text", "#10131a"},
		{"call.missed", `{}`, &mail.Env{Brand: mail.Brand{Accent: "url(x)"}}, "brand.accent", "#1f5fd6"},
	} {
		context := mail.Context(&switchhook.Event{Type: c.typ, Data: json.RawMessage(c.data), OccurredAt: time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)}, c.env)
		if got := fmt.Sprint(value(context, strings.Split(c.macro, "."))); got != c.want {
			t.Errorf("%s %s: %s is %q, not %q", c.typ, c.data, c.macro, got, c.want)
		}
	}
}
