package post_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/mail/post"
	"github.com/switchhook/switchhook/internal/sim"
)

// A mail whose connection breaks is sent again. It arrives once, unless the connection broke
// when it was taken already and the answer was on its way: then twice, with one Message-ID.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	for _, each := range []struct {
		step  sim.Step
		large bool
		words string
		mails int
	}{
		{sim.AtSender, false, "before the mail was sent: ", 1},
		{sim.AtRecipient, false, "before the mail was sent: ", 1},
		{sim.AtBody, true, "in the middle of the mail, which was not taken: ", 1},
		{sim.AtEnd, false, "the mail may have arrived, and is sent again with the same Message-ID", 1},
		{sim.AtTaken, false, "the mail may have arrived, and is sent again with the same Message-ID", 2},
	} {
		box := mailbox(t, sim.MailboxOptions{Answer: func(s *sim.MailStep) sim.MailAnswer {
			return sim.MailAnswer{Drop: s.Step == each.step && s.Number == 1}
		}})
		o := office(t, box.URL(), nil)
		m := message("a@example.net")
		if each.large {
			m.Attachments = []mail.Attachment{{Name: "a.bin", URL: "data:;base64," + strings.Repeat("AAAA", 2<<20)}}
		}
		sendFails(t, o, m, each.words)
		if a := send(t, o, m); a.Status != 250 {
			t.Errorf("%s: %+v", each.step, a)
		}
		all := box.Messages()
		if len(all) != each.mails || all[0].MessageID != all[len(all)-1].MessageID {
			t.Errorf("%s: %d mails, want %d", each.step, len(all), each.mails)
		}
	}
}

// dialogue is a server that says what it is told to: greeting, and for each line of the
// client an answer, of which "hang up" is one.
func dialogue(t *testing.T, greeting string, answer func(conn int, line string) string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	wg.Go(func() {
		for n := 1; ; n++ {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				_, _ = io.WriteString(nc, greeting)
				body := false
				for in := bufio.NewScanner(nc); in.Scan(); {
					if body = body && in.Text() != "."; body {
						continue
					}
					a := answer(n, in.Text())
					if a == "hang up" {
						return
					}
					body = strings.HasPrefix(a, "354")
					if _, err := io.WriteString(nc, a); err != nil {
						return
					}
				}
			})
		}
	})
	return "smtp://" + ln.Addr().String()
}

// willing takes everything.
func willing(_ int, line string) string {
	switch verb, _, _ := strings.Cut(line, " "); verb {
	case "DATA":
		return "354 go on\r\n"
	case "QUIT":
		return "hang up"
	}
	return "250 fine\r\n"
}

// but is willing except for some lines.
func but(begin, answer string) func(int, string) string {
	return func(conn int, line string) string {
		if strings.HasPrefix(line, begin) {
			return answer
		}
		return willing(conn, line)
	}
}

func TestServersThatDoNotLetUsIn(t *testing.T) {
	t.Parallel()
	const hello = "220 mx.example.com ESMTP\r\n"
	for _, each := range []struct {
		greeting string
		answer   func(int, string) string
		query    string
		words    string
	}{
		{"554 5.7.1 you are on a list\r\n", willing, "", "the mail server does not take our mail: 554 5.7.1 you are on a list"},
		{"421-too many\r\n421 connections\r\n", willing, "", "the mail server does not take our mail: 421 too many connections"},
		{"HTTP/1.1 400 Bad Request\r\n\r\n", willing, "", "the mail server's answer is not one of SMTP"},
		{"220 " + strings.Repeat("x", 100<<10) + "\r\n", willing, "", "the mail server's answer is longer than 65536 bytes"},
		{"220-" + strings.Repeat("x\r\n220-", 20<<10) + "\r\n", willing, "", "the mail server's answer is longer than 65536 bytes"},
		{hello, but("EHLO", "hang up"), "", "the connection to the mail server broke at EHLO: the server hung up"},
		{hello, but("EHLO", "450 not now\r\n"), "", "the mail server does not take our name client.example.com: 450 not now"},
		{hello, but("EHLO", "250-mx\r\n250 STARTTLS\r\n"), "?tls=required", "the mail server does not encrypt, which is required: 250 fine"},
		{hello, func(_ int, line string) string {
			if strings.HasPrefix(line, "STARTTLS") {
				return "220 go on\r\n250 injected\r\n"
			}
			return "250-mx\r\n250 STARTTLS\r\n"
		}, "?tls=required", "the mail server said more than an answer before the encryption began"},
		{hello, but("MAIL", "250"), "", "the connection to the mail server broke before the mail was sent: "},
		{hello, but("MAIL", "200 what\r\n"), "", "the mail server's answer was not expected: 200 what"},
		{hello, but("RCPT", "354 what\r\n"), "", "the mail server's answer was not expected: 354 what"},
		{hello, but("DATA", "250 what\r\n"), "", "the mail server's answer was not expected: 250 what"},
		{hello, but(".", "354 what\r\n"), "", "it may have taken it: 354 what"},
	} {
		answer := each.answer
		if strings.HasSuffix(each.words, "before the mail was sent: ") {
			answer = func(conn int, line string) string {
				if strings.HasPrefix(line, "MAIL") {
					return "hang up"
				}
				return willing(conn, line)
			}
		}
		o := office(t, dialogue(t, each.greeting, answer)+each.query, nil)
		sendFails(t, o, message("a@example.net"), each.words)
	}
	sendFails(t, office(t, "smtp://127.0.0.1:1", nil), message("a@example.net"), "connection refused")
}

