package api_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

// An operation is one row of the matrix: who may do it, and what it is asked with.
type operation struct {
	pattern string
	// may has a letter for each role that may: admin, developer, viewer, ingest.
	// "-": it needs no key. "o": only keys of the operator's account.
	may string
	// names is how the request says which account it means: "path" by a thing in its
	// path, "query" by account_id, "body" by account_id or another member in its body;
	// empty: not at all.
	names string
	query string          // what it needs besides
	body  string          // $account is the account
	ok    int             // the status for who may; 0: 200
	code  switchhook.Code // with it
}

// matrix are all routes. One that is missing fails the test.
func matrix() []operation {
	return []operation{
		{pattern: "GET /healthz", may: "-"},
		{pattern: "GET /readyz", may: "-"},
		{pattern: "GET /openapi.json", may: "-"},
		{pattern: "GET /metrics", may: "advo"},
		{pattern: "GET /v1/info", may: "adv"},

		{pattern: "POST /v1/events", may: "adi", names: "body", body: `{"type":"custom.y","account_id":"$account","data":{}}`, ok: 202},
		{pattern: "/v1/in/{id}", may: "adi", names: "path", body: `call-1`, ok: 202},
		{pattern: "/v1/in/{id}/{token}", may: "-", names: "", body: `call-1`, ok: 202},

		{pattern: "GET /v1/events", may: "adv", names: "query"},
		{pattern: "GET /v1/events/{id}", may: "adv", names: "path"},
		{pattern: "GET /v1/events/{id}/deliveries", may: "adv", names: "path"},
		{pattern: "GET /v1/events/{id}/explain", may: "adv", names: "path"},
		{pattern: "GET /v1/events/stream", may: "adv", names: "query"},
		{pattern: "GET /v1/calls", may: "adv", names: "query"},
		{pattern: "GET /v1/calls/{id}", may: "adv", names: "path"},
		{pattern: "GET /v1/event-types", may: "adv"},
		{pattern: "GET /v1/event-types/{type}", may: "adv"},
		{pattern: "GET /v1/attempts", may: "adv", names: "query"},
		{pattern: "GET /v1/attempts/{id}", may: "adv", names: "path"},
		{pattern: "GET /v1/attempts/stream", may: "adv", names: "query"},
		{pattern: "GET /v1/deliveries", may: "adv", names: "query"},
		{pattern: "GET /v1/deliveries/{id}", may: "adv", names: "path"},
		{pattern: "POST /v1/deliveries/{id}/retry", may: "ad", names: "path", ok: 202},

		{pattern: "POST /v1/webhooks", may: "ad", names: "body", body: `{"account_id":"$account","url":"https://example.com","events":["*"]}`, ok: 201},
		{pattern: "GET /v1/webhooks", may: "adv", names: "query"},
		{pattern: "GET /v1/webhooks/{id}", may: "adv", names: "path"},
		{pattern: "PATCH /v1/webhooks/{id}", may: "ad", names: "path", body: `{"name":"changed"}`},
		{pattern: "DELETE /v1/webhooks/{id}", may: "ad", names: "path", ok: 204},
		{pattern: "POST /v1/webhooks/{id}/pause", may: "ad", names: "path"},
		{pattern: "POST /v1/webhooks/{id}/resume", may: "ad", names: "path"},
		{pattern: "POST /v1/webhooks/{id}/test", may: "ad", names: "path"},
		{pattern: "GET /v1/webhooks/{id}/stats", may: "adv", names: "path"},
		{pattern: "POST /v1/webhooks/preview", may: "ad", names: "body", body: `{"webhook":{"account_id":"$account","url":"https://example.com","events":["*"]}}`},
		{pattern: "GET /v1/webhooks/{id}/preview", may: "adv", names: "path"},
		{pattern: "POST /v1/webhooks/{id}/rotate-secret", may: "ad", names: "path"},
		{pattern: "POST /v1/webhooks/{id}/replay", may: "ad", names: "path", ok: 202},
		{pattern: "POST /v1/webhooks/re-enable", may: "ad", names: "body", body: `{"account_id":"$account"}`},
		{pattern: "POST /v1/webhooks/pause", may: "ad", names: "body", body: `{"account_id":"$account"}`},
		{pattern: "POST /v1/webhooks/resume", may: "ad", names: "body", body: `{"account_id":"$account"}`},
		{pattern: "POST /v1/webhooks/listen", may: "ad", names: "body", body: `{"account_id":"$account","url":"http://127.0.0.1:3000","events":["*"],"secret":"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`},
		{pattern: "POST /v1/webhooks/{id}/listen", may: "ad", names: "path"},
		{pattern: "GET /v1/stats", may: "adv", names: "query"},
		{pattern: "GET /v1/stats/webhooks", may: "adv", names: "query"},
		{pattern: "GET /v1/search", may: "adv", names: "query", query: "q=call-1"},

		{pattern: "GET /v1/jobs", may: "adv", names: "query"},
		{pattern: "GET /v1/jobs/{id}", may: "adv", names: "path"},
		{pattern: "POST /v1/jobs/{id}/cancel", may: "ad", names: "path"},

		{pattern: "POST /v1/sources", may: "a", names: "body", body: `{"kind":"simple","account_id":"$account"}`, ok: 201},
		{pattern: "GET /v1/sources", may: "adv", names: "query"},
		{pattern: "GET /v1/sources/{id}", may: "adv", names: "path"},
		{pattern: "PATCH /v1/sources/{id}", may: "a", names: "path", body: `{"options":{"x":1}}`},
		{pattern: "DELETE /v1/sources/{id}", may: "a", names: "path", ok: 204},
		{pattern: "POST /v1/sources/{id}/rotate-token", may: "a", names: "path"},
		{pattern: "GET /v1/sources/{id}/ari", may: "-", ok: 404}, // whoever connects has a password of the source's
		{pattern: "GET /v1/sources/{id}/rejects", may: "adv", names: "path"},

		{pattern: "GET /v1/records", may: "adv", names: "query"},
		{pattern: "GET /v1/records/{schema}/{id}", may: "adv", names: "query"},
		{pattern: "PUT /v1/records/{schema}/{id}", may: "ad", names: "query", body: `{"changed":"$nonce"}`},
		{pattern: "DELETE /v1/records/{schema}/{id}", may: "ad", names: "query", ok: 204},

		{pattern: "GET /v1/dialect-ids", may: "adv", names: "query"},
		{pattern: "GET /v1/dialect-ids/kinds", may: "adv"},
		{pattern: "GET /v1/dialect-ids/{dialect}/{schema}/{id}", may: "adv", names: "query"},
		{pattern: "PUT /v1/dialect-ids/{dialect}/{schema}/{id}", may: "ad", names: "query", body: `{"value":"$nonce"}`},
		{pattern: "DELETE /v1/dialect-ids/{dialect}/{schema}/{id}", may: "ad", names: "query", ok: 204},

		{pattern: "GET /v1/templates", may: "adv", names: "query"},
		{pattern: "POST /v1/templates", may: "ad", names: "query", body: `{"id":"t$nonce","text":"Hello."}`, ok: 201},
		{pattern: "GET /v1/templates/{id}", may: "adv", names: "query"},
		{pattern: "PATCH /v1/templates/{id}", may: "ad", names: "query", body: `{"name":"changed $nonce"}`},
		{pattern: "DELETE /v1/templates/{id}", may: "ad", names: "query", ok: 204},
		{pattern: "GET /v1/templates/{id}/versions", may: "adv", names: "query"},
		{pattern: "POST /v1/templates/{id}/versions/{version}/restore", may: "ad", names: "query"},
		{pattern: "POST /v1/templates/{id}/preview", may: "ad", names: "query"},
		{pattern: "GET /v1/previews/{token}", may: "-", ok: 404},
		{pattern: "GET /v1/mails", may: "adv", names: "query"},
		{pattern: "GET /v1/mails/{id}", may: "adv", names: "path"},
		{pattern: "GET /v1/mails/{id}/html", may: "adv", names: "path"},
		{pattern: "POST /v1/mails/{id}/resend", may: "ad", names: "path", ok: 202},
		{pattern: "GET /v1/mail", may: "adv"},
		{pattern: "POST /v1/customer-updates", may: "a", names: "body", body: `{"account_id":"$account","text":"Hello.","dry_run":true}`},

		{pattern: "POST /v1/accounts", may: "a", names: "body", body: `{"parent_id":"$account"}`, ok: 201},
		{pattern: "GET /v1/accounts", may: "adv"},
		{pattern: "GET /v1/accounts/{id}", may: "adv", names: "path"},
		{pattern: "PATCH /v1/accounts/{id}", may: "a", names: "path", body: `{"name":"changed"}`},
		{pattern: "DELETE /v1/accounts/{id}", may: "a", names: "path", ok: 204},

		{pattern: "POST /v1/session", may: "-", body: `{}`, ok: 422},
		{pattern: "GET /v1/session", may: "adv"},
		{pattern: "DELETE /v1/session", may: "-", ok: 204},
		{pattern: "GET /v1/session/ways", may: "-"},
		{pattern: "POST /v1/session/password", may: "adv", body: `{}`, ok: 409, code: "conflict"}, // a key has none
		{pattern: "GET /portal", may: "-", ok: 422},
		{pattern: "POST /portal", may: "-", ok: 422},
		{pattern: "GET /signin/oidc", may: "-", ok: 404}, // the tests' server has no provider
		{pattern: "GET /signin/oidc/callback", may: "-", ok: 404},
		{pattern: "GET /v1/logos/{id}", may: "-", ok: 404},
		{pattern: "POST /v1/portal-links", may: "a", names: "body", body: `{"account_id":"$account"}`, ok: 201},
		{pattern: "POST /v1/users", may: "a", names: "body", body: `{"account_id":"$account","login":"u$nonce","role":"viewer"}`, ok: 201},
		{pattern: "GET /v1/users", may: "a", names: "query"},
		{pattern: "GET /v1/users/{id}", may: "a", names: "path"},
		{pattern: "PATCH /v1/users/{id}", may: "a", names: "path", body: `{"name":"changed"}`},
		{pattern: "DELETE /v1/users/{id}", may: "a", names: "path", ok: 204},
		{pattern: "GET /v1/audit", may: "a", names: "query"},

		{pattern: "POST /v1/api-keys", may: "a", names: "body", body: `{"role":"viewer","account_id":"$account"}`, ok: 201},
		{pattern: "GET /v1/api-keys", may: "a", names: "query"},
		{pattern: "GET /v1/api-keys/{id}", may: "a", names: "path"},
		{pattern: "PATCH /v1/api-keys/{id}", may: "a", names: "path", body: `{"name":"changed"}`},
		{pattern: "DELETE /v1/api-keys/{id}", may: "a", names: "path", ok: 204},
	}
}

