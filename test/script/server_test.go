package script_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

// A server is a running `switchhook serve`.
type server struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once it has
	err    error         // how, then
}

// kill ends the server, whatever it does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.exited
}

// A logFile is what servers log, and tells of the line that says ready.
type logFile struct {
	name string

	mu    sync.Mutex
	text  bytes.Buffer // of all lives
	start int          // where the present life's begins
	ready chan string  // gets the URL
}

// Both forms of the line: --log-format text and json.
var readyLine = regexp.MustCompile(`(?m)^.*msg=ready url=(\S+).*\n|^.*"msg":"ready","url":"([^"]+)".*\n`)

func (l *logFile) open() <-chan string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start, l.ready = l.text.Len(), make(chan string, 1)
	return l.ready
}

// Write takes what a server logs.
func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	f, err := os.OpenFile(l.name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	if _, err := f.Write(b); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	if l.ready != nil {
		if m := readyLine.FindSubmatch(l.text.Bytes()[l.start:]); m != nil {
			l.ready <- string(m[1]) + string(m[2])
			l.ready = nil
		}
	}
	return len(b), f.Close()
}

func (l *logFile) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.text.Bytes()
	return string(b[max(0, len(b)-4000):])
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	w := worldOf(ts)
	if w.server != nil {
		ts.Fatalf("the server runs; end it first")
	}
	cmd := exec.Command(w.bin, append([]string{"serve"}, args...)...)
	cmd.Dir = ts.Getenv("WORK")
	for _, name := range []string{
		"PATH", "HOME", "TMPDIR", "SWITCHHOOK_ADMIN_KEY", "SWITCHHOOK_MASTER_KEY", "SWITCHHOOK_CONFIG", "SWITCHHOOK_DATA", "SWITCHHOOK_DATABASE",
		"SWITCHHOOK_LISTEN", "SWITCHHOOK_ALLOW_NETWORKS", "SWITCHHOOK_LOG_LEVEL", "SWITCHHOOK_LOG_FORMAT", "SWITCHHOOK_RETENTION",
	} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Stdout, cmd.Stderr = w.log, w.log
	ready := w.log.open()
	ts.Check(cmd.Start())
	s := &server{cmd: cmd, exited: make(chan struct{})}
	w.server = s
	go func() {
		s.err = cmd.Wait()
		close(s.exited)
	}()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case address := <-ready:
		u, err := url.Parse(address)
		ts.Check(err)
		ts.Setenv("URL", address)
		ts.Setenv("ADDRESS", u.Host)
	case <-s.exited:
		w.server = nil
		ts.Fatalf("the server ended: %v", s.err)
	case <-timeout.C:
		ts.Fatalf("the server was not ready within %s", patience)
	}
}

func terminate(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 0, "terminate")
	s := running(ts)
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-s.exited:
	case <-timeout.C:
		ts.Fatalf("the server did not end within %s after SIGTERM", patience)
	}
	worldOf(ts).server = nil
	if s.err != nil {
		ts.Fatalf("after SIGTERM the server ended with: %v", s.err)
	}
}

func crash(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 0, "crash")
	s := running(ts)
	s.kill()
	worldOf(ts).server = nil
	if _, ok := errors.AsType[*exec.ExitError](s.err); !ok {
		ts.Fatalf("the server had ended before: %v", s.err)
	}
}

func database(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 1, "database NAME")
	ts.Setenv(args[0], pgtest.New(worldOf(ts).tb))
}

func running(ts *testscript.TestScript) *server {
	s := worldOf(ts).server
	if s == nil {
		ts.Fatalf("no server runs")
	}
	return s
}

// An inbox holds what came until the script asks for it.
type inbox[T any] struct {
	mu      sync.Mutex
	items   []T
	taken   int
	changed chan struct{} // closed and replaced with each item
}

func newInbox[T any]() *inbox[T] { return &inbox[T]{changed: make(chan struct{})} }

func (b *inbox[T]) put(item T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append(b.items, item)
	close(b.changed)
	b.changed = make(chan struct{})
}

// take waits for the next n items. With exact, more than n is an error.
func (b *inbox[T]) take(n int, exact bool) ([]T, error) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		b.mu.Lock()
		waiting, changed := b.items[b.taken:], b.changed
		if len(waiting) >= n && (!exact || len(waiting) == n) {
			b.taken += n
			b.mu.Unlock()
			return waiting[:n:n], nil
		}
		b.mu.Unlock()
		if len(waiting) > n {
			return waiting, fmt.Errorf("%d came, not %d", len(waiting), n)
		}
		select {
		case <-changed:
		case <-timeout.C:
			return waiting, fmt.Errorf("%d came within %s, not %d", len(waiting), patience, n)
		}
	}
}
