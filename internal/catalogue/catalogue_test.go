package catalogue_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// The table of fields and the Go structs say the same: neither can grow alone.
func TestFieldsAreTheStructs(t *testing.T) {
	t.Parallel()
	structs := map[string]reflect.Type{
		"party": reflect.TypeFor[switchhook.Party](), "action": reflect.TypeFor[switchhook.Action](),
		"parking": reflect.TypeFor[switchhook.Parking](), "media": reflect.TypeFor[switchhook.Media](),
		"participant": reflect.TypeFor[switchhook.Participant](),
	}
	all := reflect.TypeFor[switchhook.Resources]()
	for f := range all.Fields() {
		if !f.Anonymous {
			structs[jsonName(f)] = f.Type.Elem()
		}
	}
	for _, r := range catalogue.Resources() {
		typ, ok := structs[r.Name]
		if !ok {
			t.Errorf("the resource %s has no struct", r.Name)
			continue
		}
		delete(structs, r.Name)
		var fields, members []string
		for _, f := range r.Fields {
			fields = append(fields, f.Name)
			if f.Doc == "" {
				t.Errorf("%s.%s is not documented", r.Name, f.Name)
			}
		}
		for f := range typ.Fields() {
			members = append(members, jsonName(f))
		}
		if diff := cmp.Diff(members, fields); diff != "" {
			t.Errorf("%s: struct (-) and table (+) differ:\n%s", r.Name, diff)
		}
	}
	for name := range structs {
		t.Errorf("the struct of %s has no resource in the table", name)
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for _, typ := range catalogue.All() {
		t.Run(typ.Name, func(t *testing.T) {
			t.Parallel()
			if typ.Meaning == "" || !strings.HasSuffix(typ.Meaning, ".") {
				t.Errorf("the meaning %q is no sentence", typ.Meaning)
			}
			sample := typ.Sample()
			if errs := catalogue.Check(typ, sample, "data"); len(errs) > 0 {
				t.Errorf("the sample is wrong: %v\n%s", errs, sample)
			}
			if err := compile(t, typ).Validate(decode(t, sample)); err != nil {
				t.Errorf("the sample does not fit the schema: %v", err)
			}
			r, err := catalogue.Decode(sample)
			if err != nil {
				t.Fatal(err)
			}
			if catalogue.Key(typ, r) == "" {
				t.Error("the sample has no ordering key")
			}
			if c := r.Call; c != nil && (c.PeerID == c.ID || typ.Name == "leg.created" && c.Status != "dialing") {
				t.Errorf("no leg is like the sample's: its peer is %q, its status %s", c.PeerID, c.Status)
			}
		})
	}
}

// Each way to be wrong is found by Check, named by its path, and refused by the
// published schema too.
func TestCheckNamesTheField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, data, field, message string }{
		{"call.created", `[]`, "data", "expected an object, got an array"},
		{"call.created", `{}`, "data.call", "is required for call.created"},
		{"call.created", `{"call":null}`, "data.call", "is required for call.created"},
		{"call.created", `{"call":"x"}`, "data.call", `expected an object (call), got "x"`},
		{"call.created", `{"call":{}}`, "data.call.id", "is required: a string, the phone system's own id"},
		{"call.created", `{"call":{"id":7}}`, "data.call.id", "expected a string, got 7"},
		{"call.created", `{"call":{"id":""}}`, "data.call.id", "expected a string that is not empty"},
		{"call.created", `{"call":{"id":"a","status":"gone"}}`, "data.call.status", `expected one of dialing, ringing, answered, terminating, canceling, ended, got "gone"`},
		{"call.created", `{"call":{"id":"a","from":{"address":1}}}`, "data.call.from.address", "expected a string, got 1"},
		{"call.created", `{"call":{"id":"a","from":"+1"}}`, "data.call.from", `expected an object (party), got "+1"`},
		{"call.created", `{"call":{"id":"a","chained_ids":["b",2]}}`, "data.call.chained_ids[1]", "expected a string, got 2"},
		{"call.created", `{"call":{"id":"a","chained_ids":"b"}}`, "data.call.chained_ids", `expected an array of a string, got "b"`},
		{"call.created", `{"call":{"id":"a","created_at":"today"}}`, "data.call.created_at", `expected an RFC 3339 time such as 2026-01-31T15:04:05.123Z, got "today"`},
		{"call.hungup", `{"call":{"id":"a","duration_ms":1.5}}`, "data.call.duration_ms", "expected an integer, got 1.5"},
		{"call.hungup", `{"call":{"id":"a","q850":99999999999}}`, "data.call.q850", "expected an integer, got 99999999999"},
		{"call.hungup", `{"call":{"id":"a","vars":[]}}`, "data.call.vars", "expected an object, got an array"},
		{"call.hungup", `{"call":{"id":"a","held":"yes"}}`, "data.call.held", `expected true or false, got "yes"`},
		{"agent.updated", `{"agent":{"id":"a","addresses":[{"type":"fax"}]}}`, "data.agent.addresses[0].type", `expected one of tel, sip, extension, agent, endpoint, got "fax"`},
		{"agent.updated", `{"agent":{"id":"a","permission":-1}}`, "data.agent.permission", "expected an integer of 0 or more, got -1"},
		{"record.created", `{"schema":"number","id":"1"}`, "data.row", "is required for record.created"},
		{"record.created", `{"schema":"number","id":"1","row":7}`, "data.row", "expected an object, got 7"},
		{"billing.low_balance", `{"current_balance":"much"}`, "data.current_balance", `expected a decimal number, got "much"`},
		{"billing.low_balance", `{"current_balance":true}`, "data.current_balance", "expected a decimal number, got true"},
		{"billing.low_balance", `{"current_balance":" 4"}`, "data.current_balance", `expected a decimal number, got " 4"`},
		{"port.pending", `{"number":{"number":"+12025550177"}}`, "data.number", "expected a string, got an object"},
		{"billing.reminder", `{"due_date":63937123200}`, "data.due_date", "expected an RFC 3339 time such as 2026-01-31T15:04:05.123Z, got 63937123200"},
		{"message.received", `{"message":{"from":12025550143}}`, "data.message.from", "expected a string, got 12025550143"},
	} {
		typ, ok := catalogue.Lookup(c.typ)
		if !ok {
			t.Fatalf("no type %s", c.typ)
		}
		got := catalogue.Check(typ, []byte(c.data), "data")
		want := []switchhook.FieldError{{Field: c.field, Message: c.message}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s:\n%s", c.typ, c.data, diff)
		}
		if err := compile(t, typ).Validate(decode(t, []byte(c.data))); err == nil {
			t.Errorf("the schema takes %s %s", c.typ, c.data)
		}
	}
	typ, _ := catalogue.Lookup("call.created")
	for _, twice := range []string{`{"call":{"id":"a","id":"b"}}`, `{"call":{"id":"a"},"call":{"id":"b"}}`, `{"call":{"id":"a"}`, `{"call":{"id":"a"}}x`} {
		if errs := catalogue.Check(typ, []byte(twice), "data"); len(errs) == 0 {
			t.Errorf("%s was taken", twice)
		}
	}
}

