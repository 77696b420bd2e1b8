// Package tally counts what happens, for charts: events accepted, attempts and how they
// ended, deliveries that ended, and how long it took, by account and by webhook, over the
// last minutes, hours and days (switchhook.Windows).
//
// # What it costs
//
// To count is to add to a few numbers under a lock that nobody else wants: each account has
// its own, and each webhook one for each account whose events it gets. Every ten seconds
// what has been counted is gathered into a frame: a step's counts of all accounts and webhooks that had any, as
// bytes. A frame that is over is kept for as long as its window is, and added to the one of
// the next longer step: ten seconds to a minute, that to five, and so on.
//
// # How much it keeps
//
// There are 522 frames, 90 to 120 to a window, of maxFrame bytes at most, so what is kept
// is at most 65 MiB, in memory and in the store, however many accounts and webhooks there
// are. Where a frame would be larger (some 3,000 accounts and webhooks that have all had
// something in the same step), those with the least in it are first left without how long
// it took, and then, from about 12,000 on, out: the counts of all accounts together stay
// right. Besides, each lock takes some 300 bytes from the first time on, and while there is
// something to be gathered, 2 KB more.
//
// # What outlives what
//
// Frames are saved every minute and at the end, and read at the start, whichever process
// starts. A crash takes the counts of the last minute.
package tally

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

// saveEvery is how often what has changed is saved.
const saveEvery = time.Minute

// Store keeps frames.
type Store interface {
	// PutCounts puts counts in place of those of the same step and time, and deletes those
	// without a body: all of it or nothing.
	PutCounts(ctx context.Context, counts []switchhook.StoredCounts) error
	// Counts calls fn for all, those of a step in the order of time.
	Counts(ctx context.Context, fn func(switchhook.StoredCounts) error) error
}

// Options configures a Tally. Store and Logger are required.
type Options struct {
	Store Store
	// Now is the clock. Nil: the machine's.
	Now    func() time.Time
	Logger *slog.Logger
}

// A Tally counts. It is safe for concurrent use.
type Tally struct {
	o Options

	meters sync.Map // meterKey → *meter

	counting sync.Mutex
	counted  []*meter // that have something to be gathered

	mu      sync.Mutex
	names   names
	since   time.Time // when it was gathered last
	windows []window  // the shortest step first
	gone    []switchhook.StoredCounts
}

// Open returns a Tally that goes on where the last one was saved.
func Open(ctx context.Context, o Options) (*Tally, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &Tally{o: o, since: o.Now(), names: newNames()}
	for _, w := range switchhook.Windows() {
		t.windows = append(t.windows, window{Window: w})
	}
	err := o.Store.Counts(ctx, func(c switchhook.StoredCounts) error {
		i := slices.IndexFunc(t.windows, func(w window) bool { return w.Step == c.Step })
		if i < 0 || c.At.After(t.since.Add(c.Step)) { // of another program, or of a clock that was wrong
			t.gone = append(t.gone, switchhook.StoredCounts{Step: c.Step, At: c.At})
			return nil
		}
		f, err := readFrame(c.At, c.Body, &t.names)
		if err != nil { // charts are not worth a start that fails
			t.o.Logger.Warn("kept counts could not be read", "step", c.Step, "at", c.At, "error", err)
			return nil
		}
		w := &t.windows[i]
		if w.open != nil {
			w.ended = append(w.ended, w.open)
		}
		w.open = f // the newest was not over
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the counts: %w", err)
	}
	for i := range t.windows {
		t.forget(&t.windows[i])
	}
	return t, nil
}

// Accepted counts events that were accepted.
func (t *Tally) Accepted(events []*switchhook.Event) {
	for i := 0; i < len(events); {
		first := events[i]
		family := familyOf(first.Type)
		n := i + 1 // neighbours are counted together: those of one call are of one account and family
		for n < len(events) && events[n].AccountID == first.AccountID && familyOf(events[n].Type) == family {
			n++
		}
		t.meter(meterKey{account: first.AccountID}).accepted(family, uint32(n-i), first.AcceptedAt)
		i = n
	}
}

// A Score counts what is sent to one webhook. It is not for concurrent use: a webhook's
// outcomes come one after the other.
type Score struct {
	t       *Tally
	webhook string
	last    *meter // of the account whose deliveries were counted last
}

// Score returns what counts for a webhook.
func (t *Tally) Score(webhookID string) *Score { return &Score{t: t, webhook: webhookID} }

// Count counts what is recorded of a delivery: an attempt that was made, the end of the
// delivery, or both.
func (s *Score) Count(a *switchhook.Attempt, acceptedAt time.Time) {
	if s.last == nil || s.last.account != a.AccountID {
		s.last = s.t.meter(meterKey{a.AccountID, s.webhook})
	}
	took := time.Duration(a.DurationMS * float64(time.Millisecond))
	ended := a.StartedAt.Add(took)
	m := s.last
	sums := m.lock()
	if a.Number > 0 {
		if a.Outcome == switchhook.Success {
			sums.n[success]++
		} else {
			sums.n[failure]++
		}
		sums.answer[bucketOf(took)]++
	}
	switch a.State {
	case switchhook.Delivered:
		sums.n[delivered]++
		if !a.Replay {
			sums.delivery[bucketOf(ended.Sub(acceptedAt))]++
		}
		m.pace.add(ended.Unix(), 1)
	case switchhook.Failed:
		sums.n[failed]++
	case switchhook.Expired:
		sums.n[expired]++
	case switchhook.Cancelled:
		sums.n[cancelled]++
	case switchhook.Pending:
	}
	m.mu.Unlock()
}

func (t *Tally) meter(key meterKey) *meter {
	v, ok := t.meters.Load(key)
	if !ok {
		v, _ = t.meters.LoadOrStore(key, &meter{t: t, meterKey: key})
	}
	m, _ := v.(*meter) // it has nothing else
	return m
}

// familyOf is the first word of a type.
func familyOf(eventType string) string {
	family, _, _ := strings.Cut(eventType, ".")
	return family
}

// Run gathers and saves what is counted, until ctx ends.
func (t *Tally) Run(ctx context.Context) {
	saved := t.o.Now()
	for {
		step := t.windows[0].Step
		now := t.o.Now()
		timer := time.NewTimer(now.Truncate(step).Add(step).Sub(now))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		t.gather()
		if now := t.o.Now(); now.Sub(saved) >= saveEvery-step/2 {
			saved = now
			if err := t.Save(ctx); err != nil && ctx.Err() == nil {
				t.o.Logger.Warn("counts could not be saved; it is tried again", "error", err)
			}
		}
	}
}

// Save makes what has been counted durable.
func (t *Tally) Save(ctx context.Context) error {
	t.gather()
	t.mu.Lock()
	put := t.gone
	t.gone = nil
	var frames []*frame
	for i := range t.windows {
		for _, f := range t.windows[i].all() {
			if !f.saved {
				f.saved = true
				frames = append(frames, f)
				put = append(put, switchhook.StoredCounts{Step: t.windows[i].Step, At: f.at, Body: f.append(nil, &t.names)})
			}
		}
	}
	t.mu.Unlock()
	if len(put) == 0 {
		return nil
	}
	err := t.o.Store.PutCounts(ctx, put)
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, f := range frames {
			f.saved = false
		}
		for _, c := range put {
			if c.Body == nil {
				t.gone = append(t.gone, c)
			}
		}
	}
	return err
}
