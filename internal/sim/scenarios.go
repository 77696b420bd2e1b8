package sim

import (
	"context"
	"strconv"
	"time"
)

// scenarioOf is the n-th thing that happens. The first few show all there is.
func scenarioOf(n uint64) func(context.Context, *line) {
	all := [...]func(context.Context, *line){
		answeredCall, texts, queueCall, notices, directory, outboundCall, missedCall, abandonedCall,
		answeredCall, texts, queueCall, missedCall, answeredCall,
	}
	return all[n%uint64(len(all))]
}

// A call as the switch sees it: a leg from the caller, and legs to phones.
type leg struct{ id, root string }

// ring begins a leg to an extension's phone.
func (l *line) ring(ctx context.Context, root, caller, name string, to person) leg {
	g := leg{l.uuid(), root}
	l.say(ctx, "leg.created", obj{"call": obj{
		"id": g.id, "root_id": root, "parent_id": root, "direction": "inbound", "leg_direction": "outbound", "kind": "flow",
		"from": obj{"type": "tel", "address": caller, "name": name},
		"to":   obj{"type": "extension", "address": to.number, "name": to.name, "uri": to.number + "@pbx.example.com"},
	}})
	l.say(ctx, "extension.ringing", obj{"extension": obj{"number": to.number}, "call": obj{"id": root}})
	l.say(ctx, "leg.ringing", g.says(obj{}))
	return g
}

// says is what the switch tells of the leg: its ids and what has just changed.
func (g leg) says(change obj) obj {
	change["id"] = g.id
	change["root_id"] = g.root
	return obj{"call": change}
}

// Why a leg or call ended, as the switch says it.
func ended(cause string, q850, sip int, reason, by string) obj {
	return obj{"hangup_cause": cause, "q850": q850, "sip_status": sip, "hangup_reason": reason, "hangup_by": by}
}

func endedNormally(by string) obj { return ended("NORMAL_CLEARING", 16, 200, "normal", by) }

func endedBy(who string, end obj) obj {
	end["released_by"] = who
	return end
}

// incoming begins a call from outside to one of the numbers and its flow.
func (l *line) incoming(ctx context.Context, to did, f flow) (root leg, caller, name, run string) {
	root.id = l.uuid()
	root.root = root.id
	caller, name = l.caller()
	from := obj{"type": "tel", "address": caller, "uri": caller + "@carrier.example.net"}
	if name != "" {
		from["name"] = name
	}
	l.say(ctx, "call.created", obj{"call": obj{
		"id": root.id, "direction": "inbound", "kind": "flow", "flow_id": f.id, "from": from,
		"to":          obj{"type": "tel", "address": to.number, "uri": to.number + "@pbx.example.com"},
		"request_uri": to.number + "@pbx.example.com", "dialed": to.number,
		"authorizing_id": "carrier-1", "authorizing_type": "resource", "resource_id": "carrier-1",
	}})
	run = l.uuid()
	first := obj{"id": l.uuid(), "next_id": nilUUID, "type": "answer"}
	second := obj{"id": l.uuid(), "next_id": nilUUID, "type": f.step}
	if f.queue != "" {
		second["option"] = obj{"queue_id": f.queue}
	}
	l.say(ctx, "flow.started", obj{"flow": obj{
		"id": run, "flow_id": f.id, "reference_type": "call", "reference_id": root.id,
		"actions": []obj{first, second},
		"action":  obj{"id": "00000000-0000-0000-0000-000000000001", "next_id": nilUUID, "type": ""},
	}})
	l.rest(0.3)
	l.say(ctx, "flow.updated", obj{"flow": obj{"id": run, "action": second}})
	return root, caller, name, run
}

