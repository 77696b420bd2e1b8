package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
)

func writeTo(body string) request {
	return request{method: "POST", path: "/v1/customer-updates", body: body}
}

// An account writes to the people of those below it, each gets a mail of its own.
func TestCustomerUpdates(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	for i, account := range []string{"acme", "acme", "acme-east", "other"} {
		role := []string{"admin", "viewer", "admin", "admin"}[i]
		s.ok(201, request{method: "POST", path: "/v1/users", body: fmt.Sprintf(`{"account_id":%q,"login":"u%d@example.com","name":"User %d","role":%q}`, account, i, i, role)}, nil)
	}
	var count struct {
		Mails      int
		Recipients []string
		Reason     string
	}
	for _, c := range []struct {
		body string
		want []string
	}{
		{`{"account_id":"root","recipient_id":"acme"`, []string{"u0@example.com"}},
		{`{"account_id":"root","recipient_id":"acme","user_type":"all_users"`, []string{"u0@example.com", "u1@example.com"}},
		{`{"account_id":"root"`, []string{"u0@example.com", "u2@example.com", "u3@example.com"}},
		{`{"account_id":"acme"`, []string{"u2@example.com"}},
		{`{"account_id":"acme-east"`, nil},
	} {
		s.ok(200, writeTo(c.body+`,"text":"Hello.","dry_run":true}`), &count)
		slices.Sort(count.Recipients)
		if d := cmp.Diff(c.want, slices.Clone(count.Recipients)); len(c.want) != count.Mails || count.Mails > 0 && d != "" || (count.Mails == 0) != (count.Reason != "") {
			t.Errorf("%s: %+v", c.body, count)
		}
	}
	if s.mailbox.Count() > 0 {
		t.Error("something was sent")
	}

	var sent struct {
		EventID string `json:"event_id"`
		Mails   int
	}
	s.ok(202, writeTo(`{"account_id":"root","recipient_id":"acme","user_type":"all_users","subject":"To {{ user.first_name }}","html":"<p>{{ databag.when }}</p>","databag":{"when":"Saturday"},"reply_to":["noc@example.com"],"bcc":["archive@example.com"]}`), &sent)
	if sent.Mails != 2 {
		t.Errorf("%+v", sent)
	}
	var got []string
	for _, m := range s.posted(2) {
		got = append(got, fmt.Sprint(m.To, m.Subject))
	}
	slices.Sort(got)
	if d := cmp.Diff([]string{"[u0@example.com archive@example.com]To User 0", "[u1@example.com archive@example.com]To User 1"}, got); d != "" {
		t.Error(d)
	}
	list := s.mails("?event_id="+sent.EventID, 2)
	if list[0].EventID != sent.EventID || list[0].AccountID != "root" || list[0].Template.ID != "customer_update" {
		t.Errorf("%+v", list[0])
	}

	// A template of one's own.
	s.ok(201, request{method: "POST", path: "/v1/templates", body: `{"id":"maintenance","subject":"Maintenance","text":"{{ databag.when }}"}`}, nil)
	s.ok(202, writeTo(`{"recipient_id":"acme-east","template_id":"maintenance","databag":{"when":"now"}}`), &sent)
	if mails := s.posted(3); mails[2].Subject != "Maintenance" {
		t.Errorf("%+v", mails[2])
	}

	for _, c := range []struct{ body, field, message string }{
		{`{}`, "text", "is required, or html, or a template_id or databag that says what is to be told"},
		{`{"text":"x","template_id":"nope"}`, "template_id", `there is no template "nope"`},
		{`{"text":"x","account_id":"acme","recipient_id":"other"}`, "recipient_id", "expected the account acme, or one below it"},
		{`{"text":"x","from":"nobody"}`, "from", "expected a mail address such as Acme <info@acme.example>"},
		{`{"text":"x","cc":["nobody"]}`, "cc[0]", "expected a mail address such as ada@example.com or Ada <ada@example.com>"},
		{`{"text":"x","to":["a@example.com"]}`, "to", "there is no such field"},
	} {
		s.problem(writeTo(c.body), wrong(c.field, c.message))
	}
	s.problem(writeTo(`{"text":"x","recipient_id":"acme","user_type":"nobody"}`), api.Problem{
		Status: 409, Code: "conflict", Detail: "nothing would be sent: nobody would get it: no such user has a mail address",
	})
	if got := s.do(writeTo(`{"html":"{{ x"}`)); got.status != 422 || !strings.Contains(string(got.body), `"field":"html"`) {
		t.Errorf("%s", got.body)
	}
	// Who is not above an account writes nothing to it.
	if got := s.do(request{method: "POST", path: "/v1/customer-updates", key: acmeKey, body: `{"text":"x","recipient_id":"other"}`}); got.status != 422 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// What a customer update is made of has its bounds.
func TestLargestCustomerUpdate(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	users := make([]*switchhook.User, 20_001)
	for i := range users {
		users[i] = &switchhook.User{ID: fmt.Sprintf("user_%d", i), AccountID: "acme", Login: fmt.Sprintf("u%d@example.com", i), Role: "viewer"}
	}
	accounts, err := s.store.Accounts(t.Context())
	check(t, err)
	s.book.Set(accounts, users, nil)
	s.problem(writeTo(`{"recipient_id":"acme","user_type":"all_users","text":"x"}`), wrong("recipient_id", "it would be 20001 mails, and one update is at most 20000: write to the accounts one by one"))
	s.book.Set(accounts, users[:20_000], nil)
	var sent struct{ Mails int }
	s.ok(200, writeTo(`{"recipient_id":"acme","user_type":"all_users","text":"x","dry_run":true}`), &sent) // the engine's share is not this test's
	if sent.Mails != 20_000 {
		t.Errorf("%+v", sent)
	}
}
