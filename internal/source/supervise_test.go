package source_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/route"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
	"github.com/switchhook/switchhook/internal/store/memory"
	"github.com/switchhook/switchhook/internal/track"
)

// program is what sources stand on: the real router and Tracker, on the memory store.
type program struct {
	t     *testing.T
	store *memory.Store
	dir   *directory.Directory
	// tracker is what makes the Trackers. Nil: the real one.
	tracker func(*switchhook.Source) source.Tracker
	// router stands before the real one. Nil: nothing does.
	router func(source.Router) source.Router
	// makeAccounts is asked for those of Tenants. Nil: there is nobody.
	makeAccounts func(context.Context, *switchhook.Source, []source.Tenant) ([]error, error)

	mu     sync.Mutex
	events []*switchhook.Event
	news   chan struct{} // capacity 1
}

func newProgram(t *testing.T) *program {
	t.Helper()
	p := &program{t: t, store: memory.New(), dir: &directory.Directory{}, news: make(chan struct{}, 1)}
	p.dir.SetAccounts([]*switchhook.Account{{ID: "root"}, {ID: "acme", ParentID: "root"}, {ID: "east", ParentID: "acme"}, {ID: "other", ParentID: "root"}})
	return p
}

// start starts a Supervisor, as a start of the program does.
func (p *program) start(connectors ...source.Connector) *source.Supervisor {
	p.t.Helper()
	router, err := route.New(p.t.Context(), route.Options{
		Store: p.store, Directory: p.dir, NewFolder: func() route.Folder { return calls.New() }, Logger: slog.New(slog.DiscardHandler),
		Accepted: func(events []*switchhook.Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, ev := range events {
				if ev.Type != "call.missed" { // the Tracker's, of which these tests are not
					p.events = append(p.events, ev)
				}
			}
			select {
			case p.news <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	before := source.Router(router)
	if p.router != nil {
		before = p.router(router)
	}
	s := source.NewSupervisor(source.SupervisorOptions{
		Connectors: connectors, Router: before, Dir: p.t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		NewTracker: func(src *switchhook.Source) source.Tracker {
			if p.tracker != nil {
				return p.tracker(src)
			}
			return track.New(track.Options{Source: src.ID, Account: src.AccountID, Accounts: src.AccountMap})
		},
		Owns: p.dir.Owns, MakeAccounts: p.makeAccounts,
	})
	p.t.Cleanup(func() { p.stop(s) })
	return s
}

func (p *program) stop(s *source.Supervisor) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		p.t.Error(err)
	}
}

// told waits for n more events than were asked for before, and returns them, each as its
// type and what it is about.
func (p *program) told(n int) (list []string) {
	p.t.Helper()
	for _, ev := range p.heard(n) {
		list = append(list, describe(ev))
	}
	return list
}

// heard waits for n more events than were asked for before, and returns them.
func (p *program) heard(n int) []*switchhook.Event {
	p.t.Helper()
	patience := time.After(20 * time.Second)
	for {
		p.mu.Lock()
		if len(p.events) >= n {
			events := p.events[:n:n]
			p.events = p.events[n:]
			p.mu.Unlock()
			return events
		}
		have := len(p.events)
		p.mu.Unlock()
		select {
		case <-p.news:
		case <-patience:
			p.t.Fatalf("%d of %d events came", have, n)
		}
	}
}

func describe(ev *switchhook.Event) string {
	text := ev.Type
	if family, _, _ := strings.Cut(ev.Type, "."); family == "call" {
		text += " " + ev.CallID
		if strings.Contains(string(ev.Data), `"reconciled":true`) {
			text += " reconciled"
		}
	}
	if ev.AccountID != "acme" {
		text += " of " + ev.AccountID
	}
	return text
}

func (p *program) tells(want ...string) {
	p.t.Helper()
	if d := cmp.Diff(want, p.told(len(want))); d != "" {
		p.t.Error(d)
	}
}

func newSwitch(t *testing.T) *sourcetest.Switch {
	t.Helper()
	s, err := sourcetest.NewSwitch(t.Context(), "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func lines(id string, s *sourcetest.Switch) *switchhook.Source {
	return &switchhook.Source{ID: id, Kind: "lines", AccountID: "acme", Options: map[string]any{"address": s.Address, "secret": "s3cret"}}
}

func status(t *testing.T, s *source.Supervisor, id string, want func(source.Status) bool) source.Status {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	patience := time.After(20 * time.Second)
	for {
		got, ok := s.Status(id)
		if ok && want(got) {
			return got
		}
		select {
		case <-look.C:
		case <-patience:
			t.Fatalf("%s is %+v", id, got)
		}
	}
}

// A connection breaks, and the program ends and starts again: each call has one beginning
// and one end, and what was missed is said.
func TestASourceGoesOn(t *testing.T) {
	t.Parallel()
	p, pbx := newProgram(t), newSwitch(t)
	pbx.Say("start a")
	s := p.start(sourcetest.Lines{})
	s.Set([]*switchhook.Source{lines("pbx", pbx)})
	p.tells("source.connected", "call.created a")
	pbx.Say("start b")
	p.tells("call.created b")
	pbx.Say("what is this")
	got := status(t, s, "pbx", func(s source.Status) bool { return s.Rejects == 1 })
	if got.State != source.StateConnected || got.System != "Lines 1.0" || got.Messages != 4 || got.Events != 3 || got.Reconnects != 0 || got.Since.IsZero() || got.LastMessageAt.IsZero() {
		t.Errorf("%+v", got)
	}
	rejects, _, err := p.store.Rejects(t.Context(), "pbx", switchhook.Page{Limit: 10})
	if err != nil || len(rejects) != 1 || rejects[0].Body != "what is this" || rejects[0].Reason != `there is no verb "what"` {
		t.Errorf("%+v %v", rejects, err)
	}

	pbx.Cut()
	pbx.Say("end a")
	pbx.Say("start c")
	p.tells("source.disconnected", "source.connected", "source.gap", "call.hungup a reconciled", "call.created c")
	if got := status(t, s, "pbx", func(s source.Status) bool { return s.State == source.StateConnected }); got.Reconnects != 1 || got.Reason != "" {
		t.Errorf("%+v", got)
	}

	p.stop(s)
	if got, ok := s.Status("pbx"); !ok || got.State != source.StateStopped {
		t.Errorf("%+v", got)
	}
	p.tells("source.disconnected")
	pbx.Say("end b")
	s = p.start(sourcetest.Lines{})
	s.Set([]*switchhook.Source{lines("pbx", pbx)})
	p.tells("source.connected", "source.gap", "call.hungup b reconciled")
	pbx.Say("end c")
	p.tells("call.hungup c")

	// Deleted, its last call ends, and nothing is left of it.
	pbx.Say("start d")
	p.tells("call.created d")
	s.Set(nil)
	p.tells("source.disconnected", "call.hungup d reconciled")
	p.stop(s)
	err = p.store.Snapshots(t.Context(), func(s switchhook.Snapshot) error {
		if s.Kind == switchhook.KindBelief {
			t.Errorf("left is %s", s.ID)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Why a connection ended is what the connector said, not that it was ended.
func TestWhyAConnectionEnded(t *testing.T) {
	t.Parallel()
	p, pbx := newProgram(t), newSwitch(t)
	s := p.start(sourcetest.Lines{})
	s.Set([]*switchhook.Source{lines("pbx", pbx)})
	p.tells("source.connected")
	pbx.Cut()
	for _, ev := range p.heard(3) {
		if ev.Type != "source.connected" && !strings.Contains(string(ev.Data), `"reason":"it closed the connection"`) {
			t.Errorf("%s: %s", ev.Type, ev.Data)
		}
	}
}

// The program has ended while a source was being deleted: at the next start its calls end.
func TestWhatIsLeftOfADeletedSource(t *testing.T) {
	t.Parallel()
	p, pbx := newProgram(t), newSwitch(t)
	s := p.start(sourcetest.Lines{})
	s.Set([]*switchhook.Source{lines("pbx", pbx)})
	p.tells("source.connected")
	pbx.Say("start a")
	p.tells("call.created a")
	p.stop(s)
	p.tells("source.disconnected")
	s = p.start() // a version that has no sources of the kind
	s.Set([]*switchhook.Source{lines("pbx", pbx)})
	p.stop(s)
	s = p.start(sourcetest.Lines{})
	s.Set(nil)
	p.tells("call.hungup a reconciled")
	look, patience := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer look.Stop()
	for slices.ContainsFunc(p.beliefs(), func(b switchhook.Snapshot) bool { return b.Kind == switchhook.KindBelief }) {
		select {
		case <-look.C:
		case <-patience:
			t.Fatalf("left is %+v", p.beliefs())
		}
	}
}

// What fails in one source, and changes of it, do not disturb another.
func TestSourcesAreApart(t *testing.T) {
	t.Parallel()
	p, one, two := newProgram(t), newSwitch(t), newSwitch(t)
	s := p.start(sourcetest.Lines{})
	wrong := lines("wrong", two)
	wrong.Options["secret"] = "guessed"
	s.Set([]*switchhook.Source{lines("one", one), lines("two", two), wrong, {ID: "hook", Kind: "kazoo"}})
	p.tells("source.connected", "source.connected")
	status(t, s, "wrong", func(s source.Status) bool {
		return s.State == source.StateFailing && s.Reason == "it does not accept the secret"
	})
	if _, ok := s.Status("hook"); ok {
		t.Error("a source of another kind runs")
	}
	one.Say("panic")
	status(t, s, "one", func(s source.Status) bool { return s.Panics == 1 && s.Reason == "panic: the switch said so" })
	two.Say("start a")
	p.tells("source.disconnected", "call.created a")
	p.tells("source.connected", "source.gap") // one is back
	before, _ := s.Status("two")
	changed := lines("one", one)
	changed.AccountID = "east"
	s.Set([]*switchhook.Source{changed, lines("two", two)})
	p.tells("source.disconnected", "source.connected of east", "source.gap of east")
	if after, _ := s.Status("two"); before.Since != after.Since || after.Reconnects != 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// While the store takes nothing, what a source says waits, and is then told once.
func TestTheStoreFails(t *testing.T) {
	t.Parallel()
	p, pbx := newProgram(t), newSwitch(t)
	s := p.start(sourcetest.Lines{})
	s.Set([]*switchhook.Source{lines("pbx", pbx)})
	p.tells("source.connected")
	p.store.Fail(errors.New("no space left on device"))
	pbx.Say("start a")
	p.tells("call.created a")
	pbx.Say("end a")
	p.tells("call.hungup a")
}

// script is a Connector that does what a test says.
type script func(ctx context.Context, s *switchhook.Source, h source.Host) error

func (script) Kind() string               { return "script" }
func (script) Secrets() []string          { return nil }
func (script) Check(map[string]any) error { return nil }
func (run script) Run(ctx context.Context, s *switchhook.Source, h source.Host) error {
	return run(ctx, s, h)
}

// An account that a system has is there before what is said of it is told, however long that
// takes; why one was not made is kept.
func TestTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		tries := 0
		p.makeAccounts = func(_ context.Context, s *switchhook.Source, tenants []source.Tenant) ([]error, error) {
			if tries++; tries < 3 {
				return nil, errors.New("no space left on device")
			}
			if len(tenants) != 2 || s.ID != "pbx" || len(p.events) != 1 {
				t.Errorf("%s has %+v after %d events", s.ID, tenants, len(p.events))
			}
			p.dir.SetAccounts([]*switchhook.Account{{ID: "root"}, {ID: "acme", ParentID: "root"}, {ID: "new", ParentID: "acme"}})
			return []error{errors.New("there are too many")}, nil
		}
		s := p.start(script(func(ctx context.Context, _ *switchhook.Source, h source.Host) error {
			if err := h.Connected(ctx, "", true); err != nil {
				return err
			}
			now := source.When(h.Now())
			err := h.Tell(ctx, []source.Fact{
				source.Tenant{ID: "new"},
				source.LegStarted{When: now, Leg: "a", Call: "a", Account: "new"},
				source.Tenant{ID: "next"},
				source.LegStarted{When: now, Leg: "b", Call: "b", Account: "next"},
			})
			if err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}))
		s.Set([]*switchhook.Source{{ID: "pbx", Kind: "script", AccountID: "acme"}})
		p.tells("source.connected", "call.created a of new", "call.created b")
		if got, _ := s.Status("pbx"); got.Rejects != 1 || tries != 3 {
			t.Errorf("%+v after %d tries", got, tries)
		}
		p.stop(s)
	})
}

// Between two tries pass one second, two, four and so on up to 30; after a connection that
// stood, it begins anew.
func TestBackOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Time
		p := newProgram(t)
		s := p.start(script(func(ctx context.Context, _ *switchhook.Source, h source.Host) error {
			tries = append(tries, time.Now())
			if len(tries) == 8 {
				if err := h.Connected(ctx, "", true); err != nil {
					return err
				}
				time.Sleep(time.Minute)
			}
			return fmt.Errorf("try %d failed", len(tries))
		}))
		s.Set([]*switchhook.Source{{ID: "pbx", Kind: "script", AccountID: "acme"}})
		time.Sleep(4 * time.Minute)
		p.stop(s)
		for i, want := range []float64{1, 2, 4, 8, 16, 30, 30, 61, 2} {
			got := tries[i+1].Sub(tries[i]).Seconds()
			if i == 7 { // it stood for a minute
				got, want = got-60, 1
			}
			if got < want*0.8 || got > want*1.2 {
				t.Errorf("%v s pass after try %d, want %v", got, i, want)
			}
		}
		if got, _ := s.Status("pbx"); got.Since.IsZero() || got.Reconnects != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// ticks is a Tracker that notes what time it is told to be.
type ticks struct {
	source.Tracker
	seen []time.Time
}

func (k *ticks) Tick(now time.Time) ([]*switchhook.Event, []source.Belief) {
	k.seen = append(k.seen, now)
	return k.Tracker.Tick(now)
}

// While a message waits, nothing is due that it may decide.
func TestTicksDoNotOvertake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, begin := newProgram(t), time.Now()
		k := &ticks{}
		p.tracker = func(src *switchhook.Source) source.Tracker {
			k.Tracker = track.New(track.Options{Source: src.ID, Account: src.AccountID})
			return k
		}
		s := p.start(script(func(ctx context.Context, _ *switchhook.Source, h source.Host) error {
			q := h.NewQueue()
			for _, after := range []time.Duration{0, 4500 * time.Millisecond, 0} {
				time.Sleep(after)
				if err := q.Push([]byte("x"), h.Now()); err != nil {
					return err
				}
			}
			for range 3 { // the last one finds nothing, and so the two before are told
				time.Sleep(4 * time.Second)
				if _, err := q.Pop(ctx, 2); err != nil {
					return err
				}
			}
			return errors.New("it is not to come here")
		}))
		s.Set([]*switchhook.Source{{ID: "pbx", Kind: "script", AccountID: "acme"}})
		time.Sleep(20*time.Second + time.Millisecond)
		p.stop(s)
		var got []float64
		for _, at := range k.seen {
			got = append(got, at.Sub(begin).Seconds())
		}
		// The first two are taken at 8.5 s, and done with at 12.5 s; the third is at 16.5 s.
		want := []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4.5, 4.5, 4.5, 4.5, 17, 18, 19, 20}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// After a crash, a gap begins when the system was last heard, or some seconds before; and
// what has waited all the time was not heard.
func TestGapAfterACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		begin := time.Now()
		s := p.start(script(func(ctx context.Context, _ *switchhook.Source, h source.Host) error {
			q := h.NewQueue()
			if err := h.Connected(ctx, "", false); err != nil {
				return err
			}
			for n := range 100 { // 17 minutes of nothing but that it is there
				select {
				case <-time.After(10 * time.Second):
				case <-ctx.Done():
					return ctx.Err()
				}
				if err := q.Push([]byte("pong"), h.Now()); err != nil {
					return err
				}
				if n < 60 {
					if _, err := q.Pop(ctx, 10); err != nil {
						return err
					}
				}
			}
			<-ctx.Done()
			return ctx.Err()
		}))
		s.Set([]*switchhook.Source{{ID: "pbx", Kind: "script", AccountID: "acme"}})
		time.Sleep(900*time.Second + time.Millisecond)
		crashed := p.beliefs()
		if got, _ := s.Status("pbx"); got.Waiting != 31 || got.Behind < 300*time.Second {
			t.Errorf("%+v", got)
		}
		p.stop(s)
		p.restore(crashed)
		p.events = nil
		s = p.start(script(func(ctx context.Context, _ *switchhook.Source, h source.Host) error {
			if err := h.Connected(ctx, "", true); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}))
		s.Set([]*switchhook.Source{{ID: "pbx", Kind: "script", AccountID: "acme"}})
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		want := fmt.Sprintf(`{"source_id":"pbx","kind":"script","since":"%s","until":"%s","reason":"Switchhook did not run","kept":true}`,
			begin.Add(600*time.Second).UTC().Format("2006-01-02T15:04:05.000Z"), begin.Add(900*time.Second+time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z"))
		if len(p.events) != 2 || string(p.events[1].Data) != want {
			t.Errorf("%d events, the last is %s, want %s", len(p.events), p.events[len(p.events)-1].Data, want)
		}
	})
}

// beliefs are those that are committed, and restore puts them back, as a crash does.
func (p *program) beliefs() (list []switchhook.Snapshot) {
	err := p.store.Snapshots(p.t.Context(), func(s switchhook.Snapshot) error {
		list = append(list, s)
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

func (p *program) restore(list []switchhook.Snapshot) {
	done := make(chan error, 1)
	p.store.Submit(&switchhook.Commit{Snapshots: list, Done: func(err error) { done <- err }})
	if err := <-done; err != nil {
		p.t.Fatal(err)
	}
}
