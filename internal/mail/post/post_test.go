package post_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/deliver/wire"
	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/mail/post"
	"github.com/switchhook/switchhook/internal/sim"
)

var _ deliver.Transport = (*post.Office)(nil)

// mailbox runs a mail server until the test ends.
func mailbox(t *testing.T, o sim.MailboxOptions) *sim.Mailbox {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m, err := sim.ListenMail(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return m
}

func office(t *testing.T, url string, change func(*post.Options)) *post.Office {
	t.Helper()
	s, err := post.ParseServer(url)
	if err != nil {
		t.Fatal(err)
	}
	o := post.Options{Server: s, From: "Switchhook <hooks@example.com>", Hello: "client.example.com"}
	if change != nil {
		change(&o)
	}
	office, err := post.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(office.CloseIdleConnections)
	return office
}

func request(t *testing.T, m mail.Message) *wire.Request {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Request{
		Method: mail.Method, Body: body, Deadline: time.Now().Add(time.Minute),
		Header: switchhook.Headers{{Name: "webhook-id", Value: "dlv_" + m.EventID}},
	}
}

// send sends a mail and wants an answer.
func send(t *testing.T, o *post.Office, m mail.Message) *switchhook.HTTPResponse {
	t.Helper()
	a, err := o.Send(t.Context(), request(t, m))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// sendFails sends a mail and wants an error that says something.
func sendFails(t *testing.T, o *post.Office, m mail.Message, words string) {
	t.Helper()
	a, err := o.Send(t.Context(), request(t, m))
	if err == nil || a != nil || !strings.Contains(err.Error(), words) {
		t.Fatalf("got %v and %v, want an error with %q", a, err, words)
	}
}

func message(to ...string) mail.Message {
	return mail.Message{EventID: "evt_1", WebhookID: "mail:acme:voicemail_new", To: to, Subject: "New voicemail", Text: "Hello\n", HTML: "<p>Hello</p>"}
}

// only returns the one mail that came.
func only(t *testing.T, m *sim.Mailbox) *sim.Mail {
	t.Helper()
	all := m.Messages()
	if len(all) != 1 {
		t.Fatalf("%d mails came, want one", len(all))
	}
	if all[0].Problem != "" {
		t.Fatalf("%s\n%s", all[0].Problem, all[0].Data)
	}
	return all[0]
}

// certificate is one for 127.0.0.1, and the roots that know it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func TestAMailArrivesAsItWasWritten(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	m := message(`Ann Example <ann@example.net>`, `Müller, Hans & Co. <hans@exämple.de>`)
	m.Cc = []string{"bob@example.net"}
	m.Bcc = []string{"Secret <carol@example.net>"}
	m.From = `Acme Telephones <phones@acme.example>`
	m.ReplyTo = []string{"Service <service@acme.example>"}
	m.Subject = "Nachricht für Müller — 日本語"
	m.Text = ".dot at the beginning\n..\n.\r\nlone\rCR, NUL \x00 and " + strings.Repeat("long ", 400) + "\nFrom here: ü €\n"
	m.HTML = "<p>.\n.</p><img src=\"cid:logo\">"
	m.Logo = "data:image/png;base64,iVBORw0KGgo="
	m.Attachments = []mail.Attachment{
		{Name: "Anruf von Jürgen.mp3", Type: "audio/mpeg", URL: "data:audio/mpeg;base64,SUQzBAAAAAA="},
		{Name: "notes.txt", URL: "data:,hello%20there"},
	}
	a := send(t, office(t, box.URL(), nil), m)
	if a.Status != 250 || a.Body != "250 2.0.0 OK: queued" {
		t.Errorf("answered %d %q", a.Status, a.Body)
	}
	wantHeaders := switchhook.Headers{
		{Name: "accepted", Value: "ann@example.net, hans@xn--exmple-cua.de, bob@example.net, carol@example.net"},
		{Name: "message-id", Value: "<dlv_evt_1@example.com>"},
	}
	if diff := cmp.Diff(wantHeaders, a.Headers); diff != "" {
		t.Error(diff)
	}
	got := only(t, box)
	if got.From != "phones@acme.example" || !slices.Equal(got.To, []string{"ann@example.net", "hans@xn--exmple-cua.de", "bob@example.net", "carol@example.net"}) {
		t.Errorf("the envelope has %s and %q", got.From, got.To)
	}
	if got.Declared != int64(len(got.Data)) || got.UTF8 || got.EightBit {
		t.Errorf("declared %d for %d bytes, SMTPUTF8 %t, 8BITMIME %t", got.Declared, len(got.Data), got.UTF8, got.EightBit)
	}
	for _, line := range bytes.SplitAfter(got.Data, []byte("\r\n")) {
		if len(line) > 998+2 || bytes.ContainsAny(bytes.TrimSuffix(line, []byte("\r\n")), "\r\n\x00") || bytes.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			t.Errorf("a line that some server would not pass on: %q", line)
		}
	}
	for name, want := range map[string]string{
		"From": `"Acme Telephones" <phones@acme.example>`, "Reply-To": `"Service" <service@acme.example>`, "Cc": "<bob@example.net>",
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "Mime-Version": "1.0", "Bcc": "", "User-Agent": "", "X-Mailer": "",
		"Message-Id": "<dlv_evt_1@example.com>",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
	to, err := got.Header.AddressList("To")
	if err != nil || len(to) != 2 || to[1].Name != "Müller, Hans & Co." || to[1].Address != "hans@xn--exmple-cua.de" {
		t.Errorf("To: %v, %v", to, err)
	}
	if date, err := got.Header.Date(); err != nil || time.Since(date).Abs() > time.Hour {
		t.Errorf("Date: %v, %v", date, err)
	}
	if got.Subject != m.Subject {
		t.Errorf("Subject: %q", got.Subject)
	}
	text := ".dot at the beginning\r\n..\r\n.\r\nlone\r\nCR, NUL \uFFFD and " + strings.Repeat("long ", 400) + "\r\nFrom here: ü €\r\n"
	want := []sim.MailPart{
		{Type: "text/plain", Within: "mixed/related/alternative", Data: []byte(text)},
		{Type: "text/html", Within: "mixed/related/alternative", Data: []byte("<p>.\r\n.</p><img src=\"cid:logo\">")},
		{Type: "image/png", Within: "mixed/related", Disposition: "inline", Name: "logo.png", ContentID: "logo", Data: []byte("\x89PNG\r\n\x1a\n")},
		{Type: "audio/mpeg", Within: "mixed", Disposition: "attachment", Name: "Anruf von Jürgen.mp3", Data: []byte("ID3\x04\x00\x00\x00\x00")},
		{Type: "text/plain", Within: "mixed", Disposition: "attachment", Name: "notes.txt", Data: []byte("hello there")},
	}
	if diff := cmp.Diff(want, got.Parts); diff != "" {
		t.Error(diff)
	}
}

// Half of a mail's users have a server without the extensions, and it is all the same to them.
func TestOldServersTakeMailToo(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{No8Bit: true})
	m := message("ann@example.net")
	m.Subject, m.Text = "Grüße", "Grüße\n"
	send(t, office(t, box.URL(), nil), m)
	if got := only(t, box); got.Subject != "Grüße" || got.Text("text/plain") != "Grüße\r\n" {
		t.Errorf("got %q and %q", got.Subject, got.Text("text/plain"))
	}
}

