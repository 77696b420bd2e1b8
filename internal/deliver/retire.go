package deliver

import (
	"time"

	"github.com/switchhook/switchhook"
)

// A retirement says what is too old to be kept, among what waits for one webhook.
type retirement struct {
	before time.Time            // accepted before
	sooner map[string]time.Time // of these accounts, accepted before that
	newest time.Time            // nothing is that was accepted then or later
}

// takes reports whether an event is too old. Nil: none is.
func (r *retirement) takes(ev *switchhook.Event) bool {
	if r == nil {
		return false
	}
	return ev.AcceptedAt.Before(r.before) || ev.AcceptedAt.Before(r.sooner[ev.AccountID])
}

// Retire records as expired what is open and was accepted before a time, of some accounts
// another: history is kept no longer.
func (e *Engine) Retire(before time.Time, sooner map[string]time.Time) {
	newest := before
	for _, t := range sooner {
		if t.After(newest) {
			newest = t
		}
	}
	for _, q := range e.all() {
		q.do(func(m *machine, now time.Time) {
			r := &retirement{before: before, sooner: sooner, newest: newest}
			if !m.w.IncludeSubaccounts { // then all that waits is of one account
				if r.newest = before; sooner[m.w.AccountID].After(before) {
					r.newest = sooner[m.w.AccountID]
				}
			}
			m.retire(r, now)
		})
	}
}
