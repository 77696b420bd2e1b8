package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/app"
)

// installation declares the flags that say where a server's data are.
func installation(cmd *cobra.Command) (file *string) {
	file = new(string)
	cmd.Flags().StringVar(file, "config", "", "the server's YAML file (variable SWITCHHOOK_CONFIG)")
	for _, o := range app.Options() {
		if o.Flag == "data" || o.Flag == "database" {
			cmd.Flags().String(o.Flag, o.Default, o.Usage+" (variable "+o.Variable+")")
		}
	}
	return file
}

func newRotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate-master-key",
		Short: "Seal all secrets with a new master key",
		Long: `Seal the secrets of webhooks and sources with a new master key. All processes of
the installation must be stopped; it takes moments. All secrets change in one
transaction. Interrupted at any moment, by a crash too, the installation starts
as it is, and the same command finishes the work.

Where the key is in the file master.key of the data directory, a new one is made
and takes its place; the old one is kept in master.key.old, for backups that were
made before need it. Other processes of a PostgreSQL database that have a file of
their own need a copy of the new one.

Where the key is given by SWITCHHOOK_MASTER_KEY, give the old one, a comma and the
new one (openssl rand -base64 32 makes one). Servers start with both, too, before
and after; once it is done, leave out the old one.

Whoever had the old key and could read the database has had the secrets: then
change these as well.`,
		Example: `  switchhook rotate-master-key --data /var/lib/switchhook
  SWITCHHOOK_MASTER_KEY=OLD,NEW switchhook rotate-master-key --database postgres://switchhook@db.internal/switchhook`,
		Args: cobra.NoArgs,
	}
	file := installation(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := config(cmd, *file)
		if err != nil {
			return err
		}
		r, err := app.RotateMasterKey(cmd.Context(), c)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		switch {
		case r.Sealed > 0:
			fmt.Fprintf(out, "%d webhooks and sources are sealed with the new master key.\n", r.Sealed)
		default:
			fmt.Fprintln(out, "Everything is sealed with the new master key.")
		}
		if r.Kept != "" {
			fmt.Fprintf(out, "The old key is in %s: keep it as long as backups from before may be needed, apart from them.\n", r.Kept)
		}
		return nil
	}
	return cmd
}
