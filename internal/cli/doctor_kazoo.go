package cli

import (
	"cmp"
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/kazoobus"
)

func newDoctorKazoo() *cobra.Command {
	var o kazoobus.Options
	cmd := &cobra.Command{
		Use:   "kazoo [URL]",
		Short: "Look at the RabbitMQ of a Kazoo, and say which right or exchange is missing",
		Long: `Connects to the RabbitMQ of a Kazoo as a source of the kind kazoo_bus would, tries
what the user may, and says what is missing and how to put it right. What it makes
to try that, it deletes; a source that reads at the moment is not disturbed. What it
finds has three levels:

  ok       as it should be
  hint     works, and would work better
  missing  has to be put right before events can be relied upon

With at least one of the last kind the exit code is 1.

Give the server's URL, or a configuration file with a source of the kind kazoo_bus.
The password is best given by the variable SWITCHHOOK_KAZOO_PASSWORD, for others can
read the command line. All about it: docs/guides/kazoo.md.`,
		Example: `  SWITCHHOOK_KAZOO_PASSWORD=… switchhook doctor kazoo amqp://192.0.2.20 --username switchhook
  switchhook doctor kazoo --config /etc/switchhook.yaml --source kazoo`,
	}
	f := cmd.Flags()
	f.StringVar(&o.Username, "username", "", "user of RabbitMQ, if URL does not name one")
	f.StringVar(&o.Password, "password", "", "their password (variable SWITCHHOOK_KAZOO_PASSWORD)")
	f.StringVar(&o.Queue, "queue", "", "name of the queue that the source is to have (default switchhook-kazoo)")
	f.StringVar(&o.TLSCA, "tls-ca", "", "PEM file with who signed the certificate")
	f.BoolVar(&o.TLSInsecure, "tls-insecure", false, "take any certificate")
	d := &doctor{
		kind: "kazoo_bus", place: "the URL of a RabbitMQ, such as amqp://192.0.2.20", guide: "kazoo.md",
		options: func(url string) any {
			o.URL, o.Password = url, cmp.Or(o.Password, os.Getenv("SWITCHHOOK_KAZOO_PASSWORD"))
			return &o
		},
		diagnose: func(ctx context.Context, options map[string]any, id string) ([]source.Finding, error) {
			return kazoobus.Diagnose(ctx, options, cmp.Or(id, "kazoo"))
		},
	}
	return d.command(cmd)
}
