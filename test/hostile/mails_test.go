package hostile

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A postbox is a mail server that keeps each line of each conversation, and takes everything
// but what answers say otherwise.
type postbox struct {
	url     string
	answers map[string]string // by the command

	mu    sync.Mutex
	lines []string
	mails []letter
}

// A letter is a mail as it came.
type letter struct {
	from string
	to   []string
	head netmail.Header
	body string
}

func box(t *testing.T, answers map[string]string) *postbox {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &postbox{url: l.Addr().String(), answers: answers}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return // closed
			}
			go p.serve(nc)
		}
	}()
	return p
}

func (p *postbox) serve(nc net.Conn) {
	defer nc.Close()
	in := textproto.NewReader(bufio.NewReader(nc))
	say := func(s string) { _, _ = io.WriteString(nc, s+"\r\n") }
	say("220 box")
	var m letter
	for {
		_ = nc.SetReadDeadline(time.Now().Add(patience))
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.lines = append(p.lines, line)
		p.mu.Unlock()
		verb, rest, _ := strings.Cut(line, " ")
		if a, ok := p.answers[verb]; ok {
			say(a)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-box\r\n250 AUTH PLAIN")
		case "MAIL":
			m = letter{from: rest}
			say("250 fine")
		case "RCPT":
			m.to = append(m.to, rest)
			say("250 fine")
		case "AUTH":
			say("235 welcome")
		case "DATA":
			say("354 go on")
			body, err := io.ReadAll(in.DotReader())
			if err != nil {
				return
			}
			m.body = string(body)
			if read, err := netmail.ReadMessage(strings.NewReader(m.body)); err == nil {
				m.head = read.Header
			}
			p.mu.Lock()
			p.mails = append(p.mails, m)
			p.mu.Unlock()
			say("250 fine")
		case "QUIT":
			return
		default:
			say("250 fine")
		}
	}
}

func (p *postbox) all() (lines []string, mails []letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines), slices.Clone(p.mails)
}

// commands are all that may be said to a mail server.
var commands = regexp.MustCompile(`^(EHLO [a-z0-9.-]+|RSET|DATA|QUIT|AUTH PLAIN [A-Za-z0-9+/=]+|(MAIL FROM|RCPT TO):<("([^"\\\x00-\x1f]|\\.)*"|[^ <>"\x00-\x1f]+)@(\[[0-9a-fA-F:.IPv]+\]|[a-z0-9._-]+)>)$`)

// single are the headers that a mail has, each once.
var single = []string{"From", "Subject", "Date", "Message-Id", "Mime-Version"}

// sound says what is wrong with what came; whoever may be written to is named by to.
func (p *postbox) sound(t *testing.T, to func(string) bool) {
	t.Helper()
	lines, mails := p.all()
	for _, line := range lines {
		if !commands.MatchString(line) {
			t.Errorf("the mail server was told %q", line)
		}
	}
	for _, m := range mails {
		if len(m.to) > 100 {
			t.Errorf("a mail went to %d", len(m.to))
		}
		for _, each := range m.to {
			if !to(each) {
				t.Errorf("a mail went to %s", each)
			}
		}
		for _, name := range single {
			if len(m.head[name]) != 1 {
				t.Errorf("a mail has %d headers %s:\n%.2000s", len(m.head[name]), name, m.body)
			}
		}
		for name := range m.head {
			if strings.Contains(strings.ToLower(name), "injected") {
				t.Errorf("a mail has the header %s", name)
			}
		}
		if head, _, _ := strings.Cut(m.body, "\n\n"); strings.ContainsAny(head, "\x00\r\u2028") {
			t.Errorf("a mail's head has control characters: %q", head)
		}
		for line := range strings.Lines(m.body) {
			if len(line) > 999 {
				t.Errorf("a mail has a line of %d bytes: %.200q", len(line), line)
			}
		}
	}
}

// withMail are the flags of a server that sends mail.
func (p *postbox) withMail() []string {
	return []string{"--smtp-url", "smtp://" + p.url, "--mail-from", "Phones <phones@pbx.example>"}
}

