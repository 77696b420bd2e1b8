package track

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// recordWait is for how long the switch may yet tell the end of a leg itself whose record is
// there already.
const recordWait = 10 * time.Second

// An onRecord is what the switch's record of a leg says of its end (source.EndRecorded).
type onRecord struct {
	At        time.Time        `json:"at"`
	Answered  time.Time        `json:"ans,omitzero"`
	Outcome   source.Outcome   `json:"outcome,omitzero"`
	Q850      int              `json:"q850,omitzero"`
	SIPStatus int              `json:"sip,omitzero"`
	Self      bool             `json:"self,omitzero"`
	More      *switchhook.Call `json:"more,omitzero"`
}

// endRecorded remembers what a record says, of a leg that is believed to be up.
func (t *Tracker) endRecorded(f *source.EndRecorded) {
	l := t.live(f.Leg, f.When)
	if l == nil || l.Record != nil {
		return
	}
	l.Record = &onRecord{At: f.At(), Answered: f.Answered, Outcome: f.Outcome, Q850: f.Q850, SIPStatus: f.SIPStatus, Self: f.Self, More: f.More}
	t.recorded[l.ID] = f.Heard.Add(recordWait)
	t.touch(l.call)
}

// tickRecorded ends the legs whose records have waited long enough, and with them those others
// of the same calls that have one: all of a call end together, but their records come in any
// order.
func (t *Tracker) tickRecorded(now time.Time) {
	for _, id := range sortedKeys(t.recorded) {
		l := t.legs[id]
		switch until, waits := t.recorded[id]; {
		case !waits: // it has ended with another
		case l == nil || l.Record == nil:
			delete(t.recorded, id)
		case until.IsZero():
			t.recorded[id] = now.Add(recordWait)
		case !until.After(now):
			t.endGone(l.call, now, func(l *leg) bool { return l.Record != nil })
		}
	}
}

// endGone ends the legs of a call that are gone: as their records say; without one as that of
// whom they spoke with says when, and now if there is none either. The first leg is last.
func (t *Tracker) endGone(c *call, now time.Time, gone func(*leg) bool) {
	type end struct {
		leg    *leg
		at     time.Time
		record *onRecord
	}
	var ends []end
	for _, l := range slices.Backward(c.Legs) {
		if l.Phase == over || !gone(l) {
			continue
		}
		e := end{l, now, l.Record}
		if r := t.recordOf(l); r != nil {
			e.at = r.At
		}
		ends = append(ends, e)
	}
	slices.SortStableFunc(ends, func(a, b end) int {
		return cmp.Or(boolean(a.leg.isRoot())-boolean(b.leg.isRoot()), a.at.Compare(b.at))
	})
	answers := slices.Clone(ends)
	slices.SortStableFunc(answers, func(a, b end) int { return a.record.answered().Compare(b.record.answered()) })
	for _, e := range answers {
		t.answeredOnRecord(e.leg, e.record.answered())
	}
	for _, e := range ends {
		switch {
		case e.leg.Phase == over || e.leg.call != c:
		case e.record != nil:
			t.endOnRecord(e.leg, e.record)
		default:
			t.endLeg(e.leg, ending{At: e.at, Reconciled: true})
		}
	}
}

// recordOf is a leg's record, or that of another in the same bridge.
func (t *Tracker) recordOf(l *leg) *onRecord {
	if l.Record != nil || l.Bridge == "" {
		return l.Record
	}
	for _, o := range t.bridges[l.Bridge] {
		if o.Record != nil {
			return o.Record
		}
	}
	return nil
}

// answered is when it was, zero if it was not or there is no record.
func (r *onRecord) answered() time.Time {
	if r == nil {
		return time.Time{}
	}
	return r.Answered
}

// answeredOnRecord tells that a leg was answered, if nobody else did.
func (t *Tracker) answeredOnRecord(l *leg, at time.Time) {
	if at.IsZero() || l.Hidden || l.Phase >= answered || !l.Up.IsZero() {
		return
	}
	t.legAnswered(source.LegAnswered{When: source.When(at), Leg: l.ID})
	if l.Outbound && l.From != "" {
		t.dialEnded(source.DialEnded{When: source.When(at), From: l.From, To: l.ID, Outcome: source.Answered})
	}
}

// endOnRecord ends a leg as its record says.
func (t *Tracker) endOnRecord(l *leg, r *onRecord) {
	c := l.call
	if r.Outcome != "" && l.Outbound && l.Phase < answered {
		t.dialEnded(source.DialEnded{When: source.When(r.At), From: l.From, To: l.ID, Outcome: r.Outcome})
	}
	if r.Outcome != "" && !l.Outbound && !c.Human && c.Failure == "" && len(c.Legs) == 1 && len(c.Gone) == 0 {
		c.Failure = string(r.Outcome) // nobody could be called at all
	}
	e := ending{At: r.At, Q850: r.Q850, SIPStatus: r.SIPStatus, More: r.More}
	if r.Self {
		e.By = l.Channel
	}
	t.endLeg(l, e)
}
