package track

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/source"
)

// ended is what an ended leg's events say of it.
func (l *leg) ended(reason string) *switchhook.Call {
	e := l.End
	call := &switchhook.Call{ID: l.ID, HangupReason: reason, Q850: e.Q850, SIPStatus: e.SIPStatus}
	call.HangupCause = cmp.Or(catalogue.CauseName(e.Q850), catalogue.CauseOfReason(reason))
	switch {
	case e.Reconciled:
		yes := true
		call.Reconciled, call.HangupCause = &yes, ""
	case e.Lost:
		call.HangupCause = ""
	case e.By != "" && e.By == l.Channel, l.Phase < answered && refusal(reason):
		call.HangupBy = "remote"
	case e.Unsaid:
	default:
		call.HangupBy = "local"
	}
	if m := e.More; m != nil {
		call.HangupCause = cmp.Or(m.HangupCause, call.HangupCause)
		call.DurationMS, call.RingingMS, call.BillableMS = m.DurationMS, m.RingingMS, m.BillableMS
	}
	return call
}

// named is the switch's own name of the cause, empty where it has none.
func (e *ending) named() string {
	if e.More == nil {
		return ""
	}
	return e.More.HangupCause
}

// unknown reports whether nobody knows how it came to that.
func (e *ending) unknown() bool { return e.Reconciled || e.Lost }

// refusal reports whether it was the other end that would not take the call.
func refusal(reason string) bool { return reason == "busy" || reason == "rejected" }

// reason is why a further leg ended, in our word. The cause that the switch gives is
// wrong for those that nobody answered, but what became of the dialling is right; where
// that is vague, the cause can say more.
func (l *leg) reason() string {
	e := l.End
	switch {
	case e.Lost:
		return "lost"
	case e.Reconciled:
		return ""
	case l.Phase >= answered:
		return afterAnswer(e)
	}
	return l.failure()
}

// failure is why a leg ended that nobody answered.
func (l *leg) failure() string {
	e := l.End
	cause := causeOf(e)
	switch source.Outcome(l.Outcome) {
	case source.Busy:
		return "busy"
	case source.Rejected:
		return "rejected"
	case source.Elsewhere:
		return "answered_elsewhere"
	case source.Cancelled:
		if e.Q850 == answeredElsewhere || l.call.taken(l) {
			return "answered_elsewhere"
		}
		return "cancelled"
	case source.NoAnswer:
		if cause == "cancelled" || cause == "unregistered" && l.Rang {
			return "no_answer" // it was cancelled because it rang for too long
		}
		return cmp.Or(cause, "no_answer")
	case source.Congestion:
		return cmp.Or(cause, "congestion")
	case source.Unavailable:
		return cmp.Or(cause, "unregistered")
	case source.Failed:
		return cmp.Or(cause, "failed")
	case source.Answered:
	}
	if l.call.taken(l) && cause == "" {
		return "answered_elsewhere"
	}
	return cmp.Or(cause, "cancelled")
}

// taken reports whether somebody else has taken the call that rang at a leg, or is about to.
func (c *call) taken(but *leg) bool {
	return c.Taken.After(but.Started) ||
		slices.ContainsFunc(c.Legs, func(l *leg) bool { return l != but && l.Outbound && !l.Up.IsZero() && l.Phase < answered })
}

// verdict is why a call ended, whose first leg is r.
func (c *call) verdict(r *leg) string {
	e := r.End
	byCaller := e.By != "" && e.By == r.Channel
	switch {
	case e.Lost:
		return "lost"
	case e.Reconciled:
		return ""
	case c.Human || c.Met:
		return afterAnswer(e)
	case c.Abandoned:
		return "abandoned"
	case byCaller && c.Phase < answered && r.Outbound: // a telephone that the switch calls first, for a click on a number
		return r.failure()
	case byCaller && c.Phase < answered:
		return "cancelled"
	case byCaller || c.MessageLeft:
		return "normal"
	case c.Failure != "":
		return c.Failure
	case c.Phase >= answered:
		return afterAnswer(e)
	default:
		return cmp.Or(c.cause(e), "no_answer")
	}
}

// cause is what the end of the first leg says of a call that led to nobody. The SIP status
// is only what the switch made of the cause. A phone that is not registered is, to Asterisk,
// one to which there is no route.
func (c *call) cause(e *ending) string {
	const noRoute = 3
	if e.Q850 == noRoute && e.named() == "" && c.Direction != "outbound" {
		return "unregistered"
	}
	return cmp.Or(causeOf(&ending{Q850: e.Q850}), causeOf(e))
}

// goneOn is after how long a call that goes on without the other end was not ended by it.
const goneOn = 5 * time.Second

// releasedBy is who ended the call.
func (c *call) releasedBy(r *leg) string {
	e := r.End
	switch {
	case e.unknown():
		return ""
	case c.LeftEarly && c.LastBy != "":
		return "callee"
	case c.LeftEarly:
		return "system"
	case e.By == r.Channel && e.By != "":
		return "caller"
	case e.By != "" && (e.At.Sub(c.LastEnd) < goneOn || c.talks(r)):
		return "callee" // or what lay between
	case !c.Human && refusal(c.Failure):
		return "callee"
	case e.By == "" && c.LastBy != "" && c.LastBy != r.Channel && e.At.Sub(c.LastEnd) < goneOn && c.Human:
		return "callee" // which was told before a gap, and is not known to whoever came after it
	case e.Unsaid:
		return ""
	default:
		return "system"
	}
}

// talks reports whether another leg than the first is up.
func (c *call) talks(first *leg) bool {
	return slices.ContainsFunc(c.Legs, func(l *leg) bool { return l != first && l.Phase < over })
}

// answeredElsewhere is a cause of Asterisk's own (include/asterisk/causes.h).
const answeredElsewhere = 26

// causeOf is the reason that a cause and a SIP status come down to, empty where they are of
// no help: a normal end, and Interworking, which Asterisk makes of what it has no cause for.
func causeOf(e *ending) string {
	switch e.SIPStatus {
	case 486, 600:
		return "busy"
	case 401, 403, 407, 603:
		return "rejected"
	case 404, 410, 484, 485, 604:
		return "unallocated"
	case 408:
		return "no_answer"
	case 480:
		return "unregistered"
	case 487:
		return "cancelled"
	case 503:
		return "congestion"
	}
	const normal, unspecified, interworking = 16, 31, 127
	switch e.Q850 {
	case 0, normal, unspecified, interworking:
		return ""
	}
	_, reason := catalogue.HangupCause(catalogue.CauseName(e.Q850))
	return reason
}

// afterAnswer is why a leg ended that somebody had answered: nearly always because one of
// them hung up.
func afterAnswer(e *ending) string {
	const noMedia = 44 // Asterisk hangs up so when it hears nothing for long (rtp_timeout)
	_, named := catalogue.HangupCause(e.named())
	switch reason := causeOf(&ending{Q850: e.Q850}); {
	case e.Q850 == noMedia && e.named() == "":
		return "lost"
	case e.named() == "SYSTEM_SHUTDOWN":
		return "failed"
	case named == "lost" || named == "timeout":
		return named
	case reason == "timeout" || reason == "failed" || reason == "congestion":
		return reason
	default:
		return "normal"
	}
}
