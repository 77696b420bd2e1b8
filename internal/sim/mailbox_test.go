package sim_test

import (
	"context"
	"fmt"
	"net/smtp"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/sim"
)

// mailbox runs one until the test ends, and returns what sends it a mail as any other
// program would.
func mailbox(t *testing.T, o sim.MailboxOptions) (m *sim.Mailbox, send func(text string, to ...string) error) {
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
	return m, func(text string, to ...string) error {
		return smtp.SendMail(strings.TrimPrefix(m.URL(), "smtp://"), nil, "phones@example.com", to, []byte(strings.ReplaceAll(text, "\n", "\r\n")))
	}
}

func TestAMailboxTakesMailsApart(t *testing.T) {
	t.Parallel()
	m, send := mailbox(t, sim.MailboxOptions{})
	const text = `Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Message-ID: <1@example.com>
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

.gr=C3=BC=C3=9Fe
--b
Content-Type: audio/mpeg
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename*=utf-8''%C3%BC.mp3

SUQz
--b--
`
	if err := send(text, "ann@example.net", "bob@example.net"); err != nil {
		t.Fatal(err)
	}
	all := m.Messages()
	if len(all) != 1 {
		t.Fatalf("%d mails", len(all))
	}
	got := all[0]
	if got.Problem != "" || got.Subject != "Grüße" || got.MessageID != "1@example.com" || len(got.To) != 2 || got.Place != 1 || got.Text("text/plain") != ".grüße" {
		t.Errorf("%+v", got)
	}
	if p := got.Parts[1]; p.Name != "ü.mp3" || p.Type != "audio/mpeg" || string(p.Data) != "ID3" || p.Within != "mixed" {
		t.Errorf("%+v", p)
	}
	for _, bad := range []string{
		"no header\n", "Subject: x\nContent-Type: text/plain; =\n\nx\n", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n",
		"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!\n", "Content-Type: text/plain\nSubject: =?x?q?x?=\n\nx\n",
		strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", 20),
	} {
		if problem := sim.ReadMail([]byte(bad)).Problem; problem == "" {
			t.Errorf("nothing is wrong with %q", bad)
		}
	}
}

func TestAMailboxKeepsTheLastThousand(t *testing.T) {
	t.Parallel()
	m, _ := mailbox(t, sim.MailboxOptions{})
	c, err := smtp.Dial(strings.TrimPrefix(m.URL(), "smtp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 1010 {
		err := c.Mail("a@example.com")
		if err == nil {
			err = c.Rcpt("b@example.com")
		}
		if err != nil {
			t.Fatal(err)
		}
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, "Subject: %d\r\nContent-Type: text/plain\r\n\r\nx\r\n", i)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if all := m.Messages(); len(all) != 1000 || all[0].Subject != "10" || all[999].Place != 1010 || m.Count() != 1010 {
		t.Errorf("%d kept of %d, the first is %s", len(all), m.Count(), all[0].Subject)
	}
}

func TestMailboxFaults(t *testing.T) {
	t.Parallel()
	const text = "Content-Type: text/plain\n\nx\n"
	_, send := mailbox(t, sim.MailboxOptions{Answer: sim.Greylist})
	if err := send(text, "ann@example.net"); err == nil || !strings.HasPrefix(err.Error(), "451 ") {
		t.Errorf("the first: %v", err)
	}
	if err := send(text, "ann@example.net"); err != nil {
		t.Errorf("the second: %v", err)
	}
	_, send = mailbox(t, sim.MailboxOptions{Answer: sim.RefuseRecipients("@gone.example", 550, "no such user")})
	if err := send(text, "ann@gone.example"); err == nil || !strings.Contains(err.Error(), "no such user") {
		t.Error(err)
	}
	if err := send(text, "ann@here.example"); err != nil {
		t.Error(err)
	}
	for _, step := range []sim.Step{sim.AtSender, sim.AtRecipient, sim.AtBody, sim.AtEnd, sim.AtTaken} {
		m, send := mailbox(t, sim.MailboxOptions{Answer: func(s *sim.MailStep) sim.MailAnswer { return sim.MailAnswer{Drop: s.Step == step} }})
		err := send(text, "ann@example.net")
		if taken := m.Count() == 1; err == nil || taken != (step == sim.AtTaken) {
			t.Errorf("%s: %v, taken %t", step, err, taken)
		}
	}
}
