package voipbin

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// messageStatus reads how an outgoing message fares. VoIPBin gave up waiting for
// the gateway's answer (gw_timeout), or for the receipt of what it had taken
// (dlr_timeout).
func messageStatus() read {
	return word("queued sent delivered failed gw_timeout=failed dlr_timeout=sent received=sent")
}

// messages makes an event of each receiver of an SMS: it has several targets, each
// with its own status.
func (t *Translator) messages(r *reading, typ string, in ordjson.Object) []*switchhook.Event {
	res := t.resources["message"]
	message := r.members("data", in, res.fields)
	message.Set("from", r.address("data.source", in.Get("source")))
	outbound := message.Text("direction") == "outbound"
	switch {
	case typ != "message.received":
	case outbound:
		typ = "message.sent"
	case ordjson.Null(message.Get("direction")) && len(r.errs) == 0:
		r.errs.Add("data.direction", "is required: inbound or outbound")
	}
	to := r.receivers(in.Get("targets"))
	if typ == "message.status" {
		to = newest(to)
	}
	events := make([]*switchhook.Event, 0, len(to))
	for _, rc := range to {
		m := slices.Clone(message)
		m.Set("to", r.address(rc.path+".destination", rc.in.Get("destination")))
		if v := rc.in.Get("status"); outbound && !ordjson.Null(v) {
			m.Set("status", messageStatus()(r, rc.path+".status", v))
		}
		if v := rc.in.Get("parts"); !ordjson.Null(v) {
			m.Set("segments", readPart(r, rc.path+".parts", v))
		}
		m = slices.DeleteFunc(m, func(m ordjson.Member) bool { return ordjson.Null(m.Value) })
		events = append(events, &switchhook.Event{
			Type: typ, OccurredAt: occurredAt(in, res.times),
			Data: ordjson.Object{{Name: "message", Value: m.Append(nil)}}.Append(nil),
		})
	}
	return events
}

// A receiver is one of a message's.
type receiver struct {
	path    string
	in      ordjson.Object
	updated time.Time
}

// mostReceivers bounds the events that one text message makes.
const mostReceivers = 1000

func (r *reading) receivers(targets json.RawMessage) []receiver {
	var list []json.RawMessage
	if !ordjson.Null(targets) && (targets[0] != '[' || json.Unmarshal(targets, &list) != nil) {
		r.expected("data.targets", "a list", targets)
		return nil
	}
	if len(list) > mostReceivers {
		r.errs.Add("data.targets", "expected at most "+strconv.Itoa(mostReceivers)+", got "+strconv.Itoa(len(list)))
		return nil
	}
	var all []receiver
	for i, v := range list {
		path := "data.targets[" + strconv.Itoa(i) + "]"
		in, err := ordjson.Parse(v)
		if err != nil {
			r.expected(path, "an object", v)
			continue
		}
		updated, err := parseTime(in.Text("tm_update"))
		if err != nil {
			readTime(r, path+".tm_update", in.Get("tm_update")) // says what is wrong
		}
		all = append(all, receiver{path, in, updated})
	}
	if len(all) == 0 && len(r.errs) == 0 {
		all = []receiver{{path: "data.targets"}} // sent to nobody
	}
	return all
}

// newest are the receivers that changed last.
func newest(all []receiver) []receiver {
	var last time.Time
	for _, rc := range all {
		if rc.updated.After(last) {
			last = rc.updated
		}
	}
	return slices.DeleteFunc(all, func(rc receiver) bool { return !rc.updated.Equal(last) })
}

// address is the number, or whatever it is, that an address names.
func (r *reading) address(path string, v json.RawMessage) json.RawMessage {
	if ordjson.Null(v) {
		return null()
	}
	in, err := ordjson.Parse(v)
	if err != nil {
		return r.expected(path, "an object", v)
	}
	if target := in.Get("target"); !ordjson.Null(target) {
		return readText(r, path+".target", target)
	}
	return null()
}

// readPart reads a count of SMS, which the catalogue has as an int32.
func readPart(r *reading, path string, v json.RawMessage) json.RawMessage {
	if n, err := strconv.ParseInt(string(v), 10, 32); err != nil || n < 0 || strings.HasPrefix(string(v), "-") {
		return r.expected(path, "an integer of 0 or more", v)
	}
	return v
}
