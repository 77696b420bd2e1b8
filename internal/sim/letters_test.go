package sim

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
)

// What is wrong with a mail is found: it is lost, unreadable, another's or without its file.
func TestReportOfMails(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		spoil   func(*Slip)
		foreign bool
		want    string // empty: nothing is wrong
	}{
		"as it should be":         {func(*Slip) {}, false, ""},
		"lost":                    {func(s *Slip) { s.MessageID = "another@example.com" }, false, "the voicemail.new of e1 has not arrived at mail"},
		"unreadable":              {func(s *Slip) { s.Problem = errors.New("no MIME") }, false, "the voicemail.new of e1 came to mail wrong: no MIME"},
		"to somebody else":        {func(s *Slip) { s.To = []string{"alan@example.com"} }, false, `the mail of the voicemail.new of e1 went to alan@example.com with the files ["audio/wav"]`},
		"to somebody more":        {func(s *Slip) { s.To = append(s.To, "alan@example.com") }, false, "went to alan@example.com, grace@example.com"},
		"without its file":        {func(s *Slip) { s.Files = nil }, false, `with the files [], not to grace@example.com with "audio/wav"`},
		"as its people wanted it": {func(s *Slip) { s.To = []string{"alan@example.com"} }, true, ""},
	} {
		accepted := []Accepted{{ID: "e1", Type: "voicemail.new", Deliveries: 1, Letter: &Letter{[]string{"grace@example.com"}, "audio/wav"}}}
		deliveries := []switchhook.Delivery{{ID: "dlv_1", EventID: "e1", EventType: "voicemail.new", WebhookID: "mail:demo:voicemail_to_email", AcceptedAt: at, State: switchhook.Delivered}}
		s := Slip{Place: 1, At: at.Add(time.Millisecond), MessageID: "dlv_1@example.com", To: []string{"grace@example.com"}, Files: []string{"audio/wav"}}
		c.spoil(&s)
		mails := posted([]Slip{s})
		r := Compare(accepted, deliveries, mails, map[string]string{deliveries[0].WebhookID: Post})
		r.checkLetters(accepted, deliveries, mails, func(*switchhook.Delivery) bool { return c.foreign })
		if got := strings.Join(r.Problems, "\n"); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
		var out strings.Builder
		if err := r.Write(&out); err != nil || c.want == "" && !strings.Contains(out.String(), "\n1 mails arrived.\n") {
			t.Errorf("%v\n%s", err, out.String())
		}
	}
}

// A mail whose template the account's people have changed goes where they want it.
func TestForeignMails(t *testing.T) {
	t.Parallel()
	for _, account := range []string{"", "demo"} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/attempts" || r.FormValue("event_id") != "e1" || r.FormValue("webhook_id") != "mail:demo:x" {
				t.Errorf("%s", r.URL)
			}
			_, _ = fmt.Fprintf(w, `{"items":[{"request":{"method":"MAIL","body":"{\"template\":{\"id\":\"x\",\"account_id\":\"%s\"}}"}}]}`, account)
		}))
		defer api.Close()
		a := &Audit{Client: &Client{URL: api.URL}}
		if got := a.foreign(t.Context())(&switchhook.Delivery{EventID: "e1", WebhookID: "mail:demo:x"}); got != (account != "") {
			t.Errorf("of %q: %t", account, got)
		}
	}
}

func TestFilesOfLetters(t *testing.T) {
	t.Parallel()
	decode := func(uri, kind string) []byte {
		b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(uri, "data:"+kind+";base64,"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	wav := decode(recording(), "audio/wav")
	if len(wav) != 44+toneLength || binary.LittleEndian.Uint32(wav[4:]) != uint32(len(wav)-8) || binary.LittleEndian.Uint32(wav[40:]) != toneLength {
		t.Errorf("%d bytes: %q", len(wav), wav[:44])
	}
	pdf := string(decode(document("Order (1)"), "application/pdf"))
	var table int
	if _, err := fmt.Sscanf(pdf[strings.Index(pdf, "startxref"):], "startxref\n%d", &table); err != nil || !strings.HasPrefix(pdf[table:], "xref\n0 6\n") {
		t.Errorf("%v\n%s", err, pdf)
	}
	for i := 1; i <= 5; i++ {
		entry := pdf[table+len("xref\n0 6\n")+20*i:]
		var at int
		if _, err := fmt.Sscanf(entry, "%d", &at); err != nil || !strings.HasPrefix(pdf[at:], fmt.Sprintf("%d 0 obj", i)) {
			t.Errorf("object %d: %.20q, %v", i, entry, err)
		}
	}
}
