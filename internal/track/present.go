package track

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/source"
)

// present takes a list of all that there is. What is believed and not in it has ended, at
// a time that nobody knows, and so is told as of now; what is new is told as if it had been
// told before.
func (t *Tracker) present(p *source.Present) {
	now := p.At()
	t.tellAllMissing(func(string) bool { return true })
	t.endAbsent(p.Legs, now)
	t.startPresent(p)
	t.bridgesPresent(p.Bridges, now)
	t.answeredPresent(p.Legs, p.When)
	if p.Waiting != nil {
		t.queuesPresent(p.Waiting, now)
	}
	if p.Agents != nil {
		t.agentsPresent(p.Agents, now)
	}
	if p.Devices != nil {
		t.devicesPresent(p.Devices, now)
	}
	for _, m := range p.Mailboxes {
		t.voicemailCount(m)
	}
	if p.ParkedLegs != nil {
		t.parkedPresent(p.ParkedLegs, now)
	}
}

// endAbsent ends the legs that are not listed.
func (t *Tracker) endAbsent(legs []source.LegStarted, now time.Time) {
	listed := make(map[string]bool, len(legs))
	for i := range legs {
		listed[legs[i].Leg] = true
	}
	for _, key := range sortedKeys(t.all) {
		c := t.all[key]
		if c == nil {
			continue
		}
		hearListed(c, listed, now)
		t.endGone(c, now, func(l *leg) bool { return !listed[l.ID] && !l.Started.After(now) })
	}
}

// hearListed notes that a call was heard of, if one of its legs is listed.
func hearListed(c *call, listed map[string]bool, now time.Time) (heard bool) {
	for _, l := range c.Legs {
		if listed[l.ID] && l.Phase < over {
			c.hear(now)
			heard = true
		}
	}
	return heard
}

// alive takes a list of the legs that there are, of which it knows no more. Calls that were heard of
// after the gap are judged by what was heard.
func (t *Tracker) alive(f source.Alive) {
	listed := make(map[string]bool, len(f.Legs))
	for _, id := range f.Legs {
		listed[id] = true
	}
	for _, key := range sortedKeys(t.all) {
		c := t.all[key]
		if c == nil || c.Heard.After(f.Since) {
			continue
		}
		if hearListed(c, listed, f.At()) {
			t.touch(c)
		}
		t.endGone(c, f.At(), func(l *leg) bool { return !listed[l.ID] })
	}
}

// startPresent starts the legs that are listed and not known, those that calls begin with
// first.
func (t *Tracker) startPresent(p *source.Present) {
	legs := slices.Clone(p.Legs)
	slices.SortStableFunc(legs, func(a, b source.LegStarted) int {
		return cmp.Or(
			boolean(a.Leg != a.Call)-boolean(b.Leg != b.Call), boolean(a.Outbound)-boolean(b.Outbound),
			a.At().Compare(b.At()), cmp.Compare(a.Leg, b.Leg),
		)
	})
	for i := range legs {
		legs[i].Answered = false // once it is clear by whom
		t.legStarted(&legs[i])
	}
}

// bridgesPresent moves legs between bridges as they are listed.
func (t *Tracker) bridgesPresent(bridges map[string][]string, now time.Time) {
	in := map[string]string{}
	for bridge, legs := range bridges {
		for _, id := range legs {
			in[id] = bridge
		}
	}
	for _, id := range sortedKeys(t.legs) {
		if l := t.legs[id]; l.Bridge != "" && !l.Apart && in[id] != l.Bridge {
			t.bridgeLeft(source.BridgeLeft{When: source.When(now), Bridge: l.Bridge, Leg: id})
		}
	}
	for _, id := range sortedKeys(in) {
		t.bridgeEntered(source.BridgeEntered{When: source.When(now), Bridge: in[id], Leg: id})
	}
}

// answeredPresent tells of listed legs that they are up: those that were called first, for
// they have answered the others.
func (t *Tracker) answeredPresent(legs []source.LegStarted, now source.When) {
	for _, outbound := range []bool{true, false} {
		for i := range legs {
			if f := &legs[i]; f.Answered && f.Outbound == outbound {
				t.legAnswered(source.LegAnswered{When: now, Leg: f.Leg})
			}
		}
	}
}

// queuesPresent takes a list of all who wait in queues.
func (t *Tracker) queuesPresent(waiting []source.QueueJoined, now time.Time) {
	for _, key := range sortedKeys(t.all) {
		c := t.all[key]
		for _, q := range slices.Clone(c.Queues) {
			if q.waits() && !slices.ContainsFunc(waiting, func(f source.QueueJoined) bool { return f.Queue == q.Queue && f.Leg == q.Leg }) {
				q.Left = now
				t.leaveQueue(c, q, now)
			}
		}
	}
	for _, f := range waiting {
		t.queueJoined(f)
	}
}

// parkedPresent takes a list of all legs that are parked.
func (t *Tracker) parkedPresent(parked []source.Parking, now time.Time) {
	for _, id := range sortedKeys(t.legs) {
		if l := t.legs[id]; l.Parked != nil && !slices.ContainsFunc(parked, func(f source.Parking) bool { return f.Leg == id }) {
			t.parking(source.Parking{When: source.When(now), Leg: id, Step: source.Retrieved})
		}
	}
	for _, f := range parked {
		f.Step = source.Parked
		t.parking(f)
	}
}
