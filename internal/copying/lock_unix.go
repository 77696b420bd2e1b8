//go:build !windows

package copying

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir takes the lock that a server holds on its data directory.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // G304: the operator's own data directory
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	err = flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, inUse(dir)
	}
	return nil, fmt.Errorf("lock the data directory %s: %w", dir, err)
}

// unlockDir lets others in, also while a child process that is just being started has
// a copy of the file.
func unlockDir(f *os.File) error { return errors.Join(flock(f, syscall.LOCK_UN), f.Close()) }

func flock(f *os.File, how int) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if controlErr := raw.Control(func(fd uintptr) { err = syscall.Flock(int(fd), how) }); controlErr != nil {
		return controlErr
	}
	return err
}
