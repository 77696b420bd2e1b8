package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/mail"
)

type templatePart struct {
	Value     any
	AccountID string `json:"account_id"`
	Version   int64
}

type templateView struct {
	ID, Name, Category, Description string
	AccountID                       string   `json:"account_id"`
	EventTypes                      []string `json:"event_types"`
	Enabled, Custom                 bool
	Recipients                      string
	Changed                         []string
	Version                         int64
	UpdatedBy                       string `json:"updated_by"`
	Parts                           map[string]templatePart
	Own                             map[string]any
	Macros                          []struct{ Name, Meaning, Sample string }
}

// missedCall is the path of a template for an account.
func missedCall(account string) string { return "/v1/templates/missed_call?account_id=" + account }

func patch(path, body string) request { return request{method: "PATCH", path: path, body: body} }

// An account makes parts of a template its own; those below have them too, but for what is
// theirs, and all goes back to what is inherited part by part, or as a whole.
func TestTemplates(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var list struct{ Items []templateView }
	s.ok(200, request{path: "/v1/templates", key: acmeKey}, &list)
	if len(list.Items) != len(mail.Definitions()) {
		t.Fatalf("%d templates, want %d", len(list.Items), len(mail.Definitions()))
	}
	for _, one := range list.Items {
		if one.Name == "" || one.Description == "" || !one.Enabled || one.Custom || len(one.Changed) > 0 || one.Version != 0 || one.AccountID != "acme" || one.Recipients == "" {
			t.Errorf("%+v", one)
		}
	}

	var got templateView
	answer := s.do(request{path: missedCall("acme")})
	check(t, json.Unmarshal(answer.body, &got))
	if len(got.Macros) == 0 || len(got.Own) > 0 || got.Parts["subject"].AccountID != "" || got.Parts["subject"].Value == "" || answer.header.Get("ETag") != `"0"` {
		t.Errorf("%+v %s", got, answer.header.Get("ETag"))
	}
	for _, m := range got.Macros {
		if m.Name == "caller_id.number" && m.Sample != "+1 202-555-0143" || m.Meaning == "" {
			t.Errorf("%+v", m)
		}
	}
	builtIn := maps.Clone(got.Parts)

	changed := s.do(request{method: "PATCH", path: missedCall("acme"), key: acmeKey, header: map[string]string{"If-Match": `"0"`}, body: `{"subject":"{{ caller_id.number }} called","to":{"type":"specified","email_addresses":["Desk <desk@acme.example>","{{ account.id }}@acme.example"]},"enabled":false}`})
	check(t, json.Unmarshal(changed.body, &got))
	if changed.status != 200 || changed.header.Get("ETag") != `"1"` || got.Version != 1 || got.UpdatedBy != "key_acme" || got.Enabled || got.Recipients != "specified" {
		t.Fatalf("%d %s %+v", changed.status, changed.header.Get("ETag"), got)
	}
	if d := cmp.Diff([]string{"enabled", "subject", "to"}, got.Changed); d != "" {
		t.Error(d)
	}
	if got.Parts["subject"].AccountID != "acme" || got.Parts["subject"].Version != 1 || got.Parts["html"].AccountID != "" {
		t.Errorf("%+v", got.Parts["subject"])
	}

	// Who has not seen that is told.
	s.problem(request{method: "PATCH", path: missedCall("acme"), header: map[string]string{"If-Match": `"0"`}, body: `{"name":"x"}`}, api.Problem{
		Status: 412, Code: "precondition_failed", Detail: `it has been changed since it was read: its ETag is "1", and If-Match is "0"; read it again`,
	})

	// Below, it is inherited, and one part is another.
	got = templateView{}
	s.ok(200, patch(missedCall("acme-east"), `{"enabled":true,"html":"<p>{{ caller_id.name }}</p>"}`), &got)
	if got.Parts["subject"].AccountID != "acme" || got.Parts["html"].AccountID != "acme-east" || !got.Enabled || got.UpdatedBy != "" {
		t.Errorf("%+v", got)
	}
	s.ok(200, request{path: missedCall("other")}, &got)
	if d := cmp.Diff(builtIn, got.Parts); d != "" {
		t.Error(d)
	}

	// null is inherited again; nothing left, and it is reverted.
	got = templateView{}
	s.ok(200, patch(missedCall("acme-east"), `{"enabled":null}`), &got)
	if got.Enabled || got.Version != 2 || len(got.Own) != 1 {
		t.Errorf("%+v", got)
	}
	s.ok(200, patch(missedCall("acme-east"), `{"html":null}`), &got)
	if got.Version != 0 || len(got.Changed) != 0 {
		t.Errorf("%+v", got)
	}

	// Its versions stay, and each can be had back.
	var versions struct {
		Items []struct {
			Version  int64
			Reverted bool
			HTML     *string
		}
	}
	s.ok(200, request{path: strings.Replace(missedCall("acme-east"), "?", "/versions?", 1)}, &versions)
	if len(versions.Items) != 3 || !versions.Items[0].Reverted || versions.Items[0].Version != 3 || versions.Items[2].HTML == nil {
		t.Errorf("%+v", versions)
	}
	s.ok(200, request{method: "POST", path: strings.Replace(missedCall("acme-east"), "?", "/versions/1/restore?", 1)}, &got)
	if got.Version != 4 || !got.Enabled || got.Own["html"] != "<p>{{ caller_id.name }}</p>" {
		t.Errorf("%+v", got)
	}
	s.problem(request{method: "POST", path: strings.Replace(missedCall("acme-east"), "?", "/versions/9/restore?", 1)}, api.Problem{
		Status: 404, Code: "not_found", Detail: "the template missed_call of the account acme-east has no version 9",
	})
	for range 2 { // the second time there is nothing to revert, and no version is made
		s.ok(204, request{method: "DELETE", path: missedCall("acme-east")}, nil)
	}
	s.ok(200, request{path: strings.Replace(missedCall("acme-east"), "?", "/versions?limit=1&", 1)}, &versions)
	if len(versions.Items) != 1 || versions.Items[0].Version != 5 {
		t.Errorf("%+v", versions)
	}

	// Who changed what is in the audit log.
	var audit struct {
		Items []struct {
			Action        string
			ResourceID    string `json:"resource_id"`
			Before, After map[string]any
		}
	}
	s.ok(200, request{path: "/v1/audit?resource=template&account_id=acme", key: acmeKey}, &audit)
	if len(audit.Items) != 1 || audit.Items[0].Action != "update-template" || audit.Items[0].ResourceID != "missed_call" || audit.Items[0].After["subject"] != "{{ caller_id.number }} called" {
		t.Errorf("%+v", audit)
	}
}

