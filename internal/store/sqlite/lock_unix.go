//go:build !windows

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Lock keeps other processes out of a data directory until the file is closed, be it by
// the end of the process. SQLite's own locks would let two processes in, which
// would hand out the same sequences.
func Lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // G304: the operator's own data directory
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	raw, err := f.SyscallConn()
	if err == nil {
		if controlErr := raw.Control(func(fd uintptr) {
			err = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
		}); err == nil {
			err = controlErr
		}
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("the data directory %s is in use: another process holds its lock", dir)
	}
	return nil, fmt.Errorf("lock the data directory %s: %w", dir, err)
}

// Unlock lets others in. Closing the file alone would not while a child process
// that is just being started still has a copy of it.
func Unlock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err == nil {
		if controlErr := raw.Control(func(fd uintptr) { err = syscall.Flock(int(fd), syscall.LOCK_UN) }); err == nil {
			err = controlErr
		}
	}
	return errors.Join(err, f.Close())
}