// voicemail is an event for which a mail is sent to somebody.
func voicemail(words string, notification map[string]any) map[string]any {
	party := map[string]any{"number": words, "name": words}
	if notification["to"] == nil {
		notification["to"] = "ann@there.example"
	}
	return map[string]any{"type": "voicemail.new", "data": map[string]any{
		"call": map[string]any{"id": "c", "from": party, "to": party}, "voicemail": map[string]any{"id": "v", "mailbox_id": words, "mailbox_name": words, "transcription": map[string]any{"text": words}, "audio_url": words},
		"notification": notification, "timezone": words, words: words,
	}}
}

// settled waits until nothing is to be sent any more.
func (who as) settled() {
	who.s.t.Helper()
	for tick, end := time.NewTicker(100*time.Millisecond), time.After(4*patience); len(all(who, "/v1/deliveries?state=pending")) > 0; { // of hundreds
		select {
		case <-tick.C:
		case <-end:
			who.s.t.Fatal("waited for all to be sent in vain")
		}
	}
}

// Nothing that an event or a template says becomes a command, a recipient or a header of its
// own.
func TestMailInjection(t *testing.T) {
	t.Parallel()
	p := box(t, nil)
	s := serve(t, p.withMail()...)
	acme := s.customer("acme")
	addresses := []string{
		"ann@there.example", "%s@there.example", `"%s"@there.example`, "ann@%s", "ann@there.example%s", "%s <ann@there.example>", `"%s" <ann@there.example>`, "ann@there.example, %s", "<ann@there.example> %s", "ann@[%s]", "ann@[127.0.0.1]%s", "(%s) ann@there.example",
	}
	texts := append([]string{
		"> SIZE=1", ">\r\nRCPT TO:<eve@evil.example>\r\n", "eve@evil.example", "> <eve@evil.example", "a\u0000b", "a\u2028Bcc: eve@evil.example", "\r\nBcc: eve@evil.example\r\n\r\nbody", "=?utf-8?q?=0D=0ABcc:_eve@evil.example?=", "=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
		"\u202emoc.live", strings.Repeat("a", 2000), strings.Repeat("é ", 2000), strings.Repeat("a,", 3000), "\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n", "{{ event }}{% for a in event %}{{ a }}{% endfor %}", "<script>07355608</script>", "\"><script>07355608</script>", "' onmouseover='07355608", "javascript:07355608", "https://127.0.0.1:1/\"onclick=07355608",
	}, evil...)
	whole := "{{ event }} {{ caller_id.name }} {{ voicemail.transcription }} {{ event|pprint }}"
	acme.must(http.StatusOK, "PATCH", "/v1/templates/voicemail_to_email", object(map[string]any{
		"subject": whole, "text": whole, "from": "{{ caller_id.name }} <own@pbx.example>", "reply_to": "{{ caller_id.name }} <own@pbx.example>, {{ event.notification.to }}",
		"html": `<a href="{{ voicemail.transcription|urlencode }}" title='{{ voicemail.transcription }}'>` + whole + `{{ voicemail.transcription|linebreaks|safe }}{{ voicemail.transcription|urlize }}{% autoescape off %}{{ event }}{% endautoescape %}</a>`,
	}))
	for _, word := range texts {
		var events []any
		for _, form := range addresses {
			address := strings.ReplaceAll(form, "%s", word)
			events = append(events, voicemail(word, map[string]any{"to": address, "cc": []any{address}, "from": address, "reply_to": address, "subject": word, "attachment_url": "http://127.0.0.1:1/" + word + ".mp3"}),
				voicemail(word, map[string]any{"bcc": address, "from": word, "attachment_url": "data:text/" + word + ",file"}))
		}
		acme.must(http.StatusAccepted, "POST", "/v1/events", object(events))
	}
	acme.settled()
	// evil.example stands in some of the addresses as a recipient, in its own right.
	p.sound(t, func(to string) bool { return !strings.Contains(to, "SIZE") })
	_, mails := p.all()
	t.Logf("%d mails", len(mails))
	if len(mails) < 200 {
		t.Errorf("only %d mails came", len(mails))
	}
	for _, m := range mails {
		if from, err := netmail.ParseAddress(m.head.Get("From")); err != nil || !strings.HasSuffix(from.Address, "@pbx.example") {
			t.Errorf("a mail is from %q (%v)", m.head.Get("From"), err)
		}
		if strings.Contains(strings.ToLower(m.body), "<script>07355608") && !strings.Contains(m.body, "text/plain") {
			t.Errorf("what an event says is markup: %.2000s", m.body)
		}
	}
}

