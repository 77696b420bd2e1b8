package primevox_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/primevox"
	"github.com/switchhook/switchhook/internal/ordjson"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, primevox.New(dialecttest.Env()))
}

// PrimeVOX's page has eleven templates.
func TestTableHasEveryEventOfThePage(t *testing.T) {
	t.Parallel()
	var names []string
	for _, row := range primevox.New(dialecttest.Env()).Table() {
		names = append(names, row.Name)
	}
	want := []string{
		"InboundCall/phoneNumber", "outboundCall", "HangupCall", "ringAttempt/extension", "ExtensionAnswered",
		"inboundCallCompleted", "ringAttempt/ringGroup", "queueEntered/queue", "inboundMessage", "outboundMessage",
		"voicemailHangup",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		selector, name string
		selects        bool
	}{
		{"InboundCall", "InboundCall/phoneNumber", true},
		{"InboundCall/phoneNumber", "InboundCall/phoneNumber", true},
		{"ringAttempt", "ringAttempt/ringGroup", true},
		{"ringAttempt/extension", "ringAttempt/ringGroup", false},
		{"HangupCall", "HangupCall", true},
		{"Hangup", "HangupCall", false},
	} {
		if got := dialect.Selects(c.selector, c.name); got != c.selects {
			t.Errorf("%s selects %s: %v", c.selector, c.name, got)
		}
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	d := primevox.New(dialecttest.Env())
	for _, event := range []string{
		`{"type":"call.created","data":{"call":{"id":"a"}}}`,
		`{"type":"call.created","data":{"call":{"id":"a","direction":"internal"}}}`,
		`{"type":"call.hungup","data":{"call":{"id":"a","direction":"outbound"}}}`,
		`{"type":"call.hungup","data":{"call":{"id":"a","direction":"internal"}}}`,
		`{"type":"leg.created","data":{"call":{"id":"a","direction":"inbound"}}}`,
		`{"type":"leg.hungup","data":{"call":{"id":"a","direction":"inbound"}}}`,
		`{"type":"extension.missed","data":{"extension":{"number":"101"}}}`,
		`{"type":"message.status","data":{"message":{}}}`,
		`{"type":"custom.thing","data":{}}`,
	} {
		if name := d.EventName(dialecttest.Event(t, []byte(event))); name != "" {
			t.Errorf("%s is %s", event, name)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	d := primevox.New(dialecttest.Env())
	for _, c := range []struct{ webhook, field, message string }{
		{`{}`, "", ""},
		{`{"method":"POST","dialect_options":{"container_id":482915,"tenant_id":"0"}}`, "", ""},
		{`{"format":"form"}`, "format", "in the dialect primevox the format is fixed for each event; leave it out"},
		{`{"method":"PUT"}`, "method", "expected POST in the dialect primevox"},
		{`{"custom_data":{"a":"b"}}`, "custom_data", "only the dialect kazoo has it"},
		{`{"modifiers":{"a":"b"}}`, "modifiers", "only the dialect kazoo has it"},
		{`{"dialect_options":{"containerId":"1"}}`, "dialect_options.containerId", "the dialect primevox has no such option; it has blanks, container_id, numbers, tenant_id"},
		{`{"dialect_options":{"container_id":482915.5}}`, "dialect_options.container_id", "expected a whole number, or a string that is not empty"},
		{`{"dialect_options":{"container_id":""}}`, "dialect_options.container_id", "expected a whole number, or a string that is not empty"},
		{`{"dialect_options":{"numbers":"as_given","blanks":"+"}}`, "", ""},
		{`{"dialect_options":{"numbers":"e164"}}`, "dialect_options.numbers", `expected "plain" (the default) or "as_given"`},
		{`{"dialect_options":{"blanks":" "}}`, "dialect_options.blanks", `expected "%20" (the default) or "+"`},
		{`{"dialect_options":{"tenant_id":[1]}}`, "dialect_options.tenant_id", "expected a whole number, or a string that is not empty"},
	} {
		var want []switchhook.FieldError
		if c.field != "" {
			want = []switchhook.FieldError{{Field: c.field, Message: c.message}}
		}
		if diff := cmp.Diff(want, d.Check(dialecttest.Webhook(t, []byte(c.webhook)))); diff != "" {
			t.Errorf("%s: wanted (-), got (+):\n%s", c.webhook, diff)
		}
	}
}

// A webhook is on one kind of object; which one decides what it hears of.
func TestScope(t *testing.T) {
	t.Parallel()
	d := primevox.New(dialecttest.Env())
	const (
		inbound  = `"call":{"id":"a","direction":"inbound","from":{"type":"tel","address":"+12025550143"},"to":{"type":"tel","address":"+12025550100"}}`
		outbound = `"call":{"id":"a","direction":"outbound","from":{"type":"extension","address":"101"},"to":{"type":"tel","address":"+12025550143"}}`
		all      = `"extension":{"id":"ext-101","number":"101"},"ring_group":{"id":"rg","number":"600"},"queue":{"id":"q","number":"700"},"number":{"id":"did","number":"+12025550100"}`
		message  = `"message":{"from":"+12025550143","to":"+12025550100"}`
		sent     = `"message":{"from":"+12025550100","to":"+12025550143"}`
	)
	number := &switchhook.Scope{Numbers: []string{"12025550100"}}
	numberID := &switchhook.Scope{Numbers: []string{"did"}}
	outside := &switchhook.Scope{Numbers: []string{"+12025550143"}}
	extension := &switchhook.Scope{Extensions: []string{"101"}}
	group := &switchhook.Scope{RingGroups: []string{"600"}}
	queue := &switchhook.Scope{Queues: []string{"700"}}
	either := &switchhook.Scope{Queues: []string{"701"}, Extensions: []string{"100", "ext-101"}}
	for _, c := range []struct {
		typ, data string
		scope     *switchhook.Scope
		wants     bool
	}{
		{"call.created", inbound, nil, true},
		{"call.created", inbound, &switchhook.Scope{}, true},
		{"call.created", inbound, number, true},
		{"call.created", inbound, outside, false},
		{"call.created", inbound, extension, false},
		{"call.created", inbound + "," + all, extension, false},
		{"call.created", inbound + "," + all, numberID, true},
		{"call.created", outbound, extension, true},
		{"call.created", outbound, outside, false},
		{"call.created", outbound + "," + all, number, false},
		{"call.hungup", inbound, number, true},
		{"call.hungup", inbound + "," + all, extension, false},
		{"extension.ringing", inbound + "," + all, extension, true},
		{"extension.ringing", inbound + "," + all, either, true},
		{"extension.ringing", inbound + "," + all, number, false},
		{"extension.answered", inbound + "," + all, extension, true},
		{"extension.completed", inbound + "," + all, extension, true},
		{"extension.completed", inbound + "," + all, group, false},
		{"voicemail.new", `"voicemail":{"mailbox_number":"101"},` + inbound, extension, true},
		{"voicemail.new", `"voicemail":{"mailbox_number":"102"},` + inbound, extension, false},
		{"ring_group.entered", inbound + "," + all, group, true},
		{"ring_group.entered", inbound + "," + all, extension, false},
		{"queuecall.created", `"queuecall":{"id":"x"},` + all, queue, true},
		{"queuecall.created", `"queuecall":{"id":"x","queue_id":"700"}`, queue, true},
		{"queuecall.created", `"queuecall":{"id":"x"},` + all, number, false},
		{"message.received", message, number, true},
		{"message.received", message, outside, false},
		{"message.sent", sent, number, true},
		{"message.sent", sent, outside, false},
		{"call.hungup", outbound, nil, false},
	} {
		ev := dialecttest.Event(t, fmt.Appendf(nil, `{"type":%q,"data":{%s}}`, c.typ, c.data))
		if got := d.Wants(ev, &switchhook.Webhook{Scope: c.scope}); got != c.wants {
			t.Errorf("%s {%s} in %+v: Wants = %v", c.typ, c.data, c.scope, got)
		}
	}
}

// "No matter what happens to the call", says the page, HangupCall comes at the end of
// an inbound call, and names the extension only if a person answered there.
func TestHangupAlwaysComes(t *testing.T) {
	t.Parallel()
	const answered = `"answered_by":"extension","answered_extension":{"number":"101","name":"Grace"}`
	stories := []struct{ name, events, ext string }{
		{"answered", `extension.ringing {"extension":{"number":"101"},"call":{"id":"a"}}
			extension.answered {"extension":{"number":"101","name":"Grace"},"call":{"id":"a"}}`, "101 Grace"},
		{"answered by a leg", `leg.created {"call":{"id":"b","parent_id":"a","to":{"type":"extension","address":"101","name":"Grace"}}}
			leg.answered {"call":{"id":"b"}}`, "101 Grace"},
		{"rang only", `extension.ringing {"extension":{"number":"101","name":"Grace"},"call":{"id":"a"}}
			extension.missed {"extension":{"number":"101","name":"Grace"},"call":{"id":"a"}}`, " "},
		{"went to voicemail", `call.answered {"call":{"id":"a","answered_by":"system"}}
			voicemail.new {"voicemail":{"mailbox_number":"101"},"extension":{"number":"101"},"call":{"id":"a"}}`, " "},
		{"answered outside", `leg.created {"call":{"id":"b","parent_id":"a","to":{"type":"tel","address":"+12025550199"}}}
			leg.answered {"call":{"id":"b"}}`, " "},
		{"nothing happened", ``, " "},
		{"the caller was transferred away", `call.answered {"call":{"id":"a",` + answered + `}}
			leg.hungup {"call":{"id":"a"}}`, "101 Grace"},
		{"it was lost", `call.answered {"call":{"id":"a",` + answered + `}}
			call.updated {"call":{"id":"a","reconciled":true,"hangup_reason":"lost"}}`, "101 Grace"},
	}
	d := primevox.New(dialecttest.Env())
	for _, c := range stories {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := calls.New()
			lines := `call.created {"call":{"id":"a","direction":"inbound","from":{"type":"tel","address":"+12025550143","name":"Ada"}}}` + "\n" + c.events + "\n" + `call.hungup {"call":{"id":"a"}}`
			var last *switchhook.Event
			for line := range strings.Lines(lines) {
				typ, data, ok := strings.Cut(strings.TrimSpace(line), " ")
				if !ok {
					continue
				}
				last = dialecttest.Event(t, fmt.Appendf(nil, `{"type":%q,"data":%s}`, typ, data))
				o, err := ordjson.Parse(last.Data)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := folder.Fold(last, &o, last.OccurredAt); err != nil {
					t.Fatal(err)
				}
				last.Data = o.Append(nil)
				if err := catalogue.Attach(last); err != nil {
					t.Fatal(err)
				}
			}
			if name := d.EventName(last); name != "HangupCall" {
				t.Fatalf("the end is %q: %s", name, last.Data)
			}
			req, err := d.Render(last, &switchhook.Webhook{})
			if err != nil {
				t.Fatal(err)
			}
			form, err := url.ParseQuery(string(req.Body))
			if err != nil || form.Get("extNumber")+" "+form.Get("extName") != c.ext || form.Get("callerIdNum") != "12025550143" || form.Get("callerIdName") != "Ada" {
				t.Errorf("%s, %v", req.Body, err)
			}
		})
	}
}

// However odd a text is, a receiver's own decoder reads it back.
func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	d := primevox.New(dialecttest.Env())
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		quoted, err := json.Marshal(text)
		if err != nil {
			rt.Fatal(err)
		}
		form := dialecttest.Event(t, fmt.Appendf(nil, `{"type":"call.created","data":{"call":{"id":"a","direction":"inbound","from":{"name":%s}}}}`, quoted))
		req, err := d.Render(form, &switchhook.Webhook{})
		if err != nil {
			rt.Fatal(err)
		}
		values, err := url.ParseQuery(string(req.Body))
		if err != nil || values.Get("callerIdName") != text {
			rt.Fatalf("%q came back as %q, %v", text, values.Get("callerIdName"), err)
		}
		message := dialecttest.Event(t, fmt.Appendf(nil, `{"type":"message.received","data":{"message":{"text":%s}}}`, quoted))
		if req, err = d.Render(message, &switchhook.Webhook{}); err != nil {
			rt.Fatal(err)
		}
		var body map[string]string
		if err := json.Unmarshal(req.Body, &body); err != nil || body["messageText"] != text {
			rt.Fatalf("%q came back as %q, %v", text, body["messageText"], err)
		}
	})
}

