package directory_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/ordjson"
)

func newDirectory(t *testing.T) *directory.Directory {
	t.Helper()
	var d directory.Directory
	d.SetAccounts([]*switchhook.Account{
		{ID: "root"}, {ID: "reseller", ParentID: "root"}, {ID: "acme", ParentID: "reseller"}, {ID: "other", ParentID: "reseller"},
	})
	for _, r := range []switchhook.Record{
		{AccountID: "acme", Schema: "number", ID: "n1", Row: []byte(`{"number":"+12025550100","description":"Main","group":"Sales","caller_id_prefix":7,"extra":"x"}`)},
		{AccountID: "acme", Schema: "extension", ID: "e1", Row: []byte(`{"number":"101","name":"Grace","owner_id":"u1"}`)},
		{AccountID: "acme", Schema: "ring_group", ID: "g1", Row: []byte(`{"number":"600","name":"Team","strategy":"ringall"}`)},
		{AccountID: "acme", Schema: "queue", ID: "q1", Row: []byte(`{"number":"700","name":"Support","tag_ids":["a"]}`)},
		{AccountID: "acme", Schema: "agent", ID: "a1", Row: []byte(`{"username":"grace","name":"Grace","status":"away"}`)},
		{AccountID: "acme", Schema: "mailbox", ID: "m1", Row: []byte(`{"number":"101","name":"Grace's box"}`)},
	} {
		if err := d.Put(&r); err != nil {
			t.Fatal(err)
		}
	}
	return &d
}

