package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
)

// A Router is where what a source tells gets committed.
type Router interface {
	// Tell takes all events over, or none, and the beliefs with them. What is wrong with
	// an event is a *switchhook.Error; CodeUnavailable says that it may be tried again.
	Tell(ctx context.Context, events []*switchhook.Event, beliefs []switchhook.Snapshot) ([]switchhook.Receipt, error)
	// Beliefs calls fn with all that sources believe.
	Beliefs(ctx context.Context, fn func(switchhook.Snapshot)) error
	// Reject keeps a message that could not be read.
	Reject(ctx context.Context, reject *switchhook.Reject) error
}

// SupervisorOptions says what a Supervisor stands on. All but Dir and Metrics are required.
type SupervisorOptions struct {
	Connectors []Connector
	Router     Router
	// NewTracker makes an empty Tracker for a source.
	NewTracker func(*switchhook.Source) Tracker
	// Owns reports whether an account is the other, or lies below it.
	Owns func(account, other string) bool
	// MakeAccounts makes the accounts of ours that a source's system has (Tenant), and says why it
	// did not make one, which makes a reject; an error says that it is tried again. When it
	// returns they are in force. Nil: none is made.
	MakeAccounts func(ctx context.Context, s *switchhook.Source, tenants []Tenant) (refused []error, err error)
	// Dir is where queues keep what memory has no room for. Empty: the usual one.
	Dir string
	// Metrics registers the sources' metrics. Nil: none.
	Metrics prometheus.Registerer
	Logger  *slog.Logger
}

// A Supervisor runs the sources that there are, each by itself: what fails in one, be it a
// panic, never stops another. It is safe for concurrent use.
type Supervisor struct {
	o     SupervisorOptions
	kinds map[string]Connector
	// start runs fn until cancel or stop is called.
	start func(fn func(context.Context)) (cancel context.CancelCauseFunc)
	stop  context.CancelCauseFunc
	wg    sync.WaitGroup

	mu      sync.Mutex
	running map[string]*running        // by source
	last    map[string]<-chan struct{} // closed when the last that ran of a source has ended
	known   map[string]bool            // all sources, of whatever kind; nil before the first Set
	stopped bool
}

type running struct {
	source *switchhook.Source
	watch  *watch
	cancel context.CancelCauseFunc
}

// Why a source ends that could go on. A Connector asks for ErrDeleted (context.Cause), to take away what it has made.
var (
	errStopping = errors.New("Switchhook stops") //nolint:staticcheck // a name
	errChanged  = errors.New("the source was changed")
	ErrDeleted  = errors.New("the source was deleted")
)

// NewSupervisor returns a Supervisor that runs nothing yet.
func NewSupervisor(o SupervisorOptions) *Supervisor {
	s := &Supervisor{o: o, kinds: map[string]Connector{}, running: map[string]*running{}, last: map[string]<-chan struct{}{}}
	for _, c := range o.Connectors {
		s.kinds[c.Kind()] = c
	}
	base, stop := context.WithCancelCause(context.Background())
	s.stop = stop
	s.start = func(fn func(context.Context)) context.CancelCauseFunc {
		ctx, cancel := context.WithCancelCause(base)
		s.wg.Go(func() {
			defer cancel(nil)
			fn(ctx)
		})
		return cancel
	}
	if o.Metrics != nil {
		o.Metrics.MustRegister(newCollector(s))
	}
	return s
}

// Set says which sources there are. Those of its kinds run from then on: what is new is
// started, what is gone is stopped and forgotten, what has changed starts anew; all others
// go on undisturbed. It waits for none of that.
func (s *Supervisor) Set(sources []*switchhook.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	first := s.known == nil
	s.known = map[string]bool{}
	wanted := map[string]bool{}
	for _, src := range sources {
		s.known[src.ID] = true
		c := s.kinds[src.Kind]
		if c == nil {
			continue
		}
		wanted[src.ID] = true
		old := s.running[src.ID]
		if old != nil && same(old.source, src) {
			continue
		}
		now := &running{source: src, watch: newWatch()}
		if old != nil {
			now.watch = old.watch // what it counts goes on
			old.cancel(errChanged)
		}
		r := newRunner(&s.o, src, c, now.watch)
		now.cancel = s.inTurn(src.ID, r.run)
		s.running[src.ID] = now
	}
	for id, r := range s.running {
		if !wanted[id] {
			delete(s.running, id)
			r.cancel(ErrDeleted)
		}
	}
	if first {
		s.start(s.sweep)
	}
}

// same reports whether a source can go on as it is.
func same(a, b *switchhook.Source) bool {
	return a == b || a.Kind == b.Kind && a.AccountID == b.AccountID && reflect.DeepEqual(a.AccountMap, b.AccountMap) && reflect.DeepEqual(a.Options, b.Options)
}

// inTurn starts fn for a source once what ran of it before has ended. The lock is held.
func (s *Supervisor) inTurn(id string, fn func(context.Context)) context.CancelCauseFunc {
	before, ended := s.last[id], make(chan struct{})
	s.last[id] = ended
	return s.start(func(ctx context.Context) {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			close(ended)
			if s.last[id] == ended {
				delete(s.last, id)
			}
		}()
		if before != nil {
			<-before
		}
		fn(ctx)
	})
}

// sweep ends what is believed of sources that are gone: the process may have ended while
// one was deleted.
func (s *Supervisor) sweep(ctx context.Context) {
	gone := map[string]*switchhook.Source{}
	err := newTeller(&s.o, &switchhook.Source{}, newWatch()).insist(ctx, func() error {
		return s.o.Router.Beliefs(ctx, func(b switchhook.Snapshot) {
			id, _, _ := strings.Cut(b.ID, "/")
			if gone[id] == nil {
				gone[id] = &switchhook.Source{ID: id, AccountID: switchhook.RootAccount}
			}
			if own, ok := readOwn(b); ok {
				gone[id].Kind, gone[id].AccountID = own.Kind, own.AccountID
			}
		})
	})
	if err != nil {
		return // it stops
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, src := range gone {
		if !s.known[id] && !s.stopped {
			s.inTurn(id, func(ctx context.Context) { newTeller(&s.o, src, newWatch()).forget(ctx) })
		}
	}
}

// Status says how a source stands, if it is one that runs here.
func (s *Supervisor) Status(id string) (Status, bool) {
	s.mu.Lock()
	r := s.running[id]
	s.mu.Unlock()
	if r == nil {
		return Status{}, false
	}
	return r.watch.status(), true
}

// Stop ends all sources, and waits until they have told what they know or ctx ends.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.stop(errStopping)
	ended := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("some sources have not stopped: %w", context.Cause(ctx))
	}
}
