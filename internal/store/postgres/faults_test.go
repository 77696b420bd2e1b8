package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// A wire is between a store and its server, and cuts connections.
type wire struct {
	ln     net.Listener
	server string
	most   atomic.Int64           // one of two connections is cut after up to so many bytes; 0: none
	away   atomic.Bool            // nobody comes through
	at     atomic.Pointer[[]byte] // where the store says this, the connection is cut, once; nil: nowhere
	conns  sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]bool
}

// newWire is one to a database's server, with the URL that leads through it.
func newWire(t *testing.T, database string) (_ *wire, through string) {
	t.Helper()
	u, err := url.Parse(database)
	must(t, err)
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{ln: ln, server: u.Host, open: map[net.Conn]bool{}}
	u.Host = ln.Addr().String()
	w.conns.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			w.conns.Go(func() { w.pass(c) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		w.cut()
		w.conns.Wait()
	})
	return w, u.String()
}

// cut cuts all connections.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close()
	}
}

func (w *wire) pass(client net.Conn) {
	defer client.Close()
	if w.away.Load() {
		return
	}
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", w.server)
	if err != nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	w.open[client] = true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.open, client)
		w.mu.Unlock()
	}()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		from := io.Reader(way[0])
		if from == client {
			from = &ear{client, w}
		}
		if most := w.most.Load(); most > 0 && rand.IntN(2) == 0 {
			from = io.LimitReader(from, 1+rand.Int64N(most))
		}
		go func() {
			_, _ = io.Copy(way[1], from)
			ended <- struct{}{}
		}()
	}
	<-ended // and so do both
}

// An ear reads what the store says. What it is to be cut at gets through.
type ear struct {
	io.Reader
	w *wire
}

func (e *ear) Read(b []byte) (int, error) {
	n, err := e.Reader.Read(b)
	if at := e.w.at.Load(); at != nil && bytes.Contains(b[:n], *at) && e.w.at.CompareAndSwap(at, nil) {
		return n, errors.Join(err, io.EOF)
	}
	return n, err
}

// A trial commits while faults happen, and remembers what it was told.
type trial struct {
	t      *testing.T
	s      *ledger.DB
	kept   []string
	failed int
	last   int64
}

// round commits many events, one a commit, and takes up again where one has failed.
func (r *trial) round() {
	const commits = 12
	results := make([]error, commits)
	told := make([]atomic.Int32, commits)
	var wg sync.WaitGroup
	ids := make([]string, commits)
	first := r.last
	for i := range commits {
		r.last++
		e := event(r.last)
		e.ID = fmt.Sprintf("evt_%d_%d", r.last, rand.Int64()) // a sequence may come again, an id not
		e.IDGiven = rand.IntN(3) == 0                         // then the transaction has a COMMIT of its own
		ids[i] = e.ID
		wg.Add(1)
		r.s.Submit(&switchhook.Commit{Events: []*switchhook.Event{e}, Watermark: r.last, Done: func(err error) {
			if told[i].Add(1) == 1 {
				results[i] = err
				wg.Done()
			}
		}})
		if rand.IntN(3) == 0 { // so that batches have all sizes
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		}
	}
	wg.Wait()
	ok := slices.IndexFunc(results, func(err error) bool { return err != nil })
	if ok < 0 {
		ok = commits
	}
	r.kept = append(r.kept, ids[:ok]...)
	r.failed += commits - ok
	for i, err := range results {
		if told[i].Load() != 1 {
			r.t.Errorf("the end of a commit was told %d times", told[i].Load())
		}
		if i > ok && err == nil {
			r.t.Errorf("a commit was taken after one that had failed, and before Resume")
		}
		if err != nil && switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
			r.t.Errorf("a commit has failed with %v", err)
		}
	}
	if ok == commits {
		return
	}
	pgtest.Eventually(r.t, "the store takes commits again", 20*time.Second, func() bool { return r.s.Resume(r.t.Context()) == nil })
	r.last = first + int64(ok)
}

