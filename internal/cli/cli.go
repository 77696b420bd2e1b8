// Package cli is the command line: the server itself (serve, demo, copy, bench, doctor), a
// command for every operation of its API, and what developers of webhooks need
// (listen, trigger, tail, verify).
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/app"
)

// The headings of the help, beside groupAPI.
const (
	groupServer  = "server"
	groupDevelop = "develop"
)

// Version is the program's version. A release sets it with -ldflags.
var Version = "0.1.0-dev" //nolint:gochecknoglobals // -ldflags -X can only set a variable

// Main runs the command line and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	// The first signal ends the work in order, the second at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop()
	}()
	root := New()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	begun := false // before that, what is wrong is the command line
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "switchhook: "+explain(err))
	if !begun {
		return exitUsage
	}
	return exitCode(err)
}

// New returns the root command.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:   "switchhook",
		Short: "Brings a phone system's events to its customers' programs, and loses none",
		Long: `Switchhook takes the events of a phone system (calls, queues, messages, voicemail,
records) and delivers each to the URLs that customers have set up: signed,
retried, in order per call, in the shape that their code already parses.

  switchhook demo                the whole product in one command
  switchhook serve               the server
  switchhook webhooks create url=https://example.com/hook events='call.*'
  switchhook listen --forward-to http://127.0.0.1:3000/hook
                                 events come to a program on this machine
  switchhook calls get ID        what happened to a call
` + aboutRemote,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddGroup(&cobra.Group{ID: groupServer, Title: "The server:"}, &cobra.Group{ID: groupAPI, Title: "Its API:"}, &cobra.Group{ID: groupDevelop, Title: "For developers of webhooks:"})
	for _, cmd := range []*cobra.Command{newServe(), newDemo(), newCopy(), newBackup(), newRestore(), newRotate(), newBench(), newDoctor()} {
		cmd.GroupID = groupServer
		root.AddCommand(cmd)
	}
	root.AddCommand(resourceCommands()...)
	root.AddCommand(newReplay(), newListen(), newTrigger(), newTail(), newVerify(), newVersion())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			revision := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" && len(s.Value) >= 12 {
						revision = ", commit " + s.Value[:12]
					}
				}
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "switchhook %s (%s, %s/%s%s)\n", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, revision)
			return err
		},
	}
}

func newServe() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it is told to stop (SIGTERM or Ctrl-C): then it takes no
more, finishes what is under way, and exits. Whatever is still to be delivered
waits in the data directory for the next start.

Each option can also be set by a variable or in the file: flag over variable
over file over default. The operator's API key comes from SWITCHHOOK_ADMIN_KEY;
unset, one is made at the first start, printed once and kept in the data
directory.`,
		Example: `  switchhook serve
  switchhook serve --listen 0.0.0.0:8420 --data /var/lib/switchhook
  SWITCHHOOK_ALLOW_NETWORKS=10.0.0.0/8 switchhook serve --config /etc/switchhook.yaml`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&file, "config", "", "YAML file with the same settings (variable SWITCHHOOK_CONFIG)")
	for _, o := range app.Options() {
		switch usage := o.Usage + " (variable " + o.Variable + ")"; {
		case o.Flag == "":
		case o.List:
			cmd.Flags().StringSlice(o.Flag, nil, usage)
		default:
			cmd.Flags().String(o.Flag, o.Default, usage)
		}
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := config(cmd, file)
		if err != nil {
			return err
		}
		c.Version = Version
		c.Notice = func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), format, args...) }
		a, err := app.New(cmd.Context(), c)
		if cause := context.Cause(cmd.Context()); err != nil && cause != nil && (errors.Is(err, cause) || errors.Is(err, context.Canceled)) {
			return nil // stopped before it had to do anything, maybe while a database was asked, which says no more than that
		}
		if err != nil {
			return err
		}
		return a.Run(cmd.Context())
	}
	return cmd
}

// config reads the settings from flags, environment and file.
func config(cmd *cobra.Command, file string) (app.Config, error) {
	flags := map[string][]string{}
	for _, o := range app.Options() {
		f := cmd.Flags().Lookup(o.Flag)
		switch {
		case f == nil || !f.Changed: // not every command has all
		case o.List:
			list, err := cmd.Flags().GetStringSlice(o.Flag)
			if err != nil {
				return app.Config{}, err
			}
			flags[o.Flag] = list
		default:
			flags[o.Flag] = []string{f.Value.String()}
		}
	}
	if file == "" {
		file = os.Getenv("SWITCHHOOK_CONFIG")
	}
	var content []byte
	if file != "" {
		var err error
		if content, err = os.ReadFile(file); err != nil { //nolint:gosec // the operator names the file
			return app.Config{}, fmt.Errorf("the configuration file: %w", err)
		}
	}
	return app.Load(flags, os.LookupEnv, content)
}