// A mail has a hundred recipients at most, and answers to it go to ten.
func TestManyRecipients(t *testing.T) {
	t.Parallel()
	p := box(t, nil)
	s := serve(t, p.withMail()...)
	acme := s.customer("acme")
	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprintf("u%d@there.example", i))
	}
	acme.must(http.StatusCreated, "POST", "/v1/users", `{"login":"boss@acme.example","role":"admin"}`)
	for _, list := range []any{many, strings.Join(many, ","), map[string]any{"email_addresses": many}} {
		said := map[string]any{"to": list, "cc": list, "bcc": list, "reply_to": list, "from": list}
		acme.must(http.StatusAccepted, "POST", "/v1/events", object(voicemail("x", said)))
		acme.must(http.StatusAccepted, "POST", "/v1/events", object(map[string]any{"type": "account.customer_update", "data": map[string]any{"recipient_id": "acme", "notification": said}}))
	}
	acme.settled()
	p.sound(t, func(string) bool { return true })
	_, mails := p.all()
	if len(mails) != 6 {
		t.Errorf("%d mails came", len(mails))
	}
	for _, m := range mails {
		if list, err := m.head.AddressList("Reply-To"); err != nil || len(list) > 10 {
			t.Errorf("answers go to %d, %v", len(list), err)
		}
	}
}

// A preview that is sent goes by the same rate as events: it can be sent to anybody.
func TestPreviewsSent(t *testing.T) {
	t.Parallel()
	p := box(t, nil)
	s := serve(t, p.withMail()...)
	acme := s.customer("acme")
	s.operator().must(http.StatusOK, "PATCH", "/v1/accounts/acme", `{"limits":{"events_per_second":0.01}}`)
	refused := 0
	for range 10 {
		if a := acme.do("POST", "/v1/templates/voicemail_to_email/preview", `{"send_to":["ann@there.example"]}`); a.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if _, mails := p.all(); len(mails) != 1 || refused != 9 {
		t.Errorf("%d mails came, %d were refused", len(mails), refused)
	}
}

// Who writes to everybody needs the key of an admin, by whatever way.
func TestWhoWritesToEverybody(t *testing.T) {
	t.Parallel()
	p := box(t, nil)
	s := serve(t, p.withMail()...)
	acme := s.customer("acme")
	acme.must(http.StatusCreated, "POST", "/v1/accounts", `{"id":"below"}`)
	acme.must(http.StatusCreated, "POST", "/v1/users", `{"account_id":"below","login":"boss@below.example","role":"admin"}`)
	for _, role := range []string{"ingest", "developer", "viewer"} {
		who := s.as(acme.must(http.StatusCreated, "POST", "/v1/api-keys", `{"name":"x","role":"`+role+`"}`).get("key"))
		who.must(http.StatusForbidden, "POST", "/v1/customer-updates", `{"text":"hello"}`)
		who.must(http.StatusForbidden, "POST", "/v1/events", `{"type":"account.customer_update","data":{"notification":{"text":"hello"}}}`)
		who.must(http.StatusForbidden, "POST", "/v1/events", `[{"type":"custom.x","data":{}},{"type":"account.customer_update","data":{"notification":{"text":"hello"}}}]`)
	}
	acme.must(http.StatusAccepted, "POST", "/v1/events", `{"type":"account.customer_update","data":{"notification":{"text":"hello"}}}`)
	acme.settled()
	if _, mails := p.all(); len(mails) != 1 {
		t.Errorf("%d mails came", len(mails))
	}
}

// What a mail server knows of us, and repeats, nobody is told: nor what the operator has set up.
func TestMailSecrets(t *testing.T) {
	t.Parallel()
	const password = "open-sesame-7"
	secrets := []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("\x00hooks\x00" + password))}
	repeats := strings.Join(secrets, " ")
	for name, answers := range map[string]map[string]string{
		"refused":  {"AUTH": "535 no " + repeats},
		"later":    {"MAIL": "451 later " + repeats},
		"no SMTP":  {"AUTH": repeats},
		"rejected": {"RCPT": "550 no " + repeats},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := box(t, answers)
			s := serve(t, "SWITCHHOOK_SMTP_URL=smtp://hooks:"+password+"@"+p.url+"?auth=plain")
			acme := s.customer("acme")
			acme.must(http.StatusAccepted, "POST", "/v1/events", object(voicemail("x", map[string]any{})))
			await(t, "an attempt", func() bool { return len(all(acme, "/v1/mails")) > 0 })
			acme.do("POST", "/v1/templates/voicemail_to_email/preview", `{"send_to":["me@acme.example"]}`)
			id := acme.do("GET", "/v1/mails", "").get("items.0.id")
			for _, path := range []string{"/v1/mails", "/v1/mails/" + id, "/v1/mail", "/v1/attempts", "/v1/attempts/" + id, "/v1/deliveries", "/v1/audit", "/v1/info", "/v1/events"} {
				a := acme.do("GET", path, "")
				for _, secret := range append(secrets, p.url) {
					if strings.Contains(a.body, secret) {
						t.Errorf("GET %s tells %s: %v", path, secret, a)
					}
				}
			}
			for what, text := range map[string]string{"the log": s.log.String(), "metrics": s.operator().do("GET", "/metrics", "").body, "the operator's view": s.operator().do("GET", "/v1/mail", "").body} {
				for _, secret := range secrets {
					if strings.Contains(text, secret) {
						t.Errorf("%s tells %s", what, secret)
					}
				}
			}
		})
	}
	t.Run("not there", func(t *testing.T) {
		t.Parallel()
		at := free(t)
		s := serve(t, "SWITCHHOOK_SMTP_URL=smtp://hooks:"+password+"@"+at)
		acme := s.customer("acme")
		acme.must(http.StatusAccepted, "POST", "/v1/events", object(voicemail("x", map[string]any{})))
		await(t, "an attempt", func() bool { return len(all(acme, "/v1/mails")) > 0 })
		for _, path := range []string{"/v1/mails", "/v1/mail", "/v1/attempts"} {
			if a := acme.do("GET", path, ""); strings.Contains(a.body, at) || strings.Contains(a.body, "127.0.0.1") {
				t.Errorf("GET %s tells where the mail server is: %v", path, a)
			}
		}
	})
}

