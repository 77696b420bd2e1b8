package directory

import (
	"iter"
	"strings"

	"github.com/switchhook/switchhook/internal/ordjson"
)

// A name is what a phone system may call a record by.
type name struct {
	schema string
	member string // of the row that has it; id is the record's own
	value  string
}

// members are the places of a record's names: the earlier one counts more.
var members = [...]string{"number", "id", "username", "name"} //nolint:gochecknoglobals // a constant list

// namesOf are the names of a record.
func namesOf(k key, row ordjson.Object) iter.Seq[name] {
	return func(yield func(name) bool) {
		for _, member := range members {
			value := row.Text(member)
			if member == "id" {
				value = k.id
			}
			if value = folded(value); value != "" && !yield(name{k.schema, member, value}) {
				return
			}
		}
	}
}

// folded is a name as it is looked up: switches do not agree on a + and on capitals.
func folded(name string) string { return strings.ToLower(bare(name)) }

// Owner finds the record that a phone system calls by a number or a name, and whose it is:
// of the account that the system belongs to, or else of one below it. Where several of
// those have one, as many have an extension 101, it is nobody's: a wrong guess would tell
// one customer of another's calls.
func (d *Directory) Owner(within, schema, called string) (account, id string, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, member := range members {
		var found key
		several := false
		for _, k := range d.named[name{schema, member, folded(called)}] {
			switch {
			case k.account == within:
				if found.account != within || k.id < found.id {
					found, several = k, false
				}
			case found.account == within || !d.below(k.account, within):
			case found.account == "" || found.account == k.account && k.id < found.id:
				found = k
			case found.account != k.account:
				several = true
			}
		}
		if several {
			return "", "", false
		}
		if found.account != "" {
			return found.account, found.id, true
		}
	}
	return "", "", false
}

// below reports whether an account lies below another. The lock is held.
func (d *Directory) below(account, other string) bool {
	for steps := 0; steps < len(d.accounts); steps++ {
		a := d.accounts[account]
		if a == nil || a.ParentID == "" {
			return false
		}
		if account = a.ParentID; account == other {
			return true
		}
	}
	return false
}
