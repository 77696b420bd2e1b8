package template_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/primevox"
	"github.com/switchhook/switchhook/internal/dialect/template"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	dialecttest.Run(t, template.New(dialecttest.Env()))
}

// webhook is one with a template.
func webhook(body, contentType string) *switchhook.Webhook {
	w := &switchhook.Webhook{URL: "https://example.com/hook", IncludeInternalLegs: true, DialectOptions: map[string]any{"body": body}}
	if contentType != "" {
		w.DialectOptions["content_type"] = contentType
	}
	return w
}

// event is the sample of a type.
func event(tb testing.TB, name string) *switchhook.Event {
	tb.Helper()
	typ, _ := catalogue.Lookup(name)
	return dialecttest.Event(tb, fmt.Appendf(nil, `{"type":%q,"data":%s}`, name, typ.Sample()))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	d := template.New(dialecttest.Env())
	type options = map[string]any
	for _, c := range []struct {
		w    switchhook.Webhook
		want string
	}{
		{switchhook.Webhook{}, `dialect_options.body: is required in the dialect template: the body, such as {"caller": "{FROM_NUMBER}"}`},
		{switchhook.Webhook{DialectOptions: options{"body": 3}}, `dialect_options.body: expected a text that is not empty: the template`},
		{switchhook.Webhook{DialectOptions: options{"body": strings.Repeat("a", 64<<10+1)}}, `dialect_options.body: is 65537 bytes long; a template may have 65536`},
		{switchhook.Webhook{DialectOptions: options{"body": "a=1", "content_type": "image/png"}}, `dialect_options.content_type: expected application/json or another that ends in +json, application/x-www-form-urlencoded, application/xml, text/xml or text/plain, in UTF-8`},
		{switchhook.Webhook{DialectOptions: options{"body": "a=1", "content_type": "text/plain; charset=latin1"}}, `dialect_options.content_type: expected application/json or another that ends in +json, application/x-www-form-urlencoded, application/xml, text/xml or text/plain, in UTF-8`},
		{switchhook.Webhook{DialectOptions: options{"body": "a=1", "content_type": "text/plain;\r\n charset=utf-8"}}, `dialect_options.content_type: expected application/json or another that ends in +json, application/x-www-form-urlencoded, application/xml, text/xml or text/plain, in UTF-8`},
		{switchhook.Webhook{DialectOptions: options{"body": "a=1", "bodies": 1}}, `dialect_options.bodies: the dialect template has no such option; it has body, content_type`},
		{switchhook.Webhook{DialectOptions: options{"body": "a=1"}, Format: "json", CustomData: map[string]string{"a": "b"}, Modifiers: options{"a": 1}}, "format: in the dialect template the format is fixed for each event; leave it out; custom_data: only the dialect kazoo has it; modifiers: only the dialect kazoo has it"},
		{switchhook.Webhook{DialectOptions: options{"body": "a=1"}, Method: "HEAD"}, "method: expected POST, PUT, PATCH, GET, DELETE in the dialect template"},
		{switchhook.Webhook{DialectOptions: options{"body": `{"a":1}`}, Method: "get"}, "method: GET has no body: expected a form, which becomes the query, or another method than GET"},
		{switchhook.Webhook{DialectOptions: options{"body": "a=1"}, Method: "get"}, ""},
	} {
		var got []string
		for _, e := range d.Check(&c.w) {
			got = append(got, e.Field+": "+e.Message)
		}
		if diff := cmp.Diff(c.want, strings.Join(got, "; ")); diff != "" {
			t.Errorf("%.100v:\n%s", c.w.DialectOptions, diff)
		}
	}
}

