package deliver

import (
	"time"

	"github.com/switchhook/switchhook"
)

// Some webhooks nobody has stored: those that notifications go to. The engine asks for one
// when a delivery names it (Options.Made), and forgets it again while nothing waits for it:
// there can be one for each user of an account.

// mostMade is how many of them are remembered before those with nothing to do are looked for.
const mostMade = 1000

// make returns the queue of a webhook that is made when it is needed. nil: there is no such
// webhook.
func (e *Engine) make(webhookID string) *queue {
	if e.o.Made == nil {
		return nil
	}
	w := e.o.Made(webhookID)
	if w == nil || e.dialects[w.Dialect] == nil {
		return nil
	}
	fresh := newQueue(e, w, e.dialects[w.Dialect])
	fresh.made, fresh.target.made, fresh.m.disableAfter = true, true, 0
	e.mu.Lock()
	defer e.mu.Unlock()
	if q := e.queues[webhookID]; q != nil { // somebody else was faster
		return q
	}
	if e.made++; e.made > e.madeLimit {
		e.sweep()
		e.madeLimit = max(mostMade, 2*e.made)
	}
	e.queues[webhookID] = fresh
	return fresh
}

// sweep forgets those with nothing to do. The lock is held.
func (e *Engine) sweep() {
	for id, q := range e.queues {
		if q.made && q.retire() {
			delete(e.queues, id)
			e.made--
		}
	}
}

// retire reports whether nothing is lost when a queue is forgotten; then it takes nothing
// any more.
func (q *queue) retire() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.m
	q.gone = m.items+m.inFlight+m.away.n+m.away.strays+q.asked == 0 && m.gate.state == flowing && m.gate.failures == 0 && m.gate.still == 0
	return q.gone
}

// SetMade takes over that Options.Made may say another thing than before of any webhook.
func (e *Engine) SetMade() {
	e.setting.Lock()
	defer e.setting.Unlock()
	for _, q := range e.all() {
		if !q.made {
			continue
		}
		switch w := e.o.Made(q.id); {
		case w == nil:
			q.delete()
			e.mu.Lock()
			delete(e.queues, q.id)
			e.made--
			e.mu.Unlock()
		case w != q.webhook():
			q.configure(w, e.dialects[w.Dialect])
		}
	}
}

// webhook is what it goes by at the moment.
func (q *queue) webhook() *switchhook.Webhook {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.m.w
}

// mostAsked is of how many of them the store is asked at once what has waited longest.
const mostAsked = 20

// Fares says how those fare that are meant, together: how many deliveries are open, when the
// event of the oldest was accepted, since when attempts have failed and none succeeded, and
// why the last one did. What the time is of is found among those with something open, of very
// many among some.
func (e *Engine) Fares(meant func(*switchhook.Webhook) bool) (open int, oldest, failingSince time.Time, lastError string) {
	earlier := func(at *time.Time, t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(*at)) {
			*at = t.UTC()
		}
	}
	var last time.Time
	asked := 0
	for _, q := range e.all() {
		if !q.made || !meant(q.webhook()) {
			continue
		}
		n, since, why, at := q.fares()
		open += n
		earlier(&failingSince, since)
		if !since.IsZero() && at.After(last) {
			last, lastError = at, why
		}
		if n > 0 && asked < mostAsked {
			asked++
			earlier(&oldest, q.waitsSince())
		}
	}
	return open, oldest, failingSince, lastError
}

func (q *queue) fares() (open int, failingSince time.Time, lastError string, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := &q.m.gate
	return q.m.items + q.m.away.n + q.m.away.strays, g.since, g.lastError, g.lastErrorAt
}
