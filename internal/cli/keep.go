package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/app"
)

// installation declares the flags that say where a server's data are, and returns what
// reads them.
func installation(cmd *cobra.Command) func() (app.Config, error) {
	var file string
	cmd.Flags().StringVar(&file, "config", "", "the server's YAML file (variable SWITCHHOOK_CONFIG)")
	for _, o := range app.Options() {
		if o.Flag == "data" || o.Flag == "database" {
			cmd.Flags().String(o.Flag, o.Default, o.Usage+" (variable "+o.Variable+")")
		}
	}
	return func() (app.Config, error) { return config(cmd, file) }
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
	config := installation(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := config()
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

func newBackup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the data of a running server into a file",
		Long: `Write the embedded database of a server, which goes on working, into a new file:
all of it, as it is at one moment, checked when it is written. Run it on the
server's machine, as the server's user.

The master key is not in it: without it nobody reads the secrets of webhooks and
sources, neither a thief nor you. Keep a copy of it elsewhere.

Data in PostgreSQL are backed up with its own tools, such as pg_dump.`,
		Example: `  switchhook backup --data /var/lib/switchhook /backup/switchhook-$(date +%F).db`,
		Args:    cobra.ExactArgs(1),
	}
	config := installation(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := config()
		if err != nil {
			return err
		}
		r, err := app.Backup(cmd.Context(), c, args[0])
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		writeSummary(out, args[0], r)
		switch {
		case !r.Sealed:
		case r.KeyFile != "":
			fmt.Fprintf(out, "Its secrets need the master key: keep a copy of %s, apart from it.\n", r.KeyFile)
		default:
			fmt.Fprintln(out, "Its secrets need the master key that SWITCHHOOK_MASTER_KEY is now: keep a copy, apart from it.")
		}
		return nil
	}
	return cmd
}

func newRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup into a new data directory",
		Long: `Put what switchhook backup has written into a data directory that has no database
yet. The file is read as a whole first: one that is damaged, newer than this
program, or sealed with another master key is refused.

  1. Put master.key into the directory, or set SWITCHHOOK_MASTER_KEY; also
     admin.key, or SWITCHHOOK_ADMIN_KEY, if the operator's key is to stay.
  2. switchhook restore FILE --data DIR
  3. switchhook serve --data DIR

What was to be delivered when the backup was made is delivered again, under the
same delivery ids. What happened since is not there: systems that send events
with ids can send them again.`,
		Example: `  switchhook restore --data /var/lib/switchhook /backup/switchhook-2026-01-31.db`,
		Args:    cobra.ExactArgs(1),
	}
	config := installation(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := config()
		if err != nil {
			return err
		}
		r, err := app.Restore(cmd.Context(), c, args[0])
		if err != nil {
			return err
		}
		writeSummary(cmd.OutOrStdout(), c.Data, r)
		return nil
	}
	return cmd
}

const mebibyte = 1 << 20

func writeSummary(out io.Writer, where string, r app.BackupReport) {
	fmt.Fprintf(out, "%s: %.1f MiB, whole and consistent: %d accounts, %d webhooks, %d sources, %d records, events up to sequence %d.\n",
		where, float64(r.Bytes)/mebibyte, r.Accounts, r.Webhooks, r.Sources, r.Records, r.LastSequence)
}