// answeredCall: inbound, ring group, two phones ring, one answers.
func answeredCall(ctx context.Context, l *line) {
	root, caller, name, run := l.incoming(ctx, pick(l.dice, dids()[:2]), flow{id: ringFlow, step: "connect"})
	l.say(ctx, "ring_group.entered", obj{"ring_group": obj{"id": ringGroupID, "number": "600"}, "call": obj{"id": root.id}})
	winner, loser := two(l.dice, extensions())
	first := l.ring(ctx, root.id, caller, name, winner)
	second := l.ring(ctx, root.id, caller, name, loser)
	l.say(ctx, "call.ringing", root.says(obj{}))
	l.rest(3)
	l.say(ctx, "extension.answered", obj{"extension": obj{"number": winner.number}, "call": obj{"id": root.id}})
	l.say(ctx, "leg.answered", first.says(obj{}))
	l.say(ctx, "call.answered", root.says(obj{}))
	l.say(ctx, "call.bridged", root.says(obj{"peer_id": first.id, "peer_destination": winner.number}))
	l.say(ctx, "leg.bridged", first.says(obj{"peer_id": root.id}))
	l.say(ctx, "leg.hungup", second.says(ended("LOSE_RACE", 26, 487, "answered_elsewhere", "local")))
	l.rest(3)
	if l.IntN(4) == 0 {
		l.say(ctx, "call.held", root.says(obj{}))
		l.rest(2)
		l.say(ctx, "call.unheld", root.says(obj{}))
		l.rest(1)
	}
	if l.IntN(3) > 0 {
		l.say(ctx, "call.hungup", root.says(endedBy("caller", endedNormally("remote"))))
		l.say(ctx, "extension.completed", obj{"extension": obj{"number": winner.number}, "call": obj{"id": root.id}})
		l.say(ctx, "leg.hungup", first.says(endedNormally("local")))
	} else {
		l.say(ctx, "leg.hungup", first.says(endedNormally("remote")))
		l.say(ctx, "extension.completed", obj{"extension": obj{"number": winner.number}, "call": obj{"id": root.id}})
		l.say(ctx, "call.hungup", root.says(endedBy("callee", endedNormally("local"))))
	}
	l.say(ctx, "flow.ended", obj{"flow": obj{"id": run}})
}

// enqueue answers a caller with music and puts the call into the queue.
func (l *line) enqueue(ctx context.Context) (root leg, caller, name, run, queued string) {
	root, caller, name, run = l.incoming(ctx, pick(l.dice, dids()[2:]), flow{id: queueFlow, step: "queue_join", queue: queueID})
	l.say(ctx, "call.answered", root.says(obj{"answered_by": "system"}))
	queued = l.uuid()
	l.say(ctx, "queuecall.created", obj{
		"queuecall": obj{"id": queued, "queue_id": queueID, "reference_type": "call", "reference_id": root.id, "position": 1 + l.IntN(3), "priority": 0},
		"call":      obj{"id": root.id},
	})
	return root, caller, name, run, queued
}

// queueCall: a caller waits until an agent is free.
func queueCall(ctx context.Context, l *line) {
	root, caller, name, run, queued := l.enqueue(ctx)
	l.rest(2)
	var agent person
	select {
	case agent = <-l.phone.idle:
	default:
		l.abandon(ctx, root, run, queued) // all agents are on the phone
		return
	}
	defer func() { l.phone.idle <- agent }()
	status := func(s string) {
		l.say(ctx, "agent.status_updated", obj{"agent": obj{"id": agent.owner, "status": s}})
	}
	status("ringing")
	l.say(ctx, "queuecall.connecting", obj{"queuecall": obj{"id": queued, "agent_id": agent.owner}})
	phone := l.ring(ctx, root.id, caller, name, agent)
	l.rest(2)
	l.say(ctx, "extension.answered", obj{"extension": obj{"number": agent.number}, "call": obj{"id": root.id}})
	l.say(ctx, "leg.answered", phone.says(obj{}))
	status("busy")
	l.say(ctx, "call.bridged", root.says(obj{"peer_id": phone.id, "peer_destination": agent.number}))
	l.say(ctx, "queuecall.serviced", obj{"queuecall": obj{"id": queued, "position": nil}})
	l.rest(5)
	l.say(ctx, "queuecall.done", obj{"queuecall": obj{"id": queued}})
	l.say(ctx, "leg.hungup", phone.says(endedNormally("remote")))
	l.say(ctx, "extension.completed", obj{"extension": obj{"number": agent.number}, "call": obj{"id": root.id}})
	l.say(ctx, "call.hungup", root.says(endedBy("callee", endedNormally("local"))))
	l.say(ctx, "flow.ended", obj{"flow": obj{"id": run}})
	l.rest(1)
	status("available")
}

// abandonedCall: a caller gives up waiting.
func abandonedCall(ctx context.Context, l *line) {
	root, _, _, run, queued := l.enqueue(ctx)
	l.rest(4)
	l.abandon(ctx, root, run, queued)
}