// check compares what the database has with what was told.
func (r *trial) check(database, dir string, least int) {
	t := r.t
	t.Helper()
	select {
	case <-r.s.Broken():
		t.Error("the store is broken")
	default:
	}
	must(t, r.s.Close())
	s := open(t, database, dir)
	var got []string
	page := switchhook.Page{Limit: 1000}
	for {
		events, next, err := s.Events(t.Context(), switchhook.EventFilter{}, page)
		must(t, err)
		for _, e := range events {
			got = append(got, e.ID)
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	slices.Reverse(got)
	t.Logf("%d were kept, %d refused", len(r.kept), r.failed)
	if r.failed < least || len(r.kept) < 100 {
		t.Errorf("%d were kept and %d refused: the faults were too few or too many", len(r.kept), r.failed)
	}
	if !slices.Equal(got, r.kept) {
		t.Errorf("the database has %d events, and %d were told to be kept", len(got), len(r.kept))
		for _, id := range got {
			if !slices.Contains(r.kept, id) {
				t.Errorf("%s is there and was told to have failed", id)
			}
		}
		for _, id := range r.kept {
			if !slices.Contains(got, id) {
				t.Errorf("%s was told to be kept and is not there", id)
			}
		}
	}
}

// run commits for some time, and until some have been kept and at least so many refused.
func (r *trial) run(least int, faults func(stop <-chan struct{})) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { faults(stop) })
	defer wg.Wait()
	defer close(stop)
	begin := time.Now()
	for !r.t.Failed() && (time.Since(begin) < 2500*time.Millisecond || (len(r.kept) < 150 || r.failed < least) && time.Since(begin) < time.Minute) {
		r.round()
	}
}

func pause(stop <-chan struct{}, d time.Duration) (goOn bool) {
	select {
	case <-stop:
		return false
	case <-time.After(d):
		return true
	}
}

// Each commit is told the truth, whenever its connection breaks.
func TestConnectionIsCut(t *testing.T) {
	t.Parallel()
	t.Run("after some bytes", func(t *testing.T) {
		t.Parallel()
		database, dir := pgtest.New(t), t.TempDir()
		w, through := newWire(t, database)
		r := &trial{t: t, s: open(t, through, dir)}
		w.most.Store(15_000)
		r.run(20, func(stop <-chan struct{}) {
			// Mostly soon, and now and then late enough for a machine with much to do.
			for pause(stop, time.Duration(100+rand.IntN(30)*rand.IntN(30))*time.Millisecond) {
				w.cut() // those that were lucky
			}
		})
		w.most.Store(0)
		w.cut()
		r.check(database, dir, 20)
	})
	t.Run("and nobody comes through for seconds", func(t *testing.T) {
		t.Parallel()
		database, dir := pgtest.New(t), t.TempDir()
		w, through := newWire(t, database)
		r := &trial{t: t, s: open(t, through, dir)}
		r.run(2, func(stop <-chan struct{}) {
			for pause(stop, time.Duration(400+rand.IntN(40)*rand.IntN(40))*time.Millisecond) { // as above
				w.away.Store(true)
				w.cut()
				pause(stop, time.Second)
				w.away.Store(false)
			}
		})
		r.check(database, dir, 2)
	})
	t.Run("by the server", func(t *testing.T) {
		t.Parallel()
		database, dir := pgtest.New(t), t.TempDir()
		r := &trial{t: t, s: open(t, database, dir)}
		c := pgtest.Connect(t, database)
		r.run(20, func(stop <-chan struct{}) {
			// Mostly soon again, and now and then late enough for a machine with much to do.
			for pause(stop, time.Duration(rand.IntN(60)*rand.IntN(10))*time.Millisecond) {
				_, err := c.Exec(context.Background(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'switchhook' AND datname = current_database()")
				if err != nil {
					t.Error(err)
				}
			}
		})
		r.check(database, dir, 20)
	})
}

func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	server, dir := pgtest.Start(t, nil), t.TempDir()
	database := server.New(t)
	r := &trial{t: t, s: open(t, database, dir)}
	r.run(2, func(<-chan struct{}) {
		for range 2 {
			time.Sleep(300 * time.Millisecond)
			if err := server.Kill(); err != nil {
				t.Error(err)
			}
			if err := server.Restart(); err != nil {
				t.Error(err)
			}
		}
	})
	r.check(database, dir, 2)
}

// A server that hangs is given up, and taken up again.
func TestServerHangs(t *testing.T) {
	t.Parallel()
	server, dir := pgtest.Start(t, nil), t.TempDir()
	database := server.New(t)
	r := &trial{t: t, s: open(t, database, dir)}
	r.round()
	must(t, server.Freeze())
	r.last++
	e := event(r.last)
	done := make(chan error, 1)
	start := time.Now()
	r.s.Submit(&switchhook.Commit{Events: []*switchhook.Event{e}, Done: func(err error) { done <- err }})
	pgtest.Eventually(t, "the server is given up", 25*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		return errors.Is(r.s.Ping(ctx), ledger.ErrUnknown)
	})
	if err := submit(r.s, switchhook.Commit{Events: []*switchhook.Event{event(r.last + 1)}}); err == nil {
		t.Error("a commit was taken while nobody knows what became of the one before")
	}
	if took := time.Since(start); took < 10*time.Second || took > 20*time.Second {
		t.Errorf("the server was given up after %v", took)
	}
	if r.s.Held() {
		t.Error("the lease is held, though it could not be renewed")
	}
	select {
	case err := <-done:
		t.Errorf("its end was told before anybody could know: %v", err)
	default:
	}
	must(t, server.Thaw())
	if err := <-done; err == nil {
		r.kept = append(r.kept, e.ID)
	} else {
		r.last--
		r.failed++
	}
	pgtest.Eventually(t, "the store takes commits again", 20*time.Second, func() bool { return r.s.Resume(t.Context()) == nil })
	for range 10 {
		r.round()
	}
	r.check(database, dir, 0)
}

