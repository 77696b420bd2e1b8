// Package copying brings a data directory (SQLite) over into a PostgreSQL database. Both
// have the tables of package ledger, so a copy is their rows as they are: sequences,
// integers, what is due, snapshots, sealed secrets. The directory is only read.
//
// # What keeps it safe
//
// The directory's lock keeps a server out of it, and the lease (package cluster) keeps one
// out of the database. Each transaction begins with the fence, so a copy that was stopped
// for long writes nothing after another process has begun.
//
// While the copy is under way the database has the table unfinished_copy: from which
// directory, and of each table the key up to which it is there, written in the same
// transaction as the rows. What was interrupted goes on from there. Until the end
// meta.key_check is a value that no master key opens, so that no server starts on a part.
//
// The last transaction comes after all tables were read again on both sides and found the
// same. It writes meta, lets the identity columns go on behind the highest value, and
// drops unfinished_copy. Tables that differ are copied anew by the next run.
package copying

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Options says what to copy, and where to. From and To must be set.
type Options struct {
	// From is the data directory.
	From string
	// To is the database's URL, such as postgres://user:password@host:5432/name.
	To string
	// Chunk is about how many bytes a transaction copies. 0: 16 MiB.
	Chunk int64
	// Wait is how long to wait for the lease of the database. 0: 10 seconds, in which that
	// of a server that was killed runs out.
	Wait time.Duration
	// Progress is told how far it is: at the beginning of each table, and with each chunk. Nil: nobody is.
	Progress func(Progress)
	// Logger tells of trouble with the lease. Nil: silence.
	Logger *slog.Logger
}

// A Step is what a copy does at the moment.
type Step string

// The steps. Counting tells of no rows.
const (
	Counting  Step = "counting"
	Copying   Step = "copying"
	Verifying Step = "verifying"
)

// Progress is how far a step is. Bytes are those of texts and blobs and 8 for each
// integer.
type Progress struct {
	Step         Step
	Table        string
	Rows, OfRows int64 // of the table
	// Bytes are those of the table, AllBytes those of all tables in this step.
	Bytes, OfBytes, AllBytes, OfAllBytes int64
}

// A Table is one that is the same on both sides.
type Table struct {
	Name        string
	Rows, Bytes int64
	Checksum    string // 32 hexadecimal digits
}

// A Report is of a copy that is complete.
type Report struct {
	Dir     string // absolute
	Resumed bool   // an earlier run had copied a part
	Anew    bool   // that part was of another state of the directory, and was dropped
	Tables  []Table
	// Rows and Bytes are those that this run has copied, in the time Copying; Verifying
	// took all of them on both sides.
	Rows, Bytes        int64
	Copying, Verifying time.Duration
	// The directory has these files, which no database has: the key that seals secrets,
	// and the operator's.
	MasterKey, AdminKey bool
}

// Run copies, or goes on with a copy. Interrupted or failed, it can be run again.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if o.Chunk == 0 {
		o.Chunk = 16 << 20
	}
	if o.Wait == 0 {
		o.Wait = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	from, err := openSource(ctx, o.From)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	to, err := openTarget(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, to.close()) }() //nolint:contextcheck // it gives the lease back in its own time, also when ctx has ended
	r := &run{o: o, from: from, to: to, report: &Report{Dir: from.dir, MasterKey: has(from.dir, "master.key"), AdminKey: has(from.dir, "admin.key")}}
	return r.report, r.run(ctx)
}

func has(dir, file string) bool {
	_, err := os.Stat(filepath.Join(dir, file))
	return err == nil
}

type run struct {
	o        Options
	from     *source
	to       *target
	report   *Report
	progress Progress
}

func (r *run) run(ctx context.Context) error {
	stands, err := r.to.begin(ctx, r.from, r.report)
	if err != nil {
		return err
	}
	for _, t := range r.from.tables {
		r.show(Counting, t, 0, 0)
		if err := r.from.count(ctx, t); err != nil {
			return err
		}
		r.progress.OfAllBytes += t.bytes
	}
	for _, s := range stands {
		r.progress.AllBytes += s.bytes
	}
	start := time.Now()
	for _, t := range r.from.tables {
		if err := r.copy(ctx, t, stands[t.name]); err != nil {
			return fmt.Errorf("copy the table %s: %w", t.name, err)
		}
	}
	r.report.Copying, start = time.Since(start), time.Now()
	r.progress.AllBytes = 0
	if err := r.verify(ctx); err != nil {
		return err
	}
	r.report.Verifying = time.Since(start)
	return r.to.finish(ctx, r.from)
}

// show tells the progress.
func (r *run) show(step Step, t *table, rows, bytes int64) {
	p := r.progress
	p.Step, p.Table, p.Rows, p.OfRows, p.Bytes, p.OfBytes = step, t.name, rows, t.rows, bytes, t.bytes
	r.o.Progress(p)
}

// copy copies what is missing of a table.
func (r *run) copy(ctx context.Context, t *table, s stand) (err error) {
	var after []any
	if s.at != nil {
		if after, err = t.behind(s.at); err != nil {
			return err
		}
	}
	rows, err := r.from.read(ctx, t, after)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	r.show(Copying, t, s.rows, s.bytes)
	for more := true; more; {
		before := s
		if more, err = r.to.chunk(ctx, rows, &s, r.o.Chunk); err != nil {
			return err
		}
		r.report.Rows += s.rows - before.rows
		r.report.Bytes += s.bytes - before.bytes
		r.progress.AllBytes += s.bytes - before.bytes
		r.show(Copying, t, s.rows, s.bytes)
	}
	return nil
}

// verify compares all tables, and marks those that differ.
func (r *run) verify(ctx context.Context) error {
	var differ []error
	for _, t := range r.from.tables {
		here, there, err := r.sums(ctx, t)
		if err != nil {
			return fmt.Errorf("verify the table %s: %w", t.name, err)
		}
		r.report.Tables = append(r.report.Tables, Table{t.name, t.rows, t.bytes, here.String()})
		if here.same(there) {
			continue
		}
		if err := r.to.again(ctx, t); err != nil {
			return err
		}
		differ = append(differ, fmt.Errorf("the table %s differs: %d rows with checksum %s in %s, %d rows with checksum %s in the database",
			t.name, here.rows, here, r.from.dir, there.rows, there))
	}
	if differ != nil {
		return fmt.Errorf("the copy is not complete, and no server starts on it; run it again to copy what differs anew: %w", errors.Join(differ...))
	}
	return nil
}

// sums reads a table on both sides at once.
func (r *run) sums(ctx context.Context, t *table) (here, there *sum, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		var err error
		if there, err = r.to.sum(ctx, t); err != nil {
			cancel()
		}
		done <- err
	}()
	here, err = r.sum(ctx, t)
	if err != nil {
		cancel()
	}
	if other := <-done; err == nil || other != nil && !errors.Is(other, context.Canceled) {
		err = other // which may have ended ours
	}
	return here, there, err
}

// sum reads a table of the source.
func (r *run) sum(ctx context.Context, t *table) (s *sum, err error) {
	rows, err := r.from.read(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	s = &sum{}
	r.show(Verifying, t, 0, 0)
	var bytes, shown int64
	for rows.next() {
		s.add(rows.row)
		if bytes += rows.size; bytes-shown >= r.o.Chunk {
			r.progress.AllBytes += bytes - shown
			shown = bytes
			r.show(Verifying, t, s.rows, bytes)
		}
	}
	r.progress.AllBytes += bytes - shown
	return s, rows.Err()
}
