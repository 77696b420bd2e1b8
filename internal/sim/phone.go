package sim

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook"
)

const (
	// usualPause is how long a step of a scenario lasts on the whole, at rates
	// that a person can follow. A call of fifteen events takes some ten seconds.
	usualPause = 600 * time.Millisecond
	// usualLines is how many things go on at once at most, unless told otherwise.
	usualLines = 64
	// windUp is how long a phone that was told to stop may take to hang up.
	windUp = 10 * time.Second
	// longestPlay bounds one scenario.
	longestPlay = 5 * time.Minute
)

// A Phone is the simulated phone system of a company. It tells what happens
// through the API, each call's events in order, many calls side by side, and
// says only what a phone system knows at that moment: Switchhook has to
// remember the rest.
type Phone struct {
	// Client speaks to Switchhook.
	Client *Client
	// Account is the account that it all happens in.
	Account string
	// Seed makes what happens, and the ids of the events, the same each time.
	// Zero: other ones each time, as an account that keeps its events needs.
	Seed uint64
	// Lines bounds how many calls and other things go on at once. Zero means 64.
	Lines int

	once    sync.Once
	idle    chan person // agents who are free
	next    atomic.Uint64
	eventNo atomic.Uint64
	retries atomic.Int64

	mu       sync.Mutex
	accepted []Accepted
	changes  int
	failed   error // the first refusal
}

// Accepted is an event that Switchhook has acknowledged.
type Accepted struct {
	ID   string
	Type string
	// Thread is the scenario that told it. One thread's events were posted one
	// after another, each when the one before had been accepted.
	Thread uint64
	// Deliveries is how many it was said to have.
	Deliveries int
	// Duplicate: an earlier try had been accepted, but its answer got lost.
	Duplicate bool
	// Letter is the mail that it has to become, where mails are sent. Nil: none that the
	// phone knows of.
	Letter *Letter
}

// Accepted returns the events that were acknowledged so far.
func (p *Phone) Accepted() []Accepted {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.accepted)
}

// Changes is how many changes of the directory were acknowledged. Each makes an
// event that the API names, not the phone.
func (p *Phone) Changes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changes
}

// Retries is how many requests had to be made again.
func (p *Phone) Retries() int { return int(p.retries.Load()) }

// Run plays until ctx ends, at about rate events a second; 0 means as fast as
// it goes. Then no new call comes, and those under way come to their end
// without pauses. It returns an error if Switchhook refuses an event, or cannot
// be reached until well after the end.
func (p *Phone) Run(ctx context.Context, rate float64) error {
	p.once.Do(p.prepare)
	lines, pause := cmp.Or(p.Lines, usualLines), time.Duration(0)
	if rate > 0 {
		// Somewhat more lines than the rate needs; the pacer holds them back.
		lines = min(lines, max(int(math.Ceil(rate*usualPause.Seconds()*1.3)), 4))
		pause = min(usualPause, time.Duration(float64(lines)/(rate*1.3)*float64(time.Second)))
	}
	pace := &pacer{rate: rate}

	run, stop := context.WithCancel(ctx)
	defer stop()
	// Posts outlive the run: a call that was begun is told to its end.
	post, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var guard sync.WaitGroup
	finished := make(chan struct{})
	guard.Go(func() {
		select {
		case <-run.Done():
		case <-finished:
			return
		}
		t := time.NewTimer(windUp)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-finished:
		}
	})

	var wg sync.WaitGroup
	for range lines {
		wg.Go(func() {
			for run.Err() == nil {
				n := p.next.Add(1) - 1
				l := &line{phone: p, dice: newDice(p.Seed, n), thread: n, pause: pause, pace: pace, stopped: run.Done()}
				scenarioOf(n)(post, l)
				if l.err != nil {
					p.fail(l.err)
					stop()
				}
			}
		})
	}
	wg.Wait()
	close(finished)
	guard.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

func (p *Phone) prepare() {
	if p.Seed == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:]) // documented never to fail
		p.Seed = binary.BigEndian.Uint64(b[:])
	}
	p.idle = make(chan person, len(agents()))
	for _, a := range agents() {
		p.idle <- a
	}
}

func (p *Phone) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
	}
}

