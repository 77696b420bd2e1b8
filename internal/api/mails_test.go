package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/sim"
)

type mailView struct {
	ID         string
	DeliveryID string `json:"delivery_id"`
	EventID    string `json:"event_id"`
	AccountID  string `json:"account_id"`
	Template   templateRef
	Preview    bool
	From       string
	To         []string
	Cc, Bcc    []string
	Subject    string
	Outcome    string
	State      string `json:"delivery_state"`
	Number     int    `json:"attempt_number"`
	Status     int
	Answer     string
	Error      string
	Accepted   []string
	Refused    []struct{ Address, Answer string }
	Text       string
	HTML       string
	HTMLURL    string `json:"html_url"`
}

type templateRef struct {
	ID        string
	AccountID string `json:"account_id"`
	Version   int64
}

// mails waits until a list has at least so many, and returns it.
func (s *server) mails(query string, n int) []mailView {
	s.t.Helper()
	look, end := time.NewTicker(5*time.Millisecond), time.Now().Add(20*time.Second)
	defer look.Stop()
	for range look.C {
		var list struct{ Items []mailView }
		s.ok(200, request{path: "/v1/mails" + query}, &list)
		if len(list.Items) >= n {
			return list.Items
		}
		if time.Now().After(end) {
			s.t.Fatalf("%d mails, want %d", len(list.Items), n)
		}
	}
	return nil
}

// posted waits until the mailbox has taken so many mails in all.
func (s *server) posted(n int) []*sim.Mail {
	s.t.Helper()
	end := time.After(20 * time.Second)
	for {
		changed := s.mailbox.Changed()
		if s.mailbox.Count() >= n {
			return s.mailbox.Messages()
		}
		select {
		case <-changed:
		case <-end:
			s.t.Fatalf("%d mails have come, want %d", s.mailbox.Count(), n)
		}
	}
}

// voicemail is an event of acme's that becomes a mail.
func voicemail(id, to string) string {
	return fmt.Sprintf(`{"id":%q,"type":"voicemail.new","account_id":"acme","data":{"call":{"id":"c-%s","from":{"address":"+12025550143","name":"Grace Hopper"}},"voicemail":{"id":"m1","mailbox_id":"101"},"notification":{"to":%s}}}`, id, id, to)
}

// What became of a mail can be looked at: by whom it was refused, how it looked, and it can be
// sent again.
func TestMails(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	s.ok(200, request{method: "PATCH", path: "/v1/accounts/acme", body: `{"portal":{"logo":"` + png + `"}}`}, nil)
	s.ok(200, request{method: "PATCH", path: "/v1/templates/voicemail_to_email?account_id=acme", body: `{"html":"<img src=\"cid:logo\"><p>{{ caller_id.name }}</p><script>alert(1)</script>"}`}, nil)
	s.send(voicemail("e1", `["Ada \"A\" Lovelace <ada@example.com>","nobody@example.com"]`))
	got := s.mails("?account_id=acme", 1)[0]
	if got.Template != (templateRef{"voicemail_to_email", "acme", 1}) || got.EventID != "e1" || got.Outcome != "success" || got.State != "delivered" || got.Status != 250 || got.Number != 1 ||
		got.From != "no-reply@pbx.example.com" || !strings.Contains(got.Subject, "Hopper") || got.Preview {
		t.Errorf("%+v", got)
	}
	if d := cmp.Diff([]string{"nobody@example.com"}, []string{got.Refused[0].Address}); d != "" || len(got.Refused) != 1 || got.Refused[0].Answer != "550 5.7.1 there is no such mailbox; try: another 550" {
		t.Errorf("refused: %+v", got.Refused)
	}
	if d := cmp.Diff([]string{"ada@example.com"}, got.Accepted); d != "" {
		t.Errorf("accepted: %s", d)
	}
	var one mailView
	s.ok(200, request{path: "/v1/mails/" + got.ID, key: acmeKey}, &one)
	if one.HTML != `<img src="cid:logo"><p>Grace Hopper</p><script>alert(1)</script>` || one.Text == "" || one.HTMLURL != "/v1/mails/"+got.ID+"/html" {
		t.Errorf("%+v", one)
	}

	// Its page is shown and can do nothing; a session's frame gets it by the cookie.
	cookie := s.signIn(`{"key":"` + acmeKey + `"}`)
	page := s.do(request{path: one.HTMLURL, key: "-", header: map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}})
	if page.status != http.StatusOK || !strings.Contains(string(page.body), `<img src="`+png+`">`) {
		t.Errorf("%d %s", page.status, page.body)
	}
	sandboxed(t, page)
	if got := s.do(request{path: one.HTMLURL, key: "-"}); got.status != http.StatusUnauthorized {
		t.Errorf("without a cookie: %d", got.status)
	}

	// Again, to all of them, and in today's words.
	s.ok(200, request{method: "PATCH", path: "/v1/templates/voicemail_to_email?account_id=acme", body: `{"subject":"Once more"}`}, nil)
	s.ok(202, request{method: "POST", path: "/v1/mails/" + got.ID + "/resend", key: acmeKey}, nil)
	list := s.mails("?account_id=acme", 2)
	if list[0].Subject != "Once more" || list[0].DeliveryID != got.DeliveryID || list[0].Template.Version != 2 || len(list[0].Accepted) != 1 {
		t.Errorf("%+v", list[0])
	}
	s.posted(2)

	// The delivery is one like others.
	var delivery struct {
		State     string
		WebhookID string `json:"webhook_id"`
	}
	s.ok(200, request{path: "/v1/deliveries/" + got.DeliveryID, key: acmeKey}, &delivery)
	if delivery.WebhookID != "mail:acme:voicemail_to_email" || delivery.State != "delivered" {
		t.Errorf("%+v", delivery)
	}
	s.await("/v1/attempts?webhook_id=mail:acme:voicemail_to_email", "next_cursor", "<nil>")
	s.ok(202, request{method: "POST", path: "/v1/deliveries/" + got.DeliveryID + "/retry", key: acmeKey}, nil)
	s.mails("?account_id=acme", 3)

	// Switched off it is not sent again.
	s.ok(200, request{method: "PATCH", path: "/v1/templates/voicemail_to_email?account_id=acme", body: `{"enabled":false}`}, nil)
	s.problem(request{method: "POST", path: "/v1/mails/" + got.ID + "/resend"}, api.Problem{
		Status: 409, Code: "conflict", Detail: "the template voicemail_to_email is switched off; switch it on first",
	})
	s.problem(request{path: "/v1/mails/" + list[0].ID, key: s.key(`{"role":"admin","account_id":"other"}`).Key}, api.Problem{
		Status: 404, Code: "not_found", Detail: fmt.Sprintf("there is no mail %q", list[0].ID),
	})
}

