package primevox_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	out "github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/dialecttest"
	"github.com/switchhook/switchhook/internal/dialect/kazoo"
	dialect "github.com/switchhook/switchhook/internal/dialect/primevox"
	"github.com/switchhook/switchhook/internal/dialect/voipbin"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/primevox"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

var received = time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)

const (
	form = "application/x-www-form-urlencoded"
	asJS = "application/json"
)

func translate(contentType, body string) (*source.Message, error) {
	return primevox.New().Translate(&source.Request{
		Method: http.MethodPost, ContentType: contentType, Body: []byte(body), ReceivedAt: received,
	})
}

// What the dialect's golden files send is read back, and comes out the same.
func TestGoldenRequestsComeOutAsTheyCameIn(t *testing.T) {
	t.Parallel()
	for name, parts := range dialecttest.Golden(t, "../../dialect/primevox") {
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
			if was := dialecttest.Event(t, parts["event.json"]); ev.Type != was.Type {
				t.Errorf("it is a %s, was a %s", ev.Type, was.Type)
			}
			w := dialecttest.Webhook(t, parts["webhook.json"])
			w.Dialect = "primevox"
			d := dialect.New(dialecttest.Env())
			if d.EventName(ev) == "" {
				t.Fatalf("the dialect has nothing for %s", ev.Data)
			}
			for anew := range 2 {
				req, err := d.Render(ev, w)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(body, string(req.Body)); diff != "" || req.Header.Get("Content-Type") != contentType {
					t.Fatalf("%s: in (-), out (+):\n%s", req.Header, diff)
				}
				if anew == 1 || strings.Contains(name, "said") { // more than the page has
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

const id = "7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11"

// The page's templates, filled in.
func TestExamplesBecomeEvents(t *testing.T) {
	t.Parallel()
	const who = "&containerId=482915&tenantId=104"
	const call = `"call":{"id":"` + id + `","from":{"address":"12025550143","name":"Ada"}}`
	for _, c := range []struct {
		name, contentType, body, typ, data string
		named                              bool
	}{
		{
			"InboundCall", form, "eventType=InboundCall&eventTarget=phoneNumber" + who + "&didNumber=12025550100&didDescription=Main+line&didGroup=Sales&cidPrefix=S%3A&callUuid=" + id + "&callerIdNum=12025550143&callerIdName=Ada",
			"call.created", `{"call":{"id":"` + id + `","from":{"address":"12025550143","name":"Ada","type":"tel"},"to":{"address":"12025550100","type":"tel"},"direction":"inbound","leg_direction":"inbound"},` +
				`"number":{"number":"12025550100","description":"Main line","group":"Sales","caller_id_prefix":"S:"}}`, true,
		},
		{
			"HangupCall", form, "eventType=HangupCall" + who + "&extNumber=101&extName=Grace&callUuid=" + id + "&callerIdName=&callerIdNum=12025550143",
			"call.hungup", `{"call":{"id":"` + id + `","from":{"address":"12025550143","type":"tel"},"answered_extension":{"number":"101","name":"Grace"},"direction":"inbound","leg_direction":"inbound","answered_by":"extension"}}`, true,
		},
		{
			"HangupCall that nobody answered", form, "eventType=HangupCall" + who + "&extNumber=&extName=&callUuid=" + id + "&callerIdName=&callerIdNum=",
			"call.hungup", `{"call":{"id":"` + id + `","direction":"inbound","leg_direction":"inbound","answered_extension":null}}`, true,
		},
		{
			"outboundCall", form, "eventType=outboundCall" + who + "&extNumber=101&extName=Grace&callUuid=" + id + "&numberDialed=12025550143",
			"call.created", `{"call":{"id":"` + id + `","from":{"address":"101","name":"Grace","type":"extension"},"to":{"address":"12025550143","type":"tel"},"dialed":"12025550143",` +
				`"direction":"outbound","leg_direction":"inbound"},"extension":{"number":"101","name":"Grace"}}`, true,
		},
		{
			"ringAttempt/extension", form, "eventType=ringAttempt&eventTarget=extension" + who + "&extNumber=101&extName=Grace&callUuid=" + id + "&callerIdNum=12025550143",
			"extension.ringing", `{"extension":{"number":"101","name":"Grace"},"call":{"id":"` + id + `","from":{"address":"12025550143"}}}`, false,
		},
		{
			"ExtensionAnswered", form, "eventType=ExtensionAnswered" + who + "&callUuid=" + id + "&callerIdNum=12025550143&callerIdName=Ada&extensionNumber=101&extensionName=Grace",
			"extension.answered", `{"extension":{"number":"101","name":"Grace"},` + call + `}`, false,
		},
		{
			"inboundCallCompleted", form, "eventType=inboundCallCompleted" + who + "&extNumber=101&extName=Grace&callUuid=" + id + "&callerIdName=Ada&callerIdNum=12025550143",
			"extension.completed", `{"extension":{"number":"101","name":"Grace"},` + call + `}`, false,
		},
		{
			"voicemailHangup", form, "eventType=voicemailHangup" + who + "&extNumber=101&extName=Grace&callUuid=" + id + "&callerIdName=Ada&callerIdNum=12025550143",
			"voicemail.new", `{"voicemail":{"mailbox_number":"101","mailbox_name":"Grace"},"extension":{"number":"101","name":"Grace"},` + call + `}`, false,
		},
		{
			"ringAttempt/ringGroup", form, "eventType=ringAttempt&eventTarget=ringGroup" + who + "&rgNumber=600&callUuid=" + id + "&callerIdNum=12025550143",
			"ring_group.entered", `{"ring_group":{"number":"600"},"call":{"id":"` + id + `","from":{"address":"12025550143"}}}`, false,
		},
		{
			"queueEntered/queue", form, "eventType=queueEntered&eventTarget=queue" + who + "&queueNumber=700&callUuid=" + id + "&callerIdNum=12025550143",
			"queuecall.created", `{"queuecall":{"reference_id":"` + id + `","reference_type":"call","id":"` + id + `/700"},"queue":{"number":"700"},"call":{"id":"` + id + `","from":{"address":"12025550143"}}}`, false,
		},
		{
			"inboundMessage", asJS, "{\n\"eventType\": \"inboundMessage\",\n\"toNumber\": \"12025550100\",\n\"fromNumber\": \"12025550143\",\n\"containerID\": \"482915\",\n\"tenantID\": \"104\",\n\"conversationID\": \"48151\",\n\"messageText\": \"Hi \\\"you\\\"\"\n}",
			"message.received", `{"message":{"conversation_id":"48151","from":"12025550143","to":"12025550100","text":"Hi \"you\"","direction":"inbound"}}`, false,
		},
		{
			"outboundMessage with numbers", asJS, `{"eventType":"outboundMessage","toNumber":12025550143,"fromNumber":"12025550100","containerID":482915,"tenantID":104,"conversationID":48151,"messageText":"","new":{}}`,
			"message.sent", `{"message":{"conversation_id":"48151","from":"12025550100","to":"12025550143","direction":"outbound"}}`, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := translate(c.contentType, c.body)
			ev, err := sourcetest.One(m, err)
			if err != nil {
				t.Fatal(err)
			}
			if ev.Type != c.typ || m.SystemAccount != "482915/104" || !ev.OccurredAt.Equal(received) {
				t.Errorf("%s in %q at %v, want %s", ev.Type, m.SystemAccount, ev.OccurredAt, c.typ)
			}
			if ev.IDGiven != c.named || (ev.ID != "") != c.named || c.named && !switchhook.ValidEventID(ev.ID) {
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

// The beginning and the end of a call are told once, in whatever form.
func TestIDs(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, event := range []string{"InboundCall&eventTarget=phoneNumber", "HangupCall", "outboundCall"} {
		for _, of := range []string{"&containerId=1&callUuid=a", "&containerId=1&callUuid=b", "&containerId=2&callUuid=a", "&containerId=1&tenantId=5&callUuid=a"} {
			body := "eventType=" + event + of
			first, err := sourcetest.One(translate(form, body))
			if err != nil {
				t.Fatal(err)
			}
			second, err := sourcetest.One(primevox.New().Translate(&source.Request{Method: http.MethodGet, Query: body}))
			if err != nil {
				t.Fatal(err)
			}
			if first.ID != second.ID || seen[first.ID] != "" {
				t.Errorf("%s: the ids are %s and %s; %s has it too", body, first.ID, second.ID, seen[first.ID])
			}
			seen[first.ID] = body
		}
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	for who, want := range map[string]string{
		"": "", "&containerId=": "", "&tenantId=7": "", "&containerId=482915": "482915/0", "&containerId=482915&tenantId=": "482915/0",
		"&containerId=482915&tenantId=0": "482915/0", "&containerID=482915&tenantID=104": "482915/104",
	} {
		m, err := translate(form, "eventType=HangupCall&callUuid=a"+who)
		if err != nil || m.SystemAccount != want {
			t.Errorf("%s: %v, %v, want %q", who, m, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const known = "; it has ExtensionAnswered, HangupCall, InboundCall/phoneNumber, inboundCallCompleted, inboundMessage, outboundCall, outboundMessage, " +
		"queueEntered/queue, ringAttempt/extension, ringAttempt/ringGroup, voicemailHangup"
	for _, c := range []struct {
		name, contentType, body string
		code                    switchhook.Code
		fields                  string // "field: message", one a line
	}{
		{"empty", form, "", switchhook.CodeMalformed, ""},
		{"half", asJS, `{"eventType":`, switchhook.CodeMalformed, ""},
		{"a list", asJS, `[]`, switchhook.CodeMalformed, ""},
		{"a message whose text is not escaped", asJS, `{"eventType":"inboundMessage","messageText":"a "b""}`, switchhook.CodeMalformed, ""},
		{"no form", form, `a=%zz`, switchhook.CodeMalformed, ""},
		{"a parameter twice", form, `eventType=HangupCall&callUuid=1&callUuid=2`, switchhook.CodeInvalid, "callUuid: is there twice"},
		{"nothing of PrimeVOX's", asJS, `{"hello":"world"}`, switchhook.CodeInvalid, "eventType: is required: the event's name, such as InboundCall"},
		{"a new event", form, `eventType=callParked&eventTarget=lot`, switchhook.CodeUnknownType, `eventType: PrimeVOX has no event "callParked/lot"` + known},
		{"a new target", form, `eventType=ringAttempt&eventTarget=queue`, switchhook.CodeUnknownType, `eventTarget: PrimeVOX has no event "ringAttempt/queue"` + known},
		{"no target", form, `eventType=ringAttempt`, switchhook.CodeUnknownType, `eventTarget: PrimeVOX has no event "ringAttempt"` + known},
		{"no call", form, `eventType=HangupCall&callUuid=`, switchhook.CodeInvalid, "callUuid: is required: the call's id"},
		{"nobody in a queue", form, `eventType=queueEntered&eventTarget=queue&queueNumber=700`, switchhook.CodeInvalid, "callUuid: is required: the call's id"},
		{"wrong types", asJS, `{"eventType":"outboundCall","containerID":[],"callUuid":{},"extNumber":true,"numberDialed":5}`, switchhook.CodeInvalid, "containerID: expected a string, got an array\n" +
			"callUuid: expected a string, got an object\nextNumber: expected a string, got a boolean"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, fields, err := sourcetest.Refused(translate(c.contentType, c.body))
			if err != nil || code != c.code {
				t.Fatalf("got %s, %v", code, err)
			}
			if diff := cmp.Diff(c.fields, fields); diff != "" {
				t.Errorf("wanted (-), got (+):\n%s", diff)
			}
		})
	}
}

// One whole call, answered at an extension, through the folder: PrimeVOX's
// customers get what came in, those of VoIPBin and Kazoo the call's life.
func TestAWholeCall(t *testing.T) {
	t.Parallel()
	f := calls.New()
	pv, vb, kz := dialect.New(dialecttest.Env()), voipbin.New(dialecttest.Env()), kazoo.New(dialecttest.Env())
	w := dialecttest.Webhook(t, []byte(`{"dialect_options":{"container_id":"482915","tenant_id":"104"}}`))
	const who = "&containerId=482915&tenantId=104"
	const end = "&callUuid=" + id + "&callerIdName=Ada&callerIdNum=12025550143"
	var names []string
	var last *switchhook.Event
	plain := &switchhook.Webhook{} // without options it goes out as it came
	for _, body := range []string{
		"eventType=InboundCall&eventTarget=phoneNumber" + who + "&didNumber=12025550100&didDescription=&didGroup=&cidPrefix=&callUuid=" + id + "&callerIdNum=12025550143&callerIdName=Ada",
		"eventType=queueEntered&eventTarget=queue" + who + "&queueNumber=700&callUuid=" + id + "&callerIdNum=12025550143",
		"eventType=ringAttempt&eventTarget=extension" + who + "&extNumber=101&extName=Grace&callUuid=" + id + "&callerIdNum=12025550143",
		"eventType=ExtensionAnswered" + who + "&callUuid=" + id + "&callerIdNum=12025550143&callerIdName=Ada&extensionNumber=101&extensionName=Grace",
		"eventType=inboundCallCompleted" + who + "&extNumber=101&extName=Grace" + end,
		"eventType=HangupCall" + who + "&extNumber=101&extName=Grace" + end,
	} {
		ev, err := sourcetest.One(translate(form, body))
		if err != nil {
			t.Fatal(err)
		}
		if err := sourcetest.Fold(f, ev, received); err != nil {
			t.Fatal(err)
		}
		for _, w := range []*switchhook.Webhook{w, plain} {
			req, err := pv.Render(ev, w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(body, string(req.Body)); diff != "" {
				t.Errorf("%s: in (-), out (+):\n%s", ev.Type, diff)
			}
		}
		names = append(names, vb.EventName(ev)+" "+kz.EventName(ev))
		last = ev
	}
	want := []string{"call_created channel_create", "queuecall_created ", " ", " ", " ", "call_hungup channel_destroy"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
	req, err := vb.Render(last, &switchhook.Webhook{})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Data struct {
			ID, Status, Direction string
			Source, Destination   struct{ Type, Target string }
		} `json:"data"`
	}
	if err := json.Unmarshal(req.Body, &got); err != nil {
		t.Fatal(err)
	}
	d := got.Data
	if d.ID != id || d.Status != "hangup" || d.Direction != "incoming" || d.Source.Target != "12025550143" || d.Destination.Target != "12025550100" {
		t.Errorf("VoIPBin's customer gets %s", req.Body)
	}
}

// Whatever PrimeVOX sends comes out the same to the byte.
func TestEveryEventComesOutAsItCameIn(t *testing.T) {
	t.Parallel()
	d := dialect.New(dialecttest.Env())
	w := &switchhook.Webhook{DialectOptions: map[string]any{"container_id": "482915", "tenant_id": "0"}}
	rapid.Check(t, func(t *rapid.T) {
		ev := draw(t)
		if d.EventName(ev) == "" {
			t.Fatalf("PrimeVOX has nothing for %s", ev.Type)
		}
		req, err := d.Render(ev, w)
		if err != nil {
			t.Fatal(err)
		}
		body := string(req.Body)
		again, err := sourcetest.One(translate(req.Header.Get("Content-Type"), body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if said := again.Original; said == nil || said.Body != body {
			t.Fatalf("kept is %+v", said)
		}
		if err := sourcetest.Fold(calls.New(), again, received); err != nil {
			t.Fatal(err)
		}
		req, err = d.Render(again, w)
		if err != nil {
			t.Fatal(err)
		}
		if string(req.Body) != body {
			t.Fatalf("%s\nin  %s\nout %s", again.Data, body, req.Body)
		}
	})
}

// What is not on the page comes out the same too: parameters in another order, new
// ones, numbers with a +, blanks as +, another container.
func TestOddEventsComeOutAsTheyCameIn(t *testing.T) {
	t.Parallel()
	d := dialect.New(dialecttest.Env())
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			return string(out.AppendEscaped(nil, rapid.StringMatching(`[a-zé +&]{0,8}`).Draw(t, name), out.Escape{Plus: rapid.Bool().Draw(t, "plus")}))
		}
		parts := []string{"containerId=" + rapid.StringMatching(`[0-9]{6}`).Draw(t, "container"), "callUuid=" + id, "callerIdNum=%2B12025550143", "callerIdName=" + text("name"), "new=" + text("new"), "empty="}
		event := rapid.SampledFrom([]string{"eventType=HangupCall", "eventType=ringAttempt&eventTarget=extension", "eventType=queueEntered&eventTarget=queue", "eventType=ExtensionAnswered"}).Draw(t, "event")
		body := strings.Join(append(rapid.Permutation(parts).Draw(t, "order"), event), "&")
		ev, err := sourcetest.One(translate(form, body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if err := sourcetest.Fold(calls.New(), ev, received); err != nil {
			t.Fatal(err)
		}
		req, err := d.Render(ev, &switchhook.Webhook{})
		if err != nil || string(req.Body) != body {
			t.Fatalf("in  %s\nout %s\n%v", body, req.Body, err)
		}
	})
}

func draw(t *rapid.T) *switchhook.Event {
	text := func(name string) string { return rapid.StringMatching(`[^\x00]{0,8}`).Draw(t, name) }
	number := func(name string) string { return rapid.StringMatching(`([0-9*#]{0,12})?`).Draw(t, name) }
	extension := &switchhook.Extension{Number: number("extension"), Name: text("extension's name")}
	call := &switchhook.Call{
		ID: rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}`).Draw(t, "id"), Direction: "inbound",
		From: &switchhook.Party{Address: number("caller"), Name: text("caller's name")}, To: &switchhook.Party{Address: number("called")},
	}
	ev := &switchhook.Event{AccountID: "acme", OccurredAt: received, Resources: &switchhook.Resources{Call: call, Extension: extension}}
	r := ev.Resources
	ev.Type = rapid.SampledFrom([]string{
		"call.created", "call.hungup", "extension.ringing", "extension.answered", "extension.completed", "voicemail.new", "ring_group.entered", "queuecall.created",
		"message.received", "message.sent",
	}).Draw(t, "type")
	switch ev.Type {
	case "call.created":
		if rapid.Bool().Draw(t, "outbound") {
			call.Direction, call.Dialed = "outbound", number("dialed")
		}
		r.Number = &switchhook.Number{Number: number("number"), Description: text("description"), Group: text("group"), CallerIDPrefix: text("prefix")}
	case "call.hungup":
		if rapid.Bool().Draw(t, "answered") {
			call.AnsweredExtension = extension
		}
	case "ring_group.entered":
		r.RingGroup = &switchhook.RingGroup{Number: number("ring group")}
	case "queuecall.created":
		r.QueueCall, r.Queue = &switchhook.QueueCall{ID: "q"}, &switchhook.Queue{Number: number("queue")}
	case "message.received", "message.sent":
		r.Message = &switchhook.Message{
			From: number("from"), To: number("to"), Text: text("text"), ConversationID: rapid.StringMatching(`[0-9]{1,8}`).Draw(t, "conversation"),
		}
	}
	return ev
}

// Nothing makes the translator panic, and what it takes can be accepted.
func FuzzTranslate(f *testing.F) {
	for _, parts := range dialecttest.Golden(f, "../../dialect/primevox") {
		if _, body, ok := strings.Cut(string(parts["request"]), "\n\n"); ok {
			f.Add(body)
		}
	}
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
		if _, err := d.Render(ev, &switchhook.Webhook{DialectOptions: map[string]any{"numbers": "as_given"}}); err != nil { // made anew
			t.Fatal(err)
		}
	})
}

// Options that write a body in another way leave it the container and tenant that
// it came with; the webhook's own win.
func TestOptionsKeepTheContainer(t *testing.T) {
	t.Parallel()
	const body = "eventType=ringAttempt&eventTarget=extension&containerId=516100&tenantId=101&extNumber=101&extName=Grace%20Hopper&callUuid=7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11&callerIdNum=12025550143"
	m, err := primevox.New().Translate(&source.Request{Method: http.MethodPost, ContentType: "application/x-www-form-urlencoded", Body: []byte(body), ReceivedAt: received})
	ev, err := sourcetest.One(m, err)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		options map[string]any
		want    string
	}{
		{map[string]any{"numbers": "plain", "blanks": "%20"}, body},
		{map[string]any{"blanks": "+"}, strings.Replace(body, "%20", "+", 1)},
		{map[string]any{"tenant_id": "7"}, strings.Replace(body, "tenantId=101", "tenantId=7", 1)},
	} {
		req, err := dialect.New(dialecttest.Env()).Render(ev, &switchhook.Webhook{DialectOptions: c.options})
		if err != nil || string(req.Body) != c.want {
			t.Errorf("%v: %s, %v", c.options, req.Body, err)
		}
	}
}
