package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

func newDoctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at a phone system, and say what it lacks to be a source",
		Long: `Look at a phone system as a source would, and say what it lacks. Nothing is
changed there.

  switchhook doctor asterisk    Asterisk 16 to 22, FreePBX
  switchhook doctor freeswitch  FreeSWITCH 1.10 and 1.11, FusionPBX
  switchhook doctor kamailio    Kamailio 5.6 and later
  switchhook doctor kazoo       the bus of Kazoo 4 and 5`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDoctorAsterisk(), newDoctorFreeSWITCH(), newDoctorKamailio(), newDoctorKazoo())
	return cmd
}

// A doctor is a command that looks at phone systems of a kind: one whose place is given, with
// flags, or one that is a source of the configuration file.
type doctor struct {
	kind  string // of the source
	place string // what may be given in place of a file, such as "the address of an Asterisk, such as 192.0.2.10"
	guide string // about it, in docs/guides
	// options are those of a source at that place, with what flags and variables say.
	options func(place string) any
	// diagnose looks at it. id is the source's, empty where there is none.
	diagnose func(ctx context.Context, options map[string]any, id string) ([]source.Finding, error)

	file, id string
}

// command makes the command run the doctor, and gives it the flags that all have.
func (d *doctor) command(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&d.file, "config", "", "YAML file with the source (variable SWITCHHOOK_CONFIG, unless it is said where the system is)")
	cmd.Flags().StringVar(&d.id, "source", "", "which source of the file; not needed if one is of the kind "+d.kind)
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.RunE = d.run
	return cmd
}

func (d *doctor) run(cmd *cobra.Command, args []string) error {
	options, id, err := d.patient(cmd, args)
	if err != nil {
		return err
	}
	findings, err := d.diagnose(cmd.Context(), options, id)
	if e, ok := errors.AsType[*switchhook.Error](err); ok && len(args) > 0 {
		return errors.New(asFlags(e))
	}
	if err != nil {
		return err
	}
	return writeFindings(cmd.OutOrStdout(), findings)
}

// patient is whom to look at.
func (d *doctor) patient(cmd *cobra.Command, args []string) (options map[string]any, id string, err error) {
	if len(args) == 0 {
		s, err := d.configured(cmd)
		if err != nil {
			return nil, "", err
		}
		return s.Options, s.ID, nil
	}
	if d.file != "" || d.id != "" {
		return nil, "", errors.New("either an address or --config: with both it is not clear which is meant")
	}
	raw, err := json.Marshal(d.options(args[0]))
	if err != nil {
		return nil, "", err
	}
	return options, "", json.Unmarshal(raw, &options)
}

// configured is the source of the configuration file.
func (d *doctor) configured(cmd *cobra.Command) (*switchhook.Source, error) {
	c, err := config(cmd, d.file)
	if err != nil {
		return nil, err
	}
	var found []switchhook.Source
	var ids []string
	for _, s := range c.Sources {
		if s.Kind == d.kind && (d.id == "" || s.ID == d.id) {
			found = append(found, s)
			ids = append(ids, s.ID)
		}
	}
	switch {
	case len(found) == 1:
		return &found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("which one? --source wants one of %s", strings.Join(ids, ", "))
	case d.file == "" && os.Getenv("SWITCHHOOK_CONFIG") == "":
		return nil, fmt.Errorf("give %s, or a file with --config; see %s --help", d.place, cmd.CommandPath())
	case d.id != "":
		return nil, fmt.Errorf("the configuration file has no source %s of the kind %s", d.id, d.kind)
	default:
		return nil, fmt.Errorf("the configuration file has no source of the kind %s; see docs/guides/%s", d.kind, d.guide)
	}
}

// asFlags says what is wrong with options that were flags.
func asFlags(e *switchhook.Error) string {
	all := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		name := strings.NewReplacer(".", "-", "_", "-").Replace(strings.TrimPrefix(f.Field, "options."))
		all[i] = "--" + name + " " + f.Message
		if name == "address" {
			all[i] = "the address " + f.Message
		}
	}
	return strings.Join(all, "; ")
}

// writeFindings writes what was found, what is to be done below each.
func writeFindings(out io.Writer, findings []source.Finding) error {
	missing := 0
	for _, f := range findings {
		if f.Level == source.Missing {
			missing++
		}
		fix := ""
		if f.Fix != "" {
			fix = "           " + strings.ReplaceAll(f.Fix, "\n", "\n           ") + "\n"
		}
		if _, err := fmt.Fprintf(out, "%-8s %-14s %s\n%s", f.Level, f.About, f.Says, fix); err != nil {
			return err
		}
	}
	switch missing {
	case 0:
		return nil
	case 1:
		return errors.New("one thing is missing")
	default:
		return fmt.Errorf("%d things are missing", missing)
	}
}
