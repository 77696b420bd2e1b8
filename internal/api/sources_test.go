package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

type sourceView struct {
	switchhook.Source
	IngestURL string `json:"ingest_url"`
	State     string
	Stats     struct{ Messages, Events, Rejects int }
}

func TestSources(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var src sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", key: acmeKey, body: `{"id":"pbx","kind":"simple","account_map":{"77":"acme-east"},"options":{"a":1}}`}, &src)
	if src.AccountID != "acme" || !strings.HasPrefix(src.IngestURL, "/v1/in/pbx/") || src.State != "listening" {
		t.Errorf("%+v", src)
	}
	var made sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"kind":"simple"}`}, &made)
	if !strings.HasPrefix(made.ID, "src_") || made.AccountID != "root" {
		t.Errorf("%+v", made)
	}
	var patched sourceView
	s.ok(200, request{method: "PATCH", path: "/v1/sources/pbx", body: `{"account_map":{"78":"acme","77":null},"options":null}`}, &patched)
	if d := cmp.Diff(map[string]string{"78": "acme"}, patched.AccountMap); d != "" || patched.Options != nil || patched.IngestURL != src.IngestURL {
		t.Errorf("%s %+v", d, patched)
	}
	var page struct{ Items []sourceView }
	s.ok(200, request{path: "/v1/sources", key: acmeKey}, &page)
	if len(page.Items) != 1 || page.Items[0].ID != "pbx" {
		t.Errorf("%+v", page)
	}

	refused := func(r request, want api.Problem) { t.Helper(); s.problem(r, want) }
	mk := func(body string) request { return request{method: "POST", path: "/v1/sources", body: body} }
	refused(mk(`{}`), wrong("kind", "is required: one of simple"))
	refused(mk(`{"kind":"asterisk"}`), wrong("kind", `there is no kind "asterisk"; there is simple`))
	refused(mk(`{"kind":"simple","id":"A B"}`), wrong("id", "expected 1 to 64 characters of a-z 0-9 _ -"))
	refused(mk(`{"kind":"simple","id":"pbx"}`), api.Problem{Status: 409, Code: "conflict", Errors: []switchhook.FieldError{{Field: "id", Message: `the source "pbx" is already there`}}})
	refused(mk(`{"kind":"simple","token":"x"}`), wrong("token", "there is no such field"))
	refused(mk(`{"kind":"simple","account_map":{"7":"nobody"}}`), api.Problem{
		Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "account_map.7", Message: `there is no account "nobody" that this key opens`}},
	})
	refused(request{method: "PATCH", path: "/v1/sources/pbx", body: `{"kind":"other"}`}, wrong("kind", "cannot be changed"))
	refused(request{method: "PATCH", path: "/v1/sources/pbx", body: `{"id":"other"}`}, wrong("id", "cannot be changed"))
	refused(request{method: "PATCH", path: "/v1/sources/pbx", key: acmeKey, body: `{"account_id":"root"}`}, api.Problem{
		Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "account_id", Message: `there is no account "root" that this key opens`}},
	})
	for _, r := range []request{
		{path: "/v1/sources/" + made.ID},
		{method: "PATCH", path: "/v1/sources/" + made.ID, body: "{}"},
		{method: "DELETE", path: "/v1/sources/" + made.ID},
		{method: "POST", path: "/v1/sources/" + made.ID + "/rotate-token"},
		{path: "/v1/sources/" + made.ID + "/rejects"},
		{method: "POST", path: "/v1/in/" + made.ID, body: "x"},
	} {
		r.key = acmeKey
		refused(r, api.Problem{Status: 404, Code: "not_found", Detail: `there is no source "` + made.ID + `"`})
	}

	var rotated sourceView
	s.ok(200, request{method: "POST", path: "/v1/sources/pbx/rotate-token"}, &rotated)
	s.problem(request{method: "POST", path: src.IngestURL, body: "7", key: "-"}, api.Problem{Status: 404, Code: "not_found", Detail: "there is no source with this ingest URL"})
	s.ok(202, request{method: "POST", path: rotated.IngestURL, body: "7", key: "-"}, nil)
	s.ok(204, request{method: "DELETE", path: "/v1/sources/pbx"}, nil)
	s.problem(request{method: "POST", path: rotated.IngestURL, body: "7", key: "-"}, api.Problem{Status: 404, Code: "not_found", Detail: "there is no source with this ingest URL"})
}

func TestIngest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var src sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"pbx","kind":"simple","account_id":"acme","account_map":{"77":"acme-east"}}`}, &src)
	for _, r := range []request{
		{method: "POST", path: src.IngestURL, body: "c1", key: "-"},
		{method: "POST", path: src.IngestURL, body: "c2", key: "-", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
		{method: "GET", path: src.IngestURL + "?call=c3&account=77", key: "-"},
		{method: "PUT", path: src.IngestURL + "?call=c4&account=99", key: "-"},
		{method: "POST", path: "/v1/in/pbx", body: "c5", key: acmeKey},
	} {
		var got receipts
		s.ok(202, r, &got)
		if len(got.Events) != 1 || !strings.HasPrefix(got.Events[0].ID, "evt_") {
			t.Fatalf("%+v: %+v", r, got)
		}
	}
	list, _, err := s.store.Events(t.Context(), switchhook.EventFilter{}, switchhook.Page{Limit: 50})
	check(t, err)
	accounts := map[string]string{}
	for _, ev := range list {
		accounts[ev.CallID] = ev.AccountID
		if ev.Source != "pbx" {
			t.Errorf("source %q", ev.Source)
		}
	}
	if d := cmp.Diff(map[string]string{"c1": "acme", "c2": "acme", "c3": "acme-east", "c4": "acme", "c5": "acme"}, accounts); d != "" {
		t.Error(d)
	}
	// A message without an event, such as a ping, is fine.
	if got := string(s.do(request{method: "POST", path: src.IngestURL, body: "nothing", key: "-"}).body); got != `{"events":[]}`+"\n" {
		t.Errorf("%s", got)
	}
	// Without the right token there is nothing.
	for _, path := range []string{src.IngestURL + "x", "/v1/in/pbx/", "/v1/in/none/" + strings.TrimPrefix(src.IngestURL, "/v1/in/pbx/")} {
		if res := s.do(request{method: "POST", path: path, body: "c9", key: "-"}); res.status != 404 {
			t.Errorf("%s: %d", path, res.status)
		}
	}
	s.problem(request{method: "POST", path: "/v1/in/pbx", body: "c9", key: "-"}, api.Problem{
		Status: 401, Code: "unauthorized", Detail: "an API key is needed: send it as Authorization: Bearer KEY",
	})
	token := strings.TrimPrefix(src.IngestURL, "/v1/in/pbx/")
	if log := s.log.String(); strings.Contains(log, token) || !strings.Contains(log, "/v1/in/pbx/[redacted]") {
		t.Errorf("the token is in the log: %s", log)
	}
}

