package track

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

func (t *Tracker) bridgeEntered(f source.BridgeEntered) {
	l := t.live(f.Leg, f.When)
	if l == nil || l.Bridge == f.Bridge {
		return
	}
	t.enter(l, f.Bridge)
	l.Apart = f.Holding || f.Conference
	t.touch(l.call)
	if !l.Apart {
		t.connect(l, f.At())
	}
}

func (t *Tracker) bridgeLeft(f source.BridgeLeft) {
	if l := t.live(f.Leg, f.When); l != nil && l.Bridge == f.Bridge {
		t.enter(l, "")
		t.touch(l.call)
	}
}

// enter moves a leg to another bridge, or to none.
func (t *Tracker) enter(l *leg, bridge string) {
	if left := slices.DeleteFunc(t.bridges[l.Bridge], func(o *leg) bool { return o == l }); len(left) > 0 {
		t.bridges[l.Bridge] = left
	} else {
		delete(t.bridges, l.Bridge)
	}
	if l.Bridge, l.Apart = bridge, false; bridge != "" {
		t.bridges[bridge] = append(t.bridges[bridge], l)
	}
}

// connect tells who hears whom, now that a leg has entered a bridge.
func (t *Tracker) connect(entered *leg, at time.Time) {
	group := t.hearing(entered)
	if len(group) < 2 {
		return
	}
	c := t.join(group, at)
	t.announce(c)
	if r := c.root(); r.Phase == over {
		t.tellLeftEarly(c) // the others talk on
	}
	c.Human = true
	for _, l := range group {
		if l.Outbound || !l.isRoot() { // who was called, or fetched the call
			t.answer(l, at)
		}
	}
	t.answerCall(c, at, cmp.Or(c.AnsweredBy, group[1].kind()), group[1])
	for _, l := range group {
		t.tellBridged(l, peerOf(l, group), at)
	}
}

