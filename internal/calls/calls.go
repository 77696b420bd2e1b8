// Package calls keeps the last snapshot of every open call, leg, queue call,
// flow, queue and agent, and completes events from it.
//
// A phone system says little at a time: "leg 7 was answered". What leaves
// Switchhook is a snapshot, the whole state as of the event. So each event that
// speaks of one of these is folded into what is known: fields that it leaves out
// come from the last snapshot of the same id, fields that it gives win, null
// clears. A field is taken whole: a given from replaces the old from, it is not
// mixed with it, unless it is the same party, with the same address. What the type
// itself says (answered, and when) is filled in unless the event says otherwise, a
// null included.
//
// What has ended is remembered for a while, because a voicemail or a last
// update of a call often comes after its end.
package calls

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// Grace is how long a snapshot is kept after its subject ended, where no more than
// mostEnded have ended since: what comes late comes soon, and memory is bounded.
const (
	Grace     = 10 * time.Minute
	mostEnded = 4000
)

// kinds are the resources that are folded, the one that can pull others in
// (a queue call its call) last.
var kinds = [...]string{"agent", "queue", "flow", "call", "queuecall"} //nolint:gochecknoglobals // a constant list

type ref struct{ account, kind, id string }

type snapshot struct {
	object  ordjson.Object  // replaced, never changed in place
	data    json.RawMessage // as it is written; object lies in it
	root    string          // the call that it belongs to
	ended   bool
	toldBy  string    // the type of the event that ended it
	changed time.Time // by our own clock
	queued  bool      // it is among those that have ended
}

// A Folder holds the snapshots. It is not safe for concurrent use: events are
// folded one after the other, in the order in which they are accepted.
type Folder struct {
	known map[ref]*snapshot
	ended []ref       // in the order in which they ended
	live  map[ref]int // legs that have not ended, by their call

	given ordjson.Object // room for what an event gives, used again and again
}

// New returns an empty Folder.
func New() *Folder { return &Folder{known: map[ref]*snapshot{}, live: map[ref]int{}} }

// Restore puts back a snapshot that was committed earlier.
func (f *Folder) Restore(s switchhook.Snapshot) error {
	data, err := ordjson.Compact(s.Data) // as what is folded into it
	if err != nil {
		return fmt.Errorf("the snapshot of %s %q cannot be read: %w", s.Kind, s.ID, err)
	}
	o, err := ordjson.Parse(data)
	if err != nil {
		return fmt.Errorf("the snapshot of %s %q cannot be read: %w", s.Kind, s.ID, err)
	}
	r := ref{s.AccountID, s.Kind, s.ID}
	sn := &snapshot{object: o, data: data, root: s.RootID, ended: hasEnded(s.Kind, o), changed: s.UpdatedAt}
	f.put(r, sn)
	if sn.ended {
		f.enqueue(r, sn)
		if s.Kind == "call" && s.ID == s.RootID { // if the call's end was told too, it is not told again
			sn.toldBy = "leg.hungup"
		}
	}
	return nil
}

// Len is how many snapshots are kept.
func (f *Folder) Len() int { return len(f.known) }

// Fold completes the event's data in place and returns the snapshots that
// changed, to be committed with the event. It sets the event's key where only
// the Folder knows it, and Opens where a call begins with it. now is the time of
// acceptance.
func (f *Folder) Fold(ev *switchhook.Event, data *ordjson.Object, now time.Time) ([]switchhook.Snapshot, error) {
	if strings.HasPrefix(ev.Type, "custom.") || strings.HasPrefix(ev.Type, "record.") {
		return nil, nil
	}
	changes := changeSet{}
	dialedNumber(ev, data)
	f.recordedCall(ev, data)
	f.queueOfQueueCall(ev, data)
	for _, kind := range kinds {
		if kind == "queuecall" {
			f.callOfQueueCall(ev, data)
		}
		raw := data.Get(kind)
		if ordjson.Null(raw) {
			continue
		}
		given, err := ordjson.ParseInto(f.given[:0], raw)
		if err != nil {
			return nil, fmt.Errorf("data.%s: %w", kind, err)
		}
		f.given = given
		data.Set(kind, f.fold(ev, kind, given, now, &changes))
	}
	f.noteAnswer(ev, data, now, &changes)
	f.forget(now, &changes)
	return changes.list, nil
}

