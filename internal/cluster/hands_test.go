package cluster_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/cluster"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// A counter counts what a process sends.
type counter struct {
	wire.Client
	sent atomic.Int64
}

func newCounter() *counter { return &counter{Client: wire.Client{Dial: (&net.Dialer{}).DialContext}} }

func (c *counter) Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error) {
	c.sent.Add(1)
	return c.Client.Send(ctx, r)
}

// A crew is a leader and those who follow it.
type crew struct {
	database string
	leader   *cluster.Lease
	hands    *cluster.Hands
	own      *counter
	url      string
	n        atomic.Int64 // hands at the moment
}

func common() cluster.Secret { return cluster.Secret{Key: []byte("master"), Setup: "alike"} }

func newCrew(t *testing.T, handler http.Handler) *crew {
	t.Helper()
	c := &crew{database: pgtest.New(t), own: newCounter()}
	front := http.NotFoundHandler()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	c.url = s.URL
	c.leader = process(t, c.database, s.URL)
	leading(t, c.leader, 3*time.Second)
	c.hands = c.leader.Hands(c.own, common())
	c.hands.Changed(func(n int) { c.n.Store(int64(n)) })
	front = c.hands.Handler(handler)
	t.Cleanup(c.hands.Close)
	return c
}

// A member is one who follows.
type member struct {
	lease  *cluster.Lease
	own    *counter
	helper *cluster.Helper
	failed chan error
	url    string
}

// follower adds one. at is where it finds the leader; empty: where that is.
func (c *crew) follower(t *testing.T, at string, secret cluster.Secret) *member {
	t.Helper()
	return c.followerBy(t, at, secret, newCounter())
}

// followerBy adds one that sends with own.
func (c *crew) followerBy(t *testing.T, at string, secret cluster.Secret, own *counter) *member {
	t.Helper()
	if at != "" {
		pgtest.Do(t, pgtest.Connect(t, c.database), "UPDATE lease SET url = $1", at)
	}
	m := &member{lease: process(t, c.database, ""), own: own, failed: make(chan error, 1)}
	m.helper = m.lease.Help(m.own, func() (cluster.Secret, error) { return secret, nil }, nil, func(err error) { m.failed <- err })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		m.helper.Leave(ctx)
	})
	s := httptest.NewServer(m.lease.Follow(m.helper, nobody, nil))
	t.Cleanup(s.Close)
	m.url = s.URL
	if at == "" {
		at = c.url
	}
	follow(t, m.lease, at)
	return m
}

func (c *crew) has(t *testing.T, n int64) {
	t.Helper()
	pgtest.Eventually(t, "the hands are there", 5*time.Second, func() bool { return c.n.Load() == n })
}

func request(t *testing.T, to string, within time.Duration) *wire.Request {
	t.Helper()
	u, err := url.Parse(to)
	must(t, err)
	return &wire.Request{
		Method: http.MethodPost, URL: u, Deadline: time.Now().Add(within), Body: []byte("the body"),
		Header: switchhook.Headers{{Name: "X-Hook-ID", Value: "as it is spelled"}},
	}
}

