package deliver

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// delivery is one that is open and in memory.
type delivery struct {
	ev        *switchhook.Event
	webhookID string
	id        string
	key       uint64 // what it is ordered by, see keyOf; 0: it is by itself
	fresh     catalogue.Freshness
	phase     phase
	lane      *lane
	attempts  int // that were made
	tries     int // of them, those that its schedule counts

	// Both by the gate's clock.
	due       time.Time // not before; zero: when its turn comes
	heldSince time.Time // when it first failed; zero: it has not

	// astray: it has once gone its own way, and stays alone.
	astray bool
	rowed  bool // it has a row in the store, or is about to
	replay bool
	probe  bool   // it is under way to see whether the receiver is back
	streak uint64 // the gate's, in which it failed last
	// superseded: a later event of its key was delivered, so a live one is of
	// no more use.
	superseded bool

	older, younger *delivery // among those without a row
}

func newDelivery(ev *switchhook.Event, webhookID string) *delivery {
	d := &delivery{
		ev: ev, webhookID: webhookID, fresh: catalogue.Lasting,
		id: switchhook.DeliveryID(ev.AccountID, ev.ID, webhookID),
	}
	if typ, ok := catalogue.Lookup(ev.Type); ok {
		d.fresh = typ.Freshness
	}
	return d
}

// fetchedDelivery is one that the store had a row of.
func fetchedDelivery(o switchhook.OpenDelivery) *delivery {
	d, row := newDelivery(o.Event, o.WebhookID), o.Due
	d.phase, d.rowed, d.astray, d.attempts, d.tries, d.replay = parked, true, row.Stray, row.Attempts, row.Tries, row.Replay
	if !row.At.IsZero() {
		d.due = row.At.Add(-row.Still)
	}
	if !row.HeldSince.IsZero() {
		d.heldSince = row.HeldSince.Add(-row.Still)
	}
	return d
}

func (d *delivery) on(w what) { d.phase = deliveryTable.next(d.phase, w) }

func (d *delivery) failedBefore() bool { return !d.heldSince.IsZero() }

// live reports whether it never holds back its key, and is of no more use once
// a later event of its key was delivered.
func (d *delivery) live() bool { return d.fresh == catalogue.Live && !d.replay }

func (d *delivery) ref() switchhook.DeliveryRef {
	return switchhook.DeliveryRef{Sequence: d.ev.Sequence, WebhookID: d.webhookID}
}

// size is about how much memory it takes, in bytes: the event's text and what
// was decoded of it, and all that stands around it.
func (d *delivery) size() int { return 1024 + 2*len(d.ev.Data) }

// closing is the record of a delivery that ends without a further attempt.
func (d *delivery) closing(state switchhook.DeliveryState, reason string, now time.Time) *switchhook.Attempt {
	return &switchhook.Attempt{
		ID: switchhook.NewID(switchhook.PrefixAttempt), DeliveryID: d.id, EventID: d.ev.ID, EventType: d.ev.Type,
		AccountID: d.ev.AccountID, WebhookID: d.webhookID, Sequence: d.ev.Sequence, Replay: d.replay,
		StartedAt: now.UTC(), Outcome: switchhook.Failure, Error: reason, State: state,
	}
}

// expiry is when it expires, and the age that it then has; an age of 0 means
// never. Age counts from the event's own time, or from its acceptance where a
// source's clock runs ahead or cannot be relied on. What somebody wants again is
// never too old.
func (d *delivery) expiry(maxAge time.Duration) (end time.Time, limit time.Duration) {
	if d.replay {
		return end, 0
	}
	if limit = d.fresh.MaxAge(); maxAge > 0 {
		limit = maxAge
	}
	since := d.ev.OccurredAt
	if d.ev.Relayed || since.After(d.ev.AcceptedAt) {
		since = d.ev.AcceptedAt
	}
	return since.Add(limit), limit
}

// keyOf is the lane of an event within a webhook: keys of different accounts are
// different, though one webhook may get the events of both. 0: it is by itself.
// Two keys with the same hash wait for one another, which does no harm.
func keyOf(ev *switchhook.Event) uint64 {
	if ev.Key == "" {
		return 0
	}
	var h xxhash.Digest
	h.Reset()
	_, _ = h.WriteString(ev.AccountID)
	_, _ = h.Write([]byte{0})
	_, _ = h.WriteString(ev.Key)
	return max(h.Sum64(), 1)
}