// Every route, for every role, on what is the key's own, its child's, its parent's and a
// stranger's: who may not see a thing is told that it is not there, who may not do it that
// the role is too weak.
func TestMatrix(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	s.feed.Close() // streams end at once
	r := newReceiver(t)
	roles := map[byte]switchhook.Role{'a': "admin", 'd': "developer", 'v': "viewer", 'i': "ingest"}
	accounts := []struct{ kind, id string }{{"own", "acme"}, {"child", "acme-east"}, {"parent", "root"}, {"foreign", "other"}}
	keys := map[string]string{} // by account and role
	for _, account := range []string{"acme", "root"} {
		for _, role := range roles {
			var made struct{ Key string }
			s.ok(201, request{method: "POST", path: "/v1/api-keys", body: fmt.Sprintf(`{"role":%q,"account_id":%q}`, role, account)}, &made)
			keys[account+" "+string(role)] = made.Key
		}
	}
	things := things{s: s, receiver: r.URL, made: map[string]string{}}
	for _, account := range accounts {
		things.happen(account.id)
	}

	patterns, listed := api.Patterns(s.handler), map[string]bool{}
	for _, row := range matrix() {
		listed[row.pattern] = true
		if !slices.Contains(patterns, row.pattern) {
			t.Errorf("%s is in the matrix and no route", row.pattern)
		}
	}
	for _, p := range patterns {
		if !listed[p] {
			t.Errorf("%s is no row of the matrix: say who may do it", p)
		}
	}

	for _, row := range matrix() {
		for letter, role := range roles {
			for _, account := range accounts {
				if row.names == "" && account.kind != "own" {
					continue
				}
				visible := account.kind == "own" || account.kind == "child"
				of := "acme"
				if strings.Contains(row.may, "o") {
					of = "root"
				}
				got := s.do(things.request(row, account.id, keys[of+" "+string(role)]))
				want := row.ok
				if want == 0 {
					want = http.StatusOK
				}
				switch {
				case strings.Contains(row.may, "-"):
				case !strings.Contains(row.may, string(letter)):
					want = http.StatusForbidden
				case !visible && row.names == "path":
					want = http.StatusNotFound
				case !visible:
					want = http.StatusUnprocessableEntity
				}
				name := fmt.Sprintf("%s as %s on what is %s", row.pattern, role, account.kind)
				if got.status != want {
					t.Errorf("%s: %d, want %d: %s", name, got.status, want, got.body)
				}
				if row.may == "-" {
					continue
				}
				var p api.Problem
				if got.status >= http.StatusBadRequest {
					check(t, json.Unmarshal(got.body, &p))
				}
				code := row.code
				if code == "" || want != row.ok {
					code = map[int]switchhook.Code{403: switchhook.CodeForbidden, 404: switchhook.CodeNotFound, 422: switchhook.CodeUnknownAccount}[want]
				}
				if p.Code != code {
					t.Errorf("%s: code %q, want %q", name, p.Code, code)
				}
				if want == 403 && !strings.Contains(p.Detail, "the role of this key is "+string(role)+"; ") {
					t.Errorf("%s: %q does not say why", name, p.Detail)
				}
			}
		}
		if row.may == "-" {
			continue
		}
		if got := s.do(things.request(row, "acme", "-")); got.status != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d", row.pattern, got.status)
		}
		if strings.Contains(row.may, "o") {
			if got := s.do(things.request(row, "acme", keys["acme admin"])); got.status != http.StatusForbidden {
				t.Errorf("%s with a customer's key: %d", row.pattern, got.status)
			}
		}
		if row.names == "path" { // the same is said of what is another's and of what nobody has
			foreign, never := things.request(row, "other", acmeKey), things.request(row, "never", acmeKey)
			if a, b := s.do(foreign), s.do(never); a.status != b.status || row.pattern != "GET /v1/accounts/{id}" && row.pattern != "PATCH /v1/accounts/{id}" && strings.Contains(string(a.body), "other") {
				t.Errorf("%s: a stranger's thing is answered %d %s, and what is not there %d", row.pattern, a.status, a.body, b.status)
			}
		}
		if strings.HasPrefix(row.pattern, "GET ") && row.names == "query" && !strings.Contains(row.pattern, "{") && !strings.HasSuffix(row.pattern, "/stream") {
			_, path, _ := strings.Cut(row.pattern, " ")
			for _, secret := range []string{`"root"`, `"other"`} {
				if got := s.do(request{path: path + "?" + row.query, key: acmeKey}); strings.Contains(string(got.body), `"account_id":`+secret) {
					t.Errorf("%s shows acme what is %s's: %s", row.pattern, secret, got.body)
				}
			}
		}
	}

	// The document says of each operation who may.
	c := contractOf(t, s.handler)
	operations := map[string]bool{}
	for path, item := range c.doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			op := op.(map[string]any)
			i := slices.IndexFunc(matrix(), func(row operation) bool {
				return row.pattern == strings.ToUpper(method)+" "+path || row.pattern == path
			})
			if i < 0 {
				t.Errorf("%s %s is in the document and no row of the matrix", method, path)
				continue
			}
			description, _ := op["description"].(string)
			_, may, says := strings.Cut(description, "Role: ")
			if matrix()[i].may == "-" {
				continue
			}
			operations[op["operationId"].(string)] = true
			for letter, role := range roles {
				if !says || strings.Contains(may, string(role)) != strings.Contains(matrix()[i].may, string(letter)) {
					t.Errorf("%s %s: who may is %q, and the document says %q", method, path, matrix()[i].may, may)
				}
			}
		}
	}
	for _, op := range api.Operations() {
		if !operations[op] {
			t.Errorf("the table of roles has %s, which is no operation", op)
		}
	}
}

