// Package memory is a store that keeps everything in memory: for tests, also
// inside testing/synctest bubbles, and as the plainest statement of what a
// store does. Closing it forgets everything.
//
// A goroutine takes commits and calls Done, in the order of submission, and ends
// when there are no more. No lock is held meanwhile, so Done may submit more.
package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

// remembered is how long the ids that clients gave are known.
const remembered = 48 * time.Hour

// Store is a store. Its methods may be called concurrently.
type Store struct {
	mu   sync.Mutex
	idle *sync.Cond // signalled when draining ends

	queue    []waiting
	draining bool
	closed   bool
	refusal  *switchhook.Error
	failing  error // what the next commit fails with
	broken   chan struct{}

	events       []*switchhook.Event             // by sequence
	attempts     []*switchhook.Attempt           // by row
	rejects      []*switchhook.Reject            // by id
	attemptsOf   map[int64][]*switchhook.Attempt // by the event's sequence
	slices       []slice                         // of the history, the oldest first
	backlogs     map[string]*backlog             // by webhook
	gates        map[string]switchhook.Gate      // by webhook
	jobs         map[string]*switchhook.Job      // by id
	ids          map[eventID]time.Time           // given ids and when they expire
	snapshots    map[thing]switchhook.Snapshot
	records      map[thing]switchhook.Record
	integers     map[thing]int64
	dialectIDs   map[dialectThing]switchhook.DialectID
	lastSequence int64
	lastAttempt  int64
	lastReject   int64
	audit        []*switchhook.AuditEntry // by id
	lastAudit    int64
	watermark    int64

	accounts []*switchhook.Account
	deleted  map[string]bool // accounts' ids that are not given again
	keys     []*switchhook.APIKey
	users    []*switchhook.User
	sessions []*switchhook.Session
	webhooks []*switchhook.Webhook
	sources  []*switchhook.Source
	counts   []switchhook.StoredCounts // by step and time

	templates []*switchhook.Template
	versions  map[thing][]*switchhook.Template // of templates, the newest first
}

// A waiting commit, or Resume, which waits its turn as a commit does.
type waiting struct {
	commit *switchhook.Commit
	resume chan<- error
}

type eventID struct{ account, id string }

// A thing is named by its account, a kind or schema, and an id.
type thing struct{ account, kind, id string }

// New returns an empty store.
func New() *Store {
	s := &Store{
		broken:     make(chan struct{}),
		attemptsOf: make(map[int64][]*switchhook.Attempt),
		backlogs:   make(map[string]*backlog),
		gates:      make(map[string]switchhook.Gate),
		jobs:       make(map[string]*switchhook.Job),
		ids:        make(map[eventID]time.Time),
		snapshots:  make(map[thing]switchhook.Snapshot),
		records:    make(map[thing]switchhook.Record),
		integers:   make(map[thing]int64),
		dialectIDs: make(map[dialectThing]switchhook.DialectID),
		deleted:    make(map[string]bool),
		versions:   make(map[thing][]*switchhook.Template),
	}
	s.idle = sync.NewCond(&s.mu)
	return s
}

// Fail makes the next commit fail with cause, after which the store refuses
// everything until Resume, as a store on a full disk does.
func (s *Store) Fail(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = cause
}

// Break makes the store refuse everything for ever, as one does whose fsync
// failed.
func (s *Store) Break(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = unavailable(cause)
	if !s.isBroken() {
		close(s.broken)
	}
}

func (s *Store) isBroken() bool {
	select {
	case <-s.broken:
		return true
	default:
		return false
	}
}

func unavailable(cause error) *switchhook.Error {
	return switchhook.Errorf(switchhook.CodeUnavailable, "the store cannot be written or read at the moment").With(cause)
}

func errClosed() *switchhook.Error {
	return switchhook.Errorf(switchhook.CodeUnavailable, "the store is closed")
}

// Submit queues a commit and returns at once. Done is never called within it:
// callers may hold a lock that Done takes.
func (s *Store) Submit(c *switchhook.Commit) {
	if !s.put(waiting{commit: c}) && c.Done != nil {
		go c.Done(errClosed())
	}
}

// put reports whether the store was still open.
func (s *Store) put(w waiting) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.queue = append(s.queue, w)
	if !s.draining {
		s.draining = true
		go s.drain()
	}
	return true
}

// drain takes what was submitted, until nothing is left.
func (s *Store) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 {
		w := s.queue[0]
		s.queue = s.queue[1:]
		if w.resume != nil {
			w.resume <- s.resume()
			continue
		}
		err := s.take(w.commit)
		if w.commit.Done != nil {
			s.mu.Unlock()
			w.commit.Done(err)
			s.mu.Lock()
		}
	}
	s.draining = false
	s.idle.Broadcast()
}

// take applies a commit, whole or not at all.
func (s *Store) take(c *switchhook.Commit) error {
	if s.refusal != nil {
		return s.refusal
	}
	err := s.failing
	s.failing = nil
	if err == nil {
		err = s.check(c)
	}
	if err != nil {
		s.refusal = unavailable(err)
		return s.refusal
	}
	s.apply(c)
	return nil
}

// check looks for what a database would refuse.
func (s *Store) check(c *switchhook.Commit) error {
	last := s.lastSequence
	ids := make(map[eventID]bool)
	for _, e := range c.Events {
		if e.Sequence <= last {
			return fmt.Errorf("insert event %s: its sequence %d is not above %d", e.ID, e.Sequence, last)
		}
		last = e.Sequence
		if id := (eventID{e.AccountID, e.ID}); e.IDGiven {
			if ids[id] || s.ids[id].After(time.Now()) {
				return fmt.Errorf("event id %s was given before in account %s", e.ID, e.AccountID)
			}
			ids[id] = true
		}
	}
	return nil
}

// Resume takes commits again. What was submitted before it is still refused.
func (s *Store) Resume(ctx context.Context) error {
	done := make(chan error, 1)
	if !s.put(waiting{resume: done}) {
		return errClosed()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Store) resume() error {
	if s.isBroken() {
		return s.refusal
	}
	s.refusal = nil
	return nil
}

// Held is always true: nobody else can have it.
func (s *Store) Held() bool { return true }

// Broken is closed when the store can never again promise anything.
func (s *Store) Broken() <-chan struct{} { return s.broken }

// Ping reports whether the store takes commits.
func (s *Store) Ping(context.Context) error { return s.write(func() error { return nil }) }

// Close waits for what was submitted.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.draining {
		s.idle.Wait()
	}
	return nil
}

// write runs fn under the lock, unless the store refuses writes.
func (s *Store) write(fn func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed()
	}
	if s.refusal != nil {
		return s.refusal
	}
	return fn()
}
