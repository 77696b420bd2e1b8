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
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// Grace is how long a snapshot is kept after its subject ended.
const Grace = 10 * time.Minute

// kinds are the resources that are folded, the one that can pull others in
// (a queue call its call) last.
var kinds = [...]string{"agent", "queue", "flow", "call", "queuecall"} //nolint:gochecknoglobals // a constant list

type ref struct{ account, kind, id string }

type snapshot struct {
	object  ordjson.Object // replaced, never changed in place
	root    string         // the call that it belongs to
	ended   bool
	toldBy  string    // the type of the event that ended it; not kept over a restart
	changed time.Time // by our own clock
}

// A Folder holds the snapshots. It is not safe for concurrent use: events are
// folded one after the other, in the order in which they are accepted.
type Folder struct {
	known map[ref]*snapshot
	ended []ref // in the order in which they ended
}

// New returns an empty Folder.
func New() *Folder { return &Folder{known: map[ref]*snapshot{}} }

// Restore puts back a snapshot that was committed earlier.
func (f *Folder) Restore(s switchhook.Snapshot) error {
	o, err := ordjson.Parse(s.Data)
	if err != nil {
		return fmt.Errorf("the snapshot of %s %q cannot be read: %w", s.Kind, s.ID, err)
	}
	r := ref{s.AccountID, s.Kind, s.ID}
	sn := &snapshot{object: o, root: s.RootID, ended: hasEnded(s.Kind, o), changed: s.UpdatedAt}
	f.known[r] = sn
	if sn.ended {
		f.ended = append(f.ended, r)
	}
	return nil
}

// Len is how many snapshots are kept.
func (f *Folder) Len() int { return len(f.known) }

// Fold completes the event's data in place and returns the snapshots that
// changed, to be committed with the event. It sets the event's key where only
// the Folder knows it. now is the time of acceptance.
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
		given, err := ordjson.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("data.%s: %w", kind, err)
		}
		whole := f.fold(ev, kind, given, now, &changes)
		data.Set(kind, whole.Append(nil))
	}
	f.noteAnswer(ev, data, now, &changes)
	f.forget(now, &changes)
	return changes.list, nil
}

// fold merges what is given into what is known and returns the whole.
func (f *Folder) fold(ev *switchhook.Event, kind string, given ordjson.Object, now time.Time, changes *changeSet) ordjson.Object {
	id := given.Text("id")
	r := ref{ev.AccountID, kind, id}
	old := f.known[r]
	about := subject(ev.Type) == kind
	if old != nil && old.ended && about && (strings.HasSuffix(ev.Type, ".created") || revives(kind, given)) {
		old = nil // the phone system uses the id again
	}
	var before ordjson.Object
	if old != nil {
		before = old.object
	}
	whole := merge(kind, before, given)
	if about {
		d := deriver{given: given, whole: &whole, at: ev.OccurredAt}
		late := old != nil && old.ended
		ev.FirstLegTold = late && ev.Type == "call.hungup" && old.toldBy == "leg.hungup"
		if late && !strings.HasSuffix(ev.Type, ".hungup") { // a call.missed may have told the end before
			d.says("updated_at", d.now()) // what comes late does not bring it back to life
		} else {
			f.derive(ev, kind, &d)
		}
		whole = inOrder(kind, whole)
	}
	if id == "" || (old == nil && !about) {
		return whole // only mentioned: nothing is opened for it
	}
	if old != nil && old.ended && !about {
		return whole // a voicemail that comes after its call changes nothing about it
	}
	f.keep(r, whole, f.rootOf(ev, kind, whole, old), now, changes)
	if sn := f.known[r]; sn.ended && (old == nil || !old.ended) {
		sn.toldBy = ev.Type
	}
	return whole
}

// revives reports whether an event says that its subject is alive: then it is
// not the one that ended.
func revives(kind string, given ordjson.Object) bool {
	return given.Text("status") != "" && !hasEnded(kind, given)
}

// keep makes whole the last snapshot.
func (f *Folder) keep(r ref, whole ordjson.Object, root string, now time.Time, changes *changeSet) {
	was := f.known[r]
	sn := &snapshot{object: whole, root: root, ended: hasEnded(r.kind, whole), changed: now}
	f.known[r] = sn
	if sn.ended && (was == nil || !was.ended) {
		f.ended = append(f.ended, r)
	}
	changes.set(r, sn)
}