func (l *line) abandon(ctx context.Context, root leg, run, queued string) {
	l.say(ctx, "queuecall.abandoned", obj{"queuecall": obj{"id": queued, "abandon_reason": "caller_hangup"}})
	l.say(ctx, "call.hungup", root.says(endedBy("caller", ended("NORMAL_CLEARING", 16, 200, "abandoned", "remote"))))
	l.say(ctx, "flow.ended", obj{"flow": obj{"id": run}})
}

// missedCall: nobody answers, most callers leave a voicemail.
func missedCall(ctx context.Context, l *line) {
	root, caller, name, run := l.incoming(ctx, dids()[0], flow{id: ringFlow, step: "connect"})
	ext := pick(l.dice, extensions())
	phone := l.ring(ctx, root.id, caller, name, ext)
	l.say(ctx, "call.ringing", root.says(obj{}))
	l.rest(4)
	l.say(ctx, "leg.hungup", phone.says(ended("NO_ANSWER", 19, 480, "no_answer", "local")))
	l.say(ctx, "extension.missed", obj{"extension": obj{"number": ext.number}, "call": obj{"id": root.id}})
	left := l.IntN(4) > 0
	end := endedBy("system", ended("NO_ANSWER", 19, 480, "no_answer", "local"))
	if left {
		end = endedBy("caller", endedNormally("remote"))
		l.say(ctx, "call.answered", root.says(obj{"answered_by": "system"}))
		l.rest(3)
		l.post(ctx, "voicemail.new", obj{
			"voicemail": obj{
				"id": l.uuid(), "mailbox_id": "vmbox-" + ext.number, "mailbox_number": ext.number, "audio_url": recording(),
				"length_ms": 2000 + l.IntN(30000), "received_at": time.Now().UTC().Format(time.RFC3339Nano), "folder": "new",
			},
			"extension": obj{"number": ext.number}, "call": obj{"id": root.id},
		}, &Letter{[]string{ext.email()}, "audio/wav"})
	}
	missed := obj{"call": obj{"id": root.id, "bridged": false, "message_left": left}}
	if left { // that was a mail already
		l.say(ctx, "call.missed", missed)
	} else {
		missed["notification"] = obj{"to": []string{ext.email()}}
		l.post(ctx, "call.missed", missed, &Letter{To: []string{ext.email()}})
	}
	l.say(ctx, "call.hungup", root.says(end))
	l.say(ctx, "flow.ended", obj{"flow": obj{"id": run}})
}

// outboundCall: somebody inside calls out.
func outboundCall(ctx context.Context, l *line) {
	from, line := pick(l.dice, extensions()), dids()[0]
	number, _ := l.caller()
	root := leg{id: l.uuid()}
	root.root = root.id
	l.say(ctx, "call.created", obj{"call": obj{
		"id": root.id, "direction": "outbound", "leg_direction": "inbound", "kind": "flow",
		"from": obj{"type": "extension", "address": from.number, "name": from.name, "uri": from.number + "@pbx.example.com"},
		"to":   obj{"type": "tel", "address": number, "uri": number + "@pbx.example.com"}, "dialed": number[1:],
		"authorizing_id": "phone-" + from.number, "authorizing_type": "device", "owner_id": from.owner,
	}})
	out := leg{l.uuid(), root.id}
	l.say(ctx, "leg.created", out.says(obj{
		"parent_id": root.id, "direction": "outbound", "leg_direction": "outbound", "kind": "flow",
		"from": obj{"type": "tel", "address": line.number, "name": "Example Ltd"},
		"to":   obj{"type": "tel", "address": number}, "resource_id": "carrier-1",
	}))
	l.rest(1)
	l.say(ctx, "leg.ringing", out.says(obj{}))
	l.say(ctx, "call.ringing", root.says(obj{}))
	l.rest(3)
	if l.IntN(4) == 0 {
		l.say(ctx, "leg.hungup", out.says(ended("USER_BUSY", 17, 486, "busy", "remote")))
		l.say(ctx, "call.hungup", root.says(endedBy("callee", ended("USER_BUSY", 17, 486, "busy", "local"))))
		return
	}
	l.say(ctx, "leg.answered", out.says(obj{}))
	l.say(ctx, "call.answered", root.says(obj{"answered_by": "external"}))
	l.say(ctx, "call.bridged", root.says(obj{"peer_id": out.id, "peer_destination": number}))
	l.rest(5)
	l.say(ctx, "call.hungup", root.says(endedBy("caller", endedNormally("remote"))))
	l.say(ctx, "leg.hungup", out.says(endedNormally("local")))
}