func TestAddressesThatAreNotASCII(t *testing.T) {
	t.Parallel()
	m := message("münchen@exämple.de", "ann@example.net")
	m.ReplyTo = []string{"grüße@example.com"}

	with := mailbox(t, sim.MailboxOptions{UTF8: true})
	a := send(t, office(t, with.URL(), nil), m)
	if got := a.Headers.Get("accepted"); got != "münchen@xn--exmple-cua.de, ann@example.net" {
		t.Errorf("accepted: %s", got)
	}
	got := only(t, with)
	if !got.UTF8 || !got.EightBit || !strings.Contains(got.Header.Get("To"), "<münchen@xn--exmple-cua.de>") || got.Header.Get("Reply-To") != "<grüße@example.com>" {
		t.Errorf("SMTPUTF8 %t, 8BITMIME %t, To: %q, Reply-To: %q", got.UTF8, got.EightBit, got.Header.Get("To"), got.Header.Get("Reply-To"))
	}

	without := mailbox(t, sim.MailboxOptions{})
	o := office(t, without.URL(), nil)
	a = send(t, o, m)
	if a.Status != 250 || a.Headers.Get("accepted") != "ann@example.net" || !strings.HasPrefix(a.Headers.Get("refused"), "münchen@xn--exmple-cua.de: 553 5.6.7 ") {
		t.Errorf("answered %+v", a)
	}
	if got := only(t, without); got.UTF8 || got.Header.Get("To") != "<ann@example.net>" || got.Header.Get("Reply-To") != "" {
		t.Errorf("SMTPUTF8 %t, To: %q, Reply-To: %q", got.UTF8, got.Header.Get("To"), got.Header.Get("Reply-To"))
	}
	if a = send(t, o, message("münchen@exämple.de")); a.Status != 553 {
		t.Errorf("answered %+v", a)
	}
	m = message("ann@example.net")
	m.From = "münchen@exämple.de"
	if a = send(t, o, m); a.Status != 553 || !strings.Contains(a.Body, "SMTPUTF8") {
		t.Errorf("answered %+v", a)
	}
}