// The keys of an account that is suspended, and of those below it, may nothing at all.
func TestSuspendedKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	below := s.key(`{"role":"admin","account_id":"acme-east"}`).Key
	s.ok(200, request{method: "PATCH", path: "/v1/accounts/acme", body: `{"suspended":true}`}, nil)
	for _, row := range matrix() {
		if row.may == "-" {
			continue
		}
		method, path, ok := strings.Cut(row.pattern, " ")
		if !ok {
			method, path = http.MethodPost, row.pattern
		}
		s.problem(request{method: method, path: path, key: acmeKey}, api.Problem{
			Status: 403, Code: "account_suspended", Detail: "the account acme is suspended; whoever runs the account above it can say why, and resume it",
		})
		s.problem(request{method: method, path: path, key: below}, api.Problem{
			Status: 403, Code: "account_suspended", Detail: "the account acme-east is suspended, for an account above it is",
		})
	}
}

// things make what requests are about: of each kind, in each account.
type things struct {
	s        *server
	receiver string
	made     map[string]string // ids of what has happened, by kind and account
	nonce    int
}

// happen puts an event with a delivery, an attempt and a job into an account.
func (th *things) happen(account string) {
	th.s.t.Helper()
	hook := th.webhook(account)
	var got struct{ Events []struct{ ID string } }
	th.s.ok(202, request{method: "POST", path: "/v1/events", body: fmt.Sprintf(`{"type":"custom.x","account_id":%q,"data":{}}`, account)}, &got)
	id := got.Events[0].ID
	th.made["events "+account] = id
	th.made["deliveries "+account] = switchhook.DeliveryID(account, id, hook)
	list := th.s.await("/v1/attempts?webhook_id="+hook, "next_cursor", "<nil>")
	for end := time.Now().Add(10 * time.Second); len(list["items"].([]any)) == 0 && time.Now().Before(end); {
		list = th.s.await("/v1/attempts?webhook_id="+hook, "next_cursor", "<nil>")
	}
	th.made["attempts "+account] = list["items"].([]any)[0].(map[string]any)["id"].(string)
	th.made["webhooks "+account] = hook
	th.s.ok(202, request{method: "POST", path: "/v1/events", body: fmt.Sprintf(`{"type":"voicemail.new","account_id":%q,"data":{"voicemail":{"id":"m1","mailbox_id":"101"},"notification":{"to":["ada@example.com"]}}}`, account)}, nil)
	th.made["mails "+account] = th.s.mails("?account_id="+account, 1)[0].ID
	call := fmt.Sprint("call-", len(th.made))
	th.made["calls "+account] = call
	th.s.ok(202, request{method: "POST", path: "/v1/events", body: fmt.Sprintf(`{"type":"call.created","account_id":%q,"data":{"call":{"id":%q}}}`, account, call)}, nil)
}

