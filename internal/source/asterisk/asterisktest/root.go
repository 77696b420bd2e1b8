package asterisktest

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A root is the folder into which deps.sh unpacked an Asterisk and all libraries
// that it needs, the C library too.
type root string

// find returns the root of a version.
func find(version int) (root, error) {
	places := []string{"/var/cache"}
	if own, err := os.UserCacheDir(); err == nil {
		places = append([]string{own}, places...)
	}
	for _, place := range places {
		dir := filepath.Join(place, "switchhook-switches", fmt.Sprint("asterisk-", version))
		if _, err := os.Stat(filepath.Join(dir, "usr/sbin/asterisk")); err == nil {
			return root(dir), nil
		}
	}
	return "", fmt.Errorf("Asterisk %d is %w", version, errMissing) //nolint:staticcheck // ST1005: a name
}

// one returns the file of the root that a pattern has.
func (r root) one(patterns ...string) (string, error) {
	for _, p := range patterns {
		if found, _ := filepath.Glob(filepath.Join(string(r), p)); len(found) > 0 { // the patterns are well formed
			return found[0], nil
		}
	}
	return "", fmt.Errorf("%s has no %s", r, patterns[0])
}

// libraries are where the loader is to look.
func (r root) libraries() string {
	var dirs []string
	for _, p := range []string{"lib/*-linux-gnu*", "usr/lib/*-linux-gnu*", "usr/lib"} {
		found, _ := filepath.Glob(filepath.Join(string(r), p))
		dirs = append(dirs, found...)
	}
	return strings.Join(dirs, ":")
}

// modules is the folder of Asterisk's modules.
func (r root) modules() (string, error) {
	queue, err := r.one("usr/lib/*/asterisk/modules/app_queue.so", "usr/lib/asterisk/modules/app_queue.so")
	return filepath.Dir(queue), err
}

// The program names its loader by an absolute path, and what lies there is the
// machine's, which does not fit the root's C library. To be run without a chroot,
// which needs root, it gets a copy that names one in its working directory
// instead. A restart, for which Asterisk executes itself again, keeps that.
const loader = "ld.so"

// install puts such a copy into a directory.
func (r root) install(dir string) error {
	ld, err := r.one("lib/*/ld-linux*.so.?", "usr/lib/*/ld-linux*.so.?")
	if err != nil {
		return err
	}
	program, err := os.ReadFile(filepath.Join(string(r), "usr/sbin/asterisk"))
	if err != nil {
		return err
	}
	if err := renameLoader(program); err != nil {
		return fmt.Errorf("%s/usr/sbin/asterisk: %w", r, err)
	}
	// A process that is forked meanwhile would have the file open for writing for a
	// moment, and what somebody writes cannot be executed.
	syscall.ForkLock.RLock()
	err = os.WriteFile(filepath.Join(dir, "asterisk"), program, 0o700) //nolint:gosec // G306: a program
	syscall.ForkLock.RUnlock()
	return errors.Join(err, os.Symlink(ld, filepath.Join(dir, loader)), r.data(filepath.Join(dir, "data")))
}

func renameLoader(program []byte) error {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		end := p.Off + p.Filesz
		if p.Filesz <= uint64(len(loader)) || end > uint64(len(program)) {
			return errors.New("has no room for the name of a loader")
		}
		name := make([]byte, p.Filesz) // zeros end it
		copy(name, loader)
		copy(program[p.Off:end], name)
		return nil
	}
	return errors.New("names no loader")
}

// data makes the data directory: the root's, with the sounds under the name of
// their language, which the package's own script would have done.
func (r root) data(dir string) error {
	share := filepath.Join(string(r), "usr/share/asterisk")
	entries, err := os.ReadDir(share)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "sounds"), 0o700); err != nil {
		return err
	}
	links := []error{os.Symlink(filepath.Join(share, "sounds/en_US_f_Allison"), filepath.Join(dir, "sounds/en"))}
	for _, e := range entries {
		if e.Name() != "sounds" {
			links = append(links, os.Symlink(filepath.Join(share, e.Name()), filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(links...)
}
