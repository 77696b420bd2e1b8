// Package route takes events over. Accept checks them, folds them into
// snapshots, completes them from the directory, looks up the webhooks that want
// them, and commits the whole; whoever waits for the answer is told only after
// that. What was committed is handed on in the order in which it was accepted.
//
// This is the one place where events get their order: between the lock and the
// store's queue nothing can overtake.
package route

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// MaxEvent is the largest data of one event, in bytes.
const MaxEvent = 1 << 20

// Store is what the router needs of persistence.
type Store interface {
	Submit(*switchhook.Commit)
	Resume(ctx context.Context) error
	LastSequence(ctx context.Context) (int64, error)
	Known(ctx context.Context, accountID string, ids []string) (map[string]bool, error)
	Snapshots(ctx context.Context, fn func(switchhook.Snapshot) error) error
}

// Folder completes events from the snapshots of what they speak of.
type Folder interface {
	Fold(ev *switchhook.Event, data *ordjson.Object, now time.Time) ([]switchhook.Snapshot, error)
	Restore(switchhook.Snapshot) error
	Snapshot(accountID, kind, id string) json.RawMessage
	Open(kind string, fn func(switchhook.Snapshot))
	Forget(accounts []string)
}

// Directory knows the accounts and the records.
type Directory interface {
	Account(id string) (*switchhook.Account, bool)
	Suspended(id string) bool
	Ancestors(id string) []string
	Enrich(ev *switchhook.Event, data *ordjson.Object, given ordjson.Object)
	Record(accountID, schema, id string) (*switchhook.Record, bool)
	Records(f switchhook.RecordFilter) []*switchhook.Record
	Put(r *switchhook.Record) error
	Delete(accountID, schema, id string)
}

// Options configures a Router. Store, NewFolder and Directory are required.
type Options struct {
	Store     Store
	Directory Directory
	// NewFolder makes an empty Folder: at the start, and after a commit failed.
	NewFolder func() Folder
	Dialects  []dialect.Dialect
	// Notify returns the targets of the notifications that an event makes, which are not
	// among the webhooks. It must be quick. Nil: there are none.
	Notify func(*switchhook.Event) []string
	// Accepted is called after each commit, in the order of acceptance, with
	// the events that it made durable. It must not block. Nil: nobody asks.
	Accepted func([]*switchhook.Event)
	// Metrics registers the router's counters. Nil: none.
	Metrics prometheus.Registerer
	// Logger is required.
	Logger *slog.Logger
}

// Router accepts events. It is safe for concurrent use.
type Router struct {
	o       Options
	index   *index
	records keyedMutex
	ids     reservations
	filters sync.Map // webhook id → *filter
	metrics metrics

	// stale is set after a failed commit: the folder holds what was never
	// committed.
	stale atomic.Bool

	setting  sync.Mutex            // held while webhooks are set
	webhooks []*switchhook.Webhook // as they were set

	mu         sync.Mutex // held from the first fold of a batch to its Submit
	refused    error      // what the store said when it was last asked to resume, and when
	refusedAt  time.Time
	folder     Folder
	seq        int64
	allowances map[string]*allowance // by the account that a webhook with a filter belongs to
}

