package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/switchhook/switchhook"
)

// Whatever is sent as a webhook, or as a change of one: what is taken encoding/json can read
// too, and no member of it is there twice in any case; what is refused is refused in our
// words.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"url":"https://example.com","events":["*"],"timeout":"15s","hold":"1h","retry":{"schedule":["5s"]},"auth":{"type":"basic","username":"a"}}`, `{"url":"a","URL":"b"}`, `{"url":1}`, `{"auth":null,"retry":{"policy":null}}`, `[]`, `{"\u0075rl":"a","url":"b"}`,
		`{"custom_data":{"a":"b"},"modifiers":{"a":{"b":[1]}},"rate_limit":1e400,"max_concurrency":1.5,"enabled":"yes"}`, `{"scope":{"numbers":["1"]},"tls":{"ca":"x"},"mask":["numbers"]}`, "{\"name\":\"\xff\"}", `{"name":"\ud800"}`, strings.Repeat(`{"modifiers":`, 1100),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in webhookInput
		err := readStrict(raw, &in)
		if err == nil && !json.Valid(raw) {
			t.Fatalf("%q is taken", raw)
		}
		if err != nil {
			if e, ok := asOwn(err); !ok || e.Message == "" {
				t.Fatalf("%q is refused with %v", raw, err)
			}
		}
		current := webhookInput{URL: "https://example.com", Events: []string{"*"}, Headers: map[string]string{"X-Token": "secret"}, Auth: &switchhook.Auth{Type: "basic", Username: "a", Password: "secret"}}
		next, err := merge(current, raw, settleWebhook)
		if err != nil {
			return
		}
		if current.Auth.Password != "secret" || current.Headers["X-Token"] != "secret" {
			t.Fatalf("%q changes what stands", raw)
		}
		if again, err := merge(next, []byte(`{}`), settleWebhook); err != nil || again.URL != next.URL {
			t.Fatalf("%q, merged, cannot be merged again: %v", raw, err)
		}
	})
}

// Cursors are anybody's to write: a page is of the items, in their order, whatever one says.
func FuzzCursors(f *testing.F) {
	for _, seed := range []string{"", "AAAA", "YQ", "Yg", "____", "Yw==", "\x00"} {
		f.Add(seed, 2)
	}
	items := []string{"a", "b", "c", "d"}
	f.Fuzz(func(t *testing.T, cursor string, limit int) {
		for _, by := range []order{inOrder, sorted, falling} {
			page, next, err := pageOf(items, switchhook.Page{Limit: max(1, limit%10), Cursor: cursor}, func(s string) string { return s }, by)
			if err != nil {
				continue
			}
			if len(page) > len(items) || next != "" && len(page) == 0 {
				t.Fatalf("%q gives %v and %q", cursor, page, next)
			}
		}
	})
}

// Whoever asks may say for whom: the answer is an address, and only of a proxy that is
// trusted another than its own.
func FuzzForwarded(f *testing.F) {
	f.Add("192.0.2.1, 127.0.0.1", "127.0.0.1:80")
	f.Add("::1, [::1]:80, unknown, _x", "[2001:db8::1]:80")
	f.Fuzz(func(t *testing.T, forwarded, peer string) {
		a := &api{}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = peer
		own := a.clientAddr(r)
		r.Header["X-Forwarded-For"] = []string{forwarded}
		if got := a.clientAddr(r); got != own {
			t.Fatalf("%q of %q makes it %s", forwarded, peer, got)
		}
		loopbackHost(forwarded)
	})
}
