// Package deliver sends what was accepted. Each pair of event and webhook is a
// delivery; deliveries of one webhook with the same ordering key wait for one
// another in a lane, all others go side by side, bounded per webhook.
//
// # The fast path
//
// A delivery that succeeds at once never becomes a row: an accepted event whose
// deliveries are not all closed is the queue. The attempt is recorded in the
// next group commit. When the first of a lane fails, it and all that waits
// behind it become due rows in the same commit as the failed attempt, so that
// one dead receiver pins neither the watermark nor, after a restart, the rest.
//
// # After a crash
//
// Recover takes up every delivery that is not closed. What was sent but not yet
// recorded is sent again under the same id: at least once, in order.
package deliver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// Defaults of a webhook's settings.
const (
	DefaultTimeout     = 15 * time.Second
	DefaultConcurrency = 16
	DefaultHold        = 30 * time.Second
)

// Store is what the engine needs of persistence.
type Store interface {
	Submit(*switchhook.Commit)
	Recover(ctx context.Context, fn func(switchhook.OpenDelivery) error) error
}

// Options configures an Engine. Store and Logger are required.
type Options struct {
	Store    Store
	Dialects []dialect.Dialect
	// AllowNetworks are the private networks that webhooks may reach.
	AllowNetworks []netip.Prefix
	// Transport sends the requests. Nil means HTTP with the address guard.
	Transport http.RoundTripper
	// Version is told in the user-agent header.
	Version string
	// Disable is called when a receiver says that it is gone for good (410),
	// or fails too often under the policy kazoo, on a goroutine of its own. version
	// is when the webhook that failed was last changed: one that was changed since
	// is another. Nil: nobody is told.
	Disable func(webhookID, reason string, version time.Time)
	// Recorded is called after attempts have become durable. It must not
	// block. Nil: nobody is told.
	Recorded func()
	// Metrics registers the engine's metrics. Nil: none.
	Metrics prometheus.Registerer
	Logger  *slog.Logger
}

// Engine delivers. It is safe for concurrent use.
type Engine struct {
	o        Options
	dialects map[string]dialect.Dialect
	client   *http.Client
	metrics  metrics
	tracker  tracker

	ctx    context.Context //nolint:containedctx // the life of all requests under way; Stop cancels it
	cancel context.CancelFunc
	wg     sync.WaitGroup // queue workers

	failing atomic.Bool // the store does not take outcomes

	mu       sync.RWMutex
	queues   map[string]*queue
	stopping bool
}

// New returns an engine without webhooks.
func New(o Options) *Engine {
	ctx, cancel := context.WithCancel(context.Background())
	e := &Engine{o: o, dialects: map[string]dialect.Dialect{}, ctx: ctx, cancel: cancel, queues: map[string]*queue{}}
	for _, d := range o.Dialects {
		e.dialects[d.Name()] = d
	}
	transport := o.Transport
	if transport == nil {
		transport = newTransport(o.AllowNetworks)
	}
	e.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	e.metrics = newMetrics(o.Metrics)
	return e
}

// SetWebhooks replaces the webhooks. What waits for one that is gone or
// disabled is cancelled.
func (e *Engine) SetWebhooks(webhooks []*switchhook.Webhook) {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := make(map[string]bool, len(webhooks))
	for _, w := range webhooks {
		d := e.dialects[w.Dialect]
		if d == nil {
			continue
		}
		seen[w.ID] = true
		if q := e.queues[w.ID]; q != nil {
			q.configure(w, d)
		} else {
			e.queues[w.ID] = newQueue(e, w, d)
		}
	}
	for id, q := range e.queues {
		if !seen[id] {
			q.close("the webhook was deleted")
			delete(e.queues, id)
		}
	}
}

func (e *Engine) queue(webhookID string) *queue {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.queues[webhookID]
}

