package deliver_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/dialect"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/store/memory"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "replay the schedule of this seed, up to 200 times")
	update   = flag.Bool("update", false, "write the drawings anew")
	simCount = flag.Int("sim.count", 0, "how many schedules to run; 0: as many as suit a test")
)

// TestSimulation runs the engine through schedules of accidents, each of its own
// seed: processes that die at any moment, disks that are slow, full or cannot be
// read, clocks that jump, receivers that are slow, flaky, down for hours, or hang.
// Days pass in milliseconds. What was accepted must arrive, in the order of its
// key, under one id; and what came twice must have been under way when a process
// died.
//
//	go test ./internal/deliver -run TestSimulation -sim.seed 4711 -v
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *simSeed != 0 {
		// Goroutines still meet in the order that they like, so one try may not do.
		for i := 0; i < 200 && !t.Failed(); i++ {
			synctest.Test(t, func(t *testing.T) { simulate(t, *simSeed) })
		}
		return
	}
	count := *simCount
	if count == 0 {
		count = 2000
		if testing.Short() || raceEnabled {
			count = 200
		}
	}
	first := uint64(1)
	for worker := range 2 {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			for i := worker; i < count && !t.Failed(); i += 2 {
				synctest.Test(t, func(t *testing.T) { simulate(t, first+uint64(i)) })
			}
		})
	}
}

// world is what outlives a process: the disk, the receivers, and what they know.
type world struct {
	t     *testing.T
	seed  uint64
	store *memory.Store
	hooks []*switchhook.Webhook
	disk  *disk
	e     *deliver.Engine
	begun time.Time
	rnd   *rand.Rand

	processes int

	mu       sync.Mutex
	skew     time.Duration // of the wall clock
	seq      int64
	accepted map[string]*switchhook.Event // by id
	weather  map[string]weather           // by webhook
	tries    map[[2]string]int
	arrivals []arrival
	unknown  map[[2]string]int // how often nobody could know that a delivery had come
	log      []string
}

// weather is how a receiver fares.
type weather struct {
	down  bool
	fails float64       // how often it answers 500
	slow  time.Duration // up to this
	hangs bool
}

// arrival is a request that a receiver answered with success.
type arrival struct {
	hook, key, event, id string
	seq                  int64
}

// chance and upTo are for the one goroutine that makes things happen.
func (w *world) chance(p float64) bool { return w.rnd.Float64() < p }

func (w *world) upTo(d time.Duration) time.Duration {
	return time.Duration(w.rnd.Float64() * float64(d))
}

// fate is what becomes of one thing, in [0,1): the same whenever it is asked for,
// whichever goroutine comes first.
func (w *world) fate(of ...any) float64 {
	h := fnv.New64a()
	fmt.Fprintln(h, w.seed, of)
	return rand.New(rand.NewPCG(w.seed, h.Sum64())).Float64()
}

func (w *world) pause(d time.Duration, of ...any) {
	time.Sleep(time.Duration(w.fate(of...) * float64(d)))
}

func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf("%8.2fs ", time.Since(w.begun).Seconds())+fmt.Sprintf(format, args...))
}

// now is the wall clock, without the monotonic reading that would hide its jumps.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.skew).Round(0)
}

// disk is the store as one process has it: slow, and gone when the process is.
type disk struct {
	*memory.Store
	w *world

	mu      sync.Mutex
	queue   []*switchhook.Commit
	runs    bool
	dead    bool
	process int // its number
	n       int // what it has written
}

func (d *disk) Submit(c *switchhook.Commit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append(d.queue, c)
	if !d.runs {
		d.runs = true
		go d.write()
	}
}