// What is wrong with a template is told with its place.
func TestTemplateErrors(t *testing.T) {
	t.Parallel()
	d := template.New(dialecttest.Env())
	for _, c := range []struct{ body, contentType, want string }{
		{`{"a": "{FROM_NUMER}"}`, "", `line 1, column 8: there is no placeholder {FROM_NUMER}; did you mean {FROM_NUMBER}? A text of this form is written {{"{FROM_NUMER}"}}`},
		{"{\n \"ä\": {{ data.x + }}}", "", "line 2, column 19: mismatched input the end: the expression is not complete or has something too much here"},
		{"{\"a\":\n {{ true &&\n call.id == \"x\" }} }", "", "line 3, column 2: there is no call; did you mean data.call?"},
		{`{"a": {{ data.x }`, "", "line 1, column 7: the expression that begins here has no end: }} is missing"},
		{`{"a": {{ "}}" + '}}' + r'\' + """ " """ + {"a": {}}.a // }}`, "", "line 1, column 7: the expression that begins here has no end: }} is missing"},
		{`{"a": {{ }} }`, "", "line 1, column 9: the expression is empty: expected an expression such as data.call.direction == \"inbound\""},
		{`{"a": {SEQUENCE}0}`, "", "line 1, column 17: the body is no valid JSON: invalid character '0' after object value (expecting ',' or '}')"},
		{`{"a": {FROM_NUMBER}{TO_NUMBER}}`, "", "line 1, column 20: the body is no valid JSON: no value can stand here"},
		{`{ {FROM_NUMBER}: 1}`, "application/json", "line 1, column 3: the body is no valid JSON: no value can stand here"},
		{`{"a": "\{FROM_NUMBER}"}`, "", "line 1, column 9: nothing can be filled in after a backslash; write \\\\ for a backslash"},
		{`{"a": "\u00{SEQUENCE}"}`, "", "line 1, column 12: nothing can be filled in after a backslash; write \\\\ for a backslash"},
		{"{\"a\": \"x\ny\"}", "", "line 1, column 9: the body is no valid JSON: invalid character '\\n' in string (expecting non-control character)"},
		{`{"a": 1, "a": 2}`, "", "line 1, column 10: the body is no valid JSON: the member /a is there twice"},
		{`{"a": [1,}`, "", "line 1, column 10: the body is no valid JSON: invalid character '}' at start of value"},
		{`{"a": 1`, "", "line 1, column 8: the body is no valid JSON: it ends too early"},
		{`{"a": 1} x`, "", "line 1, column 9: the body is no valid JSON: there is more after its end"},
		{`{FROM_NUMBER}=1`, "", "line 1, column 1: in a form only values can be filled in, after the = of a parameter"},
		{`a={FROM_NUMBER}&b{{1}}=2`, "", "line 1, column 18: in a form only values can be filled in, after the = of a parameter"},
		{`Hello {FROM_NAME}`, "", "line 1, column 7: in a form only values can be filled in, after the = of a parameter"},
		{`<a><{FROM_NAME}/></a>`, "text/xml", "line 1, column 5: in XML only text and values of attributes can be filled in, not names, comments or CDATA"},
		{`<a><!-- {FROM_NAME} --></a>`, "text/xml", "line 1, column 9: in XML only text and values of attributes can be filled in, not names, comments or CDATA"},
		{`<a><![CDATA[ {FROM_NAME} ]]></a>`, "text/xml", "line 1, column 14: in XML only text and values of attributes can be filled in, not names, comments or CDATA"},
		{`<a>{FROM_NAME}</b>`, "text/xml", "line 1, column 19: the body is no valid XML: XML syntax error on line 1: element <a> closed by </b>"},
		{`<a b="{FROM_NAME}">`, "text/xml", "line 1, column 20: the body is no valid XML: XML syntax error on line 1: unexpected EOF"},
		{`{FROM_NAME}`, "text/xml", "line 1, column 1: the body is no valid XML: no value can stand here"},
		{`{"a": {{ data.call.id / 2 }}}`, "", "line 1, column 7: a value has another type than the expression expects (no such overload)"},
		{`{"a": {{ int(data.call.direction) }}}`, "", "line 1, column 7: type conversion error from 'string' to 'int'"},
		{`{"a":1,"{FROM_NAME}":2}`, "", "line 1, column 9: nothing can be filled in in the name of a member; write the name out"},
		{`[{"b":"{TO_NAME}","c":{"x{{1}}":{SEQUENCE}}}]`, "", "line 1, column 26: nothing can be filled in in the name of a member; write the name out"},
		{`{"a":{` + strings.Repeat("A", 60_000) + `}}`, "", "line 1, column 6: there is no placeholder {" + strings.Repeat("A", 63) + "…"},
		{"\xff", "text/plain", "is no valid UTF-8"},
		{strings.Repeat("{{1}}", 101), "text/plain", "line 1, column 501: a template may have 100 expressions"},
	} {
		errs := d.Check(webhook(c.body, c.contentType))
		if len(errs) != 1 || errs[0].Field != "dialect_options.body" || errs[0].Message != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.body, errs, c.want)
		}
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	d := template.New(dialecttest.Env())
	ev := dialecttest.Event(t, []byte(`{"type":"call.hungup","data":{"call":{"id":"c1","from":{"name":"a\"<&>\u0007 b"},"duration_ms":1499,"bridged":true}}}`))
	for _, c := range []struct{ body, contentType, want string }{
		{`["{FROM_NAME}", {FROM_NAME}, {{data.call.from.name}}, "{{data.call.from.name}}"]`, "", `["a\"<&>\u0007 b", "a\"<&>\u0007 b", "a\"<&>\u0007 b", "a\"<&>\u0007 b"]`},
		{`["{DURATION_SECONDS}", {DURATION_SECONDS}, {BILLABLE_SECONDS}, "{BILLABLE_SECONDS}"]`, "", `["1", 1, null, ""]`},
		{`["{{data.call.bridged}}", {{data.call.bridged}}, "{{data.call.from}}", {{1.5}}, "{{1.5}}", {{1e300}}, {{null}}]`, "", `["true", true, "{\"name\":\"a\\\"<&>\\u0007 b\"}", 1.5, "1.5", 1e+300, null]`},
		{`{"a\\":{"b":{{ {"x":{"y":1}} }},"c":{{{"a": 1}["a"]}}}}`, "", `{"a\\":{"b":{"x":{"y":1}},"c":1}}`},
		{"a=1 2\t\x01#\"é&b={FROM_NAME}\r\n  &c=%20\n", "", `a=1%202%09%01%23"%C3%A9&b=a%22%3C%26%3E%07%20b&c=%20`},
		{`{"a":{lower},"b":{Mixed}}`, "text/plain", `{"a":{lower},"b":{Mixed}}`},
		{`"{{ r'\' + '''it's "}}"''' }}"`, "application/json", `"\\it's \"}}\""`},
		{"{{ 1 // }} ' \n }}", "text/plain", "1"},
		{`a={FROM_NAME}&b={}&{c}={{ 'x=y&z' }}`, "", `a=a%22%3C%26%3E%07%20b&b={}&{c}=x%3Dy%26z`},
		{`<a b="{FROM_NAME}" c='>'>{FROM_NAME}<?pi x?><!-- ' --><![CDATA[<"]]>{{ 1 }}</a>`, "application/xml", "<a b=\"a&#34;&lt;&amp;&gt;\uFFFD b\" c='>'>a&#34;&lt;&amp;&gt;\uFFFD b<?pi x?><!-- ' --><![CDATA[<\"]]>1</a>"},
		{`{FROM_NAME}|{{ data.call.nothing.at.all }}|{{ [1, "a"] }}|{{"{{"}}`, "text/plain", "a\"<&>\u0007 b||[1,\"a\"]|{{"},
	} {
		w := webhook(c.body, c.contentType)
		if errs := d.Check(w); len(errs) > 0 {
			t.Errorf("%s: %v", c.body, errs)
			continue
		}
		req, err := d.Render(ev, w)
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if diff := cmp.Diff(c.want, string(req.Body)); diff != "" {
			t.Errorf("%s\n%s", c.body, diff)
		}
	}
}

