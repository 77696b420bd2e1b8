package app

import (
	"cmp"
	"time"

	"github.com/switchhook/switchhook"
)

// suspended are the webhooks as the engine is to have them: those of accounts that are
// suspended are paused, so that what is open waits until they no longer are.
func (a *App) suspended(webhooks []*switchhook.Webhook) []*switchhook.Webhook {
	all := make([]*switchhook.Webhook, len(webhooks))
	for i, w := range webhooks {
		if all[i] = w; a.directory.Suspended(w.AccountID) {
			paused := *w
			paused.PausedAt = cmp.Or(w.PausedAt, time.Now())
			all[i] = &paused
		}
	}
	return all
}
