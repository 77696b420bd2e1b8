//go:build !windows

package ledger

import (
	"errors"
	"os"
)

// SyncDir makes the entries of a directory durable.
func SyncDir(dir string) error {
	f, err := os.Open(dir) //nolint:gosec // G304: the operator's own data directory
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
