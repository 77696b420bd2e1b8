package teli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/teli"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, teli.New(dialecttest.Env()))
}

// Teli's page lists 19 schemas; each type of change can be about any of them.
func TestTableHasEverySchema(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for _, row := range teli.New(dialecttest.Env()).Table() {
		count[row.Type]++
	}
	want := map[string]int{
		"record.created": 19, "record.updated": 19, "record.deleted": 19,
		"message.received": 1, "message.status": 1, "number.sms_enablement": 1,
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}

func TestEventName(t *testing.T) {
	t.Parallel()
	d := teli.New(dialecttest.Env())
	for _, c := range []struct{ event, name string }{
		{`{"type":"record.created","data":{"schema":"number","id":"1","row":{}}}`, "dids"},
		{`{"type":"record.updated","data":{"schema":"account","id":"1","row":{}}}`, "users"},
		{`{"type":"record.deleted","data":{"schema":"user","id":"1","row":{}}}`, "sub_users"},
		{`{"type":"record.created","data":{"schema":"ring_group","id":"1","row":{}}}`, ""},
		{`{"type":"record.created","data":{"schema":"dids","id":"1","row":{}}}`, ""},
		{`{"type":"message.received","data":{"message":{}}}`, "sms"},
		{`{"type":"message.sent","data":{"message":{}}}`, ""},
		{`{"type":"message.status","data":{"message":{"status":"delivered"}}}`, "dlr"},
		{`{"type":"message.status","data":{"message":{"status":"queued"}}}`, ""},
		{`{"type":"message.status","data":{"message":{}}}`, ""},
		{`{"type":"number.sms_enablement","data":{"status":"success"}}`, "sms_enablement"},
		{`{"type":"number.cnam_requested","data":{}}`, ""},
		{`{"type":"call.created","data":{"call":{"id":"a"}}}`, ""},
	} {
		if got := d.EventName(dialecttest.Event(t, []byte(c.event))); got != c.name {
			t.Errorf("%s is %q, want %q", c.event, got, c.name)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	d := teli.New(dialecttest.Env())
	for _, c := range []struct {
		name, webhook  string
		field, message string // empty: nothing is wrong
	}{
		{"nothing set", `{}`, "", ""},
		{"post", `{"method":"POST"}`, "", ""},
		{"the options", `{"dialect_options":{"values":"typed","schema_names":{"e911":"did_e911"}}}`, "", ""},
		{"get", `{"method":"GET"}`, "method", "expected POST in the dialect teli"},
		{"a format", `{"format":"json"}`, "format", "in the dialect teli the format is fixed for each event; leave it out"},
		{"custom data", `{"custom_data":{"a":"b"}}`, "custom_data", "only the dialect kazoo has it"},
		{"modifiers", `{"modifiers":{"a":"b"}}`, "modifiers", "only the dialect kazoo has it"},
		{"an unknown option", `{"dialect_options":{"Values":"typed"}}`, "dialect_options.Values", "the dialect teli has no such option; it has schema_names, values"},
		{"unknown values", `{"dialect_options":{"values":"numbers"}}`, "dialect_options.values", `expected "strings" (the default) or "typed"`},
		{"names that are no object", `{"dialect_options":{"schema_names":["e911"]}}`, "dialect_options.schema_names", `expected an object such as {"directory_listings":"did_directory_listings"}`},
		{"an empty name", `{"dialect_options":{"schema_names":{"e911":""}}}`, "dialect_options.schema_names", "expected a string as the name of e911"},
		{"an unknown schema", `{"dialect_options":{"schema_names":{"number":"dids"}}}`, "dialect_options.schema_names", "number is no schema; the schemas are lnp_numbers, "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			errs := d.Check(dialecttest.Webhook(t, []byte(c.webhook)))
			if c.field == "" {
				if len(errs) > 0 {
					t.Errorf("refused: %v", errs)
				}
				return
			}
			if len(errs) != 1 || errs[0].Field != c.field || !strings.HasPrefix(errs[0].Message, c.message) {
				t.Errorf("got %v", errs)
			}
		})
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	d := teli.New(dialecttest.Env())
	numbers := func(n ...string) *switchhook.Scope { return &switchhook.Scope{Numbers: n} }
	for _, c := range []struct {
		name, event string
		scope       *switchhook.Scope
		wants       bool
	}{
		{"a record, no scope", `{"type":"record.created","data":{"schema":"number","id":"did-1","row":{}}}`, nil, true},
		{"the number's id", `{"type":"record.created","data":{"schema":"number","id":"did-1","row":{}}}`, numbers("did-1"), true},
		{"the number", `{"type":"record.created","data":{"schema":"number","id":"did-1","row":{"number":"+12025550100"}}}`, numbers("12025550100"), true},
		{"another number", `{"type":"record.created","data":{"schema":"number","id":"did-1","row":{"number":"+12025550100"}}}`, numbers("+12025550101"), false},
		{"a note of the number", `{"type":"record.created","data":{"schema":"number_note","id":"7","row":{"did_id":"did-1"}}}`, numbers("did-1"), true},
		{"a fax to the number", `{"type":"record.created","data":{"schema":"fax","id":"7","row":{"destination_did":"12025550100"}}}`, numbers("+12025550100"), true},
		{"a user with the number's id", `{"type":"record.created","data":{"schema":"user","id":"did-1","row":{}}}`, numbers("did-1"), false},
		{"a queue", `{"type":"record.created","data":{"schema":"number","id":"700","row":{}}}`, &switchhook.Scope{Queues: []string{"700"}}, false},
		{"a message to the number", `{"type":"message.received","data":{"message":{"to":"+12025550100"}}}`, numbers("12025550100"), true},
		{"the number whose messages are enabled", `{"type":"number.sms_enablement","data":{"number":"+12025550100"}}`, numbers("12025550100"), true},
		{"another number's messages", `{"type":"number.sms_enablement","data":{"number":"+12025550100"}}`, numbers("12025550101"), false},
		{"a message to another", `{"type":"message.received","data":{"message":{"to":"+12025550100"}}}`, numbers("12025550101"), false},
	} {
		if got := d.Wants(dialecttest.Event(t, []byte(c.event)), &switchhook.Webhook{Scope: c.scope}); got != c.wants {
			t.Errorf("%s: Wants = %v", c.name, got)
		}
	}
}

// Integers are asked for by account, the schema referred to, and the native id.
func TestIntegersPerSchema(t *testing.T) {
	t.Parallel()
	var asked []string
	env := dialecttest.Env()
	env.Integer = func(account, schema, id string) (int64, error) {
		asked = append(asked, account+" "+schema+" "+id)
		return 7, nil
	}
	d := teli.New(env)
	for _, row := range []string{
		`"schema":"number","id":"did","row":{"user_id":"u","call_flow_id":"f","channel_group_id":"g","voicemail_inbox_id":"v"}`,
		`"schema":"port_number","id":"12","row":{"lnp_request_id":"l"}`,
		`"schema":"user","id":"12","row":{"parent_id":"p"}`,
		`"schema":"account","id":"12","row":{"reseller_id":"r"}`,
		`"schema":"transaction","id":"tx","row":{"id":12,"child_id":"c","referenced_transaction_id":"t"}`,
		`"schema":"transaction_item","id":"007","row":{"transaction_id":"t"}`,
		`"schema":"fax_email","id":"12","row":{"id":"mine","did_id":"did"}`,
	} {
		if _, err := d.Render(dialecttest.Event(t, []byte(`{"type":"record.created","data":{`+row+`}}`)), dialecttest.Webhook(t, nil)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"acme number did", "acme account u", "acme call_flow f", "acme channel_group g", "acme mailbox v",
		"acme port_request l", "acme account p", "acme account r", "acme user c", "acme transaction t",
		"acme transaction_item 007", "acme transaction t", "acme number did",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}

// An id is the one that was set, wherever it stands; else a row's own is the one
// that it has where the row names itself.
func TestIDsAgree(t *testing.T) {
	t.Parallel()
	env := dialecttest.Env()
	env.ID = func(account, dialect, schema, id string) string {
		switch account + " " + dialect + " " + schema + " " + id {
		case "acme teli number did-100":
			return "42"
		case "parent teli account parent":
			return "43"
		default:
			return ""
		}
	}
	d := teli.New(env)
	for _, c := range []struct{ row, want string }{
		{`"schema":"number","id":"did-100","row":{}`, `{"id":"42"}`},
		{`"schema":"number","id":"did-100","row":{"id":"17"}`, `{"id":"42"}`},
		{`"schema":"number_note","id":"3","row":{"did_id":"did-100"}`, `{"id":"3","did_id":"42"}`},
		{`"schema":"fax","id":"did-100","row":{}`, `{"id":"1007"}`},
		{`"schema":"fax_email","id":"3","row":{"did_id":"did-101"}`, `{"id":"3","did_id":"1007"}`},
		{`"schema":"number","id":"did-101","row":{"id":17}`, `{"id":"17"}`},
		{`"schema":"transaction","id":"tx","row":{"id":42,"referenced_transaction_id":"tx"}`, `{"id":"42","referenced_transaction_id":"42"}`},
		{`"schema":"transaction","id":"tx","row":{"referenced_transaction_id":"tx"}`, `{"id":"1002","referenced_transaction_id":"1002"}`},
		{`"schema":"user","id":"3","row":{"parent_id":"parent"}`, `{"id":"3","parent_id":"43"}`},
		{`"schema":"account","id":"acme","row":{"id":7,"reseller_id":"acme"}`, `{"id":"7","reseller_id":"7"}`},
	} {
		req, err := d.Render(dialecttest.Event(t, []byte(`{"type":"record.created","data":{`+c.row+`}}`)), dialecttest.Webhook(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		var body struct{ Data string }
		if err := json.Unmarshal(req.Body, &body); err != nil || body.Data != c.want {
			t.Errorf("%s became %s, %v; want %s", c.row, body.Data, err, c.want)
		}
	}
	if kinds := d.IDs(); len(kinds) != 19 || !kinds[0].Valid("4711") || kinds[0].Valid("did-100") || kinds[0].Valid("007") {
		t.Errorf("ids can be set of %v", kinds)
	}
}

// For each of the 19 schemas and each change of a row: the fields of Teli's page, in
// its order, those that the row has and no other; strings, or numbers as numbers.
func TestRowsHaveTheFieldsOfThePage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../catalogue/testdata/seeds/teli_web_hooks.txt") // the page's lists
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if name, fields, ok := strings.Cut(line, ":"); ok && line[0] != '#' && name != "sms_enablement" {
			pages[name] = strings.Fields(fields)
		}
	}
	references := strings.Fields(`user_id parent_id reseller_id child_id did_id call_flow_id channel_group_id voicemail_inbox_id
		lnp_request_id transaction_id referenced_transaction_id`)
	phones := strings.Fields(`number did_number source_did destination_did btn wireless_number sbc_number phone_number support_phone contact_number`)
	d := teli.New(dialecttest.Env())
	ours := map[string]string{}
	for _, kind := range d.IDs() {
		ev := dialecttest.Event(t, fmt.Appendf(nil, `{"type":"record.created","data":{"schema":%q,"id":"1","row":{}}}`, kind.Schema))
		ours[d.EventName(ev)] = kind.Schema
	}
	if len(pages) != 19 || len(ours) != 19 {
		t.Fatalf("the page has 19 lists and there are 19 schemas, not %d and %d", len(pages), len(ours))
	}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(pages))).Draw(rt, "schema")
		op := rapid.SampledFrom([]string{"insert=created", "update=updated", "delete=deleted"}).Draw(rt, "operation")
		theirs, change, _ := strings.Cut(op, "=")
		typed := rapid.Bool().Draw(rt, "typed")
		var row, want []string
		for _, field := range pages[name] {
			if field != "id" && rapid.Bool().Draw(rt, "without "+field) {
				continue // absent stays absent
			}
			// What stands in the row, and what leaves as a string or typed.
			values := [][3]string{{`"x"`, `"x"`, `"x"`}, {"42", `"42"`, "42"}, {"true", `"1"`, "1"}, {"null", "null", "null"}}
			switch {
			case field == "id":
				values = [][3]string{{"42", `"42"`, "42"}, {`"42"`, `"42"`, "42"}}
			case slices.Contains(references, field):
				values = [][3]string{{"7", `"7"`, "7"}, {`"7"`, `"7"`, "7"}, {"null", "null", "null"}, {`"native"`, `"1006"`, "1006"}}
			case slices.Contains(phones, field): // numbers to call are no numbers
				values = [][3]string{{`"+12025550100"`, `"2025550100"`, `"2025550100"`}, {"2025550100", `"2025550100"`, `"2025550100"`}, {"null", "null", "null"}}
			}
			v := rapid.SampledFrom(values).Draw(rt, field)
			row = append(row, `"`+field+`":`+v[0])
			want = append(want, `"`+field+`":`+v[map[bool]int{false: 1, true: 2}[typed]])
		}
		row = append(row, `"description":"not on the page"`)
		event := `{"type":"record.` + change + `","data":{"schema":"` + ours[name] + `","id":"42","row":{` + strings.Join(rapid.Permutation(row).Draw(rt, "order"), ",") + `}}}`
		webhook := `{}`
		if typed {
			webhook = `{"dialect_options":{"values":"typed"}}`
		}
		req, err := d.Render(dialecttest.Event(t, []byte(event)), dialecttest.Webhook(t, []byte(webhook)))
		if err != nil {
			rt.Fatal(err)
		}
		if want := `{"type":"` + theirs + `","schema":"` + name + `","data":` + strconv.Quote(`{`+strings.Join(want, ",")+`}`) + `}`; string(req.Body) != want {
			rt.Fatalf("%s\ngot  %s\nwant %s", event, req.Body, want)
		}
	})
}

func TestNoIntegerNoRequest(t *testing.T) {
	t.Parallel()
	down := errors.New("the store is down")
	env := dialecttest.Env()
	env.Integer = func(string, string, string) (int64, error) { return 0, down }
	ev := dialecttest.Event(t, []byte(`{"type":"record.created","data":{"schema":"number","id":"did","row":{}}}`))
	if _, err := teli.New(env).Render(ev, dialecttest.Webhook(t, nil)); !errors.Is(err, down) {
		t.Errorf("the error is %v", err)
	}
}

func BenchmarkRender(b *testing.B) {
	dialecttest.Benchmark(b, teli.New(dialecttest.Env()), "record.updated", "message.received", "message.status")
}
