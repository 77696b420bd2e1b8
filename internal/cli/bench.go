package cli

import (
	"encoding/json"
	"errors"
	"fmt"
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
		Long: `Measure what Switchhook does on this machine, against what the machine can do at
all: a bare HTTP client sends the same requests, as many at once, in every round,
and what is fed in process, by NDJSON batches and by single posts is compared
with it. Further: ten webhooks for each event, one of ten receivers that never
answers, the latency of single events, CPU, disk and memory. The server runs as
"switchhook serve" has it, every commit with its fsync; the receiver and the load
are processes of their own, and end with this one.

The events are those of calls, and each delivery is signed. At the end it says
whether all that was accepted arrived, and in order per call; if not, the exit
code is 1. An aim that is missed is no error: machines differ.

Nothing else should run meanwhile. The data goes to the system's temporary
directory; where that is in memory, an fsync costs nothing and the figures
flatter: choose a disk with --data.`,
		Example: `  switchhook bench --quick
  switchhook bench --data /var/lib --json > bench.json
  switchhook bench --flat 5000000 --backlog 1000000    (takes long, and 3 KB of disk for each)
  switchhook bench --cpuprofile cpu.prof && go tool pprof -top cpu.prof`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.BoolVar(&quick, "quick", false, "shorter rounds: done within 40 seconds, less exact")
	f.BoolVar(&asJSON, "json", false, "print one JSON object instead of the table; all else goes to stderr")
	f.StringVar(&o.Data, "data", "", "where to make a directory for the data, removed at the end (default: the system's place for such)")
	f.StringVar(&o.Database, "database", "", "measure on this PostgreSQL (postgres://…), in a schema of its own that is removed at the end")
	f.StringVar(&o.CPUProfile, "cpuprofile", "", "write a CPU profile of the last in-process round to this file")
	f.Int64Var(&o.Flat, "flat", 0, "also measure how fast it is after 100,000 deliveries and after so many")
	f.IntVar(&o.Failing, "failing", 0, "with --flat: of a hundred deliveries so many are refused once, and wait for their next try")
	f.Int64Var(&o.Backlog, "backlog", 0, "also let so many deliveries wait for a receiver that is down, kill the server, and see it recover")
	f.IntVar(&o.Rounds, "rounds", 5, "how often each kind is measured")
	f.DurationVar(&o.For, "for", 0, "how long each kind is measured in a round (default 3s; 500ms with --quick)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		program, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program, to start it as receiver and load generator: %w", err)
		}
		switch {
		case o.Failing < 0 || o.Failing > 100:
			return errors.New("--failing wants a number from 0 to 100")
		case o.Rounds < 1 || o.For < 0 || o.Flat < 0 || o.Backlog < 0:
			return errors.New("--rounds, --for, --flat and --backlog want values above 0, such as --rounds 5 --for 3s")
		case o.For > 0:
			o.Paced = o.For
		case quick:
			o.For, o.Paced, o.Within = 500*time.Millisecond, 700*time.Millisecond, 34*time.Second
		default:
			o.For, o.Paced = 3*time.Second, 4*time.Second
		}
		o.Command, o.Version, o.Progress = []string{program, "bench", "child"}, Version, cmd.ErrOrStderr()
		report, err := bench.Run(cmd.Context(), o)
		if cmd.Context().Err() != nil {
			return errors.New("interrupted: nothing was measured to the end")
		}
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
		Use: "child ROLE", Hidden: true, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return bench.Child(cmd.Context(), args, os.Stdin, cmd.OutOrStdout())
		},
	})
	return cmd
}