// persist makes a request until it succeeds or is refused for good.
func (p *Phone) persist(ctx context.Context, request func() error) error {
	for delay := 50 * time.Millisecond; ; delay = min(2*delay, 2*time.Second) {
		err := request()
		if err == nil || !Temporary(err) || ctx.Err() != nil {
			return err
		}
		p.retries.Add(1)
		wait := delay
		if api, ok := errors.AsType[*APIError](err); ok {
			wait = max(wait, min(api.RetryAfter, 5*time.Second))
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return err
		}
	}
}

// A line is one scenario under way: a call, a conversation, an order. After an
// error it says nothing more.
type line struct {
	dice
	phone   *Phone
	thread  uint64
	pause   time.Duration
	pace    *pacer
	stopped <-chan struct{}
	told    func(Accepted) // nil: nobody asks
	err     error
}

// say tells an event, and waits until it is accepted.
func (l *line) say(ctx context.Context, typ string, data obj) { l.post(ctx, typ, data, nil) }

// post tells an event that becomes a mail.
func (l *line) post(ctx context.Context, typ string, data obj, letter *Letter) {
	if l.err != nil {
		return
	}
	l.pace.wait(l.stopped)
	p := l.phone
	in := Input{
		ID:   "sim-" + strconv.FormatUint(p.Seed, 36) + "-" + strconv.FormatUint(p.eventNo.Add(1), 10),
		Type: typ, AccountID: p.Account, OccurredAt: time.Now().UTC(), Data: data,
	}
	var receipt switchhook.Receipt
	err := p.persist(ctx, func() error {
		receipts, err := p.Client.Post(ctx, in)
		if err == nil {
			receipt = receipts[0]
		}
		return err
	})
	if err == nil && receipt.ID != in.ID {
		err = fmt.Errorf("the event %s was accepted as %q", in.ID, receipt.ID)
	}
	if err != nil {
		l.err = fmt.Errorf("the phone system could not tell %s: %w", typ, err)
		return
	}
	a := Accepted{ID: in.ID, Type: typ, Thread: l.thread, Deliveries: receipt.Deliveries, Duplicate: receipt.Duplicate, Letter: letter}
	if l.told != nil {
		l.told(a)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted = append(p.accepted, a)
}

// put changes a record of the directory. row has to differ from what is there.
func (l *line) put(ctx context.Context, schema, id string, row obj) {
	l.change(ctx, schema, id, func() error { return l.phone.Client.PutRecord(ctx, l.phone.Account, schema, id, row) })
}

func (l *line) remove(ctx context.Context, schema, id string) {
	again := false
	l.change(ctx, schema, id, func() error {
		err := l.phone.Client.DeleteRecord(ctx, l.phone.Account, schema, id)
		if api, ok := errors.AsType[*APIError](err); ok && again && api.Status == http.StatusNotFound {
			return nil // the try whose answer got lost has done it
		}
		again = true
		return err
	})
}

func (l *line) change(ctx context.Context, schema, id string, request func() error) {
	if l.err != nil {
		return
	}
	l.pace.wait(l.stopped)
	if err := l.phone.persist(ctx, request); err != nil {
		l.err = fmt.Errorf("the phone system could not change %s %s: %w", schema, id, err)
		return
	}
	l.phone.mu.Lock()
	defer l.phone.mu.Unlock()
	l.phone.changes++
}

// rest lets some time pass: steps is 1 for a usual step of a call.
func (l *line) rest(steps float64) {
	d := time.Duration(float64(l.pause) * steps * (0.6 + 0.8*l.Float64()))
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.stopped:
	}
}

// A pacer hands out turns at a rate. It makes up for at most a tenth of a
// second that nobody used.
type pacer struct {
	rate float64
	mu   sync.Mutex
	last time.Time
}

func (p *pacer) wait(stopped <-chan struct{}) {
	if p.rate <= 0 {
		return
	}
	p.mu.Lock()
	now := time.Now()
	turn := p.last.Add(time.Duration(float64(time.Second) / p.rate))
	if earliest := now.Add(-time.Second / 10); turn.Before(earliest) {
		turn = earliest
	}
	p.last = turn
	p.mu.Unlock()
	if d := turn.Sub(now); d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-stopped:
		}
	}
}