// fold merges what is given into what is known and returns the whole.
func (f *Folder) fold(ev *switchhook.Event, kind string, given ordjson.Object, now time.Time, changes *changeSet) json.RawMessage {
	id := given.Text("id")
	r := ref{ev.AccountID, kind, id}
	was := f.known[r]
	old := was
	about := subject(ev.Type) == kind
	if old != nil && old.ended && about && (strings.HasSuffix(ev.Type, ".created") || revives(kind, given)) {
		old = nil // the phone system uses the id again
	}
	var before ordjson.Object
	if old != nil {
		before = old.object
	}
	whole := merge(make(ordjson.Object, 0, max(len(before), len(given))+mostDerived), before, given, valueOf(kind))
	late := old != nil && old.ended
	if about {
		d := deriver{given: given, whole: &whole, at: ev.OccurredAt}
		ev.FirstLegTold = late && ev.Type == "call.hungup" && old.toldBy == "leg.hungup"
		if late && !strings.HasSuffix(ev.Type, ".hungup") { // a call.missed may have told the end before
			d.says("updated_at", d.now()) // what comes late does not bring it back to life
		} else {
			f.derive(ev, kind, &d)
		}
	}
	sortMembers(kind, whole)
	if id == "" || (old == nil && !about) {
		return whole.Append(nil) // only mentioned: nothing is opened for it
	}
	if late && !about {
		return whole.Append(nil) // a voicemail that comes after its call changes nothing about it
	}
	toldBy := ev.Type
	if late {
		toldBy = old.toldBy
	}
	root := f.rootOf(ev, kind, whole, old)
	ev.Opens = ev.Opens || kind == "call" && old == nil && root == id
	return f.keep(r, was, whole, root, toldBy, now, changes)
}

// mostDerived is the room for what an event says of its subject without naming it,
// such as its status, its times and its durations.
const mostDerived = 8

// revives reports whether an event says that its subject is alive: then it is
// not the one that ended.
func revives(kind string, given ordjson.Object) bool {
	return given.Text("status") != "" && !hasEnded(kind, given)
}

// subject is the resource whose life a type tells.
func subject(typ string) string {
	switch family, _, _ := strings.Cut(typ, "."); family {
	case "call", "leg":
		return "call"
	default:
		return family
	}
}

// hasEnded reports whether nothing more is expected of it.
func hasEnded(kind string, o ordjson.Object) bool {
	switch kind {
	case "call":
		return o.Is("status", "ended")
	case "queuecall": // one whom the queue puts out has a kicked, and may have neither
		return o.Is("status", "done") || o.Is("status", "abandoned") || !ordjson.Null(o.Get("ended_at"))
	case "flow":
		return !ordjson.Null(o.Get("ended_at"))
	default: // agents and queues
		return !ordjson.Null(o.Get("deleted_at"))
	}
}

// rootOf is the id of the call that a snapshot belongs to.
func (f *Folder) rootOf(ev *switchhook.Event, kind string, whole ordjson.Object, old *snapshot) string {
	switch kind {
	case "call":
		if old != nil && whole.Is("root_id", old.root) {
			return old.root
		}
		return whole.Text("root_id")
	case "queuecall":
		if call := f.known[ref{ev.AccountID, "call", whole.Text("reference_id")}]; call != nil {
			return call.root
		}
		if old != nil {
			return old.root
		}
	}
	return ""
}

// changeSet holds the last state of each snapshot that one event changed.
type changeSet struct{ list []switchhook.Snapshot }

