package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

type tenantView struct {
	switchhook.Account
	Status    string
	Suspended bool
}

func forbidden(field, message string) api.Problem {
	return api.Problem{Status: 403, Code: "forbidden", Errors: []switchhook.FieldError{{Field: field, Message: message}}}
}

func (s *server) patchAccount(id, key, body string) request {
	return request{method: "PATCH", path: "/v1/accounts/" + id, key: key, body: body}
}

func TestMoveAnAccount(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	other := s.key(`{"role":"admin","account_id":"other"}`).Key
	s.ok(202, request{method: "POST", path: "/v1/events", body: `{"type":"custom.x","account_id":"acme-east","data":{}}`}, nil)
	var got tenantView
	s.ok(200, s.patchAccount("acme-east", "", `{"parent_id":"other"}`), &got)
	if got.ParentID != "other" {
		t.Errorf("%+v", got)
	}
	// What has happened in it moves with it.
	var page struct{ Items []switchhook.Event }
	for key, n := range map[string]int{acmeKey: 0, other: 1} {
		if s.ok(200, request{path: "/v1/events", key: key}, &page); len(page.Items) != n {
			t.Errorf("%d events, want %d", len(page.Items), n)
		}
	}
	s.problem(request{path: "/v1/accounts/acme-east", key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no account "acme-east"`})
	s.ok(200, s.patchAccount("acme-east", other, `{"parent_id":"other","name":"East"}`), nil)

	// No loops, nothing above the root, nothing that the key does not open.
	s.ok(201, request{method: "POST", path: "/v1/accounts", body: `{"id":"deep","parent_id":"acme-east"}`}, nil)
	s.problem(s.patchAccount("other", "", `{"parent_id":"deep"}`), wrong("parent_id", "the account deep is itself, or lies below it"))
	s.problem(s.patchAccount("other", "", `{"parent_id":"other"}`), wrong("parent_id", "the account other is itself, or lies below it"))
	s.problem(s.patchAccount("root", "", `{"parent_id":"other"}`), wrong("parent_id", "the account root is above all others"))
	s.problem(s.patchAccount("other", "", `{"parent_id":null}`), wrong("parent_id", "is required: only the account root has none above it"))
	s.problem(s.patchAccount("deep", other, `{"parent_id":"acme"}`), api.Problem{
		Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "parent_id", Message: `there is no account "acme" that this key opens`}},
	})
	// A key's own account is moved from above; its parent, which it cannot see, may stay.
	s.problem(s.patchAccount("other", other, `{"parent_id":"deep"}`), wrong("parent_id", "the account deep is itself, or lies below it"))
	s.ok(200, s.patchAccount("other", other, `{"parent_id":"root","name":"Other"}`), nil)
}

func TestAccountsAreNotTooDeep(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	parent := "root"
	for n := 2; n <= 64; n++ {
		id := fmt.Sprint("level", n)
		s.ok(201, request{method: "POST", path: "/v1/accounts", body: fmt.Sprintf(`{"id":%q,"parent_id":%q}`, id, parent)}, nil)
		parent = id
	}
	tooDeep := wrong("parent_id", "accounts cannot lie more than 64 deep")
	s.problem(request{method: "POST", path: "/v1/accounts", body: `{"parent_id":"level64"}`}, tooDeep)
	s.problem(s.patchAccount("acme", "", `{"parent_id":"level63"}`), tooDeep) // it has one below it
	s.ok(200, s.patchAccount("acme", "", `{"parent_id":"level62"}`), nil)
}

func TestSuspendAnAccount(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var got tenantView
	s.ok(200, s.patchAccount("acme", "", `{"suspended":true}`), &got)
	if !got.Suspended || got.Status != "suspended" || got.SuspendedAt.IsZero() {
		t.Errorf("%+v", got)
	}
	s.ok(200, request{path: "/v1/accounts/acme-east"}, &got)
	if got.Suspended || got.Status != "suspended" {
		t.Errorf("below it: %+v", got)
	}
	// Its events are refused, whoever sends them, and nothing of a batch is kept.
	s.problem(post(`[{"type":"custom.x","data":{}},{"type":"custom.x","account_id":"acme-east","data":{}}]`), api.Problem{
		Status: 403, Code: "account_suspended", Errors: []switchhook.FieldError{{Field: "events[1].account_id", Message: `the account "acme-east" is suspended, or one above it`}},
	})
	s.problem(request{method: "PUT", path: "/v1/records/number/1?account_id=acme", body: `{}`}, api.Problem{
		Status: 403, Code: "account_suspended", Errors: []switchhook.FieldError{{Field: "account_id", Message: `the account "acme" is suspended, or one above it`}},
	})
	if n := s.events(); n != 0 {
		t.Errorf("%d events are kept", n)
	}
	got = tenantView{}
	s.ok(200, s.patchAccount("acme", "", `{"suspended":false}`), &got)
	if got.Suspended || got.Status != "active" || !got.SuspendedAt.IsZero() {
		t.Errorf("%+v", got)
	}
	s.ok(202, request{method: "POST", path: "/v1/events", key: acmeKey, body: `{"type":"custom.x","data":{}}`}, nil)
	ownSuspended := forbidden("suspended", "the key's own account can only be suspended from above it")
	s.problem(s.patchAccount("acme", acmeKey, `{"suspended":true}`), ownSuspended)
	s.problem(s.patchAccount("root", "", `{"suspended":true}`), ownSuspended)

	// What comes by an ingest URL is refused as well, and is no reject.
	var src sourceView
	s.ok(201, request{method: "POST", path: "/v1/sources", key: acmeKey, body: `{"id":"pbx","kind":"simple"}`}, &src)
	s.ok(200, s.patchAccount("acme", "", `{"suspended":true}`), nil)
	if res := s.do(request{method: "POST", path: src.IngestURL, key: "-", body: "c1"}); res.status != http.StatusForbidden {
		t.Errorf("%d %s", res.status, res.body)
	}
	var rejects struct{ Items []any }
	if s.ok(200, request{path: "/v1/sources/pbx/rejects"}, &rejects); len(rejects.Items) != 0 {
		t.Errorf("%v", rejects.Items)
	}
}

func TestLimitsAndNetworksAreSetFromAbove(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var got tenantView
	s.ok(200, s.patchAccount("acme", "", `{"limits":{"events_per_second":5,"open_deliveries":100},"allow_networks":["10.1.2.3/16","fd00::/8"]}`), &got)
	if d := cmp.Diff(&switchhook.Limits{EventsPerSecond: 5, OpenDeliveries: 100}, got.Limits); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"10.1.0.0/16", "fd00::/8"}, got.AllowNetworks); d != "" {
		t.Error(d)
	}
	// Its own key changes other things; what it sends back as it read it is no change.
	s.ok(200, s.patchAccount("acme", acmeKey, `{"name":"ACME","limits":{"events_per_second":5},"allow_networks":["10.1.0.0/16","fd00::/8"],"suspended":false}`), nil)
	ownLimits := forbidden("limits", "those of the key's own account are set from above it")
	s.problem(s.patchAccount("acme", acmeKey, `{"limits":null}`), ownLimits)
	s.problem(s.patchAccount("acme", acmeKey, `{"limits":{"events_per_second":null}}`), ownLimits)
	networks := forbidden("allow_networks", "only the operator's keys say which private networks webhooks may reach")
	s.problem(s.patchAccount("acme", acmeKey, `{"allow_networks":["10.0.0.0/8"]}`), networks)
	s.problem(s.patchAccount("acme-east", acmeKey, `{"allow_networks":["10.0.0.0/8"]}`), networks)
	s.problem(request{method: "POST", path: "/v1/accounts", key: acmeKey, body: `{"allow_networks":["10.0.0.0/8"]}`}, networks)
	s.ok(200, s.patchAccount("acme-east", acmeKey, `{"limits":{"requests_per_second":0.5,"request_burst":3}}`), nil)
	got = tenantView{}
	s.ok(200, s.patchAccount("acme-east", acmeKey, `{"limits":{"requests_per_second":null,"request_burst":null}}`), &got)
	if got.Limits != nil {
		t.Errorf("limits of nothing: %+v", got.Limits)
	}
	const rate, count = "expected a number a second of 0.001 to 1000000, or null for no limit", "expected a number of 1 to 1000000000, or null for the default"
	for field, c := range map[string][2]string{
		"requests_per_second": {"-1", rate}, "events_per_second": {"1e7", rate}, "request_burst": {"-1", count}, "open_deliveries": {"2000000000", count},
	} {
		s.problem(s.patchAccount("acme", "", `{"limits":{"`+field+`":`+c[0]+`}}`), wrong("limits."+field, c[1]))
	}
	s.problem(s.patchAccount("acme", "", `{"limits":{"events":1}}`), wrong("limits.events", "there is no such field"))
	s.problem(s.patchAccount("acme", "", `{"allow_networks":["10.1.0.0/16","localhost"]}`), wrong("allow_networks[1]", "expected a network such as 10.1.0.0/16 or fd00::/8"))
}

func TestDeleteAnAccount(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	r := newReceiver(t)
	r.answer(500)
	id, _ := s.webhook(`{"account_id":"acme-east","url":"` + r.URL + `","events":["*"]}`)
	key := s.key(`{"role":"admin","account_id":"acme-east"}`).Key
	s.ok(201, request{method: "POST", path: "/v1/sources", key: key, body: `{"id":"east-pbx","kind":"simple"}`}, nil)
	s.ok(201, request{method: "PUT", path: "/v1/records/thing/1", key: key, body: `{"x":1}`}, nil)
	s.ok(200, request{method: "PUT", path: "/v1/dialect-ids/kazoo/device/1", key: key, body: `{"value":"4c7a1f0e9b2d48603f5e6a7b8c9d0e1f"}`}, nil)
	r.wait(t, 1) // the record's event

	s.problem(request{method: "DELETE", path: "/v1/accounts/acme"}, api.Problem{
		Status: 409, Code: "conflict", Detail: "the account acme has accounts below it (1 in all); move or delete them first, or add ?recursive=true",
	})
	s.problem(request{method: "DELETE", path: "/v1/accounts/acme?recursive=true", key: acmeKey}, api.Problem{
		Status: 409, Code: "conflict", Detail: "a key cannot delete its own account; a key of an account above it can",
	})
	s.problem(request{method: "DELETE", path: "/v1/accounts/root?recursive=true"}, api.Problem{
		Status: 409, Code: "conflict", Detail: "a key cannot delete its own account; a key of an account above it can",
	})
	s.ok(204, request{method: "DELETE", path: "/v1/accounts/acme?recursive=true"}, nil)

	s.problem(request{path: "/v1/info", key: key}, api.Problem{Status: 401, Code: "unauthorized", Detail: "there is no such API key"})
	s.problem(request{path: "/v1/info", key: acmeKey}, api.Problem{Status: 401, Code: "unauthorized", Detail: "there is no such API key"})
	for _, path := range []string{"/v1/accounts/acme", "/v1/accounts/acme-east", "/v1/webhooks/" + id, "/v1/sources/east-pbx"} {
		if res := s.do(request{path: path}); res.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, res.status)
		}
	}
	for _, path := range []string{"/v1/records", "/v1/dialect-ids"} {
		var page struct{ Items []any }
		if s.ok(200, request{path: path}, &page); len(page.Items) != 0 {
			t.Errorf("%s: %v", path, page.Items)
		}
	}
	// The id of another dialect may be given again, the account's not.
	s.problem(request{method: "POST", path: "/v1/accounts", body: `{"id":"acme"}`}, api.Problem{
		Status: 409, Code: "conflict", Errors: []switchhook.FieldError{{Field: "id", Message: `the id "acme" was that of an account that was deleted; it is not given again`}},
	})
	// What was open for its webhooks is cancelled, and the next pass leaves nothing of it.
	look, end := time.NewTicker(5*time.Millisecond), time.Now().Add(10*time.Second)
	defer look.Stop()
	for open := 1; open > 0; {
		at := <-look.C
		open = 0
		count := func(switchhook.OpenDelivery) error { open++; return nil }
		check(t, s.store.Recover(t.Context(), count))
		check(t, s.store.Backlogs(t.Context(), func(string, int) error { open++; return nil }))
		if at.After(end) {
			t.Fatalf("%d deliveries are open still", open)
		}
	}
	for _, path := range []string{"/v1/deliveries", "/v1/events", "/v1/attempts"} {
		var page struct{ Items []any }
		if s.ok(200, request{path: path}, &page); len(page.Items) != 0 {
			t.Errorf("%s: %v", path, page.Items)
		}
	}
	s.ok(204, request{method: "DELETE", path: "/v1/accounts/other"}, nil)
}

// What has changed since it was read is not overwritten.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	hookID, _ := s.webhook(`{"account_id":"acme","url":"https://example.com","events":["*"]}`)
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"pbx","kind":"simple","account_id":"acme"}`}, nil)
	s.ok(201, request{method: "PUT", path: "/v1/records/number/1?account_id=acme", body: `{"n":0}`}, nil)
	keyID := s.key(`{"role":"viewer","account_id":"acme"}`).ID
	for _, c := range []struct{ path, method, change, again string }{
		{"/v1/webhooks/" + hookID, "PATCH", `{"name":"a"}`, `{"name":"b"}`},
		{"/v1/accounts/acme-east", "PATCH", `{"name":"a"}`, `{"name":"b"}`},
		{"/v1/sources/pbx", "PATCH", `{"options":{"n":1}}`, `{"options":{"n":2}}`},
		{"/v1/records/number/1?account_id=acme", "PUT", `{"n":1}`, `{"n":2}`},
		{"/v1/api-keys/" + keyID, "PATCH", `{"name":"a"}`, `{"name":"b"}`},
	} {
		read := s.do(request{path: c.path})
		first := read.header.Get("ETag")
		with := func(method, body, tag string) request {
			return request{method: method, path: c.path, body: body, header: map[string]string{"If-Match": tag}}
		}
		changed := s.do(with(c.method, c.change, first))
		second := changed.header.Get("ETag")
		if changed.status != 200 || first == "" || second == "" || first == second {
			t.Fatalf("%s: %d, ETag %s, then %s", c.path, changed.status, first, second)
		}
		stale := api.Problem{
			Status: 412, Code: "precondition_failed", Detail: "it has been changed since it was read: its ETag is " + second + ", and If-Match is " + first + "; read it again",
		}
		s.problem(with(c.method, c.again, first), stale)
		s.problem(with("DELETE", "", first), stale)
		if got := s.do(request{path: c.path}); got.header.Get("ETag") != second {
			t.Errorf("%s: refused, and yet changed", c.path)
		}
		for _, tag := range []string{"*", `"other", `} {
			if tag != "*" {
				tag += second
			}
			if res := s.do(with(c.method, c.again, tag)); res.status != 200 {
				t.Errorf("%s: If-Match %s: %d %s", c.path, tag, res.status, res.body)
			}
			second = s.do(request{path: c.path}).header.Get("ETag")
		}
		s.ok(204, with("DELETE", "", second), nil)
	}
	s.problem(request{method: "PUT", path: "/v1/records/number/2?account_id=acme", body: `{}`, header: map[string]string{"If-Match": "*"}}, api.Problem{
		Status: 412, Code: "precondition_failed", Detail: "If-Match is *, and there is no such thing",
	})
	// Actions on a webhook and a source are changes, too.
	hookID, _ = s.webhook(hook)
	s.ok(201, request{method: "POST", path: "/v1/sources", body: `{"id":"pbx2","kind":"simple"}`}, nil)
	for _, path := range []string{"/v1/webhooks/" + hookID + "/pause", "/v1/webhooks/" + hookID + "/resume", "/v1/webhooks/" + hookID + "/rotate-secret", "/v1/sources/pbx2/rotate-token"} {
		thing := path[:strings.LastIndex(path, "/")]
		first := s.do(request{path: thing}).header.Get("ETag")
		if res := s.do(request{method: "POST", path: path, header: map[string]string{"If-Match": first}}); res.status != 200 || path != "/v1/webhooks/"+hookID+"/resume" && res.header.Get("ETag") == first {
			t.Errorf("%s: %d, ETag %s", path, res.status, res.header.Get("ETag"))
		}
		if res := s.do(request{method: "POST", path: path, header: map[string]string{"If-Match": `"stale"`}}); res.status != http.StatusPreconditionFailed {
			t.Errorf("%s: %d", path, res.status)
		}
	}
}

