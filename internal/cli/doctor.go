package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/asterisk"
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

func newDoctorAsterisk() *cobra.Command {
	var file, id string
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
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "YAML file with the source (variable SWITCHHOOK_CONFIG, unless ADDRESS is given)")
	f.StringVar(&id, "source", "", "which source of the file; not needed if one is an Asterisk")
	f.StringVar(&o.Username, "username", "", "user of the manager interface: a section of manager.conf")
	f.StringVar(&o.Secret, "secret", "", "their secret (variable SWITCHHOOK_ASTERISK_SECRET)")
	f.StringVar(&o.Auth, "auth", "", "how it is shown: auto, md5 or plain")
	f.BoolVar(&o.TLS, "tls", false, "speak TLS (port 5039)")
	f.StringVar(&o.TLSCA, "tls-ca", "", "PEM file with who signed the certificate")
	f.BoolVar(&o.TLSInsecure, "tls-insecure", false, "take any certificate")
	f.StringVar(&ari.URL, "ari-url", "", "look at ARI too, such as http://192.0.2.10:8088/ari")
	f.StringVar(&ari.Username, "ari-username", "", "user of ARI: a section of ari.conf")
	f.StringVar(&ari.Password, "ari-password", "", "their password (variable SWITCHHOOK_ARI_PASSWORD)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		options, err := func() (map[string]any, error) {
			if len(args) == 0 {
				s, err := configured(cmd, file, id, "asterisk", "the address of an Asterisk, such as 192.0.2.10", "asterisk.md")
				if err != nil {
					return nil, err
				}
				return s.Options, nil
			}
			if file != "" || id != "" {
				return nil, errors.New("either an address or --config: with both it is not clear which is meant")
			}
			o.Address = args[0]
			o.Secret = cmp.Or(o.Secret, os.Getenv("SWITCHHOOK_ASTERISK_SECRET"))
			if ari.Password = cmp.Or(ari.Password, os.Getenv("SWITCHHOOK_ARI_PASSWORD")); ari.URL != "" || ari.Username != "" {
				o.ARI = &ari
			}
			return asMap(&o)
		}()
		if err != nil {
			return err
		}
		findings, err := asterisk.Diagnose(cmd.Context(), options)
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

// configured is a source of the configuration file.
func configured(cmd *cobra.Command, file, id, kind, instead, guide string) (*switchhook.Source, error) {
	c, err := config(cmd, file)
	if err != nil {
		return nil, err
	}
	var found []switchhook.Source
	var ids []string
	for _, s := range c.Sources {
		if s.Kind == kind && (id == "" || s.ID == id) {
			found = append(found, s)
			ids = append(ids, s.ID)
		}
	}
	switch {
	case len(found) == 1:
		return &found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("which one? --source wants one of %s", strings.Join(ids, ", "))
	case file == "" && os.Getenv("SWITCHHOOK_CONFIG") == "":
		return nil, fmt.Errorf("give %s, or a file with --config; see %s --help", instead, cmd.CommandPath())
	case id != "":
		return nil, fmt.Errorf("the configuration file has no source %s of the kind %s", id, kind)
	default:
		return nil, fmt.Errorf("the configuration file has no source of the kind %s; see docs/guides/%s", kind, guide)
	}
}

// asMap is options as a source has them.
func asMap(o any) (m map[string]any, err error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return m, json.Unmarshal(raw, &m)
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
