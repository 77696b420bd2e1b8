package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

const (
	// atOnce is how many events go into one commit at most.
	atOnce = 1000
	// heardEvery is how often it is kept when the system was last heard: so much more of
	// it a gap seems to have after a crash.
	heardEvery = 5 * time.Second
	// firstRetry and lastRetry are between two tries of what the store does not take.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	// tickWait is how long a tick keeps others from their turn.
	tickWait = time.Second
)

// A teller gets committed what follows from the facts of one source. What it has folded
// and not yet got committed it keeps, and commits before all else: the beliefs of the
// Tracker are never ahead of the events for good.
type teller struct {
	o      *SupervisorOptions
	source *switchhook.Source
	log    *slog.Logger
	watch  *watch

	turn    chan struct{} // capacity 1: full while somebody has the rest
	tracker Tracker       // nil: to be made of what is committed
	events  []*switchhook.Event
	beliefs map[string]json.RawMessage // by id; that of ownBelief is our own
	up      bool                       // the system has let us in
	heard   time.Time                  // up to when all that the system said is committed
	kept    time.Time                  // when heard was last among the beliefs
	lost    string                     // why it was not heard after that
	rejects quota

	troubled bool // the store took nothing the last time
}

// ownBelief is the id of what a teller itself remembers.
const ownBelief = ""

// own is what a teller remembers of its source.
type own struct {
	Kind      string    `json:"kind"`
	AccountID string    `json:"account_id"`
	Heard     time.Time `json:"heard"`
}

// beliefID is the id under which a source's belief is kept.
func beliefID(source, id string) string {
	if id == ownBelief {
		return source
	}
	return source + "/" + id
}

// readOwn reads what a teller remembered, if it is that.
func readOwn(b switchhook.Snapshot) (o own, ok bool) {
	return o, !strings.Contains(b.ID, "/") && json.Unmarshal(b.Data, &o) == nil
}

func newTeller(o *SupervisorOptions, s *switchhook.Source, w *watch) *teller {
	return &teller{
		o: o, source: s, log: o.Logger.With("source", s.ID), watch: w,
		turn: make(chan struct{}, 1), beliefs: map[string]json.RawMessage{},
	}
}

// take waits for the turn. leave gives it back.
func (t *teller) take(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *teller) leave() { <-t.turn }

// insist does what needs the store until it is done, or ctx ends.
func (t *teller) insist(ctx context.Context, do func() error) error {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := do()
		if err == nil {
			t.troubled = false
			return nil
		}
		if !t.troubled && ctx.Err() == nil {
			t.log.WarnContext(ctx, "what a source tells cannot be kept at the moment; it is tried again", "error", err)
			t.troubled = true
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// restore makes the Tracker of what is committed, unless there is one.
func (t *teller) restore(ctx context.Context) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.leave()
	if t.tracker != nil {
		return nil
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	beliefs, err := t.committed(ctx)
	if err != nil {
		return err
	}
	tracker := t.o.NewTracker(t.source)
	for _, b := range beliefs {
		if o, ok := readOwn(b); ok {
			if t.heard.IsZero() {
				t.heard, t.lost = o.Heard, "Switchhook did not run"
			}
			continue
		}
		_, id, _ := strings.Cut(b.ID, "/")
		if err := tracker.Restore(Belief{ID: id, Data: b.Data}); err != nil {
			t.log.ErrorContext(ctx, "a belief cannot be read, and is forgotten", "belief", id, "error", err)
			t.beliefs[id] = nil
		}
	}
	t.tracker = tracker
	return nil
}

// committed is what is committed of the source's beliefs.
func (t *teller) committed(ctx context.Context) (beliefs []switchhook.Snapshot, err error) {
	err = t.insist(ctx, func() error {
		beliefs = nil
		return t.o.Router.Beliefs(ctx, func(b switchhook.Snapshot) {
			if b.ID == t.source.ID || strings.HasPrefix(b.ID, t.source.ID+"/") {
				beliefs = append(beliefs, b)
			}
		})
	})
	return beliefs, err
}

// tell folds facts, and waits until what follows is committed.
func (t *teller) tell(ctx context.Context, facts []Fact) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.leave()
	facts, err := t.makeAccounts(ctx, facts)
	if err != nil {
		return err
	}
	if err := t.fold(func(tracker Tracker) ([]*switchhook.Event, []Belief) { return tracker.Fold(facts) }); err != nil {
		if _, is := errors.AsType[*panicError](err); is {
			t.reject(ctx, &switchhook.Reject{Reason: err.Error(), Body: fmt.Sprintf("%+v", facts)})
		}
		return err
	}
	reached, queued := t.watch.reached()
	if !queued {
		reached = time.Now().UTC()
		t.watch.count(func(s *Status) { s.Messages, s.LastMessageAt = s.Messages+int64(len(facts)), reached })
	}
	t.hear(reached)
	return t.flush(ctx)
}

// makeAccounts makes the accounts that facts say there are, and returns the others.
func (t *teller) makeAccounts(ctx context.Context, facts []Fact) ([]Fact, error) {
	isTenant := func(f Fact) bool { _, is := f.(Tenant); return is }
	if !slices.ContainsFunc(facts, isTenant) {
		return facts, nil
	}
	var tenants []Tenant
	var others []Fact
	for _, f := range facts {
		if tenant, is := f.(Tenant); is {
			tenants = append(tenants, tenant)
		} else {
			others = append(others, f)
		}
	}
	if t.o.MakeAccounts == nil {
		return others, nil
	}
	var refused []error
	err := t.insist(ctx, func() (err error) {
		refused, err = t.o.MakeAccounts(ctx, t.source, tenants)
		return err
	})
	for _, why := range refused {
		t.reject(ctx, rejectOf(nil, why))
	}
	return others, err
}

// tick gets committed what is due, and now and then, when the system was last heard. What is
// due is so by the time up to which the system was understood: while messages wait, what they
// say is not missing. What the store does not take at once waits for the next time.
func (t *teller) tick(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, tickWait)
	defer cancel()
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.leave()
	if t.tracker == nil {
		return nil
	}
	now = t.watch.known(now)
	if err := t.fold(func(tracker Tracker) ([]*switchhook.Event, []Belief) { return tracker.Tick(now) }); err != nil {
		return err
	}
	if reached, _ := t.watch.reached(); t.up {
		t.hear(reached)
	}
	return t.flush(ctx)
}

