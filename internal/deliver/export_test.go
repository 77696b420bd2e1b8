package deliver

import (
	"context"
	"fmt"
	"time"

	"github.com/switchhook/switchhook"
)

// Decide lets the retry policy be tested status by status.
func Decide(status int, problem string, retryAfter time.Duration, made int, r switchhook.Retry, luck float64) (state switchhook.DeliveryState, wait time.Duration, disable bool) {
	v := decide(answer{status: status, problem: problem, retryAfter: retryAfter, policy: policyOf(r)}, made, luck)
	return v.state, v.wait, v.disable
}

// RetryAfter lets the header's reader be tested.
func RetryAfter(v string, now time.Time) time.Duration { return retryAfter(v, now) }

// Small makes an engine leave nearly everything to its rows, so that a test with
// few deliveries meets what else takes tens of thousands.
func (e *Engine) Small() {
	e.sizes = sizes{window: 6, tight: 3, shut: 2, fresh: 2, chunk: 3, strays: 2}
	e.outbox.most = 32
}

// Tables are the steps that there are, to be drawn: from, on, to.
func Tables() (deliveries, gates [][3]string) {
	for _, s := range deliverySteps() {
		deliveries = append(deliveries, [3]string{s.from.String(), s.on.String(), s.to.String()})
	}
	for _, s := range gateSteps() {
		gates = append(gates, [3]string{s.from.String(), s.on.String(), s.to.String()})
	}
	return deliveries, gates
}

// Dump tells of a webhook's machine.
func (e *Engine) Dump(webhookID string) string {
	q := e.queue(webhookID)
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.m
	return fmt.Sprintf("gate %s, %d in memory, %d under way, %d fresh, %d backlog, %d asleep, away %+v, timer %s, asked for %d",
		m.gate.state, m.items, m.inFlight, m.fresh.len(), m.backlog.len(), len(m.sleepers), m.away, q.at, q.asked)
}

// Hasten is what a retry by hand does to a delivery that waits for its next try.
func (e *Engine) Hasten(webhookID string, sequence int64) {
	_ = e.hasten(context.Background(), webhookID, sequence)
}

// Leftovers says what a webhook's machine still holds though nothing is open.
func (e *Engine) Leftovers(webhookID string) string {
	q := e.queue(webhookID)
	q.mu.Lock()
	defer q.mu.Unlock()
	m, a := q.m, &q.m.away
	if m.items+m.strays+m.inFlight+m.bytes+len(m.lanes)+len(m.live)+len(m.rows)+len(m.sleepers)+
		a.n+a.strays+len(a.lanes)+len(a.left)+len(a.stale)+len(a.writing)+q.asked == 0 && m.oldest == nil {
		return ""
	}
	return fmt.Sprintf("%d in memory, %d strays, %d under way, %d bytes, %d lanes, %d live, %d rows, %d asleep, away %+v", m.items, m.strays,
		m.inFlight, m.bytes, len(m.lanes), len(m.live), len(m.rows), len(m.sleepers), *a)
}

// Made is how many queues are remembered of webhooks that nobody has stored.
func (e *Engine) Made() int {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.made
}

// SharesLeft says what shares are not back.
func (e *Engine) SharesLeft() string {
	s := e.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free == mostShares && len(s.waiting) == 0 && len(s.byID) == 0 && s.first == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d are free, %d accounts wait", s.free, mostShares, len(s.waiting))
}
