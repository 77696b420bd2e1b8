package track

import (
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
)

// A slot is where a leg is parked.
type slot struct {
	Slot string `json:"slot"`
	Lot  string `json:"lot,omitzero"`
}

// parking tells what happens to a parked call. It goes with the whole call, whichever leg
// of it is parked.
func (t *Tracker) parking(f source.Parking) {
	l := t.live(f.Leg, f.When)
	if l == nil {
		return
	}
	c := l.call
	at := slot{f.Slot, f.Lot}
	if f.Step == source.Parked && (l.Parked == nil || *l.Parked != at) {
		t.leaveQueues(l, f.At())
		l.Parked = &at
		t.tellParking(c, l, "call.parked", &at, f.At())
		return
	}
	if l.Parked == nil {
		return
	}
	at = *l.Parked
	l.Parked = nil
	switch f.Step {
	case source.Parked:
		l.Parked = &at
	case source.Retrieved:
		t.tellParking(c, l, "call.retrieved", &at, f.At())
	case source.ParkAbandoned:
		t.tellParking(c, l, "call.park_abandoned", &at, f.At())
	case source.ParkTimedOut: // it rings again where it was parked
		t.tellParking(c, l, "call.updated", nil, f.At())
	}
}

func (t *Tracker) tellParking(c *call, l *leg, typ string, at *slot, when time.Time) {
	t.touch(c)
	t.announce(c)
	where := json.RawMessage("null")
	if at != nil {
		where = pack(at)
	}
	call := ordjson.Object{{Name: "id", Value: ordjson.String(c.Root)}, {Name: "parking", Value: where}}
	t.event(c.Account, typ, c.moment(when), ordjson.Object{{Name: "call", Value: call.Append(nil)}}, l.ID, stamp(when))
}

// sameKey is how soon after one another the same key cannot have been pressed twice: then
// two interfaces tell of one pressing.
const sameKey = 50 * time.Millisecond

func (t *Tracker) dtmf(f source.DTMF) {
	l := t.live(f.Leg, f.When)
	if l == nil || l.Hidden || len(f.Digit) != 1 || !strings.Contains("0123456789*#ABCD", f.Digit) || l.Key == f.Digit && f.At().Sub(l.KeyAt).Abs() < sameKey {
		return
	}
	l.Key, l.KeyAt = f.Digit, f.At()
	c := l.call
	t.touch(c)
	t.announce(c)
	data := ordjson.Object{
		{Name: "call", Value: pack(&switchhook.Call{ID: c.Root})},
		{Name: "digit", Value: ordjson.String(f.Digit)},
		{Name: "duration_ms", Value: pack(f.Duration.Milliseconds())},
	}
	if !l.isRoot() {
		data.Set("leg_id", ordjson.String(l.ID))
	}
	t.event(c.Account, "call.dtmf", c.moment(f.At()), data, l.ID, f.Digit, stamp(f.At()))
}

func (t *Tracker) recording(f source.Recording) {
	l := t.live(f.Leg, f.When)
	if l == nil || f.ID == "" || slices.Contains(l.Recording, f.ID) == f.On {
		return
	}
	t.announce(l.call)
	if f.On {
		l.Recording = append(l.Recording, f.ID)
	} else {
		l.Recording = slices.DeleteFunc(l.Recording, func(id string) bool { return id == f.ID })
	}
	t.tellRecording(l, &f)
}

func (t *Tracker) tellRecording(l *leg, f *source.Recording) {
	c := l.call
	t.touch(c)
	if l.Hidden && c.Root == "" {
		return
	}
	r := &switchhook.Recording{ID: f.ID, CallID: l.ID, Status: "recording", Format: strings.TrimPrefix(path.Ext(f.File), "."), URL: fileURL(f.File)}
	typ := "recording.started"
	if f.On {
		r.StartedAt = f.At()
	} else {
		typ, r.Status, r.EndedAt = "recording.finished", "finished", f.At()
	}
	call := &switchhook.Call{ID: l.ID}
	if l.Hidden {
		call.ID, r.CallID = c.Root, c.Root
	}
	if call.ID != c.Root {
		call.RootID = c.Root
	}
	t.tell(c, typ, f.At(), &switchhook.Resources{Call: call, Recording: r}, f.ID)
}