func TestAServerFrom1990(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var said []string
	o := office(t, dialogue(t, "220 mx\r\n", func(n int, line string) string {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, line)
		return but("EHLO", "502 what\r\n")(n, line)
	}), nil)
	m := message("a@example.net")
	m.Text = ".\n.dots\n"
	if a := send(t, o, m); a.Status != 250 {
		t.Errorf("answered %+v", a)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(said[:5], "|"); got != "EHLO client.example.com|HELO client.example.com|MAIL FROM:<hooks@example.com>|RCPT TO:<a@example.net>|DATA" {
		t.Errorf("said %s", got)
	}
}

// A connection that ended while it was idle is not a failure; one that ends in the middle is.
func TestIdleConnectionsThatAreGone(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"hang up", "421 4.4.2 idle for too long\r\n", "502 what is that\r\n"} {
		mails := make(chan int, 10)
		o := office(t, dialogue(t, "220 mx\r\n", func(conn int, line string) string {
			if line == "RSET" && conn == 1 {
				return gone
			}
			if line == "." {
				mails <- conn
			}
			return willing(conn, line)
		}), func(o *post.Options) { o.Connections = 1 })
		for _, want := range []int{1, 2, 2} {
			send(t, o, message("a@example.net"))
			if got := <-mails; got != want {
				t.Errorf("%q: over connection %d, want %d", gone, got, want)
			}
		}
	}
}

// A server that counts the mails of a connection, and takes leave after one.
func TestAServerThatTakesLeave(t *testing.T) {
	t.Parallel()
	first := true
	o := office(t, dialogue(t, "220 mx\r\n", func(n int, line string) string {
		if line == "." && first {
			first = false
			return "421 that was enough\r\n"
		}
		return willing(n, line)
	}), nil)
	if a := send(t, o, message("a@example.net")); a.Status != 421 || a.Headers.Get("deferred") != "a@example.net: 421 that was enough" {
		t.Errorf("answered %+v", a)
	}
	if a := send(t, o, message("a@example.net")); a.Status != 250 {
		t.Errorf("answered %+v", a)
	}
}

// Without an encrypted connection nobody gets the password but who is meant to: whoever stands
// in between can take the offer to encrypt away.
func TestPasswordsAreNotShownToEverybody(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	said := ""
	url := dialogue(t, "220 mx\r\n", func(n int, line string) string {
		mu.Lock()
		defer mu.Unlock()
		said += line + "\n"
		return but("EHLO", "250-mx\r\n250 AUTH PLAIN LOGIN\r\n")(n, line)
	})
	o := office(t, strings.Replace(url, "smtp://", "smtp://ann:secret@", 1)+"?tls=opportunistic", func(o *post.Options) { o.Server.Host = abroad })
	sendFails(t, o, message("a@example.net"), "wants the password, and the connection is not encrypted")
	mu.Lock()
	defer mu.Unlock()
	if strings.Contains(said, "AUTH") {
		t.Errorf("said %s", said)
	}
}

// abroad leads to this machine, as Linux has it, and does not look like that.
const abroad = "0.0.0.0"

// What a server repeats of the exchange in which it was told the password, at once or later, is
// masked: the people of every account read what it says.
func TestPasswordRepeated(t *testing.T) {
	t.Parallel()
	const password = "open sesame"
	secrets := []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("\x00hooks\x00" + password))}
	all := strings.Join(secrets, " ")
	for name, answers := range map[string]map[string]string{
		"refused":       {"AUTH": "535 5.7.8 no: " + all},
		"put off":       {"AUTH": "454 4.7.0 later: " + all},
		"no answer":     {"AUTH": all},
		"a sender":      {"MAIL": "550 5.7.1 " + all},
		"a recipient":   {"RCPT": "550 5.7.1 " + all},
		"a mail":        {".": "554 5.7.1 " + all},
		"taken":         {".": "250 2.0.0 " + all},
		"another hello": {"EHLO": "451 4.0.0 " + all},
	} {
		url := dialogue(t, "220 hello\r\n", func(conn int, line string) string {
			word, _, _ := strings.Cut(line, " ")
			if a, ok := answers[word]; ok {
				return a + "\r\n"
			}
			if a, ok := map[string]string{"EHLO": "250-hello\r\n250 AUTH PLAIN\r\n", "AUTH": "235 2.7.0 welcome\r\n"}[word]; ok {
				return a
			}
			return willing(conn, line)
		})
		o := office(t, strings.Replace(url, "smtp://", "smtp://hooks:open%20sesame@", 1)+"?auth=plain", nil)
		a, err := o.Send(t.Context(), request(t, message("a@example.net")))
		said := fmt.Sprint(err)
		if a != nil {
			said += a.Body + fmt.Sprint(a.Headers)
		}
		if !strings.Contains(said, switchhook.Mask) {
			t.Errorf("%s: %s", name, said)
		}
		for _, secret := range secrets {
			if strings.Contains(said, secret) {
				t.Errorf("%s tells %q: %s", name, secret, said)
			}
		}
	}
}

// A server that says more than it was asked would have each answer taken for the one before:
// whom it refuses would count as one who has the mail.
func TestAnswersAhead(t *testing.T) {
	t.Parallel()
	url := dialogue(t, "220 hello\r\n", but("MAIL", "250 fine\r\n250 fine\r\n"))
	sendFails(t, office(t, url, nil), message("a@example.net"), "before the mail was sent: it says more than it was asked")
}