func TestEnrich(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	for _, c := range []struct{ name, account, typ, in, want string }{
		{
			"the number that an inbound call came in on; a value of the wrong kind is left out", "acme", "call.created",
			`{"call":{"id":"a","direction":"inbound","to":{"address":"12025550100"}}}`,
			`{"call":{"id":"a","direction":"inbound","to":{"address":"12025550100"}},"number":{"id":"n1","number":"+12025550100","description":"Main","group":"Sales"}}`,
		},
		{
			"another account's number is nobody's business", "other", "call.created",
			`{"call":{"id":"a","direction":"inbound","to":{"address":"+12025550100"}}}`,
			`{"call":{"id":"a","direction":"inbound","to":{"address":"+12025550100"}}}`,
		},
		{
			"what the event gives wins", "acme", "call.created",
			`{"call":{"id":"a","direction":"inbound"},"number":{"number":"+12025550100","description":"Mine"}}`,
			`{"call":{"id":"a","direction":"inbound"},"number":{"id":"n1","number":"+12025550100","description":"Mine","group":"Sales"}}`,
		},
		{
			"the extension that calls out", "acme", "call.created",
			`{"call":{"id":"a","direction":"outbound","from":{"type":"extension","address":"101"}}}`,
			`{"call":{"id":"a","direction":"outbound","from":{"type":"extension","address":"101"}},"extension":{"id":"e1","number":"101","name":"Grace","owner_id":"u1"}}`,
		},
		{
			"an extension by its number", "acme", "extension.ringing",
			`{"extension":{"number":"101"}}`, `{"extension":{"id":"e1","number":"101","name":"Grace","owner_id":"u1"}}`,
		},
		{
			"the extension that answered", "acme", "call.hungup",
			`{"call":{"id":"a","answered_extension":{"number":"101"}}}`,
			`{"call":{"id":"a","answered_extension":{"id":"e1","number":"101","name":"Grace","owner_id":"u1"}}}`,
		},
		{
			"a ring group by its id", "acme", "ring_group.entered",
			`{"ring_group":{"id":"g1"}}`, `{"ring_group":{"id":"g1","number":"600","name":"Team","strategy":"ringall"}}`,
		},
		{
			"the queue of a queue call", "acme", "queuecall.created",
			`{"queuecall":{"id":"x","queue_id":"q1"}}`, `{"queuecall":{"id":"x","queue_id":"q1"},"queue":{"id":"q1","number":"700","name":"Support"}}`,
		},
		{
			"an agent, whose status the event knows better", "acme", "agent.status_updated",
			`{"agent":{"id":"a1","status":"busy"}}`, `{"agent":{"id":"a1","username":"grace","name":"Grace","status":"busy"}}`,
		},
		{
			"the number that was texted", "acme", "message.received",
			`{"message":{"from":"+1","to":"+12025550100"}}`,
			`{"message":{"from":"+1","to":"+12025550100"},"number":{"id":"n1","number":"+12025550100","description":"Main","group":"Sales"}}`,
		},
		{
			"the number that a text went out from", "acme", "message.sent",
			`{"message":{"from":"+12025550100","to":"+1"}}`,
			`{"message":{"from":"+12025550100","to":"+1"},"number":{"id":"n1","number":"+12025550100","description":"Main","group":"Sales"}}`,
		},
		{
			"a voicemail's mailbox and extension", "acme", "voicemail.new",
			`{"voicemail":{"id":"v","mailbox_id":"m1"}}`,
			`{"voicemail":{"id":"v","mailbox_id":"m1","mailbox_number":"101","mailbox_name":"Grace's box"},"extension":{"id":"e1","number":"101","name":"Grace","owner_id":"u1"}}`,
		},
		{"an unknown number", "acme", "extension.ringing", `{"extension":{"number":"999"}}`, `{"extension":{"number":"999"}}`},
		{"a custom event", "acme", "custom.x", `{"extension":{"number":"101"}}`, `{"extension":{"number":"101"}}`},
	} {
		o, err := ordjson.Parse([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		d.Enrich(&switchhook.Event{AccountID: c.account, Type: c.typ}, &o, slices.Clone(o))
		if diff := cmp.Diff(c.want, string(o.Append(nil))); diff != "" {
			t.Errorf("%s: wanted (-), got (+)\n%s", c.name, diff)
		}
	}
}

// The fold has taken a null out; the record does not put it back.
func TestNullIsNotFilled(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	o := ordjson.Object{{Name: "agent", Value: []byte(`{"id":"a1","status":"busy"}`)}}
	d.Enrich(&switchhook.Event{AccountID: "acme", Type: "agent.updated"}, &o, ordjson.Object{{Name: "agent", Value: []byte(`{"id":"a1","status":"busy","name":null}`)}})
	if got, want := string(o.Append(nil)), `{"agent":{"id":"a1","username":"grace","status":"busy"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRecordsComeAndGo(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	// A record that changes its number is found under the new one only.
	if err := d.Put(&switchhook.Record{AccountID: "acme", Schema: "extension", ID: "e1", Row: []byte(`{"number":"202"}`)}); err != nil {
		t.Fatal(err)
	}
	find := func(number string) bool {
		o := ordjson.Object{{Name: "extension", Value: []byte(`{"number":"` + number + `"}`)}}
		d.Enrich(&switchhook.Event{AccountID: "acme", Type: "extension.ringing"}, &o, nil)
		e, err := ordjson.Parse(o.Get("extension"))
		return err == nil && e.Has("id")
	}
	if find("101") || !find("202") {
		t.Error("the extension is not found under its new number alone")
	}
	d.Delete("acme", "extension", "e1")
	if _, ok := d.Record("acme", "extension", "e1"); ok || find("202") {
		t.Error("the deleted extension is still there")
	}
	if got := len(d.Records(switchhook.RecordFilter{Accounts: []string{"acme"}, Schema: "number"})); got != 1 {
		t.Errorf("%d numbers", got)
	}
	if got := len(d.Records(switchhook.RecordFilter{Accounts: []string{"other"}})); got != 0 {
		t.Errorf("%d records of another account", got)
	}
	if err := d.Put(&switchhook.Record{Row: []byte(`[]`)}); err == nil {
		t.Error("a row that is no object was taken")
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	if up := d.Ancestors("acme"); !slices.Equal(up, []string{"reseller", "root"}) {
		t.Error(up)
	}
	if d.Reseller("acme") != "reseller" || d.Reseller("root") != "root" {
		t.Error("the reseller is the account above")
	}
	d.SetAccounts([]*switchhook.Account{{ID: "a", ParentID: "b"}, {ID: "b", ParentID: "a"}})
	if up := d.Ancestors("a"); len(up) > 2 {
		t.Errorf("a circle of accounts was followed %d times", len(up))
	}
}
