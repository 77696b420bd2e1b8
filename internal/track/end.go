package track

import (
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

func (t *Tracker) legEnded(f source.LegEnded) {
	if l := t.live(f.Leg, f.When); l != nil {
		l.call.Human = l.call.Human || f.Talked
		if f.Self {
			f.By = l.Channel
		}
		t.endLeg(l, ending{At: f.At(), Q850: f.Q850, SIPStatus: f.SIPStatus, By: f.By, Unsaid: f.ByUnknown, Alerts: f.TellsMissed, More: f.More})
	}
}

// endLeg ends a leg, what it was in the middle of, and its call if it was the last one.
func (t *Tracker) endLeg(l *leg, e ending) {
	c := l.call
	t.touch(c)
	l.End, l.Record = &e, nil
	delete(t.recorded, l.ID)
	if l.Hidden {
		l.Phase = over
		t.remove(l)
		t.endIfEmpty(c, e.At)
		return
	}
	t.announce(c)
	t.endServices(l, e.At)
	if l.isRoot() {
		l.Phase = over
		l.Dialling = false
		t.enter(l, "")
		if l.Leaving && c.lives(false) {
			t.tellLeftEarly(c)
		}
	} else {
		t.endFurther(l)
	}
	t.endIfEmpty(c, e.At)
}

// endFurther tells the end of a leg that is not the first.
func (t *Tracker) endFurther(l *leg) {
	c, had := l.call, l.Phase
	reason := l.reason()
	if had < answered && reason != "answered_elsewhere" {
		c.Failure = reason
	}
	switch by := l.End.By; {
	case l.Leaving: // they have passed the call on
		c.LastBy = ""
	case had >= answered && (by != "" || l.End.At.Sub(c.LastEnd) >= goneOn): // else it is because of the one before
		c.LastBy = by
	}
	c.LastEnd = l.End.At
	t.tellLeg(l, "hungup", l.End.At, l.ended(reason))
	l.Phase = over
	switch {
	case l.Spoke:
		t.tellExtension(l, "completed", l.End.At)
	case !l.phone() || l.End.unknown():
	case l.Rang || l.Outcome == string(source.NoAnswer) || l.Outcome == string(source.Cancelled):
		t.tellExtension(l, "missed", l.End.At)
	}
	t.remove(l)
}

// endIfEmpty ends a call none of whose legs lives. Hidden ones that do may yet lead to
// others.
func (t *Tracker) endIfEmpty(c *call, at time.Time) {
	if !c.lives(false) && !c.lives(true) {
		t.finish(c, at)
	}
}

// tellLeftEarly tells that the first leg has ended while the others go on.
func (t *Tracker) tellLeftEarly(c *call) {
	l := c.root()
	if c.LeftEarly || l.End == nil {
		return
	}
	c.LeftEarly = true
	t.touch(c)
	t.event(c.Account, "leg.hungup", c.moment(l.End.At), &switchhook.Resources{Call: l.ended(c.verdict(l))}, l.ID, c.Root)
}

// finish ends a call.
func (t *Tracker) finish(c *call, at time.Time) {
	r := c.root()
	if r == nil {
		t.bury(c, at)
		return
	}
	t.announce(c)
	if r.End == nil { // its legs went to other calls
		r.End = &ending{At: at}
	}
	reason := c.verdict(r)
	if !r.End.unknown() && !c.Human && !c.Met && c.Direction != "outbound" && (c.Direction == "inbound" || c.Phase < answered || c.Failure != "" || c.Queued > 0) {
		t.missed(c, at, reason)
	}
	t.hungUp(c, at, reason)
	t.bury(c, at)
}

func (t *Tracker) missed(c *call, at time.Time, reason string) {
	no := false
	call := c.root().ended(reason)
	call.Bridged, call.MessageLeft, call.HangupBy = &no, &c.MessageLeft, ""
	call.Notify = pack(map[string]string{"hangup_cause": call.HangupCause})
	if c.root().End.Alerts {
		c.Missing = &missing{at, call}
		t.missing[c.Key] = waiting{call: c}
		return
	}
	t.tell(c, "call.missed", at, &switchhook.Resources{Call: call})
}

// hungUp tells the end of a call, and the records of it that came before.
func (t *Tracker) hungUp(c *call, at time.Time, reason string) {
	r := c.root()
	if r.End == nil {
		r.End = &ending{At: at}
	}
	call := r.ended(reason)
	call.ReleasedBy = c.releasedBy(r)
	at = c.moment(at)
	if c.LeftEarly { // the last that was told of the first leg is its own end
		call.Direction, call.From, call.To, call.CreatedAt = c.Direction, r.end(), c.target(r.Dialed), r.Started
		call.EndedAt, call.AnsweredBy, call.AnsweredAt = at, c.AnsweredBy, c.AnsweredAt
		call.DurationMS = milliseconds(at.Sub(r.Started))
		if c.Phase == answered {
			call.BillableMS = milliseconds(at.Sub(c.AnsweredAt))
		}
	}
	c.Phase = over
	switch {
	case !r.phone() || c.LeftEarly:
	case r.Spoke:
		t.tellExtension(r, "completed", at)
	case r.Rang && !r.End.unknown():
		t.tellExtension(r, "missed", at)
	}
	t.tell(c, "call.hungup", at, &switchhook.Resources{Call: call})
	for i := range c.Records {
		t.tellRecord(c, &c.Records[i])
	}
}

func milliseconds(d time.Duration) *int64 {
	ms := max(0, d.Milliseconds())
	return &ms
}

// callEnded: the legs' ends tell more, so they have a moment to come.
func (t *Tracker) callEnded(f source.CallEnded) {
	if c := t.calls[f.Call]; c != nil && len(c.Ties) == 1 && c.Over.IsZero() {
		c.Over = f.At()
		t.touch(c)
	}
}

// watch notes whether something remains open of a call that time will tell.
func (t *Tracker) watch(c *call) {
	r := c.root()
	open := c.Ended.IsZero() && (r != nil && (!c.Told || r.Phase == over && !c.LeftEarly) ||
		r != nil && c.Told && !c.lives(false) || !c.Over.IsZero() ||
		slices.ContainsFunc(c.Queues, func(q *queueCall) bool { return !q.Left.IsZero() && q.waits() }))
	if _, already := t.open[c.Key]; open && !already {
		t.open[c.Key] = time.Time{}
	} else if !open {
		delete(t.open, c.Key)
	}
}

// settle decides what has remained open of a call.
func (t *Tracker) settle(c *call) {
	at := c.Heard
	t.touch(c)
	t.announce(c)
	for _, q := range slices.Clone(c.Queues) {
		t.leaveQueue(c, q, at)
	}
	if !c.Over.IsZero() {
		t.endAll(c, ending{At: c.Over})
		return
	}
	switch r := c.root(); {
	case r == nil:
	case !c.lives(false):
		t.finish(c, at)
	case r.Phase == over:
		t.tellLeftEarly(c)
	}
}

// endAll ends whatever lives of a call, the first leg last.
func (t *Tracker) endAll(c *call, e ending) {
	for _, l := range slices.Backward(slices.Clone(c.Legs)) {
		if l.Phase < over && l.call == c {
			t.endLeg(l, e)
		}
	}
	if c.Ended.IsZero() && t.all[c.Key] == c {
		t.finish(c, e.At)
	}
}

// endSilent ends the calls of which nothing was heard for long.
func (t *Tracker) endSilent(now time.Time) {
	for _, key := range sortedKeys(t.all) {
		if c := t.all[key]; c != nil && now.Sub(c.Heard) >= t.o.Silence {
			t.touch(c)
			t.endAll(c, ending{At: now, Lost: true})
		}
	}
}
