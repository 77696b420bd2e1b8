package cli

import (
	"cmp"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source/kazoobus"
)

func newDoctorKazoo() *cobra.Command {
	var file, id string
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
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "YAML file with the source (variable SWITCHHOOK_CONFIG, unless URL is given)")
	f.StringVar(&id, "source", "", "which source of the file; not needed if one is a Kazoo's bus")
	f.StringVar(&o.Username, "username", "", "user of RabbitMQ, if URL does not name one")
	f.StringVar(&o.Password, "password", "", "their password (variable SWITCHHOOK_KAZOO_PASSWORD)")
	f.StringVar(&o.Queue, "queue", "", "name of the queue that the source is to have (default switchhook-kazoo)")
	f.StringVar(&o.TLSCA, "tls-ca", "", "PEM file with who signed the certificate")
	f.BoolVar(&o.TLSInsecure, "tls-insecure", false, "take any certificate")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var options map[string]any
		source := "kazoo"
		switch {
		case len(args) == 0:
			s, err := configured(cmd, file, id, "kazoo_bus", "the URL of a RabbitMQ, such as amqp://192.0.2.20", "kazoo.md")
			if err != nil {
				return err
			}
			options, source = s.Options, s.ID
		case file != "" || id != "":
			return errors.New("either a URL or --config: with both it is not clear which is meant")
		default:
			o.URL, o.Password = args[0], cmp.Or(o.Password, os.Getenv("SWITCHHOOK_KAZOO_PASSWORD"))
			var err error
			if options, err = asMap(&o); err != nil {
				return err
			}
		}
		findings, err := kazoobus.Diagnose(cmd.Context(), options, source)
		if e, ok := errors.AsType[*switchhook.Error](err); ok && len(args) > 0 {
			return errors.New(asFlags(e))
		}
		if err != nil {
			return err
		}
		return writeFindings(cmd.OutOrStdout(), findings)
	}
	return cmd
}
