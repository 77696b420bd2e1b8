package bench

import (
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/switchhook/switchhook"
)

// The stages of a call, in their order. Together with what the snapshot of the
// call adds, and the envelope, a delivery's body has some 700 bytes.
const stages = 5

func stageType(stage int) string {
	return [stages]string{"call.created", "call.ringing", "call.answered", "call.bridged", "call.hungup"}[stage]
}

func stageTail(stage int) string {
	return [stages]string{
		`","direction":"inbound","kind":"flow","from":{"type":"tel","address":"+12025550143","name":"Grace Hopper"},"to":{"type":"tel","address":"+12025550100"},"dialed":"12025550100"}}`,
		`"}}`,
		`","answered_by":"extension","answered_extension":{"number":"101"}}}`,
		`","peer_destination":"101"}}`,
		`","hangup_by":"remote","released_by":"caller","hangup_reason":"normal","hangup_cause":"NORMAL_CLEARING","q850":16}}`,
	}[stage]
}

// calls are the events of calls that never were before: each has a root id of
// its own, and its events come in their order.
type calls struct {
	account string
	prefix  string // the first part of the root ids, of this process and phase alone
	n       atomic.Uint64
}

// newCalls makes ids that look like a switch's: UUIDs. phase tells them from
// those of other phases on the same data.
func newCalls(account string, phase uint32) *calls {
	return &calls{account: account, prefix: fmt.Sprintf("%08x-6b1d-4d6c-8f9a-", phase)}
}

// next is a call's root id.
func (c *calls) next() string {
	n := strconv.FormatUint(1<<44+c.n.Add(1), 16) // always 12 digits
	return c.prefix + n
}

// data is what the switch says at a stage of the call.
func data(root string, stage int) []byte {
	tail := stageTail(stage)
	b := make([]byte, 0, 16+len(root)+len(tail))
	b = append(b, `{"call":{"id":"`...)
	b = append(b, root...)
	return append(b, tail...)
}

// batch is the events of n/5 calls, each stage of all of them before the next:
// so do calls of a busy system interleave.
func (c *calls) batch(n int) []*switchhook.Event {
	roots := make([]string, n/stages)
	for i := range roots {
		roots[i] = c.next()
	}
	events := make([]*switchhook.Event, 0, len(roots)*stages)
	for stage := range stages {
		for _, root := range roots {
			events = append(events, &switchhook.Event{Type: stageType(stage), AccountID: c.account, Data: data(root, stage)})
		}
	}
	return events
}
