package kazoobus

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/route"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/track"
)

// A program is what the source stands on: the real router and Tracker on the memory store.
// stop and start are an end of it and the next beginning.
type program struct {
	t     *testing.T
	store *memory.Store
	dir   *directory.Directory
	live  *source.Supervisor
	// fails makes a Tell fail as if our own code had a mistake. Nil: none does.
	fails func([]source.Fact) bool
	// pace is how Kazoo is asked for its channels. Nil: as usual.
	pace *pace

	mu     sync.Mutex
	events []*switchhook.Event
	news   chan struct{} // capacity 1
}

func newProgram(t *testing.T) *program {
	t.Helper()
	p := &program{t: t, store: memory.New(), dir: &directory.Directory{}, news: make(chan struct{}, 1)}
	p.dir.SetAccounts([]*switchhook.Account{{ID: "root"}, {ID: "acme", ParentID: "root"}, {ID: "4f6b", ParentID: "root"}})
	return p
}

type stumbling struct {
	source.Tracker
	fails func([]source.Fact) bool
}

func (s stumbling) Fold(facts []source.Fact) ([]*switchhook.Event, []source.Belief) {
	if s.fails(facts) {
		panic("a mistake")
	}
	return s.Tracker.Fold(facts)
}

func (p *program) start(sources ...*switchhook.Source) {
	p.t.Helper()
	router, err := route.New(p.t.Context(), route.Options{
		Store: p.store, Directory: p.dir, NewFolder: func() route.Folder { return calls.New() }, Logger: slog.New(slog.DiscardHandler),
		Accepted: func(events []*switchhook.Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.events = append(p.events, events...)
			select {
			case p.news <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	connector := New()
	if p.pace != nil {
		connector.pace = *p.pace
	}
	p.live = source.NewSupervisor(source.SupervisorOptions{
		Connectors: []source.Connector{connector}, Router: router, Dir: p.t.TempDir(), Logger: slog.New(slog.DiscardHandler), Owns: p.dir.Owns,
		NewTracker: func(s *switchhook.Source) source.Tracker {
			var tracker source.Tracker = track.New(track.Options{Source: s.ID, Account: s.AccountID, Accounts: s.AccountMap})
			if p.fails != nil {
				tracker = stumbling{tracker, p.fails}
			}
			return tracker
		},
	})
	p.live.Set(sources)
	p.t.Cleanup(p.stop)
}

func (p *program) stop() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), time.Minute)
	defer cancel()
	if err := p.live.Stop(ctx); err != nil {
		p.t.Error(err)
	}
}

// all are the events so far.
func (p *program) all() []*switchhook.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// until waits until what was told is enough.
func (p *program) until(what string, enough func([]*switchhook.Event) bool) []*switchhook.Event {
	p.t.Helper()
	end := time.After(3 * time.Minute)
	for {
		if all := p.all(); enough(all) {
			return all
		}
		select {
		case <-p.news:
		case <-end:
			s, _ := p.live.Status("kazoo")
			p.t.Fatalf("%s did not come; %d events; the source: %+v", what, len(p.all()), s)
		}
	}
}

// count is how many events there are of some types.
func count(events []*switchhook.Event, types ...string) (n int) {
	for _, ev := range events {
		if slices.Contains(types, ev.Type) {
			n++
		}
	}
	return n
}

// status waits until the source stands in some way.
func (p *program) status(what string, right func(source.Status) bool) source.Status {
	p.t.Helper()
	tick, end := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		s, _ := p.live.Status("kazoo")
		if right(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-end:
			p.t.Fatalf("expected %s: %+v", what, s)
		}
	}
}

func (p *program) connected() source.Status {
	p.t.Helper()
	return p.status("a connection", func(s source.Status) bool { return s.State == source.StateConnected })
}

// rejected are the reasons of rejects.
func (p *program) rejected() string {
	p.t.Helper()
	rejects, _, err := p.store.Rejects(p.t.Context(), "kazoo", switchhook.Page{Limit: 100})
	if err != nil {
		p.t.Fatal(err)
	}
	var all []string
	for _, r := range rejects {
		all = append(all, r.Reason)
	}
	return strings.Join(all, "\n")
}
