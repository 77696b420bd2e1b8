package kazoo

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
)

// envelope makes the payload of version v2 (Kazoo 5), which has the shape of a
// Blackhole websocket's events: action, name and, as data, the message of Kazoo's
// bus with its names in small letters. What a message has that cannot be known
// here (the state of the channel, the media server) is a key that is not there.
func (p *payload) envelope() {
	p.hook.v2(p)
	data := slices.Clone(p.members)
	name := p.hook.event
	if name == "topup" {
		name = p.eventName()
	}
	p.members = p.members[:0]
	p.text("action", "event")
	p.text("name", name)
	p.add("data", value{kind: object, members: data})
}

// sign adds the time and, where the webhook has a sha256_key, the hmac: HMAC-SHA256
// over the digits of the time and the data as canonical JSON, in base64
// (webhooks_util.erl). Kazoo looks at the clock twice, so that its signature does
// not match its timestamp where a second ends in between; here both are one: the
// event's. What custom_data lays over the envelope is not signed, as with Kazoo.
// What came signed from a Kazoo keeps that signature where the webhook has no key.
//
// The body has the data as it was signed, if it is JSON too: then it is written once.
func (p *payload) sign(asJSON bool) {
	if p.get("timestamp") == nil {
		p.put("timestamp", moment(p.ev.OccurredAt))
	}
	if p.key == "" {
		return
	}
	mac := hmac.New(sha256.New, []byte(p.key))
	if at := p.get("timestamp"); at != nil {
		mac.Write([]byte(plain(*at))) // a text where it came in a form
	}
	if data := p.get("data"); data != nil {
		p.body = jiffy{sorted: true}.append(p.body, data, 0)
		mac.Write(p.body)
		if asJSON {
			*data = value{kind: written, text: string(p.body)}
		}
		p.body = p.body[:0]
	}
	p.set("hmac", textOf(base64.StdEncoding.EncodeToString(mac.Sum(nil))))
}

// private reports whether a member of the bus's messages stays on the bus.
func private(name string) bool {
	switch name {
	case "node", "message_id", "server_id", "origin_cache", "app_name", "app_version", "event_name", "event_category",
		"msg_id", "doc", "password":
		return true
	default:
		return false
	}
}

// public is a renderer's payload without what stays on the bus.
func public(v1 func(*payload)) func(*payload) {
	return func(p *payload) {
		v1(p)
		p.members = slices.DeleteFunc(p.members, func(f member) bool { return private(f.name) })
	}
}

// busChannel is a channel's event, or with cdr its record, which has the durations
// too.
func busChannel(p *payload) {
	c := p.call
	p.text("call_direction", c.LegDirection)
	p.text("call_id", c.ID)
	p.parties()
	p.put("channel_is_loopback", known(c.InternalLeg))
	p.put("custom_application_vars", normalized(c.AppVars))
	p.put("custom_channel_vars", p.channelVars())
	p.put("custom_sip_headers", normalized(c.SIPHeaders))
	if p.hasSIP() {
		p.text("from", p.uri(c.From))
	}
	p.text("inception", c.Inception)
	p.text("other_leg_call_id", c.PeerID)
	if p.hook.event == "CHANNEL_BRIDGE" {
		p.text("other_leg_destination_number", c.PeerDestination)
	}
	if p.hasSIP() {
		p.text("request", p.requestURI())
	}
	p.put("timestamp", moment(p.ev.OccurredAt))
	if p.hasSIP() {
		p.text("to", p.uri(c.To))
	}
	if p.hook.event == "CHANNEL_DESTROY" || p.hook.event == "cdr" {
		p.hangup()
	}
}

