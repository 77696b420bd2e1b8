package pgtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// A home is a temporary directory with the process that lives in it, and a
// keeper: a shell that outlives us by a moment. The keeper reads a pipe, and
// whatever ends this process, SIGKILL too, ends the pipe; then the keeper ends
// the process in the home and deletes the directory.
type home struct {
	dir      string
	uid, gid int      // whose it is; -1: ours
	log      *os.File // what those who live there say
	keeper   *exec.Cmd
	pipe     *os.File // a line is the id of who lives there now, or empty
}

const (
	// The keeper is told by the process itself, before it becomes the program
	// that it is to be: who started it might be dead by then.
	enter = `echo $$ >&3; exec "$@" 3>&-`

	// SIGQUIT asks PostgreSQL to end at once, which it cannot while it or its
	// children stand still. It may stay a zombie (Z) for a while, or for ever, where
	// the system's first process does not care for orphans. A killed PostgreSQL
	// leaves its postmaster.pid and its shared memory, whose id ends the 7th line.
	keep = `
		while read -r line; do pid=$line; done
		if [ "$pid" ]; then
			kill -QUIT "$pid"
			kill -CONT "$pid" $(cat "/proc/$pid/task/$pid/children")
			n=0
			while kill -0 "$pid" && ! grep -q '^State:.Z' "/proc/$pid/status" && [ $((n += 1)) -le 500 ]; do sleep 0.02; done
			kill -KILL "$pid"
		fi
		shm=$(sed -n '7s/.* //p' "$1/data/postmaster.pid")
		[ "$shm" ] && ipcrm -m "$shm"
		rm -rf "$1" || { sleep 1; rm -rf "$1"; }
	`
)

// settle makes a home.
func settle() (*home, error) {
	uid, gid, err := tenant()
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	keeper := exec.CommandContext(context.Background(), "sh", "-c", keep, "keeper", dir) //nolint:gosec // G204: a directory of our own
	keeper.Stdin, keeper.SysProcAttr = read, attributes(-1, -1)
	if err := keeper.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the keeper of %s: %w", dir, err), write.Close(), os.Remove(dir))
	}
	h := &home{dir: dir, uid: uid, gid: gid, keeper: keeper, pipe: write}
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, errors.Join(err, h.end())
	}
	if h.log, err = os.Create(filepath.Join(dir, "log")); err != nil { //nolint:gosec // G304: a directory of our own
		return nil, errors.Join(err, h.end())
	}
	return h, nil
}

// end ends who lives there and deletes the directory.
func (h *home) end() error {
	_ = h.log.Close()
	_ = h.pipe.Close()
	if err := h.keeper.Wait(); err != nil {
		return fmt.Errorf("the keeper of %s: %w", h.dir, err)
	}
	return nil
}

// write puts a file there.
func (h *home) write(name, text string) error {
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Chown(path, h.uid, h.gid)
}

// last is the end of the log.
func (h *home) last() string {
	b, _ := os.ReadFile(h.log.Name()) // without it there is less to say
	return string(b[max(0, len(b)-2000):])
}

// A process lives in a home.
type process struct {
	*os.Process
	name  string
	home  *home
	ended chan struct{}
	how   *os.ProcessState // once it has ended
}

// start lets a program live there.
func (h *home) start(program string, args ...string) (*process, error) {
	cmd := exec.CommandContext(context.Background(), "sh", append([]string{"-c", enter, "sh", program}, args...)...) //nolint:gosec // G204: a program that find found
	cmd.Dir = h.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"} // no PGDATA and the like, messages in English
	cmd.Stdout, cmd.Stderr = h.log, h.log
	cmd.ExtraFiles = []*os.File{h.pipe}
	cmd.SysProcAttr = attributes(h.uid, h.gid)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	p := &process{Process: cmd.Process, name: filepath.Base(program), home: h, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its state says it all
		p.how = cmd.ProcessState
		_, _ = h.pipe.WriteString("\n") // the home may have ended
		close(p.ended)
	}()
	return p, nil
}

// runs says whether the process has not ended.
func (p *process) runs() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// gone is the error of a process that has ended, and should not have.
func (p *process) gone() error {
	return fmt.Errorf("%s has ended (%v); its last words:\n%s", p.name, p.how, p.home.last())
}

// ready waits until the process answers.
func (p *process) ready(ask func() error) error {
	var answer error
	return errors.Join(until(p.name+" to answer", patience, func() (bool, error) {
		if !p.runs() {
			return false, p.gone()
		}
		answer = ask()
		return answer == nil, nil
	}), answer)
}

// freePort is a port of 127.0.0.1 that nobody listens at. It is not one of those
// that the system gives to outgoing connections: such a one might be gone when a
// server that was stopped comes back.
func freePort() (string, error) {
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(12000)) //nolint:gosec // G404: any will do
		if ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, ln.Close()
		}
	}
	return "", errors.New("found no free port of 127.0.0.1 between 20000 and 32000")
}
