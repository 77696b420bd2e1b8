package ledger

import (
	"fmt"
	"io/fs"
	"strings"
)

// Migrate brings a schema from a version to the newest: apply runs each script that is
// missing, and makes its version the schema's. files has migrations/0001_what.sql and so
// on, without gaps; name says where the data lies, for errors.
func Migrate(files fs.FS, name string, version int, apply func(script string, version int) error) error {
	names, err := fs.Glob(files, "migrations/*.sql") // in order of name
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	if version > len(names) {
		return fmt.Errorf("the data in %s has schema version %d, and this program knows versions up to %d: start the newer program that wrote it",
			name, version, len(names))
	}
	for i, file := range names[version:] {
		script, err := fs.ReadFile(files, file)
		if err != nil {
			return fmt.Errorf("read migration %s: %w", file, err)
		}
		if err := apply(string(script), version+i+1); err != nil {
			return fmt.Errorf("apply migration %s: %w", strings.TrimPrefix(file, "migrations/"), err)
		}
	}
	return nil
}