// fold adds what the Tracker makes to what is to be committed.
func (t *teller) fold(do func(Tracker) ([]*switchhook.Event, []Belief)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.tracker = nil // half of it may be folded; what is committed is whole
			err = t.panicked(p)
		}
	}()
	if t.tracker == nil {
		return errors.New("what is believed of the system has to be read again first")
	}
	events, changed := do(t.tracker)
	for _, ev := range events {
		ev.Source, ev.AccountID = t.source.ID, t.account(ev.AccountID)
		if ev.OccurredAt.IsZero() {
			ev.OccurredAt = time.Now().UTC()
		}
	}
	t.events = append(t.events, events...)
	for _, b := range changed {
		t.beliefs[b.ID] = b.Data
	}
	return nil
}

// A panicError is a panic in the code of a source.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// panicked counts a panic, and makes an error of it.
func (t *teller) panicked(value any) error {
	t.watch.count(func(s *Status) { s.Panics++ })
	t.log.Error("a source's own code failed", "panic", value, "stack", string(debug.Stack()))
	return &panicError{value}
}

// account is whose an event is. A phone system has no say over accounts that are neither
// in the source's map nor below its own.
func (t *teller) account(told string) string {
	if t.o.Owns(told, t.source.AccountID) {
		return told
	}
	for _, mapped := range t.source.AccountMap {
		if mapped == told && t.o.Owns(told, switchhook.RootAccount) { // it may be gone since
			return told
		}
	}
	return t.source.AccountID
}

// hear notes up to when all that the system said is committed.
func (t *teller) hear(at time.Time) {
	if !at.After(t.heard) {
		return
	}
	t.heard = at
	if time.Since(t.kept) >= heardEvery {
		t.keep()
	}
}

// unhear says that what was heard after a time may have been said before it. Zero: it was not.
func (t *teller) unhear(at time.Time) {
	if !at.IsZero() && at.Before(t.heard) {
		t.heard = at
	}
}

// keep has it kept when the system was last heard.
func (t *teller) keep() {
	t.kept = time.Now()
	t.beliefs[ownBelief], _ = json.Marshal(own{t.source.Kind, t.source.AccountID, t.heard}) // it is plain
}