// sandboxed holds that a page is one in which nothing happens.
func sandboxed(t *testing.T, page reply) {
	t.Helper()
	want := map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
	}
	for name, value := range want {
		if got := page.header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

// A list is narrowed by what the store knows nothing of, a page at a time, and none is lost or
// comes twice.
func TestFindMails(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	var events []string
	for i := range 30 {
		events = append(events, voicemail(fmt.Sprintf("v%d", i), fmt.Sprintf(`["box%d@Example.com"]`, i%3)))
	}
	events = append(events, `{"id":"r1","type":"voicemail.full","account_id":"acme","data":{"voicemail":{"mailbox_id":"101"},"notification":{"to":["ops@example.com"]}}}`)
	s.send(events...)
	s.mails("?limit=500", 31)
	for query, want := range map[string]int{
		"template=voicemail_to_email": 30, "template=nope": 0, "to=BOX1@example": 10, "to=box1&subject=grace": 10, "subject=no+such": 0,
		"event_id=v7": 1, "outcome=failure": 0, "outcome=success": 31, "medium=sms": 0, "until=2020-01-01T00:00:00Z": 0, "account_id=other": 0,
		"to=ops%40example.com&account_id=acme": 1,
	} {
		if got := s.mails("?limit=500&"+query, 0); len(got) != want {
			t.Errorf("%s: %d, want %d", query, len(got), want)
		}
	}
	seen := map[string]bool{}
	for cursor, pages := "", 0; ; pages++ {
		var list struct {
			Items []mailView
			Next  *string `json:"next_cursor"`
		}
		s.ok(200, request{path: "/v1/mails?limit=3&to=box2&cursor=" + cursor}, &list)
		if len(list.Items) > 3 || pages > 10 {
			t.Fatalf("page %d has %d", pages, len(list.Items))
		}
		for _, m := range list.Items {
			if seen[m.ID] {
				t.Errorf("%s comes twice", m.ID)
			}
			seen[m.ID] = true
		}
		if list.Next == nil {
			break
		}
		cursor = *list.Next
	}
	if len(seen) != 10 {
		t.Errorf("%d were found, want 10", len(seen))
	}
	if got := s.do(request{path: "/v1/mails?medium=fax"}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("medium=fax: %d", got.status)
	}
}