func TestUnknownMembersAndNullsAreTaken(t *testing.T) {
	t.Parallel()
	typ, _ := catalogue.Lookup("call.answered")
	data := []byte(`{"call":{"id":"a","answered_at":null,"mood":["good"],"ID":7},"weather":{"sun":true}}`)
	if errs := catalogue.Check(typ, data, "data"); len(errs) > 0 {
		t.Fatal(errs)
	}
	r, err := catalogue.Decode(data)
	if err != nil || r.Call.ID != "a" {
		t.Fatalf("decoded %+v, %v", r, err)
	}
}

// What lies flat in the data may have the name of a resource or of another
// type's flat member.
func TestDecodeFlatMembers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, data string
		want      switchhook.Resources
	}{
		{"port.pending", `{"number":"+1","port_request_id":"p"}`, switchhook.Resources{
			Number: &switchhook.Number{Number: "+1"}, Subject: switchhook.Subject{PortRequestID: "p"},
		}},
		{"system.alert", `{"message":"full","id":7}`, switchhook.Resources{}},
		{"call.created", `{"call":{"id":"a"},"id":7,"call_id":{},"changed":"x","schema":null}`, switchhook.Resources{Call: &switchhook.Call{ID: "a"}}},
		{"number.cnam_requested", `{"number":null}`, switchhook.Resources{}},
		{"billing.transaction", `{"id":"t","amount":"20.00"}`, switchhook.Resources{RecordChange: switchhook.RecordChange{ID: "t"}}},
	} {
		typ, _ := catalogue.Lookup(c.typ)
		if errs := catalogue.Check(typ, []byte(c.data), "data"); len(errs) > 0 {
			t.Errorf("%s %s: %v", c.typ, c.data, errs)
		}
		got, err := catalogue.Decode([]byte(c.data))
		if err != nil {
			t.Errorf("%s %s: %v", c.typ, c.data, err)
			continue
		}
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s %s: wanted (-), got (+):\n%s", c.typ, c.data, diff)
		}
	}
}

