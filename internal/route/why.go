package route

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/expression"
)

// Why says what stands between a webhook, as it is set up and be it disabled, and an
// event of the past: the first of what does, in the order in which events are matched.
// Of a filter that cannot say whether it lets the event through, note is what is wrong.
func (r *Router) Why(w *switchhook.Webhook, past *switchhook.Event) (why switchhook.Why, note string) {
	ev, dialects := *past, r.dialects()
	if dialects[w.Dialect] == nil {
		return switchhook.WhyDialect, ""
	}
	if ev.Resources == nil {
		if err := catalogue.Attach(&ev); err != nil {
			r.o.Logger.Error("a kept event cannot be read", "event", ev.ID, "error", err)
			return switchhook.WhyDialect, ""
		}
	}
	h := newHook(w, dialects)
	switch {
	case w.AccountID != ev.AccountID && (!w.IncludeSubaccounts || w.Flow):
		return switchhook.WhySubaccount, ""
	case w.Flow && !dialect.FlowTarget(&ev):
		return switchhook.WhyFlow, ""
	case !w.Flow && !h.selects(ev.Type) && !h.selectsName(&ev):
		return switchhook.WhyType, ""
	case h.d.EventName(&ev) == "":
		return switchhook.WhyDialect, ""
	case !w.Flow && !h.d.Wants(&ev, w):
		return unwanted(h.d, &ev, w), ""
	case w.Filter == "":
		return switchhook.WhyNothing, ""
	}
	f := newFilter(w, prometheus.NewCounter(prometheus.CounterOpts{Name: "unregistered_total", Help: "Nobody sees it."}))
	if f.program == nil {
		return switchhook.WhyFilterError, f.last
	}
	ok, err := f.program.Match(expression.Of(&ev))
	switch {
	case err != nil:
		return switchhook.WhyFilterError, err.Error()
	case !ok:
		return switchhook.WhyFilter, ""
	}
	return switchhook.WhyNothing, ""
}

// unwanted says what a dialect does not want an event for. A dialect has one answer for
// all that it looks at, so it is asked again about a webhook that leaves less out.
func unwanted(d dialect.Dialect, ev *switchhook.Event, w *switchhook.Webhook) switchhook.Why {
	legs, anywhere := *w, *w
	legs.IncludeInternalLegs, anywhere.Scope = true, nil
	both := legs
	both.Scope = nil
	switch {
	case d.Wants(ev, &legs):
		return switchhook.WhyInternalLeg
	case d.Wants(ev, &anywhere), d.Wants(ev, &both):
		return switchhook.WhyScope
	}
	return switchhook.WhySettings
}
