package kazoo

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// notifications is the list of Kazoo's notifications page: each event's fields
// as they stand there, in the page's order, without event_name. Four are not on
// the page: voicemail_deleted, emergency_bridge and number_feature_manual_action
// are in kapi_notifications.erl (Kazoo 4), whose order they have, account_deleted
// is Kazoo 5's.
func notifications() []hook {
	n := func(typ, name string, from lookup, names string) hook {
		v1 := notification(from, strings.Fields(names))
		return hook{typ: typ, name: "notifications/" + name, event: name, v1: v1, v2: public(v1)}
	}
	const (
		mailbox  = "account_id call_id caller_id_name caller_id_number from_realm from_user to_realm to_user voicemail_box voicemail_id voicemail_length voicemail_timestamp voicemail_transcription"
		port     = "account_id authorized_by local_number number number_state port port_request_id reason"
		account  = "account_api_key account_db account_id account_name account_realm"
		faxEnds  = "account_id call_id callee_id_name callee_id_number caller_id_name caller_id_number "
		dialled  = "emergency_caller_id_name emergency_caller_id_number "
		outbound = "outbound_caller_id_name outbound_caller_id_number"
	)
	return []hook{
		n("call.missed", "missed_call", fromCall, "account_id call_bridged call_id caller_id_name caller_id_number from_realm from_user message_left notify timestamp to_realm to_user to"),
		n("emergency.bridged", "emergency_bridge", fromCall, "account_id call_id account_name authorizing_id device_name emergency_to_did emergency_test_call "+dialled+
			"emergency_address_street_1 emergency_address_street_2 emergency_address_city emergency_address_region emergency_address_postal_code"+
			" emergency_address_latitude emergency_address_longitude emergency_notfication_contact_emails "+outbound+
			" owner_id user_first_name user_last_name user_email"),
		n("emergency.denied", "denied_emergency_bridge", fromCall, "account_id call_id "+dialled+outbound),

		n("voicemail.new", "voicemail_new", fromVoicemail, mailbox),
		n("voicemail.saved", "voicemail_saved", fromVoicemail, mailbox),
		n("voicemail.deleted", "voicemail_deleted", fromVoicemail, strings.Replace(mailbox, "to_realm", "reason to_realm", 1)),
		n("voicemail.full", "voicemail_full", fromVoicemail, "account_id max_message_count message_count voicemail_box"),

		n("fax.received", "inbound_fax", fromFax, faxEnds+"fax_id fax_info fax_notifications fax_timestamp faxbox_id from_realm from_user owner_id to_realm to_user"),
		n("fax.receive_failed", "inbound_fax_error", fromFax, faxEnds+
			"fax_error fax_id fax_info fax_notifications fax_result_code fax_timestamp faxbox_id from_realm from_user owner_id to_realm to_user"),
		n("fax.sent", "outbound_fax", fromFax, faxEnds+"fax_id fax_info fax_jobid fax_notifications fax_timestamp faxbox_id"),
		n("fax.send_failed", "outbound_fax_error", fromFax, faxEnds+"fax_error fax_id fax_info fax_jobid fax_notifications fax_timestamp faxbox_id"),
		n("fax.email_rejected", "outbound_smtp_fax_error", fromFax,
			"account_id errors fax_from_email fax_to_email faxbox_id faxbox_name faxbox_timezone number original_number owner_id timestamp"),

		n("port.unconfirmed", "port_unconfirmed", nil, port),
		n("port.requested", "port_request", nil, port+" version"),
		n("port.pending", "port_pending", nil, port),
		n("port.scheduled", "port_scheduled", nil, port),
		n("port.rejected", "port_rejected", nil, port),
		n("port.canceled", "port_cancel", nil, port),
		n("port.commented", "port_comment", nil, "account_id authorized_by comment local_number number number_state port port_request_id"),
		n("port.completed", "ported", nil, port),

		n("number.cnam_requested", "cnam_request", nil, "account_id acquired_for cnam local_number number number_state"),
		n("number.feature_manual_action", "number_feature_manual_action", nil, "account_id number feature"),

		n("device.registered", "register", fromDevice, "account_db account_id authorizing_id authorizing_type call_id contact event_timestamp expires from_host from_user"+
			" network_ip network_port owner_id realm suppress_unregister_notify to_host to_user user_agent username"),
		n("device.deregistered", "deregister", fromDevice, "account_db account_id authorizing_id call_id contact event_timestamp expires freeswitch_hostname from_host from_user"+
			" network_ip network_port presence_hosts profile_name rpid realm status suppress_unregister_notify to_host to_user user_agent username"),

		n("account.created", "new_account", nil, account),
		n("account.deleted", "account_deleted", nil, account+" parent_id"),
		n("account.zone_changed", "account_zone_change", nil, "account_id zones"),
		n("account.first_occurrence", "first_occurrence", nil, "account_id occurrence"),
		n("account.customer_update", "customer_update", nil, "account_id databag recipient_id template_id user_type"),
		n("user.created", "new_user", nil, "account_id password user_id"),
		n("user.password_recovery", "password_recovery", nil, "account_db account_id email first_name last_name password_reset_link timezone user_id"),

		n("billing.transaction", "transaction", nil, "account_id add_ons amount billing_address card_last_four currency_code discounts id purchase_order response service_plan success tax_amount timestamp"),
		n("billing.topup", "topup", nil, "account_id add_ons amount billing_address card_last_four currency_code discounts id purchase_order response success tax_amount timestamp"),
		n("billing.reminder", "bill_reminder", nil, "account_id due_date items payment_token timestamp"),
		n("billing.low_balance", "low_balance", nil, "account_id current_balance"),
		n("billing.service_added", "service_added", nil, "account_id audit_log items timestamp"),

		n("notification.custom", "cf_notification", fromCall, "account_id call_bridged call_id caller_id_name caller_id_number comments from_realm from_user message_left"+
			" notification_media notify template_id timestamp to_realm to_user to"),
		n("system.alert", "system_alert", nil, "account_id details line message module node pid request_id section subject"),
		n("flow.webhook", "webhook", nil, "account_id data hook timestamp"),
		n("webhook.disabled", "webhook_disabled", nil, "account_id hook_id"),
	}
}

