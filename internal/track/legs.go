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
		Number: f.Caller.Number, Name: f.Caller.Name, Own: f.Caller.Name, Shown: f.Caller.Number, Dialed: f.Dialed, Context: f.Context, Code: f.AccountCode,
		SIP: f.SIPCallID, Vars: f.Vars, Tie: cmp.Or(f.Call, f.Leg), Started: f.At(),
		Account: f.Account, Later: f.AccountLater,
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
		if !l.Later || l.Account != "" { // else it becomes known in a moment whose it is
			t.announce(c)
		}
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
	if !l.Up.IsZero() && !l.Outbound {
		t.answerCall(c, l.Up, "system", nil)
	}
}

// learn takes from a second report of a leg what the first one left out.
func (t *Tracker) learn(l *leg, f *source.LegStarted) {
	if l.Phase == over {
		return
	}
	c := l.call
	c.hear(f.At())
	l.SIP, l.Code = cmp.Or(l.SIP, f.SIPCallID), cmp.Or(l.Code, f.AccountCode)
	l.Twin, l.Dialed = cmp.Or(l.Twin, f.Twin), cmp.Or(l.Dialed, f.Dialed)
	t.touch(c)
	if l.isRoot() && !c.Told && l.Account == "" && f.Account != "" {
		l.Account = f.Account
		t.begin(c, l)
	}
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
	if l == nil || l.Hidden || !l.Up.IsZero() {
		return
	}
	c := l.call
	l.Up = f.At()
	t.touch(c)
	switch {
	case l.Outbound:
		if !l.Dialling {
			t.answer(l, f.At())
		}
	case l.isRoot() && c.Phase < answered:
		for _, o := range c.Legs { // ARI may tell this before AMI tells who
			if !o.Up.IsZero() && o.Dialling && !o.Hidden {
				t.answer(o, f.At())
				return
			}
		}
		if c.Told { // else it is not clear yet whether a call is begun here or fetched
			t.answerCall(c, f.At(), "system", nil)
		}
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

// callerChanged takes over what the caller shows from now on. Another number is that of
// another only as long as a call from outside has led to nobody: the dial plan then makes
// of it what it should have been. Later, and to a phone, it is what is shown to whom the
// call goes on to.
func (t *Tracker) callerChanged(l *leg, shown source.Line, at time.Time) {
	c := l.call
	number, name := l.Number, cmp.Or(shown.Name, l.Name)
	switch {
	case shown.Number == "" || shown.Number == l.Shown:
	case l.Trunk && c.Phase < answered && len(c.Legs) == 1 && len(c.Gone) == 0:
		number, l.Shown = shown.Number, shown.Number
	default:
		return
	}
	if number == l.Number && name == l.Name {
		return
	}
	l.Number, l.Name = number, name
	t.touch(c)
	if c.Told {
		t.tellLeg(l, "updated", at, &switchhook.Call{From: l.end()})
	}
}
