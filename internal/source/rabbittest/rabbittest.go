// Package rabbittest gives tests real RabbitMQ servers, to be killed and started again.
//
// A server listens on 127.0.0.1 only, has its own node, cookie, port mapper and directory,
// and ends with its test; a keeper ends it and deletes its files also if the test process is
// killed. Where there is no RabbitMQ the test is skipped with a sentence that says how to
// get it, and under CI=true it fails.
package rabbittest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// patience is how long anything here may take, on a machine with much to do.
const patience = 2 * time.Minute

// A Server is a RabbitMQ server. Its port stays the same over restarts, its virtual host is
// /, and guest with the password guest may do anything.
type Server struct {
	Address string // host:port

	dir, bin string
	env      []string
	log      *os.File
	keeper   *exec.Cmd
	pipe     *os.File // a line is the id of a process group that lives now

	mu      sync.Mutex
	process *exec.Cmd
	ended   chan struct{}
}

// Start starts a server that ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	bin, err := find()
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("LEFT OUT, though all is to run under CI=true: %v", err)
		}
		tb.Skipf("LEFT OUT: %v", err)
	}
	s, err := settle(bin)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			said, _ := os.ReadFile(s.log.Name()) // without it there is less to say
			tb.Logf("the last words of RabbitMQ:\n%s", said[max(0, len(said)-1500):])
		}
		if err := s.end(); err != nil {
			tb.Error(err)
		}
	})
	if err := s.Restart(); err != nil {
		tb.Fatal(err)
	}
	return s
}

// find returns the directory of RabbitMQ's own scripts: those in the PATH of Debian run as
// another user.
func find() (string, error) {
	for _, dir := range []string{"/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin"} {
		if _, err := os.Stat(filepath.Join(dir, "rabbitmq-server")); err == nil {
			return dir, nil
		}
	}
	path, err := exec.LookPath("rabbitmq-server")
	if err != nil {
		return "", errors.New("rabbitmq-server is not to be had here: apt-get install rabbitmq-server (make deps)")
	}
	return filepath.Dir(path), nil
}

// keep ends what lives when the pipe ends, and deletes the directory.
const keep = `
	while read -r line; do case $line in -*) dead="$dead ${line#-} " ;; *) all="$all $line" ;; esac; done
	for group in $all; do case "$dead" in *" $group "*) ;; *) kill -s KILL -- "-$group" ;; esac; done
	rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`

// settle makes a directory with a port mapper that lives in it.
func settle(bin string) (_ *Server, err error) {
	dir, err := os.MkdirTemp("", "rabbittest")
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	s := &Server{dir: dir, bin: bin, pipe: write}
	s.keeper = exec.CommandContext(context.Background(), "sh", "-c", keep, "keeper", dir) //nolint:gosec // G204: a directory of our own
	s.keeper.Stdin, s.keeper.SysProcAttr = read, apart()
	if err := s.keeper.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.end())
		}
	}()
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil { //nolint:gosec // G304: a directory of our own
		return nil, err
	}
	var ports [3]string
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	s.Address = net.JoinHostPort("127.0.0.1", ports[0])
	config := filepath.Join(dir, "rabbit.conf")
	for name, text := range map[string]string{
		config: "listeners.tcp.1 = " + s.Address + "\n", filepath.Join(dir, "plugins"): "[].\n", filepath.Join(dir, "env.conf"): "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + dir, // where the cookie is
		"ERL_EPMD_PORT=" + ports[1], "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_NODENAME=test" + ports[0] + "@localhost", "RABBITMQ_DIST_PORT=" + ports[2],
		"RABBITMQ_MNESIA_BASE=" + filepath.Join(dir, "mnesia"), "RABBITMQ_LOG_BASE=" + dir, "RABBITMQ_LOGS=-",
		"RABBITMQ_CONFIG_FILE=" + config, "RABBITMQ_CONF_ENV_FILE=" + filepath.Join(dir, "env.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + filepath.Join(dir, "plugins"),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
	}
	mapper, err := s.command("epmd", "-port", ports[1], "-address", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	go func() { _ = mapper.Wait() }() // the keeper ends it
	return s, nil
}

// command starts a program in a process group of its own, of which the keeper knows.
func (s *Server) command(program string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(context.Background(), "sh", append([]string{"-c", `echo $$ >&3; exec "$@" 3>&-`, "sh", program}, args...)...) //nolint:gosec // G204: of our own
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, s.log, s.log
	cmd.ExtraFiles, cmd.SysProcAttr = []*os.File{s.pipe}, apart()
	return cmd, cmd.Start()
}

// URL is the server's, of a user.
func (s *Server) URL(user, password string) string {
	return "amqp://" + user + ":" + password + "@" + s.Address
}

// Restart starts the server where it does not run, and waits until it answers.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return nil
	}
	cmd, err := s.command(filepath.Join(s.bin, "rabbitmq-server"))
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it was killed
		close(ended)
	}()
	s.process, s.ended = cmd, ended
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return errors.New("RabbitMQ has ended")
		case <-deadline:
			return fmt.Errorf("RabbitMQ does not answer after %v", patience)
		case <-tick.C:
			if conn, err := net.Dial("tcp", s.Address); err == nil { //nolint:noctx // it is on this machine
				return conn.Close()
			}
		}
	}
}

// Wrote waits until the server has the name of a quorum queue on disk. Until then, some seconds after it
// was made, a kill makes RabbitMQ 3.10 forget it, though not that there is such a queue: it has
// no leader then, for ever.
func (s *Server) Wrote(queue string) error {
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		files, err := filepath.Glob(filepath.Join(s.dir, "mnesia", "*", "quorum", "*", "names.dets"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if written, err := os.ReadFile(file); err == nil && bytes.Contains(written, []byte(queue)) { //nolint:gosec // G304: of our own
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("the queue %s is not on disk after %v", queue, patience)
		}
	}
}

// Kill ends the server as a power cut would (kill -9).
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	group := s.process.Process.Pid
	err := kill(group)
	<-s.ended
	_, told := s.pipe.WriteString("-" + strconv.Itoa(group) + "\n")
	s.process = nil
	return errors.Join(err, told)
}

// Control runs rabbitmqctl.
func (s *Server) Control(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "rabbitmqctl"), args...) //nolint:gosec // G204: of our own
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("rabbitmqctl %v: %w\n%s", args, err, out)
	}
	return string(out), nil
}

// end ends all and deletes the directory.
func (s *Server) end() error {
	err := s.Kill()
	if s.log != nil {
		_ = s.log.Close()
	}
	_ = s.pipe.Close()
	_ = s.keeper.Wait() // what it could not kill was gone
	_, stat := os.Stat(s.dir)
	if !errors.Is(stat, os.ErrNotExist) {
		err = errors.Join(err, fmt.Errorf("%s stays behind", s.dir))
	}
	return err
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is on this machine
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
