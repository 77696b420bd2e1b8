package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

type receipts struct{ Events []switchhook.Receipt }

func post(body string) request { return request{method: "POST", path: "/v1/events", body: body} }

func ndjson(body string) request {
	return request{method: "POST", path: "/v1/events", body: body, header: map[string]string{"Content-Type": "application/x-ndjson; charset=utf-8"}}
}

const custom = `{"type":"custom.x","data":{}}`

func TestEventsAreTaken(t *testing.T) {
	t.Parallel()
	mebibyte := `{"type":"custom.x","data":{"x":"` + strings.Repeat("x", 1<<20-len(`{"type":"custom.x","data":{"x":""}}`)) + `"}}`
	for name, c := range map[string]struct {
		request request
		ids     []string // given ones, "" where one is made
	}{
		"one":                     {post(`{"id":"a","type":"custom.x","data":{"n":1}}`), []string{"a"}},
		"one with white space":    {post(" \n" + custom + "\n\n"), []string{""}},
		"an array":                {post(`[{"id":"a","type":"custom.x","data":{}},` + custom + `]`), []string{"a", ""}},
		"lines":                   {ndjson(`{"id":"a","type":"custom.x","data":{}}` + "\n" + custom + "\n"), []string{"a", ""}},
		"lines, the last not":     {ndjson(custom + "\r\n\r\n" + custom), []string{"", ""}},
		"one of exactly 1 MiB":    {post("\n " + mebibyte + " \n"), []string{""}},
		"the last of 1 MiB":       {post("[" + custom + ", " + mebibyte + "]"), []string{"", ""}},
		"a line of 1 MiB":         {ndjson(custom + "\r\n\r\n" + mebibyte), []string{"", ""}},
		"null is not there":       {post(`{"id":null,"key":null,"account_id":null,"occurred_at":null,"source":null,"type":"custom.x","data":{}}`), []string{""}},
		"without a content type":  {request{method: "POST", path: "/v1/events", body: custom, header: map[string]string{"Content-Type": ""}}, []string{""}},
		"as a customer":           {request{method: "POST", path: "/v1/events", body: custom, key: acmeKey}, []string{""}},
		"with an idempotency key": {request{method: "POST", path: "/v1/events", body: custom, header: map[string]string{"Idempotency-Key": "k-1"}}, []string{"k-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			var got receipts
			s.ok(202, c.request, &got)
			if len(got.Events) != len(c.ids) {
				t.Fatalf("%d receipts, expected %d", len(got.Events), len(c.ids))
			}
			for i, r := range got.Events {
				if r.ID == "" || r.Duplicate || c.ids[i] != "" && r.ID != c.ids[i] {
					t.Errorf("receipt %d: %+v", i, r)
				}
				s.ok(200, request{path: "/v1/events/" + r.ID}, nil)
			}
		})
	}
}

func TestEventIsKeptAsItCame(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.ok(202, post(`{"id":"a:1.x","type":"custom.x","account_id":"acme","key":"k","source":"pbx 1","occurred_at":"2026-01-31T16:04:05.123456789+01:00",`+
		`"data":{ "z" : 1, "a": "\u00e9 & <b>", "n": 1.10, "big": 12345678901234567890, "list": [ 1, {"x":null} ] }}`), nil)
	ev, err := s.store.Event(t.Context(), nil, "a:1.x")
	check(t, err)
	if got, want := string(ev.Data), `{"z":1,"a":"\u00e9 & <b>","n":1.10,"big":12345678901234567890,"list":[1,{"x":null}]}`; got != want {
		t.Errorf("data %s, expected %s", got, want)
	}
	if ev.AccountID != "acme" || ev.Key != "k" || ev.Source != "pbx 1" || ev.OccurredAt.Format("15:04:05.000000") != "15:04:05.123456" {
		t.Errorf("%+v", ev)
	}
}

func TestSameEventTwice(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var got receipts
	s.ok(202, post(`[{"id":"a","type":"custom.x","data":{}},{"id":"a","type":"custom.y","data":{}}]`), &got)
	if got.Events[0].Duplicate || !got.Events[1].Duplicate {
		t.Errorf("within a batch: %+v", got)
	}
	s.ok(202, post(`{"id":"a","type":"custom.z","data":{"other":"contents"}}`), &got)
	if !got.Events[0].Duplicate {
		t.Errorf("again: %+v", got)
	}
	s.ok(202, post(`{"id":"a","type":"custom.x","account_id":"acme","data":{}}`), &got)
	if got.Events[0].Duplicate {
		t.Errorf("in another account: %+v", got)
	}
	if n := s.events(); n != 2 {
		t.Errorf("%d events are kept, expected 2", n)
	}
}