func (c *changeSet) set(r ref, sn *snapshot) {
	c.put(switchhook.Snapshot{
		AccountID: r.account, Kind: r.kind, ID: r.id, RootID: sn.root,
		Data: sn.data, UpdatedAt: sn.changed, Ended: sn.ended && !sn.leftEarly(r),
	})
}

func (c *changeSet) drop(r ref, now time.Time) {
	c.put(switchhook.Snapshot{AccountID: r.account, Kind: r.kind, ID: r.id, UpdatedAt: now})
}

func (c *changeSet) put(s switchhook.Snapshot) {
	for i := range c.list {
		if o := &c.list[i]; o.AccountID == s.AccountID && o.Kind == s.Kind && o.ID == s.ID {
			*o = s
			return
		}
	}
	c.list = append(c.list, s)
}

// deriver fills in what the type of an event says about its subject.
type deriver struct {
	given ordjson.Object
	whole *ordjson.Object
	at    time.Time
	text  json.RawMessage // at, once it was asked for
}

// says sets a member unless the event gave it, be it null.
func (d *deriver) says(name string, value json.RawMessage) {
	if value != nil && !d.given.Has(name) {
		d.whole.Set(name, value)
	}
}

// first is says for what is true from the first time on.
func (d *deriver) first(name string, value json.RawMessage) {
	if !d.whole.Has(name) {
		d.says(name, value)
	}
}

// word is says for a text.
func (d *deriver) word(name, text string) {
	if !d.given.Has(name) {
		d.whole.Set(name, ordjson.String(text))
	}
}

func (d *deriver) now() json.RawMessage {
	if d.text == nil {
		d.text = timeOf(d.at)
	}
	return d.text
}

// timeOf is a time as JSON has it, in UTC.
func timeOf(t time.Time) json.RawMessage {
	b := append(make([]byte, 0, len(`"2006-01-02T15:04:05.999999999Z"`)), '"')
	return append(t.UTC().AppendFormat(b, time.RFC3339Nano), '"')
}

// span sets a duration in milliseconds between two of the subject's times.
func (d *deriver) span(name, from, to string) {
	start, okFrom := d.time(from)
	end, okTo := d.time(to)
	if okFrom && okTo && !end.Before(start) {
		d.first(name, json.RawMessage(strconv.FormatInt(end.Sub(start).Milliseconds(), 10)))
	}
}

// cause says in our word why a call ended, where only Q.850's name is known.
func (d *deriver) cause() {
	name := d.whole.Text("hangup_cause")
	if name == "" {
		return
	}
	q850, reason := catalogue.HangupCause(name)
	d.first("hangup_reason", ordjson.String(reason))
	if q850 != 0 {
		d.first("q850", json.RawMessage(strconv.Itoa(q850)))
	}
}

func (d *deriver) time(name string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, d.whole.Text(name))
	return t, err == nil
}

func (f *Folder) derive(ev *switchhook.Event, kind string, d *deriver) {
	_, what, _ := strings.Cut(ev.Type, ".")
	switch kind {
	case "call":
		f.deriveCall(ev, what, d)
	case "queuecall":
		deriveQueueCall(what, d)
	case "flow":
		deriveFlow(what, d)
	default: // agents and queues
		switch what {
		case "created":
			d.first("created_at", d.now())
			if kind == "agent" {
				d.first("status", ordjson.String("offline")) // as VoIPBin's new agents
			}
		case "deleted":
			d.first("deleted_at", d.now())
			fallthrough
		default:
			d.says("updated_at", d.now())
		}
	}
}

