package tally

import (
	"maps"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

// gatherAnew is how old what was gathered may be for whoever asks.
const gatherAnew = time.Second

// A window has the frames of its step.
type window struct {
	switchhook.Window
	ended []*frame // in the order of time
	open  *frame   // the newest; nil: there is none. What is in it is not in those of longer steps yet
}

// over reports whether a step has left the window.
func (w *window) over(at, now time.Time) bool {
	return at.Before(now.Truncate(w.Step).Add(-time.Duration(w.Points) * w.Step))
}

func (w *window) all() []*frame {
	if w.open == nil {
		return w.ended
	}
	return append(slices.Clip(w.ended), w.open)
}

// gather makes a frame of what has been counted since it was called last.
func (t *Tally) gather() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gatherAt(t.o.Now())
}

func (t *Tally) gatherAt(now time.Time) {
	t.counting.Lock()
	counted := t.counted
	t.counted = nil
	t.counting.Unlock()
	at := t.since // of what was counted since then, nearly all is of the step of then
	t.since = now
	if len(counted) == 0 {
		return
	}
	all := map[uint32]*sums{}
	add := func(name string, s *sums) {
		id := t.names.id(name)
		if all[id] == nil {
			all[id] = newSums()
		}
		all[id].add(s)
	}
	for _, m := range counted {
		s := m.take()
		add("", s)
		add(accountName+m.account, s)
		if m.webhook != "" {
			add(webhookName+m.webhook, s)
		}
		s.free()
	}
	f := &frame{at: at}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		f.put(id, all[id])
		all[id].free()
	}
	t.add(0, f)
}

// add adds a frame to the window of a step. One that is over then is added to the next.
func (t *Tally) add(i int, f *frame) {
	w := &t.windows[i]
	at := f.at.Truncate(w.Step).UTC()
	switch {
	case w.open == nil:
	case at.After(w.open.at):
		t.end(i)
	case w.open.at.Sub(at) > w.Step: // the clock was wrong when it began
		t.gone = append(t.gone, switchhook.StoredCounts{Step: w.Step, At: w.open.at})
		w.open = nil
	default:
		at = w.open.at
	}
	if w.open == nil {
		w.open = &frame{at: at, entries: f.entries, body: f.body}
	} else {
		w.open = merge(at, w.open, f)
	}
}

// end ends the open frame of a window.
func (t *Tally) end(i int) {
	w := &t.windows[i]
	f := w.open
	if i+1 < len(t.windows) {
		t.add(i+1, f)
	}
	w.ended, w.open = append(w.ended, f.bounded()), nil
	t.forget(w)
}

// forget lets go of what has left a window.
func (t *Tally) forget(w *window) {
	drop := max(0, len(w.ended)-w.Points)
	for drop < len(w.ended) && w.over(w.ended[drop].at, t.since) {
		drop++
	}
	for _, old := range w.ended[:drop] {
		t.gone = append(t.gone, switchhook.StoredCounts{Step: w.Step, At: old.at})
	}
	w.ended = slices.Delete(w.ended, 0, drop)
}

// How names say what they are of.
const (
	accountName = "a"
	webhookName = "w"
)

// Accounts is what happened to the events of accounts. Nil: of all that there are.
func (t *Tally) Accounts(accounts []string, w switchhook.Window) switchhook.Course {
	if accounts == nil {
		return t.course(w, false, []string{""})
	}
	list := make([]string, len(accounts))
	for i, id := range accounts {
		list[i] = accountName + id
	}
	return t.course(w, false, list)
}

// Webhook is what was sent to a webhook, in the window's points, or coarse ones.
func (t *Tally) Webhook(id string, w switchhook.Window, coarse bool) switchhook.Course {
	return t.course(w, coarse, []string{webhookName + id})
}

// Rates are how many events a second were accepted, and how many deliveries delivered, for
// accounts, nil for all, in the last ten whole seconds.
func (t *Tally) Rates(accounts []string) (events, deliveries float64) {
	among := make(map[string]bool, len(accounts))
	for _, id := range accounts {
		among[id] = true
	}
	now := t.o.Now().Unix()
	t.meters.Range(func(_, v any) bool {
		m, ok := v.(*meter)
		switch {
		case !ok || accounts != nil && !among[m.account]:
		case m.webhook == "":
			events += m.rate(now)
		default:
			deliveries += m.rate(now)
		}
		return true
	})
	return events, deliveries
}

// WebhookRate is the latter for a webhook.
func (t *Tally) WebhookRate(id string) (deliveries float64) {
	now := t.o.Now().Unix()
	t.meters.Range(func(_, v any) bool {
		if m, ok := v.(*meter); ok && m.webhook == id {
			deliveries += m.rate(now)
		}
		return true
	})
	return deliveries
}

func (t *Tally) course(w switchhook.Window, coarse bool, of []string) switchhook.Course {
	now := t.o.Now()
	ids, frames := t.look(w, of, now)
	c := switchhook.Course{Step: w.Step, Points: make([]switchhook.Counts, w.Points)}
	if coarse {
		c.Step, c.Points = w.Step*time.Duration(w.Coarse), c.Points[:w.Points/w.Coarse]
	}
	n := len(c.Points)
	c.From = now.UTC().Truncate(c.Step).Add(-time.Duration(n-1) * c.Step)
	points, total := make([]sums, n), &sums{}
	for _, f := range frames {
		if i := int(f.at.Sub(c.From) / c.Step); !f.at.Before(c.From) && i < n {
			f.addTo(&points[i], ids)
		}
	}
	for i := range points {
		c.Points[i] = points[i].counts()
		total.add(&points[i])
	}
	c.Total = total.counts()
	return c
}

// look finds the frames of a window: its own, and what has not been added to it yet.
func (t *Tally) look(w switchhook.Window, of []string, now time.Time) (ids []uint32, frames []*frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.since) >= gatherAnew {
		t.gatherAt(now)
	}
	for _, name := range of {
		if id, ok := t.names.ids[name]; ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for i := range t.windows {
		if t.windows[i].Step == w.Step {
			return ids, slices.Concat(frames, t.windows[i].all())
		}
		if t.windows[i].open != nil {
			frames = append(frames, t.windows[i].open)
		}
	}
	return ids, nil
}

func (s *sums) counts() switchhook.Counts {
	signed := func(kind int) int64 { return int64(s.n[kind]) } //nolint:gosec // nothing is counted so often
	c := switchhook.Counts{
		Success: signed(success), Failure: signed(failure), Delivered: signed(delivered),
		Failed: signed(failed), Expired: signed(expired), Cancelled: signed(cancelled),
		Answer: s.answer.latency(), Delivery: s.delivery.latency(),
	}
	if len(s.events) > 0 {
		c.Events = make(map[string]int64, len(s.events))
		for _, e := range s.events {
			c.Events[e.family] = int64(e.n) //nolint:gosec // nor this
		}
	}
	return c
}