// An account's own template is for events that name it; nobody has two of one id.
func TestOwnTemplates(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	of := func(account string) string { return "/v1/templates?account_id=" + account }
	create := func(account, body string) request { return request{method: "POST", path: of(account), body: body} }
	var got templateView
	s.ok(201, create("acme", `{"id":"vip_call","name":"A VIP called","subject":"VIP","text":"{{ comments }}"}`), &got)
	if len(got.Macros) == 0 {
		t.Error("it can show nothing")
	}
	if !got.Custom || got.Name != "A VIP called" || got.Recipients != "original" || cmp.Diff([]string{"notification.custom"}, got.EventTypes) != "" {
		t.Errorf("%+v", got)
	}
	taken := api.Problem{Status: 409, Code: "conflict", Detail: `id: the template "vip_call" is already there; it can be changed with PATCH`}
	taken.Errors = fields("id", `the template "vip_call" is already there; it can be changed with PATCH`)
	s.problem(create("acme", `{"id":"vip_call","text":"x"}`), taken)
	s.problem(create("acme-east", `{"id":"vip_call","text":"x"}`), taken)
	if got := s.do(create("acme", `{"id":"missed_call","text":"x"}`)); got.status != http.StatusConflict {
		t.Errorf("a built-in one: %d", got.status)
	}
	s.problem(create("acme", `{"id":"Vip Call"}`), api.Problem{
		Status: 422, Code: "invalid", Detail: "id: expected 1 to 64 of a-z 0-9 _ - (and one more)",
		Errors: append(fields("id", "expected 1 to 64 of a-z 0-9 _ -"), fields("text", "is required, or html: there is nothing to inherit")...),
	})
	s.ok(200, request{path: "/v1/templates/vip_call?account_id=acme-east"}, &got)
	s.problem(request{path: "/v1/templates/vip_call?account_id=other"}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no template "vip_call"`})
	s.problem(patch("/v1/templates/vip_call?account_id=acme", `{"name":null,"subject":null,"text":null}`), api.Problem{
		Status: 409, Code: "conflict", Detail: "nothing would be left of the template vip_call: there is none to inherit from; delete it instead",
	})
	s.ok(204, request{method: "DELETE", path: "/v1/templates/vip_call?account_id=acme"}, nil)
	s.problem(request{path: "/v1/templates/vip_call?account_id=acme"}, api.Problem{Status: 404, Code: "not_found", Detail: `there is no template "vip_call"`})
	s.problem(request{method: "POST", path: "/v1/templates/vip_call/versions/2/restore?account_id=acme"}, api.Problem{
		Status: 409, Code: "conflict", Detail: "in version 2 the template vip_call was not there; delete it instead",
	})
	s.ok(200, request{method: "POST", path: "/v1/templates/vip_call/versions/1/restore?account_id=acme"}, &got)
	if got.Version != 3 || got.Own["text"] != "{{ comments }}" {
		t.Errorf("%+v", got)
	}
	s.ok(204, request{method: "DELETE", path: "/v1/templates/vip_call?account_id=acme"}, nil)
	s.ok(201, create("acme", `{"id":"vip_call","html":"<b>again</b>"}`), &got)
	if got.Version != 5 {
		t.Errorf("its versions begin anew: %+v", got)
	}

	// So many and no more.
	for i := range 499 {
		s.ok(201, create("acme", fmt.Sprintf(`{"id":"t%d","text":"x"}`, i)), nil)
	}
	many := "the account has parts of 500 templates of its own; more are not allowed"
	s.problem(create("acme", `{"id":"one_more","text":"x"}`), wrong("id", many))
	s.problem(patch(missedCall("acme"), `{"name":"x"}`), wrong("id", many))
	s.ok(200, patch("/v1/templates/t1?account_id=acme", `{"name":"x"}`), nil)
}

// Each part that is wrong is named, with the place in it.
func TestBadTemplates(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, c := range []struct{ body, field, message string }{
		{`{"subject":"{{ caller_id.number"}`, "subject", "line 1, column 1: "},
		{`{"html":"<p>\n{{ x|nope }}</p>"}`, "html", "line 2, column 6: "},
		{`{"text":"{% if %}"}`, "text", "line 1, column "},
		{`{"from":"{{ a|nope }}"}`, "from", "line 1, column 6: "},
		{`{"reply_to":"{% x %}"}`, "reply_to", "line 1, column "},
		{`{"from":"nobody"}`, "from", "expected a mail address such as "},
		{`{"reply_to":"a@b, nobody"}`, "reply_to", "expected mail addresses with commas"},
		{`{"name":" "}`, "name", "expected 1 to 200 characters"},
		{`{"to":{"type":"all"}}`, "to.type", "expected original, specified or admins"},
		{`{"to":{"email_addresses":["a@example.com"]}}`, "to.type", "expected original, specified or admins"},
		{`{"cc":{"type":"specified","email_addresses":["a@example.com","nobody"]}}`, "cc.email_addresses[1]", "expected a mail address"},
		{`{"bcc":{"type":"specified","email_addresses":["{{ x"]}}`, "bcc.email_addresses[0]", "line 1, column 1: "},
		{`{"to":{"type":"specified","email_addresses":["a@b.example"` + strings.Repeat(`,"a@b.example"`, 100) + `]}}`, "to.email_addresses", "expected at most 100"},
		{`{"to":{"type":"specified","email_addresses":["{{ a }}"` + strings.Repeat(`,"{{ a }}"`, 10) + `]}}`, "to.email_addresses", "expected at most 10 that are written"},
		{`{"html":"` + strings.Repeat("x", 64<<10+1) + `"}`, "html", "expected at most 64 KiB"},
		{`{"subject":"` + strings.Repeat("x", 4<<10+1) + `"}`, "subject", "expected at most 4 KiB"},
		{`{"subject":7}`, "subject", "expected a string, got a number"},
		{`{"body":"x"}`, "body", "there is no such field"},
	} {
		var p api.Problem
		got := s.do(patch(missedCall("acme"), c.body))
		check(t, json.Unmarshal(got.body, &p))
		if got.status != 422 || len(p.Errors) != 1 || p.Errors[0].Field != c.field || !strings.HasPrefix(p.Errors[0].Message, c.message) {
			t.Errorf("%.60s: %d %+v", c.body, got.status, p.Errors)
		}
	}
	var got templateView
	s.ok(200, request{path: missedCall("acme")}, &got)
	if got.Version != 0 {
		t.Errorf("something of them is kept: %+v", got)
	}
	s.ok(200, patch(missedCall("acme"), `{"html":"`+strings.Repeat("x", 64<<10)+`","from":"","reply_to":"a@example.com, B <b@example.com>"}`), nil)
}

// Nobody sets up a webhook of a dialect that is for notifications alone.
func TestMailIsNoDialectOfWebhooks(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	for _, dialect := range []string{"mail", "sms"} {
		s.problem(create(`{"url":"https://example.com","events":["*"],"dialect":"`+dialect+`"}`), wrong("dialect", fmt.Sprintf("there is no dialect %q; there is kazoo, switchhook, teli", dialect)))
	}
}

func fields(field, message string) []switchhook.FieldError {
	return []switchhook.FieldError{{Field: field, Message: message}}
}