func (f *Folder) deriveCall(ev *switchhook.Event, what string, d *deriver) {
	if !d.whole.Has("root_id") {
		d.says("root_id", f.rootID(ev, *d.whole))
	}
	if !d.whole.Has("leg_direction") {
		if direction := legDirection(ev.Type, *d.whole); direction != "" {
			d.word("leg_direction", direction)
		}
	}
	switch what {
	case "created":
		status := "ringing"
		if d.whole.Is("leg_direction", "outbound") {
			status = "dialing"
		}
		d.first("status", ordjson.String(status))
		d.first("created_at", d.now())
		if dialed := ordjson.Find(d.whole.Get("to"), "address"); !ordjson.Null(dialed) {
			d.first("dialed", dialed) // what a transfer does to the callee does nothing to this
		}
		return // nothing has been updated yet
	case "ringing":
		d.word("status", "ringing")
		d.first("ringing_at", d.now())
	case "answered":
		d.word("status", "answered")
		d.first("answered_at", d.now())
	case "bridged":
		d.first("status", ordjson.String("answered")) // of a call that was not known before
		d.says("bridged", json.RawMessage("true"))
	case "held":
		d.says("held", json.RawMessage("true"))
	case "unheld":
		d.says("held", json.RawMessage("false"))
	case "hungup":
		d.word("status", "ended")
		d.first("ended_at", d.now())
		d.span("duration_ms", "created_at", "ended_at")
		if _, answered := d.time("answered_at"); answered {
			d.span("ringing_ms", "ringing_at", "answered_at")
			d.span("billable_ms", "answered_at", "ended_at")
		} else {
			d.span("ringing_ms", "ringing_at", "ended_at")
			if d.whole.Has("created_at") { // else its answer may have been missed
				d.first("billable_ms", json.RawMessage("0"))
			}
		}
	}
	d.cause()
	d.says("updated_at", d.now())
}

// legDirection is how the switch must see a leg, where that follows from what is
// known: whoever calls in, from outside or from a phone inside, is an inbound
// leg; a leg that another one started is an outbound one.
func legDirection(typ string, leg ordjson.Object) string {
	if strings.HasPrefix(typ, "leg.") {
		if leg.Text("parent_id") != "" {
			return "outbound"
		}
		return ""
	}
	if leg.Is("direction", "inbound") {
		return "inbound"
	}
	if caller, _ := ordjson.Unquote(ordjson.Find(leg.Get("from"), "type")); caller == "extension" && leg.Text("direction") != "" {
		return "inbound"
	}
	return ""
}

// rootID is the whole call's id: the parent leg's root, or the leg's own id.
func (f *Folder) rootID(ev *switchhook.Event, leg ordjson.Object) json.RawMessage {
	parent := leg.Text("parent_id")
	if parent == "" {
		return leg.Get("id")
	}
	if sn := f.known[ref{ev.AccountID, "call", parent}]; sn != nil && sn.root != "" {
		return ordjson.String(sn.root)
	}
	return leg.Get("parent_id")
}

func deriveQueueCall(what string, d *deriver) {
	if d.whole.Has("reference_id") {
		d.first("reference_type", ordjson.String("call"))
	}
	status := map[string]string{
		"created": "waiting", "connecting": "connecting", "kicked": "kicking",
		"serviced": "serviced", "done": "done", "abandoned": "abandoned",
	}[what]
	d.word("status", status)
	switch what {
	case "created":
		d.first("created_at", d.now())
		return
	case "connecting":
		d.says("service_at", d.now())
	case "serviced":
		d.says("service_at", d.now())
		d.span("wait_ms", "created_at", "service_at")
	case "done":
		d.first("ended_at", d.now())
		d.span("service_ms", "service_at", "ended_at")
	case "abandoned":
		d.first("ended_at", d.now())
		d.span("wait_ms", "created_at", "ended_at")
	}
	d.says("updated_at", d.now())
}

func deriveFlow(what string, d *deriver) {
	switch what {
	case "started":
		d.first("created_at", d.now())
		d.first("updated_at", d.whole.Get("created_at")) // as VoIPBin's activeflow_created
	case "updated":
		d.says("updated_at", d.now())
	case "ended":
		d.first("ended_at", d.now())
	}
}