// Templates, versions, previews and mails are their account's, and of those above it.
func TestMailTenants(t *testing.T) {
	t.Parallel()
	p := box(t, nil)
	s := serve(t, p.withMail()...)
	acme, other := s.customer("acme"), s.customer("other")
	other.must(http.StatusCreated, "POST", "/v1/templates", `{"id":"secret","name":"`+theirs+`","subject":"`+theirs+`","text":"`+theirs+`","html":"`+theirs+`","to":{"type":"specified","email_addresses":["`+theirs+`@other.example"]}}`)
	other.must(http.StatusOK, "PATCH", "/v1/templates/voicemail_to_email", `{"subject":"`+theirs+`","html":"<p>`+theirs+`</p>"}`)
	other.must(http.StatusCreated, "POST", "/v1/users", `{"login":"boss@other.example","role":"admin"}`)
	event := other.must(http.StatusAccepted, "POST", "/v1/events", object(voicemail(theirs, map[string]any{}))).get("events.0.id")
	other.settled()
	mail := other.do("GET", "/v1/mails", "").get("items.0.id")
	delivery := other.do("GET", "/v1/mails", "").get("items.0.delivery_id")
	if mail == "" {
		t.Fatal("no mail was sent")
	}
	for _, row := range [][3]string{
		{"GET", "/v1/templates?account_id=other", ""},
		{"GET", "/v1/templates?account_id=root", ""},
		{"GET", "/v1/templates", ""},
		{"GET", "/v1/templates/secret", ""},
		{"GET", "/v1/templates/secret?account_id=other", ""},
		{"GET", "/v1/templates/voicemail_to_email", ""},
		{"GET", "/v1/templates/voicemail_to_email/versions", ""},
		{"GET", "/v1/templates/secret/versions", ""},
		{"GET", "/v1/templates/voicemail_to_email/versions?account_id=other", ""},
		{"POST", "/v1/templates/voicemail_to_email/versions/1/restore", `{}`},
		{"POST", "/v1/templates/secret/versions/1/restore", `{}`},
		{"POST", "/v1/templates/voicemail_to_email/versions/1/restore?account_id=other", `{}`},
		{"POST", "/v1/templates/secret/preview", `{}`},
		{"POST", "/v1/templates/voicemail_to_email/preview?account_id=other", `{}`},
		{"POST", "/v1/templates/voicemail_to_email/preview", `{"event_id":"` + event + `"}`},
		{"PATCH", "/v1/templates/voicemail_to_email?account_id=other", `{"subject":"x"}`},
		{"PATCH", "/v1/templates/voicemail_to_email?account_id=root", `{"subject":"x"}`},
		{"PATCH", "/v1/templates/voicemail_to_email", `{"account_id":"other","subject":"x"}`},
		{"DELETE", "/v1/templates/voicemail_to_email?account_id=other", ""},
		{"DELETE", "/v1/templates/secret", ""},
		{"POST", "/v1/templates?account_id=other", `{"id":"x","text":"x"}`},
		{"GET", "/v1/mails", ""},
		{"GET", "/v1/mails?account_id=other", ""},
		{"GET", "/v1/mails?account_id=root", ""},
		{"GET", "/v1/mails?event_id=" + event, ""},
		{"GET", "/v1/mails?to=there&subject=belongs", ""},
		{"GET", "/v1/mails/" + mail, ""},
		{"GET", "/v1/mails/" + mail + "/html", ""},
		{"POST", "/v1/mails/" + mail + "/resend", ""},
		{"POST", "/v1/deliveries/" + delivery + "/retry", ""},
		{"POST", "/v1/customer-updates", `{"account_id":"other","text":"x"}`},
		{"POST", "/v1/customer-updates", `{"account_id":"root","text":"x"}`},
		{"POST", "/v1/customer-updates", `{"recipient_id":"other","text":"x","dry_run":true}`},
		{"POST", "/v1/customer-updates", `{"recipient_id":"root","text":"x","dry_run":true}`},
		{"POST", "/v1/customer-updates", `{"template_id":"secret","dry_run":true}`},
		{"POST", "/v1/events", `{"type":"account.customer_update","data":{"recipient_id":"other","template_id":"secret","notification":{"text":"x"}}}`},
		{"POST", "/v1/events", `{"type":"notification.custom","data":{"template_id":"secret","to":"me@acme.example"}}`},
		{"GET", "/v1/mail", ""},
		{"GET", "/v1/find?q=" + theirs, ""},
	} {
		a := acme.do(row[0], row[1], row[2])
		if strings.Contains(a.body, theirs) && !strings.Contains(row[1], theirs) || strings.Contains(a.body, "boss@other") {
			t.Errorf("%s %s %s tells of another account: %v", row[0], row[1], row[2], a)
		}
		if row[0] != "GET" && a.status < 300 && !strings.HasPrefix(row[1], "/v1/events") {
			t.Errorf("%s %s %s: %v", row[0], row[1], row[2], a)
		}
	}
	acme.settled()
	_, mails := p.all()
	if len(mails) != 1 {
		t.Errorf("%d mails came, expected the other's own", len(mails))
	}
	if a := other.do("GET", "/v1/templates/voicemail_to_email", ""); a.get("version") != "1" {
		t.Errorf("it was changed: %v", a)
	}
}