// Who mapped an account that is moved away from below them writes nothing into it any more.
func TestMapOfAMovedAccount(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.ok(201, post2("/v1/accounts", `{"id":"elsewhere"}`), nil)
	connect := func(id, key string) string {
		t.Helper()
		var src sourceView
		s.ok(201, request{method: "POST", path: "/v1/sources", key: key, body: `{"id":"` + id + `","kind":"simple","account_id":"acme","account_map":{"77":"acme-east"}}`}, &src)
		return src.IngestURL
	}
	theirs, operators := connect("theirs", acmeKey), connect("operators", "")
	say := func(url, call string) request {
		return request{path: url + "?account=77&call=" + call, key: "-"}
	}
	gone := wrong("account_map.77", `the source no longer speaks for the account "acme-east": it is gone, or was moved`)
	gone.Code = "unknown_account"

	s.ok(202, say(theirs, "c1"), nil)
	s.ok(200, s.patchAccount("acme-east", "", `{"parent_id":"elsewhere"}`), nil)
	s.problem(say(theirs, "c2"), gone)
	s.ok(202, say(operators, "c3"), nil) // who sees both goes on
	s.ok(200, s.patchAccount("acme-east", "", `{"parent_id":"acme"}`), nil)
	s.ok(202, say(theirs, "c4"), nil)
	// Changed by its own account, the operator's source says no more than that account may.
	s.ok(200, request{method: "PATCH", path: "/v1/sources/operators", key: acmeKey, body: `{"account_map":{"77":"acme-east"}}`}, nil)
	s.ok(200, s.patchAccount("acme-east", "", `{"parent_id":"elsewhere"}`), nil)
	s.problem(say(operators, "c5"), gone)
	if body := string(s.do(request{path: "/v1/sources"}).body); strings.Contains(body, "mapped_by") {
		t.Error(body)
	}
}

