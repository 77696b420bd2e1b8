package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/mail"
)

type preview struct {
	Message struct {
		From, Subject, Text, HTML string
		To, Cc, Bcc               []string
		ReplyTo                   []string `json:"reply_to"`
		Attachments               []struct{ Name, Type, URL string }
		Template                  templateRef
	}
	HTMLURL string `json:"html_url"`
	Notes   []string
	Attempt *struct {
		Outcome string
		Error   string
		EventID string `json:"event_id"`
	}
}

func previewOf(id, account, body string) request {
	return request{method: "POST", path: "/v1/templates/" + id + "/preview?account_id=" + account, body: body}
}

// Each template makes a mail of its sample, and a page that shows it.
func TestTemplatePreviews(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, d := range mail.Definitions() {
		var got preview
		s.ok(200, previewOf(d.ID, "acme", ""), &got)
		if got.Message.Subject == "" || got.Message.Text == "" || got.Message.HTML == "" || got.Message.From == "" || got.Message.Template.ID != d.ID || got.Attempt != nil {
			t.Errorf("%s: %+v", d.ID, got)
		}
		page := s.do(request{path: got.HTMLURL, key: "-"})
		if log := s.log.String(); strings.Contains(log, got.HTMLURL) || !strings.Contains(log, "/v1/previews/[redacted]") {
			t.Errorf("%s: the log has what the page can be read with", d.ID)
		}
		if page.status != http.StatusOK || strings.Contains(string(page.body), "cid:logo") {
			t.Errorf("%s: %d", d.ID, page.status)
		}
		sandboxed(t, page)
	}
	s.problem(request{path: "/v1/previews/guessed", key: "-"}, api.Problem{Status: 404, Code: "not_found", Detail: "there is no such preview any more; make it again"})
}

// A preview is of what nobody has kept yet, and keeps nothing.
func TestPreviewOfADraft(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.ok(200, patch("/v1/accounts/acme", `{"portal":{"logo":"`+png+`"},"timezone":"Asia/Tokyo"}`), nil)
	s.send(voicemail("e1", `["ada@example.com"]`))
	var got preview
	s.ok(200, previewOf("voicemail_to_email", "acme", `{"event_id":"e1","subject":"{{ caller_id.name }}!","html":"<img src='cid:logo'>{{ account.id }}","from":"Desk <desk@acme.example>","reply_to":"r@acme.example","cc":{"type":"specified","email_addresses":["cc@acme.example","{{ account.id }}@acme.example"]}}`), &got)
	m := got.Message
	if m.Subject != "Grace Hopper!" || m.HTML != "<img src='cid:logo'>acme" || m.From != `"Desk" <desk@acme.example>` || cmp.Diff([]string{"r@acme.example"}, m.ReplyTo) != "" ||
		cmp.Diff([]string{"ada@example.com"}, m.To) != "" || cmp.Diff([]string{"cc@acme.example", "acme@acme.example"}, m.Cc) != "" || len(got.Notes) != 0 {
		t.Errorf("%+v", got)
	}
	if page := s.do(request{path: got.HTMLURL, key: "-"}); string(page.body) != "<img src='"+png+"'>acme" {
		t.Errorf("%s", page.body)
	}
	var template templateView
	s.ok(200, request{path: "/v1/templates/voicemail_to_email?account_id=acme"}, &template)
	if template.Version != 0 {
		t.Errorf("it was kept: %+v", template)
	}

	// Of data that nobody has sent, and what is to be known of it.
	s.ok(200, previewOf("voicemail_to_email", "acme", `{"event_type":"voicemail.new","data":{"voicemail":{"id":"m1","mailbox_id":"101","received_at":"2026-06-01T12:00:00Z"}}}`), &got)
	if d := cmp.Diff([]string{"Nobody would get it: neither the event nor the directory names a mail address for it."}, got.Notes); d != "" {
		t.Error(d)
	}
	s.ok(200, previewOf("missed_call", "acme", `{"event_id":"e1"}`), &got)
	if d := cmp.Diff([]string{"The template is not sent for this voicemail.new event."}, got.Notes); d != "" {
		t.Error(d)
	}

	for _, c := range []struct{ body, field, message string }{
		{`{"event_id":"e1","event_type":"call.missed","data":{}}`, "event_id", "give event_id, or event_type and data, not both"},
		{`{"event_type":"call.missed"}`, "data", "is required with event_type"},
		{`{"data":{}}`, "event_type", "is required with data"},
		{`{"event_type":"call.missed","data":{"call":{"id":7}}}`, "data.call.id", "expected a string, got 7"},
		{`{"html":"{% for %}"}`, "html", "line 1, column "},
		{`{"send_to":["nobody"]}`, "send_to[0]", "expected a mail address"},
		{`{"send_to":["a@b.example"` + strings.Repeat(`,"a@b.example"`, 10) + `]}`, "send_to", "expected at most 10"},
	} {
		var p api.Problem
		got := s.do(previewOf("missed_call", "acme", c.body))
		check(t, json.Unmarshal(got.body, &p))
		if got.status != 422 || len(p.Errors) != 1 || p.Errors[0].Field != c.field || !strings.HasPrefix(p.Errors[0].Message, c.message) {
			t.Errorf("%s: %d %+v", c.body, got.status, p)
		}
	}
	s.problem(previewOf("missed_call", "acme", `{"event_type":"call.nope","data":{}}`), api.Problem{
		Status: 422, Code: "unknown_type", Detail: `event_type: "call.nope" is no event type; GET /v1/event-types lists them, and custom.* is free`,
		Errors: fields("event_type", `"call.nope" is no event type; GET /v1/event-types lists them, and custom.* is free`),
	})
	s.problem(previewOf("missed_call", "other", `{"event_id":"e1"}`), api.Problem{
		Status: 404, Code: "not_found", Detail: `event_id: the account has no event "e1"`, Errors: fields("event_id", `the account has no event "e1"`),
	})
}

