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
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
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
	Backlogs(ctx context.Context, fn func(webhookID string, rows int) error) error
	Lanes(ctx context.Context, webhookID string, fn func(lane uint64) error) error
	Due(ctx context.Context, webhookID string, after int64, limit int) ([]switchhook.OpenDelivery, error)
	Strays(ctx context.Context, webhookID string, until time.Time, limit int) ([]switchhook.OpenDelivery, error)
	Oldest(ctx context.Context, webhookID string) (*switchhook.OpenDelivery, error)
	Gates(ctx context.Context) ([]switchhook.Gate, error)
}

// Transport sends a request and returns the answer, as a wire.Client does.
type Transport interface {
	Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error)
	CloseIdleConnections()
}

// A Score counts what comes of a webhook's deliveries: each attempt that is recorded, and
// each delivery that ends without one, when its event was accepted. It must not block.
type Score interface {
	Count(a *switchhook.Attempt, acceptedAt time.Time)
}

// Options configures an Engine. Store and Logger are required.
type Options struct {
	Store    Store
	Dialects []dialect.Dialect
	// AllowNetworks are the private networks that all webhooks may reach.
	AllowNetworks []netip.Prefix
	// Reach says which private networks an account's webhooks may reach besides, and
	// whether its people may see what is answered from private networks. Nil: no others;
	// they may.
	Reach func(accountID string) (networks []netip.Prefix, shown bool)
	// Transport sends the requests. Nil means a wire.Client that reaches AllowNetworks.
	Transport Transport
	// Version is told in the user-agent header.
	Version string
	// Disable is called when a receiver says that it is gone for good (410),
	// or fails too often under the policy kazoo, on a goroutine of its own. version
	// is when the webhook that failed was last changed: one that was changed since
	// is another. Nil: nobody is told.
	Disable func(webhookID, reason string, version time.Time)
	// DisableAfter is for how long every attempt of a webhook may fail before it is
	// disabled. 0: for ever.
	DisableAfter time.Duration
	// Resume lets the store take commits again after one has failed. Nil: somebody
	// else sees to it.
	Resume func(context.Context) error
	// Made returns a webhook that is not among those of SetWebhooks, and nil where there is
	// none of that id: see made.go. The same pointer is the same webhook. Nil: there are none.
	Made func(webhookID string) *switchhook.Webhook
	// Held reports whether nobody else may send what the store has open. Nil: nobody
	// ever does.
	Held func() bool
	// Score returns what counts for a webhook. Nil: nobody counts.
	Score func(webhookID string) Score
	// Recorded is called after attempts have become durable. It must not
	// block. Nil: nobody is told.
	Recorded func()
	// Now is the clock, which may jump. Nil: the machine's.
	Now func() time.Time
	// Metrics registers the engine's metrics. Nil: none.
	Metrics prometheus.Registerer
	Logger  *slog.Logger
}

// Engine delivers. It is safe for concurrent use.
type Engine struct {
	o         Options
	dialects  map[string]dialect.Dialect
	transport Transport
	agent     string // the user-agent header
	metrics   metrics
	tracker   tracker

	ctx    context.Context //nolint:containedctx // the life of all requests under way; Stop cancels it
	cancel context.CancelFunc
	wg     sync.WaitGroup // jobs of workers, and reading what waits
	idle   chan job       // taken from by workers that have nothing to do

	sizes  sizes
	outbox outbox
	shares *shares
	memory atomic.Int64 // bytes that open deliveries take, roughly

	asking atomic.Bool // it is about to be asked again whether the store is held

	setting  sync.Mutex            // held while webhooks are set
	webhooks []*switchhook.Webhook // as they were set

	mu              sync.RWMutex
	queues          map[string]*queue
	made, madeLimit int // of queues, those that were made when they were needed; how many there may be

	open sync.Map // account → *atomic.Int64: how many deliveries to its webhooks are open
}

// memoryForOpen is how much memory open deliveries may take before all webhooks
// have to leave more of theirs to their rows, in bytes.
const memoryForOpen = 64 << 20

func (e *Engine) tight() bool { return e.memory.Load() > memoryForOpen }

// New returns an engine without webhooks.
func New(o Options) *Engine {
	ctx, cancel := context.WithCancel(context.Background())
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Engine{madeLimit: mostMade, sizes: usual, o: o, dialects: map[string]dialect.Dialect{}, ctx: ctx, cancel: cancel, idle: make(chan job), queues: map[string]*queue{}}
	for _, d := range o.Dialects {
		e.dialects[d.Name()] = d
	}
	transport := o.Transport
	if transport == nil {
		transport = &wire.Client{Networks: o.AllowNetworks}
	}
	e.transport, e.agent = transport, "Switchhook/"+o.Version
	e.outbox.init(o.Store, o.Resume, e.goOn, o.Logger)
	e.shares = newShares((*queue).granted)
	e.metrics = newMetrics(o.Metrics)
	return e
}