// A target's id is no webhook's: what can be done to a webhook cannot be done to it, and no
// id can be made up that is another's.
func TestTargetIDs(t *testing.T) {
	t.Parallel()
	p := box(t, nil)
	s := serve(t, p.withMail()...)
	acme, other := s.customer("acme"), s.customer("other")
	other.must(http.StatusAccepted, "POST", "/v1/events", object(voicemail(theirs, map[string]any{})))
	acme.must(http.StatusAccepted, "POST", "/v1/events", object(voicemail("mine", map[string]any{})))
	other.settled()
	acme.settled()
	for _, id := range []string{
		"mail:other:voicemail_to_email", "mail:acme:voicemail_to_email", "mail:acme:voicemail_to_email:other/usr", "mail:root:system_alert", "mail:acme", "mail:", "mail::", "mail:::", "sms:acme:voicemail_to_email:+15550100", "sms:other:voicemail_to_email:", "mail:acme:customer_update:other/x", "MAIL:other:voicemail_to_email", "mail%3Aother%3Avoicemail_to_email", "mail:other:voicemail_to_email%00", "mail:acme:../other:x",
	} {
		for _, row := range [][3]string{
			{"GET", "/v1/webhooks/%s", ""},
			{"GET", "/v1/webhooks/%s/preview", ""},
			{"GET", "/v1/webhooks/%s/stats", ""},
			{"PATCH", "/v1/webhooks/%s", `{"enabled":false}`},
			{"DELETE", "/v1/webhooks/%s", ""},
			{"POST", "/v1/webhooks/%s/test", `{}`},
			{"POST", "/v1/webhooks/%s/replay", `{"which":"all","since":"2020-01-01T00:00:00Z"}`},
			{"POST", "/v1/webhooks/%s/pause", ""},
			{"POST", "/v1/webhooks/%s/resume", ""},
			{"POST", "/v1/webhooks/%s/listen", `{}`},
			{"POST", "/v1/webhooks/%s/rotate-secret", `{}`},
			{"GET", "/v1/attempts?webhook_id=%s", ""},
			{"GET", "/v1/deliveries?webhook_id=%s", ""},
			{"GET", "/v1/jobs?webhook_id=%s", ""},
			{"GET", "/v1/stats?webhook_id=%s", ""},
			{"POST", "/v1/webhooks", `{"id":"%s","url":"https://8.8.8.8","events":["*"]}`},
			{"POST", "/v1/webhooks", `{"url":"smtp:","dialect":"mail","events":["*"]}`},
			{"POST", "/v1/webhooks", `{"url":"sms:","dialect":"sms","events":["*"]}`},
			{"POST", "/v1/webhooks", `{"url":"https://8.8.8.8","dialect":"mail","events":["*"]}`},
			{"POST", "/v1/webhooks", `{"url":"https://8.8.8.8","retry":{"policy":"smtp"},"events":["*"]}`},
			{"POST", "/v1/accounts", `{"id":"%s"}`},
			{"POST", "/v1/templates", `{"id":"%s","text":"x"}`},
			{"POST", "/v1/templates", `{"id":"voicemail_to_email","text":"x"}`},
			{"POST", "/v1/events", `{"type":"webhook.disabled","data":{"hook_id":"%s"}}`},
			{"POST", "/v1/events", `{"type":"flow.webhook","data":{"hook":{"uri":"%s"}}}`},
			{"POST", "/v1/events", `{"type":"custom.x","targets":["%s"],"data":{"targets":["%s"]}}`},
		} {
			a := acme.do(row[0], strings.ReplaceAll(row[1], "%s", id), strings.ReplaceAll(row[2], "%s", id))
			if strings.Contains(a.body, theirs) {
				t.Errorf("%s %s %s tells of another: %v", row[0], row[1], id, a)
			}
			if row[0] != "GET" && a.status < 300 && !strings.HasPrefix(row[1], "/v1/events") {
				t.Errorf("%s %s %s %s: %v", row[0], row[1], id, row[2], a)
			}
		}
	}
	other.must(http.StatusAccepted, "POST", "/v1/events", object(voicemail(theirs, map[string]any{})))
	acme.must(http.StatusAccepted, "POST", "/v1/events", object(voicemail("mine", map[string]any{})))
	other.settled()
	acme.settled()
	if _, mails := p.all(); len(mails) != 4 {
		t.Errorf("%d mails came", len(mails))
	}
}

