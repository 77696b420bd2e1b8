package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

func put(path, body string) request {
	return request{method: "PUT", path: "/v1/records/" + path, body: body}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var rec switchhook.Record
	s.ok(201, put("number/+12025550100", `{"z":1, "number":"+12025550100", "a":[1, 2]}`), &rec)
	if rec.AccountID != "root" || rec.Schema != "number" || rec.ID != "+12025550100" || rec.CreatedAt.IsZero() {
		t.Errorf("%+v", rec)
	}
	kept, _ := s.router.Record("root", "number", "+12025550100")
	if got := string(kept.Row); got != `{"z":1,"number":"+12025550100","a":[1,2]}` {
		t.Errorf("row %s", got)
	}
	if n := s.events(); n != 1 {
		t.Errorf("%d events after the first change", n)
	}
	s.ok(200, put("number/+12025550100", `{"z":1,"number":"+12025550100","a":[1,2]}`), nil)
	if n := s.events(); n != 1 {
		t.Errorf("%d events after a change of nothing", n)
	}
	s.ok(200, put("number/+12025550100", `{"z":2,"number":"+12025550100"}`), nil)
	if n := s.events(); n != 2 {
		t.Errorf("%d events after the second change", n)
	}

	// The account is named in the body or in the query, and is no part of the row.
	s.ok(201, put("number/1", `{"account_id":"acme","number":"1"}`), &rec)
	if rec.AccountID != "acme" || strings.Contains(string(rec.Row), "account_id") {
		t.Errorf("%+v", rec)
	}
	s.ok(201, put("extension/1?account_id=acme-east", `{"number":"1"}`), &rec)
	if rec.AccountID != "acme-east" {
		t.Errorf("%+v", rec)
	}
	s.ok(201, request{method: "PUT", path: "/v1/records/number/2", key: acmeKey, body: `{}`}, &rec)
	if rec.AccountID != "acme" || string(rec.Row) != "{}" {
		t.Errorf("%+v", rec)
	}

	var page struct{ Items []switchhook.Record }
	ids := func(r request) string {
		t.Helper()
		s.ok(200, r, &page)
		var out []string
		for _, rec := range page.Items {
			out = append(out, rec.AccountID+"/"+rec.Schema+"/"+rec.ID)
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"":                          "acme/number/1 acme/number/2 acme-east/extension/1",
		"?schema=number":            "acme/number/1 acme/number/2",
		"?account_id=acme-east":     "acme-east/extension/1",
		"?schema=queue&limit=1":     "",
		"?account_id=acme&limit=50": "acme/number/1 acme/number/2",
	} {
		if got := ids(request{path: "/v1/records" + query, key: acmeKey}); got != want {
			t.Errorf("%s: %q, expected %q", query, got, want)
		}
	}

	s.ok(200, request{path: "/v1/records/number/1?account_id=acme"}, &rec)
	s.ok(200, request{path: "/v1/records/number/1", key: acmeKey}, &rec)
	s.ok(204, request{method: "DELETE", path: "/v1/records/number/1", key: acmeKey}, nil)
	s.problem(request{path: "/v1/records/number/1", key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: "the account acme has no record number/1"})
	s.problem(request{method: "DELETE", path: "/v1/records/number/1", key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: "the account acme has no record number/1"})
}

func TestBadRecords(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	unknown := func(id string) api.Problem {
		return api.Problem{Status: 422, Code: "unknown_account", Errors: []switchhook.FieldError{{Field: "account_id", Message: `there is no account "` + id + `" that this key opens`}}}
	}
	for _, c := range []struct {
		name string
		r    request
		want api.Problem
	}{
		{"schema", put("Number/1", `{}`), wrong("schema", "expected 1 to 64 characters of a-z 0-9 _")},
		{"id", put("number/"+strings.Repeat("x", 257), `{}`), wrong("id", "expected 1 to 128 printable characters")},
		{"no object", put("number/1", `[]`), api.Problem{Status: 422, Code: "invalid", Detail: "expected a JSON object, got an array"}},
		{"no JSON", put("number/1", `{"a"`), api.Problem{Status: 400, Code: "malformed", Detail: "the body is no valid JSON: it ends too early"}},
		{"twice", put("number/1", `{"a":{"b":1,"b":2}}`), api.Problem{Status: 400, Code: "malformed", Errors: []switchhook.FieldError{{Field: "a.b", Message: "the member is there twice"}}}},
		{"empty", put("number/1", ``), api.Problem{Status: 400, Code: "malformed", Detail: "the body is empty; expected a JSON object"}},
		{"account is a number", put("number/1", `{"account_id":5}`), wrong("account_id", "expected a string, got a number")},
		{"two accounts", put("number/1?account_id=acme", `{"account_id":"other"}`), wrong("account_id", `the body says "other" and the query "acme"`)},
		{"unknown account", put("number/1", `{"account_id":"nobody"}`), unknown("nobody")},
		{"foreign account", request{method: "PUT", path: "/v1/records/number/1?account_id=other", key: acmeKey, body: `{}`}, unknown("other")},
		{"foreign account, get", request{path: "/v1/records/number/1?account_id=other", key: acmeKey}, unknown("other")},
		{"too deep", put("number/1", `{"a":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}`), wrong("a", "is nested more than 1000 levels deep")},
		{"too large", put("number/1", `{"a":"`+strings.Repeat("x", 1<<20)+`"}`), api.Problem{Status: 413, Code: "too_large", Detail: "the request is over the limit of 1 MiB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s.in(t).problem(c.r, c.want)
		})
	}
	t.Cleanup(func() { // after the parallel cases
		if n, err := s.store.LastSequence(context.Background()); err != nil || n != 0 {
			t.Errorf("%d events of refused requests (%v)", n, err)
		}
	})
}

func TestAttemptsAndDeliveries(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, _ := s.webhook(with(`"include_subaccounts":true`))
	s.ok(202, post(`[{"id":"e1","type":"call.created","account_id":"acme","data":{"call":{"id":"7"}}},{"id":"e2","type":"call.created","data":{"call":{"id":"8"}}}]`), nil)
	s.attempt("att_1", "e1", "acme", id, 1, switchhook.Failure)
	s.attempt("att_2", "e1", "acme", id, 2, switchhook.Success)
	s.attempt("att_3", "e2", "root", id, 1, switchhook.Success)
	ids := func(r request) string {
		t.Helper()
		var page struct {
			Items []map[string]json.RawMessage
		}
		s.ok(200, r, &page)
		var out []string
		for _, item := range page.Items {
			out = append(out, strings.Trim(string(item["id"]), `"`))
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"":                            "att_3 att_2 att_1",
		"?event_id=e1":                "att_2 att_1",
		"?outcome=failure":            "att_1",
		"?account_id=acme":            "att_2 att_1",
		"?webhook_id=" + id:           "att_3 att_2 att_1",
		"?webhook_id=wh_x":            "",
		"?since=2100-01-01T00:00:00Z": "",
	} {
		if got := ids(request{path: "/v1/attempts" + query}); got != want {
			t.Errorf("%s: %q, expected %q", query, got, want)
		}
	}
	if got := ids(request{path: "/v1/attempts", key: acmeKey}); got != "att_2 att_1" {
		t.Errorf("as acme: %q", got)
	}
	s.problem(request{path: "/v1/attempts?outcome=maybe"}, wrong("outcome", `expected value to be one of "success, failure"`))
	s.ok(200, request{path: "/v1/attempts/att_1", key: acmeKey}, nil)
	s.problem(request{path: "/v1/attempts/att_3", key: acmeKey}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no attempt "att_3"`})

	mine := switchhook.DeliveryID("acme", "e1", id)
	if got := ids(request{path: "/v1/deliveries", key: acmeKey}); got != mine {
		t.Errorf("%q, expected %q", got, mine)
	}
	if got := ids(request{path: "/v1/events/e1/deliveries"}); got != mine {
		t.Errorf("%q, expected %q", got, mine)
	}
	if got := ids(request{path: "/v1/deliveries?state=pending"}); got != "" {
		t.Errorf("%q", got)
	}
	s.problem(request{path: "/v1/deliveries?state=gone"}, wrong("state", `expected value to be one of "pending, delivered, failed, expired, cancelled"`))
}