// Requests are sent by all, and what comes back is the same whoever sent.
func TestHandsSend(t *testing.T) {
	t.Parallel()
	c := newCrew(t, http.NotFoundHandler())
	a, b := c.follower(t, "", common()), c.follower(t, "", common())
	c.has(t, 2)
	const n = 60
	var gathered sync.WaitGroup // all are under way at once
	gathered.Add(n)
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gathered.Done()
		gathered.Wait()
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Said", r.Header.Get("X-Hook-Id")+"|"+r.URL.RawQuery+"|"+string(body))
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	}))
	t.Cleanup(r.Close)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			got, err := c.hands.Send(t.Context(), request(t, r.URL+"/a%2Fb?x=%C3%A4", 20*time.Second))
			if err != nil || got.Status != http.StatusTeapot || got.Body != "short and stout" || got.Headers.Get("X-Said") != "as it is spelled|x=%C3%A4|the body" {
				t.Errorf("answered %+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	own, first, second := c.own.sent.Load(), a.own.sent.Load(), b.own.sent.Load()
	if own == 0 || first <= own || second <= own || own+first+second != n {
		t.Errorf("the leader sent %d, the others %d and %d, of %d", own, first, second, n)
	}
}

// The errors that the engine tells apart are the same from afar.
func TestHandsErrors(t *testing.T) {
	t.Parallel()
	c := newCrew(t, http.NotFoundHandler())
	m := c.follower(t, "", common())
	c.has(t, 1)
	over := make(chan struct{})
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(r.Close)
	t.Cleanup(func() { close(over) })
	hangs := make(chan error)
	go func() { // the leader has something to do, so that the hand gets the others
		_, err := c.hands.Send(t.Context(), request(t, r.URL, 3*time.Second))
		hangs <- err
	}()
	pgtest.Eventually(t, "the leader sends", 5*time.Second, func() bool { return c.own.sent.Load() == 1 })
	if _, err := c.hands.Send(t.Context(), request(t, r.URL, 50*time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a receiver that hangs: %v", err)
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	if _, err := c.hands.Send(t.Context(), request(t, closed.URL, time.Second)); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a port where nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	time.AfterFunc(50*time.Millisecond, func() { cancel(stopped) })
	if _, err := c.hands.Send(ctx, request(t, r.URL, time.Minute)); !errors.Is(err, stopped) {
		t.Errorf("the process stops: %v", err)
	}
	if err := <-hangs; !errors.Is(err, os.ErrDeadlineExceeded) || m.own.sent.Load() != 3 {
		t.Errorf("the leader's own: %v; the hand has sent %d, want 3", err, m.own.sent.Load())
	}
}

// What a request may reach, whom it trusts and what may be told of its answer go with it. A
// client certificate's key stays at home.
func TestHandsKeepToTheWay(t *testing.T) {
	t.Parallel()
	c := newCrew(t, http.NotFoundHandler())
	m := c.followerBy(t, "", common(), new(counter)) // which reaches public addresses only
	c.has(t, 1)
	over := make(chan struct{})
	hang := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(hang.Close)
	busy := make(chan struct{})
	go func() {
		defer close(busy)
		_, _ = c.hands.Send(t.Context(), request(t, hang.URL, 10*time.Second))
	}()
	pgtest.Eventually(t, "the leader sends", 5*time.Second, func() bool { return c.own.sent.Load() == 1 })
	r := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "inside") }))
	t.Cleanup(r.Close)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}))
	q := request(t, r.URL, 5*time.Second)
	if _, err := c.hands.Send(t.Context(), q); err == nil || !strings.Contains(err.Error(), "private") {
		t.Errorf("it reached what it may not: %v", err)
	}
	q.Way.Networks = "127.0.0.0/8,::1/128"
	if _, err := c.hands.Send(t.Context(), q); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("it trusts whom it does not know: %v", err)
	}
	q.Way.CA = ca
	if got, err := c.hands.Send(t.Context(), q); err != nil || got.Body != "inside" || got.Hidden {
		t.Errorf("%+v, %v", got, err)
	}
	q.Discreet = true
	if got, err := c.hands.Send(t.Context(), q); err != nil || !got.Hidden || got.Status != http.StatusOK { // and the engine hides it
		t.Errorf("%+v, %v", got, err)
	}
	if own, hand := c.own.sent.Load(), m.own.sent.Load(); own != 1 || hand != 4 {
		t.Errorf("the leader sent %d, the hand %d", own, hand)
	}
	q.Way.Certificate, q.Way.Key = "mine", "mine"
	if _, err := c.hands.Send(t.Context(), q); err == nil || c.own.sent.Load() != 2 || m.own.sent.Load() != 4 {
		t.Errorf("a key has left the process: %v", err)
	}
	close(over)
	<-busy
}

