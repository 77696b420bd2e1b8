package ledger

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// A Schema is what a database says of its schema.
type Schema struct {
	Version int // as many migrations were applied; 0: it is new
	// Compatible is the oldest version that may still be used: programs that know the
	// migrations up to it go on with the tables as they are.
	Compatible int
}

// Migrate brings a schema to the newest version: apply runs each script that is missing,
// and makes the schema what it is then. files has migrations/0001_what.sql and so on,
// without gaps; name says where the data lies, for errors.
//
// A script may begin with a line such as
//
//	-- compatible: 3
//
// Programs of version 3 and later then go on with what it makes: they read and write
// what they know, in tables that have more, and rows that they write are good for newer
// ones. Without that line nobody does who is older than the script.
func Migrate(files fs.FS, name string, is Schema, apply func(script string, becomes Schema) error) error {
	names, err := fs.Glob(files, "migrations/*.sql") // in order of name
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	if is.Version > len(names) {
		if is.Compatible <= len(names) {
			return nil
		}
		return fmt.Errorf("the data in %s has schema version %d, for programs that know version %d at least, and this program knows versions up to %d: start the newer program that wrote it",
			name, is.Version, is.Compatible, len(names))
	}
	for _, file := range names[is.Version:] {
		script, err := fs.ReadFile(files, file)
		if err != nil {
			return fmt.Errorf("read migration %s: %w", file, err)
		}
		is.Version++
		since, err := compatible(string(script), is.Version)
		if err == nil {
			is.Compatible = max(is.Compatible, since)
			err = apply(string(script), is)
		}
		if err != nil {
			return fmt.Errorf("apply migration %s: %w", strings.TrimPrefix(file, "migrations/"), err)
		}
	}
	return nil
}

// compatible is the oldest version that goes on with what a script makes.
func compatible(script string, version int) (int, error) {
	rest, says := strings.CutPrefix(script, "-- compatible: ")
	if !says {
		return version, nil
	}
	line, _, _ := strings.Cut(rest, "\n")
	since, err := strconv.Atoi(line)
	if err != nil || since < 1 || since > version {
		return 0, fmt.Errorf("its first line says %q, want a version from 1 to %d", line, version)
	}
	return since, nil
}
