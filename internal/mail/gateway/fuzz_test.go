package gateway

import (
	"encoding/json"
	"net/url"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/mail"
)

// Whatever a message says stays within its value.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{"Hello", "\"},{\\ &to=1#?%26+\r\n\r\nX: 1", "☕\u2028</script>", "..", "{{ from }}", "\x00\x7f\u0085", "@evil.example.com/"} {
		f.Add(text, text)
	}
	made := func(o Options) *Gateway {
		o.URL = `https://user:password@sms.example.com/{{ text|urlencode:"" }}/send?key=1&text={{ text|urlencode }}&from={{ from|urlencode }}`
		o.Method, o.Headers = "POST", []string{"X-Text: {{ text }}"}
		g, err := New(o)
		if err != nil {
			f.Fatal(err)
		}
		return g
	}
	asJSON := made(Options{Body: `{"text": {{ text|json }}, "list": [{{ from|json }}]}`})
	asForm := made(Options{Body: `key=1&text={{ text|urlencode }}&from={{ from|urlencode }}`})
	engine := &wire.Request{Header: switchhook.Headers{{Name: "webhook-id", Value: "dlv_1"}}}
	f.Fuzz(func(t *testing.T, from, text string) {
		if !utf8.ValidString(from) || !utf8.ValidString(text) || len(from)+len(text) > 4000 {
			t.Skip() // a mail.Text is JSON, and short
		}
		m := mail.Text{WebhookID: "sms:acme:x:+1", From: from, To: "+1", Text: text}
		q, err := asForm.request(t.Context(), m, engine)
		if err != nil {
			if err.Error() != "its path leads upwards" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if q.URL.Host != "sms.example.com" || q.URL.Path != "/"+text+"/send" || q.URL.User.String() != "user:password" {
			t.Errorf("%q makes %s", text, q.URL)
		}
		for _, raw := range []string{q.URL.RawQuery, string(q.Body)} {
			if v, err := url.ParseQuery(raw); err != nil || len(v) != 3 || len(v["text"]) != 1 || v.Get("text") != text || v.Get("from") != from || v.Get("key") != "1" {
				t.Errorf("%q, %q make %s: %v", from, text, raw, err)
			}
		}
		for _, h := range q.Header {
			if !httpguts.ValidHeaderFieldValue(h.Value) {
				t.Errorf("%q makes the header %q", text, h)
			}
		}
		if q, err = asJSON.request(t.Context(), m, engine); err != nil {
			t.Fatal(err)
		}
		var read struct {
			Text string
			List []string
		}
		if err := json.Unmarshal(q.Body, &read); err != nil || read.Text != text || len(read.List) != 1 || read.List[0] != from {
			t.Errorf("%q, %q make %s: %v", from, text, q.Body, err)
		}
	})
}
