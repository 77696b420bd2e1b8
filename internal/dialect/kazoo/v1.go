package kazoo

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// channel makes channel_create, channel_answer, channel_hold and channel_unhold,
// and the members that channel_bridge and channel_destroy have before their own.
//
// The order is that of base_hook_event in webhooks_channel_util.erl (Kazoo 4) and
// webhooks_channel_events.erl (Kazoo 5), which differ in custom_sip_headers only.
// Kazoo 4 drops the request where it is a string, as it always is; its documents
// and samples have it, and so have we.
func channel(p *payload) {
	c := p.call
	p.leg()
	p.vars("custom_channel_vars", c.Vars, reserved)
	p.vars("custom_application_vars", c.AppVars, nil)
	if p.five {
		p.vars("custom_sip_headers", c.SIPHeaders, nil)
	}
	p.add("emergency_resource_used", flag(isTrue(c.Emergency)))
	if p.hasSIP() {
		p.text("from", p.uri(c.From))
	}
	p.text("inception", c.Inception)
	if localResource(c) {
		p.text("local_resource_id", p.id(aResource, c.ResourceID))
	}
	p.add("local_resource_used", flag(localResource(c)))
	p.add("is_internal_leg", flag(isTrue(c.InternalLeg)))
	p.text("other_leg_call_id", c.PeerID)
	p.text("owner_id", p.id(aUser, c.OwnerID))
	if p.hasSIP() {
		p.text("request", p.requestURI())
	}
	p.text("reseller_id", p.reseller())
	p.put("timestamp", moment(p.ev.OccurredAt))
	if p.hasSIP() {
		p.text("to", p.uri(c.To))
	}
	p.text("hook_event", p.name)
}

// hasSIP reports whether the event has From, To and Request: FreeSWITCH's
// mod_kazoo gives CHANNEL_BRIDGE, CHANNEL_HOLD and CHANNEL_UNHOLD none.
func (p *payload) hasSIP() bool {
	return p.hook.event != "CHANNEL_BRIDGE" && p.hook.event != "CHANNEL_HOLD" && p.hook.event != "CHANNEL_UNHOLD"
}

// uri is a party's user@realm. Kazoo's always have one, and its programs read the
// number that was called there; of a system that tells the number alone, the realm
// is made up.
func (p *payload) uri(of *switchhook.Party) string {
	if of == nil {
		return ""
	}
	if of.URI != "" || of.Address == "" {
		return of.URI
	}
	return of.Address + "@" + p.realm()
}

// requestURI is whom the request was for: where that is not known, whoever was
// dialed.
func (p *payload) requestURI() string {
	switch c := p.call; {
	case c.RequestURI != "":
		return c.RequestURI
	case c.Dialed != "":
		return c.Dialed + "@" + p.realm()
	default:
		return p.uri(c.To)
	}
}

// realm is the webhook's, else one that the call names, else this machine.
func (p *payload) realm() string {
	if p.options.realm != "" {
		return p.options.realm
	}
	c := p.call
	for _, uri := range [...]string{party(c.To).URI, c.RequestURI, party(c.From).URI} {
		if _, realm, ok := strings.Cut(uri, "@"); ok {
			return realm
		}
	}
	return cmp.Or(p.d.env.Host, "localhost")
}

func bridge(p *payload) {
	channel(p)
	p.text("original_number", p.call.OriginalNumber)
	p.text("other_leg_destination_number", p.call.PeerDestination)
}

func destroy(p *payload) {
	channel(p)
	p.hangup()
}

func (p *payload) hangup() {
	p.text("hangup_cause", cmp.Or(p.call.HangupCause, catalogue.CauseOfReason(p.call.HangupReason)))
	if p.call.SIPStatus != 0 {
		p.text("hangup_code", "sip:"+strconv.Itoa(p.call.SIPStatus))
	}
	p.put("duration_seconds", seconds(p.call.DurationMS))
	p.put("ringing_seconds", seconds(p.call.RingingMS))
	p.put("billing_seconds", seconds(p.call.BillableMS))
}

// leg is what channel hooks and records of calls begin with.
func (p *payload) leg() {
	c := p.call
	p.text("account_id", p.account())
	p.text("authorizing_id", p.id(authority(c.AuthorizingType), c.AuthorizingID))
	p.text("authorizing_type", c.AuthorizingType)
	p.text("call_direction", c.LegDirection)
	p.put("call_forwarded", known(c.Forwarded))
	p.text("call_id", c.ID)
	p.parties()
}

func (p *payload) parties() {
	from, callee := party(p.call.From), party(p.call.Callee)
	p.text("callee_id_name", callee.Name)
	p.text("callee_id_number", callee.Address)
	p.text("caller_id_name", from.Name)
	p.text("caller_id_number", from.Address)
}