// fileURL is where a file of the phone system lies.
func fileURL(name string) string {
	if !path.IsAbs(name) {
		return name
	}
	return (&url.URL{Scheme: "file", Path: name}).String()
}

// A room is a conference that is held.
type room struct {
	Name     string        `json:"name"`
	Instance string        `json:"inst,omitzero"`
	Started  time.Time     `json:"at"`
	In       []participant `json:"in"`
}

type participant struct {
	Leg    string `json:"leg"`
	Number string `json:"num,omitzero"`
	Name   string `json:"name,omitzero"`
}

func (r *room) beliefID() string { return "room/" + r.Name }

func (t *Tracker) conferred(f source.Conferred) {
	r := t.rooms[f.Room]
	if f.Leg == "" {
		if r != nil && !f.Joined {
			t.closeRoom(r, f.At())
		}
		return
	}
	l := t.live(f.Leg, f.When)
	if l == nil || l.Hidden {
		return
	}
	if r == nil {
		r = &room{Name: f.Room, Instance: f.Instance, Started: f.At()}
	}
	f.Caller = valid(f.Caller)
	i := slices.IndexFunc(r.In, func(p participant) bool { return p.Leg == l.ID })
	switch {
	case f.Joined && i < 0:
		p := participant{l.ID, f.Caller.Number, f.Caller.Name}
		r.In = append(r.In, p)
		t.rooms[r.Name] = r
		l.call.Met = true
		t.leaveQueues(l, f.At())
		t.tellRoom(r, l, &p, "joined", f.Moderator, f.Muted, f.At())
	case !f.Joined && i >= 0:
		t.leaveRoom(r, l, i, f.At())
	}
}

func (t *Tracker) leaveRoom(r *room, l *leg, i int, at time.Time) {
	p := r.In[i]
	r.In = slices.Delete(r.In, i, i+1)
	t.tellRoom(r, l, &p, "left", nil, nil, at)
	if len(r.In) == 0 {
		delete(t.rooms, r.Name)
		t.forget(r)
	}
}

func (t *Tracker) closeRoom(r *room, at time.Time) {
	for _, p := range slices.Clone(r.In) {
		if l := t.legs[p.Leg]; l != nil {
			t.leaveRoom(r, l, 0, at)
		}
	}
	delete(t.rooms, r.Name)
	t.forget(r)
}

func (t *Tracker) tellRoom(r *room, l *leg, p *participant, what string, moderator, muted *bool, at time.Time) {
	c := l.call
	t.touch(c)
	t.touch(r)
	t.announce(c)
	count := int64(len(r.In))
	conference := &switchhook.Conference{
		ID: r.Name, InstanceID: r.Instance, ParticipantCount: &count, StartedAt: r.Started,
		Participant: &switchhook.Participant{ID: p.Leg, CallID: p.Leg, Name: p.Name, Number: p.Number, Moderator: moderator, Muted: muted},
	}
	if isNumber(r.Name) {
		conference.Number = r.Name
	}
	if count == 0 {
		conference.EndedAt = at
	}
	call := &switchhook.Call{ID: l.ID}
	if !l.isRoot() {
		call.RootID = c.Root
	}
	t.tell(c, "conference."+what, at, &switchhook.Resources{Call: call, Conference: conference}, r.Name, l.ID, stamp(at))
}

// endServices ends what a leg that is gone was in the middle of.
func (t *Tracker) endServices(l *leg, at time.Time) {
	t.endQueues(l)
	for _, name := range sortedKeys(t.rooms) {
		r := t.rooms[name]
		if i := slices.IndexFunc(r.In, func(p participant) bool { return p.Leg == l.ID }); i >= 0 {
			t.leaveRoom(r, l, i, at)
		}
	}
	if l.Parked != nil {
		t.parking(source.Parking{When: source.When(at), Leg: l.ID, Step: source.ParkAbandoned})
	}
	for _, id := range slices.Clone(l.Recording) {
		t.recording(source.Recording{When: source.When(at), Leg: l.ID, ID: id})
	}
}
