package app

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchhook/switchhook"
)

// suspended are the webhooks as the engine is to have them: those of accounts that are
// suspended are paused, so that what is open waits until they no longer are.
func (a *App) suspended(webhooks []*switchhook.Webhook) []*switchhook.Webhook {
	was := a.paused
	a.paused = nil
	if !slices.ContainsFunc(a.inForce, func(acc *switchhook.Account) bool { return !acc.SuspendedAt.IsZero() }) {
		return webhooks
	}
	a.paused = map[*switchhook.Webhook]*switchhook.Webhook{}
	all := make([]*switchhook.Webhook, len(webhooks))
	for i, w := range webhooks {
		if all[i] = w; a.directory.Suspended(w.AccountID) {
			if all[i] = was[w]; all[i] == nil { // else it is as it was
				paused := *w
				paused.PausedAt = cmp.Or(w.PausedAt, time.Now())
				all[i] = &paused
			}
			a.paused[w] = all[i]
		}
	}
	return all
}
