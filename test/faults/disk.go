//go:build unix

package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A disk is a small file system of its own.
type disk struct{ dir string }

// mount makes one of some MiB in the directory dir. It needs root.
func mount(ctx context.Context, dir string, size int) (*disk, error) {
	cmd := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=0700", size), "tmpfs", dir) //nolint:gosec // the directory is the test's own
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mount: %w: %s", err, bytes.TrimSpace(out))
	}
	return &disk{dir}, nil
}

func (d *disk) unmount() error {
	out, err := exec.Command("umount", d.dir).CombinedOutput() //nolint:gosec,noctx // the directory is the test's own; it is to be done in any case
	if err != nil {
		return fmt.Errorf("umount: %w: %s", err, out)
	}
	return nil
}

// fill leaves no room on the disk.
func (d *disk) fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	_, err = io.Copy(f, zeros{})
	if !errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("fill the disk: %w, want no space", err)
	} else {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// free gives the room back.
func (d *disk) free() error { return os.Remove(d.ballast()) }

func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// A tracer makes the fsyncs of a process slow, or fail.
type tracer struct {
	cmd    *exec.Cmd
	out    string // what it has seen
	exited chan struct{}
	said   bytes.Buffer
}

// errNotPermitted says that processes may not be traced here.
var errNotPermitted = errors.New("strace may not trace processes here")

// trace does to all fsyncs of a running process what fault says in strace's words
// (man strace, --inject), from when trace returns until the process ends or
// detach is called.
func trace(ctx context.Context, p *process, out, fault string) (*tracer, error) {
	t := &tracer{out: out, exited: make(chan struct{})}
	pid := strconv.Itoa(p.cmd.Process.Pid)
	t.cmd = exec.CommandContext(ctx, "strace", "-f", "-ttt", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-e", "inject=fsync,fdatasync:"+fault, "-o", out, "-p", pid) //nolint:gosec // its arguments are the tests'
	t.cmd.Stderr = &t.said
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(t.exited)
		_ = t.cmd.Wait() // what it said tells why
	}()
	err := until(ctx, "for strace to trace all threads", func() (bool, error) {
		select {
		case <-t.exited:
			switch said := t.said.String(); {
			case strings.Contains(said, "Operation not permitted"):
				return false, errNotPermitted
			case strings.Contains(said, " attached"): // and the fault has ended the process already
				return true, nil
			default:
				return false, fmt.Errorf("strace ended: %s", said)
			}
		default:
		}
		return traced(pid)
	})
	if err != nil {
		return nil, errors.Join(err, t.detach())
	}
	return t, nil
}

// traced reports whether each thread of a process has a tracer (proc(5)).
func traced(pid string) (bool, error) {
	all, err := filepath.Glob("/proc/" + pid + "/task/*/status")
	if err != nil || len(all) == 0 { // none: it is ending
		return false, err
	}
	for _, file := range all {
		status, err := os.ReadFile(file) //nolint:gosec // of /proc
		if err == nil && bytes.Contains(status, []byte("TracerPid:\t0\n")) {
			return false, nil
		}
	}
	return true, nil
}

// detach lets the process go on as before. It may have ended.
func (t *tracer) detach() error {
	_ = t.cmd.Process.Signal(os.Interrupt) // it has ended with the process, or does now
	select {
	case <-t.exited:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("strace had not ended after %s", patience)
	}
}

// first is when the first fsync was tampered with, once the tracer has ended.
func (t *tracer) first() (time.Time, error) {
	seen, err := os.ReadFile(t.out)
	if err != nil {
		return time.Time{}, err
	}
	for line := range strings.Lines(string(seen)) {
		fields := strings.Fields(line) // pid, seconds, call
		if len(fields) < 3 || !strings.Contains(line, "(INJECTED)") && !strings.Contains(line, "(DELAYED)") {
			continue
		}
		seconds, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("strace wrote %q: %w", line, err)
		}
		return time.UnixMicro(int64(seconds * 1e6)), nil
	}
	return time.Time{}, fmt.Errorf("strace saw no fsync: %.300s", seen)
}
