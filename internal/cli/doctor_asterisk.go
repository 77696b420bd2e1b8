package cli

import (
	"cmp"
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/asterisk"
)

func newDoctorAsterisk() *cobra.Command {
	var o asterisk.Options
	var ari asterisk.ARIOptions
	cmd := &cobra.Command{
		Use:   "asterisk [ADDRESS]",
		Short: "Look at an Asterisk, and say which line of which file is missing",
		Long: `Connects to an Asterisk as a source would, looks at what a source depends on
(rights, event classes, time stamps, records, versions, clocks), and says for
each thing that is missing which line to write into which file, also in FreePBX.
It changes nothing. What it finds has three levels:

  ok       as it should be
  hint     works, and would work better
  missing  has to be put right before events can be relied upon

With at least one of the last kind the exit code is 1.

Give the address and the user, as in manager.conf, or a configuration file with
a source of the kind asterisk. The secret is best given by the variable
SWITCHHOOK_ASTERISK_SECRET (that of ARI by SWITCHHOOK_ARI_PASSWORD), for others
can read the command line. All about the files: docs/guides/asterisk.md.`,
		Example: `  SWITCHHOOK_ASTERISK_SECRET=… switchhook doctor asterisk 192.0.2.10 --username switchhook
  switchhook doctor asterisk --config /etc/switchhook.yaml --source pbx`,
	}
	f := cmd.Flags()
	f.StringVar(&o.Username, "username", "", "user of the manager interface: a section of manager.conf")
	f.StringVar(&o.Secret, "secret", "", "their secret (variable SWITCHHOOK_ASTERISK_SECRET)")
	f.StringVar(&o.Auth, "auth", "", "how it is shown: auto, md5 or plain")
	f.BoolVar(&o.TLS, "tls", false, "speak TLS (port 5039)")
	f.StringVar(&o.TLSCA, "tls-ca", "", "PEM file with who signed the certificate")
	f.BoolVar(&o.TLSInsecure, "tls-insecure", false, "take any certificate")
	f.StringVar(&ari.URL, "ari-url", "", "look at ARI too, such as http://192.0.2.10:8088/ari")
	f.StringVar(&ari.Username, "ari-username", "", "user of ARI: a section of ari.conf")
	f.StringVar(&ari.Password, "ari-password", "", "their password (variable SWITCHHOOK_ARI_PASSWORD)")
	d := &doctor{
		kind: "asterisk", place: "the address of an Asterisk, such as 192.0.2.10", guide: "asterisk.md",
		options: func(address string) any {
			o.Address, o.Secret = address, cmp.Or(o.Secret, os.Getenv("SWITCHHOOK_ASTERISK_SECRET"))
			if ari.Password = cmp.Or(ari.Password, os.Getenv("SWITCHHOOK_ARI_PASSWORD")); ari.URL != "" || ari.Username != "" {
				o.ARI = &ari
			}
			return &o
		},
		diagnose: func(ctx context.Context, options map[string]any, _ string) ([]source.Finding, error) {
			return asterisk.Diagnose(ctx, options)
		},
	}
	return d.command(cmd)
}
