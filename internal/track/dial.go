package track

import (
	"cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

func (t *Tracker) dialled(f source.Dialled) {
	to, from := t.live(f.To, f.When), t.live(f.From, f.When)
	if to == nil {
		return
	}
	if to.Trunk && to.Outbound {
		to.Number = cmp.Or(f.Number, to.Number)
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
	if from != nil {
		t.calledFor(from, to, &f)
		t.ringGroup(from, &f)
	}
}

// calledFor tells whom a call is for that began with a telephone which the switch called, for a
// click on a number: what the dial plan has got then, or who is called next.
func (t *Tracker) calledFor(from, to *leg, f *source.Dialled) {
	dialed := f.Exten
	if !isNumber(dialed) {
		dialed = to.Number
	}
	if !from.isRoot() || !from.phone() || from.Dialed != "" || to.Hidden || dialed == "" {
		return
	}
	from.Dialed = dialed
	call := &switchhook.Call{ID: from.ID, To: from.call.target(dialed), Dialed: dialed}
	t.tell(from.call, "call.updated", f.At(), &switchhook.Resources{Call: call}, from.ID, "called for")
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
	if f.To == "" && from != nil {
		from.call.Failure = string(f.Outcome)
		t.touch(from.call)
	}
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
		if to.Outcome == "" || to.Outcome == string(source.Cancelled) { // it is also cancelled after it rang too long
			to.Outcome = string(f.Outcome)
		}
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
