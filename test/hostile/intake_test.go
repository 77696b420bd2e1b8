package hostile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// quick is how long an answer may take on a busy machine; what this is about takes minutes.
const quick = 20 * time.Second

func nested(open, end string, n int) string {
	return strings.Repeat(open, n) + "1" + strings.Repeat(end, n)
}

// JSON that is meant to be read in two ways, or to cost more than it is worth.
func TestJSON(t *testing.T) {
	t.Parallel()
	s := serve(t)
	acme := s.customer("acme")
	hook := func(s string) string { return `{"url":"https://8.8.8.8","events":["*"]` + s + `}` }
	many := func(n int, each string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, each, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	const refused = "400,413,415,422"
	for name, row := range map[string]struct{ method, path, body, want string }{
		"a member twice":                      {"POST", "/v1/events", `{"type":"custom.x","type":"custom.y","data":{}}`, refused},
		"a member twice, escaped":             {"POST", "/v1/events", `{"type":"custom.x","\u0074ype":"custom.y","data":{}}`, refused},
		"a member in another case":            {"POST", "/v1/events", `{"type":"custom.x","Type":"custom.y","data":{}}`, refused},
		"a member with a long s":              {"POST", "/v1/events", `{"type":"custom.x","\u017Fource":"a","data":{}}`, refused},
		"an account twice":                    {"POST", "/v1/events", `{"account_id":"acme","type":"custom.x","account_id":"root","data":{}}`, refused},
		"a member twice, in data":             {"POST", "/v1/events", `{"type":"custom.x","data":{"a":1,"a":2}}`, refused},
		"a member twice, deep in data":        {"POST", "/v1/events", `{"type":"custom.x","data":{"a":[{"b":{"c":1,"c":1}}]}}`, refused},
		"a member twice, empty":               {"POST", "/v1/events", `{"type":"custom.x","data":{"":1,"":2}}`, refused},
		"a webhook's URL twice":               {"POST", "/v1/webhooks", `{"url":"https://8.8.8.8","url":"http://127.0.0.1","events":["*"]}`, refused},
		"a webhook's URL in another case":     {"POST", "/v1/webhooks", hook(`,"URL":"http://127.0.0.1"`), refused},
		"a webhook's URL with another letter": {"POST", "/v1/webhooks", hook(`,"\u0075rl":"http://127.0.0.1"`), refused},
		"a Kelvin sign":                       {"POST", "/v1/webhooks", `{"url":"https://8.8.8.8","events":["*"],"mas\u212A":["numbers"]}`, refused},
		"a record's account twice":            {"PUT", "/v1/records/extension/1", `{"account_id":"acme","account_id":"root"}`, refused},
		"what nobody knows":                   {"POST", "/v1/webhooks", hook(`,"__proto__":{"url":"http://127.0.0.1"},"constructor":1`), refused},
		"what only we say":                    {"POST", "/v1/webhooks", hook(`,"status":"active","flow":true,"secrets":[],"id":"wh_1"`), refused},
		"a key's hash":                        {"POST", "/v1/api-keys", `{"role":"admin","hash":"AAAA"}`, refused},
		"a user's hash":                       {"POST", "/v1/users", `{"role":"admin","login":"a","password_hash":"AAAA"}`, refused},
		"a string for an object":              {"POST", "/v1/events", `{"type":"custom.x","data":"{}"}`, refused},
		"an array for an object":              {"POST", "/v1/webhooks", `[` + hook("") + `]`, refused},
		"two documents":                       {"POST", "/v1/webhooks", hook("") + hook(""), refused},
		"a comma too many":                    {"POST", "/v1/events", `{"type":"custom.x","data":{},}`, refused},
		"a comment":                           {"POST", "/v1/events", `{"type":"custom.x",/**/"data":{}}`, refused},
		"no number":                           {"POST", "/v1/events", `{"type":"custom.x","data":{"a":NaN}}`, refused},
		"a number with zeros before it":       {"POST", "/v1/events", `{"type":"custom.x","data":{"a":007}}`, refused},
		"a BOM before it":                     {"POST", "/v1/events", "\ufeff" + `{"type":"custom.x","data":{}}`, refused},
		"UTF-16":                              {"POST", "/v1/events", "\xff\xfe{\x00}\x00", refused},
		"100,000 levels of arrays":            {"POST", "/v1/events", `{"type":"custom.x","data":{"a":` + nested("[", "]", 100_000) + `}}`, refused},
		"100,000 levels of objects":           {"POST", "/v1/events", `{"type":"custom.x","data":` + nested(`{"a":`, "}", 100_000) + `}`, refused},
		"1,001 levels":                        {"POST", "/v1/events", `{"type":"custom.x","data":` + nested(`{"a":`, "}", 1_001) + `}`, refused},
		"900 levels":                          {"POST", "/v1/events", `{"type":"custom.x","data":` + nested(`{"a":`, "}", 900) + `}`, "202"},
		"levels that never end":               {"POST", "/v1/events", strings.Repeat(`{"data":`, 3_000_000), refused},
		"arrays that never end":               {"POST", "/v1/events", strings.Repeat(`[`, 10_000_000), refused},
		"100,000 levels of a webhook":         {"POST", "/v1/webhooks", hook(`,"dialect_options":` + nested(`{"a":`, "}", 100_000)), refused},
		"100,000 levels of a record":          {"PUT", "/v1/records/extension/1", `{"a":` + nested("[", "]", 100_000) + `}`, refused},
		"100,000 levels of a patch":           {"PATCH", "/v1/accounts/acme", `{"limits":` + nested(`{"a":`, "}", 100_000) + `}`, refused},
		"levels of a sign-in":                 {"POST", "/v1/session", nested(`{"login":`, "}", 100_000), refused},
		"a number of a million digits":        {"POST", "/v1/events", `{"type":"custom.x","data":{"a":` + strings.Repeat("9", 1_000_000) + `}}`, "202,413,422"},
		"an exponent beyond all":              {"POST", "/v1/events", `{"type":"custom.x","data":{"a":1e999999999}}`, "202,422"},
		"a call's number beyond all":          {"POST", "/v1/events", `{"type":"call.hungup","data":{"call":{"id":"a","duration":1e999999999,"hangup_cause_code":99999999999999999999}}}`, "202,422"},
		"a timeout beyond all":                {"POST", "/v1/webhooks", hook(`,"timeout":"99999999999999999999h"`), refused},
		"a timeout that turns below zero":     {"POST", "/v1/webhooks", hook(`,"timeout":"2562047h47m17s"`), refused},
		"a negative timeout":                  {"POST", "/v1/webhooks", hook(`,"timeout":"-15s"`), refused},
		"a timeout in powers":                 {"POST", "/v1/webhooks", hook(`,"timeout":"1e9h"`), refused},
		"a max_age that turns below zero":     {"POST", "/v1/webhooks", hook(`,"max_age":"106752d"`), refused},
		"a hold below zero":                   {"POST", "/v1/webhooks", hook(`,"hold":"-1h"`), refused},
		"a retry below zero":                  {"POST", "/v1/webhooks", hook(`,"retry":{"schedule":["-1s"]}`), refused},
		"a rate beyond all":                   {"POST", "/v1/webhooks", hook(`,"rate_limit":1e308`), refused},
		"a rate below all":                    {"POST", "/v1/webhooks", hook(`,"rate_limit":1e-308`), refused},
		"a rate that is no double":            {"POST", "/v1/webhooks", hook(`,"rate_limit":1e309`), refused},
		"concurrency beyond all":              {"POST", "/v1/webhooks", hook(`,"max_concurrency":9223372036854775808`), refused},
		"concurrency as a fraction":           {"POST", "/v1/webhooks", hook(`,"max_concurrency":1.5`), refused},
		"a limit that turns below zero":       {"POST", "/v1/accounts", `{"limits":{"open_deliveries":-9223372036854775808}}`, refused},
		"a year beyond all":                   {"POST", "/v1/events", `{"type":"custom.x","data":{},"occurred_at":"99999-01-01T00:00:00Z"}`, refused},
		"a time that is none":                 {"POST", "/v1/events", `{"type":"custom.x","data":{},"occurred_at":"2026-02-30T25:61:61Z"}`, refused},
		"a time before all":                   {"POST", "/v1/events", `{"type":"custom.x","data":{},"occurred_at":"0000-01-01T00:00:00+23:59"}`, refused},
		"100,000 members":                     {"POST", "/v1/events", `{"type":"custom.x","data":{` + many(60_000, `"k%d":1,`) + `}}`, "202"},
		"100,000 members of a call":           {"POST", "/v1/events", `{"type":"call.created","data":{"call":{"id":"b",` + many(60_000, `"k%d":1,`) + `}}}`, "202,422"},
		"100,000 wrong members":               {"POST", "/v1/events", `{"type":"custom.x","data":{},` + many(60_000, `"k%d":1,`) + `}`, refused},
		"1,001 events":                        {"POST", "/v1/events", `[` + many(1001, `{"type":"custom.x","data":{"i":%d}},`) + `]`, refused},
		"a million empty events":              {"POST", "/v1/events", `[` + strings.TrimSuffix(strings.Repeat(`{},`, 1_000_000), ",") + `]`, refused},
		"an event of more than 1 MiB":         {"POST", "/v1/events", `{"type":"custom.x","data":{"a":"` + strings.Repeat("a", 1<<20) + `"}}`, refused},
		"a request of more than 32 MiB":       {"POST", "/v1/events", `{"type":"custom.x","data":{"a":"` + strings.Repeat("a", 33<<20) + `"}}`, refused},
		"a webhook of more than a few MiB":    {"POST", "/v1/webhooks", hook(`,"name":"` + strings.Repeat("a", 5<<20) + `"`), refused},
		"a record of more than a few MiB":     {"PUT", "/v1/records/extension/1", `{"a":"` + strings.Repeat("a", 5<<20) + `"}`, refused},
		"100,000 events of a webhook":         {"POST", "/v1/webhooks", `{"url":"https://8.8.8.8","events":[` + many(100_000, `"call.%d",`) + `]}`, refused},
		"a glob of many stars":                {"POST", "/v1/webhooks", `{"url":"https://8.8.8.8","events":["` + strings.Repeat("*a", 127) + `b"]}`, "201,422"},
		"globs of many stars":                 {"POST", "/v1/webhooks", `{"url":"https://8.8.8.8","events":[` + many(200, `"*********************************************************************************%d*x",`) + `]}`, "201,422"},
		"100,000 headers":                     {"POST", "/v1/webhooks", hook(`,"headers":{` + many(100_000, `"X-%d":"a",`) + `}`), refused},
		"100,000 custom_data":                 {"POST", "/v1/webhooks", hook(`,"dialect":"kazoo","custom_data":{` + many(50_000, `"k%d":"a",`) + `}`), refused},
		"100,000 modifiers":                   {"POST", "/v1/webhooks", hook(`,"dialect":"kazoo","modifiers":{` + many(50_000, `"k%d":["a"],`) + `}`), refused},
		"100,000 options":                     {"POST", "/v1/webhooks", hook(`,"dialect_options":{` + many(50_000, `"k%d":1,`) + `}`), refused},
		"a replay of all times":               {"POST", "/v1/webhooks/none/replay", `{"since":"0001-01-01T00:00:00Z","until":"9999-12-31T23:59:59Z"}`, "404"},
		"a content type that is none":         {"POST", "/v1/webhooks", hook(""), "201"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			a := acme.do(row.method, row.path, row.body)
			if took := time.Since(start); took > quick {
				t.Errorf("it takes %s", took)
			}
			if !strings.Contains(row.want, fmt.Sprint(a.status)) {
				t.Errorf("%v, expected %s", a, row.want)
			}
			if len(a.body) > 64<<10 && a.status >= 400 {
				t.Errorf("the refusal is %d bytes long", len(a.body))
			}
		})
	}
	t.Run("packed bodies", func(t *testing.T) {
		t.Parallel()
		var bomb bytes.Buffer
		gz := gzip.NewWriter(&bomb)
		for range 8 << 10 { // 8 MiB of blanks
			_, _ = gz.Write(bytes.Repeat([]byte(" "), 1024))
		}
		_ = gz.Close()
		for _, path := range []string{"/v1/events", "/v1/webhooks", "/v1/session"} {
			for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "x-gzip", "gzip, gzip", "GZIP"} {
				if a := acme.do("POST", path, bomb.String(), "Content-Encoding: "+encoding); a.status != http.StatusUnsupportedMediaType && a.status != http.StatusBadRequest {
					t.Errorf("%s at %s: %v", encoding, path, a)
				}
			}
		}
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "application/xml", "application/yaml", "text/html"} {
			for _, path := range []string{"/v1/events", "/v1/webhooks", "/v1/session"} {
				if a := acme.do("POST", path, `{"url":"https://8.8.8.8","events":["*"]}`, "Content-Type: "+kind); a.status != http.StatusUnsupportedMediaType {
					t.Errorf("%s at %s: %v", kind, path, a)
				}
			}
		}
	})
	t.Cleanup(func() {
		for _, list := range lists {
			acme.must(http.StatusOK, "GET", list+"?limit=100", "")
		}
		if used := s.rss(); used > 1500<<20 {
			t.Errorf("the server has %d MiB", used>>20)
		}
	})
}

