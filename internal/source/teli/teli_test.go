package teli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	out "github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/primevox"
	dialect "github.com/switchhook/switchhook/internal/dialect/teli"
	"github.com/switchhook/switchhook/internal/ordjson"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
	"github.com/switchhook/switchhook/internal/source/teli"
)

var received = time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)

const (
	form = "application/x-www-form-urlencoded"
	asJS = "application/json"
)

func translate(contentType, body string) (*source.Message, error) {
	return teli.New().Translate(&source.Request{
		Method: http.MethodPost, ContentType: contentType, Body: []byte(body), ReceivedAt: received,
	})
}

// What the dialect's golden files send is read back, and comes out the same, be it
// as it was kept or made anew.
func TestGoldenRequestsComeOutAsTheyCameIn(t *testing.T) {
	t.Parallel()
	for name, parts := range dialecttest.Golden(t, "../../dialect/teli") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head, body, sent := strings.Cut(strings.TrimSuffix(string(parts["request"]), "\n"), "\n\n")
			if !sent {
				return // the dialect sends nothing
			}
			contentType := asJS
			if strings.Contains(head, form) {
				contentType = form
			}
			ev, err := sourcetest.One(translate(contentType, body))
			if err != nil {
				t.Fatal(err)
			}
			if was := dialecttest.Event(t, parts["event.json"]); ev.Type != was.Type || ev.Resources.Schema != was.Resources.Schema {
				t.Errorf("it is a %s of %s, was a %s of %s", ev.Type, ev.Resources.Schema, was.Type, was.Resources.Schema)
			}
			w := dialecttest.Webhook(t, parts["webhook.json"])
			w.Dialect = "teli"
			for anew := range 2 {
				req, err := dialect.New(dialecttest.Env()).Render(ev, w)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(body, string(req.Body)); diff != "" || req.Header.Get("Content-Type") != contentType {
					t.Fatalf("%s: in (-), out (+):\n%s", req.Header, diff)
				}
				if anew == 1 || strings.Contains(name, "said") { // more than the pages have
					return
				}
				if said := ev.Original; said == nil || said.Body != body {
					t.Fatalf("kept is %+v", said)
				}
				ev.Original = nil
			}
		})
	}
}

