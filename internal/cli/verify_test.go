package cli

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	const body = `{"id":"evt_1","text":"Grüße <b> 📞","n":[1,2]}`
	now := time.Unix(1769871845, 0)
	sign := func(key, id, stamp, content string) string {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(id + "." + stamp + "." + content))
		return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	const key = "01234567890123456789012345678901"
	right := sign(key, "msg_1", "1769871840", body)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	indented := func() string {
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(body), "", "  "); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}()
	escaped := func() string { // as Python's json.dumps has it
		var b strings.Builder
		for _, r := range strings.NewReplacer(":", ": ", ",", ", ").Replace(body) {
			switch {
			case r > 0xffff:
				fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
			case r > 0x7f:
				fmt.Fprintf(&b, `\u%04x`, r)
			default:
				b.WriteRune(r)
			}
		}
		return b.String()
	}()
	for _, c := range []struct {
		name                 string
		secret, id, stamp    string
		signature, body      string
		method, target, want string
	}{
		{name: "right", want: "The signature is right: msg_1, signed 5s ago."},
		{name: "one of several", signature: "v1,AAAA v1a,BBBB " + right, want: "The signature is right"},
		{name: "a query", method: "GET", target: "/hook?a=1&b=%20", body: "-", signature: sign(key, "msg_1", "1769871840", "a=1&b=%20"), want: "The signature is right"},
		{
			name: "Ed25519", secret: "whpk_" + base64.StdEncoding.EncodeToString(public),
			signature: "v1," + "AAAA v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(private, []byte("msg_1.1769871840."+body))), want: "The signature is right",
		},
		{name: "no secret", secret: "-", want: "--secret is missing"},
		{name: "half a secret", secret: "MDEy", want: "begins neither with whsec_"},
		{name: "a cut secret", secret: secret[:20], want: "what follows whsec_ in the secret is no base64"},
		{name: "a public key that is none", secret: "whpk_AAAA", want: "the public key has 3 bytes, not 32"},
		{name: "no headers", id: "-", signature: "-", want: "headers are missing: webhook-id, webhook-signature"},
		{name: "a timestamp that is none", stamp: "yesterday", want: `"yesterday" is no number of seconds`},
		{name: "another version", signature: "v1a,AAAA", want: "no signature of the version v1, which goes with this secret; it has v1a"},
		{name: "old", stamp: "1769871000", signature: sign(key, "msg_1", "1769871000", body), want: "right, but it was made 14m5s ago, longer ago than the 5m0s"},
		{name: "from the future", stamp: "1769875000", signature: sign(key, "msg_1", "1769875000", body), want: "right, but it was made 52m35s from now"},
		{name: "milliseconds", stamp: "1769871840000", want: "the timestamp was changed: it is signed in seconds"},
		{name: "signed in milliseconds", stamp: "1769871840000", signature: sign(key, "msg_1", "1769871840000", body), want: "has to be in seconds"},
		{name: "a line feed after the body", body: body + "\n", want: "it fits once the line end after it is taken away"},
		{name: "a line feed that was sent", body: body, signature: sign(key, "msg_1", "1769871840", body+"\n"), want: "it fits once a line feed is put after it"},
		{name: "indented", body: indented, want: "it fits once the white space between its JSON tokens"},
		{name: "escaped", body: escaped, want: `it fits once its \u escapes`},
		{name: "the event's id", id: "msg_1", signature: sign(key, "evt_1", "1769871840", body), want: "it is signed as evt_1, the event's, and webhook-id says msg_1"},
		{name: "an undecoded secret", signature: sign(secret, "msg_1", "1769871840", body), want: "the text of the secret for the key"},
		{name: "no body", body: "-", method: "POST", want: "there is no body here"},
		{name: "another secret", signature: sign("another", "msg_1", "1769871840", body), want: "it would be " + right},
		{name: "another body", body: `{"id":"evt_2"}`, want: "the signature does not fit: it is signed with another secret"},
		{name: "several of others", signature: "v1,AAAA v1,BBBB", want: "none of the 2 signatures fits"},
	} {
		or := func(value, otherwise string) string {
			return map[string]string{"": otherwise, "-": ""}[value] + map[bool]string{true: value}[value != "" && value != "-"]
		}
		r := &signedRequest{method: c.method, target: c.target, header: http.Header{}, body: []byte(or(c.body, body))}
		for name, value := range map[string]string{
			"webhook-id": or(c.id, "msg_1"), "webhook-timestamp": or(c.stamp, "1769871840"), "webhook-signature": or(c.signature, right),
		} {
			if value != "" {
				r.header.Set(name, value)
			}
		}
		said, err := r.verify(or(c.secret, secret), now, 5*time.Minute)
		if strings.HasPrefix(c.want, "The signature") != (err == nil) {
			t.Errorf("%s: %q, %v", c.name, said, err)
		}
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, c.want) {
			t.Errorf("%s: %q, expected %q", c.name, said, c.want)
		}
	}
}