// What is in doubt when the store is closed, and cannot be asked for, was not kept as
// far as anybody knows.
func TestClosedInDoubt(t *testing.T) {
	t.Parallel()
	w, through := newWire(t, pgtest.New(t))
	s := open(t, through, t.TempDir())
	must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{event(1)}}))
	w.away.Store(true)
	w.cut()
	done := make(chan error, 1)
	s.Submit(&switchhook.Commit{Events: []*switchhook.Event{event(2)}, Done: func(err error) { done <- err }})
	pgtest.Eventually(t, "the commit fails", 5*time.Second, func() bool { return s.Ping(t.Context()) != nil })
	start := time.Now()
	_ = s.Close() // the lease cannot be given back
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("closed after %v", took)
	}
	if err := <-done; err == nil {
		t.Error("an event that was never sent was told to be kept")
	}
}

// A small write fails once with a connection that broke, and not for ever.
func TestSmallWriteAfterACut(t *testing.T) {
	t.Parallel()
	w, through := newWire(t, pgtest.New(t))
	s := open(t, through, t.TempDir())
	w.cut()
	for i := range 2 {
		err := s.CreateAccount(t.Context(), &switchhook.Account{ID: fmt.Sprint("a", i), CreatedAt: time.Now()})
		if i == 0 && switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
			t.Errorf("the first: %v", err)
		}
		if i > 0 && err != nil {
			t.Errorf("the next: %v", err)
		}
	}
	must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{event(1)}}))
}

// A commit finds the connection broken, and the next one breaks too, when it is tried: what
// is then not known is of the trial, and not of the commit.
func TestNextConnectionBreaksToo(t *testing.T) {
	t.Parallel()
	database, dir := pgtest.New(t), t.TempDir()
	w, through := newWire(t, database)
	s := open(t, through, dir)
	must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{event(1)}}))
	w.cut()
	if err := s.CreateAccount(t.Context(), &switchhook.Account{ID: "a", CreatedAt: time.Now()}); err == nil {
		t.Error("an account was made over a broken connection")
	}
	trial := []byte("UPDATE meta SET last_sequence")
	w.at.Store(&trial)
	kept := submit(s, switchhook.Commit{Events: []*switchhook.Event{event(2)}})
	if w.at.Load() != nil {
		t.Error("the next connection was not cut")
	}
	must(t, s.Close())
	s = open(t, database, dir)
	if found := len(there(t, s)) == 2; found != (kept == nil) {
		t.Errorf("the event is there: %v, and its commit was told %v", found, kept)
	}
}