// A lookup finds the value of a Kazoo field in the resources of an event.
type lookup func(p *payload, name string) value

// notification makes the base fields and then those of the event. What stands
// already, such as to among the base fields, keeps its place; what is not known
// is no key. Kazoo leaves out empty text too. What another version of Kazoo said
// beyond that follows.
func notification(from lookup, names []string) func(*payload) {
	return func(p *payload) {
		p.base()
		flat := p.flat()
		for _, name := range names {
			v := p.given(flat, name)
			if v.kind == null && from != nil {
				v = from(p, name)
			}
			if v.kind == null {
				v = p.always(name)
			}
			if v.kind != null && (v.kind != text || v.text != "") {
				p.set(name, v)
			}
		}
		if p.said == nil {
			return
		}
		ours := p.members
		for _, m := range p.said.fields() {
			if m.name != "cluster_id" && !slices.Contains(names, m.name) && ours.get(m.name) == nil {
				p.add(m.name, m.value)
			}
		}
	}
}

// base makes the fields that all notifications have, required and optional, in
// the order of the notifications page. A notification that came from a Kazoo
// keeps that Kazoo's.
func (p *payload) base() {
	app, version, msg, server, log := "switchhook", p.d.env.Version, p.ev.ID, p.ev.Source, cmp.Or(p.call.ID, p.resources.CallID, p.ev.ID)
	if p.told("app_name") != "" {
		app, version, msg = p.told("app_name"), p.told("app_version"), p.told("msg_id")
		server, log = p.told("server_id"), p.told("system_log_id")
	}
	p.text("app_name", app)
	p.text("app_version", version)
	p.text("event_category", "notification")
	p.text("event_name", p.eventName())
	p.text("msg_id", msg)
	p.text("node", cmp.Or(p.node, p.told("node"), "switchhook@"+cmp.Or(p.d.env.Host, "localhost")))
	p.text("server_id", server)
	p.text("system_log_id", log)
	n := p.resources.Notification
	if n == nil {
		return
	}
	p.text("account_db", n.AccountDB)
	p.text("attachment_url", n.AttachmentURL)
	p.put("bcc", normalized(n.Bcc))
	p.put("cc", normalized(n.Cc))
	p.put("from", normalized(n.From))
	p.text("html", n.HTML)
	p.put("preview", known(n.Preview))
	p.put("reply_to", normalized(n.ReplyTo))
	p.text("subject", n.Subject)
	p.text("text", n.Text)
	p.put("to", normalized(n.To))
}

