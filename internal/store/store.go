// Package store says what Switchhook needs of persistence. Two packages below
// keep the contract: sqlite, and memory for tests; storetest holds both to it.
//
// # Durability
//
// [Store.Submit] hands over a [switchhook.Commit]. One committer takes whatever
// has gathered while the last fsync ran and makes it durable in one
// transaction; only then does it call each commit's Done, in the order of
// submission, on a goroutine of the store's own: never inside Submit, whose
// caller may hold the lock that Done needs. A commit is there whole after a
// crash, or not at all.
//
// After a commit that failed, nothing that was submitted before or meanwhile is
// taken either: it may rest on what is not there. The store refuses everything
// with the same error until Resume is called. If it cannot know what is on the
// disk (a failed fsync), it refuses for ever and closes Broken: the process
// must exit.
//
// # Order
//
// The sequences of events rise with the order of submission, with gaps or
// without; a commit with one that does not fails. A due row of a webhook that
// is not among its event's targets has Replay set: how else did it come about?
//
// # Errors
//
// Methods return *switchhook.Error with CodeNotFound, CodeConflict or
// CodeUnavailable where it says so; any other error is the store's own.
package store

import (
	"context"
	"time"

	"github.com/switchhook/switchhook"
)

// The most that a slice of history takes: how many sequences or rows, and how
// much time, by the times of its events and attempts.
const (
	SliceLength = 1 << 16
	SliceTime   = 6 * time.Hour
)

// TemplateVersions is how many versions of a template are kept.
const TemplateVersions = 50

