package dialect_test

import (
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
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