// eventName is the notification's name. The page says top_up of topup; Kazoo's
// code says topup.
func (p *payload) eventName() string {
	if p.name == "topup" {
		return cmp.Or(p.topup, p.told("event_name"), "top_up")
	}
	return p.name
}

// flat is the data of a type with fields that lie flat in it.
func (p *payload) flat() ordjson.Object {
	if typ, ok := catalogue.Lookup(p.ev.Type); !ok || len(typ.Flat) == 0 {
		return nil
	}
	o, err := ordjson.Parse(p.ev.Data)
	if err != nil {
		return nil
	}
	return o
}

// given is the value of a field that lies flat in the data, in Kazoo's form.
func (p *payload) given(flat ordjson.Object, name string) value {
	ours := name
	if name == "emergency_notfication_contact_emails" { // Kazoo's spelling
		ours = "emergency_notification_contact_emails"
	}
	raw := flat.Get(ours)
	if ordjson.Null(raw) {
		return value{}
	}
	switch name {
	case "authorizing_id":
		return value{kind: text, text: p.id(aDevice, flat.Text(ours))}
	case "owner_id", "user_id":
		return value{kind: text, text: p.id(aUser, flat.Text(ours))}
	case "port_request_id":
		return value{kind: text, text: p.id(aPortRequest, flat.Text(ours))}
	case "parent_id", "recipient_id":
		return value{kind: text, text: p.d.accountID(flat.Text(ours))}
	case "due_date", "timestamp":
		t, _ := time.Parse(time.RFC3339, flat.Text(ours)) // it was checked when the event was accepted
		return moment(t)
	default:
		return normalized(raw)
	}
}

// always is the value of a field that any notification can have.
func (p *payload) always(name string) value {
	switch name {
	case "account_id":
		return textOf(p.account())
	case "timestamp":
		return moment(p.ev.OccurredAt)
	default:
		return value{} // account_db and to stand among the base fields
	}
}

func fromCall(p *payload, name string) value {
	c := p.call
	switch name {
	case "call_id":
		return textOf(c.ID)
	case "call_bridged":
		return known(c.Bridged)
	case "message_left":
		return known(c.MessageLeft)
	case "notify":
		return normalized(c.Notify)
	default:
		return fromParties(p, name, c.From, c.Callee, c.To)
	}
}

// fromParties is what a notification says of who called, whom that reached, and to
// whom the call went.
func fromParties(p *payload, name string, from, callee, to *switchhook.Party) value {
	switch name {
	case "caller_id_name":
		return textOf(party(from).Name)
	case "caller_id_number":
		return textOf(party(from).Address)
	case "callee_id_name":
		return textOf(party(callee).Name)
	case "callee_id_number":
		return textOf(party(callee).Address)
	case "from_realm", "from_user":
		return textOf(p.userRealm(from, name))
	case "to_realm", "to_user":
		return textOf(p.userRealm(to, name))
	default:
		return value{}
	}
}

func fromVoicemail(p *payload, name string) value {
	vm := cmp.Or(p.resources.Voicemail, &switchhook.Voicemail{})
	switch name {
	case "max_message_count":
		return count(vm.MaxMessageCount)
	case "message_count":
		return count(vm.MessageCount)
	case "reason":
		return textOf(vm.Reason)
	case "voicemail_box":
		return textOf(p.id(aMailbox, vm.MailboxID))
	case "voicemail_id":
		return textOf(p.id("mailbox_message", vm.ID))
	case "voicemail_length":
		return count(vm.LengthMS) // milliseconds in Kazoo too
	case "voicemail_timestamp":
		return moment(vm.ReceivedAt)
	case "voicemail_transcription":
		return normalized(vm.Transcription)
	default:
		return fromCall(p, name)
	}
}

