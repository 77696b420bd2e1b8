//go:build unix

package faults

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// named are binaries that say who they are, built once.
var named = sync.OnceValues(func() (bins []string, err error) {
	for i := range max(3, *processesFlag) {
		bin, err := build(context.Background(), binaries, versionOf(i))
		if err != nil {
			return nil, err
		}
		bins = append(bins, bin)
	}
	return bins, nil
})

// openCluster makes a rig of n processes on a server, which ends with the test.
func openCluster(t *testing.T, server *pgtest.Server, n int, relays bool, kinds ...kind) (*rig, *cluster) {
	t.Helper()
	database := server.New(t)
	u, err := url.Parse(database)
	must(t, err)
	super, err := url.Parse(server.URL())
	must(t, err)
	super.Path = u.Path
	return openClusterOn(t, database, super.String(), n, relays, kinds...)
}

// openClusterOn makes a rig of n processes on a database, which ends with the test. super
// is its URL for a superuser.
func openClusterOn(t *testing.T, database, super string, n int, relays bool, kinds ...kind) (*rig, *cluster) {
	t.Helper()
	bins, err := named()
	must(t, err)
	r, c, err := newCluster(t.Context(), bins[:n], t.TempDir(), database, super, relays, *seedFlag, kinds...)
	must(t, err)
	t.Cleanup(r.close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d; the processes' last words:\n%s", *seedFlag, r.tail())
		}
	})
	return r, c
}

