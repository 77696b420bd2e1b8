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
// one customer of another's calls. Of which member the name is counts within an account
// only: customers put records of their own, and a number in one of them must not take what
// another's record has as its id.
func (d *Directory) Owner(within, schema, called string) (account, id string, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var own, below found
	several := false
	for member := range members {
		for _, k := range d.named[name{schema, members[member], folded(called)}] {
			switch {
			case k.account == within:
				own.offer(k, member)
			case !d.below(k.account, within):
			case below.account != "" && below.account != k.account:
				several = true
			default:
				below.offer(k, member)
			}
		}
	}
	switch {
	case own.account != "":
		return own.account, own.id, true
	case below.account != "" && !several:
		return below.account, below.id, true
	default:
		return "", "", false
	}
}

// found is the record that counts most of those that were offered, in the order of members.
type found struct {
	key
	member int
}

func (f *found) offer(k key, member int) {
	if f.account == "" || member == f.member && k.id < f.id {
		f.key, f.member = k, member
	}
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
