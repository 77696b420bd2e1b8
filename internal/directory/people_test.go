package directory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/directory"
)

func TestWhomMailGoesTo(t *testing.T) {
	t.Parallel()
	var d directory.Directory
	d.SetAccounts([]*switchhook.Account{{ID: "acme"}, {ID: "other"}})
	put := func(account, schema, id, row string) {
		t.Helper()
		if err := d.Put(&switchhook.Record{AccountID: account, Schema: schema, ID: id, Row: []byte(row)}); err != nil {
			t.Fatal(err)
		}
	}
	put("acme", "user", "ada", `{"email":"ada@acme.example","first_name":"Ada","priv_level":"admin","timezone":"Europe/Berlin"}`)
	put("acme", "user", "bob", `{"email":"bob@acme.example","priv_level":"user","vm_to_email_enabled":false}`)
	put("other", "user", "eve", `{"email":"eve@other.example"}`)
	put("acme", "mailbox", "101", `{"owner_id":"ada","notify_email_addresses":["desk@acme.example","ADA@acme.example"]}`)
	put("acme", "mailbox", "102", `{"owner_id":"bob"}`)
	put("acme", "mailbox_email", "1", `{"voicemail_inbox_id":"101","email_address":"boss@acme.example"}`)
	put("other", "mailbox_email", "1", `{"voicemail_inbox_id":"101","email_address":"spy@other.example"}`)
	put("acme", "number", "7", `{"number":"+12025550100"}`)
	put("acme", "fax_email", "1", `{"did_id":7,"email_address":"fax@acme.example"}`)
	put("acme", "faxbox", "f", `{"notifications":{"inbound":{"email":{"send_to":["in@acme.example"]}},"outbound":{"email":{"send_to":"out@acme.example"}}}}`)
	for _, c := range []struct {
		schema, id string
		want       []string
	}{
		{"mailbox", "101", []string{"desk@acme.example", "ADA@acme.example", "boss@acme.example"}},
		{"mailbox", "102", nil},
		{"mailbox", "103", nil},
		{"number", "7", []string{"fax@acme.example"}},
		{"faxbox", "f", []string{"in@acme.example", "out@acme.example"}},
		{"user", "bob", []string{"bob@acme.example"}},
	} {
		if diff := cmp.Diff(c.want, d.Emails("acme", c.schema, c.id)); diff != "" {
			t.Errorf("%s %s (- want, + got):\n%s", c.schema, c.id, diff)
		}
	}
	people := []switchhook.Person{
		{ID: "ada", Email: "ada@acme.example", FirstName: "Ada", Timezone: "Europe/Berlin", Admin: true}, {ID: "bob", Email: "bob@acme.example"},
	}
	if diff := cmp.Diff(people, d.People("acme")); diff != "" {
		t.Errorf("people (- want, + got):\n%s", diff)
	}
	d.Delete("acme", "mailbox_email", "1")
	d.Delete("acme", "user", "ada")
	if got := d.Emails("acme", "mailbox", "101"); len(got) != 2 {
		t.Errorf("after deletion: %q", got)
	}
	if got := d.People("acme"); len(got) != 1 {
		t.Errorf("after deletion: %v", got)
	}
}