func (d *disk) write() {
	for {
		d.mu.Lock()
		d.n++
		n := d.n
		d.mu.Unlock()
		d.w.pause(20*time.Millisecond, "write", d.process, n)
		d.mu.Lock()
		if len(d.queue) == 0 {
			d.runs = false
			d.mu.Unlock()
			return
		}
		c := d.queue[0]
		d.queue = d.queue[1:]
		if d.dead {
			d.mu.Unlock()
			c.Done(errDisk) // the dead hear no more than that
			continue
		}
		copied := *c
		d.Store.Submit(&copied)
		d.mu.Unlock()
	}
}

func (d *disk) resume(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errDisk
	}
	return d.w.store.Resume(ctx)
}

func (d *disk) isDead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

func (d *disk) Recover(ctx context.Context, fn func(switchhook.OpenDelivery) error) error {
	n := 0
	return d.Store.Recover(ctx, func(o switchhook.OpenDelivery) error {
		n++
		d.w.pause(20*time.Millisecond, "recover", d.process, n)
		return fn(o)
	})
}

var errDisk = errors.New("the disk has a bad moment")

func (d *disk) read(id string, after int64) error {
	d.w.pause(30*time.Millisecond, "read", d.process, id, after)
	if d.w.fate("fails", d.process, id, after, time.Since(d.w.begun)) < 0.02 {
		return errDisk
	}
	return nil
}

func (d *disk) Due(ctx context.Context, id string, after int64, n int) ([]switchhook.OpenDelivery, error) {
	if err := d.read(id, after); err != nil {
		return nil, err
	}
	rows, err := d.Store.Due(ctx, id, after, n)
	d.w.pause(30*time.Millisecond, "grows old", d.process, id, after) // what was read
	return rows, err
}

func (d *disk) Strays(ctx context.Context, id string, until time.Time, n int) ([]switchhook.OpenDelivery, error) {
	if err := d.read(id, -1); err != nil {
		return nil, err
	}
	rows, err := d.Store.Strays(ctx, id, until, n)
	d.w.pause(30*time.Millisecond, "grows old", d.process, id)
	return rows, err
}

// line is how a process reaches the receivers; it is cut when the process dies.
type line struct {
	w *world
	d *disk
}

func (l line) CloseIdleConnections() {}