// What other systems send comes from outside, from whoever knows the URL.
func TestIngest(t *testing.T) {
	t.Parallel()
	s := serve(t)
	acme := s.customer("acme")
	const form = "application/x-www-form-urlencoded"
	multipart := func(parts int, part string) string {
		return strings.Repeat("--a\r\nContent-Disposition: form-data; name=\"a\"\r\n"+part+"\r\nb\r\n", parts) + "--a--\r\n"
	}
	bodies := map[string][2]string{
		"deep keys":             {form, "a" + strings.Repeat("[b]", 100_000) + "=1"},
		"deep keys, many":       {form, strings.Repeat("a"+strings.Repeat("[b]", 19)+"[]=1&", 9_000)},
		"brackets that are not": {form, strings.Repeat("a[[]]][=1&", 50_000)},
		"100,000 keys":          {form, strings.Repeat("&", 0) + manyKeys(100_000)},
		"a key twice":           {form, "event=a&event=b&account_id=1&account_id=2"},
		"only &":                {form, strings.Repeat("&", 20_000_000)},
		"only %":                {form, strings.Repeat("%", 5_000_000)},
		"bad escapes":           {form, "a=%zz&%=b"},
		"semicolons":            {form, "a=b;c=d"},
		"NULs":                  {form, "a%00b=%00"},
		"a list of objects":     {form, strings.Repeat("a[]="+`{"a":1}`+"&", 5_000)},
		"multipart":             {"multipart/form-data; boundary=a", multipart(1, "")},
		"multipart, 100,000":    {"multipart/form-data; boundary=a", multipart(100_000, "")},
		"multipart, headers":    {"multipart/form-data; boundary=a", multipart(10, strings.Repeat("X-A: "+strings.Repeat("b", 1000)+"\r\n", 1000))},
		"multipart, a file":     {"multipart/form-data; boundary=a", multipart(1, "Content-Type: a/b; filename=../../../../etc/passwd\r\n")},
		"no boundary":           {"multipart/form-data", multipart(1, "")},
		"a long boundary":       {"multipart/form-data; boundary=" + strings.Repeat("a", 1000), multipart(1, "")},
		"deep JSON":             {"application/json", nested(`{"a":`, "}", 100_000)},
		"deep arrays":           {"application/json", nested(`[`, "]", 1_000_000)},
		"deep JSON in a form":   {form, "a=" + nested(`{"a":`, "}", 100_000)},
		"bytes that are none":   {"text/plain", strings.Repeat("\x01\x7f\x00", 200_000)},
		"deep JSON as text":     {"text/plain", nested(`{"a":`, "}", 100_000)},
		"JSON with a key twice": {"application/json", `{"event_name":"channel_create","event_name":"x"}`},
		"no UTF-8":              {"application/json", "{\"a\":\"\xff\"}"},
		"XML":                   {"application/xml", `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`},
		"a body of 33 MiB":      {form, "a=" + strings.Repeat("b", 33<<20)},
		"huge numbers":          {"application/json", `{"timestamp":1e999999,"duration":99999999999999999999999,"type":"call_hangup","data":{"id":1e400}}`},
		"a content type":        {"application/json; charset=\"\x7f\"; a=" + strings.Repeat("b", 5000), `{}`},
	}
	for _, kind := range []string{"kazoo", "voipbin", "teli", "primevox"} {
		made := acme.must(http.StatusCreated, "POST", "/v1/sources", `{"kind":"`+kind+`","account_map":{"x":"acme"}}`)
		_, path, _ := strings.Cut(made.get("ingest_url"), s.address)
		id := made.get("id")
		for name, body := range bodies {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				a := s.as("").do("POST", path, body[1], "Content-Type: "+strings.ReplaceAll(body[0], "\x7f", "?"))
				if took := time.Since(start); took > quick {
					t.Errorf("it takes %s", took)
				}
				if a.status != http.StatusAccepted && a.status != http.StatusUnprocessableEntity && a.status != http.StatusRequestEntityTooLarge {
					t.Errorf("%v", a)
				}
				if len(a.body) > 64<<10 {
					t.Errorf("the answer is %d bytes long", len(a.body))
				}
			})
		}
		t.Run(kind+", other tokens", func(t *testing.T) {
			t.Parallel()
			token := path[strings.LastIndex(path, "/")+1:]
			for _, wrong := range []string{"", "/", "/x", "/" + token[:len(token)-1], "/" + token + "x", "/" + strings.ToUpper(token), "/" + token + "%00", "/" + token + "/", "/%2e%2e/" + token, "/*", "/null", "/undefined"} {
				if a := s.as("").do("POST", "/v1/in/"+id+wrong, `{}`); a.status < 300 || strings.Contains(a.body, token) {
					t.Errorf("%s: %v", wrong, a)
				}
			}
			for _, query := range []string{"?" + manyKeys(3_000), "?a" + strings.Repeat("[b]", 10_000) + "=1", "?%zz", "?a=1&a=2", "?" + strings.Repeat("&", 30_000)} {
				if a := s.as("").do("GET", path+query, ""); a.status >= 500 {
					t.Errorf("GET %.100s: %v", query, a)
				}
			}
		})
	}
	t.Cleanup(func() {
		for _, source := range all(acme, "/v1/sources") {
			a := acme.must(http.StatusOK, "GET", fmt.Sprintf("/v1/sources/%s/rejects?limit=100", source["id"]), "")
			if len(a.body) > 64<<20 {
				t.Errorf("a page of rejects has %d MiB", len(a.body)>>20)
			}
		}
		if used := s.rss(); used > 1500<<20 {
			t.Errorf("the server has %d MiB", used>>20)
		}
	})
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d=v&", i)
	}
	return b.String()
}
