//go:build !unix

package bench

import (
	"os/exec"
	"time"
)

func detach(*exec.Cmd) {}

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }

// peakMemory is not known here.
func peakMemory() int64 { return 0 }