// fromFax reads the parties from the call, and where it has none from the fax.
func fromFax(p *payload, name string) value {
	f := cmp.Or(p.resources.Fax, &switchhook.Fax{})
	switch name {
	case "errors":
		return texts(f.Errors)
	case "fax_error":
		return textOf(f.Error)
	case "fax_from_email":
		return textOf(f.FromEmail)
	case "fax_id":
		return textOf(p.id("fax", f.ID))
	case "fax_info":
		return normalized(f.Info)
	case "fax_jobid":
		return textOf(p.id("fax", f.JobID))
	case "fax_notifications":
		return normalized(f.Notifications)
	case "fax_result_code":
		return textOf(f.ResultCode)
	case "fax_timestamp":
		return moment(knownTime(f.CompletedAt, p.ev.OccurredAt))
	case "fax_to_email":
		return textOf(f.ToEmail)
	case "faxbox_id":
		return textOf(p.id(aFaxbox, f.BoxID))
	case "faxbox_name":
		return textOf(f.BoxName)
	case "faxbox_timezone":
		return textOf(f.BoxTimezone)
	case "number":
		return textOf(f.Number)
	case "original_number":
		return textOf(f.OriginalNumber)
	case "owner_id":
		return textOf(p.id(aUser, cmp.Or(f.OwnerID, p.call.OwnerID)))
	default:
		if v := fromCall(p, name); v.kind != null {
			return v
		}
		return fromParties(p, name, f.From, f.To, f.To)
	}
}

func fromDevice(p *payload, name string) value {
	d := cmp.Or(p.resources.Device, &switchhook.Device{})
	switch name {
	case "authorizing_id":
		return textOf(p.id(aDevice, cmp.Or(d.AuthorizingID, d.ID)))
	case "authorizing_type":
		return textOf(d.AuthorizingType)
	case "call_id":
		return textOf(d.CallID)
	case "contact":
		return textOf(d.Contact)
	case "event_timestamp":
		return moment(knownTime(d.RegisteredAt, p.ev.OccurredAt))
	case "expires":
		return count(d.Expires)
	case "freeswitch_hostname":
		return textOf(d.SwitchHost)
	case "from_host":
		return textOf(d.FromHost)
	case "from_user":
		return textOf(d.FromUser)
	case "network_ip":
		return textOf(d.NetworkIP)
	case "network_port":
		return portNumber(d.NetworkPort)
	case "owner_id":
		return textOf(p.id(aUser, d.OwnerID))
	case "presence_hosts":
		return textOf(d.PresenceHosts)
	case "profile_name":
		return textOf(d.ProfileName)
	case "realm":
		return textOf(d.Realm)
	case "rpid":
		return textOf(d.RPID)
	case "status":
		return textOf(d.Status)
	case "suppress_unregister_notify":
		return known(d.SuppressNotify)
	case "to_host":
		return textOf(d.ToHost)
	case "to_user":
		return textOf(d.ToUser)
	case "user_agent":
		return textOf(d.UserAgent)
	case "username":
		return textOf(d.Username)
	default:
		return value{}
	}
}

func portNumber(n int) value {
	if n == 0 {
		return value{}
	}
	return value{kind: integer, n: int64(n)}
}

// knownTime is a time that is known, else the time of the event.
func knownTime(t, occurred time.Time) time.Time {
	if t.IsZero() {
		return occurred
	}
	return t
}

// userRealm is the part of user@realm that a field such as from_user names.
func (p *payload) userRealm(of *switchhook.Party, name string) string {
	user, realm, _ := strings.Cut(p.uri(of), "@")
	if strings.HasSuffix(name, "_realm") {
		return realm
	}
	return user
}