func TestAttach(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]bool{"call.created": false, "custom.x": true, "fromthefuture.x": true} {
		ev := &switchhook.Event{Type: typ, Data: []byte(`{"call":"front desk"}`)}
		if err := catalogue.Attach(ev); (err == nil) != want || want && ev.Resources == nil {
			t.Errorf("%s: %v, %v", typ, ev.Resources, err)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"call.created": true, "custom.door_opened": true, "custom.a.b-c": true,
		"": false, "call": false, "call.Created": false, "custom.": false, "custom": false, "custom.a b": false, "call.*": false,
	} {
		if _, ok := catalogue.Lookup(name); ok != want {
			t.Errorf("Lookup(%q) = %v", name, ok)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"*", "call.created", true},
		{"call.*", "call.created", true},
		{"call.*", "leg.created", false},
		{"*.created", "call.created", true},
		{"*.created", "call.updated", false},
		{"c*.*ed", "call.created", true},
		{"custom.*", "custom.a.b", true},
		{"custom.*.b", "custom.a.c.b", true},
		{"*ed", "call.created", true},
		{"*eded", "call.created", false},
		{"call.created", "call.created", true},
		{"call.created", "call.created2", false},
		{"call.create*d*", "call.created", true},
		{"a*a", "a", false},
		{"", "call.created", false},
		{"**", "x", true},
	} {
		if got := catalogue.Match(c.glob, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.glob, c.name, got)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, data, want string }{
		{"call.created", `{"call":{"id":"a"}}`, "a"},
		{"leg.created", `{"call":{"id":"b","root_id":"a"}}`, "a"},
		{"extension.ringing", `{"extension":{"number":"101"},"call":{"id":"b","root_id":"a"}}`, "a"},
		{"queuecall.created", `{"queuecall":{"id":"q"}}`, "q"},
		{"queuecall.created", `{"queuecall":{"id":"q"},"call":{"id":"b"}}`, "b"},
		{"agent.status_updated", `{"agent":{"id":"g"}}`, "g"},
		{"queue.updated", `{"queue":{"id":"k"}}`, "k"},
		{"flow.ended", `{"flow":{"id":"f"}}`, "f"},
		{"message.sent", `{"message":{"id":"m","conversation_id":"c"}}`, "c"},
		{"message.status", `{"message":{"id":"m","conversation_id":""}}`, "m"},
		{"extension.ringing", `{"extension":{"id":"e","number":"101"}}`, "e"},
		{"extension.ringing", `{"extension":{"number":"101"}}`, "101"},
		{"ring_group.entered", `{"ring_group":{"id":"g","number":"600"}}`, "g"},
		{"voicemail.new", `{"voicemail":{"id":"v","mailbox_id":"b"},"extension":{"id":"e"}}`, "v"},
		{"voicemail.full", `{"voicemail":{"mailbox_id":"b"},"extension":{"id":"e"}}`, "b"},
		{"record.updated", `{"schema":"number","id":"n","row":{}}`, "number/n"},
		{"custom.x", `{"call":{"id":"a"}}`, ""},
		{"recording.finished", `{"recording":{"id":"r","call_id":"c"}}`, "c"},
		{"recording.finished", `{"recording":{"id":"r"}}`, "r"},
		{"conference.left", `{"conference":{"id":"n"}}`, "n"},
		{"emergency.denied", `{"call_id":"c"}`, "c"},
		{"emergency.denied", `{"call_id":"b","call":{"id":"b","root_id":"a"}}`, "a"},
		{"notification.custom", `{"call_id":"c"}`, "c"},
		{"fax.received", `{"fax":{"id":"f","box_id":"b"}}`, "f"},
		{"fax.send_failed", `{"fax":{"job_id":"j","box_id":"b"}}`, "j"},
		{"fax.email_rejected", `{"fax":{"box_id":"b","from_email":"e"}}`, "b"},
		{"fax.email_rejected", `{"fax":{"from_email":"e"}}`, "e"},
		{"port.pending", `{"port_request_id":"p","number":"+12025550177"}`, "p"},
		{"number.cnam_requested", `{"number":"+12025550100"}`, "+12025550100"},
		{"number.sms_enablement", `{"number":"+12025550100","status":"success"}`, "+12025550100"},
		{"device.registered", `{"device":{"id":"d","username":"u","realm":"r"}}`, "d"},
		{"device.registered", `{"device":{"username":"u","realm":"r"}}`, "u@r"},
		{"device.registered", `{"device":{"username":"u"}}`, "u"},
		{"account.created", `{"account_name":"x"}`, "account"},
		{"user.created", `{"user_id":"u"}`, "u"},
		{"billing.transaction", `{"id":"t"}`, "billing"},
		{"system.alert", `{"message":"m"}`, "system"},
		{"webhook.disabled", `{"hook_id":"w"}`, "w"},
		{"source.gap", `{"source_id":"s"}`, "s"},
		{"flow.webhook", `{"flow":{"id":"f"},"data":"raw"}`, "f"},
		{"flow.webhook", `{"data":{}}`, ""},
	} {
		typ, _ := catalogue.Lookup(c.typ)
		r, err := catalogue.Decode([]byte(c.data))
		if err != nil {
			t.Fatal(err)
		}
		if got := catalogue.Key(typ, r); got != c.want {
			t.Errorf("%s %s: key %q, want %q", c.typ, c.data, got, c.want)
		}
	}
}