// Whoever loses the lease acknowledges nothing more.
func TestRobbed(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	s := open(t, database, t.TempDir())
	must(t, submit(s, switchhook.Commit{Events: []*switchhook.Event{event(1)}}))
	c := pgtest.Connect(t, database)
	pgtest.Do(t, c, "UPDATE lease SET owner = 'other', epoch = epoch + 1, until = clock_timestamp() + interval '1 hour'")
	for n := range int64(2) {
		if err := submit(s, switchhook.Commit{Events: []*switchhook.Event{event(2 + n)}}); switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
			t.Errorf("a commit of who has lost the lease: %v", err)
		}
	}
	<-s.Broken()
	if s.Held() {
		t.Error("the lease is held by who has met the fence")
	}
	if err := s.Resume(t.Context()); err == nil {
		t.Error("resumed")
	}
	if got := texts(t, c, "SELECT last_sequence::text FROM meta"); got[0] != "1" {
		t.Errorf("the last sequence is %v", got)
	}
}

// Texts that PostgreSQL does not have, from who makes up the ids of calls.
func TestStrangeTexts(t *testing.T) {
	t.Parallel()
	url, dir := pgtest.New(t), t.TempDir()
	s := open(t, url, dir)
	const strange = "a\x00b\xff\xfe\u2028'\"\\"
	e := event(1)
	e.Key, e.CallID, e.Source, e.Targets = strange, strange, strange, []string{strange}
	a := &switchhook.Attempt{ID: "att_1", EventID: e.ID, AccountID: "a", WebhookID: strange, Sequence: 1, State: switchhook.Pending, Error: strange}
	ref := switchhook.DeliveryRef{Sequence: 1, WebhookID: strange}
	must(t, submit(s, switchhook.Commit{
		Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{a},
		Snapshots: []switchhook.Snapshot{{AccountID: "a", Kind: "call", ID: strange, RootID: strange, Data: []byte(`{}`), UpdatedAt: time.Now()}},
		Records:   []switchhook.RecordWrite{{Record: switchhook.Record{AccountID: "a", Schema: strange, ID: strange, Row: []byte(`{"a":"\u0000"}`)}}},
		Due:       []switchhook.Due{{DeliveryRef: ref, At: time.Now()}},
		Gates:     []switchhook.Gate{{WebhookID: strange, Reason: strange}},
		Rejects:   []*switchhook.Reject{{SourceID: strange, At: time.Now(), Reason: strange, Body: strange}},
	}))
	_, err := s.Known(t.Context(), strange, []string{strange})
	must(t, err)
	must(t, s.Close())
	s = open(t, url, dir)
	n := 0
	must(t, s.Snapshots(t.Context(), func(switchhook.Snapshot) error { n++; return nil }))
	if n != 1 {
		t.Errorf("%d snapshots of 1", n)
	}
	for _, f := range []switchhook.EventFilter{{Key: strange}, {CallID: strange}} {
		if events, _, err := s.Events(t.Context(), f, switchhook.Page{Limit: 10}); err != nil || len(events) != 1 {
			t.Errorf("%d events of 1 with %+v (%v)", len(events), f, err)
		}
	}
	if due, err := s.Due(t.Context(), strange, 0, 10); err != nil || len(due) != 1 {
		t.Errorf("%d of 1 is due (%v)", len(due), err)
	}
	must(t, submit(s, switchhook.Commit{Settled: []switchhook.DeliveryRef{ref}}))
	if due, err := s.Due(t.Context(), strange, 0, 10); err != nil || len(due) != 0 {
		t.Errorf("%d are due after it was settled (%v)", len(due), err)
	}
}
