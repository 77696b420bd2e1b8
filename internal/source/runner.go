package source

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

const (
	// firstPause and lastPause are between two tries to connect; each is twice the one
	// before, and a fifth more or less, so that not all come at once.
	firstPause = time.Second
	lastPause  = 30 * time.Second
	// stable is how long a connection has to stand for the pauses to begin anew.
	stable = 10 * time.Second
	// lastWords is how long a source that stops may take to get committed what it knows.
	lastWords = 5 * time.Second
)

// A runner is a source that runs: it connects, and connects again, until it is stopped.
type runner struct {
	source    *switchhook.Source
	connector Connector
	log       *slog.Logger
	watch     *watch
	teller    *teller
	pulse     pulse
}

func newRunner(o *SupervisorOptions, s *switchhook.Source, c Connector, w *watch) *runner {
	t := newTeller(o, s, w)
	return &runner{source: s, connector: c, log: t.log, watch: w, teller: t}
}

// run runs the source until ctx ends.
func (r *runner) run(ctx context.Context) {
	r.watch.becomes(StateConnecting, "")
	var ticking sync.WaitGroup
	ticking.Go(func() { r.tick(ctx) })
	pause := firstPause
	for ctx.Err() == nil {
		stood, err := r.connect(ctx)
		if ctx.Err() != nil {
			break
		}
		level := slog.LevelDebug
		if r.watch.becomes(StateFailing, err.Error()) {
			level = slog.LevelWarn
		}
		if stood >= stable {
			pause = firstPause
		}
		wait := time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // nobody guesses it
		r.log.Log(ctx, level, "a source fails", "error", err, "again_in", wait)
		r.wait(ctx, wait)
		pause = min(2*pause, lastPause)
	}
	ticking.Wait()
	r.end(ctx)
}

// tick does what is due every second, until ctx ends.
func (r *runner) tick(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		r.pulse.rest(time.Now())
		select {
		case now := <-ticker.C:
			r.pulse.beat(time.Now())
			_ = r.teller.tick(ctx, now.UTC()) // what failed was logged, and is tried again
		case <-ctx.Done():
			return
		}
	}
}

// connect runs the connector once, and says how long the connection stood, and why it ended.
func (r *runner) connect(ctx context.Context) (stood time.Duration, err error) {
	h := &host{runner: r}
	defer func() {
		if p := recover(); p != nil {
			err = r.teller.panicked(p)
		}
		if err == nil {
			err = errors.New("the connection ended")
		}
		stood = h.close(ctx, err)
	}()
	if err := r.teller.restore(ctx); err != nil {
		return 0, err
	}
	running, cancel := context.WithCancel(ctx) // not ctx, whose end says that the source stops
	defer cancel()
	return 0, r.connector.Run(running, r.source, h)
}

// wait waits, and gets committed meanwhile what is not yet.
func (r *runner) wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if r.teller.take(ctx) == nil {
		_ = r.teller.flush(ctx) // what is left comes before what is told next
		r.teller.leave()
	}
	<-ctx.Done()
}

// end gets committed what is not yet, and where the source is no more, its end.
func (r *runner) end(ctx context.Context) {
	why := context.Cause(ctx)
	r.watch.becomes(StateStopped, why.Error())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if errors.Is(why, ErrDeleted) {
		r.teller.forget(ctx)
		return
	}
	if r.teller.take(ctx) != nil {
		return
	}
	defer r.teller.leave()
	if err := r.teller.flush(ctx); err != nil {
		r.log.Error("the last events of a source could not be kept", "events", len(r.teller.events), "error", err)
	}
}

// A host is what a runner is for one connection.
type host struct {
	*runner

	mu        sync.Mutex
	connected time.Time // zero: it is not
}

// Connected says that the system has let us in.
func (h *host) Connected(ctx context.Context, system string, kept bool) error {
	h.mu.Lock()
	again := !h.connected.IsZero()
	if !again {
		h.connected = time.Now()
	}
	h.mu.Unlock()
	if again {
		h.watch.count(func(s *Status) { s.System = system })
		return nil
	}
	h.watch.connected(system)
	h.log.InfoContext(ctx, "a source is connected", "system", system)
	return h.teller.connected(ctx, system, kept)
}

// Tell gets committed what follows from facts.
func (h *host) Tell(ctx context.Context, facts []Fact) error { return h.teller.tell(ctx, facts) }

// Reject keeps a message that could not be read.
func (h *host) Reject(ctx context.Context, message []byte, reason error) {
	if h.teller.take(ctx) == nil {
		defer h.teller.leave()
		h.teller.reject(ctx, rejectOf(message, reason))
	}
}

// NewQueue makes a queue that is dropped when the connection ends.
func (h *host) NewQueue() *Queue {
	q := NewQueue(h.teller.o.Dir)
	h.watch.add(q)
	return q
}

// Now is the time.
func (h *host) Now() time.Time { return time.Now().UTC() }

// since is since when there is a connection.
func (h *host) since() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.connected
}

// close notes that the connection is lost, if there was one, and how long it stood.
func (h *host) close(ctx context.Context, why error) time.Duration {
	reached, _ := h.watch.reached()
	h.watch.ended()
	since := h.since()
	if since.IsZero() {
		return 0
	}
	if ctx.Err() != nil {
		why = context.Cause(ctx)
	}
	// Whoever has the turn does not have it for long: its context has ended, or is a tick's.
	if h.teller.take(context.WithoutCancel(ctx)) == nil {
		defer h.teller.leave()
		h.teller.hear(reached)
		h.teller.unhear(h.pulse.old(since, time.Now()))
		h.teller.disconnected(why.Error())
	}
	return time.Since(since)
}