// texts: somebody writes, the company answers, the carrier delivers.
func texts(ctx context.Context, l *line) {
	outside, _ := l.caller()
	own := pick(l.dice, dids()).number
	now := func() string { return time.Now().UTC().Format(time.RFC3339Nano) }
	message := func(from, to, direction, text string) obj {
		return obj{
			"id": l.uuid(), "channel": "sms", "direction": direction, "from": from, "to": to,
			"text": text, "segments": 1, "sent_at": now(),
		}
	}
	in := message(outside, own, "inbound", l.text())
	in["origin"] = "offnet"
	l.say(ctx, "message.received", obj{"message": in})
	l.rest(2)
	out := message(own, outside, "outbound", l.reply())
	out["status"], out["charges"] = "sent", "0.0075"
	l.say(ctx, "message.sent", obj{"message": out})
	l.rest(1)
	// The receipt names the message and its ends, not its text.
	l.say(ctx, "message.status", obj{"message": obj{
		"id": out["id"], "direction": "outbound", "from": own, "to": outside,
		"status": "delivered", "carrier_status": "DELIVRD", "error_code": "000",
	}})
}

// notices: a fax comes in, and now and then the office has to look after something.
func notices(ctx context.Context, l *line) {
	caller, name := l.caller()
	l.post(ctx, "fax.received", obj{"fax": obj{
		"id": l.uuid(), "box_id": faxboxID, "box_name": "Front desk", "direction": "inbound", "pages": 1, "status": "success",
		"from": obj{"type": "tel", "address": caller, "name": name}, "to": obj{"type": "tel", "address": dids()[0].number, "name": "Front desk"},
		"document_url": document("Order no. " + strconv.Itoa(1000+l.IntN(9000))), "completed_at": time.Now().UTC().Format(time.RFC3339Nano),
	}}, &Letter{[]string{office().email()}, "application/pdf"})
	l.rest(2)
	switch l.IntN(3) {
	case 0:
		l.post(ctx, "billing.low_balance", obj{"current_balance": float64(l.IntN(500)) / 100}, &Letter{To: []string{office().email()}})
	case 1:
		of := pick(l.dice, extensions())
		l.post(ctx, "voicemail.full", obj{"voicemail": obj{
			"mailbox_id": "vmbox-" + of.number, "mailbox_number": of.number, "message_count": 100, "max_message_count": 100,
		}}, &Letter{To: []string{of.email()}})
	}
}

// directory: the office changes a number, moves one in from another carrier,
// or renames an agent. Every change is one: the number n is in it.
func directory(ctx context.Context, l *line) {
	stamp := strconv.FormatUint(l.phone.Seed%1000, 10) + "-" + strconv.FormatUint(l.thread, 10)
	port := func(status string) obj {
		row := obj{
			"btn": "2025550177", "location_type": "business", "business_name": "Example Ltd", "first_name": "Grace", "last_name": "Hopper",
			"account_number": stamp, "service_address": "1 Main St", "service_state": "DC", "service_zip": "20001",
			"partial_port": 0, "request_status": status,
		}
		if status == "foc" {
			row["foc_date"] = time.Now().UTC().AddDate(0, 0, 7).Format(time.DateOnly)
		}
		return row
	}
	id := "port-" + l.uuid()
	l.put(ctx, "port_request", id, port("submitted"))
	l.rest(1)
	d := pick(l.dice, dids())
	l.put(ctx, "number", d.id, numberRow(d, d.description+", campaign "+stamp))
	l.rest(1)
	l.put(ctx, "port_request", id, port("foc"))
	l.rest(1)
	l.put(ctx, "port_request", id, port("completed"))
	moved := did{"did-" + l.uuid(), "+120255501" + strconv.Itoa(10+l.IntN(90)), "Moved in " + stamp, "Sales", ""}
	l.put(ctx, "number", moved.id, numberRow(moved, moved.description))
	l.rest(2)
	l.remove(ctx, "number", moved.id)
}