// Everything that is wrong is said with the field's path, and nothing of the
// request is kept.
func TestBadEvents(t *testing.T) {
	t.Parallel()
	malformed := func(detail string) api.Problem { return api.Problem{Status: 400, Code: "malformed", Detail: detail} }
	field := func(code switchhook.Code, field, message string) api.Problem {
		p := wrong(field, message)
		p.Code = code
		return p
	}
	twice := func(path string) api.Problem {
		return api.Problem{Status: 400, Code: "malformed", Errors: []switchhook.FieldError{{Field: path, Message: "the member is there twice"}}}
	}
	tooLarge := func(detail string, fields ...switchhook.FieldError) api.Problem {
		return api.Problem{Status: 413, Code: "too_large", Detail: detail, Errors: fields}
	}
	big := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name string
		r    request
		want api.Problem
	}{
		{"unknown type", post(`{"type":"call.exploded","data":{}}`), field("unknown_type", "type", `"call.exploded" is no event type; GET /v1/event-types lists them, and custom.* is free`)},
		{"no type", post(`{"data":{}}`), wrong("type", "is required: the event's type, such as call.answered")},
		{"type is a number", post(`{"type":5,"data":{}}`), wrong("type", "expected a string, got a number")},
		{"no data", post(`{"type":"custom.x"}`), wrong("data", "is required: an object with the event's resources")},
		{"data is a list", post(`{"type":"custom.x","data":[]}`), wrong("data", "expected an object, got an array")},
		{"data is null", post(`{"type":"custom.x","data":null}`), wrong("data", "is required: an object with the event's resources")},
		{"unknown account", post(`{"type":"custom.x","account_id":"nobody","data":{}}`), field("unknown_account", "account_id", `there is no account "nobody" that this key opens`)},
		{
			"foreign account",
			request{method: "POST", path: "/v1/events", key: acmeKey, body: `{"type":"custom.x","account_id":"other","data":{}}`},
			field("unknown_account", "account_id", `there is no account "other" that this key opens`),
		},
		{
			"account above",
			request{method: "POST", path: "/v1/events", key: acmeKey, body: `{"type":"custom.x","account_id":"root","data":{}}`},
			field("unknown_account", "account_id", `there is no account "root" that this key opens`),
		},
		{"unknown field", post(`{"type":"custom.x","data":{},"sequence":1}`), wrong("sequence", "there is no such field")},
		{"case variant", post(`{"type":"custom.x","Type":"custom.y","data":{}}`), wrong("Type", "there is no such field")},
		{"id with a blank", post(`{"type":"custom.x","id":"a b","data":{}}`), wrong("id", "expected 1 to 128 characters of A-Z a-z 0-9 . _ : -")},
		{"id empty", post(`{"type":"custom.x","id":"","data":{}}`), wrong("id", "expected 1 to 128 characters of A-Z a-z 0-9 . _ : -")},
		{"key too long", post(`{"type":"custom.x","key":"` + strings.Repeat("é", 257) + `","data":{}}`), wrong("key", "expected at most 256 characters")},
		{"no time", post(`{"type":"custom.x","occurred_at":"yesterday","data":{}}`), wrong("occurred_at", "expected an RFC 3339 time such as 2026-01-31T15:04:05.123Z")},
		{"time as number", post(`{"type":"custom.x","occurred_at":1769871845,"data":{}}`), wrong("occurred_at", "expected a string, got a number")},
		{"deep in the data", post(`{"type":"call.created","data":{"call":{"id":"7","from":5}}}`), wrong("data.call.from", "expected an object (party), got 5")},
		{"missing in the data", post(`{"type":"call.created","data":{}}`), wrong("data.call", "is required for call.created")},

		{"no JSON", post(`{"type":`), malformed("the body is no valid JSON: it ends too early")},
		{"text", post(`hello`), malformed("the body is no valid JSON: at byte 0: invalid character 'h' at start of value")},
		{"trailing comma", post(`{"type":"custom.x","data":{},}`), malformed("the body is no valid JSON: at byte 28: invalid character ',' at start of value")},
		{"two objects", post(custom + custom), malformed("there is more after the end of the JSON; send several events as an array, or line by line as application/x-ndjson")},
		{"text after an array", post("[" + custom + "] x"), malformed("there is more after the end of the JSON; send several events as an array, or line by line as application/x-ndjson")},
		{"no UTF-8", post("{\"type\":\"custom.\xff\",\"data\":{}}"), malformed("the body is no valid JSON: at byte 16: invalid UTF-8")},
		{"empty", post(""), malformed("the body is empty; expected an event, or an array of events")},
		{"blank", post(" \n"), malformed("the body is empty; expected an event, or an array of events")},
		{"null", post("null"), api.Problem{Status: 422, Code: "invalid", Detail: "expected an event (an object) or an array of events, got null"}},
		{"a string", post(`"x"`), api.Problem{Status: 422, Code: "invalid", Detail: "expected an event (an object) or an array of events, got a string"}},
		{"empty array", post("[]"), api.Problem{Status: 422, Code: "invalid", Detail: "there are no events in the body; expected at least one"}},
		{"member twice", post(`{"type":"custom.x","type":"custom.y","data":{}}`), twice("type")},
		{"member twice in the data", post(`{"type":"custom.x","data":{"a":[1,{"b":1,"b":2}]}}`), twice("data.a[1].b")},
		{"member twice in a batch", post(`[` + custom + `,{"type":"custom.x","data":{"a":1,"a":2}}]`), twice("events[1].data.a")},
		{"member twice in lines", ndjson(custom + "\n" + `{"type":"custom.x","data":{"a":1,"a":2}}`), twice("events[1].data.a")},

		{"one bad event in a batch", post(`[` + custom + `,` + custom + `,` + custom + `,{"type":"call.created","data":{"call":{"id":"7","from":5}}}]`), wrong("events[3].data.call.from", "expected an object (party), got 5")},
		{"one without type in a batch", post(`[` + custom + `,{"data":{}}]`), wrong("events[1].type", "is required: the event's type, such as call.answered")},
		{"one of another kind in a batch", post(`[` + custom + `,5]`), wrong("events[1]", "expected an event (an object), got a number")},
		{"one unknown type in lines", ndjson(custom + "\n" + `{"type":"nope","data":{}}`), field("unknown_type", "events[1].type", `"nope" is no event type; GET /v1/event-types lists them, and custom.* is free`)},
		{"one unknown account in a batch", post(`[` + custom + `,{"type":"custom.x","account_id":"x","data":{}}]`), field("unknown_account", "events[1].account_id", `there is no account "x" that this key opens`)},
		{
			"one bad line", ndjson(custom + "\n{nope}\n"),
			api.Problem{
				Status: 400, Code: "malformed", Detail: "the body is no valid JSON: events[1]: at byte 32: invalid character 'o' in literal null (expecting 'u')",
				Errors: []switchhook.FieldError{{Field: "events[1]", Message: "at byte 32: invalid character 'o' in literal null (expecting 'u')"}},
			},
		},
		{
			"a batch that ends early", post(`[` + custom + `,{"type":"custom.x"`),
			api.Problem{
				Status: 400, Code: "malformed", Detail: "the body is no valid JSON: events[1]: it ends too early",
				Errors: []switchhook.FieldError{{Field: "events[1]", Message: "it ends too early"}},
			},
		},

		{"too many events", post("[" + strings.Repeat(custom+",", 1000) + custom + "]"), tooLarge("there are more than 1000 events in the request")},
		{"too large an event", post(`{"type":"custom.x","data":{"x":"` + big + `"}}`), tooLarge("the event is over the limit of 1 MiB")},
		{"too large an event in a batch", post(`[` + custom + `,{"type":"custom.x","data":{"x":"` + big + `"}}]`), tooLarge("events[1]: the event is over the limit of 1 MiB", switchhook.FieldError{Field: "events[1]", Message: "the event is over the limit of 1 MiB"})},
		{"too deep", post(`{"type":"custom.x","data":{"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}}`), wrong("data", "is nested more than 1000 levels deep")},
		{"a year that is none in UTC", post(`{"type":"custom.x","occurred_at":"9999-12-31T23:59:59-23:59","data":{}}`), wrong("occurred_at", "expected an RFC 3339 time such as 2026-01-31T15:04:05.123Z")},
		{"a year before all in UTC", post(`{"type":"custom.x","occurred_at":"0000-01-01T00:00:00+23:59","data":{}}`), wrong("occurred_at", "expected an RFC 3339 time such as 2026-01-31T15:04:05.123Z")},
		{"too large a request", post(`[` + strings.Repeat(custom+",", 10) + strings.Repeat(" ", 32<<20) + custom + `]`), tooLarge("the request is over the limit of 32 MiB")},

		{
			"a form",
			request{method: "POST", path: "/v1/events", body: custom, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
			api.Problem{Status: 415, Code: "unsupported_media_type", Errors: []switchhook.FieldError{
				{Field: "Content-Type", Message: "send application/json or application/x-ndjson, not application/x-www-form-urlencoded"},
			}},
		},
		{
			"compressed",
			request{method: "POST", path: "/v1/events", body: custom, header: map[string]string{"Content-Encoding": "gzip"}},
			api.Problem{Status: 415, Code: "unsupported_media_type", Errors: []switchhook.FieldError{{Field: "Content-Encoding", Message: "send the body as it is, not as gzip"}}},
		},
		{
			"idempotency key for a batch",
			request{method: "POST", path: "/v1/events", body: "[" + custom + "," + custom + "]", header: map[string]string{"Idempotency-Key": "k"}},
			wrong("Idempotency-Key", "goes with a single event; in a batch give each event its id"),
		},
		{
			"idempotency key and id",
			request{method: "POST", path: "/v1/events", body: `{"id":"a","type":"custom.x","data":{}}`, header: map[string]string{"Idempotency-Key": "k"}},
			wrong("Idempotency-Key", "the event has an id of its own; leave out one of the two"),
		},
		{
			"idempotency key that is no id",
			request{method: "POST", path: "/v1/events", body: custom, header: map[string]string{"Idempotency-Key": "a b"}},
			wrong("Idempotency-Key", "expected 1 to 128 characters of A-Z a-z 0-9 . _ : -"),
		},
		{
			"several at once", post(`{"data":5,"id":"","x":1}`),
			api.Problem{
				Status: 422, Code: "invalid", Detail: "data: expected an object, got a number (and 3 more)",
				Errors: []switchhook.FieldError{
					{Field: "data", Message: "expected an object, got a number"},
					{Field: "id", Message: "expected 1 to 128 characters of A-Z a-z 0-9 . _ : -"},
					{Field: "x", Message: "there is no such field"},
					{Field: "type", Message: "is required: the event's type, such as call.answered"},
				},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.problem(c.r, c.want)
			if n := s.events(); n != 0 {
				t.Errorf("%d events of a refused request are kept", n)
			}
		})
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var got receipts
	s.ok(202, post("["+strings.Repeat(custom+",", 999)+custom+"]"), &got)
	if len(got.Events) != 1000 {
		t.Errorf("%d receipts", len(got.Events))
	}
	const frame = `{"type":"custom.x","data":{"x":""}}`
	s.ok(202, post(`{"type":"custom.x","data":{"x":"`+strings.Repeat("x", 1<<20-len(frame))+`"}}`), nil)
}

func TestEventsAreListed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.ok(202, post(`[
		{"id":"e1","type":"call.created","data":{"call":{"id":"7","from":{"address":"+12025550143"}}}},
		{"id":"e2","type":"call.answered","data":{"call":{"id":"7"}}},
		{"id":"e3","type":"custom.x","account_id":"acme","key":"k","data":{}},
		{"id":"e4","type":"custom.y","account_id":"acme-east","data":{}},
		{"id":"e5","type":"custom.z","account_id":"other","data":{}}]`), nil)
	for query, want := range map[string]string{
		"":                            "e5 e4 e3 e2 e1",
		"?type=call.*":                "e2 e1",
		"?type=call.created,custom.x": "e3 e1",
		"?type=call.created&type=*.y": "e4 e1",
		"?key=k":                      "e3",
		"?call_id=7":                  "e2 e1",
		"?number=" + url.QueryEscape("+12025550143"): "e2 e1",
		"?account_id=acme":                           "e3",
		"?since=2100-01-01T00:00:00Z":                "",
		"?until=2100-01-01T00:00:00%2B02:00":         "e5 e4 e3 e2 e1",
	} {
		if got := s.eventIDs(request{path: "/v1/events" + query}); got != want {
			t.Errorf("%s: %q, expected %q", query, got, want)
		}
	}
	if got := s.eventIDs(request{path: "/v1/events", key: acmeKey}); got != "e4 e3" {
		t.Errorf("as acme: %q", got)
	}
	s.problem(request{path: "/v1/events/e5", key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no event "e5"`})
	s.problem(request{path: "/v1/events/e5/deliveries", key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no event "e5"`})
	s.ok(200, request{path: "/v1/events/e3/deliveries", key: acmeKey}, nil)
	s.problem(request{path: "/v1/events?since=yesterday"}, wrong("since", "expected an RFC 3339 time such as 2026-01-31T15:04:05.123Z"))

	// Page by page, each once.
	var page struct {
		Items []switchhook.Event `json:"items"`
		Next  string             `json:"next_cursor"`
	}
	var seen []string
	for path := "/v1/events?limit=2"; ; path = "/v1/events?limit=2&cursor=" + url.QueryEscape(page.Next) {
		page.Next = ""
		s.ok(200, request{path: path}, &page)
		for _, ev := range page.Items {
			seen = append(seen, ev.ID)
		}
		if page.Next == "" {
			break
		}
	}
	if d := cmp.Diff([]string{"e5", "e4", "e3", "e2", "e1"}, seen); d != "" {
		t.Error(d)
	}
}