// Store is the whole contract. The packages that use a store declare the few
// methods that they call.
type Store interface {
	// Submit queues a commit and returns at once. See the package comment.
	Submit(*switchhook.Commit)
	// Resume lets the store take commits again after one has failed, and
	// returns an error if it cannot.
	Resume(ctx context.Context) error
	// Broken is closed when the store can never again promise anything.
	Broken() <-chan struct{}
	// Held reports whether nobody else can have the store by now. While it is false
	// nothing may be sent of what the store has open.
	Held() bool
	// Ping reports whether the store can be read and takes commits.
	Ping(ctx context.Context) error
	// Close waits for what was submitted and releases everything.
	Close() error

	// LastSequence is the sequence of the newest event ever committed.
	LastSequence(ctx context.Context) (int64, error)
	// Known reports which of the ids were given to events of the account
	// within the time that ids are remembered (at least 24 h).
	Known(ctx context.Context, accountID string, ids []string) (map[string]bool, error)
	// Recover calls fn for every delivery that is open without a row (Due nil):
	// those of events beyond the watermark that no attempt has closed and that are
	// not due. They come in the order of sequence and, of one event, of its targets.
	Recover(ctx context.Context, fn func(switchhook.OpenDelivery) error) error
	// Backlogs calls fn for every webhook that has due rows, with their number.
	Backlogs(ctx context.Context, fn func(webhookID string, rows int) error) error
	// Due returns a webhook's next due rows after a sequence, in rising order, each
	// with its event; fewer than limit: there are no more. Strays are not among them.
	Due(ctx context.Context, webhookID string, after int64, limit int) ([]switchhook.OpenDelivery, error)
	// Strays returns a webhook's stray rows that are due at until or before, the
	// earliest first, each with its event.
	Strays(ctx context.Context, webhookID string, until time.Time, limit int) ([]switchhook.OpenDelivery, error)
	// Oldest returns the one of a webhook's due rows with the lowest sequence, a stray or
	// not, with its event; nil: there is none.
	Oldest(ctx context.Context, webhookID string) (*switchhook.OpenDelivery, error)
	// Lanes calls fn with the lane of each of a webhook's due rows that is no
	// stray, in no order.
	Lanes(ctx context.Context, webhookID string, fn func(lane uint64) error) error
	// Gates returns all, by webhook id.
	Gates(ctx context.Context) ([]switchhook.Gate, error)
	// Jobs returns all, newest first.
	Jobs(ctx context.Context) ([]*switchhook.Job, error)
	// Snapshots calls fn for every kept snapshot.
	Snapshots(ctx context.Context, fn func(switchhook.Snapshot) error) error

	// Event returns one event. accounts nil: of any account. CodeNotFound.
	Event(ctx context.Context, accounts []string, id string) (*switchhook.Event, error)
	// Events lists newest first; with Filter.After set, oldest first from there
	// (-1: from the beginning).
	Events(ctx context.Context, f switchhook.EventFilter, p switchhook.Page) (events []*switchhook.Event, next string, err error)
	// Attempt returns one attempt. CodeNotFound.
	Attempt(ctx context.Context, accounts []string, id string) (*switchhook.Attempt, error)
	// Attempts lists newest first; with Filter.After set, oldest first from
	// there. What ended without an attempt (Number 0) is not listed.
	Attempts(ctx context.Context, f switchhook.AttemptFilter, p switchhook.Page) (attempts []*switchhook.Attempt, next string, err error)
	// Delivery returns the delivery of an id. CodeNotFound.
	Delivery(ctx context.Context, accounts []string, id string) (*switchhook.Delivery, error)
	// States says where the deliveries of the events of these sequences to a
	// webhook stand. What is absent was never made.
	States(ctx context.Context, webhookID string, sequences []int64) (map[int64]switchhook.DeliveryState, error)
	// Deliveries lists newest first, by the sequences of the events.
	Deliveries(ctx context.Context, f switchhook.DeliveryFilter, p switchhook.Page) (deliveries []*switchhook.Delivery, next string, err error)
	// Rejects lists a source's rejects, newest first.
	Rejects(ctx context.Context, sourceID string, p switchhook.Page) (rejects []*switchhook.Reject, next string, err error)
	// Records calls fn for every record, in no order.
	Records(ctx context.Context, fn func(switchhook.Record) error) error

	// What follows changes what people set up. The entries that are given with a change
	// become durable together with it, and not without it. The lists are the caller's own,
	// what is in them is not: all who ask get the same, and nobody may change it. What is
	// the same pointer as before has not changed since.

	// CreateAccount, CreateWebhook and CreateSource: CodeConflict if the id is taken;
	// an account's is for ever.
	CreateAccount(ctx context.Context, a *switchhook.Account, audit ...*switchhook.AuditEntry) error
	// UpdateAccount: CodeNotFound.
	UpdateAccount(ctx context.Context, a *switchhook.Account, audit ...*switchhook.AuditEntry) error
	// DeleteAccounts deletes accounts and what belongs to them: API keys, users, templates, webhooks and
	// their gates, sources and what these could not read, records, snapshots, dialect ids.
	// Their history is not shown from then on, and Prune takes it out; due rows stay until
	// they are settled. All or nothing; of ids that are no accounts' it takes no notice.
	// Nobody may change what belongs to them meanwhile.
	DeleteAccounts(ctx context.Context, ids []string, audit ...*switchhook.AuditEntry) error
	Accounts(ctx context.Context) ([]*switchhook.Account, error)
	CreateWebhook(ctx context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error
	// UpdateWebhook and DeleteWebhook: CodeNotFound.
	UpdateWebhook(ctx context.Context, w *switchhook.Webhook, audit ...*switchhook.AuditEntry) error
	// DeleteWebhook drops its gate too. Its history and its due rows stay.
	DeleteWebhook(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error
	// Webhook returns one, secrets opened. CodeNotFound.
	Webhook(ctx context.Context, id string) (*switchhook.Webhook, error)
	// Webhooks returns all, oldest first, secrets opened.
	Webhooks(ctx context.Context) ([]*switchhook.Webhook, error)
	CreateSource(ctx context.Context, s *switchhook.Source, audit ...*switchhook.AuditEntry) error
	UpdateSource(ctx context.Context, s *switchhook.Source, audit ...*switchhook.AuditEntry) error
	DeleteSource(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error
	Sources(ctx context.Context) ([]*switchhook.Source, error)
	// PutAPIKey adds a key or replaces the one of its id, but for when it was last used.
	PutAPIKey(ctx context.Context, k *switchhook.APIKey, audit ...*switchhook.AuditEntry) error
	// UseAPIKey says when a key was last used. One that is gone is none to be told of.
	UseAPIKey(ctx context.Context, id string, at time.Time) error
	// DeleteAPIKey: CodeNotFound.
	DeleteAPIKey(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error
	APIKeys(ctx context.Context) ([]*switchhook.APIKey, error)

	// PutUser adds a user or replaces the one of its id. CodeConflict: another has the
	// login, or the oidc_subject; the error's field says which.
	PutUser(ctx context.Context, u *switchhook.User, audit ...*switchhook.AuditEntry) error
	// DeleteUser: CodeNotFound.
	DeleteUser(ctx context.Context, id string, audit ...*switchhook.AuditEntry) error
	Users(ctx context.Context) ([]*switchhook.User, error)
	// PutSession adds a session. Those that have expired are forgotten by Prune.
	PutSession(ctx context.Context, s *switchhook.Session, audit ...*switchhook.AuditEntry) error
	// DeleteSession of one that is gone does nothing.
	DeleteSession(ctx context.Context, hash []byte) error
	Sessions(ctx context.Context) ([]*switchhook.Session, error)

	// PutTemplate adds a version of a template, which is in force from then on; of its
	// versions, the last [TemplateVersions] are kept. CodeConflict: there is that version.
	PutTemplate(ctx context.Context, t *switchhook.Template, audit ...*switchhook.AuditEntry) error
	// Templates returns the newest version of each template that accounts have, reverted
	// ones too, the oldest templates first.
	Templates(ctx context.Context) ([]*switchhook.Template, error)
	// TemplateVersions returns the versions of a template, the newest first.
	TemplateVersions(ctx context.Context, accountID, id string) ([]*switchhook.Template, error)

	// PutAudit adds entries about what is no change of the above.
	PutAudit(ctx context.Context, entries ...*switchhook.AuditEntry) error
	// Audit lists entries, newest first. They get their ids from the store.
	Audit(ctx context.Context, f switchhook.AuditFilter, p switchhook.Page) (entries []*switchhook.AuditEntry, next string, err error)

	// PutCounts puts counts in place of those of the same step, of whole seconds, and time,
	// and deletes those without a body: all of it or nothing. It keeps no body.
	PutCounts(ctx context.Context, counts []switchhook.StoredCounts) error
	// Counts calls fn for all, those of a step in the order of time. fn may keep the body.
	Counts(ctx context.Context, fn func(switchhook.StoredCounts) error) error

	// Integer returns the integer that stands for a native id, per account and
	// schema: made at the first call, from switchhook.FirstInteger, never reused.
	// It is never one that was given to another id by PutDialectID.
	Integer(ctx context.Context, accountID, schema, id string) (int64, error)
	// PutDialectID says what a dialect calls a thing, or says it anew.
	// CodeConflict if the dialect calls another thing of the account and schema
	// so, or if the value is the integer that stands for another.
	PutDialectID(ctx context.Context, id *switchhook.DialectID, audit ...*switchhook.AuditEntry) error
	// DeleteDialectID takes that back. CodeNotFound.
	DeleteDialectID(ctx context.Context, accountID, dialect, schema, id string, audit ...*switchhook.AuditEntry) error
	// DialectIDs calls fn for every one, in no order.
	DialectIDs(ctx context.Context, fn func(switchhook.DialectID) error) error
	// Prune deletes what is older than before, a bounded part of it; more reports
	// whether there is more: events and attempts, rejects, the audit log, sessions and jobs that have ended, ids
	// that have expired.
	//
	// Events and attempts go by whole slices of history, the oldest first. A slice
	// takes up to [SliceLength] sequences or rows and up to [SliceTime], so some
	// of what is older than before is left, and nothing that is older than before by
	// SliceTime: but for a slice with the event of a due row, or beyond the
	// watermark, which stays with all that came after it.
	//
	// Of accounts with a shorter retention, and of those that were deleted, it takes out
	// what has become too old, of slices of which all has: an event with something open
	// stays, with its attempts. From the moment that it is too old no list shows it and
	// nothing finds it, neither an event nor its deliveries, attempts by when they began,
	// rejects by when they came; only Due, Strays and Recover still give what is open.
	// Others' history is as it was, and so are all cursors.
	Prune(ctx context.Context, before time.Time) (more bool, err error)
	// Cutoffs are the times before which history is too old, of those accounts of which it
	// is kept for a shorter time than Prune is told; now of those that were deleted.
	Cutoffs(now time.Time) map[string]time.Time
}