// 200 clients change one thing at once: those that say what they have read are told when
// it is no longer so, and no change is lost; those that say nothing each change their own
// member, and none is lost either.
func TestNoUpdateIsLost(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const clients = 200
	hookID, _ := s.webhook(hook)
	s.ok(201, request{method: "PUT", path: "/v1/records/counter/1", body: `{"n":0}`}, nil)
	together := func(fn func(n int)) {
		var group sync.WaitGroup
		for n := range clients {
			group.Go(func() { fn(n) })
		}
		group.Wait()
	}
	type counter struct {
		path, method string
		member       func(n int) string
		read         func(body []byte) int
	}
	for _, c := range []counter{
		{"/v1/webhooks/" + hookID, "PATCH", func(n int) string { return fmt.Sprintf(`{"max_concurrency":%d}`, n) }, number("max_concurrency")},
		{"/v1/records/counter/1", "PUT", func(n int) string { return fmt.Sprintf(`{"n":%d}`, n) }, number("row", "n")},
		{"/v1/accounts/acme", "PATCH", func(n int) string { return fmt.Sprintf(`{"limits":{"request_burst":%d}}`, n) }, number("limits", "request_burst")},
	} {
		before := s.do(request{path: c.path})
		start := c.read(before.body)
		together(func(int) {
			for range 10 * clients {
				read := s.do(request{path: c.path})
				res := s.do(request{method: c.method, path: c.path, body: c.member(c.read(read.body) + 1), header: map[string]string{"If-Match": read.header.Get("ETag")}})
				if res.status == 200 {
					return
				}
				if res.status != http.StatusPreconditionFailed {
					t.Errorf("%s: %d %s", c.path, res.status, res.body)
					return
				}
			}
			t.Error("a client never had its turn")
		})
		if got := c.read(s.do(request{path: c.path}).body); got != start+clients {
			t.Errorf("%s: %d, want %d: updates were lost", c.path, got-start, clients)
		}
	}
	together(func(n int) {
		if res := s.do(request{method: "PATCH", path: "/v1/webhooks/" + hookID, body: fmt.Sprintf(`{"headers":{"X-%d":"1"}}`, n%40)}); res.status != 200 {
			t.Errorf("%d %s", res.status, res.body)
		}
	})
	var w struct{ Headers map[string]string }
	if s.ok(200, request{path: "/v1/webhooks/" + hookID}, &w); len(w.Headers) != 40 {
		t.Errorf("%d of 40 headers are there", len(w.Headers))
	}
}

