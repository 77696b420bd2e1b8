package route

import (
	"sync"

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
	f := &filter{source: w.Filter, errors: r.metrics.filterErrors}
	program, err := expression.CompileFilter(w.Filter)
	if err != nil { // it was checked when it was saved, maybe by another version
		f.note("it cannot be compiled: " + err.Error())
	}
	f.program = program
	r.filters.Store(w.ID, f)
	return f
}

// forgetFilters drops those of webhooks that are gone or have none any more.
func (r *Router) forgetFilters(webhooks []*switchhook.Webhook) {
	has := map[string]bool{}
	for _, w := range webhooks {
		has[w.ID] = w.Filter != ""
	}
	r.filters.Range(func(id, _ any) bool {
		if id, ok := id.(string); ok && !has[id] {
			r.filters.Delete(id)
		}
		return true
	})
}

// match reports whether the filter lets the event through. One that cannot say
// does not, and what was wrong is kept for people to see.
func (f *filter) match(in *expression.Input, eventID string) bool {
	if f.program == nil {
		return false
	}
	ok, err := f.program.Match(in)
	if err != nil {
		f.errors.Inc()
		f.note(eventID + ": " + err.Error())
	}
	return ok
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
