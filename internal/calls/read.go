package calls

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/switchhook/switchhook"
)

// Snapshot is what is known of one of the kinds: of a call, say. Nil: nothing, or no
// longer. It is not to be changed.
func (f *Folder) Snapshot(accountID, kind, id string) json.RawMessage {
	if sn := f.known[ref{accountID, kind, id}]; sn != nil {
		return sn.data
	}
	return nil
}

// Open calls fn with each snapshot of a kind that has not ended, in no order.
func (f *Folder) Open(kind string, fn func(switchhook.Snapshot)) {
	for r, sn := range f.known {
		if r.kind == kind && !sn.ended {
			fn(switchhook.Snapshot{AccountID: r.account, Kind: r.kind, ID: r.id, RootID: sn.root, Data: sn.data, UpdatedAt: sn.changed})
		}
	}
}

// Forget forgets all of some accounts, which are gone.
func (f *Folder) Forget(accounts []string) {
	maps.DeleteFunc(f.known, func(r ref, _ *snapshot) bool { return slices.Contains(accounts, r.account) })
}
