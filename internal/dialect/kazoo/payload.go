package kazoo

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// A payload is being made: the members so far, and what they are made from.
type payload struct {
	dialect.Object

	env       dialect.Env
	ev        *switchhook.Event
	hook      *hook
	name      string // the hook, or what follows its slash
	five      bool   // as Kazoo 5 does it
	node      string // "" unless the webhook sets it
	topup     string // the event_name of topup
	secrets   bool   // shown as they are
	resources *switchhook.Resources
	call      *switchhook.Call // never nil
}

func (d *Dialect) payload(ev *switchhook.Event, w *switchhook.Webhook) *payload {
	version, _ := w.Option(optionVersion)
	node, _ := w.Option(optionNode)
	topup, _ := w.Option(optionTopup)
	secrets, _ := w.Option(optionSecrets)
	hookName, typ, _ := strings.Cut(d.EventName(ev), "/")
	return &payload{
		Object:    make(dialect.Object, 0, 32),
		env:       d.env,
		ev:        ev,
		hook:      index()[ev.Type],
		name:      cmp.Or(typ, hookName),
		five:      version == "5",
		node:      node,
		topup:     cmp.Or(topup, "top_up"),
		secrets:   secrets == "show",
		resources: resourcesOf(ev),
		call:      callOf(ev),
	}
}

func resourcesOf(ev *switchhook.Event) *switchhook.Resources {
	return cmp.Or(ev.Resources, &switchhook.Resources{})
}

func callOf(ev *switchhook.Event) *switchhook.Call {
	return cmp.Or(resourcesOf(ev).Call, &switchhook.Call{})
}

// channel makes channel_create, channel_answer, channel_hold and channel_unhold,
// and the members that channel_bridge and channel_destroy have before their own.
//
// The order is that of base_hook_event in webhooks_channel_util.erl (Kazoo 4) and
// webhooks_channel_events.erl (Kazoo 5), which differ in custom_sip_headers only.
// FreeSWITCH's mod_kazoo gives CHANNEL_BRIDGE, CHANNEL_HOLD and CHANNEL_UNHOLD no
// From, To and Request. Kazoo 4 drops the request where it is a string, as it
// always is; its documents and samples have it, and so have we.
func channel(p *payload) {
	c, from := p.call, party(p.call.From)
	sip := p.name != "channel_bridge" && p.name != "channel_hold" && p.name != "channel_unhold"
	p.leg()
	p.vars("custom_channel_vars", c.Vars, reserved)
	p.vars("custom_application_vars", c.AppVars, nil)
	if p.five {
		p.vars("custom_sip_headers", c.SIPHeaders, nil)
	}
	p.Add("emergency_resource_used", isTrue(c.Emergency))
	if sip {
		p.Text("from", from.URI)
	}
	p.Text("inception", c.Inception)
	if localResource(c) {
		p.Text("local_resource_id", p.id(c.ResourceID))
	}
	p.Add("local_resource_used", localResource(c))
	p.Add("is_internal_leg", isTrue(c.InternalLeg))
	p.Text("other_leg_call_id", c.PeerID)
	p.Text("owner_id", p.id(c.OwnerID))
	if sip {
		p.Text("request", c.RequestURI)
	}
	p.Text("reseller_id", p.reseller())
	p.time("timestamp", p.ev.OccurredAt)
	if sip {
		p.Text("to", party(c.To).URI)
	}
	p.Text("hook_event", p.name)
}

func bridge(p *payload) {
	channel(p)
	p.Text("original_number", p.call.OriginalNumber)
	p.Text("other_leg_destination_number", p.call.PeerDestination)
}

func destroy(p *payload) {
	channel(p)
	p.Text("hangup_cause", p.call.HangupCause)
	if p.call.SIPStatus != 0 {
		p.Text("hangup_code", "sip:"+strconv.Itoa(p.call.SIPStatus))
	}
	p.seconds("duration_seconds", p.call.DurationMS)
	p.seconds("ringing_seconds", p.call.RingingMS)
	p.seconds("billing_seconds", p.call.BillableMS)
}