// The examples of Teli's pages and of the same platform's.
func TestExamplesBecomeEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, contentType, body, typ, account, data string }{
		{
			"dids", asJS, "{\n\"type\": \"update\",\n\"schema\": \"dids\",\n\"data\": \"{ \\\"id\\\": \\\"100\\\", \\\"number\\\":\\\"2025550100\\\", \\\"user_id\\\":\\\"7\\\", \\\"new\\\": [1] }\"\n}",
			"record.updated", "7", `{"schema":"number","id":"100","row":{"id":"100","number":"2025550100","user_id":"7","new":[1]}}`,
		},
		{
			"an object", asJS, `{"type":"insert","schema":"users","data":{"email":"a@example.com","id":7,"web_hook_url":"https:\/\/x.example"}}`,
			"record.created", "7", `{"schema":"account","id":"7","row":{"email":"a@example.com","id":7,"web_hook_url":"https:\/\/x.example"}}`,
		},
		{
			"as a form", form, `type=delete&schema=sub_users&data=` + url.QueryEscape(`{"id":"9","parent_id":"7"}`),
			"record.deleted", "7", `{"schema":"user","id":"9","row":{"id":"9","parent_id":"7"}}`,
		},
		{
			"another name", asJS, `{"type":"update","schema":"did_e911","data":"{\"id\":\"8\"}"}`,
			"record.updated", "", `{"schema":"e911","id":"8","row":{"id":"8"}}`,
		},
		{
			"enablement", asJS, `{"type":"update","schema":"sms_enablement","status":"error","verbose":"already provisioned"}`,
			"number.sms_enablement", "", `{"status":"error","verbose":"already provisioned"}`,
		},
		{
			"enablement, why unknown", asJS, `{"type":"update","schema":"sms_enablement","status":"error","verbose":""}`,
			"number.sms_enablement", "", `{"status":"error","verbose":""}`,
		},
		{
			"a message", form, "source=3038882222&destination=7206321111&message=Caf%C3%A9+%26+%FF",
			"message.received", "", `{"message":{"channel":"sms","direction":"inbound","from":"3038882222","to":"7206321111","text":"Café & ` + "\uFFFD" + `"}}`,
		},
		{
			"a picture as JSON", asJS, `{"source":"3038882222","destination":7206321111,"type":"mms","message":"","attachments":["https:\/\/x.example\/1.png",""],"cost":"0.01","user_id":"7"}`,
			"message.received", "", `{"message":{"channel":"mms","direction":"inbound","from":"3038882222","to":"7206321111","media":[{"url":"https://x.example/1.png"}],"charges":"0.01"}}`,
		},
		{
			"pictures in a list", form, "source=3038882222&destination=7206321111&attachments[]=https%3A%2F%2Fx.example%2F1&attachments[]=https%3A%2F%2Fx.example%2F2",
			"message.received", "", `{"message":{"channel":"mms","direction":"inbound","from":"3038882222","to":"7206321111","media":[{"url":"https://x.example/1"},{"url":"https://x.example/2"}]}}`,
		},
		{
			"one picture", form, "source=3038882222&destination=7206321111&attachments=https%3A%2F%2Fx.example%2F1",
			"message.received", "", `{"message":{"channel":"mms","direction":"inbound","from":"3038882222","to":"7206321111","media":[{"url":"https://x.example/1"}]}}`,
		},
		{
			"a receipt with its cost", form, "uuid=s-1&source=3038882222&destination=7206321111&cost=0.004&send_status=carrier_sent&status=sent&error=000",
			"message.status", "", `{"message":{"id":"s-1","direction":"outbound","from":"3038882222","to":"7206321111","status":"sent","carrier_status":"sent","error_code":"000","charges":"0.004"}}`,
		},
		{
			"a receipt", form, "uuid=s-1c3b-02252024&source=3038882222&destination=7206321111&send_status=delivered&status=DELIVRD&error=000",
			"message.status", "", `{"message":{"id":"s-1c3b-02252024","direction":"outbound","from":"3038882222","to":"7206321111","status":"delivered","carrier_status":"DELIVRD","error_code":"000"}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := translate(c.contentType, c.body)
			ev, err := sourcetest.One(m, err)
			if err != nil {
				t.Fatal(err)
			}
			if ev.Type != c.typ || m.SystemAccount != c.account || !ev.OccurredAt.Equal(received) {
				t.Errorf("%s in %q at %v, want %s in %q", ev.Type, m.SystemAccount, ev.OccurredAt, c.typ, c.account)
			}
			if named := c.typ == "message.status"; ev.IDGiven != named || (ev.ID != "") != named {
				t.Errorf("the id is %q", ev.ID)
			}
			req, err := dialect.New(dialecttest.Env()).Render(ev, &switchhook.Webhook{})
			if err != nil || string(req.Body) != c.body || req.Header.Get("Content-Type") != c.contentType {
				t.Errorf("it comes out as %v\n%s\n%v", req.Header, req.Body, err)
			}
			if said := ev.Original; said == nil || said.Body != c.body {
				t.Errorf("kept is %+v", said)
			}
			if diff := cmp.Diff(c.data, string(ev.Data)); diff != "" {
				t.Errorf("wanted (-), got (+):\n%s", diff)
			}
		})
	}
}

// A receipt that comes again is the same event, the next one is another.
func TestReceiptsHaveIDs(t *testing.T) {
	t.Parallel()
	id := func(status string) string {
		ev, err := sourcetest.One(translate(form, "uuid=s-1&source=1&destination=2&error=000&status=x&send_status="+status))
		if err != nil || !switchhook.ValidEventID(ev.ID) {
			t.Fatal(ev, err)
		}
		return ev.ID
	}
	first, again, other := id("delivered"), id("delivered"), id("carrier_sent")
	if first != again || first == other {
		t.Errorf("the ids are %s, %s and %s", first, again, other)
	}
}

// Every schema of the dialect is read, and means the same record.
func TestEverySchemaIsRead(t *testing.T) {
	t.Parallel()
	d := dialect.New(dialecttest.Env())
	read := 0
	for _, row := range d.Table() {
		if row.Type != "record.created" {
			continue
		}
		read++
		ev, err := sourcetest.One(translate(asJS, `{"type":"insert","schema":"`+row.Name+`","data":"{\"id\":\"1\"}"}`))
		if err != nil || d.EventName(ev) != row.Name {
			t.Errorf("%s: %v, %v", row.Name, ev, err)
		}
	}
	if read != 19 {
		t.Errorf("Teli has 19 schemas, read were %d", read)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, contentType, body string
		code                    switchhook.Code
		fields                  string // "field: message", one a line; the beginning where it is long
	}{
		{"empty", form, "", switchhook.CodeMalformed, ""},
		{"half", asJS, `{"type":`, switchhook.CodeMalformed, ""},
		{"a list", asJS, `[]`, switchhook.CodeMalformed, ""},
		{"no form", form, `a=%zz`, switchhook.CodeMalformed, ""},
		{"a field twice", form, `source=1&source=2&destination=3`, switchhook.CodeInvalid, "source: is there twice"},
		{"a list and a value", form, `attachments=1&attachments[]=2`, switchhook.CodeInvalid, "attachments[]: is there twice"},
		{"nothing of Teli's", asJS, `{"hello":"world"}`, switchhook.CodeInvalid, "schema: is required of a web hook; a text message has source and destination, a receipt send_status too"},
		{"a new schema", asJS, `{"type":"insert","schema":"robots","data":"{}"}`, switchhook.CodeUnknownType, `schema: Teli has no schema "robots"; it has call_flows, `},
		{"a wrong schema", asJS, `{"type":"insert","schema":{},"data":"{}"}`, switchhook.CodeInvalid, "schema: expected a string, got an object\ndata.id: is required: the row's id, got nothing"},
		{"a wrong type", asJS, `{"type":"upsert","schema":"dids","data":"{\"id\":\"1\"}"}`, switchhook.CodeInvalid, `type: expected one of insert, update, delete, got "upsert"`},
		{"no data", asJS, `{"type":"insert","schema":"dids"}`, switchhook.CodeInvalid, "data: expected a row: a string of JSON, which is an object, got nothing"},
		{"data of the page", asJS, `{"type":"update","schema":"dids","data":"{ dids object }"}`, switchhook.CodeInvalid, `data: expected a row: a string of JSON, which is an object, got "{ dids object }"`},
		{"a member twice", asJS, `{"type":"update","schema":"dids","data":{"id":"1"},"type":"insert"}`, switchhook.CodeMalformed, ""},
		{"a field of the row twice", asJS, `{"type":"update","schema":"dids","data":"{\"id\":1,\"id\":2}"}`, switchhook.CodeInvalid, `data: expected a row: a string of JSON, which is an object, got "{\"id\":1,\"id\":2}"`},
		{"no id", asJS, `{"type":"update","schema":"dids","data":"{\"id\":null}"}`, switchhook.CodeInvalid, "data.id: is required: the row's id, got null"},
		{"a wrong enablement", asJS, `{"schema":"sms_enablement","status":"perhaps"}`, switchhook.CodeInvalid, `status: expected one of success, error, got "perhaps"`},
		{"a wrong message", asJS, `{"source":[],"destination":"1","type":"fax","attachments":7}`, switchhook.CodeInvalid, "attachments: expected a list of addresses, got 7\ntype: expected one of sms, mms, got \"fax\"\nsource: expected a string, got an array"},
		{"a wrong receipt", form, `send_status=lost&uuid=`, switchhook.CodeInvalid, "uuid: is required: the message's id\nsend_status: expected one of carrier_sent, delivered, rejected, got \"lost\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, fields, err := sourcetest.Refused(translate(c.contentType, c.body))
			if err != nil || code != c.code {
				t.Fatalf("got %s, %v", code, err)
			}
			if code == switchhook.CodeUnknownType && strings.HasPrefix(fields, c.fields) {
				return
			}
			if diff := cmp.Diff(c.fields, fields); diff != "" {
				t.Errorf("wanted (-), got (+):\n%s", diff)
			}
		})
	}
}

// A Teli message speaks to the customers of PrimeVOX.
func TestAcrossDialects(t *testing.T) {
	t.Parallel()
	ev, err := sourcetest.One(translate(form, "source=3038882222&destination=7206321111&message=Hi"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := primevox.New(dialecttest.Env()).Render(ev, dialecttest.Webhook(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(req.Body, &got); err != nil {
		t.Fatal(err)
	}
	if got["eventType"] != "inboundMessage" || got["fromNumber"] != "3038882222" || got["toNumber"] != "7206321111" || got["messageText"] != "Hi" {
		t.Errorf("out came %s", req.Body)
	}
}

// Whatever Teli sends comes out the same to the byte; what is on its pages does so
// by what it means alone.
func TestEveryPostComesOutAsItCameIn(t *testing.T) {
	t.Parallel()
	d := dialect.New(dialecttest.Env())
	var names []string
	for _, row := range d.Table() {
		if row.Type == "record.created" {
			names = append(names, row.Name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		body, contentType := post(t, names)
		ev, err := sourcetest.One(translate(contentType, body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if said := ev.Original; said == nil || said.Body != body {
			t.Fatalf("kept is %+v", said)
		}
		req, err := d.Render(ev, &switchhook.Webhook{})
		if err != nil {
			t.Fatal(err)
		}
		if string(req.Body) != body {
			t.Fatalf("in  %s\nout %s", body, req.Body)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		body, contentType := odd(t)
		ev, err := sourcetest.One(translate(contentType, body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		req, err := d.Render(ev, &switchhook.Webhook{})
		if err != nil {
			t.Fatal(err)
		}
		if string(req.Body) != body || req.Header.Get("Content-Type") != contentType {
			t.Fatalf("in  %s\nout %s", body, req.Body)
		}
	})
}

// odd draws a post with what is on none of Teli's pages, in any order, with PHP's
// escapes or without them.
func odd(t *rapid.T) (body, contentType string) {
	text := rapid.StringMatching(`[a-z/é" ]{0,12}`)
	shuffled := func(fields ...string) []string { return rapid.Permutation(fields).Draw(t, "order") }
	quoted := func(s string) string {
		if rapid.Bool().Draw(t, "as PHP does") {
			return strings.ReplaceAll(strings.ReplaceAll(string(ordjson.String(s)), "/", `\/`), "é", `\u00e9`)
		}
		return string(ordjson.String(s))
	}
	field := func(name, value string) string {
		return name + "=" + string(out.AppendEscaped(nil, value, out.Escape{Plus: rapid.Bool().Draw(t, "plus")}))
	}
	cost := field("cost", rapid.StringMatching(`0\.0[0-9]{1,4}`).Draw(t, "cost"))
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		return strings.Join(shuffled(field("source", "13038882222"), field("destination", "+17206321111"), field("message", text.Draw(t, "message")), field("type", "sms"), cost), "&"), form
	case 1:
		return strings.Join(shuffled(field("uuid", "s-1"), field("source", "1"), field("destination", "2"), field("send_status", "delivered"), field("status", ""), "error=", cost), "&"), form
	default:
		row := strings.Join(shuffled(`"id":"7"`, `"user_id":8`, `"create_dt":null`, `"extra_column":`+quoted(text.Draw(t, "value")), `"web_hook_url":`+quoted("https://x.example/é")), ",")
		schema := rapid.SampledFrom([]string{"users", "did_e911", "dids", "ip_accounts"}).Draw(t, "schema")
		return `{` + strings.Join(shuffled(`"type":"update"`, `"schema":"`+schema+`"`, `"data":`+quoted("{"+row+"}"), `"new":1`), ",") + `}`, asJS
	}
}

// post draws one: rows and forms as PHP writes them.
func post(t *rapid.T, names []string) (body, contentType string) {
	text := func(name string) string { return rapid.StringMatching(`[^\x00]{0,12}`).Draw(t, name) }
	number := func() string { return rapid.StringMatching(`[2-9][0-9]{9}`).Draw(t, "number") }
	field := func(dst, name, value string) string {
		if dst != "" {
			dst += "&"
		}
		return dst + name + "=" + string(out.AppendEscaped(nil, value, out.Escape{}))
	}
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		body = field("", "source", number())
		body = field(body, "destination", number())
		body = field(body, "message", text("message"))
		if rapid.Bool().Draw(t, "mms") {
			body = field(field(body, "attachments", `["https:\/\/x.example\/1.png"]`), "type", "mms")
		}
		return body, form
	case 1:
		body = field("", "uuid", "s-"+rapid.StringMatching(`[0-9a-f]{4,20}`).Draw(t, "uuid"))
		body = field(body, "source", number())
		body = field(body, "destination", number())
		body = field(body, "send_status", rapid.SampledFrom([]string{"carrier_sent", "delivered", "rejected"}).Draw(t, "status"))
		body = field(body, "status", rapid.SampledFrom([]string{"sent", "DELIVRD", "DELIVERED", "REJECTED"}).Draw(t, "carrier's"))
		return field(body, "error", rapid.SampledFrom([]string{"000", "600", "42"}).Draw(t, "error")), form
	default:
		id := strconv.Itoa(rapid.IntRange(1, 1e9).Draw(t, "id"))
		row := `{"id":"` + id + `"`
		name := rapid.SampledFrom(names).Draw(t, "schema")
		if name == "dids" {
			row += `,"user_id":"7","number":"` + number() + `","state":null,"ratecenter":` + string(ordjson.String(text("ratecenter")))
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, `{"type":%q,"schema":%q,"data":%s}`, rapid.SampledFrom([]string{"insert", "update", "delete"}).Draw(t, "type"), name, ordjson.String(row+"}"))
		return b.String(), asJS
	}
}

// Nothing makes the translator panic, and what it takes can be accepted.
func FuzzTranslate(f *testing.F) {
	f.Add(`{"type":"insert","schema":"dids","data":"{\"id\":\"1\",\"number\":\"2025550100\"}"}`)
	f.Add(`{"type":"insert","schema":"users","data":{"id":7}}`)
	f.Add(`{"type":"update","schema":"sms_enablement","status":"error","verbose":""}`)
	f.Add(`source=1&destination=2&message=x&attachments=%5B%22a%22%5D&type=mms`)
	f.Add(`source=1&destination=2&attachments[]=a&attachments[]=b`)
	f.Add(`uuid=1&send_status=delivered&status=DELIVRD&error=000`)
	f.Fuzz(func(t *testing.T, body string) {
		ev, err := sourcetest.One(translate(form, body))
		if err != nil {
			if _, ok := errors.AsType[*switchhook.Error](err); !ok {
				t.Fatalf("%q: the error is a %T: %v", body, err, err)
			}
			return
		}
		d := dialect.New(dialecttest.Env())
		if d.EventName(ev) == "" {
			t.Fatalf("%q became %s, which does not leave", body, ev.Data)
		}
		req, err := d.Render(ev, &switchhook.Webhook{})
		if err != nil || utf8.ValidString(body) && string(req.Body) != strings.TrimSpace(body) {
			t.Fatalf("%q came out as %q, %v", body, req.Body, err)
		}
		if _, err := d.Render(ev, &switchhook.Webhook{DialectOptions: map[string]any{"values": "typed"}}); err != nil { // made anew
			t.Fatal(err)
		}
	})
}