func TestRequestsAreRead(t *testing.T) {
	t.Parallel()
	for name, dump := range map[string]string{
		"HTTP":                 "POST /hook HTTP/1.1\r\nHost: x\r\nwebhook-id: msg_1\r\nContent-Length: 7\r\n\r\n{\"a\":1}\n",
		"without a first line": "webhook-id: msg_1\n\n{\"a\":1}",
		"a request":            `{"method":"POST","url":"http://x","headers":{"webhook-id":"msg_1"},"body":"{\"a\":1}"}`,
		"an attempt":           `{"id":"att_1","request":{"method":"POST","headers":{"webhook-id":"msg_1"},"body":"{\"a\":1}"}}`,
	} {
		r, err := readRequest([]byte(dump))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.header.Get("webhook-id") != "msg_1" || string(r.body) != `{"a":1}` {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := readRequest(nil); err == nil {
		t.Error("nothing was read as a request")
	}
}

func TestOverlay(t *testing.T) {
	t.Parallel()
	const data = `{"call":{"id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","root_id":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","q850":16,"bridged":true,"from":{"address":"1"}}}`
	for assignment, want := range map[string]string{
		"call.id=c":               `{"call":{"id":"c","root_id":"c","q850":16,"bridged":true,"from":{"address":"1"}}}`,
		"call.from.address=+12":   strings.Replace(data, `"address":"1"`, `"address":"+12"`, 1),
		"call.q850=17":            strings.Replace(data, "16", "17", 1),
		"call.bridged=false":      strings.Replace(data, "true", "false", 1),
		"call.q850:=null":         strings.Replace(data, "16", "null", 1),
		"call.new.deep=5":         strings.Replace(data, `"1"}}`, `"1"},"new":{"deep":"5"}}`, 1),
		`call.from:={"name":"A"}`: strings.Replace(data, `{"address":"1"}`, `{"name":"A"}`, 1),
		"call.q850=x":             "expected a value as the sample's 16",
		"call.q850=true":          "expected a value as the sample's 16",
		"call.id:=x":              "is no JSON",
		"nothing":                 "is neither path=value nor path:=JSON",
	} {
		got, err := overlay([]byte(data), assignment)
		if err != nil {
			got = []byte(err.Error())
		}
		if string(got) != want && (err == nil || !strings.Contains(string(got), want)) {
			t.Errorf("%s: %s, expected %s", assignment, got, want)
		}
	}
}

func TestSamplesAreMadeFresh(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)
	got := string(freshen([]byte(`{"a":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","b":"7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11","none":"00000000-0000-0000-0000-000000000000",`+
		`"created_at":"2026-01-31T15:04:05.5Z","ended_at":"2026-01-31T15:05:10.001Z","date":"2026-01-31"}`), now))
	var v map[string]string
	if err := json.Unmarshal([]byte(got), &v); err != nil {
		t.Fatal(err)
	}
	if v["a"] != v["b"] || v["a"] == "7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11" || v["none"] != "00000000-0000-0000-0000-000000000000" ||
		v["ended_at"] != "2030-05-06T07:08:09Z" || v["created_at"] != "2030-05-06T07:07:04.499Z" || v["date"] != "2026-01-31" {
		t.Error(got)
	}
}
