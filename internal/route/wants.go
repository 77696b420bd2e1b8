package route

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
)

// Selects makes a function that reports whether a webhook would want an event of its
// accounts: one that nobody has set up, for whoever listens as if. The function is for
// one goroutine; the time of its filter is bounded as that of any account.
func (r *Router) Selects(w *switchhook.Webhook) func(*switchhook.Event) bool {
	dialects := r.dialects()
	if dialects[w.Dialect] == nil {
		return func(*switchhook.Event) bool { return false }
	}
	h, own := newHook(w, dialects), &allowance{left: filterBurst, at: time.Now()}
	if w.Filter != "" {
		h.filter = newFilter(w, prometheus.NewCounter(prometheus.CounterOpts{Name: "unregistered_total", Help: "Nobody sees it."}))
	}
	return func(ev *switchhook.Event) bool {
		m := matching{ev: ev, allowance: func(string) *allowance { return own }}
		return m.add([]*hook{h}) == nil && len(m.ids) > 0
	}
}

// Wants reports whether a webhook, as it is now, wants an event of the past. A
// disabled one wants nothing. Its filter has the time that it needs: nobody waits
// for the answer as the next event waits for the one before.
func (r *Router) Wants(webhookID string, past *switchhook.Event) bool {
	ev := *past
	if ev.Resources == nil {
		if err := catalogue.Attach(&ev); err != nil {
			r.o.Logger.Error("a kept event cannot be read", "event", ev.ID, "error", err)
			return false
		}
	}
	r.index.mu.RLock()
	h := r.index.hooks[webhookID]
	r.index.mu.RUnlock()
	if h == nil || h.w.AccountID != ev.AccountID &&
		(!h.w.IncludeSubaccounts || !slices.Contains(r.o.Directory.Ancestors(ev.AccountID), h.w.AccountID)) {
		return false
	}
	m := matching{ev: &ev, allowance: func(string) *allowance { return &allowance{left: filterBurst, at: time.Now()} }}
	if h.w.Flow {
		return h.w.AccountID == ev.AccountID && dialect.FlowTarget(&ev) && h.d.EventName(&ev) != "" && m.passes(h)
	}
	return m.add([]*hook{h}) == nil && len(m.ids) > 0
}