// cdr is in the order of base_hook_event in webhooks_cdr.erl. It has neither
// durations nor the cause of the hangup; they are in v2.
func cdr(p *payload) {
	c := p.call
	p.leg()
	p.add("emergency_resource_used", flag(isTrue(c.Emergency)))
	p.text("from", p.uri(c.From))
	p.add("is_internal_leg", flag(isTrue(c.InternalLeg)))
	p.add("local_resource_used", flag(localResource(c)))
	p.text("other_leg_call_id", c.PeerID)
	p.text("owner_id", p.id(aUser, c.OwnerID))
	p.text("request", p.requestURI())
	p.text("reseller_id", p.reseller())
	p.put("timestamp", moment(p.ev.OccurredAt))
	p.text("to", p.uri(c.To))
	p.text("hook_event", p.name)
}

// authority is what a call's authorizing_id is the id of.
func authority(authorizingType string) string {
	if authorizingType == "" {
		return aDevice
	}
	return authorizingType
}

// parking is the bus event in lower case, without what webhooks_parking.erl
// takes out. The slot is a string.
func parking(p *payload) {
	p.text("account_id", p.account())
	p.text("call_id", p.call.ID)
	p.parties()
	p.text("event_name", p.hook.event)
	if p.call.Parking != nil {
		p.text("parking_slot", p.call.Parking.Slot)
	}
}

// document is in the order of format_event in webhooks_object.erl.
func document(p *payload) {
	schema, id := recordOf(p.ev)
	p.text("id", p.documentID(schema, id))
	p.text("account_id", p.account())
	p.text("action", p.hook.action)
	p.text("type", objectType(schema))
}

// documentID is the id of a record's document: an account's is the account's own.
func (p *payload) documentID(schema, id string) string {
	if schema == anAccount {
		return p.d.accountID(id)
	}
	return p.id(schema, id)
}

// recordOf is the record that an object hook is about. A finished recording is a
// new document in Kazoo.
func recordOf(ev *switchhook.Event) (schema, id string) {
	r := resourcesOf(ev)
	switch {
	case ev.Type != "recording.finished":
		return r.Schema, r.ID
	case r.Recording != nil:
		return "call_recording", r.Recording.ID
	default:
		return "call_recording", ""
	}
}

// message makes sms and mms, in the order of format_event in webhooks_mms.erl.
// Kazoo has this hook for messages from outside only, whose origin is offnet.
func message(p *payload) {
	m := cmp.Or(p.resources.Message, &switchhook.Message{})
	p.text("id", m.ID)
	p.text("account_id", p.account())
	p.text("type", p.name)
	p.text("from", m.From)
	p.text("to", m.To)
	p.text("body", m.Text)
	p.text("origin", cmp.Or(m.Origin, "offnet"))
	p.put("charges", charges(m))
}

// charges are a number: Kazoo has the rate itself there.
func charges(m *switchhook.Message) value {
	if isNumber(m.Charges) {
		return value{kind: number, text: m.Charges}
	}
	return textOf(m.Charges)
}

// vars adds an object whose keys keep their spelling, without those to skip.
func (p *payload) vars(name string, raw json.RawMessage, skip func(string) bool) {
	v := parsed(raw)
	if v.kind != object {
		return
	}
	if skip != nil {
		v.members = slices.DeleteFunc(v.members, func(f member) bool { return skip(f.name) })
	}
	p.add(name, v)
}

func (p *payload) reseller() string {
	if said := p.told("reseller_id"); said != "" { // it came from a Kazoo
		return said
	}
	if p.d.env.Reseller == nil {
		return ""
	}
	return p.d.accountID(p.d.env.Reseller(p.ev.AccountID))
}

func party(p *switchhook.Party) *switchhook.Party {
	if p == nil {
		return &switchhook.Party{}
	}
	return p
}

// localResource is true unless the call used a carrier that is not the account's
// own, so for calls inside the house too.
func localResource(c *switchhook.Call) bool { return c.LocalResource == nil || *c.LocalResource }

// reserved says which channel variables are Kazoo's own and never leave it
// (kapps_call_util.erl, the default of reserved_ccv_keys).
func reserved(name string) bool {
	switch normalizeKey(name) {
	case "account_id", "account_name", "account_realm", "authorizing_id", "authorizing_type", "auto_answer",
		"call_forward", "call_waiting_disabled", "fax_enabled", "loopback_bowout", "media_encryption_enforce_security",
		"media_webrtc", "owner_id", "presence_id", "rtcp_mux", "realm", "require_ignore_early_media", "retain_cid",
		"sip_invite_domain", "simplify_loopback", "username":
		return true
	default:
		return strings.HasPrefix(name, "Confirm-")
	}
}