// hearing are the legs that hear a leg, itself among them, the first one of a call first.
// Hidden pairs lead from bridge to bridge.
func (t *Tracker) hearing(start *leg) []*leg {
	seen := map[string]bool{}
	var group []*leg
	for bridges := []string{start.Bridge}; len(bridges) > 0; bridges = bridges[1:] {
		bridge := bridges[0]
		if bridge == "" || seen[bridge] {
			continue
		}
		seen[bridge] = true
		for _, l := range t.bridges[bridge] {
			if !l.Hidden {
				group = append(group, l)
			} else if twin := t.legs[l.Twin]; twin != nil && !twin.Apart {
				bridges = append(bridges, twin.Bridge)
			}
		}
	}
	slices.SortFunc(group, func(a, b *leg) int {
		return cmp.Or(boolean(b.isRoot())-boolean(a.isRoot()), a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return group
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// peerOf is whom a leg of a group talks with: the call's first leg, or of it the newest.
func peerOf(l *leg, group []*leg) *leg {
	if group[0] != l {
		return group[0]
	}
	return group[len(group)-1]
}

func (t *Tracker) tellBridged(l, peer *leg, at time.Time) {
	if l.Peer == peer.ID {
		return
	}
	l.Peer = peer.ID
	t.touch(l.call)
	call := &switchhook.Call{PeerID: peer.ID}
	if l.isRoot() {
		call.PeerDestination, call.Callee, call.AnsweredBy = peer.Number, peer.end(), l.call.AnsweredBy
	}
	t.tellLeg(l, "bridged", at, call)
}

// join makes one call of those whose legs hear one another: that of the first leg which is
// among them, of such one that leads outside, else the oldest.
func (t *Tracker) join(group []*leg, at time.Time) *call {
	to := group[0].call
	for _, l := range group[1:] {
		if c := l.call; c != to && better(c, to, group) {
			to = c
		}
	}
	for _, l := range group {
		if l.call != to {
			t.move(l, to, at)
		}
	}
	return to
}

// better reports whether of two calls the first one goes on.
func better(c, than *call, group []*leg) bool {
	r, other := c.root(), than.root()
	return cmp.Or(
		boolean(c.Told)-boolean(than.Told),
		boolean(r.stays(group))-boolean(other.stays(group)),
		boolean(c.Direction != "internal")-boolean(than.Direction != "internal"),
		other.Started.Compare(r.Started),
		cmp.Compare(other.ID, r.ID),
	) > 0
}

// stays reports whether a leg is one of a group that talks, and has not passed it on.
func (l *leg) stays(group []*leg) bool { return slices.Contains(group, l) && !l.Leaving }

// bringTogether puts a leg that another one dialled, or whose place it took, into the same
// call. One that was told never goes into one that was not.
func (t *Tracker) bringTogether(from, to *leg, at time.Time) {
	switch {
	case from.call == to.call:
	case to.call.Told && !from.call.Told:
		t.move(from, to.call, at)
	default:
		t.move(to, from.call, at)
	}
}

// move puts a leg into another call. A call whose first leg moves is over, and all of it
// moves; so does one that was not told.
func (t *Tracker) move(l *leg, to *call, at time.Time) {
	from := l.call
	t.touch(from)
	t.touch(to)
	for _, tie := range slices.Clone(from.Ties) {
		t.tie(to, tie)
	}
	moved := []*leg{l}
	whole := !from.Told || l.isRoot()
	if whole {
		moved = slices.DeleteFunc(slices.Clone(from.Legs), func(o *leg) bool { return o.Phase == over })
	}
	began := map[*leg]bool{}
	if from.Told && l.isRoot() {
		began[l] = true // its end was told, as the call's
		if from.Human {
			l.Phase.reach(answered) // who spoke there has not answered here
		}
		t.hungUp(from, at, "normal")
		l.End = nil
	}
	for _, o := range moved {
		t.remove(o)
		t.add(to, o)
		to.hear(from.Heard)
	}
	for _, o := range moved {
		if !o.Hidden {
			t.tellMoved(o, from, to, began[o], at)
		}
	}
	for _, q := range from.Queues {
		if slices.ContainsFunc(moved, func(o *leg) bool { return o.ID == q.Leg }) {
			to.Queues = append(to.Queues, q)
		}
	}
	from.Queues = slices.DeleteFunc(from.Queues, func(q *queueCall) bool { return slices.Contains(to.Queues, q) })
	to.Human, to.Met = to.Human || from.Human && !whole, to.Met || from.Met
	switch {
	case whole:
		t.bury(from, at)
	case !from.lives(false):
		t.finish(from, at)
	}
}

// tellMoved tells that a leg belongs to another call now. In an account that has not seen
// it, it begins there.
func (t *Tracker) tellMoved(l *leg, from, to *call, ended bool, at time.Time) {
	if l.isRoot() {
		return // of a call that nothing was told of: it begins it
	}
	t.announce(to)
	began := from.Told && !ended
	if began && from.Account != to.Account {
		t.event(from.Account, "leg.hungup", from.moment(at), &switchhook.Resources{Call: &switchhook.Call{
			ID: l.ID, RootID: from.Root, HangupReason: "normal",
		}}, l.ID, from.Root)
		began = false
	}
	if !began {
		t.decide(to, l)
		t.legCreated(l, at)
		return
	}
	t.tellLeg(l, "updated", at, &switchhook.Call{ParentID: to.Root, Direction: to.Direction, From: to.root().end()})
}

// linked: the switch gives a leg to another call. It does so as soon as they have to do
// with one another; who goes on with whom is clear when they hear one another.
func (t *Tracker) linked(f source.Linked) {
	l := t.live(f.Leg, f.When)
	if l == nil || f.Call == "" {
		return
	}
	l.Tie = f.Call
	c, other := l.call, t.calls[f.Call]
	t.touch(c)
	switch {
	case other == c:
	case other == nil:
		t.tie(c, f.Call)
		if c.Loose && !c.Told {
			c.Loose = false
			t.begin(c, c.root())
		}
	case !c.Told:
		t.move(l, other, f.At())
	case !other.Told:
		t.move(other.Legs[0], c, f.At())
	case l.Hidden:
		t.remove(l)
		t.add(other, l)
		t.touch(other)
		t.endIfEmpty(c, f.At())
	}
}

// pickedUp: the call that rings at Target is Leg's now.
func (t *Tracker) pickedUp(f source.PickedUp) {
	l, target := t.live(f.Leg, f.When), t.live(f.Target, f.When)
	if l != nil && target != nil {
		t.bringTogether(target, l, f.At())
	}
}

func (t *Tracker) held(f source.Held) {
	l := t.live(f.Leg, f.When)
	if l == nil || l.Hidden || l.Held == f.On {
		return
	}
	l.Held = f.On
	t.touch(l.call)
	t.announce(l.call)
	what := "held"
	if !f.On {
		what = "unheld"
	}
	t.tellLeg(l, what, f.At(), &switchhook.Call{})
}

func (t *Tracker) transferred(f source.Transferred) {
	for _, id := range []string{f.Leg, f.SecondLeg} {
		if l := t.live(id, f.When); l != nil {
			l.Leaving = true
			t.touch(l.call)
		}
	}
	l := cmp.Or(t.live(f.Transferee, f.When), t.live(f.Leg, f.When))
	if l == nil || l.Hidden {
		return
	}
	c := l.call
	t.touch(c)
	t.announce(c)
	if t.live(f.Leg, f.When) == nil { // whoever did it has left already
		c.LastBy = ""
	}
	callee := &switchhook.Party{Address: f.Target, Type: "extension"}
	if target := t.legs[f.TargetLeg]; target != nil {
		callee = cmp.Or(target.end(), callee)
	} else if outside(f.Target) {
		callee.Type = "tel"
	}
	if callee.Address == "" {
		callee = nil
	}
	t.tell(c, "call.transferred", f.At(), &switchhook.Resources{Call: &switchhook.Call{ID: c.Root, Callee: callee}}, f.Leg, stamp(f.At()))
}
