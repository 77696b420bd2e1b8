package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/copying"
)

func newCopy() *cobra.Command {
	var o copying.Options
	cmd := &cobra.Command{
		Use:   "copy --from DIR --to postgres://…",
		Short: "Bring a SQLite installation over to PostgreSQL",
		Long: `Bring a server's data from the embedded SQLite over to a PostgreSQL database:
accounts, keys, webhooks, sources, records, the whole history, what still waits
to be delivered. Ids, sequences and secrets stay as they are. DIR is only read
and stays as it was, so that you can go back.

  1. Make an empty database whose owner is the user in the URL.
  2. Stop the server. What comes in from now on until step 5 gets no answer.
  3. switchhook copy --from DIR --to postgres://…
  4. Copy master.key and admin.key from DIR into the --data directory of each
     server to come: they are in no database. Where the keys are set by
     SWITCHHOOK_MASTER_KEY and SWITCHHOOK_ADMIN_KEY, set the same ones there.
  5. switchhook serve --data NEW --database postgres://…

At the end both sides are read again and compared, each table by its number of
rows and a checksum; only then can a server start on the database. Interrupted
with Ctrl-C, by a crash or by the network, the same command goes on where it
stopped; if DIR was served meanwhile it says so and begins anew. What stands
unfinished in the database is listed there in the table unfinished_copy; a
server that is started on it refuses, for no master key fits.

A URL with a password on the command line can be read by other users of the
machine: set SWITCHHOOK_DATABASE instead of --to, or use a ~/.pgpass file.`,
		Example: `  switchhook copy --from /var/lib/switchhook --to postgres://switchhook@db.internal/switchhook
  SWITCHHOOK_DATABASE=postgres://switchhook@db.internal/switchhook switchhook copy --from ./switchhook-data`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "the --data directory of the server, which must be stopped")
	f.StringVar(&o.To, "to", "", "postgres:// URL of an empty database (variable SWITCHHOOK_DATABASE)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.To == "" {
			o.To = os.Getenv("SWITCHHOOK_DATABASE")
		}
		switch {
		case o.From == "":
			return errors.New("--from is missing: it wants the --data directory of the server that is to be copied")
		case o.To == "":
			return errors.New("--to is missing: it wants the URL of a PostgreSQL database, such as postgres://user@host:5432/name")
		case !strings.HasPrefix(o.To, "postgres://") && !strings.HasPrefix(o.To, "postgresql://"):
			return errors.New("--to wants a URL that begins with postgres://, such as postgres://user@host:5432/name")
		}
		stderr := cmd.ErrOrStderr()
		p := &copyProgress{out: stderr, terminal: newScreen(stderr).terminal}
		o.Progress = p.show
		o.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
		report, err := copying.Run(cmd.Context(), o)
		p.end()
		if err != nil && cmd.Context().Err() != nil {
			return errors.New("interrupted: what was copied stays, and the same command goes on from there")
		}
		if err != nil {
			return err
		}
		return writeCopied(cmd.OutOrStdout(), report)
	}
	return cmd
}

const megabyte = 1e6

// writeCopied says what was done, and what is left to do.
func writeCopied(out io.Writer, r *copying.Report) error {
	var b strings.Builder
	switch {
	case r.Anew:
		fmt.Fprintf(&b, "An earlier copy was unfinished, but %s was served since then: it was copied anew.\n\n", r.Dir)
	case r.Resumed:
		b.WriteString("This run went on where an earlier one had stopped.\n\n")
	}
	fmt.Fprintf(&b, "%-16s %12s %12s  %s\n", "table", "rows", "MB", "checksum, the same on both sides")
	for _, t := range r.Tables {
		fmt.Fprintf(&b, "%-16s %12d %12.1f  %s\n", t.Name, t.Rows, float64(t.Bytes)/megabyte, t.Checksum)
	}
	fmt.Fprintf(&b, "\nCopied %d rows, %.1f MB, in %s (%.0f rows/s, %.1f MB/s); verified in %s. %s is as it was.\n\n",
		r.Rows, float64(r.Bytes)/megabyte, r.Copying.Round(time.Millisecond), float64(r.Rows)/r.Copying.Seconds(),
		float64(r.Bytes)/megabyte/r.Copying.Seconds(), r.Verifying.Round(time.Millisecond), r.Dir)
	b.WriteString("Before you start a server on the database:\n")
	if r.MasterKey {
		fmt.Fprintf(&b, "  - copy %s into its --data directory, or set SWITCHHOOK_MASTER_KEY to what is in it: without it nobody opens the secrets of webhooks and sources;\n", filepath.Join(r.Dir, "master.key"))
	} else {
		b.WriteString("  - set SWITCHHOOK_MASTER_KEY to the same key as before (there is no master.key in the directory): without it nobody opens the secrets of webhooks and sources;\n")
	}
	if r.AdminKey {
		fmt.Fprintf(&b, "  - copy %s there too: the operator's API key stays in force, and the database has only its hash.\n", filepath.Join(r.Dir, "admin.key"))
	} else {
		b.WriteString("  - the operator's API key stays in force: set SWITCHHOOK_ADMIN_KEY as before.\n")
	}
	b.WriteString("Then: switchhook serve --data NEW --database postgres://…\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// copyProgress shows how far a copy is: on a terminal in one line that is written again and
// again, elsewhere in a line now and then.
type copyProgress struct {
	out      io.Writer
	terminal bool

	step  copying.Step
	began time.Time // the step
	first int64     // how many bytes were there already when it began
	last  time.Time // when something was shown
	open  bool      // the line on the terminal is not ended
}

// How often.
const (
	onTerminal = 200 * time.Millisecond
	elsewhere  = 5 * time.Second
	// noETA is how long a step must have run before what is left can be guessed.
	noETA = 3 * time.Second
)

func (p *copyProgress) show(is copying.Progress) {
	now := time.Now()
	if is.Step != p.step {
		p.step, p.began, p.first, p.last = is.Step, now, is.AllBytes, time.Time{}
	}
	every := elsewhere
	if p.terminal {
		every = onTerminal
	}
	if now.Sub(p.last) < every {
		return
	}
	p.last = now
	text := fmt.Sprintf("%s %s", is.Step, is.Table)
	if is.Step != copying.Counting {
		text += fmt.Sprintf(": %d of %d rows, %.1f of %.1f MB; %.1f of %.1f MB of all", is.Rows, is.OfRows,
			float64(is.Bytes)/megabyte, float64(is.OfBytes)/megabyte, float64(is.AllBytes)/megabyte, float64(is.OfAllBytes)/megabyte)
	}
	if took, done := now.Sub(p.began), is.AllBytes-p.first; is.Step != copying.Counting && took >= noETA && done > 0 {
		left := time.Duration(float64(took) / float64(done) * float64(is.OfAllBytes-is.AllBytes))
		text += fmt.Sprintf(", about %s to go", left.Round(time.Second))
	}
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s", text) // ECMA-48: erase to the end of the line
		p.open = true
		return
	}
	fmt.Fprintln(p.out, text)
}

// end takes the line away from the terminal.
func (p *copyProgress) end() {
	if p.open {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
