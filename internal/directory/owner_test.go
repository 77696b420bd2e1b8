package directory_test

import (
	"testing"

	"github.com/switchhook/switchhook"
)

func TestOwner(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	put := func(account, schema, id, row string) {
		t.Helper()
		if err := d.Put(&switchhook.Record{AccountID: account, Schema: schema, ID: id, Row: []byte(row)}); err != nil {
			t.Fatal(err)
		}
	}
	put("other", "extension", "101", `{"number":"201"}`)
	put("other", "extension", "e1", `{"number":"102"}`)
	put("other", "queue", "q9", `{"number":"700","name":"Support"}`)
	put("reseller", "extension", "e7", `{"number":"102"}`)
	put("acme", "extension", "e0", `{"number":"101"}`)
	put("other", "extension", "201", `{"number":"300"}`)
	put("acme", "device", "dev", `{"name":"PJSIP/101"}`)
	put("reseller", "queue", "desk", `{}`)
	put("acme", "queue", "mine", `{"number":"desk"}`)
	put("other", "number", "+12025550199", `{}`)
	check := func(within, schema, name, want string) {
		t.Helper()
		account, id, ok := d.Owner(within, schema, name)
		if got := account + "/" + id; ok != (want != "") || ok && got != want {
			t.Errorf("%s's %s %q is %s (%v), want %q", within, schema, name, got, ok, want)
		}
	}
	check("root", "number", "12025550100", "acme/n1")
	check("acme", "number", "+12025550100", "acme/n1")
	check("other", "number", "+12025550100", "") // it is not theirs
	check("acme", "extension", "101", "acme/e0")
	check("reseller", "extension", "101", "")           // acme's number is other's id: neither takes it from the other
	check("other", "extension", "201", "other/101")     // a number counts more than an id
	check("reseller", "queue", "desk", "reseller/desk") // what is its own nobody below takes
	check("reseller", "number", "12025550199", "other/+12025550199")
	put("acme", "number", "claimed", `{"number":"+12025550199"}`)
	check("reseller", "number", "12025550199", "")
	check("reseller", "extension", "102", "reseller/e7") // its own
	check("root", "extension", "102", "")                // of two accounts
	check("root", "extension", "e1", "")
	check("acme", "extension", "e1", "acme/e1")
	check("acme", "queue", "support", "acme/q1")
	check("root", "queue", "support", "")
	check("acme", "agent", "Grace", "acme/a1")
	check("acme", "device", "pjsip/101", "acme/dev")
	check("acme", "queue", "", "")
	check("acme", "extension", "nobody", "")
	d.Delete("acme", "extension", "e0")
	check("acme", "extension", "101", "acme/e1")
	put("acme", "extension", "e1", `{"number":"103"}`)
	check("acme", "extension", "101", "")
	check("acme", "extension", "103", "acme/e1")

	for account, want := range map[string]bool{"acme": true, "reseller": true, "root": false, "nobody": false} {
		if got := d.Owns(account, "reseller"); got != want {
			t.Errorf("%s is reseller's: %v", account, got)
		}
	}
}
