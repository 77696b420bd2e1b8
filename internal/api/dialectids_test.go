package api_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

const hex32 = "4c7a1f0e9b2d48603f5e6a7b8c9d0e1f"

func setID(path, value string) request {
	return request{method: "PUT", path: "/v1/dialect-ids/" + path, body: `{"value":"` + value + `"}`}
}

func TestDialectIDs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var id switchhook.DialectID
	s.ok(200, setID("kazoo/device/101?account_id=acme", hex32), &id)
	if id.AccountID != "acme" || id.Dialect != "kazoo" || id.Schema != "device" || id.ID != "101" || id.Value != hex32 || id.UpdatedAt.IsZero() {
		t.Errorf("%+v", id)
	}
	// An account's own: the path says whose it is.
	s.ok(200, setID("kazoo/account/acme-east", strings.Repeat("a", 32)), &id)
	if id.AccountID != "acme-east" {
		t.Errorf("%+v", id)
	}
	s.ok(200, request{path: "/v1/dialect-ids/kazoo/device/101", key: acmeKey}, &id)

	var page struct{ Items []switchhook.DialectID }
	for query, want := range map[string]int{"": 2, "?schema=device": 1, "?dialect=teli": 0, "?account_id=acme-east": 1, "?limit=1": 1} {
		if s.ok(200, request{path: "/v1/dialect-ids" + query, key: acmeKey}, &page); len(page.Items) != want {
			t.Errorf("%s: %+v", query, page.Items)
		}
	}
	var kinds struct {
		Items []struct{ Dialect, Schema, Form string }
	}
	s.ok(200, request{path: "/v1/dialect-ids/kinds"}, &kinds)
	if len(kinds.Items) < 5 || kinds.Items[0].Dialect != "kazoo" || kinds.Items[0].Schema != "account" {
		t.Errorf("%+v", kinds)
	}

	none := `no id is set for the device "102" of the account acme in the dialect kazoo`
	for _, c := range []struct {
		r    request
		want api.Problem
	}{
		{setID("kazoo/device/102?account_id=acme", "101"), wrong("value", `expected 32 hex characters in lower case, got "101"`)},
		{setID("asterisk/device/102", hex32), wrong("dialect", `there is no dialect "asterisk"; there is kazoo, switchhook, teli`)},
		{setID("switchhook/device/102", hex32), wrong("dialect", "the dialect switchhook takes ids as they are")},
		{setID("kazoo/call/102", hex32), wrong("schema", "the dialect kazoo has ids for account, user, device, call_flow, mailbox, faxbox, media, resource, port_request, webhook")},
		{setID("kazoo/account/acme?account_id=other", hex32), wrong("id", `expected the account's own id "other"`)},
		{setID("kazoo/device/102?account_id=acme", hex32), api.Problem{Status: 409, Code: "conflict", Errors: []switchhook.FieldError{{
			Field: "value", Message: `another device has the id "` + hex32 + `" in the dialect kazoo`,
		}}}},
		{setID("kazoo/account/acme", strings.Repeat("a", 32)), api.Problem{Status: 409, Code: "conflict", Errors: []switchhook.FieldError{{
			Field: "value", Message: `another account has the id "` + strings.Repeat("a", 32) + `" in the dialect kazoo`,
		}}}},
		{setID("kazoo/device/"+strings.Repeat("1", 257), hex32), wrong("id", "expected at most 256 bytes of UTF-8 without control characters")},
		{setID("kazoo/device/a%0ab", hex32), wrong("id", "expected at most 256 bytes of UTF-8 without control characters")},
		{request{path: "/v1/dialect-ids/kazoo/device/102?account_id=acme"}, api.Problem{Status: 404, Code: "not_found", Detail: none}},
		{request{method: "DELETE", path: "/v1/dialect-ids/kazoo/device/102?account_id=acme"}, api.Problem{Status: 404, Code: "not_found", Detail: none}},
		{request{method: "PUT", path: "/v1/dialect-ids/kazoo/device/102", body: `{"value":"x","old":"y"}`}, wrong("old", "there is no such field")},
	} {
		s.in(t).problem(c.r, c.want)
	}
	s.ok(204, request{method: "DELETE", path: "/v1/dialect-ids/kazoo/device/101", key: acmeKey}, nil)
	s.ok(200, setID("kazoo/device/102?account_id=acme", hex32), nil)
}
