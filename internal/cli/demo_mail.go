package cli

import (
	"context"
	"os"
	"strings"

	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/sim"
)

const smtpVariable = "SWITCHHOOK_SMTP_URL"

// postbox makes the settings of how notifications leave: through the server of the
// environment where that names one, else to a mailbox of the demo's own, which is returned.
func postbox(ctx context.Context) (*sim.Mailbox, app.Config, error) {
	given := func(name string) (string, bool) {
		for _, of := range []string{"SWITCHHOOK_SMTP_", "SWITCHHOOK_MAIL_", "SWITCHHOOK_DKIM_", "SWITCHHOOK_SMS_"} {
			if strings.HasPrefix(name, of) {
				return os.LookupEnv(name)
			}
		}
		return "", false
	}
	if os.Getenv(smtpVariable) != "" {
		c, err := app.Load(nil, given, nil) //nolint:contextcheck // templates are tried, which is bounded
		return nil, c, err
	}
	box, err := sim.ListenMail(ctx, sim.MailboxOptions{})
	if err != nil {
		return nil, app.Config{}, err
	}
	c, err := app.Load(map[string][]string{"smtp-url": {box.URL()}, "mail-from": {"Switchhook demo <demo@example.com>"}}, given, nil) //nolint:contextcheck // templates are tried, which is bounded
	c.Mail.Catcher = true
	return box, c, err
}
