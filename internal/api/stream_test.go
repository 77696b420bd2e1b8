package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

// attempt puts an attempt into the store, as the engine does.
func (s *server) attempt(id, eventID, accountID, webhookID string, number int, outcome switchhook.Outcome) {
	s.t.Helper()
	ev, err := s.store.Event(s.t.Context(), []string{accountID}, eventID)
	check(s.t, err)
	state := switchhook.Delivered
	if outcome == switchhook.Failure {
		state = switchhook.Pending
	}
	done := make(chan error, 1)
	s.store.Submit(&switchhook.Commit{
		Attempts: []*switchhook.Attempt{{
			ID: id, DeliveryID: switchhook.DeliveryID(accountID, eventID, webhookID), EventID: eventID, EventType: ev.Type, AccountID: accountID, WebhookID: webhookID,
			Dialect: "switchhook", Sequence: ev.Sequence, Number: number, StartedAt: time.Now().UTC(), DurationMS: 1.5, Outcome: outcome, State: state,
			Request: &switchhook.HTTPRequest{Method: "POST", URL: "https://example.com", Headers: switchhook.Headers{}, Body: "{}"}, Response: &switchhook.HTTPResponse{Status: 200},
		}},
		Done: func(err error) { done <- err },
	})
	check(s.t, <-done)
	s.feed.Ping()
}

// A listener is a client of a stream.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
	stop  func()
}

// listen opens a stream over a real connection: with a body, by POST.
func (s *server) listen(path, lastID string, body ...string) *listener {
	s.t.Helper()
	server := httptest.NewServer(s.handler)
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	method := http.MethodGet
	if len(body) > 0 {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, server.URL+path, strings.NewReader(strings.Join(body, "")))
	check(s.t, err)
	req.Header.Set("Authorization", "Bearer "+rootKey)
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := server.Client().Do(req) //nolint:bodyclose // stop closes it
	check(s.t, err)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("%s: %d %s", path, res.StatusCode, res.Header.Get("Content-Type"))
	}
	l := &listener{t: s.t, lines: bufio.NewScanner(res.Body)}
	l.lines.Buffer(nil, 1<<20)
	l.stop = func() {
		cancel()
		_ = res.Body.Close()
		server.Close()
	}
	s.t.Cleanup(l.stop)
	return l
}

// next is the next message: its id and its data.
func (l *listener) next() (id, data string) {
	l.t.Helper()
	for l.lines.Scan() {
		line := l.lines.Text()
		if rest, ok := strings.CutPrefix(line, "id: "); ok {
			id = rest
		}
		if rest, ok := strings.CutPrefix(line, "data: "); ok {
			return id, rest
		}
	}
	l.t.Fatalf("the stream has ended: %v", l.lines.Err())
	return "", ""
}

func TestEventStream(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	send := func(id string) {
		t.Helper()
		s.ok(202, post(`{"id":"`+id+`","type":"custom.x","data":{}}`), nil)
	}
	send("before")
	l := s.listen("/v1/events/stream", "")
	send("e1")
	send("e2")
	id1, data := l.next()
	if !strings.Contains(data, `"id":"e1"`) {
		t.Errorf("the first: %s", data)
	}
	if _, data = l.next(); !strings.Contains(data, `"id":"e2"`) {
		t.Errorf("the second: %s", data)
	}
	l.stop()
	send("e3")

	// Taken up after the first: no gap, nothing twice.
	l = s.listen("/v1/events/stream", id1)
	send("e4")
	for _, want := range []string{"e2", "e3", "e4"} {
		if _, data := l.next(); !strings.Contains(data, `"id":"`+want+`"`) {
			t.Errorf("expected %s: %s", want, data)
		}
	}
	// From the very beginning.
	l = s.listen("/v1/events/stream", "0")
	if _, data := l.next(); !strings.Contains(data, `"id":"before"`) {
		t.Errorf("%s", data)
	}
	// From a place that is not there yet: what comes next is not passed over.
	l = s.listen("/v1/events/stream", "1000")
	send("e4b")
	if _, data := l.next(); !strings.Contains(data, `"id":"e4b"`) {
		t.Errorf("%s", data)
	}
	// With some that were before.
	l = s.listen("/v1/events/stream?backlog=2", "")
	send("e5")
	for _, want := range []string{"e4", "e4b", "e5"} {
		if _, data := l.next(); !strings.Contains(data, `"id":"`+want+`"`) {
			t.Errorf("expected %s: %s", want, data)
		}
	}
	s.problem(request{path: "/v1/events/stream", header: map[string]string{"Last-Event-ID": "x"}}, wrong("Last-Event-ID", "expected the id of a message of this stream, a whole number"))
	s.problem(request{path: "/v1/events/stream?account_id=other", key: acmeKey}, api.Problem{
		Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "account_id", Message: `there is no account "other" that this key opens`}},
	})
	s.problem(request{path: "/v1/events/stream", key: "-"}, api.Problem{Status: 401, Code: "unauthorized", Detail: "an API key is needed: send it as Authorization: Bearer KEY"})
}

func TestEventStreamFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := s.listen("/v1/events/stream?account_id=acme&type=call.*", "")
	s.ok(202, post(`[{"id":"e1","type":"custom.x","account_id":"acme","data":{}},{"id":"e2","type":"call.created","data":{"call":{"id":"1"}}},
		{"id":"e3","type":"call.created","account_id":"acme","data":{"call":{"id":"2"}}}]`), nil)
	if _, data := l.next(); !strings.Contains(data, `"id":"e3"`) {
		t.Errorf("%s", data)
	}
}

func TestManyEventsInAStream(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := s.listen("/v1/events/stream", "")
	const n = 1000
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"e%d","type":"custom.x","data":{}}`+"\n", i)
	}
	s.ok(202, ndjson(b.String()), nil)
	last := 0
	for i := range n {
		id, data := l.next()
		if !strings.Contains(data, `"id":"e`+strconv.Itoa(i)+`"`) {
			t.Fatalf("expected e%d: %s", i, data)
		}
		seq, err := strconv.Atoi(id)
		check(t, err)
		if seq <= last {
			t.Fatalf("the id %d after %d", seq, last)
		}
		last = seq
	}
}

func TestAttemptStream(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, _ := s.webhook(hook)
	s.ok(202, post(`[{"id":"e1","type":"call.created","data":{"call":{"id":"1"}}},{"id":"e2","type":"call.created","account_id":"acme","data":{"call":{"id":"2"}}}]`), nil)
	l := s.listen("/v1/attempts/stream?outcome=success", "")
	s.attempt("att_1", "e1", "root", id, 1, switchhook.Failure)
	s.attempt("att_2", "e1", "root", id, 2, switchhook.Success)
	place, data := l.next()
	if !strings.Contains(data, `"id":"att_2"`) || !strings.Contains(data, `"status":200`) || strings.Contains(data, "example.com") {
		t.Errorf("%s", data)
	}
	s.attempt("att_3", "e1", "root", id, 3, switchhook.Success)
	l = s.listen("/v1/attempts/stream", place)
	if _, data := l.next(); !strings.Contains(data, `"id":"att_3"`) {
		t.Errorf("%s", data)
	}
	l = s.listen("/v1/attempts/stream?backlog=10", "")
	for _, want := range []string{"att_1", "att_2", "att_3"} {
		if _, data := l.next(); !strings.Contains(data, `"id":"`+want+`"`) {
			t.Errorf("expected %s: %s", want, data)
		}
	}
}

func TestStreamsEndWithTheFeed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	l := s.listen("/v1/events/stream", "")
	s.feed.Close()
	s.feed.Close() // twice does nothing
	s.feed.Ping()
	for l.lines.Scan() {
		if strings.HasPrefix(l.lines.Text(), "data") {
			t.Errorf("%s", l.lines.Text())
		}
	}
	check(t, l.lines.Err())
}

// A silent stream says every 15 seconds that it is alive, and ends with its
// client. Without a network, time can be made to pass at once.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/events/stream", nil)
		req.Header.Set("Authorization", "Bearer "+rootKey)
		rec := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			s.handler.ServeHTTP(rec, req)
			close(done)
		}()
		time.Sleep(46 * time.Second)
		synctest.Wait()
		if got := rec.Body.String(); got != "retry: 2000\nid: 0\n\n"+strings.Repeat(": alive\nid: 0\n\n", 3) {
			t.Errorf("%q", got)
		}
		cancel()
		<-done
	})
}
