package dialect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/ordjson"
)

func TestPrivate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{`{"to":"+12025550143"}`, `{"to":"+*******0143"}`},
		{`{"to":"12025550143"}`, `{"to":"*******0143"}`},
		{`{"to":"+1 (202) 555-0143"}`, `{"to":"+* (***) ***-0143"}`},
		{`{"to":"202.555.0143"}`, `{"to":"***.***.0143"}`},
		{`{"to":"555-0143"}`, `{"to":"***-**43"}`},
		{`{"to":"55014"}`, `{"to":"***14"}`},
		{`{"to":"101"}`, `{"to":"101"}`},
		{`{"extension":"4711"}`, `{"extension":"4711"}`},
		{`{"uri":"sip:+12025550143@pbx.example.com:5060"}`, `{"uri":"sip:+*******0143@pbx.example.com:5060"}`},
		{`{"uri":"12025550143@pbx.example.com"}`, `{"uri":"*******0143@pbx.example.com"}`},
		{`{"name":"Ada 2025550143, work"}`, `{"name":"Ada ******0143, work"}`},
		{`{"a":[{"b":["+12025550143",{"c":"+442071838750"}]}]}`, `{"a":[{"b":["+*******0143",{"c":"+********8750"}]}]}`},
		{`{"from_number":12025550143,"count":12025550143}`, `{"from_number":"*******0143","count":12025550143}`},
		{`{"Caller-ID-Number":"12025550143","Call-ID":"12025550143"}`, `{"Caller-ID-Number":"*******0143","Call-ID":"12025550143"}`},
		{`{"id":"+12025550143"}`, `{"id":"+*******0143"}`},
		{`{"id":"12025550143","tag_ids":["1234567890"],"timestamp":"63938423045"}`, ``},
		{`{"at":"2026-01-31T15:04:05.123456Z","date":"2026-01-31","x":"2026-01-31","y":"2026-01-31 15:04:05"}`, ``},
		{`{"x":"203.0.113.7","y":"203.0.113.7:5060","v":"Yealink SIP-T46S 66.86.0.15"}`, ``},
		{`{"x":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","y":"48200941-1844-4902-9388-442118442118a"}`, ``},
		{`{"charges":"0.0075","code":"000","n":20255501430}`, ``},
		{`{"text":"Call +12025550143","message":{"text":"hi","status":"sent"}}`, `{"text":"***","message":{"text":"***","status":"sent"}}`},
		{`{"transcription":{"result":"success","text":"Call me."},"subject":"","html":"<p>","body":null}`, `{"transcription":{"result":"success","text":"***"},"subject":"","html":"***","body":null}`},
		{`{"numbers":{"+12025550143":{},"+13015550143":{"note":"x"}}}`, `{"numbers":{"+*******0143":{},"+*******0143*":{"note":"x"}}}`},
		{`{"+12025550143":1,"+13015550143":2,"+14015550143":3,"+*******0143*":4}`, `{"+*******0143":1,"+*******0143*2":2,"+*******0143*3":3,"+*******0143*":4}`},
		{`{"from":"sip:12025550143@example.com","x":"<SIPS:2025550143@a>;tag=1","y":"tel:2025550143","at":"sip:1","z":"PJSIP/12025550143-00000012","c":"Local/2025550143@in-0001;1","u":"https://a/2025550143"}`, `{"from":"sip:*******0143@example.com","x":"<SIPS:******0143@a>;tag=1","y":"tel:******0143","at":"sip:1","z":"PJSIP/*******0143-00000012","c":"Local/******0143@in-0001;1","u":"https://a/2025550143"}`},
		{`{"message":"plain"}`, `{"message":"***"}`},
		{`{"z":1,"a":"\u002b12025550143","b":"ä"}`, `{"z":1,"a":"+*******0143","b":"ä"}`},
	} {
		want := c.want
		if want == "" {
			want = c.in
		}
		ev := &switchhook.Event{Type: "custom.x", Data: []byte(c.in), Key: "+12025550143", Resources: &switchhook.Resources{}}
		got := dialect.Private(ev, []string{"text", "numbers"})
		if string(got.Data) != want {
			t.Errorf("%s became %s, want %s", c.in, got.Data, want)
		}
		if string(ev.Data) != c.in || ev.Key != "+12025550143" || got.Key != "+*******0143" {
			t.Errorf("the event was changed, or its key not masked: %+v", got)
		}
	}
	ev := &switchhook.Event{Data: []byte(`{"text":"+12025550143"}`)}
	if got := dialect.Private(ev, nil); got != ev {
		t.Error("nothing is to be masked, and it is another event")
	}
	if got := dialect.Private(ev, []string{"numbers"}); string(got.Data) != `{"text":"+*******0143"}` {
		t.Errorf("%s", got.Data)
	}
	if got := dialect.Private(ev, []string{"text"}); string(got.Data) != `{"text":"***"}` {
		t.Errorf("%s", got.Data)
	}
}

