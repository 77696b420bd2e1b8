package cli

import (
	"cmp"
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/freeswitch"
)

func newDoctorFreeSWITCH() *cobra.Command {
	var o freeswitch.Options
	cmd := &cobra.Command{
		Use:   "freeswitch [ADDRESS]",
		Short: "Look at a FreeSWITCH, and say which line of which file is missing",
		Long: `Connects to the event socket of a FreeSWITCH as a source would, looks at what
a source depends on (access list, password, version, modules, the rights of a user
of the directory, whether events come, clocks), and says for each thing that is
missing which line to write into which file. It changes nothing. What it finds has
three levels:

  ok       as it should be
  hint     works, and would work better
  missing  has to be put right before events can be relied upon

With at least one of the last kind the exit code is 1.

Give the address, or a configuration file with a source of the kind freeswitch.
The password is best given by the variable SWITCHHOOK_FREESWITCH_PASSWORD, for
others can read the command line. All about the files: docs/guides/freeswitch.md.`,
		Example: `  SWITCHHOOK_FREESWITCH_PASSWORD=… switchhook doctor freeswitch 192.0.2.10
  switchhook doctor freeswitch --config /etc/switchhook.yaml --source pbx`,
	}
	f := cmd.Flags()
	f.StringVar(&o.Username, "username", "", "a user of the directory, as user@domain; without one the password is that of event_socket.conf.xml")
	f.StringVar(&o.Password, "password", "", "the password (variable SWITCHHOOK_FREESWITCH_PASSWORD)")
	d := &doctor{
		kind: "freeswitch", place: "the address of a FreeSWITCH, such as 192.0.2.10", guide: "freeswitch.md",
		options: func(address string) any {
			o.Address, o.Password = address, cmp.Or(o.Password, os.Getenv("SWITCHHOOK_FREESWITCH_PASSWORD"))
			return &o
		},
		diagnose: func(ctx context.Context, options map[string]any, _ string) ([]source.Finding, error) {
			return freeswitch.Diagnose(ctx, options)
		},
	}
	return d.command(cmd)
}
