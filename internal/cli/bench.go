package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/bench"
)

func newBench() *cobra.Command {
	var o bench.Options
	var quick, asJSON bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what Switchhook does on this machine",
		Args:  cobra.NoArgs,
	}
	f := cmd.Flags()
	f.BoolVar(&quick, "quick", false, "shorter rounds: done within 40 seconds, less exact")
	f.BoolVar(&asJSON, "json", false, "print one JSON object instead of the table; all else goes to stderr")
	f.StringVar(&o.Data, "data", "", "directory to keep the data in (default: a temporary one, removed at the end)")
	f.StringVar(&o.CPUProfile, "cpuprofile", "", "write a CPU profile of the last in-process round to this file")
	f.IntVar(&o.Rounds, "rounds", 5, "how often each kind is measured")
	f.DurationVar(&o.For, "for", 0, "how long each kind is measured in a round")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		program, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program, to start it as receiver and load generator: %w", err)
		}
		if o.For == 0 {
			o.For, o.Paced = 3*time.Second, 4*time.Second
			if quick {
				o.For, o.Paced = 600*time.Millisecond, 800*time.Millisecond
			}
		} else {
			o.Paced = o.For
		}
		if o.Rounds < 1 || o.For <= 0 {
			return errors.New("--rounds and --for want values above 0")
		}
		o.Command, o.Version, o.Progress = []string{program, "bench", "child"}, Version, cmd.ErrOrStderr()
		report, err := bench.Run(cmd.Context(), o)
		if err != nil {
			return err
		}
		if asJSON {
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			err = e.Encode(report)
		} else {
			err = report.Write(cmd.OutOrStdout())
		}
		return errors.Join(err, report.Err())
	}
	cmd.AddCommand(&cobra.Command{
		Use: "child ROLE", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return bench.Child(cmd.Context(), args[0], io.Reader(os.Stdin), cmd.OutOrStdout())
		},
	})
	return cmd
}
