//go:build unix

package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A subject is what is to withstand the faults: a server, or several on one database.
type subject interface {
	// start starts it, again, and waits until it is ready.
	start(ctx context.Context) error
	// call makes a request once. An error says that the outcome is not known.
	call(ctx context.Context, method, path, contentType string, body []byte) (answer, error)
	// terminate asks it to stop, and wants it to do so in order.
	terminate() error
	// close ends what still runs.
	close()
	// tail is what it said last.
	tail() string
}

// A rig is a subject with its receivers and its load.
type rig struct {
	subject
	server    *server // which is the subject, if there is one only
	load      *load
	journal   *journal
	receivers []*receiver
	webhooks  []string // ids, by receiver

	mu sync.Mutex
	// interruptions are when the server could not finish what it had begun.
	interruptions []interruption
	launches      []launch // of processes, where there are several
}

// A launch is the start of one of several processes.
type launch struct {
	who string
	at  time.Time
}

// An interruption is a time in which an outcome may have been lost.
type interruption struct {
	cause    string
	from, to time.Time
	who      string // the process whose outcomes; empty: of all, or of the only one
	still    bool   // it stood still: what it was about to send came afterwards
}

// newRig starts a server on a new data directory, with one webhook for each kind
// of receiver. Close it.
func newRig(ctx context.Context, bin, data string, seed uint64, kinds ...kind) (*rig, error) {
	s := &server{bin: bin, data: data, key: fmt.Sprintf("faults-%016x", seed)}
	return rigOf(ctx, &rig{subject: s, server: s, journal: newJournal()}, seed, kinds...)
}

// rigOf gives a rig all but its subject.
func rigOf(ctx context.Context, r *rig, seed uint64, kinds ...kind) (*rig, error) {
	r.load = &load{s: r.subject, seed: seed, callers: 8, pace: 200 * time.Millisecond, wanted: func(typ string) (n int) {
		for _, k := range kinds {
			if k.wants(typ) {
				n++
			}
		}
		return n
	}}
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
	concurrency := 16
	if to.kind == holding {
		concurrency = 256
	}
	var made struct {
		ID string `json:"id"`
	}
	err := r.callJSON(ctx, http.MethodPost, "/v1/webhooks", map[string]any{
		"name": string(to.kind), "url": to.url, "events": to.kind.events(), "timeout": to.kind.timeout().String(),
		"max_concurrency": concurrency, "hold": "1h", "max_age": "24h", "retry": map[string]any{"schedule": schedule},
	}, &made)
	r.webhooks = append(r.webhooks, made.ID)
	return err
}

// kill kills the server.
func (r *rig) kill() error {
	from := time.Now()
	err := r.server.now.kill()
	r.interrupted("kill", from)
	return err
}

func (r *rig) interrupted(cause string, from time.Time) {
	r.interruption(interruption{cause: cause, from: from, to: time.Now()})
}

func (r *rig) interruption(i interruption) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interruptions = append(r.interruptions, i)
}

// finish ends the load, heals the receivers, waits until all that was
// acknowledged has arrived, and checks.
func (r *rig) finish(ctx context.Context) (*report, error) {
	r.load.stop()
	if err := r.arrive(ctx); err != nil {
		return r.check(ctx), err
	}
	open := ""
	err := until(ctx, "for no delivery to be open", func() (none bool, err error) {
		open, err = r.delivery(ctx, "pending")
		return open == "", err
	})
	rep := r.check(ctx)
	if err != nil {
		rep.fault("OPEN: %v; one of them is %s", err, open)
	}
	for _, state := range []string{"failed", "expired", "cancelled"} {
		if d, err := r.delivery(ctx, state); err != nil || d != "" {
			rep.fault("LOST: a delivery is %s: %s (%v)", state, d, err)
		}
	}
	// What the server has on disk says the same: a new process has nothing to do.
	before := r.journal.count()
	err = errors.Join(r.terminate(), r.start(ctx))
	if err != nil {
		return rep, err
	}
	if d, err := r.delivery(ctx, "pending"); err != nil || d != "" {
		rep.fault("REPEAT: after a restart a delivery is open again: %s (%v)", d, err)
	}
	err = r.terminate()
	if n := r.journal.count() - before; n > 0 {
		rep.fault("REPEAT: after a restart %d deliveries were made again", n)
	}
	return rep, err
}

