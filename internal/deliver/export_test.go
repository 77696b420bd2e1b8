package deliver

import (
	"fmt"
	"net/netip"
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

// GuardCheck lets the address guard be tested without a network.
func GuardCheck(allow []netip.Prefix, address string) error {
	return newGuard(allow).check("tcp", netip.MustParseAddrPort(address))
}

// Small makes an engine leave nearly everything to its rows, so that a test with
// few deliveries meets what else takes tens of thousands.
func (e *Engine) Small() {
	e.sizes = sizes{window: 6, tight: 3, shut: 2, fresh: 2, chunk: 3, strays: 2}
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
func (e *Engine) Hasten(webhookID string, sequence int64) { _ = e.hasten(webhookID, sequence) }