func (th *things) webhook(account string) string {
	th.s.t.Helper()
	id, _ := th.s.webhook(fmt.Sprintf(`{"account_id":%q,"url":%q,"events":["custom.x"]}`, account, th.receiver))
	return id
}

// thing is the id of a thing of a kind in an account. fresh: a new one.
func (th *things) thing(kind, account string, fresh bool) (id string) {
	s := th.s
	s.t.Helper()
	th.nonce++
	if account == "never" {
		return "never-there"
	}
	var made struct{ ID string }
	if id := th.made[kind+" "+account]; id != "" && !fresh {
		return id
	}
	defer func() {
		if !fresh {
			th.made[kind+" "+account] = id
		}
	}()
	switch kind {
	case "webhooks":
		return th.webhook(account)
	case "sources", "in":
		s.ok(201, request{method: "POST", path: "/v1/sources", body: fmt.Sprintf(`{"kind":"simple","account_id":%q}`, account)}, &made)
		return made.ID
	case "api-keys":
		s.ok(201, request{method: "POST", path: "/v1/api-keys", body: fmt.Sprintf(`{"role":"viewer","account_id":%q}`, account)}, &made)
		return made.ID
	case "users":
		s.ok(201, request{method: "POST", path: "/v1/users", body: fmt.Sprintf(`{"role":"viewer","login":"user%d","account_id":%q}`, th.nonce, account)}, &made)
		return made.ID
	case "accounts":
		if !fresh {
			return account
		}
		s.ok(201, request{method: "POST", path: "/v1/accounts", body: fmt.Sprintf(`{"parent_id":%q}`, account)}, &made)
		return made.ID
	case "jobs":
		s.ok(202, request{method: "POST", path: "/v1/webhooks/" + th.made["webhooks "+account] + "/replay", body: `{"which":"all","rate":0.00001}`}, &made)
		return made.ID
	}
	return th.made[kind+" "+account]
}