// New returns a Router that goes on where the store's last commit ended.
func New(ctx context.Context, o Options) (*Router, error) {
	r := &Router{o: o, metrics: newMetrics(o.Metrics), index: newIndex(), allowances: map[string]*allowance{}}
	if err := r.restore(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// restore reads what the store has committed.
func (r *Router) restore(ctx context.Context) error {
	seq, err := r.o.Store.LastSequence(ctx)
	if err != nil {
		return fmt.Errorf("read the last sequence: %w", err)
	}
	folder := r.o.NewFolder()
	err = r.o.Store.Snapshots(ctx, func(s switchhook.Snapshot) error {
		if s.Kind == switchhook.KindBelief {
			return nil // see Beliefs
		}
		return folder.Restore(s)
	})
	if err != nil {
		return fmt.Errorf("read the snapshots: %w", err)
	}
	r.folder, r.seq = folder, max(seq, r.seq)
	return nil
}

// draft is an event on its way in.
type draft struct {
	ev   *switchhook.Event
	typ  *catalogue.Type
	data ordjson.Object
	// record is the directory's change that the event tells of, if any, and audit who
	// made it.
	record *switchhook.RecordWrite
	audit  *switchhook.AuditEntry
}

// Accept takes all events over, or none. When it returns without an error they
// are durable, with what is to be delivered.
//
// An event needs Type, AccountID and Data; ID, Key, OccurredAt and Source are
// taken where given. An event whose given ID the account has used within the
// last day is a duplicate: its receipt says so, and nothing is done.
//
// Errors: *switchhook.Error with fields that begin with "events[i]."; its code
// is unknown_type, unknown_account, account_suspended, too_large or invalid, and
// unavailable if the store cannot commit.
func (r *Router) Accept(ctx context.Context, events []*switchhook.Event) ([]switchhook.Receipt, error) {
	return r.Tell(ctx, events, nil)
}

// Tell is Accept for a source that remembers what it believes of its phone system:
// beliefs become durable together with the events that follow from the same facts, of
// which there may be none. They are of switchhook.KindBelief.
func (r *Router) Tell(ctx context.Context, events []*switchhook.Event, beliefs []switchhook.Snapshot) ([]switchhook.Receipt, error) {
	drafts := make([]draft, len(events))
	var problems problems
	for i, ev := range events {
		drafts[i] = r.check(ev, "events["+strconv.Itoa(i)+"].", &problems)
	}
	if err := problems.err(); err != nil {
		r.metrics.refused.Add(float64(len(events)))
		return nil, err
	}
	release, err := r.ids.reserve(ctx, events)
	if err != nil {
		return nil, unavailable(err)
	}
	receipts := make([]switchhook.Receipt, len(events))
	fresh, err := r.fresh(ctx, drafts, receipts)
	if err != nil || len(fresh) == 0 && len(beliefs) == 0 {
		release()
		return receipts, err
	}
	if err := r.commit(ctx, fresh, beliefs, release); err != nil {
		return nil, err
	}
	for i, ev := range events {
		receipts[i].ID = ev.ID
		if !receipts[i].Duplicate {
			receipts[i].Deliveries = len(ev.Targets)
		}
	}
	return receipts, nil
}

// check finds out whether an event can be accepted.
func (r *Router) check(ev *switchhook.Event, path string, p *problems) draft {
	d := draft{ev: ev}
	typ, ok := catalogue.Lookup(ev.Type)
	switch {
	case ev.Type == "":
		p.add(switchhook.CodeInvalid, path+"type", "is required: the name of an event type, such as call.created")
	case !ok:
		p.add(switchhook.CodeUnknownType, path+"type", fmt.Sprintf("%.80q is no event type; GET /v1/event-types lists them, and custom.* is free", ev.Type))
	}
	if _, ok := r.o.Directory.Account(ev.AccountID); !ok {
		p.add(switchhook.CodeUnknownAccount, path+"account_id", fmt.Sprintf("there is no account %.80q", ev.AccountID))
	} else if r.o.Directory.Suspended(ev.AccountID) {
		p.add(switchhook.CodeSuspended, path+"account_id", fmt.Sprintf("the account %.80q is suspended, or one above it", ev.AccountID))
	}
	if ev.ID != "" && !switchhook.ValidEventID(ev.ID) {
		p.add(switchhook.CodeInvalid, path+"id", "expected 1 to 128 of A-Z a-z 0-9 . _ : -")
	}
	if len(ev.Data) > MaxEvent {
		p.add(switchhook.CodeTooLarge, path+"data", fmt.Sprintf("is %d bytes long; %d are allowed", len(ev.Data), MaxEvent))
		return d
	}
	if typ == nil {
		return d
	}
	if len(ev.Data) == 0 {
		p.add(switchhook.CodeInvalid, path+"data", "is required: an object")
		return d
	}
	data, errs := catalogue.Read(typ, ev.Data, path+"data")
	for _, e := range errs {
		p.add(switchhook.CodeInvalid, e.Field, e.Message)
	}
	if len(errs) > 0 {
		return d
	}
	d.typ, d.data = typ, data
	return d
}

// lookUp is how long the store may take to say which ids it knows. Nothing has been given
// to it yet, so whoever posts can be refused rather than kept waiting for a store that hangs.
const lookUp = 5 * time.Second

// fresh returns the drafts that were not accepted before, and marks the others'
// receipts.
func (r *Router) fresh(ctx context.Context, drafts []draft, receipts []switchhook.Receipt) ([]draft, error) {
	var given map[string][]string // most events have none
	for i := range drafts {
		if ev := drafts[i].ev; ev.ID != "" {
			if ev.IDGiven = true; given == nil {
				given = map[string][]string{}
			}
			given[ev.AccountID] = append(given[ev.AccountID], ev.ID)
		}
	}
	seen, err := r.seen(ctx, given)
	if err != nil {
		return nil, err
	}
	list := make([]draft, 0, len(drafts))
	for i := range drafts {
		ev := drafts[i].ev
		if !ev.IDGiven {
			ev.ID = switchhook.NewID(switchhook.PrefixEvent)
		} else {
			ref := idRef{ev.AccountID, ev.ID}
			if seen[ref] {
				receipts[i] = switchhook.Receipt{ID: ev.ID, Duplicate: true}
				r.metrics.duplicates.Inc()
				continue
			}
			seen[ref] = true // the second of a batch
		}
		list = append(list, drafts[i])
	}
	return list, nil
}

// seen are those of the given ids that were given before; nil: none is given.
func (r *Router) seen(ctx context.Context, given map[string][]string) (map[idRef]bool, error) {
	if given == nil {
		return nil, nil
	}
	seen := map[idRef]bool{}
	ctx, cancel := context.WithTimeout(ctx, lookUp)
	defer cancel()
	for account, ids := range given {
		known, err := r.o.Store.Known(ctx, account, ids)
		if err != nil {
			return nil, unavailable(err)
		}
		for id := range known {
			seen[idRef{account, id}] = true
		}
	}
	return seen, nil
}

// Beliefs calls fn with all that sources believe: all that was told before is committed
// by then.
func (r *Router) Beliefs(ctx context.Context, fn func(switchhook.Snapshot)) error {
	// Commits become durable in order, so what is under way is when this one is.
	if err := r.commit(ctx, nil, nil, func() {}); err != nil {
		return err
	}
	err := r.o.Store.Snapshots(ctx, func(s switchhook.Snapshot) error {
		if s.Kind == switchhook.KindBelief {
			fn(s)
		}
		return nil
	})
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// commit folds, matches and commits the drafts, and waits until they are durable, as the
// beliefs are. over is called when nothing of it is under way any more, which may be after
// ctx has ended: until then nobody can tell whether the ids will be known.
func (r *Router) commit(ctx context.Context, drafts []draft, beliefs []switchhook.Snapshot, over func()) error {
	done := make(chan error, 1)
	c := &switchhook.Commit{Events: make([]*switchhook.Event, 0, len(drafts)), Snapshots: slices.Clone(beliefs), Lazy: len(drafts) == 0}
	c.Done = func(err error) {
		if err != nil {
			r.stale.Store(true)
		} else {
			r.committed(c)
		}
		over()
		done <- err
	}
	if err := r.submit(ctx, drafts, c); err != nil {
		over()
		return err
	}
	select {
	case err := <-done:
		if err != nil {
			return unavailable(err)
		}
		return nil
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
}

// submit gives the drafts their place in the order.
func (r *Router) submit(ctx context.Context, drafts []draft, c *switchhook.Commit) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stale.Load() {
		if err := r.resume(ctx); err != nil {
			return err
		}
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range drafts {
		if err := r.admit(&drafts[i], now, c); err != nil { //nolint:contextcheck // a filter bounds its time itself
			// The folder may hold half of this batch: read it anew.
			if restoreErr := r.restore(ctx); restoreErr != nil {
				r.stale.Store(true)
			}
			return fmt.Errorf("accept event %s: %w", drafts[i].ev.ID, err)
		}
	}
	r.o.Store.Submit(c)
	return nil
}

// Resume lets the store take commits again after one of somebody else's has failed.
// Nothing is accepted meanwhile: the folder must not hold what was refused.
// CodeUnavailable: it does not take any yet.
func (r *Router) Resume(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resume(ctx)
}

// resumeEvery is how often a store that takes nothing is asked whether it does again.
const resumeEvery = 200 * time.Millisecond

func (r *Router) resume(ctx context.Context) error {
	if r.refused != nil && time.Since(r.refusedAt) < resumeEvery {
		return r.refused
	}
	if err := r.o.Store.Resume(ctx); err != nil {
		r.refused, r.refusedAt = unavailable(err), time.Now()
		return r.refused
	}
	r.refused = nil
	if err := r.restore(ctx); err != nil {
		return unavailable(err)
	}
	r.stale.Store(false)
	return nil
}

// admit completes one event and adds it to the commit.
func (r *Router) admit(d *draft, now time.Time, c *switchhook.Commit) error {
	ev := d.ev
	r.seq++
	ev.Sequence, ev.AcceptedAt = r.seq, now
	if ev.OccurredAt.IsZero() {
		ev.OccurredAt = now
	}
	// The store keeps microseconds; a retry after a restart must send the same bytes.
	ev.OccurredAt = ev.OccurredAt.UTC().Truncate(time.Microsecond)
	defaults(ev, &d.data)
	given := slices.Clone(d.data)
	changed, err := r.folder.Fold(ev, &d.data, now)
	if err != nil {
		return err
	}
	c.Snapshots = append(c.Snapshots, changed...)
	if d.record == nil { // a record's own event has the new row, the directory still the old
		r.o.Directory.Enrich(ev, &d.data, given)
	}
	if err := seal(ev, d.typ, d.data); err != nil {
		return err
	}
	if ev.Targets, err = r.index.targets(ev, r.o.Directory.Ancestors, r.allowance); err != nil {
		return err
	}
	if r.o.Notify != nil {
		ev.Targets = append(ev.Targets, r.o.Notify(ev)...)
	}
	c.Events = append(c.Events, ev)
	if d.record != nil {
		c.Records = append(c.Records, *d.record)
	}
	if d.audit != nil {
		c.Audit = append(c.Audit, d.audit)
	}
	return nil
}

// seal makes the event's data final. Nothing in it has blanks between its tokens:
// they were taken out of what came in (catalogue.Read), of the snapshots and of the
// directory's rows. What the event is ordered and found by is read from the call's
// own members where it has a call; for anything else the data is decoded.
func seal(ev *switchhook.Event, typ *catalogue.Type, data ordjson.Object) error {
	ev.Data = data.Append(nil)
	if typ.Custom() {
		if !data.Has("call") && !data.Has("recording") && !data.Has("call_id") {
			return nil // it is of no call, and unordered unless its key was given
		}
	} else if call := data.Get("call"); !ordjson.Null(call) {
		rawID, rawRoot := ordjson.Find(call, "id"), ordjson.Find(call, "root_id")
		id, _ := ordjson.Unquote(rawID)
		root := id
		if !ordjson.Null(rawRoot) && !bytes.Equal(rawRoot, rawID) {
			root, _ = ordjson.Unquote(rawRoot)
		}
		if key := cmp.Or(root, id); key != "" { // as catalogue.Key has it
			ev.Key, ev.CallID = cmp.Or(ev.Key, key), id
			return nil
		}
	}
	if err := catalogue.Attach(ev); err != nil {
		return err
	}
	if ev.Key == "" {
		ev.Key = catalogue.Key(typ, ev.Resources)
	}
	switch r := ev.Resources; {
	case r.Call != nil:
		ev.CallID = r.Call.ID
	case r.Recording != nil:
		ev.CallID = r.Recording.CallID
	default:
		ev.CallID = r.CallID
	}
	return nil
}

// defaults fills in what follows from the event alone.
func defaults(ev *switchhook.Event, data *ordjson.Object) {
	if !strings.HasPrefix(ev.Type, "message.") {
		return
	}
	m, err := ordjson.Parse(data.Get("message"))
	if err != nil {
		return
	}
	if m.Text("conversation_id") == "" && m.Text("from")+m.Text("to") != "" {
		m.Set("conversation_id", ordjson.String(catalogue.ConversationID(ev.AccountID, m.Text("from"), m.Text("to"))))
	}
	if m.Text("direction") == "" && ev.Type == "message.received" {
		m.Set("direction", ordjson.String("inbound"))
	}
	if m.Text("direction") == "" && ev.Type == "message.sent" {
		m.Set("direction", ordjson.String("outbound"))
	}
	data.Set("message", m.Append(nil))
}

// committed hands on what has become durable, in the order of the commits.
func (r *Router) committed(c *switchhook.Commit) {
	for i := range c.Records {
		w := &c.Records[i]
		if w.Delete {
			r.o.Directory.Delete(w.AccountID, w.Schema, w.ID)
		} else if err := r.o.Directory.Put(&w.Record); err != nil {
			r.o.Logger.Error("a committed record cannot be read", "schema", w.Schema, "id", w.ID, "error", err)
		}
	}
	if len(c.Events) == 0 {
		return
	}
	r.metrics.count(c.Events)
	if r.o.Accepted != nil {
		r.o.Accepted(c.Events)
	}
}

// Reject keeps a source's message that could not be read.
func (r *Router) Reject(ctx context.Context, reject *switchhook.Reject) error {
	done := make(chan error, 1)
	r.o.Store.Submit(&switchhook.Commit{Rejects: []*switchhook.Reject{reject}, Done: func(err error) { done <- err }})
	select {
	case err := <-done:
		if err != nil {
			r.stale.Store(true)
			return unavailable(err)
		}
		return nil
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
}

// Samples makes events of the type's samples, as if they had happened in the
// webhook's account now; one for most types. They are not accepted.
func (r *Router) Samples(w *switchhook.Webhook, eventType string) ([]*switchhook.Event, error) {
	typ, ok := catalogue.Lookup(eventType)
	if !ok {
		return nil, switchhook.InvalidField("type", "%.80q is no event type", eventType).With(nil)
	}
	var events []*switchhook.Event
	for _, data := range typ.Variants() {
		ev, err := sample(w, typ, data)
		if err != nil {
			return nil, fmt.Errorf("the sample of %s: %w", eventType, err)
		}
		events = append(events, ev)
	}
	return events, nil
}

// Draft makes of an event what Accept would, as far as that needs no place in the order: it
// is checked, completed and not kept. Its errors are those of Accept.
func (r *Router) Draft(ev *switchhook.Event) error {
	var problems problems
	d := r.check(ev, "events[0].", &problems)
	if err := problems.err(); err != nil {
		return err
	}
	if ev.ID == "" {
		ev.ID = switchhook.NewID(switchhook.PrefixEvent)
	}
	ev.AcceptedAt = time.Now().UTC().Truncate(time.Microsecond)
	if ev.OccurredAt.IsZero() {
		ev.OccurredAt = ev.AcceptedAt
	}
	defaults(ev, &d.data)
	r.o.Directory.Enrich(ev, &d.data, slices.Clone(d.data))
	if err := seal(ev, d.typ, d.data); err != nil {
		return err
	}
	return catalogue.Attach(ev)
}

func sample(w *switchhook.Webhook, typ *catalogue.Type, text []byte) (*switchhook.Event, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	ev := &switchhook.Event{
		ID: switchhook.NewID(switchhook.PrefixEvent), Type: typ.Name, AccountID: w.AccountID,
		OccurredAt: now, AcceptedAt: now, Source: "sample",
	}
	tidy, err := ordjson.Compact(text)
	if err != nil {
		return nil, err
	}
	data, err := ordjson.Parse(tidy)
	if err != nil {
		return nil, err
	}
	if err := seal(ev, typ, data); err != nil {
		return nil, err
	}
	return ev, catalogue.Attach(ev)
}

func unavailable(cause error) error {
	return switchhook.Errorf(switchhook.CodeUnavailable, "the store cannot take this now; try again").With(cause)
}

// problems gathers what is wrong with a request.
type problems struct {
	code   switchhook.Code
	fields []switchhook.FieldError
}

// mostProblems bounds how many wrong fields one answer names.
const mostProblems = 50

func (p *problems) add(code switchhook.Code, field, message string) {
	if p.code == "" {
		p.code = code
	}
	if len(p.fields) < mostProblems {
		p.fields = append(p.fields, switchhook.FieldError{Field: field, Message: message})
	}
}

func (p *problems) err() error {
	if len(p.fields) == 0 {
		return nil
	}
	first := p.fields[0]
	return &switchhook.Error{Code: p.code, Message: first.Field + ": " + first.Message, Fields: p.fields}
}