func TestNobodyButRecipientsIsNoMail(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), nil)
	for _, each := range []struct {
		change func(*mail.Message)
		status int
		words  string
	}{
		{func(m *mail.Message) { m.To = nil }, 553, "no recipient"},
		{func(m *mail.Message) { m.To = []string{"nobody"} }, 553, "not a mail address"},
		{func(m *mail.Message) { m.To = []string{"a@x, b@y"} }, 553, "not a mail address"},
		{func(m *mail.Message) { m.To = []string{"a@" + strings.Repeat("x", 64) + ".example"} }, 553, "not a domain"},
		{func(m *mail.Message) { m.From = "a b" }, 553, "not a mail address"},
	} {
		m := message("ann@example.net")
		each.change(&m)
		if a := send(t, o, m); a.Status != each.status || !strings.Contains(a.Body, each.words) {
			t.Errorf("answered %+v, want %q", a, each.words)
		}
	}
	if made, _ := box.Connections(); made != 0 {
		t.Errorf("%d connections were made for nothing", made)
	}
	m := message("nobody", "ann@example.net", "ANN <ann@EXAMPLE.net>")
	if a := send(t, o, m); a.Status != 250 || a.Headers.Get("accepted") != "ann@example.net" || !strings.Contains(a.Headers.Get("refused"), "nobody: 553") {
		t.Errorf("answered %+v", a)
	}
	m = message()
	m.Bcc = []string{"ann@example.net"}
	send(t, o, m)
	if got := box.Messages()[1]; got.Header.Get("To") != "undisclosed-recipients:;" || !slices.Equal(got.To, []string{"ann@example.net"}) {
		t.Errorf("To: %q for %q", got.Header.Get("To"), got.To)
	}
}