// channelVars are the variables of a channel, and what Kazoo keeps in them: there,
// not beside them, v1 looks for account_id, owner_id and the like. v1 gives them
// their bus spelling, because it picks them out of the message; v2 normalizes the
// whole message, and them with it. FreeSWITCH knows texts only.
func (p *payload) channelVars() value {
	c := p.call
	vars := normalized(c.Vars)
	if vars.kind != object {
		vars = value{kind: object}
	}
	vars.members = slices.Grow(vars.members, 10)
	own := func(name, s string) {
		if s != "" && vars.members.get(name) == nil {
			vars.members.add(name, textOf(s))
		}
	}
	own("account_id", p.account())
	own("authorizing_id", p.id(authority(c.AuthorizingType), c.AuthorizingID))
	own("authorizing_type", c.AuthorizingType)
	if isTrue(c.Forwarded) {
		own("call_forward", "true")
	}
	if isTrue(c.Emergency) {
		own("emergency_resource", "true")
	}
	if !localResource(c) {
		own("global_resource", "true")
	}
	own("original_number", c.OriginalNumber)
	own("owner_id", p.id(aUser, c.OwnerID))
	own("resource_id", p.id(aResource, c.ResourceID))
	return vars
}

func busParking(p *payload) {
	public(parking)(p)
	if vars := normalized(p.call.Vars); vars.kind == object {
		p.add("custom_channel_vars", vars)
	}
}

// busMessage is the message of the exchange im. Its category, sms or mms, stays on
// the bus.
func busMessage(p *payload) {
	m := cmp.Or(p.resources.Message, &switchhook.Message{})
	p.text("account_id", p.account())
	p.text("body", m.Text)
	p.put("charges", charges(m))
	p.text("from", m.From)
	p.text("origin", cmp.Or(m.Origin, "offnet"))
	p.text("to", m.To)
}

// busDocument is a change of a document, in webhooks_object.erl format_v2_event: the
// document's public fields are in doc, unless it was deleted, and what the database
// knows of it is in metadata.
func busDocument(p *payload) {
	schema, native := recordOf(p.ev)
	id := textOf(p.documentID(schema, native))
	deleted := p.hook.action == "doc_deleted"
	p.text("account_id", p.account())
	p.put("id", id)
	p.text("type", objectType(schema))
	var doc members
	switch {
	case deleted:
	case p.resources.Recording != nil:
		doc = p.recording(p.resources.Recording)
	default:
		row, _ := parse(p.resources.Row) // a record's is an object
		doc = slices.DeleteFunc(row.members, func(f member) bool {
			return strings.HasPrefix(f.name, "_") || strings.HasPrefix(f.name, "pvt_") || f.name == "id"
		})
		if len(doc) == 1 && doc[0].name == "type" { // v1 of another Kazoo tells no more
			doc = nil
		}
	}
	if len(doc) > 0 {
		doc.put("id", id)
		p.add("doc", value{kind: object, members: doc})
	}
	var metadata members
	metadata.put("id", id)
	if deleted {
		metadata.add("deleted", flag(true))
	}
	p.add("metadata", value{kind: object, members: metadata})
}

// recording is the document of a call's recording, under the names of its schema
// (crossbar priv/couchdb/schemas/call_recordings.json).
func (p *payload) recording(r *switchhook.Recording) members {
	var m members
	c, from, callee := p.call, party(p.call.From), party(p.call.Callee)
	m.put("call_id", textOf(cmp.Or(r.CallID, c.ID)))
	m.put("callee_id_name", textOf(callee.Name))
	m.put("callee_id_number", textOf(callee.Address))
	m.put("caller_id_name", textOf(from.Name))
	m.put("caller_id_number", textOf(from.Address))
	m.put("direction", textOf(c.LegDirection))
	m.put("duration", seconds(r.DurationMS))
	m.put("duration_ms", count(r.DurationMS))
	m.put("from", textOf(p.uri(c.From)))
	m.put("media_type", textOf(r.Format))
	m.put("owner_id", textOf(p.id(aUser, c.OwnerID)))
	m.put("request", textOf(p.requestURI()))
	m.put("start", moment(r.StartedAt))
	m.put("to", textOf(p.uri(c.To)))
	m.put("url", textOf(r.URL))
	return m
}