// Events reach the leader's handler as the client posted them.
func TestHandsAsk(t *testing.T) {
	t.Parallel()
	var asked atomic.Pointer[http.Request]
	c := newCrew(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r)
		body, _ := io.ReadAll(r.Body)
		w.Header()["X-Two"] = []string{"a", "b"}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization")+" "+string(body[:min(len(body), 20)]))
	}))
	m := c.follower(t, "", common())
	c.has(t, 1)
	for _, each := range []struct {
		method, path, body string
		line               bool
	}{
		{http.MethodPost, "/v1/events?x=1", `{"type":"call.created"}`, true},
		{http.MethodGet, "/v1/in/kazoo/token?a=%20b", "", true},
		{http.MethodPost, "/v1/webhooks", "{}", false},
		{http.MethodGet, "/v1/events", "", false},
		{http.MethodPost, "/v1/events", strings.Repeat("long ", 300_000), false},
	} {
		status, header, answer := ask(t, each.method, m.url+each.path, each.body, http.Header{"Authorization": {"Bearer key"}})
		want := each.method + " " + each.path + " Bearer key " + each.body[:min(len(each.body), 20)]
		if status != http.StatusAccepted || answer != want || len(header["X-Two"]) != 2 {
			t.Errorf("%s %s: answered %d %v %q, want %q", each.method, each.path, status, header, answer, want)
		}
		if line := asked.Load().Header.Get("Switchhook-Forwarded") == ""; line != each.line {
			t.Errorf("%s %s: over the line %v, want %v", each.method, each.path, line, each.line)
		}
	}
	c.hands.Refuse(t.Context())
	if status, _, answer := ask(t, http.MethodPost, m.url+"/v1/events", "{}", nil); status != http.StatusServiceUnavailable {
		t.Errorf("a leader that stops: answered %d %q", status, answer)
	}
}

// Of a hand that dies nobody knows what it has sent: the request goes out again, once the
// hand may start nothing more.
func TestHandDies(t *testing.T) {
	t.Parallel()
	c := newCrew(t, http.NotFoundHandler())
	between := newBetween(t, c.url)
	m := c.follower(t, between.url, common())
	c.has(t, 1)
	arrived, over := make(chan struct{}, 1000), make(chan struct{})
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-over
	}))
	t.Cleanup(r.Close)
	t.Cleanup(func() { close(over) })
	outcomes := make(chan error, 1000)
	pgtest.Eventually(t, "the leader sends, then the hand", 20*time.Second, func() bool {
		go func() {
			_, err := c.hands.Send(t.Context(), request(t, r.URL, time.Minute))
			outcomes <- err
		}()
		select {
		case <-arrived:
		case err := <-outcomes:
			if !errors.Is(err, wire.ErrNotSent) { // on a slow machine the hand may doubt that it may
				t.Fatal(err)
			}
		}
		return m.own.sent.Load() > 0
	})
	between.cut()
	if err := <-outcomes; !errors.Is(err, wire.ErrNotSent) {
		t.Errorf("the outcome is %v", err)
	}
	c.has(t, 1) // it comes back by itself
}

// A hand that stands still is given up, and what reaches it later it does not send.
func TestHandStandsStill(t *testing.T) {
	t.Parallel()
	c := newCrew(t, http.NotFoundHandler())
	between := newBetween(t, c.url)
	m := c.follower(t, between.url, common())
	c.has(t, 1)
	var got atomic.Int64
	over := make(chan struct{})
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		got.Add(1)
		<-over
	}))
	t.Cleanup(r.Close)
	t.Cleanup(func() { close(over) })
	go func() { _, _ = c.hands.Send(t.Context(), request(t, r.URL, time.Minute)) }() // the leader's own
	pgtest.Eventually(t, "the leader sends", 5*time.Second, func() bool { return got.Load() == 1 })
	between.freeze()
	if _, err := c.hands.Send(t.Context(), request(t, r.URL, time.Minute)); !errors.Is(err, wire.ErrNotSent) {
		t.Errorf("the outcome is %v", err)
	}
	c.has(t, 0)
	between.thaw()
	c.has(t, 1) // the hand has read what came late, and met the leader anew
	if got.Load() != 1 {
		t.Errorf("the receiver got %d requests, and the hand has sent %d: one was sent late", got.Load(), m.own.sent.Load())
	}
}

