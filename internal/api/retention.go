package api

import (
	"time"

	"github.com/switchhook/switchhook"
)

// leastRetention is that of the server's option, too.
const leastRetention = switchhook.Duration(time.Hour)

// setRetention makes an account keep its history for some time; 0: for as long as others.
func (c caller) setRetention(acc *switchhook.Account, keep switchhook.Duration) error {
	if keep == acc.Retention {
		return nil
	}
	switch {
	case acc.ID == c.account && acc.ID != switchhook.RootAccount:
		return wrongField(switchhook.CodeForbidden, "retention", "that of the key's own account is set from above it")
	case keep != 0 && keep < leastRetention:
		return switchhook.InvalidField("retention", "expected at least 1h, or null for that of the account above")
	case c.retention > 0 && keep > c.retention:
		return switchhook.InvalidField("retention", "expected at most the %s for which the server keeps history (--retention)", c.retention)
	}
	acc.Retention = keep
	return nil
}

// keeps is how long an account's history is kept.
func (t *tenants) keeps(acc *switchhook.Account) switchhook.Duration {
	keep := t.retention
	for n := 0; acc != nil && n <= deepest; acc, n = t.accounts[acc.ParentID], n+1 {
		if acc.Retention > 0 && (keep == 0 || acc.Retention < keep) {
			keep = acc.Retention
		}
	}
	return keep
}
