package mail_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/mail"
)

// Each mail in a real browser, as phones and desktops show it: see test/letters.mjs.
// LETTERS names a folder to put pictures in.
func TestLettersInABrowser(t *testing.T) {
	t.Parallel()
	if os.Getenv("SWITCHHOOK_TEST_LETTERS") == "" {
		t.Skip("runs with make test-ui, which has the browser")
	}
	pages := t.TempDir()
	write := func(name string, m rendered) {
		if err := os.WriteFile(filepath.Join(pages, name+".html"), []byte(m.html), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range letters(t) {
		ev, env := mail.Sample(l.ID), mail.SampleEnv(l.ID)
		write(l.ID, l.render(t, mail.Context(ev, env)))
		if l.ID == "port_request_admin" || l.ID == "service_added" || l.ID == "system_alert" { // the longest
			ev, env = hostile(t, l.ID)
			write(l.ID+"-hostile", l.render(t, mail.Context(ev, env)))
		}
		if l.ID == "new_user" || l.ID == "password_recovery" || l.ID == "missed_call" { // one brand that is hard to read on, and one word that never ends
			env = mail.SampleEnv(l.ID)
			env.Brand = mail.Brand{Name: strings.Repeat("Telecom", 20), Accent: "#ffd400", AccentDark: "#0a0a40"}
			env.Account.Name = strings.Repeat("x", 200)
			write(l.ID+"-brand", l.render(t, mail.Context(mail.Sample(l.ID), env)))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	args := []string{"../../test/letters.mjs", pages}
	if to := os.Getenv("LETTERS"); to != "" {
		args = append(args, to)
	}
	out, err := exec.CommandContext(ctx, "node", args...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