// forget drops what ended more than Grace ago.
func (f *Folder) forget(now time.Time, changes *changeSet) {
	for len(f.ended) > 0 {
		r := f.ended[0]
		if sn := f.known[r]; sn != nil && sn.ended {
			if now.Sub(sn.changed) < Grace {
				return
			}
			delete(f.known, r)
			changes.drop(r, now)
		}
		f.ended = f.ended[1:]
	}
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
		return o.Text("status") == "ended"
	case "queuecall":
		return o.Text("status") == "done" || o.Text("status") == "abandoned"
	case "flow":
		return !ordjson.Null(o.Get("ended_at"))
	default: // agents and queues
		return !ordjson.Null(o.Get("deleted_at"))
	}
}

// merge lays the given members over the ones before; null takes one out.
func merge(kind string, before, given ordjson.Object) ordjson.Object {
	whole := slices.Clone(before)
	for _, m := range given {
		switch {
		case ordjson.Null(m.Value):
			whole.Delete(m.Name)
		case kind == "call" && (m.Name == "from" || m.Name == "to" || m.Name == "callee"):
			whole.Set(m.Name, mergeParty(before.Get(m.Name), m.Value))
		case m.Name == "action":
			whole.Set(m.Name, withoutNulls(m.Value))
		default:
			whole.Set(m.Name, m.Value)
		}
	}
	return inOrder(kind, whole)
}

// mergeParty is a party as it is given, with what is known of it besides: if it
// has the same address, it is the same one. Another takes its place whole, or the
// old one's name would stand beside the new one's number.
func mergeParty(before, given json.RawMessage) json.RawMessage {
	party, err := ordjson.Parse(given)
	if err != nil {
		return given
	}
	old, _ := ordjson.Parse(before) // where there was none, nothing is known of it
	address := strings.TrimPrefix(party.Text("address"), "+")
	if address == "" || address != strings.TrimPrefix(old.Text("address"), "+") {
		return withoutNulls(given)
	}
	return merge("party", old, party).Append(nil)
}

// withoutNulls is an object without the members that say that they are unset.
func withoutNulls(raw json.RawMessage) json.RawMessage {
	o, err := ordjson.Parse(raw)
	if err != nil || !slices.ContainsFunc(o, func(m ordjson.Member) bool { return ordjson.Null(m.Value) }) {
		return raw
	}
	return slices.DeleteFunc(o, func(m ordjson.Member) bool { return ordjson.Null(m.Value) }).Append(nil)
}

// inOrder sorts the members into the order of the catalogue; unknown ones come
// last, in the order in which they came.
func inOrder(kind string, o ordjson.Object) ordjson.Object {
	if r, ok := catalogue.ResourceOf(kind); ok {
		r.Sort(o)
	}
	return o
}

// rootOf is the id of the call that a snapshot belongs to.
func (f *Folder) rootOf(ev *switchhook.Event, kind string, whole ordjson.Object, old *snapshot) string {
	switch kind {
	case "call":
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
		Data: sn.object.Append(nil), UpdatedAt: sn.changed,
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

func (d *deriver) now() json.RawMessage {
	return ordjson.String(d.at.UTC().Format(time.RFC3339Nano))
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
	d.first("root_id", f.rootID(ev, *d.whole))
	if direction := legDirection(ev.Type, *d.whole); direction != "" {
		d.first("leg_direction", ordjson.String(direction))
	}
	switch what {
	case "created":
		status := "ringing"
		if d.whole.Text("leg_direction") == "outbound" {
			status = "dialing"
		}
		d.first("status", ordjson.String(status))
		d.first("created_at", d.now())
		to, _ := ordjson.Parse(d.whole.Get("to")) // an unknown one has no members
		if dialed := to.Get("address"); !ordjson.Null(dialed) {
			d.first("dialed", dialed) // what a transfer does to the callee does nothing to this
		}
		return // nothing has been updated yet
	case "ringing":
		d.says("status", ordjson.String("ringing"))
		d.first("ringing_at", d.now())
	case "answered":
		d.says("status", ordjson.String("answered"))
		d.first("answered_at", d.now())
	case "bridged":
		d.first("status", ordjson.String("answered")) // of a call that was not known before
		d.says("bridged", json.RawMessage("true"))
	case "held":
		d.says("held", json.RawMessage("true"))
	case "unheld":
		d.says("held", json.RawMessage("false"))
	case "hungup":
		d.says("status", ordjson.String("ended"))
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
	from, _ := ordjson.Parse(leg.Get("from")) // an unknown caller has no members
	if direction := leg.Text("direction"); direction == "inbound" || direction != "" && from.Text("type") == "extension" {
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
	d.says("status", ordjson.String(status))
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
