package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Server is a PostgreSQL server, for tests of what happens when it fails. It
// listens at a port of 127.0.0.1, which stays the same, and at a Unix-domain
// socket. Its methods may be called from any goroutine, and wait for one another.
type Server struct {
	home           *home
	bin            string // the directory of its programs
	port, password string

	mu      sync.Mutex
	process *process // the last one
}

// Start starts a server of the test's own, which ends with the test. It is as
// PostgreSQL comes, with fsync, but smaller and for 300 connections; settings
// are added to its postgresql.conf.
func Start(tb testing.TB, settings map[string]string) *Server {
	tb.Helper()
	s, err := newServer(settings)
	need(tb, err)
	s.endWith(tb)
	return s
}

func (s *Server) endWith(tb testing.TB) {
	tb.Helper()
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the last words of PostgreSQL:\n%s", s.home.last())
		}
		if err := errors.Join(s.Thaw(), s.home.end()); err != nil {
			tb.Error(err)
		}
	})
}

func newServer(settings map[string]string) (_ *Server, err error) {
	postgres, err := find("postgres", "postgresql")
	if err != nil {
		return nil, err
	}
	h, err := settle()
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, bin: filepath.Dir(postgres), password: rand.Text()}
	err = h.write("password", s.password)
	if err == nil {
		// Without fsync, which is for what the server commits.
		err = s.run("initdb", "--pgdata=data", "--username=postgres", "--pwfile=password", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	}
	if err == nil {
		err = s.settle(settings)
	}
	if err != nil {
		return nil, errors.Join(err, h.end())
	}
	return s, nil
}

// run runs one of the server's programs to its end.
func (s *Server) run(program string, args ...string) error {
	p, err := s.home.start(filepath.Join(s.bin, program), args...)
	if err != nil {
		return err
	}
	if <-p.ended; !p.how.Success() {
		return p.gone()
	}
	return nil
}

// settle starts the server for the first time, at a port that is free.
func (s *Server) settle(settings map[string]string) (err error) {
	for range 3 {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.home.write("postgresql.conf", s.conf(settings)); err != nil {
			return err
		}
		if err = s.start(); err == nil || !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	return err
}

func (s *Server) conf(settings map[string]string) string {
	all := map[string]string{ //nolint:gosec // G101: no credentials
		"listen_addresses": "127.0.0.1", "port": s.port, "unix_socket_directories": s.home.dir,
		"shared_buffers": "32MB", "max_connections": "300", "log_line_prefix": "%m [%p] ",
		"dynamic_shared_memory_type": "mmap",          // in the data directory, not in /dev/shm, where a killed server would leave it
		"password_encryption":        "scram-sha-256", // in 13 it is not yet
	}
	maps.Copy(all, settings)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s = %s\n", name, quoted(all[name]))
	}
	return b.String()
}

func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// start starts the server and waits until it answers.
func (s *Server) start() error {
	p, err := s.home.start(filepath.Join(s.bin, "postgres"), "-D", "data", "-c", "config_file="+filepath.Join(s.home.dir, "postgresql.conf"))
	if err != nil {
		return err
	}
	s.process = p
	return p.ready(func() error {
		return ask(s.URL(), func(ctx context.Context, c *pgx.Conn) error { return c.Ping(ctx) })
	})
}

// URL is that of the database postgres, as the superuser.
func (s *Server) URL() string {
	return "postgres://postgres:" + s.password + "@127.0.0.1:" + s.port + "/postgres?sslmode=disable"
}

// SocketURL is the same over the Unix-domain socket.
func (s *Server) SocketURL() string {
	return "postgres://postgres:" + s.password + "@/postgres?" + url.Values{"host": {s.home.dir}, "port": {s.port}}.Encode()
}

// New returns the URL of a new and empty database of this server, which is as
// that of the function New.
func (s *Server) New(tb testing.TB) string {
	tb.Helper()
	database, _, err := create(s.URL()) // it goes with the server
	need(tb, err)
	return database
}

// A Mode is how a server ends.
type Mode = syscall.Signal

// The modes of PostgreSQL.
const (
	Smart     Mode = syscall.SIGTERM // lets the clients finish, takes no more
	Fast      Mode = syscall.SIGINT  // rolls back what is under way
	Immediate Mode = syscall.SIGQUIT // leaves it to the recovery of the next start
)

