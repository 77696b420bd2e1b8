package deliver

import (
	"math"
	"time"

	"github.com/switchhook/switchhook"
)

// When a gate shuts and how it finds out that the receiver is back.
const (
	// tripsAfter is how many different deliveries have to fail in a row: one that
	// always fails, whatever the receiver's state, never shuts the gate by itself.
	tripsAfter = 10
	firstProbe = time.Second
	lastProbe  = 30 * time.Second
	// quietFor is after how long without an attempt an older failure says nothing
	// any more about whether the receiver has been failing all the time.
	quietFor = 24 * time.Hour
	// worthKeeping is after how long a time of failure is kept over a restart.
	worthKeeping = time.Minute
)

// gate says whether a webhook's deliveries may go now. It is pure: time comes
// from outside.
//
// It has a clock of its own, which stands still while nothing is sent: retries
// and holds go by that, so that an outage uses up nobody's schedule.
type gate struct {
	state  gateState
	reason string // why it is closed

	failures    int    // attempts in a row
	different   int    // deliveries among them
	streak      uint64 // the number of that row; a delivery remembers in which it failed
	since       time.Time
	lastAttempt time.Time
	lastError   string
	lastErrorAt time.Time // zero: none since the start

	still      time.Duration // how long the clock has stood still, up to stillSince
	stillSince time.Time

	probes    int
	nextProbe time.Time

	nextSlot time.Time // by the rate limit

	changed bool // what a restart has to know is not in the store
	told    time.Time
}

func (g *gate) on(e gateEvent, now time.Time) {
	was := g.state
	g.state = gateTable.next(g.state, e)
	switch {
	case g.state == flowing && was != flowing:
		if !g.stillSince.IsZero() {
			g.still, g.stillSince = g.still+now.Sub(g.stillSince), time.Time{}
		}
		g.failures, g.different, g.probes = 0, 0, 0
		g.streak++
		if e != back {
			g.since = time.Time{}
		}
		g.changed = true
	case was == flowing:
		g.stillSince = now
		g.changed = true
	}
}

// drains reports whether what waits goes on its way: it is sent, or cancelled.
func (g *gate) drains() bool { return g.state == flowing || g.state == closed }

// clock is the gate's own time.
func (g *gate) clock(now time.Time) time.Time { return now.Add(-g.stood(now)) }

// stood is how long the clock has stood still in all.
func (g *gate) stood(now time.Time) time.Duration {
	if g.stillSince.IsZero() {
		return g.still
	}
	return g.still + now.Sub(g.stillSince)
}

// scheduleProbe says when the next probe is due; retryAfter is how long the
// receiver asked us to wait at least.
func (g *gate) scheduleProbe(now time.Time, retryAfter time.Duration, luck float64) {
	wait := lastProbe
	if g.probes < 5 {
		wait = min(firstProbe<<g.probes, lastProbe)
	}
	g.probes++
	g.nextProbe = now.Add(max(jitter(wait, luck), retryAfter))
}

// succeeded notes a success.
func (g *gate) succeeded(now time.Time) {
	g.lastAttempt = now
	if g.failures > 0 {
		g.streak++
	}
	if !g.told.IsZero() {
		g.changed, g.told = true, time.Time{}
	}
	g.failures, g.different, g.since = 0, 0, time.Time{}
}

// failed notes a failure of a delivery; seen is the streak in which it failed last.
func (g *gate) failed(now time.Time, seen *uint64, why string) {
	if g.since.IsZero() || now.Sub(g.lastAttempt) > quietFor {
		g.since = now
	}
	g.lastAttempt, g.lastError, g.lastErrorAt = now, why, now
	g.failures++
	if *seen != g.streak {
		*seen = g.streak
		g.different++
	}
	if g.told.IsZero() && now.Sub(g.since) >= worthKeeping {
		g.changed, g.told = true, now
	}
}

// room reports whether the rate limit has room.
func (g *gate) room(now time.Time, rate float64) bool {
	wait := g.nextSlot.Sub(now)
	return rate <= 0 || wait <= 0 || wait > between(rate) // the clock was set back
}

// between is the time between two requests at a rate a second.
func between(rate float64) time.Duration {
	return time.Duration(math.Ceil(float64(time.Second) / rate))
}

// slot reports whether the rate limit has room, and takes it. Requests are spread
// evenly: no second of any kind has more than the limit and one.
func (g *gate) slot(now time.Time, rate float64) bool {
	if rate <= 0 || !g.room(now, rate) {
		return rate <= 0
	}
	// A timer is never exact: up to slack of what was missed is made good.
	base := now.Add(-slack)
	if g.nextSlot.After(base) && !g.nextSlot.After(now) {
		base = g.nextSlot
	}
	g.nextSlot = base.Add(between(rate))
	return true
}

const slack = 5 * time.Millisecond

// row is what a restart has to know.
func (g *gate) row(webhookID string) switchhook.Gate {
	return switchhook.Gate{WebhookID: webhookID, FailingSince: g.since, Still: g.still, StillSince: g.stillSince, Reason: g.lastError}
}

// restore takes over what an earlier process knew.
func (g *gate) restore(row switchhook.Gate, now time.Time) {
	g.since, g.still, g.lastError = row.FailingSince, row.Still, row.Reason
	if !g.since.IsZero() {
		g.told, g.lastAttempt = now, now
	}
	if row.StillSince.IsZero() {
		return
	}
	switch g.state {
	case paused:
		g.stillSince = row.StillSince
	case flowing: // it was failing: one probe will show whether it still is
		g.state, g.stillSince, g.failures, g.nextProbe = failing, row.StillSince, tripsAfter, now
	case failing, probing, closed:
	}
}

// jitter spreads a pause by ±20 %; luck is in [0,1).
func jitter(d time.Duration, luck float64) time.Duration {
	return d + time.Duration(float64(d)*(luck*0.4-0.2))
}
