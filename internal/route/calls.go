package route

import (
	"encoding/json"

	"github.com/switchhook/switchhook"
)

// Call is the snapshot of a call, or of a leg of one: nil if it ended some time ago,
// or never was.
func (r *Router) Call(accountID, id string) json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.folder.Snapshot(accountID, "call", id)
}

// OpenCalls lists the snapshots of the calls that have not ended, and of their legs,
// in no order.
func (r *Router) OpenCalls() (open []switchhook.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.folder.Open("call", func(s switchhook.Snapshot) { open = append(open, s) })
	return open
}

// Forget is told of accounts that were deleted: what they had going on is told no more.
func (r *Router) Forget(accounts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.folder.Forget(accounts)
}