// Who has another master key cannot follow; who is set up in another way only passes on.
func TestHandsThatDoNotFit(t *testing.T) {
	t.Parallel()
	c := newCrew(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	other := c.follower(t, "", cluster.Secret{Key: []byte("another"), Setup: "alike"})
	if err := <-other.failed; !errors.Is(err, cluster.ErrKey) {
		t.Errorf("failed with %v", err)
	}
	differs := c.follower(t, "", cluster.Secret{Key: []byte("master"), Setup: "in another way"})
	if status, _, _ := ask(t, http.MethodPost, differs.url+"/v1/events", "{}", nil); status != http.StatusAccepted {
		t.Errorf("answered %d", status)
	}
	c.follower(t, "", common())
	c.has(t, 1)
	resp, err := http.Get(c.url + "/cluster/link")
	must(t, err)
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger is answered %d", resp.StatusCode)
	}
}

// Who leaves finishes what it sends, and is given nothing more.
func TestHandLeaves(t *testing.T) {
	t.Parallel()
	c := newCrew(t, http.NotFoundHandler())
	m := c.follower(t, "", common())
	c.has(t, 1)
	arrived, over := make(chan struct{}, 9), make(chan struct{})
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-over
	}))
	t.Cleanup(r.Close)
	outcomes := make(chan error, 3)
	send := func() {
		_, err := c.hands.Send(t.Context(), request(t, r.URL, time.Minute))
		outcomes <- err
	}
	for range 2 {
		go send()
		<-arrived
	}
	left := make(chan struct{})
	go func() {
		m.helper.Leave(t.Context())
		close(left)
	}()
	pgtest.Eventually(t, "the leader sends all", 5*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		before := m.own.sent.Load()
		_, _ = c.hands.Send(ctx, request(t, r.URL, time.Minute))
		return m.own.sent.Load() == before
	})
	select {
	case <-left:
		t.Error("it has left with a request under way")
	default:
	}
	close(over)
	<-left
	for range 2 {
		if err := <-outcomes; err != nil {
			t.Errorf("a request that was under way: %v", err)
		}
	}
	c.has(t, 0)
}

// between is a network that can be cut, or stand still.
type between struct {
	url string

	mu    sync.Mutex
	cond  sync.Cond
	still bool
	conns []net.Conn
}

func newBetween(t *testing.T, to string) *between {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	b := &between{url: "http://" + l.Addr().String()}
	b.cond.L = &b.mu
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(to, "http://"))
			if err != nil {
				_ = in.Close() // as if nobody listened
				continue
			}
			b.mu.Lock()
			b.conns = append(b.conns, in, out)
			b.mu.Unlock()
			go b.pass(in, out)
			go b.pass(out, in)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		b.thaw()
		b.cut()
	})
	return b
}

func (b *between) pass(from, to net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		b.mu.Lock()
		for b.still {
			b.cond.Wait()
		}
		b.mu.Unlock()
		if _, err2 := to.Write(buffer[:n]); err != nil || err2 != nil {
			_, _ = from.Close(), to.Close()
			return
		}
	}
}

func (b *between) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		_ = c.Close()
	}
	b.conns = nil
}

func (b *between) freeze() { b.be(true) }
func (b *between) thaw()   { b.be(false) }

func (b *between) be(still bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.still = still
	b.cond.Broadcast()
}
