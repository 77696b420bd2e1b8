package cli

import (
	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/source/kamailio"
)

func newDoctorKamailio() *cobra.Command {
	return &cobra.Command{
		Use:   "kamailio [FILE]",
		Short: "Look at a kamailio.cfg, and say which line is missing",
		Long: `Reads a kamailio.cfg, /etc/kamailio/kamailio.cfg if none is named, with what it
includes, looks for what a source needs (the snippet, the lines that call it, its
module), asks whether Switchhook is where it is to post, and says for each thing that
is missing which line to write where. It changes nothing. Run it on the machine of
Kamailio. What it finds has three levels:

  ok       as it should be
  hint     works, and would work better
  missing  has to be put right before events can be relied upon

With at least one of the last kind the exit code is 1. All about it:
docs/guides/kamailio.md.`,
		Example: "  switchhook doctor kamailio",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := "/etc/kamailio/kamailio.cfg"
			if len(args) > 0 {
				file = args[0]
			}
			findings, err := kamailio.Diagnose(cmd.Context(), file)
			if err != nil {
				return err
			}
			return writeFindings(cmd.OutOrStdout(), findings)
		},
	}
}
