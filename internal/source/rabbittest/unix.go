//go:build unix

package rabbittest

import "syscall"

// apart makes a process the first of a group and session of its own: a Ctrl-C is meant for
// us.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// kill ends a group.
func kill(group int) error { return syscall.Kill(-group, syscall.SIGKILL) }

// lives reports whether there is anybody in a group.
func lives(group int) bool { return syscall.Kill(-group, 0) != syscall.ESRCH }