// request is the request of a row about what belongs to an account.
func (th *things) request(row operation, account, key string) request {
	s := th.s
	s.t.Helper()
	method, path, both := strings.Cut(row.pattern, " ")
	if !both {
		method, path = http.MethodPost, row.pattern
	}
	kind := strings.Split(path, "/")[min(2, strings.Count(path, "/"))]
	query, err := url.ParseQuery(row.query)
	check(s.t, err)
	switch {
	case strings.Contains(path, "{schema}"):
		id, dialect := fmt.Sprint("r", th.nonce), strings.Contains(path, "{dialect}")
		th.nonce++
		if target := path; dialect {
			path = strings.NewReplacer("{dialect}", "kazoo", "{schema}", "device", "{id}", id).Replace(target)
			s.ok(200, request{method: "PUT", path: path + "?account_id=" + account, body: fmt.Sprintf(`{"value":"%032x"}`, sha256.Sum256([]byte(id)))[:42] + `"}`}, nil)
		} else {
			path = strings.NewReplacer("{schema}", "number", "{id}", id).Replace(target)
			s.ok(201, request{method: "PUT", path: path + "?account_id=" + account, body: `{"changed":"no"}`}, nil)
		}
	case strings.HasPrefix(path, "/v1/templates/"):
		s.ok(200, request{method: "PATCH", path: "/v1/templates/missed_call?account_id=" + account, body: fmt.Sprintf(`{"name":"before %d"}`, th.nonce)}, nil)
		var list struct{ Items []struct{ Version int } }
		s.ok(200, request{path: "/v1/templates/missed_call/versions?account_id=" + account}, &list)
		path = strings.NewReplacer("{id}", "missed_call", "{version}", fmt.Sprint(list.Items[0].Version)).Replace(path)
	case path == "/v1/in/{id}/{token}":
		id := th.thing("sources", account, false)
		var src sourceView
		s.ok(200, request{path: "/v1/sources/" + id}, &src)
		path = src.IngestURL
	default:
		path = strings.NewReplacer("{id}", "{id}", "{type}", "call.created").Replace(path)
		if strings.Contains(path, "{id}") {
			path = strings.ReplaceAll(path, "{id}", th.thing(kind, account, method == http.MethodDelete))
		}
	}
	if row.names == "query" {
		query.Set("account_id", account)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	th.nonce++
	body := strings.NewReplacer("$account", account, "$nonce", fmt.Sprintf("%032x", th.nonce)).Replace(row.body)
	return request{method: method, path: path, body: body, key: key}
}
