//go:build unix

package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"
)

// A rig is one server with its receivers and its load.
type rig struct {
	server    *server
	process   *process
	load      *load
	journal   *journal
	receivers []*receiver
	webhooks  []string // ids, by receiver

	// interruptions are when the server could not finish what it had begun.
	interruptions []interruption
}

// An interruption is a time in which an outcome may have been lost.
type interruption struct {
	cause    string
	from, to time.Time
}

// newRig starts a server on a new data directory, with one webhook for each kind
// of receiver. Close it.
func newRig(ctx context.Context, bin, data string, seed uint64, kinds ...kind) (*rig, error) {
	r := &rig{
		server:  &server{bin: bin, data: data, key: fmt.Sprintf("faults-%016x", seed)},
		journal: newJournal(),
	}
	r.load = &load{s: r.server, seed: seed, callers: 8, pace: 200 * time.Millisecond, wanted: func(string) int { return len(r.receivers) }}
	for i, k := range kinds {
		receiver, err := newReceiver(ctx, k, i, seed, r.journal)
		if err != nil {
			r.close()
			return nil, err
		}
		r.receivers = append(r.receivers, receiver)
	}
	err := r.start(ctx)
	for _, receiver := range r.receivers {
		if err == nil {
			err = r.subscribe(ctx, receiver)
		}
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// subscribe makes a receiver's webhook. Its order is never given up (hold is
// longer than any run), nor is a delivery: the retries last for minutes.
func (r *rig) subscribe(ctx context.Context, to *receiver) error {
	schedule := []string{"200ms", "500ms"}
	for len(schedule) < 20 {
		schedule = append(schedule, "1s")
	}
	for len(schedule) < 50 { // as many as there may be
		schedule = append(schedule, "5s")
	}
	var made struct {
		ID string `json:"id"`
	}
	err := r.server.callJSON(ctx, http.MethodPost, "/v1/webhooks", map[string]any{
		"name": string(to.kind), "url": to.url, "events": []string{"call.*"}, "timeout": to.kind.timeout().String(),
		"max_concurrency": 16, "hold": "1h", "max_age": "24h", "retry": map[string]any{"schedule": schedule},
	}, &made)
	r.webhooks = append(r.webhooks, made.ID)
	return err
}

// start starts the server, again.
func (r *rig) start(ctx context.Context) (err error) {
	r.process, err = r.server.start(ctx)
	return err
}

// launch is start that does not wait until the server is ready.
func (r *rig) launch(ctx context.Context) (err error) {
	r.process, err = r.server.launch(ctx)
	return err
}

// kill kills the server.
func (r *rig) kill() error {
	from := time.Now()
	err := r.process.kill()
	r.interrupted("kill", from)
	return err
}

func (r *rig) interrupted(cause string, from time.Time) {
	r.interruptions = append(r.interruptions, interruption{cause, from, time.Now()})
}

// terminate asks the server to stop, and wants it to do so in order.
func (r *rig) terminate() error {
	if err := r.process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("terminate: %w", err)
	}
	code, err := r.process.wait()
	if err == nil && code != 0 {
		err = fmt.Errorf("after SIGTERM the server exited with %d:\n%s", code, r.process.tail())
	}
	return err
}

// finish ends the load, heals the receivers, waits until all that was
// acknowledged has arrived, and checks.
func (r *rig) finish(ctx context.Context) (report, error) {
	r.load.stop()
	if err := r.arrive(ctx); err != nil {
		return report{}, err
	}
	err := until(ctx, "for no delivery to be open", func() (bool, error) {
		n, err := r.deliveries(ctx, "pending")
		return n == 0, err
	})
	if err != nil {
		return report{}, err
	}
	rep := r.check(ctx)
	for _, state := range []string{"failed", "expired", "cancelled"} {
		if n, err := r.deliveries(ctx, state); err != nil || n > 0 {
			rep.fault("some deliveries are %s (%v)", state, err)
		}
	}
	// What the server has on disk says the same: a new process has nothing to do.
	before := r.journal.count()
	err = errors.Join(r.terminate(), r.start(ctx))
	if err != nil {
		return rep, err
	}
	if n, err := r.deliveries(ctx, "pending"); err != nil || n > 0 {
		rep.fault("after a restart some deliveries are open again (%v)", err)
	}
	err = r.terminate()
	if n := r.journal.count() - before; n > 0 {
		rep.fault("after a restart %d deliveries were made again", n)
	}
	return rep, err
}

// arrive heals the receivers and waits until all that was acknowledged so far
// has arrived.
func (r *rig) arrive(ctx context.Context) error {
	for _, receiver := range r.receivers {
		receiver.healed.Store(true)
	}
	missing := r.missing()
	progress, waited := len(missing), time.Now()
	for len(missing) > 0 {
		pause(ctx, 50*time.Millisecond)
		still := missing[:0]
		for _, d := range missing {
			if !r.journal.has(d) {
				still = append(still, d)
			}
		}
		missing = still
		if len(missing) < progress {
			progress, waited = len(missing), time.Now()
		}
		if time.Since(waited) > patience || ctx.Err() != nil {
			first := missing[0]
			return fmt.Errorf("LOST: of what was acknowledged, %d deliveries did not arrive and none of them came for %s, such as %s at the receiver %s\n%s",
				len(missing), patience, first.tag, r.receivers[first.hook].kind, r.process.tail())
		}
	}
	return nil
}

// missing are the acknowledged deliveries that have not arrived.
func (r *rig) missing() (missing []delivery) {
	r.load.mu.Lock()
	defer r.load.mu.Unlock()
	for _, ev := range r.load.events {
		for hook := range r.receivers {
			if d := (delivery{hook, ev.tag}); ev.acked && !r.journal.has(d) {
				missing = append(missing, d)
			}
		}
	}
	return missing
}

// deliveries reports whether there are any in a state: 0, or 1 for some.
func (r *rig) deliveries(ctx context.Context, state string) (int, error) {
	var list struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	err := r.server.callJSON(ctx, http.MethodGet, "/v1/deliveries?limit=1&state="+state, nil, &list)
	return len(list.Items), err
}

// close ends all that still runs.
func (r *rig) close() {
	if r.process != nil {
		_ = r.process.kill() // it has ended, unless something failed
	}
	for _, receiver := range r.receivers {
		receiver.close()
	}
}