// The server of the database is restarted, killed, frozen, and cuts connections
// in mid-commit: nothing acknowledged is lost, posts are refused with 503 meanwhile, and all goes
// on by itself.
func TestDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, nil)
	r, c := openCluster(t, server, 2, false, good, slow, flaky, hanging, throttled, holding)
	c.timeout = 30 * time.Second
	random, ctx := random(*seedFlag, 0), t.Context()
	var cut int
	// cutting cuts the connections that write, at random moments.
	cutting := func(n int) {
		for range n {
			pause(ctx, time.Duration(random.Int64N(int64(300*time.Millisecond))))
			var ended int
			must(t, c.ask(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE application_name = 'switchhook' AND (state <> 'idle' OR query LIKE 'COMMIT%' OR query LIKE 'UPDATE meta%')`, &ended))
			cut += ended
		}
	}
	r.load.start(ctx)
	for range rounds(1) {
		for _, step := range []struct {
			name string
			do   func() error
			down time.Duration // for how long the server is then not to be had; 0: it is
		}{
			{"cut connections", func() error { cutting(10); return nil }, 0},
			{"restart", server.Restart, 0},
			{"stop", func() error { return server.Stop(pgtest.Fast) }, 2 * time.Second},
			{"start", server.Restart, 0},
			{"kill", server.Kill, time.Second},
			{"start", server.Restart, 0},
			{"freeze", server.Freeze, 20 * time.Second},
			{"thaw", server.Thaw, 0},
		} {
			for _, m := range c.members {
				m.troubled(false)
			}
			from := time.Now()
			must(t, step.do())
			refused, lost := r.load.refusals(), r.load.unanswered()
			pause(ctx, step.down)
			refused, lost = r.load.refusals()-refused, r.load.unanswered()-lost
			if lost > 0 {
				t.Errorf("%s: %d posts were not answered", step.name, lost)
			}
			if step.down > 0 {
				if refused == 0 {
					t.Errorf("%s: no post was refused with 503", step.name)
				}
				t.Logf("%s: %d posts answered 503 in %s", step.name, refused, step.down)
				continue
			}
			for _, m := range c.members {
				m.ease()
			}
			done := time.Now()
			after, err := r.acknowledges(ctx, done)
			must(t, err)
			must(t, r.complete(ctx, func(k kind) bool { return k == good }))
			t.Logf("%s: took %s; a post acknowledged after %s, the good receiver has all after %s",
				step.name, done.Sub(from).Round(time.Millisecond), after.Round(time.Millisecond), time.Since(done).Round(time.Millisecond))
			if after > takenOver {
				t.Errorf("%s: posts were acknowledged only after %s", step.name, after)
			}
		}
	}
	must(t, c.ready(ctx))
	finish(t, r)
	t.Logf("%d connections cut", cut)
}

// A leader that is cut off from the database while others are not: its work is taken over within
// the lease's time, it sends nothing any more, and what it had under way changes nothing.
func TestCutOff(t *testing.T) {
	t.Parallel()
	r, c := openCluster(t, pgtest.Start(t, nil), 3, true, good, slow, flaky, throttled, holding, holding)
	ctx := t.Context()
	var taken, back times
	r.load.start(ctx)
	for range rounds(1) {
		for _, fault := range []struct {
			name string
			cut  func(*relay)
		}{
			{"its connections are reset", func(r *relay) { r.is(severed) }},
			{"nothing gets through, from a COMMIT onward", func(r *relay) { r.isAt("COMMIT", watching) }},
		} {
			name := fault.name
			// Requests that are answered late keep the next ones of their keys waiting: there is
			// something to send at any moment, also after the lease.
			must(t, until(ctx, "for enough to be under way", func() (bool, error) { return r.journal.holds(0) >= underWay/2, nil }))
			m, err := c.led(ctx)
			must(t, err)
			at := m.at()
			p, from := m.troubled(false)
			fault.cut(m.relay)
			after, err := c.taken(ctx, at, from)
			if taken = append(taken, after); err != nil || after > takenOver {
				t.Errorf("%s: taken over after %s (%v), want %s at most", name, after, err, takenOver)
			} else {
				next, err := r.acknowledges(ctx, from.Add(after))
				must(t, err)
				back = append(back, after+next)
			}
			pause(ctx, 3*time.Second) // both believe what they know
			if a, err := m.call(ctx, http.MethodGet, "/healthz", "", nil); err != nil || a.status != http.StatusOK {
				t.Errorf("%s: GET /healthz of the process that is cut off: %d, %v", name, a.status, err)
			}
			m.relay.is(passing)
			m.ease()
			code, err := p.wait()
			must(t, err)
			if code != 1 {
				t.Errorf("%s: the process ended with %d, want 1", name, code)
			}
			must(t, c.ready(ctx))
		}
		// Who follows needs no database to pass requests on.
		m, err := c.follower(ctx)
		must(t, err)
		m.troubled(false)
		m.relay.is(severed)
		pause(ctx, time.Second)
		if a, err := m.call(ctx, http.MethodGet, "/v1/webhooks", "", nil); err != nil || a.status != http.StatusOK {
			t.Errorf("a follower without the database passed a request on: %d, %v", a.status, err)
		}
		m.relay.is(passing)
		m.ease()
	}
	must(t, c.ready(ctx))
	finish(t, r)
	t.Logf("taken over: %s; acknowledged again: %s", taken, back)
}

// The connection that writes breaks when a COMMIT has reached the server and its answer is on its way, and is
// lost in mid-commit without the server being told. Nobody knows the outcome then; once the leader has
// found it out, on another connection, it goes on, and it has forgotten no outcome and sends nothing again.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	r, c := openCluster(t, pgtest.Start(t, nil), 2, true, good, slow, flaky)
	c.timeout = patience
	ctx := t.Context()
	var broken, lost times
	r.load.start(ctx)
	for n := range rounds(6) {
		pause(ctx, 500*time.Millisecond)
		m, err := c.led(ctx)
		must(t, err)
		m.troubled(false)
		how, of := cutting, &broken
		if n%6 == 5 {
			how, of = losing, &lost
		}
		m.relay.isAt("COMMIT", how)
		must(t, until(ctx, "for a COMMIT", func() (bool, error) { return m.relay.happened(), nil }))
		after, err := r.acknowledges(ctx, time.Now())
		must(t, err)
		m.ease()
		*of = append(*of, after)
	}
	finish(t, r)
	t.Logf("from the break to the next acknowledged post: %s; from the loss: %s", broken, lost)
}