func TestRejects(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var src sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"pbx","kind":"simple"}`}, &src)
	s.problem(request{method: "GET", path: src.IngestURL + "?x=1", key: "-", header: map[string]string{"X-Api-Key": "secret", "User-Agent": "pbx"}},
		api.Problem{Status: 422, Code: "invalid", Detail: "there is no call id in it"})
	// What is no JSON is a message that cannot be read, too.
	s.problem(request{method: "POST", path: src.IngestURL, body: "garbled", key: "-"}, api.Problem{Status: 422, Code: "invalid", Detail: "it is no JSON"})
	s.problem(request{method: "POST", path: src.IngestURL, body: strings.Repeat("[", 1001) + strings.Repeat("]", 1001), key: "-"},
		api.Problem{Status: 422, Code: "invalid", Detail: "the body is nested more than 1000 levels deep"})
	s.problem(request{method: "POST", path: src.IngestURL, body: "wrong", key: "-"}, wrong("call", "is wrong"))
	s.problem(request{method: "POST", path: src.IngestURL, body: "strange", key: "-"}, api.Problem{
		Status: 422, Code: "unknown_type", Errors: []switchhook.FieldError{
			{Field: "events[0].type", Message: `"call.strange" is no event type; GET /v1/event-types lists them, and custom.* is free`},
		},
	})
	s.problem(request{method: "POST", path: src.IngestURL, body: strings.Repeat("x", 32<<20+1), key: "-"},
		api.Problem{Status: 413, Code: "too_large", Detail: "the request is over the limit of 32 MiB"})
	var page struct{ Items []switchhook.Reject }
	s.ok(200, request{path: "/v1/sources/pbx/rejects"}, &page)
	if len(page.Items) != 5 {
		t.Fatalf("%d rejects: %+v", len(page.Items), page)
	}
	if got := page.Items[0]; got.Body != "strange" || got.Method != http.MethodPost || len(got.Fields) != 1 {
		t.Errorf("%+v", got)
	}
	got := page.Items[4]
	if got.Reason != "there is no call id in it" || got.URL != "/v1/in/pbx?x=1" || got.Method != http.MethodGet ||
		got.Headers["X-Api-Key"] != "********" || got.Headers["User-Agent"] != "pbx" {
		t.Errorf("%+v", got)
	}
	s.ok(200, request{path: "/v1/sources/pbx"}, &src)
	if src.Stats.Messages != 5 || src.Stats.Rejects != 5 || src.Stats.Events != 0 {
		t.Errorf("%+v", src.Stats)
	}
	if n := s.events(); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestIngestIsNotAnsweredForIfTheStoreIsDown(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *api.Options) { o.Router = down{o.Router} })
	var src sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"pbx","kind":"simple"}`}, &src)
	want := api.Problem{Status: 503, Code: "unavailable", Detail: "the store cannot take this now; try again"}
	s.problem(request{method: "POST", path: src.IngestURL, body: "c1", key: "-"}, want)
	s.problem(request{method: "GET", path: src.IngestURL, key: "-"}, want) // a reject that cannot be kept
	s.problem(post(custom), want)
}

// down is a router whose store is down.
type down struct{ api.Router }

func (down) Accept(context.Context, []*switchhook.Event) ([]switchhook.Receipt, error) {
	return nil, switchhook.Errorf(switchhook.CodeUnavailable, "the store cannot take this now; try again")
}

func (d down) Reject(ctx context.Context, _ *switchhook.Reject) error {
	_, err := d.Accept(ctx, nil)
	return err
}

// door is a kind of sources that are connected to.
type door struct{ sourcetest.Lines }

func (door) Accept(w http.ResponseWriter, r *http.Request, id string) {
	name, _, _ := r.BasicAuth()
	http.Error(w, id+" for "+name, http.StatusUnauthorized)
}