// What another system has said is masked as well, or left out.
func TestPrivateOriginal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ format, body, want string }{
		{"json", `{"Caller-ID-Number":"+12025550143","other":"x y"}`, `{"Caller-ID-Number":"+*******0143","other":"x y"}`},
		{"form", "from=%2B12025550143&x=a%20b&message=Hi+there&empty=", "from=%2B%2A%2A%2A%2A%2A%2A%2A0143&x=a%20b&message=%2A%2A%2A&empty="},
		{"text", "+12025550143 says hi", ""},
		{"form", "%zz=1", ""},
	} {
		said := &switchhook.Original{System: "kazoo", Format: c.format, Body: c.body}
		got := dialect.Private(&switchhook.Event{Data: []byte(`{}`), Original: said}, []string{"text", "numbers"}).Original
		if c.want == "" && got != nil || c.want != "" && (got == nil || got.Body != c.want || got.System != "kazoo") {
			t.Errorf("%s became %+v, want %s", c.body, got, c.want)
		}
		if said.Body != c.body {
			t.Error("the original was changed")
		}
	}
}

// Masking takes no longer than the event is long, whatever stands in it.
func TestPrivateTakesItsTime(t *testing.T) {
	t.Parallel()
	var names strings.Builder
	for i := range 30_000 { // of one masked name
		fmt.Fprintf(&names, `,"1%06d0143":1`, i)
	}
	for name, data := range map[string]string{
		"names":          `{"a":1` + names.String() + `}`,
		"digits":         `{"a":"` + strings.Repeat("1", 1_000_000) + `"}`,
		"digits, apart":  `{"a":"` + strings.Repeat("1 ", 500_000) + `"}`,
		"numbers":        `{"a":"` + strings.Repeat("2025550143 ", 90_000) + `"}`,
		"channels":       `{"a":"` + strings.Repeat("SIP/2025550143-00000012 ", 40_000) + `"}`,
		"letters":        `{"a":"` + strings.Repeat("a1", 500_000) + `"}`,
		"colons":         `{"a":"` + strings.Repeat("sip:1", 200_000) + `"}`,
		"signs":          `{"a":"` + strings.Repeat("+", 1_000_000) + `"}`,
		"what is before": `{"a":"` + strings.Repeat("sip:", 250_000) + `"}`,
		"levels":         strings.Repeat(`{"a":`, 900) + `"` + strings.Repeat("1", 100_000) + `"` + strings.Repeat("}", 900),
	} {
		start := time.Now()
		got := dialect.Private(&switchhook.Event{Data: []byte(data)}, []string{"numbers"})
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s take %s", name, took)
		}
		if _, err := ordjson.Parse(got.Data); err != nil || len(got.Data) > 2*len(data) {
			t.Errorf("%s become %d bytes: %v", name, len(got.Data), err)
		}
	}
}

// Whatever is masked is JSON afterwards, and without numbers that look like ones.
func FuzzPrivate(f *testing.F) {
	f.Add(`{"from":"sip:12025550143@example.com","+12025550143":{"+13015550143":[1,"x +1 (202) 555-0143"]},"message":{"text":"a"}}`)
	f.Add(`{"number":2025550143,"at":"2026-01-02T03:04:05Z","a":"10.0.0.1","b":"PJSIP/12025550143-00000012"}`)
	f.Fuzz(func(t *testing.T, data string) {
		before, err := ordjson.Parse([]byte(data))
		if err != nil {
			return
		}
		got := dialect.Private(&switchhook.Event{Data: []byte(data), Original: &switchhook.Original{Format: "form", Body: data}}, []string{"numbers", "text"})
		after, err := ordjson.Parse(got.Data)
		if err != nil || len(after) != len(before) {
			t.Fatalf("%s became %s: %v", data, got.Data, err)
		}
		if again := dialect.Private(got, []string{"numbers"}); strings.Contains(string(again.Data), "+12025550143") {
			t.Fatalf("%s became %s", data, again.Data)
		}
	})
}
