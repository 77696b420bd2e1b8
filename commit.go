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
	// Audit are entries about what else is in it.
	Audit []*AuditEntry

	// Attempts go to the history; their State says where the delivery stands.
	Attempts []*Attempt
	// Due are put in place of what was due for the same delivery.
	Due []Due
	// Settled are taken out of what is due.
	Settled []DeliveryRef
	// Gates are put in place of what was known of the same webhooks.
	Gates []Gate
	// Jobs are put in place of what was known of the same jobs.
	Jobs []*Job
	// Watermark, where above the last one: every delivery of the events up to
	// this sequence is either closed or due, so a restart need not look there.
	Watermark int64

	// Lazy: nobody waits for it. It may wait some milliseconds for others, to
	// become durable together with them.
	Lazy bool

	// Done is called once, by the store, after the commit is durable (nil) or
	// has failed. It must not block. Nil: nobody asks.
	Done func(error)
}

// A DeliveryRef names a delivery by its event's sequence and its webhook.
type DeliveryRef struct {
	Sequence  int64
	WebhookID string
}

// Due is a delivery that waits, as a row: narrow, and gone when it is done.
type Due struct {
	DeliveryRef
	// Lane stands for what it is ordered by within its webhook: a hash of account
	// and ordering key. 0: it is by itself.
	Lane uint64
	// Attempts is how many were made.
	Attempts int
	// Tries is how many of them count in its schedule: what probes whether a
	// failing webhook is back does not.
	Tries int
	// At is when the next one is due. Zero: when its turn comes.
	At time.Time
	// HeldSince is when it first failed: its key is held back from then on.
	// Zero: it has not failed yet.
	HeldSince time.Time
	// Still is how long the webhook's clock had stood still when this was written
	// (Gate.Still): by as much as that has grown since, At and HeldSince are later.
	Still time.Duration
	// Stray: it no longer holds back its key and goes its own way by At.
	Stray bool
	// Replay: somebody wants it again. It has no freshness, and says so in a header.
	Replay bool
}

// A Gate is what the engine has to remember of a webhook beside its settings.
type Gate struct {
	WebhookID string
	// FailingSince is the first failure after the last success. Zero: the last
	// attempt was a success, or none was made.
	FailingSince time.Time
	// Still is how long the webhook's clock has stood still in all, up to
	// StillSince: retries and holds do not run while it is paused or failing.
	Still time.Duration
	// StillSince is since when it stands still. Zero: it runs.
	StillSince time.Time
	// Reason is the last failure, for a person.
	Reason string
}

// A Snapshot is the last known state of an open call, leg, queue call or agent, or
// of what a source believes of its phone system.
type Snapshot struct {
	AccountID string // empty for KindBelief
	Kind      string // call, queuecall, agent … or KindBelief
	ID        string
	RootID    string          // the call it belongs to, where it belongs to one
	Data      json.RawMessage // nil: it ended, and is no longer kept
	UpdatedAt time.Time
	// Ended: it is kept only for what comes late, and a store may forget it soon.
	Ended bool
}

// KindBelief is the Kind of what a source believes. Its ID begins with the source's, and
// events are not completed from it.
const KindBelief = "source"

// A RecordWrite puts a record, or deletes it where Delete is set.
type RecordWrite struct {
	Record
	Delete bool
}

// An OpenDelivery is a delivery that a restart has to take up again.
type OpenDelivery struct {
	Event     *Event // nil: it is gone, and the row is of no more use
	WebhookID string
	Due       *Due // nil: it has no row, and was never tried
}

// JobState is where a job stands.
type JobState string

// The states. Running is the only one that goes on.
const (
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobCancelled JobState = "cancelled"
	JobFailed    JobState = "failed"
)

// Which deliveries a replay makes again.
const (
	WhichFailed  = "failed"  // those that ended failed or expired
	WhichMissing = "missing" // those that were never made, or were cancelled
	WhichAll     = "all"     // every event that the webhook wants
)

// A Job is a replay: deliveries of a webhook's past events, made again. It goes
// on where it was after a restart.
type Job struct {
	ID        string    `json:"id"`
	AccountID string    `json:"account_id"` // the webhook's
	WebhookID string    `json:"webhook_id"`
	Which     string    `json:"which"`
	Since     time.Time `json:"since"` // accepted at or after
	Until     time.Time `json:"until"` // accepted before
	Types     []string  `json:"types,omitzero"`
	CallID    string    `json:"call_id,omitzero"`
	// Rate is how many deliveries a second it makes at most. 0: as many as the
	// webhook takes.
	Rate  float64  `json:"rate,omitzero"`
	State JobState `json:"state"`
	// Looked is how many events were looked at, of Total; Made how many deliveries
	// came of it.
	Total  int64 `json:"total"`
	Looked int64 `json:"looked"`
	Made   int64 `json:"made"`
	// Cursor is the sequence up to which was looked, Last where it ends.
	Cursor    int64     `json:"-"`
	Last      int64     `json:"-"`
	Error     string    `json:"error,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}