func (l line) Send(ctx context.Context, req *wire.Request) (*switchhook.HTTPResponse, error) {
	w := l.w
	hook, event := req.URL.Path[1:], strings.SplitN(string(req.Body), `"`, 5)[3]
	w.mu.Lock()
	sky := w.weather[hook]
	ev := w.accepted[event]
	w.tries[[2]string{hook, event}]++
	try := w.tries[[2]string{hook, event}]
	w.mu.Unlock()
	if ev == nil {
		w.t.Errorf("seed %d: %s got the event %q, which nobody accepted", w.seed, hook, event)
		return nil, io.EOF
	}
	wait := time.Duration(w.fate("slow", hook, event, try) * float64(sky.slow))
	if left := time.Until(req.Deadline); sky.hangs || wait > left {
		return nil, hang(ctx, req)
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	status := http.StatusOK
	if sky.down || w.fate("flaky", hook, event, try) < sky.fails {
		status = http.StatusServiceUnavailable
	}
	if status == http.StatusOK {
		dead := l.d.isDead()
		w.mu.Lock()
		if dead { // it was on its way when the process died
			w.unknown[[2]string{hook, event}]++
		}
		w.arrivals = append(w.arrivals, arrival{hook: hook, key: ev.Key, event: event, id: req.Header.Get("webhook-id"), seq: ev.Sequence})
		w.mu.Unlock()
	}
	w.say("%s got %s (key %s), answered %d", hook, event, ev.Key, status)
	return &switchhook.HTTPResponse{Status: status}, nil
}

func (w *world) boot() {
	w.processes++
	w.disk = &disk{Store: w.store, w: w, process: w.processes}
	w.e = deliver.New(deliver.Options{
		Store: w.disk, Dialects: []dialect.Dialect{native.New(dialect.Env{Version: "1"})}, Transport: line{w, w.disk}, Version: "1",
		Now: w.now, Resume: w.disk.resume, Logger: slog.New(slog.DiscardHandler),
	})
	w.e.Small()
	w.e.SetWebhooks(w.hooks)
	for {
		_, err := w.e.Recover(context.Background())
		if err == nil {
			return
		}
		w.t.Fatalf("seed %d: recover: %v", w.seed, err)
	}
}

// die ends the process as kill -9 does: what it had not committed never was.
func (w *world) die() {
	w.disk.mu.Lock()
	w.disk.dead = true
	w.disk.mu.Unlock()
	w.forget()
	dead := w.e
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	go func() { _ = dead.Stop(ctx) }() // nothing of it reaches the disk any more
}

// forget: what came and was not written down was never known to the process that
// comes next.
func (w *world) forget() {
	synctest.Wait() // a commit that the store has is done
	known := w.deliveries()
	w.mu.Lock()
	defer w.mu.Unlock()
	came := map[[2]string]bool{}
	for _, a := range w.arrivals {
		came[[2]string{a.hook, a.event}] = true
	}
	for ref := range came {
		if d := known[ref]; d == nil || d.State == switchhook.Pending {
			w.unknown[ref]++
		}
	}
}

// accept commits events of random keys, and hands them over if the process lives.
func (w *world) accept(n int) {
	c := &switchhook.Commit{}
	for range n {
		w.mu.Lock()
		w.seq++
		key := ""
		if k := w.rnd.IntN(7); k > 0 {
			key = fmt.Sprintf("k%d", k)
		}
		now := time.Now().Add(w.skew).Round(0).UTC()
		ev := &switchhook.Event{
			ID: fmt.Sprintf("e%d", w.seq), Type: "custom.sim", AccountID: "acme", Key: key, Sequence: w.seq, IDGiven: true,
			OccurredAt: now, AcceptedAt: now, Data: []byte(`{}`), Resources: &switchhook.Resources{},
		}
		w.mu.Unlock()
		for _, h := range w.hooks {
			ev.Targets = append(ev.Targets, h.ID)
		}
		c.Events = append(c.Events, ev)
	}
	e, done := w.e, make(chan error, 1)
	for _, ev := range c.Events {
		w.mu.Lock()
		w.accepted[ev.ID] = ev // it may arrive before we are told
		w.mu.Unlock()
	}
	c.Done = func(err error) {
		if err == nil {
			e.Add(c.Events)
		}
		done <- err
	}
	w.disk.Submit(c)
	select {
	case err := <-done:
		if err != nil {
			w.refused(c.Events)
		}
	case <-time.After(time.Minute):
		w.refused(c.Events) // never acknowledged; it may still come, or not
	}
}

// refused: nobody was promised that these arrive.
func (w *world) refused(events []*switchhook.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ev := range events {
		ev.IDGiven = false // marks it as not acknowledged
	}
}

func simulate(t *testing.T, seed uint64) {
	t.Helper()
	w := &world{
		t: t, seed: seed, store: memory.New(), rnd: rand.New(rand.NewPCG(seed, seed)), begun: time.Now(),
		accepted: map[string]*switchhook.Event{}, weather: map[string]weather{}, unknown: map[[2]string]int{}, tries: map[[2]string]int{},
	}
	for i := range 1 + w.rnd.IntN(3) {
		h := hook(fmt.Sprintf("wh_%d", i))
		h.Hold = switchhook.Duration(100 * 24 * time.Hour) // order is never given up
		h.MaxConcurrency = 1 + w.rnd.IntN(4)
		if w.rnd.IntN(4) == 0 {
			h.RateLimit = 0.1 + 20*w.rnd.Float64()*w.rnd.Float64()
		}
		if w.rnd.IntN(2) == 0 {
			h.Retry.Schedule = slices.Repeat([]switchhook.Duration{switchhook.Duration(time.Second), switchhook.Duration(20 * time.Minute)}, 100)
		}
		w.hooks = append(w.hooks, h)
		w.weather[h.ID] = weather{}
	}
	w.boot()
	for range 10 + w.rnd.IntN(30) {
		w.step()
		time.Sleep(w.upTo([]time.Duration{0, 100 * time.Millisecond, 5 * time.Second, 10 * time.Minute}[w.upTo(4)]))
	}
	// The accidents end; all must come to rest.
	w.mu.Lock()
	for id := range w.weather {
		w.weather[id] = weather{}
	}
	w.mu.Unlock()
	w.unpause()
	for range 20 {
		time.Sleep(24 * time.Hour)
		if w.open() == 0 {
			break
		}
	}
	w.check()
	for _, h := range w.hooks {
		if l := w.e.Leftovers(h.ID); l != "" {
			t.Errorf("seed %d: leftovers %s: %s", seed, h.ID, l)
		}
	}
	if l := w.e.SharesLeft(); l != "" {
		t.Errorf("seed %d: shares %s", seed, l)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.e.Stop(ctx); err != nil {
		t.Errorf("seed %d: stop: %v", seed, err)
	}
	time.Sleep(time.Minute) // what is left of the dead ends too
	if t.Failed() {
		for _, h := range w.hooks {
			w.say("%s: %s", h.ID, w.e.Dump(h.ID))
		}
		t.Logf("seed %d:\n%s", seed, strings.Join(w.log, "\n"))
	}
}

// step is one thing that happens.
func (w *world) step() {
	w.mu.Lock()
	what, hook := w.rnd.IntN(26), w.hooks[w.rnd.IntN(len(w.hooks))].ID
	n := 1 + w.rnd.IntN(12)
	hours := time.Duration(w.rnd.IntN(49)-24) * time.Hour
	sky := weather{down: w.rnd.IntN(3) == 0, fails: max(0, w.rnd.Float64()-0.3), slow: time.Duration(w.rnd.IntN(4)) * 7 * time.Second, hangs: w.rnd.IntN(8) == 0}
	w.mu.Unlock()
	switch what {
	case 0, 1:
		w.say("the process dies")
		w.die()
		time.Sleep(w.upTo(time.Minute))
		w.boot()
	case 2:
		w.say("the process stops in order")
		ctx, cancel := context.WithTimeout(context.Background(), w.upTo(20*time.Second)+1)
		_ = w.e.Stop(ctx) // cut off is fine
		cancel()
		w.disk.mu.Lock()
		w.disk.dead = true
		w.disk.mu.Unlock()
		w.forget()
		w.boot()
	case 3:
		w.say("the clock jumps by %s", hours)
		w.mu.Lock()
		w.skew += hours
		w.mu.Unlock()
	case 4:
		w.say("a commit fails")
		w.store.Fail(errors.New("disk full"))
	case 5, 6, 7:
		w.say("the weather at %s: %+v", hook, sky)
		w.mu.Lock()
		w.weather[hook] = sky
		w.mu.Unlock()
	case 8:
		w.mu.Lock()
		w.weather[hook] = weather{}
		w.mu.Unlock()
		w.say("%s is well again", hook)
	case 9:
		w.togglePause(hook)
	case 10:
		w.again(hook)
	case 12:
		w.say("retire")
		w.e.Retire(w.begun.Add(-1000*time.Hour), nil)
	case 13:
		w.say("%s changes", hook)
		for i, h := range w.hooks {
			if h.ID == hook {
				changed := *h
				changed.MaxConcurrency = 1 + n%5
				changed.UpdatedAt = changed.UpdatedAt.Add(time.Second)
				w.hooks[i] = &changed
			}
		}
		w.e.SetWebhooks(w.hooks)
	case 11:
		w.say("what waits for its next try is hastened")
		for ref := range w.deliveries() {
			w.e.Hasten(ref[0], w.accepted[ref[1]].Sequence)
		}
	default:
		w.say("%d events", n)
		w.accept(n)
	}
}

// again asks once more for some of what a webhook has got.
func (w *world) again(hook string) {
	synctest.Wait()
	for ref, d := range w.deliveries() {
		if ref[0] != hook || d.State == switchhook.Pending || !w.chance(0.3) {
			continue
		}
		made, err := w.e.Again(hook, []*switchhook.Event{w.accepted[ref[1]]}, nil)
		if err != nil {
			w.t.Errorf("seed %d: again: %v", w.seed, err)
		}
		w.say("%s is to get %s again: %d", hook, ref[1], made)
		w.mu.Lock()
		w.unknown[ref] += made
		w.mu.Unlock()
	}
}

func (w *world) togglePause(id string) {
	for i, h := range w.hooks {
		if h.ID == id {
			changed := *h
			if changed.PausedAt.IsZero() {
				changed.PausedAt = w.now()
			} else {
				changed.PausedAt = time.Time{}
			}
			changed.UpdatedAt = changed.UpdatedAt.Add(time.Second)
			w.hooks[i] = &changed
			w.say("%s paused: %v", id, !changed.PausedAt.IsZero())
		}
	}
	w.e.SetWebhooks(w.hooks)
}

func (w *world) unpause() {
	for _, h := range w.hooks {
		if !h.PausedAt.IsZero() {
			w.togglePause(h.ID)
		}
	}
}

// deliveries are all that the store knows, by webhook and event.
func (w *world) deliveries() map[[2]string]*switchhook.Delivery {
	all := map[[2]string]*switchhook.Delivery{}
	list, _, err := w.store.Deliveries(context.Background(), switchhook.DeliveryFilter{}, switchhook.Page{Limit: 100000})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range list {
		all[[2]string{d.WebhookID, d.EventID}] = d
	}
	return all
}

func (w *world) open() (n int) {
	for _, d := range w.deliveries() {
		if d.State == switchhook.Pending {
			n++
		}
	}
	return n
}

// check holds what came against what was promised.
func (w *world) check() {
	known := w.deliveries()
	w.mu.Lock()
	defer w.mu.Unlock()
	times := map[[2]string]int{}
	ids := map[string][2]string{}
	highest := map[[2]string]int64{}
	for _, a := range w.arrivals {
		ref := [2]string{a.hook, a.event}
		times[ref]++
		if owner, has := ids[a.id]; has && owner != ref {
			w.t.Errorf("seed %d: %v and %v have the same id", w.seed, ref, owner)
		}
		ids[a.id] = ref
		if a.id != switchhook.DeliveryID("acme", a.event, a.hook) {
			w.t.Errorf("seed %d: %v came under the id %s", w.seed, ref, a.id)
		}
		lane := [2]string{a.hook, a.key}
		if a.key != "" && times[ref] == 1 {
			if a.seq < highest[lane] {
				w.t.Errorf("seed %d: %s got %s of key %s after a later one", w.seed, a.hook, a.event, a.key)
			}
			highest[lane] = max(highest[lane], a.seq)
		}
	}
	for id, ev := range w.accepted {
		for _, h := range ev.Targets {
			ref := [2]string{h, id}
			d := known[ref]
			switch {
			case d == nil && ev.IDGiven:
				w.t.Errorf("seed %d: %v was acknowledged and is not known", w.seed, ref)
			case d != nil && d.State != switchhook.Delivered:
				w.t.Errorf("seed %d: %v is %s in the end: %s", w.seed, ref, d.State, d.Reason)
			case times[ref] > 1+w.unknown[ref]:
				w.t.Errorf("seed %d: %v came %d times, and only %d times nobody could know", w.seed, ref, times[ref], w.unknown[ref])
			case d != nil && times[ref] == 0:
				w.t.Errorf("seed %d: %v is said to be delivered and never came", w.seed, ref)
			}
		}
	}
}
