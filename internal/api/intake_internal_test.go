package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/switchhook/switchhook"
)

// Whatever comes in, the answer is events that are whole, or an error that says
// what is wrong; and what encoding/json cannot read is never taken.
func FuzzReadEvents(f *testing.F) {
	for _, seed := range []string{
		`{"type":"custom.x","data":{}}`, `[{"type":"custom.x","data":{"a":[1,{"b":"\u00e9"}]}},{"id":"a","key":"k","type":"call.created","data":{}}]`,
		"{\"type\":\"custom.x\",\"data\":{}}\n{\"type\":\"custom.x\",\"data\":{}}\n", `[`, `{"type":`, `null`, `[null]`, `{"data":{"a":1,"a":2}}`, "{\"a\":\"\xff\"}", `[[[[`, `[]`, ` `,
		` [ {"type" : "custom.x" , "data" : { "a" : [ 1 ] } } , {"data":{},"type":"call.\u0063reated","source":"\u00e9"}] `, "{\"type\":\"custom.x\",\"data\":{}}{\"type\":\"custom.y\",\"data\":{}} x",
		`{"type":"custom.x","data":{},"occurred_at":"2026-01-31T15:04:05+01:00","id":null,"account_id":"acme","key":7}`, `{"type":"custom.x","type":"custom.x","data":{}}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, lines bool) {
		given := bytes.Clone(body)
		events, single, err := readEvents(body, lines)
		if !bytes.Equal(given, body) {
			t.Fatal("the body was changed")
		}
		if again, alone, wrong := readTokens(body, lines); !reflect.DeepEqual(again, events) || alone != single || fmt.Sprint(wrong) != fmt.Sprint(err) {
			t.Fatalf("read by jsontext, it is %+v (%v), not %+v (%v)", again, wrong, events, err)
		}
		if err != nil {
			e, ok := asOwn(err)
			if !ok || e.Message == "" || statusOf(e.Code) >= http.StatusInternalServerError {
				t.Fatalf("no error for a person: %v", err)
			}
			if single && strings.Contains(e.Message, "events[0]") {
				t.Fatalf("the client of one event is told of events[0]: %s", e.Message)
			}
			return
		}
		if len(events) == 0 || len(events) > mostEvents || single && len(events) != 1 {
			t.Fatalf("%d events", len(events))
		}
		if !lines && !json.Valid(body) {
			t.Fatalf("this is no JSON: %q", body)
		}
		for _, ev := range events {
			var data map[string]json.RawMessage
			if ev.Type == "" || ev.IDGiven != (ev.ID != "") || json.Unmarshal(ev.Data, &data) != nil || data == nil {
				t.Fatalf("%+v", ev)
			}
			if ev.ID != "" && !switchhook.ValidEventID(ev.ID) {
				t.Fatalf("id %q", ev.ID)
			}
		}
	})
}

// Brackets count where they nest, not where they are text or side by side.
func TestTooDeep(t *testing.T) {
	t.Parallel()
	deep := func(n int, inner string) string { return strings.Repeat("[", n) + inner + strings.Repeat("]", n) }
	for _, c := range []struct {
		v    string
		want bool
	}{
		{deep(mostDepth, ""), false},
		{deep(mostDepth+1, ""), true},
		{deep(mostDepth, `{}`), true},
		{deep(mostDepth, `"[{\"[\\"`), false},
		{deep(mostDepth, `"\\",[]`), true},
		{deep(1, deep(mostDepth-1, "")+strings.Repeat(",[]", mostDepth)), false},
	} {
		if got := tooDeep([]byte(c.v)); got != c.want || !json.Valid([]byte(c.v)) {
			t.Errorf("%v, expected %v, of %.10s…%s", got, c.want, c.v, strings.Trim(c.v, "[]"))
		}
	}
}

// The body's buffer is used again for the next request while these events wait.
func TestEventsHoldOnToNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`[{"type":"custom.x","id":"a","key":"k","source":"s","account_id":"acme","data":{"a":"b"}}]`,
		` {"type":"custom.x","id":"a","key":"k","source":"s","account_id":"acme","data":{ "a" : "b" }}`,
		`{"type":"custom.\u0078","id":"a","key":"k","source":"s","account_id":"acme","data":{"\u0061":"b"}}`,
	} {
		body := []byte(text)
		events, _, err := readEvents(body, false)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%+v", *events[0])
		for i := range body {
			body[i] = '!'
		}
		if got := fmt.Sprintf("%+v", *events[0]); got != want {
			t.Errorf("%s became %s", want, got)
		}
	}
}

// Receipts are written by hand as they would be by reflection.
func TestAppendReceipts(t *testing.T) {
	t.Parallel()
	for _, receipts := range [][]switchhook.Receipt{{}, {{}}, {{ID: "evt_1", Deliveries: 12}, {ID: "a:b", Duplicate: true}, {ID: "\"é\xff\n"}}} {
		w := httptest.NewRecorder()
		writeJSON(w, http.StatusAccepted, "application/json", accepted{Events: receipts})
		if got, want := string(appendReceipts(nil, receipts)), w.Body.String(); got != want {
			t.Errorf("%+v: %s, expected %s", receipts, got, want)
		}
	}
}

func BenchmarkReadEvents(b *testing.B) {
	one := `{"type":"call.answered","account_id":"acme","key":"7","occurred_at":"2026-01-31T15:04:05.123456Z","data":{"call":{"id":"7f3c9a52","root_id":"7f3c9a52",` +
		`"direction":"inbound","from":{"type":"tel","address":"+12025550143"},"to":{"type":"tel","address":"+12025550100"},"status":"answered","bridged":true}}}`
	body := []byte("[" + strings.Repeat(one+",", 99) + one + "]")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := readEvents(body, false); err != nil {
			b.Fatal(err)
		}
	}
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	a := &api{Options: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, c := range []struct{ name, peer, forwarded, want string }{
		{"no proxy", "192.0.2.1:5", "", "192.0.2.1"},
		{"an untrusted peer says anything", "192.0.2.1:5", "198.51.100.7", "192.0.2.1"},
		{"a trusted proxy", "10.0.0.1:5", "198.51.100.7", "198.51.100.7"},
		{"two of them", "10.0.0.1:5", "198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"the client's own words do not count", "10.0.0.1:5", "127.0.0.1, 198.51.100.7", "198.51.100.7"},
		{"no address", "10.0.0.1:5", "unknown", "10.0.0.1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:5", "198.51.100.7", "198.51.100.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			if got := a.clientAddr(r).String(); got != c.want {
				t.Errorf("%s, expected %s", got, c.want)
			}
		})
	}
}