// leg is what channel hooks and records of calls begin with.
func (p *payload) leg() {
	c, from, callee := p.call, party(p.call.From), party(p.call.Callee)
	p.Text("account_id", accountID(p.ev.AccountID))
	p.Text("authorizing_id", p.id(c.AuthorizingID))
	p.Text("authorizing_type", c.AuthorizingType)
	p.Text("call_direction", c.LegDirection)
	p.flag("call_forwarded", c.Forwarded)
	p.Text("call_id", c.ID)
	p.Text("callee_id_name", callee.Name)
	p.Text("callee_id_number", callee.Address)
	p.Text("caller_id_name", from.Name)
	p.Text("caller_id_number", from.Address)
}

// cdr is in the order of base_hook_event in webhooks_cdr.erl. It has neither
// durations nor the cause of the hangup.
func cdr(p *payload) {
	c, from := p.call, party(p.call.From)
	p.leg()
	p.Add("emergency_resource_used", isTrue(c.Emergency))
	p.Text("from", from.URI)
	p.Add("is_internal_leg", isTrue(c.InternalLeg))
	p.Add("local_resource_used", localResource(c))
	p.Text("other_leg_call_id", c.PeerID)
	p.Text("owner_id", p.id(c.OwnerID))
	p.Text("request", c.RequestURI)
	p.Text("reseller_id", p.reseller())
	p.time("timestamp", p.ev.OccurredAt)
	p.Text("to", party(c.To).URI)
	p.Text("hook_event", p.name)
}

// parking is the bus event in lower case, without what webhooks_parking.erl
// takes out. The slot is a string.
func parking(eventName string) func(*payload) {
	return func(p *payload) {
		from, callee := party(p.call.From), party(p.call.Callee)
		p.Text("account_id", accountID(p.ev.AccountID))
		p.Text("call_id", p.call.ID)
		p.Text("callee_id_name", callee.Name)
		p.Text("callee_id_number", callee.Address)
		p.Text("caller_id_name", from.Name)
		p.Text("caller_id_number", from.Address)
		p.Text("event_name", eventName)
		if p.call.Parking != nil {
			p.Text("parking_slot", p.call.Parking.Slot)
		}
	}
}

// object is in the order of format_event in webhooks_object.erl. The id of an
// account's document is the account's own.
func object(p *payload) {
	schema, id := recordOf(p.ev)
	if schema == "account" {
		p.Text("id", accountID(id))
	} else {
		p.Text("id", p.id(id))
	}
	p.Text("account_id", accountID(p.ev.AccountID))
	p.Text("action", p.hook.action)
	p.Text("type", objectType(schema))
}

// recordOf is the record that an object hook is about. A finished recording is a
// new document in Kazoo.
func recordOf(ev *switchhook.Event) (schema, id string) {
	r := resourcesOf(ev)
	if ev.Type == "recording.finished" {
		return "call_recording", cmp.Or(r.Recording, &switchhook.Recording{}).ID
	}
	return r.Schema, r.ID
}

// message makes sms and mms, in the order of format_event in webhooks_mms.erl.
// Kazoo has this hook for messages from outside only, whose origin is offnet.
func message(p *payload) {
	m := cmp.Or(p.resources.Message, &switchhook.Message{})
	p.Text("id", m.ID)
	p.Text("account_id", accountID(p.ev.AccountID))
	p.Text("type", p.name)
	p.Text("from", m.From)
	p.Text("to", m.To)
	p.Text("body", m.Text)
	p.Text("origin", cmp.Or(m.Origin, "offnet"))
	if isNumber(m.Charges) {
		p.Add("charges", json.Number(m.Charges)) // Kazoo has the rate itself here
	} else {
		p.Text("charges", m.Charges)
	}
}

