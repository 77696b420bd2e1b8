//go:build unix

package bench

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// detach keeps a Ctrl-C at the terminal from the child: it ends with its input,
// after the parent is done with it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// cpuTime is what this process has used, in user and system mode.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakMemory is the most memory that this process ever had resident, in bytes.
func peakMemory() int64 {
	// Linux counts into ru_maxrss what the process that started us had.
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if kib, err := strconv.ParseInt(string(bytes.TrimSpace(between(status, "VmHWM:", 'k'))), 10, 64); err == nil {
			return kib << 10
		}
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return u.Maxrss // in bytes there, elsewhere in KiB
	}
	return u.Maxrss << 10
}