// The page of a mail runs nothing and is of nobody's origin.
func TestMailPages(t *testing.T) {
	t.Parallel()
	p := box(t, nil)
	s := serve(t, p.withMail()...)
	acme := s.customer("acme")
	const page = `<script>parent.x=1</script><meta http-equiv="refresh" content="0;url=https://evil.example"><base href="https://evil.example"><form action="/v1/api-keys"><img src=x onerror=alert(1)><link rel=stylesheet href="https://evil.example"><iframe src="/"></iframe>`
	preview := acme.must(http.StatusOK, "POST", "/v1/templates/voicemail_to_email/preview", object(map[string]any{"html": page})).get("html_url")
	acme.must(http.StatusAccepted, "POST", "/v1/events", object(voicemail("x", map[string]any{"html": page})))
	acme.settled()
	mail := "/v1/mails/" + acme.do("GET", "/v1/mails", "").get("items.0.id") + "/html"
	for _, a := range []answer{s.as("").must(http.StatusOK, "GET", preview, ""), acme.must(http.StatusOK, "GET", mail, "")} {
		csp := a.header.Get("Content-Security-Policy")
		for _, want := range []string{"sandbox;", "default-src 'none'", "frame-ancestors 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("its CSP is %s", csp)
			}
		}
		if strings.Contains(csp, "allow-") || a.header.Get("Set-Cookie") != "" || a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("its headers are %v", a.header)
		}
	}
	s.as("").must(http.StatusUnauthorized, "GET", mail, "")
	for _, path := range []string{preview[:len(preview)-1], preview + "A", "/v1/previews/", "/v1/previews/..", "/v1/previews/%00", "/v1/previews/" + strings.Repeat("a", 8000)} {
		if a := s.as("").do("GET", path, ""); a.status < 400 || strings.Contains(a.body, "evil.example") {
			t.Errorf("GET %.100s: %v", path, a)
		}
	}
}