// arrive heals the receivers and waits until all that was acknowledged so far
// has arrived.
func (r *rig) arrive(ctx context.Context) error {
	for _, receiver := range r.receivers {
		receiver.healed.Store(true)
	}
	return r.complete(ctx, func(kind) bool { return true })
}

// complete waits until all that was acknowledged so far has arrived at the
// receivers of some kinds. As long as some of it comes, it is patient.
func (r *rig) complete(ctx context.Context, at func(kind) bool) error {
	missing := r.missing(at)
	for since := time.Now(); len(missing) > 0; {
		pause(ctx, 50*time.Millisecond)
		before := len(missing)
		missing = slices.DeleteFunc(missing, r.journal.has)
		if len(missing) < before {
			since = time.Now()
		}
		if len(missing) > 0 && (time.Since(since) > patience || ctx.Err() != nil) {
			first := missing[0]
			return fmt.Errorf("LOST: of what was acknowledged, %d deliveries did not arrive and none of them came for %s, such as %s at the receiver %s",
				len(missing), patience, first.tag, r.receivers[first.hook].kind)
		}
	}
	return nil
}

// missing are the acknowledged deliveries that have not arrived.
func (r *rig) missing(at func(kind) bool) (missing []delivery) {
	r.load.mu.Lock()
	defer r.load.mu.Unlock()
	for _, ev := range r.load.events {
		for hook, receiver := range r.receivers {
			if d := (delivery{hook, ev.tag}); ev.acked && at(receiver.kind) && receiver.kind.wants(ev.typ) && !r.journal.has(d) {
				missing = append(missing, d)
			}
		}
	}
	return missing
}

// delivery says of one of those in a state what the API knows of it; empty:
// there is none.
func (r *rig) delivery(ctx context.Context, state string) (string, error) {
	var deliveries struct {
		Items []struct {
			ID      string    `json:"id"`
			Event   string    `json:"event_id"`
			Webhook string    `json:"webhook_id"`
			Made    int       `json:"attempts"`
			Next    time.Time `json:"next_attempt_at"`
		} `json:"items"`
	}
	var attempts struct {
		Items []struct {
			Number  int       `json:"attempt_number"`
			Started time.Time `json:"started_at"`
			Outcome string    `json:"outcome"`
			Error   string    `json:"error"`
		} `json:"items"`
	}
	err := r.callJSON(ctx, http.MethodGet, "/v1/deliveries?limit=1&state="+state, nil, &deliveries)
	if err != nil || len(deliveries.Items) == 0 {
		return "", err
	}
	d := deliveries.Items[0]
	err = r.callJSON(ctx, http.MethodGet, "/v1/attempts?webhook_id="+d.Webhook+"&event_id="+d.Event, nil, &attempts)
	kind := r.receivers[slices.Index(r.webhooks, d.Webhook)].kind
	return fmt.Sprintf("%s of %s to the receiver %s, %d attempts made, the next one due at %s; its history, newest first: %v",
		d.ID, d.Event, kind, d.Made, d.Next, attempts.Items), err
}

// status is what the API says of a receiver's webhook.
func (r *rig) status(ctx context.Context, hook int) (string, error) {
	var webhook struct {
		Status string `json:"status"`
	}
	err := r.callJSON(ctx, http.MethodGet, "/v1/webhooks/"+r.webhooks[hook], nil, &webhook)
	return webhook.Status, err
}

// close ends all that still runs, once the context that it began with has ended.
func (r *rig) close() {
	r.load.done.Wait()
	r.subject.close()
	for _, receiver := range r.receivers {
		receiver.close()
	}
}
