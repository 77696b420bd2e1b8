package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/dialect/kazoo"
	native "github.com/switchhook/switchhook/internal/dialect/switchhook"
	"github.com/switchhook/switchhook/internal/dialect/teli"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/route"
	"github.com/switchhook/switchhook/internal/sim"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/store/memory"
)

// The accounts of the tests: root above acme and other, acme above acme-east.
const (
	rootKey = "root-key"
	acmeKey = "acme-key"
)

// A server is the API over a real store and a real router; what delivers is a
// fake. Every answer is held to /openapi.json.
type server struct {
	t       *testing.T
	handler http.Handler
	store   *memory.Store
	router  *route.Router
	engine  *engine
	book    *mail.Book
	mailbox *sim.Mailbox // of a live server
	feed    *api.Feed
	log     *logBuffer

	accepted func([]*switchhook.Event) // nil: nobody delivers
}

func newServer(t *testing.T, change ...func(*api.Options)) *server {
	t.Helper()
	ctx := t.Context()
	s := &server{t: t, store: memory.New(), engine: &engine{}, feed: api.NewFeed(), log: &logBuffer{}}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, a := range []switchhook.Account{
		{ID: "root", Name: "Operator"},
		{ID: "acme", ParentID: "root", Name: "Acme"},
		{ID: "acme-east", ParentID: "acme", Name: "Acme East"},
		{ID: "other", ParentID: "root", Name: "Other"},
	} {
		a.CreatedAt = at
		check(t, s.store.CreateAccount(ctx, &a))
	}
	for key, account := range map[string]string{rootKey: "root", acmeKey: "acme"} {
		hash := sha256.Sum256([]byte(key))
		check(t, s.store.PutAPIKey(ctx, &switchhook.APIKey{ID: "key_" + account, AccountID: account, Role: switchhook.RoleAdmin, Hash: hash[:], CreatedAt: at}))
	}
	dialects := []dialect.Dialect{native.New(dialect.Env{}), kazoo.New(dialect.Env{Version: "test", Host: "test"}), teli.New(dialect.Env{})}
	var dir directory.Directory
	logger := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.book = mail.NewBook(mail.Options{Directory: &dir, Email: true, Senders: []mail.Sender{{Domain: "acme.example"}}, From: "no-reply@pbx.example.com", Hostname: "pbx.example.com"})
	var err error
	s.router, err = route.New(ctx, route.Options{
		Store: s.store, Directory: &dir, Notify: s.book.Targets, NewFolder: func() route.Folder { return calls.New() }, Dialects: dialects,
		Accepted: func(events []*switchhook.Event) {
			if s.accepted != nil {
				s.accepted(events)
			}
			s.feed.Ping()
		},
		Logger: logger,
	})
	check(t, err)
	reload := func(ctx context.Context) error {
		accounts, err := s.store.Accounts(ctx)
		if err != nil {
			return err
		}
		webhooks, err := s.store.Webhooks(ctx)
		if err != nil {
			return err
		}
		users, err := s.store.Users(ctx)
		if err != nil {
			return err
		}
		templates, err := s.store.Templates(ctx)
		if err != nil {
			return err
		}
		dir.SetAccounts(accounts)
		s.book.Set(accounts, users, templates)
		s.router.SetWebhooks(webhooks)
		return nil
	}
	check(t, reload(ctx))
	ids, err := directory.OpenIDs(ctx, s.store)
	check(t, err)
	o := api.Options{
		Store: s.store, Router: s.router, Engine: s.engine, IDs: ids, Book: s.book, Dialects: dialects, Translators: []source.Translator{translator{}},
		Reload: reload, Feed: s.feed, Logger: logger, Version: "1.2.3", StoreName: "memory", Metrics: prometheus.NewRegistry(),
		CheckURL: func(rawURL, _ string) error {
			if strings.Contains(rawURL, "localhost") {
				return switchhook.InvalidField("url", "localhost is not a place that webhooks may reach")
			}
			return nil
		},
	}
	for _, f := range change {
		f(&o)
	}
	s.handler, err = api.New(o)
	check(t, err)
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// engine is a fake of what delivers: it remembers what it was asked.
type engine struct {
	mu     sync.Mutex
	tested []*switchhook.Event
	open   atomic.Int64
}

func (e *engine) Test(_ context.Context, w *switchhook.Webhook, ev *switchhook.Event) (*switchhook.Attempt, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tested = append(e.tested, ev)
	return &switchhook.Attempt{
		ID: "att_test", DeliveryID: switchhook.DeliveryID(ev.AccountID, ev.ID, w.ID), EventID: ev.ID, EventType: ev.Type, AccountID: ev.AccountID,
		WebhookID: w.ID, Dialect: w.Dialect, Number: 1, StartedAt: time.Now(), Outcome: switchhook.Success, State: switchhook.Delivered,
		Request:  &switchhook.HTTPRequest{Method: "POST", URL: w.URL},
		Response: &switchhook.HTTPResponse{Status: 200, Body: "bytes that are no text: \xff"},
	}, nil
}

func (e *engine) Preview(w *switchhook.Webhook, ev *switchhook.Event) (*switchhook.HTTPRequest, error) {
	return &switchhook.HTTPRequest{Method: "POST", URL: w.URL, Headers: switchhook.Headers{{Name: "webhook-id", Value: "msg_x"}}, Body: ev.Type + " " + ev.ID}, nil
}

func (e *engine) Requests(w *switchhook.Webhook) (func(*switchhook.Event) (*switchhook.HTTPRequest, error), error) {
	return func(ev *switchhook.Event) (*switchhook.HTTPRequest, error) {
		switch ev.Type {
		case "custom.bad":
			return nil, errors.New("it cannot be made")
		case "custom.bytes":
			return &switchhook.HTTPRequest{Method: "POST", URL: w.URL, Body: "\xff"}, nil
		}
		return &switchhook.HTTPRequest{Method: "POST", URL: w.URL, Headers: switchhook.Headers{{Name: "signed-with", Value: w.Secrets[0].Value}}, Body: ev.Type + " " + ev.ID}, nil
	}, nil
}

func (e *engine) Status(string) (string, map[string]any) {
	return "active", map[string]any{"pending": 0}
}

func (e *engine) Fares(func(*switchhook.Webhook) bool) (open int, oldest, failingSince time.Time, lastError string) {
	return 0, time.Time{}, time.Time{}, ""
}

func (e *engine) Open(string) int { return int(e.open.Load()) }

// translator is a system whose webhooks say a call's id and nothing else.
type translator struct{}

func (translator) Kind() string { return "simple" }

func (translator) Translate(r *source.Request) (*source.Message, error) {
	query, err := url.ParseQuery(r.Query)
	if err != nil {
		return nil, err
	}
	id := query.Get("call")
	if r.Method == http.MethodPost {
		id = string(r.Body)
	}
	switch id {
	case "nothing":
		return &source.Message{}, nil
	case "":
		return nil, errors.New("there is no call id in it")
	case "wrong":
		return nil, switchhook.InvalidField("call", "is wrong")
	case "garbled":
		return nil, switchhook.Errorf(switchhook.CodeMalformed, "it is no JSON")
	case "strange":
		return &source.Message{Events: []*switchhook.Event{{Type: "call.strange", Data: json.RawMessage(`{}`)}}}, nil
	}
	return &source.Message{SystemAccount: query.Get("account"), Events: []*switchhook.Event{
		{Type: "call.created", OccurredAt: r.ReceivedAt, Data: json.RawMessage(`{"call":{"id":"` + id + `"}}`)},
	}}, nil
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A request is one call of the API. Its zero value is GET as the operator.
type request struct {
	method, path, body string
	key                string // empty: the operator's; "-": none
	header             map[string]string
}

// in is the same server in a subtest.
func (s *server) in(t *testing.T) *server {
	t.Helper()
	sub := *s
	sub.t = t
	return &sub
}

// A reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// do makes a request and holds the answer to the document.
func (s *server) do(r request) reply {
	s.t.Helper()
	if r.method == "" {
		r.method = http.MethodGet
	}
	req := httptest.NewRequestWithContext(s.t.Context(), r.method, r.path, strings.NewReader(r.body))
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	switch r.key {
	case "-":
	case "":
		req.Header.Set("Authorization", "Bearer "+rootKey)
	default:
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	s.handler.ServeHTTP(rec, req)
	got := reply{rec.Code, rec.Header(), rec.Body.Bytes()}
	if got.header.Get("X-Request-Id") == "" {
		s.t.Errorf("%s %s: the answer has no X-Request-Id", r.method, r.path)
	}
	holdToDocument(s.t, s.handler, r.method, req.URL.Path, got)
	return got
}

// ok makes a request that has to succeed with a status, and reads its answer.
func (s *server) ok(status int, r request, into any) {
	s.t.Helper()
	res := s.do(r)
	if res.status != status {
		s.t.Fatalf("%s %s: status %d, expected %d: %s", r.method, r.path, res.status, status, res.body)
	}
	if into != nil {
		if err := json.Unmarshal(res.body, into); err != nil {
			s.t.Fatalf("%s %s: %v: %s", r.method, r.path, err, res.body)
		}
	}
}

// problem makes a request that has to fail with exactly a problem document.
func (s *server) problem(r request, want api.Problem) {
	s.t.Helper()
	res := s.do(r)
	var got api.Problem
	if err := json.Unmarshal(res.body, &got); err != nil {
		s.t.Fatalf("%s %s: %v: %s", r.method, r.path, err, res.body)
	}
	want.Type, want.Title = "about:blank", http.StatusText(want.Status)
	want.RequestID = res.header.Get("X-Request-Id")
	if want.Detail == "" && len(want.Errors) == 1 {
		want.Detail = want.Errors[0].Field + ": " + want.Errors[0].Message
	}
	if d := cmp.Diff(want, got); d != "" {
		s.t.Errorf("%s %s (-want +got):\n%s", r.method, r.path, d)
	}
	if res.status != want.Status {
		s.t.Errorf("%s %s: status %d, expected %d", r.method, r.path, res.status, want.Status)
	}
	if ct := res.header.Get("Content-Type"); ct != "application/problem+json" {
		s.t.Errorf("%s %s: Content-Type %q", r.method, r.path, ct)
	}
}

// wrong is the problem of one wrong field.
func wrong(field, message string) api.Problem {
	return api.Problem{Status: 422, Code: "invalid", Errors: []switchhook.FieldError{{Field: field, Message: message}}}
}

// events counts what the store has.
func (s *server) events() int {
	s.t.Helper()
	list, _, err := s.store.Events(s.t.Context(), switchhook.EventFilter{}, switchhook.Page{Limit: 5000})
	check(s.t, err)
	return len(list)
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.problem(request{path: "/v1/nothing"}, api.Problem{Status: 404, Code: "not_found", Detail: "there is nothing at /v1/nothing; the API is described at /docs"})
	s.problem(request{path: "/nothing", key: "-"}, api.Problem{Status: 404, Code: "not_found", Detail: "there is nothing at /nothing; the API is described at /docs"})
	s.problem(request{method: "PUT", path: "/v1/webhooks"}, api.Problem{
		Status: 405, Code: "method_not_allowed", Detail: "/v1/webhooks does not know PUT; it knows GET, HEAD, POST",
	})
	if got := s.do(request{method: "PUT", path: "/v1/webhooks"}).header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", got)
	}
}

func TestEverythingElseIsTheWebPage(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *api.Options) {
		o.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("page " + r.URL.Path)) })
	})
	for _, path := range []string{"/", "/docs", "/app.js"} {
		if got := string(s.do(request{path: path, key: "-"}).body); got != "page "+path {
			t.Errorf("%s: %q", path, got)
		}
	}
	s.problem(request{path: "/v1/x", key: "-"}, api.Problem{Status: 404, Code: "not_found", Detail: "there is nothing at /v1/x; the API is described at /docs"})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, header := range map[string]string{"none": "", "another scheme": "Basic cm9vdDprZXk=", "no key": "Bearer ", "no scheme": rootKey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.in(t)
			r := request{path: "/v1/webhooks", key: "-", header: map[string]string{"Authorization": header}}
			s.problem(r, api.Problem{Status: 401, Code: "unauthorized", Detail: "an API key is needed: send it as Authorization: Bearer KEY"})
			if got := s.do(r).header.Get("WWW-Authenticate"); got != `Bearer realm="switchhook"` {
				t.Errorf("WWW-Authenticate: %q", got)
			}
		})
	}
	s.problem(request{path: "/v1/events", key: "wrong"}, api.Problem{Status: 401, Code: "unauthorized", Detail: "there is no such API key"})
	s.problem(request{method: "POST", path: "/v1/events", body: "{}", key: "wrong"}, api.Problem{Status: 401, Code: "unauthorized", Detail: "there is no such API key"})
	s.ok(200, request{path: "/v1/webhooks", header: map[string]string{"Authorization": "bearer  " + rootKey}}, nil)
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ids := func(r request) []string {
		t.Helper()
		var page struct {
			Items []switchhook.Account `json:"items"`
		}
		s.ok(200, r, &page)
		var out []string
		for _, a := range page.Items {
			out = append(out, a.ID)
		}
		return out
	}
	if d := cmp.Diff([]string{"acme", "acme-east", "other", "root"}, ids(request{path: "/v1/accounts"})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"acme", "acme-east"}, ids(request{path: "/v1/accounts", key: acmeKey})); d != "" {
		t.Error(d)
	}
	var got switchhook.Account
	s.ok(201, request{method: "POST", path: "/v1/accounts", key: acmeKey, body: `{"id":"acme-west","name":"Acme West"}`}, &got)
	if got.ParentID != "acme" || got.Name != "Acme West" || got.CreatedAt.IsZero() {
		t.Errorf("%+v", got)
	}
	s.ok(201, request{method: "POST", path: "/v1/accounts", body: `{}`}, &got)
	if !strings.HasPrefix(got.ID, "acc_") || got.Name != got.ID || got.ParentID != "root" {
		t.Errorf("%+v", got)
	}
	s.ok(200, request{path: "/v1/accounts/acme-west", key: acmeKey}, &got)
	// In force at once: it can have events.
	s.ok(202, request{method: "POST", path: "/v1/events", key: acmeKey, body: `{"type":"custom.x","account_id":"acme-west","data":{}}`}, nil)

	s.problem(request{path: "/v1/accounts/other", key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no account "other"`})
	s.problem(request{method: "POST", path: "/v1/accounts", body: `{"id":"acme"}`},
		api.Problem{Status: 409, Code: "conflict", Errors: []switchhook.FieldError{{Field: "id", Message: `the account "acme" is already there`}}})
	s.problem(request{method: "POST", path: "/v1/accounts", body: `{"id":"Acme Corp"}`}, wrong("id", "expected 1 to 64 characters of a-z 0-9 _ -"))
	s.problem(request{method: "POST", path: "/v1/accounts", key: acmeKey, body: `{"parent_id":"other"}`}, api.Problem{
		Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "parent_id", Message: `there is no account "other" that this key opens`}},
	})
	s.problem(request{method: "POST", path: "/v1/accounts", body: `{"name":"` + strings.Repeat("x", 201) + `"}`}, wrong("name", "expected at most 200 characters"))
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	type page struct {
		Items      []switchhook.Account `json:"items"`
		NextCursor *string              `json:"next_cursor"`
	}
	var p page
	s.ok(200, request{path: "/v1/accounts?limit=3"}, &p)
	if len(p.Items) != 3 || p.NextCursor == nil {
		t.Fatalf("%+v", p)
	}
	cursor := *p.NextCursor
	p = page{}
	s.ok(200, request{path: "/v1/accounts?limit=3&cursor=" + cursor}, &p)
	if len(p.Items) != 1 || p.Items[0].ID != "root" || p.NextCursor != nil {
		t.Errorf("%+v", p)
	}
	for _, path := range []string{"/v1/accounts", "/v1/events", "/v1/attempts", "/v1/deliveries", "/v1/webhooks", "/v1/sources", "/v1/records", "/v1/event-types"} {
		s.ok(200, request{path: path + "?limit=500"}, nil)
		s.problem(request{path: path + "?limit=0"}, wrong("limit", "expected number >= 1"))
		s.problem(request{path: path + "?limit=501"}, wrong("limit", "expected number <= 500"))
		s.problem(request{path: path + "?limit=many"}, wrong("limit", `expected a whole number, got "many"`))
		s.problem(request{path: path + "?filter=x"}, wrong("filter", "there is no such parameter"))
		s.problem(request{path: path + "?cursor=%21"}, wrong("cursor", "is not one that a list has returned"))
		if path != "/v1/accounts" && path != "/v1/event-types" {
			s.problem(request{path: path + "?account_id=other", key: acmeKey}, api.Problem{
				Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "account_id", Message: `there is no account "other" that this key opens`}},
			})
		}
	}
	if body := string(s.do(request{path: "/v1/webhooks"}).body); body != `{"items":[],"next_cursor":null}`+"\n" {
		t.Errorf("an empty list: %s", body)
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if got := s.do(request{path: "/healthz", header: map[string]string{"X-Request-Id": "mine-1"}}).header.Get("X-Request-Id"); got != "mine-1" {
		t.Errorf("%q", got)
	}
	for _, bad := range []string{"a b", strings.Repeat("x", 65), "<script>"} {
		if got := s.do(request{path: "/healthz", header: map[string]string{"X-Request-Id": bad}}).header.Get("X-Request-Id"); !strings.HasPrefix(got, "req_") {
			t.Errorf("%q was answered with %q", bad, got)
		}
	}
}

// Whoever leaves in the midst of a body is no error of the server's.
func TestBodyThatEnds(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{"/v1/session", "/v1/events", "/v1/webhooks"} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, io.MultiReader(strings.NewReader(`{"key":`), iotest.ErrReader(io.ErrUnexpectedEOF)))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+rootKey)
		rec := httptest.NewRecorder()
		s.handler.ServeHTTP(rec, req)
		if rec.Code != http.StatusBadRequest || !strings.Contains(rec.Body.String(), "the body ended before it was whole") {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
}

func TestInternalErrorsAreLoggedAndHidden(t *testing.T) {
	t.Parallel()
	secret := errors.New("disk sdb1 is on fire")
	s := newServer(t, func(o *api.Options) { o.Store = failing{Store: o.Store, err: secret} })
	const said = "something went wrong on our side; the log has the cause under this request's id"
	s.problem(request{path: "/v1/events"}, api.Problem{Status: 500, Code: "internal", Detail: said})
	if log := s.log.String(); !strings.Contains(log, secret.Error()) || !strings.Contains(log, "level=ERROR") {
		t.Errorf("the log has no cause: %s", log)
	}
	s = newServer(t, func(o *api.Options) { o.Store = failing{Store: o.Store, panics: true} })
	s.problem(request{path: "/v1/events"}, api.Problem{Status: 500, Code: "internal", Detail: said})
	if log := s.log.String(); !strings.Contains(log, "a nil map") {
		t.Errorf("the log has no panic: %s", log)
	}
	s = newServer(t, func(o *api.Options) {
		o.Store = failing{Store: o.Store, err: switchhook.Errorf(switchhook.CodeUnavailable, "the store cannot be read; try again").With(secret)}
	})
	s.problem(request{path: "/v1/events"}, api.Problem{Status: 503, Code: "unavailable", Detail: "the store cannot be read; try again"})
	if got := s.do(request{path: "/v1/events"}).header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After: %q", got)
	}
	if log := s.log.String(); !strings.Contains(log, secret.Error()) {
		t.Errorf("the log has no cause: %s", log)
	}
}

// While the store is down all requests fail, for one reason: the log says it once a
// second and in one sentence.
func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cause := switchhook.Errorf(switchhook.CodeUnavailable, "the store cannot be written").With(errors.New("no space is left"))
		s := newServer(t, func(o *api.Options) {
			o.Store = failing{Store: o.Store, err: switchhook.Errorf(switchhook.CodeUnavailable, "try again").With(fmt.Errorf("list: %w", cause))}
		})
		lines := func() (lines []string) {
			for line := range strings.Lines(s.log.String()) {
				if strings.Contains(line, "level=ERROR") {
					lines = append(lines, line)
				}
			}
			return lines
		}
		for range 100 {
			s.do(request{path: "/v1/events"})
		}
		got := lines()
		if len(got) != 1 || !strings.Contains(got[0], `error="the store cannot be written: no space is left"`) || strings.Contains(got[0], "as_well") {
			t.Errorf("%q", got)
		}
		time.Sleep(time.Second)
		s.do(request{path: "/v1/events"})
		if got := lines(); len(got) != 2 || !strings.Contains(got[1], "as_well=99") {
			t.Errorf("%q", got)
		}
	})
}

// failing is a store that cannot list events.
type failing struct {
	api.Store
	err    error
	panics bool
}

func (f failing) Events(context.Context, switchhook.EventFilter, switchhook.Page) ([]*switchhook.Event, string, error) {
	if f.panics {
		panic("assignment to entry in a nil map")
	}
	return nil, "", f.err
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var notReady error
	s := newServer(t, func(o *api.Options) { o.Ready = func(context.Context) error { return notReady } })
	s.ok(200, request{path: "/healthz", key: "-"}, nil)
	s.ok(200, request{path: "/readyz", key: "-"}, nil)
	notReady = errors.New("the store is gone")
	s.problem(request{path: "/readyz", key: "-"}, api.Problem{Status: 503, Code: "unavailable", Detail: "not ready; the log has the cause"})
	s.ok(200, request{path: "/healthz", key: "-"}, nil)
	var info struct{ Version, Store string }
	s.ok(200, request{path: "/v1/info"}, &info)
	if info.Version != "1.2.3" || info.Store != "memory" {
		t.Errorf("%+v", info)
	}
}

func TestMetricsNeedAKeyOffLoopback(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, c := range []struct {
		name, from, host, forwarded, key string
		status                           int
	}{
		{"from this machine", "127.0.0.1:1", "127.0.0.1:8420", "", "", 200},
		{"from this machine, IPv6", "[::1]:1", "[::1]", "", "", 200},
		{"from this machine, by name", "127.0.0.1:1", "localhost:8420", "", "", 200},
		{"from this machine, by a name that was made to lead here", "127.0.0.1:1", "example.com", "", "", 401},
		{"from this machine, by such a name, the operator", "127.0.0.1:1", "example.com", "", rootKey, 200},
		{"from elsewhere", "192.0.2.1:1", "localhost", "", "", 401},
		{"from elsewhere, the operator", "192.0.2.1:1", "example.com", "", rootKey, 200},
		{"from elsewhere, a customer", "192.0.2.1:1", "example.com", "", acmeKey, 403},
		{"through a proxy on this machine", "127.0.0.1:1", "localhost", "192.0.2.1", "", 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
			req.RemoteAddr, req.Host = c.from, c.host
			if c.forwarded != "" {
				req.Header.Set("X-Forwarded-For", c.forwarded)
			}
			if c.key != "" {
				req.Header.Set("Authorization", "Bearer "+c.key)
			}
			rec := httptest.NewRecorder()
			s.handler.ServeHTTP(rec, req)
			if rec.Code != c.status {
				t.Errorf("status %d, expected %d: %s", rec.Code, c.status, rec.Body)
			}
		})
	}
}