// Attachments come from public addresses only, however they are written and wherever they
// are redirected to.
func TestAttachments(t *testing.T) {
	t.Parallel()
	p := box(t, nil)
	var mu sync.Mutex
	asked := 0
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		_, _ = io.WriteString(w, "the inner service's answer")
	}))
	t.Cleanup(inner.Close)
	s := serve(t, p.withMail()...)
	acme := s.customer("acme")
	urls := []string{inner.URL, strings.Replace(inner.URL, "127.0.0.1", "localhost", 1), strings.Replace(inner.URL, "http://", "http://8.8.8.8@", 1), "file:///etc/passwd", "gopher://127.0.0.1", "//127.0.0.1/", "unix:///x", "data:text/plain,ok"}
	port := inner.URL[strings.LastIndex(inner.URL, ":"):]
	for _, host := range private {
		if strings.HasPrefix(host, "127") || strings.HasPrefix(host, "[") || strings.HasPrefix(host, "0") || strings.Contains(host, "local") { // others would be asked for in the DNS, or not there
			urls = append(urls, "http://"+host+port+"/a.mp3")
		}
	}
	var events []any
	for _, u := range urls {
		events = append(events, voicemail("x", map[string]any{"attachment_url": u}))
	}
	acme.must(http.StatusAccepted, "POST", "/v1/events", object(events))
	await(t, "an attempt of each", func() bool { return len(all(acme, "/v1/mails")) >= len(urls) })
	mu.Lock()
	defer mu.Unlock()
	if asked > 0 {
		t.Errorf("a private address was asked %d times", asked)
	}
	_, mails := p.all()
	for _, m := range mails {
		if strings.Contains(m.body, "the inner service") || strings.Contains(m.body, base64.StdEncoding.EncodeToString([]byte("the inner"))) {
			t.Errorf("a mail has what a private address answered: %.1000s", m.body)
		}
	}
}

// Many previews at once, as slow and as large as can be, keep nobody else from working, and
// leave little behind.
func TestPreviewsAtOnce(t *testing.T) {
	t.Parallel()
	p := box(t, nil)
	s := serve(t, p.withMail()...)
	acme, other := s.customer("acme"), s.customer("other")
	loop := strings.Repeat("{% for a in event.list %}", 4) + "{% if a in event.list %}{% endif %}" + strings.Repeat("{% endfor %}", 4)
	large := strings.Repeat("{{a|add:b}}", 3_300)
	list := make([]int, 10_000)
	before := s.rss()
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 8 {
				acme.do("POST", "/v1/templates/voicemail_to_email/preview", object(map[string]any{
					"event_type": "voicemail.new", "data": map[string]any{"list": list}, "html": loop + fmt.Sprint(i, j), "text": large + fmt.Sprint(i, j), "subject": fmt.Sprint(i, j),
				}))
			}
		})
	}
	var slowest time.Duration
	for range 20 {
		start := time.Now()
		other.must(http.StatusOK, "GET", "/v1/templates/voicemail_to_email", "")
		other.must(http.StatusAccepted, "POST", "/v1/events", `{"type":"custom.x","data":{}}`)
		slowest = max(slowest, time.Since(start))
	}
	wg.Wait()
	grown := (s.rss() - before) >> 20
	t.Logf("the slowest answer to another account took %v; the server has grown by %d MiB", slowest, grown)
	if slowest > 2*time.Second {
		t.Errorf("another account waited %v", slowest)
	}
	if grown > 256 {
		t.Errorf("the server has grown by %d MiB", grown)
	}
}