// flush gets committed what is not yet. What is wrong becomes a reject, and the rest goes on.
func (t *teller) flush(ctx context.Context) error {
	for n := atOnce; len(t.events) > 0 || len(t.beliefs) > 0; {
		n = min(n, len(t.events))
		var wrong error
		err := t.insist(ctx, func() error {
			if wrong = t.commit(ctx, n); n > 0 && switchhook.ErrorCode(wrong) != switchhook.CodeUnavailable {
				return nil
			}
			return wrong
		})
		bad := eventsNamed(wrong)
		switch {
		case err != nil:
			return err
		case wrong == nil:
			n = atOnce
		case len(bad) == 0 && n > 1:
			n /= 2 // to find it
		case len(bad) == 0:
			bad = map[int]error{0: wrong}
		}
		if len(bad) > 0 {
			t.rejectEvents(ctx, bad)
			n = atOnce
		}
	}
	return nil
}

// commit gets the first n events committed; with the last of them goes what is believed.
func (t *teller) commit(ctx context.Context, n int) error {
	events := make([]*switchhook.Event, n) // the router completes its own
	for i, ev := range t.events[:n] {
		events[i] = new(*ev)
	}
	var beliefs []switchhook.Snapshot
	if n == len(t.events) {
		now := time.Now().UTC()
		for id, data := range t.beliefs {
			beliefs = append(beliefs, switchhook.Snapshot{Kind: switchhook.KindBelief, ID: beliefID(t.source.ID, id), Data: data, UpdatedAt: now})
		}
	}
	receipts, err := t.o.Router.Tell(ctx, events, beliefs)
	if err != nil {
		return err
	}
	if n == len(t.events) {
		t.events = nil
		clear(t.beliefs)
	} else {
		t.events = t.events[n:]
	}
	fresh := slices.DeleteFunc(receipts, func(r switchhook.Receipt) bool { return r.Duplicate })
	t.watch.count(func(s *Status) { s.Events += int64(len(fresh)) })
	return nil
}

// connected tells that the system has let us in, and what was missed of it before.
func (t *teller) connected(ctx context.Context, system string, kept bool) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.leave()
	now := time.Now().UTC()
	t.say("connected", now, ordjson.Member{Name: "system", Value: ordjson.String(system)})
	if !t.heard.IsZero() {
		t.say("gap", now,
			ordjson.Member{Name: "since", Value: timeOf(t.heard)}, ordjson.Member{Name: "until", Value: timeOf(now)},
			ordjson.Member{Name: "reason", Value: ordjson.String(t.lost)}, ordjson.Member{Name: "kept", Value: boolOf(kept)})
	}
	t.up, t.heard = true, now
	t.keep()
	return t.flush(ctx)
}

// disconnected has it told later that the connection is lost.
func (t *teller) disconnected(reason string) {
	t.up, t.lost = false, reason
	t.say("disconnected", time.Now().UTC(), ordjson.Member{Name: "reason", Value: ordjson.String(reason)})
	t.keep()
}

// say adds an event about the source itself.
func (t *teller) say(what string, at time.Time, more ...ordjson.Member) {
	data := append(ordjson.Object{{Name: "source_id", Value: ordjson.String(t.source.ID)}, {Name: "kind", Value: ordjson.String(t.source.Kind)}}, more...)
	t.events = append(t.events, &switchhook.Event{
		ID: fmt.Sprintf("%s:%s:%d", t.source.ID, what, at.UnixMicro()), Type: "source." + what,
		AccountID: t.source.AccountID, Source: t.source.ID, OccurredAt: at, Data: data.Append(nil),
	})
}

func timeOf(t time.Time) json.RawMessage {
	return ordjson.String(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

func boolOf(b bool) json.RawMessage {
	if b {
		return json.RawMessage("true")
	}
	return json.RawMessage("false")
}

// forget ends the calls of a source that is no more, for nobody will tell their end, and
// then what is believed of it.
func (t *teller) forget(ctx context.Context) {
	err := t.restore(ctx)
	if err == nil {
		err = t.tell(ctx, []Fact{Present{When: When(time.Now().UTC()), Waiting: []QueueJoined{}, ParkedLegs: []Parking{}}})
	}
	if _, is := errors.AsType[*panicError](err); err != nil && !is {
		return // at the next start
	}
	if err := t.take(ctx); err != nil {
		return
	}
	defer t.leave()
	beliefs, err := t.committed(ctx)
	if err != nil {
		return
	}
	for _, b := range beliefs {
		_, id, _ := strings.Cut(b.ID, "/")
		t.beliefs[id] = nil
	}
	if err := t.flush(ctx); err != nil {
		t.log.WarnContext(ctx, "what is left of a deleted source goes at the next start", "error", err)
	}
}