// finish lays custom_data over the payload and adds cluster_id: the webhook's,
// else that of the Kazoo that the event came from. In Kazoo 4
// cluster_id is set last, in Kazoo 5 first, so that custom_data can replace it.
// Keys that are new follow in alphabetical order. Filter keys are no data.
func (p *payload) finish(w *switchhook.Webhook) {
	cluster, ok := w.Option(optionCluster)
	if !ok {
		cluster = cmp.Or(p.extra().Text("cluster_id"), defaultCluster)
	}
	if p.five {
		p.Set("cluster_id", cluster)
	}
	filtered := p.hook != nil && (p.hook.action != "" || strings.HasPrefix(p.hook.name, "notifications/"))
	for _, key := range slices.Sorted(maps.Keys(w.CustomData)) {
		if !filtered || key != "type" && key != "action" {
			p.Set(key, w.CustomData[key])
		}
	}
	if !p.five {
		p.Set("cluster_id", cluster)
	}
}

func (p *payload) flag(name string, v *bool) {
	if v != nil {
		p.Add(name, *v)
	}
}

func (p *payload) seconds(name string, ms *int64) {
	if ms != nil {
		p.Add(name, *ms/1000)
	}
}

func (p *payload) time(name string, t time.Time) {
	if !t.IsZero() {
		p.Add(name, gregorian(t))
	}
}

// vars adds an object whose keys keep their spelling, without those to skip.
func (p *payload) vars(name string, raw json.RawMessage, skip func(string) bool) {
	v, err := dialect.FromJSON(raw)
	o, ok := v.(dialect.Object)
	if err != nil || !ok {
		return
	}
	if skip != nil {
		o = slices.DeleteFunc(o, func(f dialect.Field) bool { return skip(f.Name) })
	}
	p.Add(name, o)
}

// normal adds a value with its keys in Kazoo's form (kz_json:normalize/1).
func (p *payload) normal(name string, raw json.RawMessage) {
	if v := normalized(raw); v != nil {
		p.Add(name, v)
	}
}

// id is a native id in the form of Kazoo's document ids. Those of the monthly
// databases have a month in front, such as 202601-.
func (p *payload) id(native string) string {
	month, id, ok := strings.Cut(native, "-")
	if ok && len(month) == 6 && strings.Trim(month, "0123456789") == "" && dialect.Hex32("", id) == id {
		return native
	}
	return dialect.Hex32(p.ev.AccountID, native)
}

func (p *payload) reseller() string {
	if said := p.extra().Text("reseller_id"); said != "" { // it came from a Kazoo
		return said
	}
	if p.env.Reseller == nil {
		return ""
	}
	return accountID(p.env.Reseller(p.ev.AccountID))
}

// accountID is an account's id in Kazoo's form, whoever looks at it.
func accountID(id string) string { return dialect.Hex32(id, id) }

func party(p *switchhook.Party) *switchhook.Party { return cmp.Or(p, &switchhook.Party{}) }

// localResource is true unless the call used a carrier that is not the account's
// own, so for calls inside the house too.
func localResource(c *switchhook.Call) bool { return c.LocalResource == nil || *c.LocalResource }

func isTrue(b *bool) bool { return b != nil && *b }

// gregorian counts seconds from year 0, as Erlang's calendar does.
func gregorian(t time.Time) int64 {
	const to1970 = 62167219200
	return t.Unix() + to1970
}

// reserved says which channel variables are Kazoo's own and never leave it
// (kapps_call_util.erl, the default of reserved_ccv_keys).
func reserved(name string) bool {
	switch name {
	case "Account-ID", "Account-Name", "Account-Realm", "Authorizing-ID", "Authorizing-Type", "Auto-Answer",
		"Call-Forward", "Call-Waiting-Disabled", "Fax-Enabled", "Loopback-Bowout", "Media-Encryption-Enforce-Security",
		"Media-Webrtc", "Owner-ID", "Presence-ID", "RTCP-MUX", "Realm", "Require-Ignore-Early-Media", "Retain-CID",
		"SIP-Invite-Domain", "Simplify-Loopback", "Username":
		return true
	default:
		return strings.HasPrefix(name, "Confirm-")
	}
}