// Stop ends a server that runs, and waits for its end. One that stands still has
// to thaw first.
func (s *Server) Stop(mode Mode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop(mode)
}

func (s *Server) stop(mode Mode) error {
	if err := s.process.Signal(mode); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return until("PostgreSQL to end", patience, func() (bool, error) { return !s.process.runs(), nil })
}

// Restart stops a server that runs (fast), starts it, and waits until it answers.
// After [Server.Kill] that is a recovery.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(Fast); err != nil {
		return err
	}
	return s.start()
}

// SetConfig changes a setting of postgresql.conf (by ALTER SYSTEM) in a server
// that runs, and has it read anew: sessions follow at their next command. Some
// settings are in force only after [Server.Restart].
func (s *Server) SetConfig(name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ask(s.URL(), func(ctx context.Context, c *pgx.Conn) error {
		var before, now time.Time
		if err := c.QueryRow(ctx, "SELECT pg_conf_load_time()").Scan(&before); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, "ALTER SYSTEM SET "+pgx.Identifier{name}.Sanitize()+" = "+quoted(value)); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
			return err
		}
		return until("PostgreSQL to read its settings", patience, func() (bool, error) {
			err := c.QueryRow(ctx, "SELECT pg_conf_load_time()").Scan(&now)
			return now.After(before), err
		})
	})
}

// Freeze makes all processes of the server stand still until [Server.Thaw]: its
// clients wait for answers, and so do those who connect.
func (s *Server) Freeze() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.freeze()
}

func (s *Server) freeze() error {
	// The first process first: while it stands still, it makes no others, and does
	// not ask for those that end, so that their ids remain theirs.
	if err := s.process.Signal(sigStop); err != nil {
		return fmt.Errorf("freeze PostgreSQL: %w", err)
	}
	if err := until("PostgreSQL to stand still", patience, func() (bool, error) {
		all, err := processes()
		return !s.process.runs() || still(all[s.process.Pid].state), err
	}); err != nil {
		return err
	}
	return s.others(sigStop, still)
}

// Thaw lets a server go on.
func (s *Server) Thaw() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.process.runs() {
		return nil
	}
	if err := s.others(sigCont, func(state byte) bool { return state != stopped }); err != nil {
		return err
	}
	return s.process.Signal(sigCont)
}

// Kill ends all processes of the server that runs, none of which sees another
// end: to its clients and its files it is a power cut.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.freeze(); err != nil {
		return err
	}
	if err := s.others(syscall.SIGKILL, func(state byte) bool { return state == dead }); err != nil {
		return err
	}
	return s.stop(syscall.SIGKILL)
}

// others sends a signal to the processes that the server's first one made, and
// waits until it has worked.
func (s *Server) others(sig os.Signal, worked func(state byte) bool) error {
	return until("the processes of PostgreSQL", patience, func() (bool, error) {
		all, err := processes()
		done := true
		for pid, p := range all {
			if p.parent != s.process.Pid || worked(p.state) {
				continue
			}
			done = false
			if other, err := os.FindProcess(pid); err == nil {
				_ = other.Signal(sig) // it may have ended
			}
		}
		return done, err
	})
}

// The states of processes that count here.
const (
	stopped = 'T'
	dead    = 'Z' // and nobody has asked how
)

func still(state byte) bool { return state == stopped || state == dead }

// A fact is what the system says of a process.
type fact struct {
	parent int
	state  byte
}

// processes are those of the machine, by id.
func processes() (map[int]fact, error) {
	all := map[int]fact{}
	add := func(pid, parent, state string) {
		id, err := strconv.Atoi(pid)
		if p, perr := strconv.Atoi(parent); err == nil && perr == nil {
			all[id] = fact{p, state[0]}
		}
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, stat := range stats {
		b, _ := os.ReadFile(stat) //nolint:gosec // G304: what the system says; the process may have ended
		// 123 (a name with any signs) S 1 …
		if i := bytes.LastIndexByte(b, ')'); i > 0 {
			f := strings.Fields(string(b[i+1:]))
			add(filepath.Base(filepath.Dir(stat)), f[1], f[0])
		}
	}
	if len(stats) > 0 {
		return all, nil
	}
	// Not a Linux.
	out, err := exec.CommandContext(context.Background(), "ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "state=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 {
			add(f[0], f[1], f[2])
		}
	}
	return all, nil
}
