package deliver

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/switchhook/switchhook"
)

// A receiver says how long to wait as it likes; it is never less than nothing, nor more than
// a time can be.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "1", "-1", "99999999999999999999", "1e3", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:59 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", " 1 ", "0x1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, v string) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		wait := retryAfter(v, now)
		if wait < 0 {
			t.Fatalf("%q is %s", v, wait)
		}
		_, pause, _ := Decide(503, "", wait, 1, switchhook.Retry{Policy: "standard"}, 0.5)
		if pause < 0 || pause > 31*24*time.Hour {
			t.Fatalf("%q makes it wait %s", v, pause)
		}
	})
}

// Whatever a token's endpoint answers, what is taken of it can stand in a header, and ends.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{`{"access_token":"a","expires_in":3600,"token_type":"Bearer"}`, `{"access_token":"a","expires_in":"1e400"}`, `{"access_token":"a","expires_in":-1}`, `{"error":"invalid_client"}`, `{"access_token":"a b"}`, `null`, ``} {
		f.Add(200, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		asked := time.Now()
		got, err := readToken(&switchhook.HTTPResponse{Status: status, Body: body}, asked)
		switch {
		case err != nil && strings.ContainsAny(err.Error(), "\r\n"):
			t.Fatalf("%q is told as %q", body, err)
		case err == nil && (got.value == "" || !httpguts.ValidHeaderFieldValue("Bearer "+got.value) || got.until.Before(asked) || got.until.Sub(asked) > longestToken):
			t.Fatalf("%q becomes %+v", body, got)
		}
	})
}

// A query that a dialect wrote can stand in a request line.
func FuzzQuery(f *testing.F) {
	f.Add("a=b c&d=é\r\n\x00%zz#")
	f.Fuzz(func(t *testing.T, query string) {
		got := escaped(query)
		if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Fatalf("%q becomes %q", query, got)
		}
		u := url.URL{Scheme: "https", Host: "example.com", Path: "/", RawQuery: got}
		if _, err := url.Parse(u.String()); err != nil {
			t.Fatalf("%q becomes %q: %v", query, got, err)
		}
	})
}
