package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/mail/post"
	"github.com/switchhook/switchhook/internal/sim"
)

// withMailbox starts a mail server, and the configuration that sends mail there.
func withMailbox(t *testing.T, o sim.MailboxOptions) (*sim.Mailbox, app.Mail) {
	t.Helper()
	box, err := sim.ListenMail(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	server, err := post.ParseServer(box.URL())
	if err != nil {
		t.Fatal(err)
	}
	return box, app.Mail{Server: server, From: "Switchhook <no-reply@pbx.example.com>"}
}

// waitForMails waits until a mail server has taken so many.
func waitForMails(t *testing.T, box *sim.Mailbox, n int) []*sim.Mail {
	t.Helper()
	end := time.After(30 * time.Second)
	for {
		changed := box.Changed()
		if box.Count() >= n {
			return box.Messages()
		}
		select {
		case <-changed:
		case <-end:
			t.Fatalf("%d mails have come, want %d", box.Count(), n)
		}
	}
}

// An event becomes a mail beside all else that it becomes: to whom the directory knows, in
// the words that the account has made its own, and each attempt can be looked at.
func TestMails(t *testing.T) {
	t.Parallel()
	box, mail := withMailbox(t, sim.MailboxOptions{Answer: sim.Greylist})
	run(t, app.Config{Data: t.TempDir(), Mail: mail}, func(p *process) {
		p.call("POST", "/v1/accounts", `{"id":"acme","name":"Acme Ltd","timezone":"Europe/Berlin"}`)
		p.call("PUT", "/v1/records/mailbox/101", `{"account_id":"acme","number":"101","name":"Ada","notify_email_addresses":["ada@acme.example"]}`)
		receipt := p.call("POST", "/v1/events", `{"type":"voicemail.new","account_id":"acme","occurred_at":"2026-06-01T12:00:00Z","data":{
			"call":{"id":"c1","from":{"address":"+12025550143","name":"Grace <b>Hopper</b>"}},
			"voicemail":{"id":"m1","mailbox_id":"101","length_ms":12000,"received_at":"2026-06-01T12:00:00Z","audio_url":"data:audio/wav;base64,UklGRg=="}}}`)
		if got := receipt["events"].([]any)[0].(map[string]any)["deliveries"]; got != 1.0 {
			t.Fatalf("%v deliveries, want the mail", got)
		}
		got := waitForMails(t, box, 1)[0]
		if got.Problem != "" || fmt.Sprint(got.To) != "[ada@acme.example]" || !strings.Contains(got.Subject, "Hopper") {
			t.Errorf("problem %q, to %v, subject %q", got.Problem, got.To, got.Subject)
		}
		var kinds []string
		for _, part := range got.Parts {
			kinds = append(kinds, part.Type)
		}
		if fmt.Sprint(kinds) != "[text/plain text/html audio/wav]" {
			t.Errorf("the parts are %v", kinds)
		}
		if html := string(got.Parts[1].Data); !strings.Contains(html, "Grace &lt;b&gt;Hopper") || !strings.Contains(html, "14:00") && !strings.Contains(html, "2:00") {
			t.Errorf("the page lacks the caller or the local time:\n%s", html)
		}
		attempts := p.attempts("acme", 2)
		newest, _ := attempts[0].(map[string]any)
		if newest["webhook_id"] != "mail:acme:voicemail_to_email" || newest["dialect"] != "mail" || newest["outcome"] != "success" {
			t.Errorf("the attempts are %v", attempts)
		}
	})
}

// attempts waits until an account has so many, and returns them, the newest first.
func (p *process) attempts(account string, n int) []any {
	p.t.Helper()
	look, end := time.NewTicker(10*time.Millisecond), time.Now().Add(20*time.Second)
	defer look.Stop()
	for range look.C {
		list, _ := p.call("GET", "/v1/attempts?account_id="+account, "")["items"].([]any)
		if len(list) == n {
			return list
		}
		if time.Now().After(end) {
			p.t.Fatalf("%d attempts, want %d: %v", len(list), n, list)
		}
	}
	return nil
}
