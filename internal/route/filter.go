package route

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/expression"
)

// A filter is a webhook's, and how it fared. It lives as long as its text is the
// same, whatever else changes.
type filter struct {
	source  string
	program *expression.Program // nil: it cannot be compiled, so nothing matches
	errors  prometheus.Counter

	mu    sync.Mutex
	count int64
	last  string
}

// filter returns the compiled filter of a webhook.
func (r *Router) filter(w *switchhook.Webhook) *filter {
	if old, ok := r.filters.Load(w.ID); ok {
		if f, ok := old.(*filter); ok && f.source == w.Filter {
			return f
		}
	}
	f := newFilter(w, r.metrics.filterErrors)
	r.filters.Store(w.ID, f)
	return f
}

func newFilter(w *switchhook.Webhook, errors prometheus.Counter) *filter {
	f := &filter{source: w.Filter, errors: errors}
	program, err := expression.CompileFilter(w.Filter)
	if err != nil { // it was checked when it was saved, maybe by another version
		f.note("it cannot be compiled: " + err.Error())
	}
	f.program = program
	return f
}

// match reports whether the filter lets the event through. One that cannot say
// does not, and what was wrong is kept for people to see.
func (f *filter) match(in *expression.Input, eventID string, of *allowance) bool {
	if f.program == nil {
		return false
	}
	var ok bool
	err := errSpent
	if start := time.Now(); of.take(start) {
		ok, err = f.program.Match(in)
		of.left -= time.Since(start)
	}
	if err != nil {
		f.errors.Inc()
		f.note(eventID + ": " + err.Error())
	}
	return ok
}

var errSpent = errors.New("the account's filters have used up their time; make them simpler, or select fewer events")

// An allowance is the time that the filters of an account have. Events are accepted
// one after the other, so the filters of one account must not use up the time of
// all. An ordinary filter takes less than a microsecond.
type allowance struct {
	left time.Duration
	at   time.Time
}

// An account's filters may take a fifth of the time, and at once as much as they have
// for a second.
const (
	filterShare = 5
	filterBurst = time.Second / filterShare
)

// take reports whether there is time left at a moment.
func (a *allowance) take(now time.Time) bool {
	a.left = min(a.left+now.Sub(a.at)/filterShare, filterBurst)
	a.at = now
	return a.left > 0
}

// allowance is an account's. The lock is held.
func (r *Router) allowance(accountID string) *allowance {
	a := r.allowances[accountID]
	if a == nil {
		a = &allowance{left: filterBurst, at: time.Now()}
		r.allowances[accountID] = a
	}
	return a
}

func (f *filter) note(problem string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	f.last = problem
}

// FilterErrors tells how often a webhook's filter could not say whether it wants
// an event, since the program's start, and why the last time.
func (r *Router) FilterErrors(webhookID string) (count int64, last string) {
	v, ok := r.filters.Load(webhookID)
	if !ok {
		return 0, ""
	}
	f, _ := v.(*filter)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count, f.last
}
