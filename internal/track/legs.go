package track

import (
	"cmp"
	"maps"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

func (t *Tracker) legStarted(f *source.LegStarted) {
	if l := t.legs[f.Leg]; l != nil {
		t.learn(l, f)
		return
	}
	if t.gone[f.Leg] != nil || f.Leg == "" {
		return
	}
	f.Caller = valid(f.Caller)
	l := &leg{
		ID: f.Leg, Channel: f.Channel, Device: f.Device, Trunk: f.Trunk, Outbound: f.Outbound, Hidden: f.Hidden, Twin: f.Twin,
		Number: f.Caller.Number, Name: f.Caller.Name, Shown: f.Caller.Number, Dialed: f.Dialed, Context: f.Context, Code: f.AccountCode,
		SIP: f.SIPCallID, Vars: f.Vars, Tie: cmp.Or(f.Call, f.Leg), Started: f.At(),
	}
	if !l.Trunk && !l.Hidden {
		l.Number = t.extensionOf(f.Device, f.Caller)
	}
	if l.Trunk && l.Outbound {
		l.Number, l.Name = "", "" // it shows whoever called, if anybody
	}
	if did := f.Vars["FROM_DID"]; did != "" && !l.Outbound {
		l.Dialed = did
	}
	if twin := t.legs[f.Twin]; twin != nil {
		twin.Twin = l.ID
	}
	c := t.calls[l.Tie]
	if c == nil {
		c = t.newCall(l)
		c.Loose = f.Call == ""
	}
	t.add(c, l)
	t.touch(c)
	c.hear(f.At())
	if !l.Hidden {
		t.begin(c, l)
	}
	t.already(l, f, f.When)
}

// valid makes UTF-8 of what a phone shows.
func valid(l source.Line) source.Line {
	return source.Line{Number: strings.ToValidUTF8(l.Number, "\uFFFD"), Name: strings.ToValidUTF8(l.Name, "\uFFFD")}
}

// begin tells of a new leg, now or once it is known where the call goes.
func (t *Tracker) begin(c *call, l *leg) {
	switch {
	case !l.isRoot():
		t.decide(c, l)
		t.announce(c)
		if l.Trunk && l.Outbound && c.Direction == "outbound" {
			l.Number = c.root().Dialed
		}
		t.legCreated(l, l.Started)
	case l.Outbound && c.Loose: // most likely it belongs to another call
	case l.Trunk:
		c.Direction, c.Decided = "inbound", true
		if l.Outbound {
			c.Direction = "outbound"
		}
		t.announce(c)
	case l.Outbound: // somebody is called whom the switch then connects
		c.Direction = "internal"
		t.announce(c)
	case t.inside(l.Dialed):
		c.Direction, c.Decided = "internal", true
		t.announce(c)
	}
}

// decide says where a call goes that a phone began, by the first leg that it leads to.
func (t *Tracker) decide(c *call, to *leg) {
	if c.Decided {
		return
	}
	direction := "internal"
	if to.Trunk {
		direction = "outbound"
	}
	changed := c.Direction != direction
	c.Direction, c.Decided = direction, true
	if c.Told && changed {
		t.tellLeg(c.root(), "updated", to.Started, &switchhook.Call{Direction: direction, To: c.target(c.root().Dialed)})
	}
}

// announce tells of a call, if that was not done yet.
func (t *Tracker) announce(c *call) {
	l := c.root()
	if c.Told || l == nil {
		return
	}
	if c.Direction == "" {
		c.Direction = "internal"
		if outside(l.Dialed) {
			c.Direction = "outbound"
		}
	}
	c.Told, c.Loose, c.Account = true, false, t.accountOf(l)
	call := l.described()
	call.Direction, call.From, call.To, call.Dialed = c.Direction, l.end(), c.target(l.Dialed), l.Dialed
	if l.Trunk && l.Outbound {
		call.From, call.To = nil, l.end()
	}
	data := &switchhook.Resources{Call: call}
	if !l.Trunk {
		data.Extension = l.extension()
	}
	t.tell(c, "call.created", l.Started, data)
}

// described is what is known of a leg from its beginning.
func (l *leg) described() *switchhook.Call {
	call := &switchhook.Call{ID: l.ID, LegDirection: "inbound", AuthorizingID: l.Device}
	if l.Outbound {
		call.LegDirection = "outbound"
	}
	if call.AuthorizingType = "device"; l.Trunk {
		call.AuthorizingType, call.ResourceID = "resource", l.Device
	}
	if l.Device == "" {
		call.AuthorizingType = ""
	}
	if len(l.Vars) > 0 {
		call.Vars = pack(l.Vars)
	}
	call.Extra = pack(struct {
		Channel   string `json:"channel,omitzero"`
		LinkedID  string `json:"linked_id,omitzero"`
		Context   string `json:"context,omitzero"`
		SIPCallID string `json:"sip_call_id,omitzero"`
	}{l.Channel, l.Tie, l.Context, l.SIP})
	return call
}

// legCreated tells of a further leg.
func (t *Tracker) legCreated(l *leg, at time.Time) {
	c := l.call
	call := l.described()
	call.ParentID, call.Direction, call.To = t.parent(l), c.Direction, l.end()
	if r := c.root(); r != nil {
		call.From = r.end()
	}
	switch l.Phase {
	case begun, over:
	case ringing:
		call.Status = "ringing"
	case answered:
		call.Status = "answered"
	}
	t.tellLeg(l, "created", at, call)
}

// parent is the leg on whose behalf another was made: who dialled it, through whatever
// lies hidden between, else the first.
func (t *Tracker) parent(l *leg) string {
	for range 8 {
		from := t.legs[l.From]
		if from == nil || from.call != l.call {
			break
		}
		if !from.Hidden {
			return from.ID
		}
		if l = from; l.From == "" && t.legs[l.Twin] != nil {
			l = t.legs[l.Twin]
		}
	}
	return l.call.Root
}

// learn takes from a second report of a leg what the first one left out.
func (t *Tracker) learn(l *leg, f *source.LegStarted) {
	if l.Phase == over {
		return
	}
	l.call.hear(f.At())
	l.SIP, l.Code = cmp.Or(l.SIP, f.SIPCallID), cmp.Or(l.Code, f.AccountCode)
	l.Twin, l.Dialed = cmp.Or(l.Twin, f.Twin), cmp.Or(l.Dialed, f.Dialed)
	t.touch(l.call)
	if f.Call != "" && f.Call != l.Tie {
		t.linked(source.Linked{When: f.When, Leg: f.Leg, Call: f.Call})
	}
	t.already(l, f, f.When)
}

// already tells how far a leg has come when it becomes known.
func (t *Tracker) already(l *leg, f *source.LegStarted, at source.When) {
	if f.Ringing {
		t.legRinging(source.LegRinging{When: at, Leg: l.ID})
	}
	if f.Answered {
		t.legAnswered(source.LegAnswered{When: at, Leg: l.ID})
	}
}

func (t *Tracker) legRinging(f source.LegRinging) {
	l := t.live(f.Leg, f.When)
	if l == nil || l.Hidden || !l.Outbound || !l.Phase.reach(ringing) {
		return
	}
	c := l.call
	l.Rang = true
	t.touch(c)
	t.announce(c)
	if !l.isRoot() {
		t.tellLeg(l, "ringing", f.At(), &switchhook.Call{To: l.end()})
	}
	if l.phone() {
		t.tellExtension(l, "ringing", f.At())
	}
	if c.Phase.reach(ringing) {
		t.tell(c, "call.ringing", f.At(), nil)
	}
}

// legAnswered: the switch says that a leg is up. Of one that was dialled, the end of the
// dialling says whether somebody took the call (who has to press a key first is up before).
func (t *Tracker) legAnswered(f source.LegAnswered) {
	l := t.live(f.Leg, f.When)
	if l == nil || l.Hidden || l.Up {
		return
	}
	c := l.call
	l.Up = true
	t.touch(c)
	switch {
	case l.Outbound:
		if !l.Dialling {
			t.answer(l, f.At())
		}
	case l.isRoot() && c.Phase < answered:
		for _, o := range c.Legs { // ARI may tell this before AMI tells who
			if o.Up && o.Dialling && !o.Hidden {
				t.answer(o, f.At())
				return
			}
		}
		t.announce(c)
		t.answerCall(c, f.At(), "system", nil)
	case !l.isRoot():
		l.Phase.reach(answered)
	}
}

// answer tells that somebody took the call at a leg.
func (t *Tracker) answer(l *leg, at time.Time) {
	l.Dialling = false
	if !l.Phase.reach(answered) {
		return
	}
	c := l.call
	c.Human, c.Taken = true, at
	t.touch(c)
	t.announce(c)
	for _, q := range c.Queues {
		q.Answered = q.Answered || q.Leg == l.From
	}
	if !l.isRoot() {
		t.tellLeg(l, "answered", at, &switchhook.Call{To: l.end()})
	}
	if !l.Trunk {
		l.Spoke = true
		t.tellExtension(l, "answered", at)
	}
	t.answerCall(c, at, l.kind(), l)
}

// kind is who answers at a leg.
func (l *leg) kind() string {
	if l.Trunk {
		return "external"
	}
	return "extension"
}

// answerCall tells that a call was answered. An announcement may answer first; the person
// who does afterwards has events of the leg and the extension.
func (t *Tracker) answerCall(c *call, at time.Time, by string, who *leg) {
	c.AnsweredBy = by
	t.touch(c)
	if !c.Phase.reach(answered) {
		return
	}
	call := &switchhook.Call{ID: c.Root, AnsweredBy: by}
	if who != nil && !who.isRoot() {
		call.Callee = who.end()
	}
	if by == "extension" {
		call.AnsweredExtension = who.extension()
	}
	c.AnsweredAt = t.tell(c, "call.answered", at, &switchhook.Resources{Call: call}).OccurredAt
}

func (t *Tracker) dialled(f source.Dialled) {
	to, from := t.live(f.To, f.When), t.live(f.From, f.When)
	if to == nil {
		return
	}
	if from != nil {
		t.bringTogether(from, to, f.At())
		t.leaveQueues(from, f.At())
		to.From = from.ID
	}
	c := to.call
	t.touch(c)
	c.Loose = false
	if to.Phase < answered && to.Outcome == "" {
		to.Dialling = true
	}
	if !to.Hidden {
		t.announce(c)
	}
	if to.Trunk && to.Outbound {
		to.Number = cmp.Or(f.Number, to.Number)
	}
	if from != nil {
		t.ringGroup(from, &f)
	}
}

// ringGroup tells that a leg entered a ring group: the dial plan says so, or several are
// rung for it at once. A queue rings several too.
func (t *Tracker) ringGroup(from *leg, f *source.Dialled) {
	c := from.call
	rung := 0
	for _, l := range c.Legs {
		if l.From == from.ID && l.Dialling {
			rung++
		}
		if l.InGroup {
			return // a part of the same
		}
	}
	for _, q := range c.Queues {
		if q.Leg == from.ID && q.waits() {
			return
		}
	}
	number := from.Vars["RINGGROUP"]
	if f.Context == "ext-group" { // FreePBX
		number = f.Exten
	}
	if number == "" && (rung < 2 || c.Root == "") {
		return
	}
	from.InGroup = true
	t.announce(c)
	number = cmp.Or(number, f.Exten, from.Dialed)
	group := &switchhook.RingGroup{Number: number}
	if id := t.recordID(c.Account, "ring_group", number); id != number {
		group.ID = id
	}
	t.tell(c, "ring_group.entered", f.At(), &switchhook.Resources{RingGroup: group}, from.ID, stamp(f.At()))
}

func (t *Tracker) dialEnded(f source.DialEnded) {
	to, from := t.live(f.To, f.When), t.live(f.From, f.When)
	if to == nil {
		return
	}
	if from != nil && f.Outcome == source.Answered {
		t.bringTogether(from, to, f.At())
		to.From = cmp.Or(to.From, from.ID)
	}
	to.Dialling = false
	t.touch(to.call)
	if from != nil {
		t.leaveGroup(from)
	}
	if f.Forward != "" && !to.call.Forwarded {
		yes := true
		to.call.Forwarded = true
		t.announce(to.call)
		t.tell(to.call, "call.updated", f.At(), &switchhook.Resources{Call: &switchhook.Call{ID: to.call.Root, Forwarded: &yes}}, stamp(f.At()))
	}
	switch {
	case to.Phase >= answered:
	case f.Outcome != source.Answered:
		to.Outcome = string(f.Outcome)
	case !to.Hidden:
		t.answer(to, f.At())
	}
}

// leaveGroup notes that nothing rings any more for a leg in a ring group.
func (t *Tracker) leaveGroup(from *leg) {
	for _, l := range from.call.Legs {
		if l.From == from.ID && l.Dialling {
			return
		}
	}
	from.InGroup = false
}

// partyChanged: what the first leg shows is who calls, unless the switch called it.
func (t *Tracker) partyChanged(f source.PartyChanged) {
	l := t.live(f.Leg, f.When)
	if l == nil || l.Hidden {
		return
	}
	c := l.call
	if len(f.Vars) > 0 {
		l.Vars = maps.Clone(l.Vars)
		if l.Vars == nil {
			l.Vars = map[string]string{}
		}
		maps.Copy(l.Vars, f.Vars)
		t.touch(c)
	}
	dialed := cmp.Or(f.Vars["FROM_DID"], f.Dialed)
	if l.isRoot() && !l.Outbound && dialed != "" && (l.Dialed == "" || f.Vars["FROM_DID"] != "") && dialed != l.Dialed {
		l.Dialed = dialed
		t.touch(c)
		if c.Told {
			t.tellLeg(l, "updated", f.At(), &switchhook.Call{To: c.target(dialed), Dialed: dialed})
		} else {
			t.begin(c, l)
		}
	}
	if f.Caller != nil && l.isRoot() && !l.Outbound {
		t.callerChanged(l, valid(*f.Caller), f.At())
	}
}

// callerChanged takes over what the caller shows from now on. A phone that shows another
// number, to those outside, is still the same.
func (t *Tracker) callerChanged(l *leg, shown source.Line, at time.Time) {
	number, name := l.Number, cmp.Or(shown.Name, l.Name)
	switch {
	case l.Trunk:
		number = cmp.Or(shown.Number, l.Number)
	case shown.Number != "" && shown.Number != l.Shown:
		return
	}
	if number == l.Number && name == l.Name {
		return
	}
	l.Number, l.Name = number, name
	t.touch(l.call)
	if l.call.Told {
		t.tellLeg(l, "updated", at, &switchhook.Call{From: l.end()})
	}
}

// tell adds an event of a call. It is named by what it is about besides.
func (t *Tracker) tell(c *call, typ string, at time.Time, r *switchhook.Resources, name ...string) *switchhook.Event {
	if r == nil {
		r = &switchhook.Resources{}
	}
	if r.Call == nil {
		r.Call = &switchhook.Call{ID: c.Root}
	}
	return t.event(c.Account, typ, c.moment(at), r, append(name, c.Root)...)
}

// moment is a time in a call's life, which does not go back: two interfaces of a system may
// tell theirs with different precision.
func (c *call) moment(at time.Time) time.Time {
	if at.Before(c.Last) {
		return c.Last
	}
	c.Last = at
	return at
}

// tellLeg adds an event of a leg: call.* of the first one, leg.* of the others. Those that
// can come more than once are named by their time.
func (t *Tracker) tellLeg(l *leg, what string, at time.Time, call *switchhook.Call) {
	family := "call."
	call.ID = l.ID
	if !l.isRoot() {
		family, call.RootID = "leg.", l.call.Root
	}
	name := []string{l.ID}
	if !strings.Contains("created ringing answered hungup", what) {
		name = append(name, stamp(at))
	}
	t.tell(l.call, family+what, at, &switchhook.Resources{Call: call}, name...)
}

// tellExtension adds an event of the extension that a leg leads to.
func (t *Tracker) tellExtension(l *leg, what string, at time.Time) {
	t.tell(l.call, "extension."+what, at, &switchhook.Resources{Extension: l.extension()}, l.ID)
}
