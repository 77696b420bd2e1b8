package kazoobus

import (
	"encoding/json"
	"strings"

	"github.com/switchhook/switchhook/internal/source"
)

// tenant is what a message says of the account that it is of. Kazoo has no message that tells an
// account whole. That of a change of an account's document has had no document in it since Kazoo
// 4.0 (kzs_publish.erl); before, it was there with the way up (pvt_tree). What is left is on
// channels and registrations: the account's name and realm, and the reseller, which is the
// nearest above it that is one (kz_services_reseller.erl), and new_account, without a parent.
func (t *translator) tenant(m *Message) (f source.Tenant, ok bool) {
	id := m.account()
	if t.most == 0 || !isKazooID(id) || t.accounts[id] != "" || m.Name == "account_deleted" {
		return f, false
	}
	f = source.Tenant{When: source.When(m.received), ID: id, Most: t.most}
	switch {
	case m.Name == "new_account":
		f.Name, f.Realm = m.text("Account-Name"), m.text("Account-Realm")
	case m.Category == "configuration" && m.text("Type") == "account":
		if m.Name == "doc_deleted" || m.isTrue("Is-Soft-Deleted") {
			return f, false
		}
		doc := m.object("Doc")
		f.Name, f.Realm = textOf(doc, "name"), textOf(doc, "realm")
		var tree []string
		if json.Unmarshal(doc.Get("pvt_tree"), &tree) == nil {
			f.Above = t.above(id, tree...)
		}
	case m.variable("Account-ID") == id:
		f.Name, f.Realm = m.variable("Account-Name"), m.variable("Account-Realm")
		f.Above = t.above(id, m.variable("Reseller-ID"))
	}
	return f, true
}

// above are accounts of Kazoo's by our ids. A reseller of its own is none.
func (t *translator) above(id string, tree ...string) (ours []string) {
	for _, up := range tree {
		switch {
		case !isKazooID(up) || up == id:
		case t.accounts[up] != "":
			ours = append(ours, t.accounts[up])
		default:
			ours = append(ours, up)
		}
	}
	return ours
}

// isKazooID reports whether it is an id as Kazoo has them: 32 hexadecimal digits where it makes
// them, 32 characters where it reads them (MATCH_ACCOUNT_RAW in kz_types.hrl). Those that we make have an underscore,
// so that no message names one of them by chance.
func isKazooID(id string) bool {
	return len(id) == 32 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// Tenants are the accounts that were told on a connection, so that each is told once, and again
// where more is known of it. They are bounded: more are not made, either.
type tenants map[string]source.Tenant

// beyond is how many accounts are told at most beyond those that may be made: those are refused,
// and to see the refusals is enough.
const beyond = 1000

// news takes what was told before out of facts.
func (k tenants) news(facts []source.Fact) []source.Fact {
	if len(facts) == 0 {
		return nil
	}
	f, is := facts[0].(source.Tenant) // it is the first of a message's
	if !is {
		return facts
	}
	old, told := k[f.ID]
	more := old.Name == "" && f.Name != "" || old.Realm == "" && f.Realm != "" || len(f.Above) > len(old.Above)
	if told && !more || !told && len(k) >= f.Most+beyond {
		return facts[1:]
	}
	if f.Name == "" {
		f.Name = old.Name
	}
	if f.Realm == "" {
		f.Realm = old.Realm
	}
	if len(f.Above) < len(old.Above) {
		f.Above = old.Above
	}
	k[f.ID], facts[0] = f, f
	return facts
}