// Senders says how many processes send for this engine: as many times more requests are
// under way at once. One, until it is told.
func (e *Engine) Senders(n int) {
	e.shares.senders(n)
	e.metrics.senders.Set(float64(n))
}

// halted reports whether nothing is to be sent for now: too many outcomes wait for the
// store, or what it has open may be another process's by now.
func (e *Engine) halted() bool {
	if e.outbox.full() {
		return true
	}
	if e.o.Held == nil || e.o.Held() {
		return false
	}
	if e.asking.CompareAndSwap(false, true) {
		time.AfterFunc(retryCommit/2, func() {
			e.asking.Store(false)
			e.goOn()
		})
	}
	return true
}

// goOn lets all webhooks go on after something that concerned them all.
func (e *Engine) goOn() {
	for _, q := range e.all() {
		q.do(func(*machine, time.Time) {})
	}
}

func (e *Engine) all() []*queue {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return slices.Collect(maps.Values(e.queues))
}

// SetWebhooks replaces the webhooks. What waits for one that is gone or disabled is
// cancelled. Those that are the same as before are not looked at (see
// switchhook.WebhooksChanged).
func (e *Engine) SetWebhooks(webhooks []*switchhook.Webhook) {
	e.setting.Lock()
	defer e.setting.Unlock()
	changed, gone := switchhook.WebhooksChanged(e.webhooks, webhooks)
	e.webhooks = slices.Clone(webhooks)
	for _, w := range changed {
		d, q := e.dialects[w.Dialect], e.known(w.ID)
		switch {
		case d == nil:
			gone = append(gone, w.ID)
		case q != nil:
			q.configure(w, d)
		default:
			q = newQueue(e, w, d)
			e.mu.Lock()
			e.queues[w.ID] = q
			e.mu.Unlock()
		}
	}
	for _, id := range gone {
		if q := e.known(id); q != nil {
			q.delete()
			e.mu.Lock()
			delete(e.queues, id)
			e.mu.Unlock()
		}
	}
}

// SetReach takes over that Options.Reach says another thing of an account than before.
func (e *Engine) SetReach(accountID string) {
	e.setting.Lock()
	defer e.setting.Unlock()
	for _, w := range e.webhooks {
		if q := e.known(w.ID); q != nil && w.AccountID == accountID {
			q.configure(w, e.dialects[w.Dialect])
		}
	}
}

// queue is that of a webhook. nil: there is no such webhook.
func (e *Engine) queue(webhookID string) *queue {
	if q := e.known(webhookID); q != nil {
		return q
	}
	return e.make(webhookID)
}

func (e *Engine) known(webhookID string) *queue {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.queues[webhookID]
}

// locked is the queue of a webhook with its lock held, one that takes something. nil: there
// is no such webhook.
func (e *Engine) locked(webhookID string) *queue {
	for {
		q := e.queue(webhookID)
		if q == nil {
			return nil
		}
		if q.mu.Lock(); !q.gone {
			return q
		}
		q.mu.Unlock()
	}
}

// Add takes over the deliveries of events that have just been committed, in the
// order of the commits.
func (e *Engine) Add(events []*switchhook.Event) {
	for _, ev := range events {
		e.tracker.add(ev.Sequence, len(ev.Targets))
		for _, webhookID := range ev.Targets {
			e.add(newDelivery(ev, webhookID))
		}
	}
}

func (e *Engine) add(d *delivery) {
	q := e.locked(d.webhookID)
	if q == nil {
		a := d.closing(switchhook.Cancelled, deleted, e.o.Now())
		e.submit(&switchhook.Commit{Attempts: []*switchhook.Attempt{a}}, []int64{d.ev.Sequence}, nil)
		return
	}
	defer q.mu.Unlock()
	now := e.o.Now()
	q.m.push(d, now)
	q.after(now)
}

const deleted = "the webhook was deleted"