// number reads a number out of an answer; absent it is 0.
func number(path ...string) func(body []byte) int {
	return func(body []byte) int {
		var v any
		_ = json.Unmarshal(body, &v) // a refusal has no such member
		for _, name := range path {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		n, _ := v.(float64)
		return int(n)
	}
}

// An account can say in which time zone its mails tell times.
func TestTimezones(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var got struct{ Timezone string }
	for _, zone := range []string{"Europe/Berlin", "UTC", ""} {
		got.Timezone = ""
		s.ok(200, request{method: "PATCH", path: "/v1/accounts/acme", key: acmeKey, body: fmt.Sprintf(`{"timezone":%q}`, zone)}, &got)
		if got.Timezone != zone {
			t.Errorf("%q, want %q", got.Timezone, zone)
		}
	}
	for _, zone := range []string{"Local", "Nowhere/Land", "../etc/passwd"} {
		s.problem(request{method: "PATCH", path: "/v1/accounts/acme", body: fmt.Sprintf(`{"timezone":%q}`, zone)},
			wrong("timezone", fmt.Sprintf("%q is no time zone; expected a name such as Europe/Berlin or America/New_York", zone)))
	}
	// Mails tell times there, and those of the accounts below too.
	s.ok(200, request{method: "PATCH", path: "/v1/accounts/acme", body: `{"timezone":"Asia/Tokyo"}`}, &got)
	var p preview
	s.ok(200, previewOf("voicemail_to_email", "acme-east", `{"text":"{{ account.timezone }}"}`), &p)
	if p.Message.Text != "Asia/Tokyo" {
		t.Errorf("%q", p.Message.Text)
	}
	s.ok(200, request{method: "PATCH", path: "/v1/accounts/acme", body: `{"timezone":null}`}, &got)
}
