package switchhook

import (
	"encoding/json"
	"time"
)

// A Commit is what becomes durable together: all of it or nothing. It is the
// unit of every promise that Switchhook makes. Commits become durable, and
// their Done is called, in the order in which they were submitted.
type Commit struct {
	Events    []*Event
	Snapshots []Snapshot
	Records   []RecordWrite
	Rejects   []*Reject

	// Attempts go to the history; their State says where the delivery stands.
	Attempts []*Attempt
	// Due are put in place of what was due for the same delivery.
	Due []Due
	// Settled are taken out of what is due.
	Settled []DeliveryRef
	// Watermark, where above the last one: every delivery of the events up to
	// this sequence is either closed or due, so a restart need not look there.
	Watermark int64

	// Done is called once, by the store, after the commit is durable (nil) or
	// has failed. It must not block. Nil: nobody asks.
	Done func(error)
}

// A DeliveryRef names a delivery by its event's sequence and its webhook.
type DeliveryRef struct {
	Sequence  int64
	WebhookID string
}

// Due is a delivery that waits for a time: narrow, and gone when it is done.
type Due struct {
	DeliveryRef
	// Attempts is how many were made.
	Attempts int
	// At is when the next one is due.
	At time.Time
	// HeldSince is when it first failed: its key is held back from then on.
	// Zero: it has not been tried yet and waits behind another of its key.
	HeldSince time.Time
}

// A Snapshot is the last known state of an open call, leg, queue call or agent.
type Snapshot struct {
	AccountID string
	Kind      string // call, queuecall, agent …
	ID        string
	RootID    string          // the call it belongs to, where it belongs to one
	Data      json.RawMessage // nil: it ended, and is no longer kept
	UpdatedAt time.Time
}

// A RecordWrite puts a record, or deletes it where Delete is set.
type RecordWrite struct {
	Record
	Delete bool
}

// An OpenDelivery is a delivery that a restart has to take up again.
type OpenDelivery struct {
	Event     *Event
	WebhookID string
	Due       *Due // nil: it was never tried
}