// A phone system that connects to us has a name and a password of its own, and no key.
func TestDoor(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *api.Options) {
		o.Connectors, o.Live = []source.Connector{door{}}, source.NewSupervisor(source.SupervisorOptions{})
	})
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"pbx","kind":"lines","options":{"address":"127.0.0.1:1","secret":"x"}}`}, nil)
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"hook","kind":"simple"}`}, nil)
	got := s.do(request{path: "/v1/sources/pbx/ari", key: "-", header: map[string]string{"Authorization": "Basic cGJ4OnB3"}})
	if got.status != http.StatusUnauthorized || string(got.body) != "pbx for pbx\n" {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, id := range []string{"hook", "none"} {
		s.problem(request{path: "/v1/sources/" + id + "/ari", key: "-"}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no source "` + id + `" that systems connect to`})
	}
}

// inbox is a kind of sources that connect, and are posted to.
type inbox struct {
	sourcetest.Lines
	got chan string
}

func (i inbox) Post(_ context.Context, id string, r *source.Request) error {
	if string(r.Body) == "later" {
		return switchhook.Errorf(switchhook.CodeUnavailable, "not now")
	}
	i.got <- id + " " + r.Method + " " + r.Query + " " + string(r.Body)
	return nil
}

// What comes to the ingest URL of a source that connects by itself is its own to take. The
// URL is a key to whatever accounts it is mapped to, so only the operator is shown it.
func TestInbox(t *testing.T) {
	t.Parallel()
	box := inbox{got: make(chan string, 2)}
	s := newServer(t, func(o *api.Options) {
		o.Connectors, o.Live = []source.Connector{box}, source.NewSupervisor(source.SupervisorOptions{})
	})
	var src sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"pbx","kind":"lines","account_id":"acme","options":{"address":"127.0.0.1:1","secret":"x"}}`}, &src)
	_, path, _ := strings.Cut(src.IngestURL, "/v1")
	path = "/v1" + path
	var got struct{ Events []switchhook.Receipt }
	s.ok(202, request{method: "POST", path: path + "?uuid=1", key: "-", body: `{}`}, &got)
	s.ok(202, request{method: "POST", path: "/v1/in/pbx", body: `{}`}, nil)
	if first, second := <-box.got, <-box.got; first != "pbx POST uuid=1 {}" || second != "pbx POST  {}" || got.Events == nil {
		t.Errorf("%q, %q, %+v", first, second, got)
	}
	s.problem(request{method: "POST", path: path, key: "-", body: `later`}, api.Problem{Status: 503, Code: "unavailable", Detail: "not now"})
	s.problem(request{method: "POST", path: path + "x", key: "-", body: `{}`}, api.Problem{Status: 404, Code: "not_found", Detail: "there is no source with this ingest URL"})
	var seen sourceView
	s.ok(200, request{path: "/v1/sources/pbx", key: acmeKey}, &seen)
	if !strings.HasSuffix(seen.IngestURL, "/v1/in/pbx/********") {
		t.Error(seen.IngestURL)
	}
	s.problem(request{method: "POST", path: "/v1/sources/pbx/rotate-token", key: acmeKey}, api.Problem{
		Status: 403, Code: "forbidden", Detail: `a source of the kind "lines" connects to whatever it is told to; only the operator's key may make, change or delete it`,
	})
	s.ok(200, request{method: "POST", path: "/v1/sources/pbx/rotate-token"}, &seen)
	if seen.IngestURL == src.IngestURL {
		t.Error("the ingest URL is the old one")
	}
}

// A source that connects by itself reaches whatever this server reaches, so a customer has
// no say in it.
func TestOnlyTheOperatorMakesSourcesThatConnect(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *api.Options) {
		o.Connectors, o.Live = []source.Connector{sourcetest.Lines{}}, source.NewSupervisor(source.SupervisorOptions{})
	})
	var src sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"pbx","kind":"lines","account_id":"acme","options":{"address":"127.0.0.1:1","secret":"x"}}`}, &src)
	if src.State != "stopped" || src.IngestURL != "" || src.Token != "" {
		t.Errorf("%+v", src)
	}
	for _, r := range []request{
		{method: "POST", path: "/v1/sources", body: `{"kind":"lines","options":{"address":"127.0.0.1:22","secret":"x"}}`},
		{method: "PATCH", path: "/v1/sources/pbx", body: `{"options":{"address":"127.0.0.1:22"}}`},
		{method: "DELETE", path: "/v1/sources/pbx"},
	} {
		r.key = acmeKey
		s.problem(r, api.Problem{Status: 403, Code: "forbidden", Detail: `a source of the kind "lines" connects to whatever it is told to; only the operator's key may make, change or delete it`})
	}
	s.ok(200, request{method: "PATCH", path: "/v1/sources/pbx", body: `{"account_id":"acme-east"}`}, nil)
	s.problem(request{method: "DELETE", path: "/v1/accounts/acme-east", key: acmeKey}, api.Problem{
		Status: 403, Code: "forbidden", Detail: `a source of the kind "lines" connects to whatever it is told to; only the operator's key may make, change or delete it`,
	})
	var seen sourceView
	s.ok(200, request{path: "/v1/sources/pbx", key: acmeKey}, &seen)
	if d := cmp.Diff(map[string]any{"address": "127.0.0.1:1", "secret": "********"}, seen.Options); d != "" {
		t.Error(d)
	}
}

// Secrets are masked where they lie deeper, too.
func TestMaskedOptions(t *testing.T) {
	t.Parallel()
	given := map[string]any{"secret": "a", "ari": map[string]any{"password": "b", "url": "c"}}
	got := api.WithoutSecrets(given, []string{"secret", "ari.password", "none", "no.such"})
	if d := cmp.Diff(map[string]any{"secret": "********", "ari": map[string]any{"password": "********", "url": "c"}}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"secret": "a", "ari": map[string]any{"password": "b", "url": "c"}}, given); d != "" {
		t.Errorf("what is kept has changed: %s", d)
	}
	if got := api.WithoutSecrets(map[string]any{"ari": "x"}, []string{"secret", "ari.password"}); len(got) != 1 {
		t.Errorf("%v", got)
	}
}
