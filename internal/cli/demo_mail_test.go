package cli

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/sim"
)

// With a server in the environment the demo's mails go there, and are not the audit's affair.
//
//nolint:paralleltest // the environment is that of the whole process
func TestDemoPostsToAServer(t *testing.T) {
	box, err := sim.ListenMail(t.Context(), sim.MailboxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	t.Setenv(smtpVariable, box.URL())
	t.Setenv("SWITCHHOOK_MAIL_FROM", "Example <pbx@example.com>")
	out := newConsole()
	if err := runDemo(t.Context(), out, "--for", "2s", "--no-open", "--listen", "127.0.0.1:0", "--rate", "20"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if s := out.String(); !strings.Contains(s, "(they are sent through SWITCHHOOK_SMTP_URL)") || regexp.MustCompile(`(?m)^mail |mails arrived`).MatchString(s) {
		t.Error(s)
	}
	if mails := box.Messages(); len(mails) == 0 || mails[0].Header.Get("From") != `"Example" <pbx@example.com>` || !strings.HasSuffix(mails[0].To[0], "@example.com") {
		t.Errorf("%d mails: %+v", len(mails), mails)
	}
	t.Setenv(smtpVariable, "nonsense")
	if err := runDemo(t.Context(), newConsole(), "--for", "1s", "--no-open", "--listen", "127.0.0.1:0"); err == nil || !strings.HasPrefix(err.Error(), smtpVariable+": ") {
		t.Errorf("%v", err)
	}
}