func (s *server) eventIDs(r request) string {
	s.t.Helper()
	var page struct {
		Items []switchhook.Event `json:"items"`
	}
	s.ok(200, r, &page)
	var ids []string
	for _, ev := range page.Items {
		ids = append(ids, ev.ID)
	}
	return strings.Join(ids, " ")
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	type eventType struct {
		Type, Description, Freshness string
		MaxAge                       string `json:"max_age"`
		Resources                    []string
		Schema, Sample               json.RawMessage
		Dialects                     []struct {
			Dialect, Name string
			Example       *switchhook.HTTPRequest
		}
	}
	var page struct{ Items []eventType }
	s.ok(200, request{path: "/v1/event-types?limit=500", key: acmeKey}, &page)
	if len(page.Items) < 50 || page.Items[0].Type != "call.created" {
		t.Errorf("%d types, the first is %s", len(page.Items), page.Items[0].Type)
	}
	var one eventType
	s.ok(200, request{path: "/v1/event-types/call.ringing"}, &one)
	if one.Freshness != "live" || one.MaxAge != "1m" || one.Resources[0] != "call" || !strings.Contains(string(one.Schema), "json-schema.org") {
		t.Errorf("%+v", one)
	}
	s.ok(200, request{path: "/v1/event-types/call.hungup"}, &one)
	names := map[string]string{}
	for _, d := range one.Dialects {
		names[d.Dialect] = d.Name
		if d.Example == nil || d.Example.Body == "" {
			t.Errorf("%s has no example", d.Dialect)
		}
	}
	if d := cmp.Diff(map[string]string{"switchhook": "call.hungup", "kazoo": "channel_destroy"}, names); d != "" {
		t.Error(d)
	}
	one = eventType{}
	s.ok(200, request{path: "/v1/event-types/custom.mine"}, &one)
	if len(one.Dialects) != 1 || one.Dialects[0].Dialect != "switchhook" {
		t.Errorf("%+v", one)
	}
	s.problem(request{path: "/v1/event-types/call.exploded"}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no event type "call.exploded"`})
}

func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", brokenOff{})
	check(t, err)
	req.Header.Set("Authorization", "Bearer "+rootKey)
	rec := &answer{header: http.Header{}}
	s.handler.ServeHTTP(rec, req)
	if rec.status != http.StatusBadRequest {
		t.Errorf("status %d", rec.status)
	}
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, fmt.Errorf("connection reset by peer") }

type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }

// A page of large events ends early, with a cursor, and nothing is missed.
func TestAPageHasABound(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const events = 30 // some 12 MB, of which a page has 8
	large := strings.Repeat("x", 400<<10)
	for i := range events {
		s.ok(202, request{method: "POST", path: "/v1/events", body: fmt.Sprintf(`{"id":"e%d","type":"custom.x","data":{"x":%q}}`, i, large)}, nil)
	}
	seen := map[string]bool{}
	next, pages := "", 0
	for {
		var page struct {
			Items []struct{ ID string } `json:"items"`
			Next  string                `json:"next_cursor"`
		}
		s.ok(200, request{path: "/v1/events?limit=500&cursor=" + url.QueryEscape(next)}, &page)
		if len(page.Items) == events {
			t.Fatal("the page holds all of it")
		}
		for _, ev := range page.Items {
			if seen[ev.ID] {
				t.Errorf("%s is there twice", ev.ID)
			}
			seen[ev.ID] = true
		}
		if pages++; page.Next == "" {
			break
		}
		next = page.Next
	}
	if len(seen) != events {
		t.Errorf("%d of %d events in %d pages", len(seen), events, pages)
	}
}
