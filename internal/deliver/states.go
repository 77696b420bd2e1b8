package deliver

import (
	"fmt"

	"github.com/switchhook/switchhook"
)

// This file is the engine's heart as a table: where a delivery can be, where a
// webhook's gate can be, and what leads from one to the other. The drawings in
// docs/engine.md are generated from it. What happens on the way is in machine.go.

// phase is where a delivery is.
type phase uint8

const (
	waiting   phase = iota // in its lane, for those before it or for a connection
	sending                // its request is under way
	held                   // it has failed, waits for its next try, and holds back its key
	stray                  // it has failed, waits for its next try, and holds back nobody
	parked                 // a row in the store and no more: memory is for what comes next
	delivered              // the receiver took it
	failed                 // the last try failed
	expired                // it became too old
	cancelled              // its webhook wants nothing any more
)

func (p phase) String() string {
	return [...]string{"waiting", "sending", "held", "stray", "parked", "delivered", "failed", "expired", "cancelled"}[p]
}

// state is what people call it.
func (p phase) state() switchhook.DeliveryState {
	switch p {
	case delivered:
		return switchhook.Delivered
	case failed:
		return switchhook.Failed
	case expired:
		return switchhook.Expired
	case cancelled:
		return switchhook.Cancelled
	case waiting, sending, held, stray, parked:
	}
	return switchhook.Pending
}

// what is what happens to a delivery.
type what uint8

const (
	turn         what = iota // its lane has its turn and the gate lets it through
	taken                    // the receiver's answer was success
	refused                  // it failed, is to be tried again, and its key waits for it
	passed                   // it failed, is to be tried again, and its key does not wait
	probed                   // it was sent to see whether the receiver is back, which it is not
	lost                     // it failed and that was the last try
	aged                     // it is too old
	dropped                  // its webhook was disabled or deleted
	due                      // its pause is over
	released                 // it has held back its key for long enough
	put                      // memory is needed, or the gate is shut: its row will do
	fetched                  // there is room for it again, and its turn will come
	fetchedHeld              // it is fetched, and still holds back its key
	fetchedAlone             // it is fetched, and goes its own way
)

func (w what) String() string {
	return [...]string{
		"its turn", "success", "failure, key waits", "failure, key goes on", "failed probe", "last failure",
		"too old", "webhook closed", "pause over", "hold over", "parked", "fetched", "fetched, key waits", "fetched, key goes on",
	}[w]
}

// deliverySteps are all that can happen to a delivery.
func deliverySteps() []step[phase, what] {
	return []step[phase, what]{
		{waiting, turn, sending},
		{waiting, aged, expired},
		{waiting, dropped, cancelled},
		{waiting, put, parked},
		{sending, taken, delivered},
		{sending, refused, held},
		{sending, passed, stray},
		{sending, probed, waiting},
		{sending, lost, failed},
		{sending, aged, expired},
		{sending, dropped, cancelled},
		{held, due, waiting},
		{held, released, stray},
		{held, aged, expired},
		{held, dropped, cancelled},
		{stray, due, waiting},
		{stray, put, parked},
		{stray, aged, expired},
		{stray, dropped, cancelled},
		{parked, fetched, waiting},
		{parked, fetchedHeld, held},
		{parked, fetchedAlone, stray},
		{parked, dropped, cancelled},
	}
}

// gateState is where a webhook's gate is.
type gateState uint8

const (
	flowing gateState = iota // deliveries are sent
	failing                  // too many have failed in a row: nothing is sent until the next probe
	probing                  // one delivery is under way to see whether the receiver is back
	paused                   // somebody has stopped it
	closed                   // disabled or deleted: what is open is cancelled
)

func (s gateState) String() string {
	return [...]string{"flowing", "failing", "probing", "paused", "closed"}[s]
}

// gateEvent is what happens to a gate.
type gateEvent uint8

const (
	tripped  gateEvent = iota // so many different deliveries failed in a row
	probe                     // it is time to try again
	back                      // the probe was a success
	stillBad                  // the probe failed
	pause                     // somebody paused it
	resume                    // somebody resumed it
	change                    // the webhook was changed: perhaps it works now
	shut                      // it was disabled or deleted
	reopen                    // it was enabled again
)

func (g gateEvent) String() string {
	return [...]string{
		"many failures in a row", "time for a probe", "probe succeeded", "probe failed", "paused", "resumed",
		"webhook changed", "disabled or deleted", "enabled",
	}[g]
}

// gateSteps are all that can happen to a gate. Its clock, which retries and
// holds go by, runs only while it is flowing.
func gateSteps() []step[gateState, gateEvent] {
	return []step[gateState, gateEvent]{
		{flowing, tripped, failing},
		{flowing, pause, paused},
		{flowing, shut, closed},
		{failing, probe, probing},
		{failing, change, flowing},
		{failing, pause, paused},
		{failing, shut, closed},
		{probing, back, flowing},
		{probing, stillBad, failing},
		{probing, change, flowing},
		{probing, pause, paused},
		{probing, shut, closed},
		{paused, resume, flowing},
		{paused, shut, closed},
		{closed, reopen, flowing},
	}
}

// A step leads from one state to another.
type step[S, E fmt.Stringer] struct {
	from S
	on   E
	to   S
}

// table is steps made ready to be looked up.
type table[S, E interface {
	fmt.Stringer
	~uint8
}] map[[2]uint8]S

func tableOf[S, E interface {
	fmt.Stringer
	~uint8
}](steps []step[S, E]) table[S, E] {
	t := table[S, E]{}
	for _, s := range steps {
		t[[2]uint8{uint8(s.from), uint8(s.on)}] = s.to
	}
	return t
}

// next is where on leads. What the table does not have must not happen: better
// to end here and take up again from what is durable than to go on wrongly.
func (t table[S, E]) next(from S, on E) S {
	to, ok := t[[2]uint8{uint8(from), uint8(on)}]
	if !ok {
		panic(fmt.Sprintf("deliver: %s cannot happen to what is %s", on, from))
	}
	return to
}

//nolint:gochecknoglobals // constants that Go cannot write as such
var (
	deliveryTable = tableOf(deliverySteps())
	gateTable     = tableOf(gateSteps())
)