// Add takes over the deliveries of events that have just been committed, in the
// order of the commits.
func (e *Engine) Add(events []*switchhook.Event) {
	var c switchhook.Commit
	var rowed []int64
	for _, ev := range events {
		e.tracker.add(ev.Sequence, len(ev.Targets))
		for _, webhookID := range ev.Targets {
			it := newItem(ev, webhookID)
			q := e.queue(webhookID)
			if q == nil {
				c.Attempts = append(c.Attempts, it.closing(switchhook.Cancelled, "the webhook was deleted"))
				rowed = append(rowed, ev.Sequence)
				continue
			}
			if due, waits := q.push(it); waits {
				c.Due = append(c.Due, due)
				rowed = append(rowed, ev.Sequence)
			}
		}
	}
	if len(rowed) > 0 {
		e.submit(&c, rowed)
	}
}

// Recover takes up what an earlier process left open. It is called once, after
// SetWebhooks and before the first Add.
func (e *Engine) Recover(ctx context.Context) (open int, err error) {
	now := time.Now()
	err = e.o.Store.Recover(ctx, func(od switchhook.OpenDelivery) error {
		if od.Event.Resources == nil {
			if err := catalogue.Attach(od.Event); err != nil {
				return err
			}
		}
		open++
		it := newItem(od.Event, od.WebhookID)
		if od.Due != nil {
			it.rowed, it.attempts, it.due, it.heldSince = true, od.Due.Attempts, od.Due.At, od.Due.HeldSince
		} else {
			e.tracker.open(od.Event.Sequence)
		}
		q := e.queue(od.WebhookID)
		if q == nil {
			e.finish(it, it.closing(switchhook.Cancelled, "the webhook was deleted"))
			return nil
		}
		q.restore(it, now)
		return nil
	})
	return open, err
}

// finish records the end of a delivery.
func (e *Engine) finish(it *item, a *switchhook.Attempt) {
	c := &switchhook.Commit{Attempts: []*switchhook.Attempt{a}}
	if it.rowed {
		c.Settled = []switchhook.DeliveryRef{it.ref()}
		e.submit(c, nil)
	} else {
		e.submit(c, []int64{it.ev.Sequence})
	}
}

// retryCommit is how long the engine waits before it hands the same commit to
// the store again.
const retryCommit = time.Second

// submit commits, again and again until it is done: an outcome is never lost
// while the process lives. closed are the sequences of events that have one
// open delivery less for each time they are named.
func (e *Engine) submit(c *switchhook.Commit, closed []int64) {
	e.submitThen(c, closed, func() {})
}

// submitThen is submit that calls then once the commit is durable.
func (e *Engine) submitThen(c *switchhook.Commit, closed []int64, then func()) {
	c.Watermark = e.tracker.watermark()
	c.Done = func(err error) {
		if err != nil {
			if !e.failing.Swap(true) {
				e.o.Logger.Error("outcomes cannot be recorded; they are kept and tried again until they are", "error", err)
			}
			time.AfterFunc(retryCommit, func() {
				if !e.stopped() {
					e.o.Store.Submit(c)
				}
			})
			return
		}
		if e.failing.Swap(false) {
			e.o.Logger.Info("outcomes are recorded again")
		}
		for _, seq := range closed {
			e.tracker.close(seq)
		}
		if len(c.Attempts) > 0 && e.o.Recorded != nil {
			e.o.Recorded()
		}
		then()
	}
	e.o.Store.Submit(c)
}

func (e *Engine) stopped() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.stopping
}

// cutOff is how long Stop waits for requests that it has cut off.
const cutOff = 2 * time.Second

// Stop starts no more requests and waits for those under way until ctx ends;
// then it cuts them off. What is open stays open in the store.
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	e.stopping = true
	for _, q := range e.queues {
		q.stop()
	}
	e.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		e.wg.Wait()
		close(idle)
	}()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = errors.New("some requests were still under way and were cut off")
		e.cancel()
		select {
		case <-idle:
		case <-time.After(cutOff): // something heeds no cancellation: it must not keep the process
		}
	}
	e.cancel()
	done := make(chan struct{})
	e.o.Store.Submit(&switchhook.Commit{Watermark: e.tracker.watermark(), Done: func(error) { close(done) }})
	<-done
	e.client.CloseIdleConnections()
	return err
}

// Status says how a webhook fares, for people to see.
func (e *Engine) Status(webhookID string) (status string, stats map[string]any) {
	q := e.queue(webhookID)
	if q == nil {
		return "disabled", map[string]any{}
	}
	return q.status()
}