func TestConversationIsTheSameBothWays(t *testing.T) {
	t.Parallel()
	a, b := catalogue.ConversationID("x", "1", "2"), catalogue.ConversationID("x", "2", "1")
	if a != b || a == catalogue.ConversationID("y", "1", "2") {
		t.Error("a conversation is its account and its two numbers")
	}
	if c := catalogue.ConversationID("x", "", ""); c != "" {
		t.Errorf("messages of which no number is known share the conversation %s", c)
	}
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	var classes []time.Duration
	for _, f := range []catalogue.Freshness{catalogue.Live, catalogue.Timely, catalogue.Lasting} {
		classes = append(classes, f.MaxAge())
	}
	if !slices.Equal(classes, []time.Duration{time.Minute, 6 * time.Hour, 0}) {
		t.Error(classes)
	}
}

// What Check takes, Decode reads: an accepted event can always be rendered.
func FuzzCheckedDataDecodes(f *testing.F) {
	for _, typ := range catalogue.All() {
		f.Add(typ.Name, []byte(typ.Sample()))
	}
	f.Add("call.created", []byte(`{"call":{"id":"a","duration_ms":9223372036854775808,"created_at":"2026-01-01T00:00:00,5Z"}}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		typ, ok := catalogue.Lookup(name)
		if !ok || len(catalogue.Check(typ, data, "data")) > 0 {
			return
		}
		if _, err := catalogue.Decode(data); err != nil && !typ.Custom() {
			t.Fatalf("%s %s: %v", name, data, err)
		}
	})
}

func compile(t *testing.T, typ *catalogue.Type) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(typ.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("type.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("type.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