// A draft is sent to whom one says, and to nobody else.
func TestSendPreview(t *testing.T) {
	t.Parallel()
	s := newLiveServer(t)
	s.send(voicemail("e1", `["ada@example.com"]`))
	s.posted(1)
	s.ok(200, patch("/v1/templates/voicemail_to_email?account_id=acme", `{"bcc":{"type":"specified","email_addresses":["archive@acme.example"]}}`), nil)
	for body, subject := range map[string]string{
		`{"event_id":"e1","subject":"Try {{ caller_id.name }}","html":"<b>{{ caller_id.name }}</b>","send_to":["me@acme.example"]}`: "Try Grace Hopper",
		`{"subject":"Sample","html":"<b>Grace Hopper</b>","from":"Desk <desk@acme.example>","send_to":["me@acme.example"]}`:         "Sample",
	} {
		before := s.mailbox.Count()
		var got preview
		s.ok(200, previewOf("voicemail_to_email", "acme", body), &got)
		if got.Attempt == nil || got.Attempt.Outcome != "success" || got.Attempt.EventID == "e1" {
			t.Fatalf("%+v", got)
		}
		mails := s.posted(before + 1)
		last := mails[len(mails)-1]
		if cmp.Diff([]string{"me@acme.example"}, last.To) != "" || last.Subject != subject || !strings.Contains(string(last.Parts[1].Data), "<b>Grace Hopper</b>") {
			t.Errorf("to %v, subject %q, %s", last.To, last.Subject, last.Parts[1].Data)
		}
	}
	list := s.mails("?account_id=acme&to=me@acme", 2)
	if !list[0].Preview {
		t.Errorf("%+v", list[0])
	}
	s.problem(request{method: "POST", path: "/v1/mails/" + list[0].ID + "/resend"}, api.Problem{
		Status: 409, Code: "conflict", Detail: "the mail " + list[0].ID + " was a preview, and its event is not kept; send it from the template again",
	})

	// notification.custom says whom it is for in a place of its own.
	var got preview
	s.ok(200, previewOf("skel", "acme", `{"send_to":["me@acme.example"]}`), &got)
	if mails := s.posted(4); cmp.Diff([]string{"me@acme.example"}, mails[3].To) != "" {
		t.Errorf("to %v", mails[3].To)
	}
}

func TestNoMailServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *api.Options) {
		var dir directory.Directory
		dir.SetAccounts([]*switchhook.Account{{ID: "root"}, {ID: "acme", ParentID: "root"}})
		o.Book = mail.NewBook(mail.Options{Directory: &dir})
	})
	s.problem(previewOf("missed_call", "acme", `{"send_to":["me@acme.example"]}`), api.Problem{
		Status: 409, Code: "conflict", Detail: "no mail server is set up, so nothing can be sent by mail (--smtp-url)",
	})
	var got preview
	s.ok(200, previewOf("missed_call", "acme", ""), &got)
	if len(got.Notes) == 0 || got.Notes[0] != "No mail server is set up (--smtp-url): no mails are sent." {
		t.Errorf("%+v", got.Notes)
	}
	var status struct{ Email, SMS bool }
	s.ok(200, request{path: "/v1/mail"}, &status)
	if status.Email || status.SMS {
		t.Errorf("%+v", status)
	}
}
