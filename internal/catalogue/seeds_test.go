package catalogue_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/kazoo"
	"github.com/switchhook/switchhook/internal/dialect/primevox"
	"github.com/switchhook/switchhook/internal/dialect/teli"
	"github.com/switchhook/switchhook/internal/dialect/voipbin"
)

// The catalogue is held to the documents of the four systems: testdata/seeds has
// their events and the fields of each, names only. Each event must have a type,
// and each of its fields must come out when the type's sample is rendered.

// A documented event, with the fields that the document lists.
type documented struct {
	name   string
	fields []string
}

func seeds(t *testing.T, file string) []documented {
	t.Helper()
	text, err := os.ReadFile("testdata/seeds/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []documented
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, fields, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("%s: no colon in %q", file, line)
		}
		all = append(all, documented{name, strings.Fields(fields)})
	}
	return all
}

// rendered is the request that a dialect makes of the type's sample, with more
// laid over its data.
func rendered(t *testing.T, d dialect.Dialect, webhook, typ, more string) *dialect.Request {
	t.Helper()
	found, ok := catalogue.Lookup(typ)
	if !ok {
		t.Fatalf("the catalogue has no %s", typ)
	}
	var data map[string]json.RawMessage
	if err := json.Unmarshal(found.Sample(), &data); err != nil {
		t.Fatal(err)
	}
	if more != "" {
		if err := json.Unmarshal([]byte(more), &data); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	ev := dialecttest.Event(t, fmt.Appendf(nil, `{"type":%q,"source":"pbx-1","data":%s}`, typ, whole))
	w := dialecttest.Webhook(t, []byte(webhook))
	if errs := d.Check(w); len(errs) > 0 {
		t.Fatal(errs)
	}
	if d.EventName(ev) == "" || !d.Wants(ev, w) {
		t.Fatalf("%s has nothing for the sample of %s", d.Name(), typ)
	}
	req, err := d.Render(ev, w)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func members(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return m
}

// typesOf are the types that a dialect makes an event of its own from.
func typesOf(d dialect.Dialect, name string) []string {
	var types []string
	for _, row := range d.Table() {
		if row.Name == name {
			types = append(types, row.Type)
		}
	}
	return types
}

// Every notification of Kazoo's page comes from a type whose sample renders to
// each of its fields, and to none that the page does not have.
func TestKazooNotifications(t *testing.T) {
	t.Parallel()
	d := kazoo.New(dialecttest.Env())
	all := seeds(t, "kazoo_notifications.txt")
	base, optional, events := all[0], all[1], all[2:]
	if base.name != "base required" || optional.name != "base optional" || len(events) != 36 {
		t.Fatalf("the page has the base fields and 36 events; there are %d", len(events))
	}
	const mail = `{"notification":{"account_db":"db","attachment_url":"https://example.com/a","bcc":"b@example.com","cc":"c@example.com","from":"f@example.com",
		"html":"<p>h</p>","preview":true,"reply_to":"r@example.com","subject":"s","text":"t","to":"t@example.com"}}`
	var seen []string
	for _, ev := range events {
		t.Run(ev.name, func(t *testing.T) {
			t.Parallel()
			types := typesOf(d, "notifications/"+ev.name)
			if len(types) != 1 {
				t.Fatalf("%d types become %s: %v", len(types), ev.name, types)
			}
			flat, fields := flatFields(t, types[0]), slices.Clone(base.fields)
			got := members(t, rendered(t, d, `{"format":"json"}`, types[0], "").Body)
			for _, field := range ev.fields {
				name, value, printed := strings.Cut(field, "=")
				fields = append(fields, name)
				if got[name] == nil {
					t.Errorf("the sample of %s renders without %s", types[0], name)
				}
				if printed && got[name] != value {
					t.Errorf("%s is %v; the page says %s", name, got[name], value)
				}
				if flat != nil && notInData(name) == "" && !slices.Contains(flat, name) {
					t.Errorf("%s has no field %s", types[0], name)
				}
			}
			for name := range got {
				if !slices.Contains(fields, name) && name != "cluster_id" && !slices.Contains(optional.fields, name) {
					t.Errorf("%s renders %s, which the page does not have", types[0], name)
				}
			}
			got = members(t, rendered(t, d, `{"format":"json"}`, types[0], mail).Body)
			for _, name := range slices.Concat(base.fields, optional.fields) {
				if got[name] == nil {
					t.Errorf("%s renders without the base field %s", types[0], name)
				}
			}
		})
		seen = append(seen, "notifications/"+ev.name)
	}
	// What the bus has and the page has not.
	beside := []string{"notifications/account_deleted", "notifications/emergency_bridge", "notifications/number_feature_manual_action", "notifications/voicemail_deleted"}
	var more []string
	for _, row := range d.Table() {
		if strings.HasPrefix(row.Name, "notifications/") && !slices.Contains(seen, row.Name) {
			more = append(more, row.Name)
		}
	}
	slices.Sort(more)
	if diff := cmp.Diff(beside, more); diff != "" {
		t.Errorf("beside the page's notifications there should be (-), there are (+):\n%s", diff)
	}
}

// notInData says why a field of Kazoo's is no field of the data, if so.
func notInData(name string) string {
	switch name {
	case "account_id":
		return "it is the event's account"
	case "event_name":
		return "it is the event's type"
	default:
		return ""
	}
}

// flatFields are the names of the fields that lie flat in the type's data; nil
// for a type that has resources instead.
func flatFields(t *testing.T, name string) []string {
	t.Helper()
	typ, ok := catalogue.Lookup(name)
	if !ok {
		t.Fatalf("the catalogue has no %s", name)
	}
	var names []string
	for _, f := range typ.Flat {
		names = append(names, f.Name)
	}
	return names
}

// Teli's rows come from the records of the directory, which the operator fills:
// a row with every field of a schema leaves with all of them, in the page's order.
func TestTeliWebHooks(t *testing.T) {
	t.Parallel()
	ours := map[string]string{
		"lnp_numbers": "port_number", "lnp_requests": "port_request", "sip_accounts": "device", "monthly_charges": "charge",
		"sub_users": "user", "transaction_items": "transaction_item", "transactions": "transaction", "users": "account",
		"call_flows": "call_flow", "channel_groups": "channel_group", "did_notes": "number_note", "dids": "number",
		"directory_listings": "directory_listing", "e911": "e911", "fax_emails": "fax_email", "faxes": "fax",
		"ip_endpoints": "ip_endpoint", "voicemail_emails": "mailbox_email", "voicemail_inboxes": "mailbox",
	}
	d := teli.New(dialecttest.Env())
	all := seeds(t, "teli_web_hooks.txt")
	if len(all) != 20 {
		t.Fatalf("the page has 20 schemas, there are %d", len(all))
	}
	for _, schema := range all {
		if schema.name == "sms_enablement" {
			got := members(t, rendered(t, d, "", "number.sms_enablement", "").Body)
			for _, field := range schema.fields {
				if got[field] == nil {
					t.Errorf("sms_enablement renders without %s", field)
				}
			}
			continue
		}
		for _, typ := range []string{"record.created", "record.updated", "record.deleted"} {
			if !slices.Contains(typesOf(d, schema.name), typ) {
				t.Errorf("%s has no %s", schema.name, typ)
			}
		}
		row := make(map[string]string)
		for _, field := range schema.fields {
			row[field] = "1"
		}
		text, err := json.Marshal(map[string]any{"schema": ours[schema.name], "id": "1", "row": row})
		if err != nil {
			t.Fatal(err)
		}
		body := members(t, rendered(t, d, "", "record.created", string(text)).Body)
		data, ok := body["data"].(string)
		if !ok || body["schema"] != schema.name {
			t.Fatalf("%s: %v", schema.name, body)
		}
		if diff := cmp.Diff(schema.fields, inOrder(t, data)); diff != "" {
			t.Errorf("%s: the page (-) and the row (+) differ:\n%s", schema.name, diff)
		}
	}
}

// inOrder are the names of an object's members, in their order.
func inOrder(t *testing.T, object string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	var names []string
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := tok.(string); ok {
			names = append(names, name)
			if _, err := d.Token(); err != nil { // all values are plain
				t.Fatal(err)
			}
		}
	}
	return names
}

func TestVoIPBinWebhooks(t *testing.T) {
	t.Parallel()
	d := voipbin.New(dialecttest.Env())
	all := seeds(t, "voipbin_webhook.txt")
	if len(all) != 21 {
		t.Fatalf("the page has 21 types, there are %d", len(all))
	}
	for _, ev := range all {
		types := typesOf(d, ev.name)
		if len(types) == 0 {
			t.Errorf("no type becomes %s", ev.name)
		}
		for _, typ := range types {
			more := ""
			if ev.name == "call_ringing" {
				more = `{"call":{"id":"a","leg_direction":"outbound"}}` // the only ones that ring
			}
			body := members(t, rendered(t, d, "", typ, more).Body)
			data, ok := body["data"].(map[string]any)
			if !ok || body["type"] != ev.name {
				t.Fatalf("%s: %v", typ, body)
			}
			for _, field := range ev.fields {
				outer, inner, nested := strings.Cut(field, ".")
				value, ok := data[outer]
				if nested {
					object, _ := value.(map[string]any)
					_, ok = object[inner]
				}
				if !ok {
					t.Errorf("the sample of %s renders without %s", typ, field)
				}
			}
		}
	}
}

func TestPrimeVOXWebhooks(t *testing.T) {
	t.Parallel()
	d := primevox.New(dialecttest.Env())
	all := seeds(t, "primevox_webhooks.txt")
	if len(all) != 11 {
		t.Fatalf("the page has 11 events, there are %d", len(all))
	}
	for _, ev := range all {
		types := typesOf(d, ev.name)
		if len(types) != 1 {
			t.Errorf("%d types become %s", len(types), ev.name)
			continue
		}
		more := ""
		if ev.name == "outboundCall" {
			more = `{"call":{"id":"a","direction":"outbound","dialed":"+12025550143","from":{"type":"extension","address":"101","name":"Grace Hopper"}}}`
		}
		req := rendered(t, d, "", types[0], more)
		got := map[string]any{}
		if strings.Contains(req.Header.Get("Content-Type"), "json") {
			got = members(t, req.Body)
		} else {
			form, err := url.ParseQuery(string(req.Body))
			if err != nil {
				t.Fatal(err)
			}
			for name := range form {
				got[name] = form.Get(name)
			}
		}
		for _, field := range ev.fields {
			if v, ok := got[field]; !ok || v == "" {
				t.Errorf("the sample of %s renders without %s", types[0], field)
			}
		}
	}
}
