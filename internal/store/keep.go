package store

import (
	"time"

	"github.com/switchhook/switchhook"
)

// Keeps says for how long the history of those accounts is kept of which it is kept for
// a shorter time than of the others: 0 of those that were deleted.
type Keeps map[string]time.Duration

// NewKeeps is what follows from the accounts that there are and those that were
// deleted: of each, the shortest retention on the way up. Nil: it is the same for all.
func NewKeeps(accounts map[string]*switchhook.Account, deleted []string) Keeps {
	keeps := Keeps{}
	for _, a := range accounts {
		if a.Retention > 0 { // else there is nothing to look for on any way up
			keeps = keepsOf(accounts)
			break
		}
	}
	for _, id := range deleted {
		keeps[id] = 0
	}
	if len(keeps) == 0 {
		return nil
	}
	return keeps
}

func keepsOf(accounts map[string]*switchhook.Account) Keeps {
	keeps := Keeps{}
	for id := range accounts {
		if keep := keepOf(accounts, id); keep > 0 {
			keeps[id] = keep
		}
	}
	return keeps
}

func keepOf(accounts map[string]*switchhook.Account, id string) (keep time.Duration) {
	for range accounts { // no more steps than there are accounts, whoever is above whom
		a := accounts[id]
		if a == nil {
			break
		}
		if own := time.Duration(a.Retention); own > 0 && (keep == 0 || own < keep) {
			keep = own
		}
		id = a.ParentID
	}
	return keep
}

// Gone reports whether what happened in an account is too old by now.
func (k Keeps) Gone(account string, at, now time.Time) bool {
	keep, shorter := k[account]
	return shorter && (keep == 0 || at.Before(now.Add(-keep)))
}

// Cutoffs are the times before which it is, of each of these accounts.
func (k Keeps) Cutoffs(now time.Time) map[string]time.Time {
	cutoffs := make(map[string]time.Time, len(k))
	for id, keep := range k {
		cutoffs[id] = now.Add(-keep)
	}
	return cutoffs
}
