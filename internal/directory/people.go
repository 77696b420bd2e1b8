package directory

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// linksOf are the records that a record belongs to, as far as mail goes by it: the mailbox
// of a mailbox_email, the number of a fax_email (Teli's voicemail_emails and fax_emails), and
// for users their account.
func linksOf(k key, row ordjson.Object) iter.Seq[key] {
	return func(yield func(key) bool) {
		switch k.schema {
		case "mailbox_email":
			yield(key{k.account, "mailbox", cmp.Or(plain(row, "voicemail_inbox_id"), plain(row, "mailbox_id"))})
		case "fax_email":
			yield(key{k.account, "number", cmp.Or(plain(row, "did_id"), plain(row, "number_id"))})
		case "user":
			yield(key{k.account, "account", k.account})
		}
	}
}

// plain is a text or a number of a row, as ids are in systems that count theirs.
func plain(row ordjson.Object, member string) string {
	text, _ := ordjson.Plain(row.Get(member))
	return text
}

// People are the users of an account that the directory knows, by id.
func (d *Directory) People(account string) []switchhook.Person {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var people []switchhook.Person
	for _, k := range d.linked[key{account, "account", account}] {
		people = append(people, person(k.id, d.rows[k]))
	}
	slices.SortFunc(people, func(a, b switchhook.Person) int { return strings.Compare(a.ID, b.ID) })
	return people
}

// Person is a user of an account by id.
func (d *Directory) Person(account, id string) (p switchhook.Person, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	row, ok := d.rows[key{account, "user", id}]
	return person(id, row), ok
}

func person(id string, row ordjson.Object) switchhook.Person {
	return switchhook.Person{
		ID: id, Email: row.Text("email"), Username: row.Text("username"), FirstName: row.Text("first_name"), LastName: row.Text("last_name"),
		Timezone: row.Text("timezone"), Admin: row.Text("priv_level") == "admin",
	}
}

// Emails are the addresses that mail about a record goes to, as its row, the rows that
// belong to it and its owner's say. Kazoo's names and Teli's are known. Of a mailbox:
// notify_email_addresses, its mailbox_email rows, its owner unless vm_to_email_enabled is
// false; of a number: its fax_email rows; of a faxbox: notifications.inbound.email.send_to
// (outbound too), and its owner; of others: email, email_address or emails, and the owner.
func (d *Directory) Emails(account, schema, id string) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	k := key{account, schema, id}
	row, known := d.rows[k]
	var all []string
	add := func(addresses ...string) {
		for _, a := range addresses {
			if a = strings.TrimSpace(a); a != "" && !slices.ContainsFunc(all, func(other string) bool { return strings.EqualFold(other, a) }) {
				all = append(all, a)
			}
		}
	}
	for _, member := range [...]string{"notify_email_addresses", "emails", "email", "email_address"} {
		add(ordjson.Texts(row.Get(member))...)
	}
	for _, direction := range [...]string{"inbound", "outbound"} {
		to := ordjson.Find(ordjson.Find(row.Get("notifications"), direction), "email")
		add(ordjson.Texts(ordjson.Find(to, "send_to"))...)
	}
	for _, l := range d.linked[k] {
		add(ordjson.Texts(d.rows[l].Get("email_address"))...)
	}
	if owner := plain(row, "owner_id"); known && owner != "" {
		user := d.rows[key{account, "user", owner}]
		if schema != "mailbox" || string(user.Get("vm_to_email_enabled")) != "false" {
			add(user.Text("email"))
		}
	}
	return all
}