// Receivers keep the container's id: it may never change.
func TestContainerIsStable(t *testing.T) {
	t.Parallel()
	d := primevox.New(dialecttest.Env())
	for account, container := range map[string]string{"acme": "516100"} {
		ev := dialecttest.Event(t, fmt.Appendf(nil, `{"type":"extension.ringing","account_id":%q,"data":{"extension":{}}}`, account))
		req, err := d.Render(ev, &switchhook.Webhook{})
		if err != nil || !strings.Contains(string(req.Body), "containerId="+container+"&tenantId=0&") {
			t.Errorf("%s: %s, %v", account, req.Body, err)
		}
	}
}

// The account's id can be set: it is a container, and perhaps a tenant in it.
func TestIDs(t *testing.T) {
	t.Parallel()
	given := ""
	env := dialecttest.Env()
	env.ID = func(account, dialect, schema, id string) string {
		if account == "acme" && dialect == "primevox" && schema == "account" && id == "acme" {
			return given
		}
		return ""
	}
	d := primevox.New(env)
	kind := d.IDs()[0]
	for value, want := range map[string]string{"": "516100 0", "482915": "482915 0", "482915/104": "482915 104"} {
		given = value
		for options, want := range map[string]string{"": want, `{"dialect_options":{"container_id":1,"tenant_id":"2"}}`: "1 2"} {
			req, err := d.Render(dialecttest.Event(t, []byte(`{"type":"extension.ringing","data":{"extension":{}}}`)), dialecttest.Webhook(t, []byte(options)))
			if err != nil {
				t.Fatal(err)
			}
			form, err := url.ParseQuery(string(req.Body))
			if err != nil || form.Get("containerId")+" "+form.Get("tenantId") != want {
				t.Errorf("%q %s: %s, %v", value, options, req.Body, err)
			}
		}
		if kind.Valid(value) != (value != "") {
			t.Errorf("%q is no id", value)
		}
	}
	for _, wrong := range []string{"x", "482915/", "/104", "482915/1/2"} {
		if kind.Valid(wrong) {
			t.Errorf("%q can be set", wrong)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	dialecttest.Benchmark(b, primevox.New(dialecttest.Env()), "call.created", "call.hungup", "extension.ringing", "extension.answered", "queuecall.created", "message.received")
}
