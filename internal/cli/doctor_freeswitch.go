package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source/freeswitch"
)

func newDoctorFreeSWITCH() *cobra.Command {
	var file, id string
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
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "YAML file with the source (variable SWITCHHOOK_CONFIG, unless ADDRESS is given)")
	f.StringVar(&id, "source", "", "which source of the file; not needed if one is a FreeSWITCH")
	f.StringVar(&o.Username, "username", "", "a user of the directory, as user@domain; without one the password is that of event_socket.conf.xml")
	f.StringVar(&o.Password, "password", "", "the password (variable SWITCHHOOK_FREESWITCH_PASSWORD)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		options, err := func() (m map[string]any, err error) {
			if len(args) == 0 {
				s, err := configured(cmd, file, id, "freeswitch", "the address of a FreeSWITCH, such as 192.0.2.10", "freeswitch.md")
				if err != nil {
					return nil, err
				}
				return s.Options, nil
			}
			if file != "" || id != "" {
				return nil, errors.New("either an address or --config: with both it is not clear which is meant")
			}
			o.Address, o.Password = args[0], cmp.Or(o.Password, os.Getenv("SWITCHHOOK_FREESWITCH_PASSWORD"))
			raw, err := json.Marshal(o) //nolint:gosec // it stays here
			if err != nil {
				return nil, err
			}
			return m, json.Unmarshal(raw, &m)
		}()
		if err != nil {
			return err
		}
		found, err := freeswitch.Diagnose(cmd.Context(), options)
		if e, ok := errors.AsType[*switchhook.Error](err); ok && len(args) > 0 {
			return errors.New(asFlags(e))
		}
		if err != nil {
			return err
		}
		return writeFindings(cmd.OutOrStdout(), found)
	}
	return cmd
}