func TestEncryption(t *testing.T) {
	t.Parallel()
	server, client := certificate(t)
	trust := func(o *post.Options) { o.TLS = client }
	plain := mailbox(t, sim.MailboxOptions{})
	starts := mailbox(t, sim.MailboxOptions{TLS: server})
	implicit := mailbox(t, sim.MailboxOptions{TLS: server, Implicit: true})

	send(t, office(t, starts.URL()+"?tls=required", trust), message("a@example.net"))
	send(t, office(t, starts.URL()+"?tls=opportunistic", trust), message("a@example.net"))
	send(t, office(t, implicit.URL(), trust), message("a@example.net"))
	send(t, office(t, starts.URL()+"?tls=none", trust), message("a@example.net"))
	send(t, office(t, plain.URL()+"?tls=opportunistic", trust), message("a@example.net"))
	for i, want := range []bool{true, true, false} {
		if got := starts.Messages()[i]; got.TLS != want {
			t.Errorf("mail %d: TLS %t", i, got.TLS)
		}
	}
	if !only(t, implicit).TLS || only(t, plain).TLS {
		t.Error("TLS where there is none, or the other way round")
	}

	sendFails(t, office(t, plain.URL()+"?tls=required", trust), message("a@example.net"), "offers no encryption (STARTTLS)")
	sendFails(t, office(t, starts.URL()+"?tls=required", nil), message("a@example.net"), "cannot be trusted: x509: ")
	sendFails(t, office(t, implicit.URL(), nil), message("a@example.net"), "cannot be trusted: x509: ")
	sendFails(t, office(t, "smtps"+strings.TrimPrefix(plain.URL(), "smtp"), trust), message("a@example.net"), "at the beginning of the encryption")
}

func TestWhoSends(t *testing.T) {
	t.Parallel()
	server, client := certificate(t)
	box := mailbox(t, sim.MailboxOptions{TLS: server, User: "hooks", Password: "p@ss wörd"})
	at := strings.TrimPrefix(box.URL(), "smtp://")
	for _, query := range []string{"", "?auth=plain", "?auth=login", "?tls=required&auth=auto"} {
		o := office(t, "smtp://hooks:p%40ss%20w%C3%B6rd@"+at+query, func(o *post.Options) { o.TLS = client })
		if a := send(t, o, message("a@example.net")); a.Status != 250 {
			t.Errorf("%s: %+v", query, a)
		}
	}
	sendFails(t, office(t, "smtp://hooks:wrong@"+at, nil), message("a@example.net"), "the mail server refused the user name or password: 535 5.7.8 Authentication failed")
	sendFails(t, office(t, "smtp://"+at, nil), message("a@example.net"), "the mail server does not let us in: 530 5.7.0 Authentication required")
	sendFails(t, office(t, "smtp://hooks:x@"+at+"?auth=cram-md5", nil), message("a@example.net"), "offers no way to show the user that we know (auth=cram-md5)")
}

func TestMailsShareConnections(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), func(o *post.Options) { o.Connections = 3 })
	var wg sync.WaitGroup
	const mails = 60
	for i := range mails {
		wg.Go(func() {
			m := message("a@example.net")
			m.EventID = fmt.Sprintf("evt_%d", i)
			if a, err := o.Send(t.Context(), request(t, m)); err != nil || a.Status != 250 {
				t.Errorf("%v, %v", a, err)
			}
		})
	}
	wg.Wait()
	made, _ := box.Connections()
	ids := map[string]bool{}
	for _, m := range box.Messages() {
		ids[m.MessageID] = true
	}
	if made > 3 || box.Count() != mails || len(ids) != mails {
		t.Errorf("%d connections for %d mails of %d, want at most 3", made, box.Count(), len(ids))
	}
	o.CloseIdleConnections()
	waitFor(t, box, func() bool { _, open := box.Connections(); return open == 0 })
}

// waitFor waits until something is so at a mailbox.
func waitFor(t *testing.T, box *sim.Mailbox, so func() bool) {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		changed := box.Changed()
		if so() {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatal("it did not come to that")
		}
	}
}

// Many servers count the mails of a connection.
func TestConnectionsAreNotUsedForever(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), nil)
	for range 101 {
		send(t, o, message("a@example.net"))
	}
	if made, _ := box.Connections(); made != 2 || box.Count() != 101 {
		t.Errorf("%d connections for %d mails, want 2", made, box.Count())
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), nil)
	o.Patience(time.Millisecond)
	send(t, o, message("a@example.net"))
	waitFor(t, box, func() bool { _, open := box.Connections(); return open == 0 })
	send(t, o, message("a@example.net"))
	if made, _ := box.Connections(); made != 2 {
		t.Errorf("%d connections, want 2", made)
	}
}
