package bench

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sizeOf is how many bytes the files of a directory have.
func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// filesystem names the kind of the file system that a directory is on, such as
// ext4, where the system says so (Linux); else it is empty. On tmpfs an fsync
// costs nothing, which who reads the figures must know.
func filesystem(dir string) string {
	mounts, err := os.ReadFile("/proc/self/mountinfo") // proc(5)
	if err != nil {
		return ""
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return ""
	}
	kind, longest := "", -1
	for line := range strings.Lines(string(mounts)) {
		place, rest, ok := strings.Cut(line, " - ")
		fields, kinds := strings.Fields(place), strings.Fields(rest)
		if !ok || len(fields) < 5 || len(kinds) == 0 {
			continue
		}
		at := fields[4]
		below := at == "/" || dir == at || strings.HasPrefix(dir, at+"/")
		if below && len(at) >= longest { // a later mount hides an earlier one
			kind, longest = kinds[0], len(at)
		}
	}
	return kind
}