func TestRenderErrors(t *testing.T) {
	t.Parallel()
	d := template.New(dialecttest.Env())
	ev := dialecttest.Event(t, fmt.Appendf(nil, `{"type":"custom.x","data":{"n":0,"text":%q,"list":[1%s]}}`, strings.Repeat("a", 600_000), strings.Repeat(",1", 1000)))
	for _, c := range []struct{ body, want string }{
		{"x\n{{ 1 / data.n }}", "dialect_options.body: line 2, column 1: division by zero"},
		{"{{ data.text }}{{ data.text }}", "dialect_options.body: line 1, column 16: the body becomes longer than 1048576 bytes"},
		{strings.Repeat("{{ data.list.all(a, a == 1) }}", 20), "dialect_options.body: line 1, column 211: the expressions together do more than they may with this event"},
		{"{{ data.list.all(a, data.list.all(b, true)) }}", "dialect_options.body: line 1, column 1: the expression does more than it may with this event"},
	} {
		if _, err := d.Render(ev, webhook(c.body, "text/plain")); err == nil || err.Error() != c.want {
			t.Errorf("%.60s\n got %v\nwant %s", c.body, err, c.want)
		}
	}
}

// Neither saving nor sending a template of a hundred of the worst expressions
// takes long: together they may do what four do. Without that it is minutes.
func TestWorstTemplateEndsSoon(t *testing.T) {
	t.Parallel()
	d := template.New(dialecttest.Env())
	list := "[1,2,3,4,5,6,7,8,9]"
	loop := list + ".all(a, " + list + ".all(b, " + list + ".all(c, " + list + ".all(d, true))))"
	w := webhook(strings.Repeat("{{ "+loop+" }}", 100), "text/plain")
	began := time.Now()
	if errs := d.Check(w); len(errs) > 0 && !strings.Contains(errs[0].Message, "more than") {
		t.Error(errs)
	}
	if _, err := d.Render(event(t, "call.created"), w); err == nil {
		t.Error("it did all that")
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// PrimeVOX's templates in a webhook make what the dialect primevox makes.
func TestAsPrimeVOX(t *testing.T) {
	t.Parallel()
	d, theirs := template.New(dialecttest.Env()), primevox.New(dialecttest.Env())
	for name, body := range map[string]string{
		"call.created":        `eventType=InboundCall&eventTarget=phoneNumber&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&didNumber={PHONE_NUMBER}&didDescription={PHONE_NUMBER_DESCRIPTION}&didGroup={GROUP_NAME}&cidPrefix={CALLERID_PREFIX}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}&callerIdName={FROM_NAME}`,
		"call.hungup":         `eventType=HangupCall&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&extNumber={EXTENSION_NUMBER}&extName={EXTENSION_NAME}&callUuid={CALL_UUID}&callerIdName={FROM_NAME}&callerIdNum={FROM_NUMBER}`,
		"extension.ringing":   `eventType=ringAttempt&eventTarget=extension&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&extNumber={EXTENSION_NUMBER}&extName={EXTENSION_NAME}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}`,
		"extension.answered":  `eventType=ExtensionAnswered&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}&callerIdName={FROM_NAME}&extensionNumber={EXTENSION_NUMBER}&extensionName={EXTENSION_NAME}`,
		"voicemail.new":       `eventType=voicemailHangup&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&extNumber={EXTENSION_NUMBER}&extName={EXTENSION_NAME}&callUuid={CALL_UUID}&callerIdName={FROM_NAME}&callerIdNum={FROM_NUMBER}`,
		"ring_group.entered":  `eventType=ringAttempt&eventTarget=ringGroup&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&rgNumber={RING_GROUP_EXTEN}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}`,
		"queuecall.created":   `eventType=queueEntered&eventTarget=queue&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&queueNumber={QUEUE_EXTEN}&callUuid={CALL_UUID}&callerIdNum={FROM_NUMBER}`,
		"message.received":    "{\n\"eventType\": \"inboundMessage\",\n\"toNumber\": \"{TO_NUMBER}\",\n\"fromNumber\": \"{FROM_NUMBER}\",\n\"containerID\": \"{CONTAINER_ID}\",\n\"tenantID\": \"{TENANT_ID}\",\n\"conversationID\": \"{CONVO_ID}\",\n\"messageText\": \"{ESCAPED_MESSAGE_TEXT}\"\n}",
		"extension.completed": `eventType=inboundCallCompleted&containerId={CONTAINER_ID}&tenantId={TENANT_ID}&extNumber={EXTENSION_NUMBER}&extName={EXTENSION_NAME}&callUuid={CALL_UUID}&callerIdName={FROM_NAME}&callerIdNum={FROM_NUMBER}`,
	} {
		ev := event(t, name)
		want, err := theirs.Render(ev, webhook("", ""))
		if err != nil {
			t.Fatal(err)
		}
		w := webhook(body, "")
		if errs := d.Check(w); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		got, err := d.Render(ev, w)
		if diff := cmp.Diff(string(want.Body), string(got.Body)); diff != "" || err != nil || cmp.Diff(want.Header, got.Header) != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// all is a template with every placeholder, as JSON, in strings and as values.
func all() string {
	var b strings.Builder
	b.WriteString("{")
	for _, name := range template.Names() {
		fmt.Fprintf(&b, `"%s": ["{%s}", {%s}], `, name, name, name)
	}
	b.WriteString(`"data": {{ data }}, "event": "{{ event }}"}`)
	return b.String()
}

// Every placeholder stands for something in some sample, and none breaks on an
// event that has nothing.
func TestEveryPlaceholder(t *testing.T) {
	t.Parallel()
	d, w := template.New(dialecttest.Env()), webhook(all(), "")
	if errs := d.Check(w); len(errs) > 0 {
		t.Fatal(errs)
	}
	told := map[string]bool{}
	render := func(ev *switchhook.Event) map[string]any {
		req, err := d.Render(ev, w)
		if err != nil {
			t.Fatalf("%s: %v", ev.Type, err)
		}
		var out map[string]any
		if err := json.Unmarshal(req.Body, &out); err != nil {
			t.Fatalf("%s: %v: %s", ev.Type, err, req.Body)
		}
		return out
	}
	for _, typ := range catalogue.All() {
		ev := event(t, typ.Name)
		ev.Source = "pbx"
		for name, v := range render(ev) {
			pair, ok := v.([]any)
			if !ok {
				continue
			}
			if (pair[0] == "") != (pair[1] == nil) {
				t.Errorf("%s %s: %v", typ.Name, name, pair)
			}
			told[name] = told[name] || pair[1] != nil
		}
	}
	for _, name := range template.Names() {
		if !told[name] {
			t.Errorf("{%s} is empty in every sample", name)
		}
	}
	render(&switchhook.Event{Data: json.RawMessage(`{}`)})
	render(&switchhook.Event{Resources: &switchhook.Resources{}})
}

func TestSelection(t *testing.T) {
	t.Parallel()
	d := template.New(dialecttest.Env())
	yes := true
	loop := &switchhook.Event{Type: "leg.created", Resources: &switchhook.Resources{Call: &switchhook.Call{InternalLeg: &yes}}}
	if d.EventName(loop) != "leg.created" || d.Wants(loop, &switchhook.Webhook{}) || !d.Wants(loop, &switchhook.Webhook{IncludeInternalLegs: true}) {
		t.Error("a loopback leg goes only where it is wanted")
	}
	if d.Wants(event(t, "call.created"), &switchhook.Webhook{IncludeInternalLegs: true, Scope: &switchhook.Scope{Numbers: []string{"1"}}}) {
		t.Error("out of scope")
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	d := template.New(dialecttest.Env())
	for url, want := range map[string]string{
		"https://e.com/h": "https://e.com/h?id=evt_golden", "https://e.com/h?": "https://e.com/h?id=evt_golden",
		"https://e.com/h?a=1": "https://e.com/h?a=1&id=evt_golden", "https://e.com/h?a=1#x": "https://e.com/h?a=1&id=evt_golden",
	} {
		w := webhook("id={EVENT_ID}", "")
		w.URL, w.Method = url, "get"
		req, err := d.Render(event(t, "call.created"), w)
		if err != nil || req.URL != want || req.Method != http.MethodGet || len(req.Body)+len(req.Header) != 0 {
			t.Errorf("%s: %+v, %v", url, req, err)
		}
	}
}

// A form in an address ends neither the address nor the request line.
func TestQueryIsAnAddress(t *testing.T) {
	t.Parallel()
	w := webhook("a=1 HTTP/1.0\x7f\x00é#x&b={FROM_NAME}", "")
	w.Method = "get"
	req, err := template.New(dialecttest.Env()).Render(event(t, "call.created"), w)
	if want := "https://example.com/hook?a=1%20HTTP/1.0%7F%00%C3%A9%23x&b=Ada%20Lovelace"; err != nil || req.URL != want {
		t.Errorf("%s, %v", req.URL, err)
	}
}

// What is sent as the content type is what it means, in the usual form.
func TestContentType(t *testing.T) {
	t.Parallel()
	d := template.New(dialecttest.Env())
	for given, want := range map[string]string{
		"Application/JSON;Charset=\"utf-8\"": "application/json; charset=utf-8", "text/plain;": "text/plain",
		"application/json;\r\n charset=utf-8": "application/json; charset=utf-8", // as it may have been saved before it was refused
	} {
		req, err := d.Render(event(t, "call.created"), webhook("1", given))
		if err != nil || req.Header.Get("Content-Type") != want {
			t.Errorf("%q: %v, %v", given, req, err)
		}
	}
}

// However many templates there are, what is kept of them has a bound.
func TestTemplatesAreKeptWithinBounds(t *testing.T) {
	t.Parallel()
	d, ev := template.New(dialecttest.Env()), event(t, "call.created")
	for i := range 1_200 {
		w := webhook(fmt.Sprint(i)+strings.Repeat("x", 63<<10)+"{EVENT_ID}", "text/plain")
		if _, err := d.Render(ev, w); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.Kept(); n == 0 || n > 1_040 {
		t.Errorf("%d templates of 63 KiB are kept", n)
	}
}

// The examples of the guide are templates that render to what it says.
func TestGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../docs/guides/template.md")
	if err != nil {
		t.Fatal(err)
	}
	d, n := template.New(dialecttest.Env()), 0
	blocks := strings.Split(string(guide), "```")
	for i := 1; i+2 < len(blocks); i += 4 { // a template, text, what it makes, text
		head, body, _ := strings.Cut(blocks[i], "\n")
		typ, contentType, _ := strings.Cut(head, " ")
		_, want, _ := strings.Cut(blocks[i+2], "\n")
		w := webhook(strings.TrimSuffix(body, "\n"), contentType)
		if errs := d.Check(w); len(errs) > 0 {
			t.Errorf("%s: %v", blocks[i], errs)
			continue
		}
		req, err := d.Render(event(t, typ), w)
		if err != nil {
			t.Errorf("%s: %v", blocks[i], err)
			continue
		}
		if diff := cmp.Diff(strings.TrimSuffix(want, "\n"), string(req.Body)); diff != "" {
			t.Errorf("%s\n%s", blocks[i], diff)
		}
		n++
	}
	if n < 4 {
		t.Errorf("the guide has %d examples", n)
	}
	for _, name := range template.Names() {
		if !strings.Contains(string(guide), "`"+name+"`") {
			t.Errorf("the guide does not name {%s}", name)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	d, ev := template.New(dialecttest.Env()), event(b, "call.hungup")
	for name, body := range map[string]string{
		"placeholders": `{"id":"{EVENT_ID}","type":"{EVENT_TYPE}","from":"{FROM_NUMBER}","name":"{FROM_NAME}","to":"{TO_NUMBER}","seconds":{DURATION_SECONDS},"cause":"{HANGUP_CAUSE}","at":"{OCCURRED_AT}"}`,
		"expressions":  `{"id":"{EVENT_ID}","from":{{ data.call.from.address }},"inbound":{{ data.call.direction == "inbound" }}}`,
	} {
		w := webhook(body, "")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Render(ev, w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	w := webhook(all(), "")
	for b.Loop() {
		if errs := template.New(dialecttest.Env()).Check(w); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}

// Whatever the template and the event's texts hold: nothing panics, a template
// that was taken makes valid JSON, and a form keeps its parameters.
func FuzzTemplate(f *testing.F) {
	f.Add(`{"a": "{FROM_NAME}", "b": {{ data.call.from }}}`, "Ada \"Löw\"\n\\", 0)
	f.Add(`a={FROM_NAME}&b={{ data.call.from.name }}`, "&b=2%\x00", 1)
	f.Add(`<a b='{FROM_NAME}'>{{ data.call.from.name }}<!-- x --></a>`, "<'\"&]]>--", 2)
	f.Add("{{ {'a': r'}}'} // }}\n }}{", "{FROM_NAME}{{1}}", 3)
	f.Add(`["\\{FROM_NAME}", {"{FROM_NAME}":{{"x"}}}]`, "\xff", 0)
	types := []string{"application/json", "application/x-www-form-urlencoded", "text/xml", "text/plain"}
	d := template.New(dialecttest.Env())
	f.Fuzz(func(t *testing.T, body, name string, kind int) {
		kind &= 3
		w := webhook(body, types[kind])
		if len(d.Check(w)) > 0 {
			return
		}
		render := func(name string) []byte {
			data, err := json.Marshal(map[string]any{"call": map[string]any{"id": "c", "from": map[string]any{"name": name, "address": name}}})
			if err != nil {
				t.Fatal(err)
			}
			ev := &switchhook.Event{ID: name, Type: "call.created", AccountID: name, Data: data}
			if err := catalogue.Attach(ev); err != nil {
				t.Fatal(err)
			}
			req, err := d.Render(ev, w)
			if err != nil {
				return nil
			}
			return req.Body
		}
		got := render(name)
		if got == nil {
			return
		}
		switch kind {
		case 0:
			if !json.Valid(got) {
				t.Errorf("%s made %s", body, got)
			}
		case 1:
			if i := bytes.IndexFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }); i >= 0 {
				t.Errorf("%s made %q", body, got)
			}
			if plain := render(""); plain != nil && strings.Count(string(plain), "&") != strings.Count(string(got), "&") && !strings.Contains(body, "{{") {
				t.Errorf("%s made %s", body, got)
			}
		case 2:
			if err := wellFormed(got); err != nil {
				t.Errorf("%s made %s: %v", body, got, err)
			}
		}
	})
}

func wellFormed(body []byte) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