// Recover takes up what an earlier process left open. It is called once, after
// SetWebhooks and before the first Add. Rows stay rows until there is room for
// them, so that a long backlog does not make a long start.
func (e *Engine) Recover(ctx context.Context) (open int, err error) {
	gates, err := e.o.Store.Gates(ctx)
	if err != nil {
		return 0, err
	}
	for _, g := range gates {
		if q := e.locked(g.WebhookID); q != nil {
			q.m.gate.restore(g, e.o.Now())
			q.mu.Unlock()
		}
	}
	backlogs := map[string]int{}
	err = e.o.Store.Backlogs(ctx, func(webhookID string, rows int) error {
		backlogs[webhookID] = rows
		return nil
	})
	if err != nil {
		return 0, err
	}
	for id, rows := range backlogs {
		open += rows
		if err := e.survey(ctx, id, rows); err != nil {
			return 0, err
		}
	}
	err = e.o.Store.Recover(ctx, func(o switchhook.OpenDelivery) error {
		open++
		e.tracker.open(o.Event.Sequence)
		e.add(newDelivery(o.Event, o.WebhookID))
		return nil
	})
	if err != nil {
		return 0, err
	}
	for id := range backlogs {
		if q := e.queue(id); q != nil {
			q.do(func(m *machine, _ time.Time) { m.fetchFailed(true, true) })
		}
	}
	return open, nil
}

// survey learns of a webhook's rows without reading what they stand for.
func (e *Engine) survey(ctx context.Context, webhookID string, rows int) error {
	q := e.queue(webhookID)
	if q == nil { // deleted while it had rows: they are still to be closed
		q = newQueue(e, &switchhook.Webhook{ID: webhookID, Enabled: true}, nil)
		q.delete()
		e.mu.Lock()
		e.queues[webhookID] = q
		e.mu.Unlock()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	err := e.o.Store.Lanes(ctx, webhookID, func(lane uint64) error {
		q.m.away.n++
		q.m.away.lanes[lane]++
		return nil
	})
	q.m.away.strays = rows - q.m.away.n
	q.m.away.fetching, q.m.away.fetchingStrays = true, true
	return err
}

// submit commits, again and again until it is done: an outcome is never lost
// while the process lives. closed are the sequences of events that have one
// open delivery less for each time they are named. then is called once the commit
// is durable; it may be nil.
func (e *Engine) submit(c *switchhook.Commit, closed []int64, then func()) {
	c.Watermark = e.tracker.watermark()
	e.outbox.submit(c, func() {
		e.tracker.close(closed)
		if len(c.Attempts) > 0 && e.o.Recorded != nil {
			e.o.Recorded()
		}
		if then != nil {
			then()
		}
	})
}

// cutOff is how long Stop waits for requests that it has cut off.
const cutOff = 2 * time.Second

// Stop starts no more requests and waits for those under way until ctx ends;
// then it cuts them off. What is open stays open in the store.
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	e.outbox.stop()
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
	e.outbox.last(context.WithoutCancel(ctx)) // however long the requests took
	done := make(chan struct{})
	e.o.Store.Submit(&switchhook.Commit{Watermark: e.tracker.watermark(), Done: func(error) { close(done) }})
	<-done
	e.transport.CloseIdleConnections()
	return err
}

// Status says how a webhook fares, for people to see.
func (e *Engine) Status(webhookID string) (status string, stats map[string]any) {
	q := e.queue(webhookID)
	if q == nil {
		return "disabled", map[string]any{}
	}
	status, stats = q.status()
	if t := q.waitsSince(); !t.IsZero() {
		stats["oldest_waiting_at"] = t.UTC()
	}
	return status, stats
}

// Open is how many deliveries to an account's webhooks are open.
func (e *Engine) Open(accountID string) int { return int(e.openOf(accountID).Load()) }

func (e *Engine) openOf(accountID string) *atomic.Int64 {
	v, ok := e.open.Load(accountID)
	if !ok {
		v, _ = e.open.LoadOrStore(accountID, new(atomic.Int64))
	}
	n, _ := v.(*atomic.Int64) // it has nothing else
	return n
}

// Again makes deliveries of past events to a webhook once more, those that are
// open excepted, and returns how many. They are durable together with the job that
// wanted them, if there is one, before anything else that the webhook does.
// CodeNotFound: there is no such webhook; CodeConflict: it is disabled.
func (e *Engine) Again(webhookID string, events []*switchhook.Event, job *switchhook.Job) (made int, err error) {
	q := e.locked(webhookID)
	if q == nil {
		return 0, switchhook.Errorf(switchhook.CodeNotFound, "there is no webhook %q", webhookID)
	}
	defer q.mu.Unlock()
	if q.m.gate.state == closed {
		return 0, switchhook.Errorf(switchhook.CodeConflict, "%s; enable it first", q.m.gate.reason)
	}
	now := e.o.Now()
	for _, ev := range events {
		d := newDelivery(ev, webhookID)
		d.replay = true
		if q.m.again(d, now) {
			made++
		}
	}
	if job != nil {
		job.Made += int64(made)
	}
	q.commit(job)
	q.after(now)
	return made, nil
}
