//go:build unix

package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long anything is waited for. Nothing takes so long unless it
// is broken.
const patience = 60 * time.Second

// build makes the server's binary as it is released: without the race detector,
// which would slow down what is to be interrupted. It tells receivers its version.
func build(ctx context.Context, dir, version string) (bin string, err error) {
	bin = filepath.Join(dir, "switchhook-"+version)
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-X github.com/switchhook/switchhook/internal/cli.Version="+version, "-o", bin, "github.com/switchhook/switchhook/cmd/switchhook") //nolint:gosec // into the test's own directory
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
}

// A server is the real binary on one data directory, started again and again.
type server struct {
	bin, data, key string

	mu  sync.Mutex
	now *process // nil before the first start
}

// A process is one run of it.
type process struct {
	cmd    *exec.Cmd
	ready  chan struct{} // closed when it says that it is
	exited chan struct{}
	url    string // once it is ready

	started time.Time

	mu  sync.Mutex
	log []string // the last lines
}

const keptLines = 40

// launch starts a process and does not wait. Each listens on a port of its own: one that was free for a
// moment may be another's after a restart.
func (s *server) launch(ctx context.Context) error {
	p, err := serve(ctx, s.bin, []string{"SWITCHHOOK_ADMIN_KEY=" + s.key}, "--data", s.data, "--listen", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = p
	return nil
}

// serve starts a process, which is killed when ctx ends.
func serve(ctx context.Context, bin string, env []string, flags ...string) (*process, error) {
	p := &process{ready: make(chan struct{}), exited: make(chan struct{}), started: time.Now()}
	p.cmd = exec.CommandContext(ctx, bin, append([]string{"serve", "--allow-network", "127.0.0.0/8"}, flags...)...) //nolint:gosec // the binary that build made
	p.cmd.Env = append(os.Environ(), env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.follow(stderr)
	return p, nil
}

// start starts the server, again, and waits until it is ready.
func (s *server) start(ctx context.Context) error {
	if err := s.launch(ctx); err != nil {
		return err
	}
	return s.now.becomesReady()
}

// terminate asks the server to stop, and wants it to do so in order.
func (s *server) terminate() error { return s.now.terminate() }

// close ends what still runs.
func (s *server) close() {
	if s.now != nil {
		_ = s.now.kill() // it has ended, unless something failed
	}
}

// tail is what the server said last.
func (s *server) tail() string {
	if s.now == nil {
		return ""
	}
	return s.now.tail()
}

// follow reads what the process says until it ends.
func (p *process) follow(stderr io.Reader) {
	defer close(p.exited)
	said := regexp.MustCompile(`msg=ready url=(\S+)`)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		line := lines.Text()
		if m := said.FindStringSubmatch(line); m != nil && p.url == "" {
			p.url = m[1]
			close(p.ready)
		}
		if strings.Contains(line, "delivery attempted") {
			continue
		}
		p.mu.Lock()
		p.log = append(p.log, line)
		p.log = p.log[max(0, len(p.log)-keptLines):]
		p.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, stderr) // a line that is too long must not stop the process
	_ = p.cmd.Wait()                   // exitCode tells
}

func (p *process) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}

// becomesReady waits until it does.
func (p *process) becomesReady() error {
	select {
	case <-p.ready:
		return nil
	case <-p.exited:
		return fmt.Errorf("the server ended instead of becoming ready:\n%s", p.tail())
	case <-time.After(patience):
		return fmt.Errorf("the server was not ready after %s:\n%s", patience, p.tail())
	}
}

// terminate asks it to stop, and wants it to do so in order.
func (p *process) terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("terminate: %w", err)
	}
	code, err := p.wait()
	if err == nil && code != 0 {
		err = fmt.Errorf("after SIGTERM the server exited with %d:\n%s", code, p.tail())
	}
	return err
}

// kill ends it as kill -9 does.
func (p *process) kill() error {
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	_, err := p.wait()
	return err
}

// wait waits for the end and returns the exit code, -1 after a signal.
func (p *process) wait() (code int, err error) {
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("the server had not ended after %s:\n%s", patience, p.tail())
	}
}

// url is where the server is reached, as soon as one is ready.
func (s *server) url(ctx context.Context) (string, error) {
	for ctx.Err() == nil {
		s.mu.Lock()
		p := s.now
		s.mu.Unlock()
		if p == nil {
			break
		}
		select {
		case <-p.exited: // the next one will come
			pause(ctx, 5*time.Millisecond)
		case <-p.ready:
			return p.url, nil
		case <-time.After(5 * time.Millisecond): // it may be killed before it is ready
		case <-ctx.Done():
		}
	}
	return "", errors.New("no server was ready")
}

// An answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call makes a request once and returns the whole answer. An error says that
// there was none: the outcome is not known.
func (s *server) call(ctx context.Context, method, path, contentType string, body []byte) (answer, error) {
	url, err := s.url(ctx)
	if err != nil {
		return answer{}, err
	}
	return ask(ctx, method, url+path, s.key, contentType, body)
}

// ask makes a request once and returns the whole answer.
func ask(ctx context.Context, method, url, key, contentType string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// callJSON is call for what has to succeed at once. out may be nil.
func (r *rig) callJSON(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	a, err := r.call(ctx, method, path, "application/json", body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if a.status >= http.StatusBadRequest {
		return fmt.Errorf("%s %s was answered %d: %s", method, path, a.status, a.body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(a.body, out)
}

// pause waits for a while, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// until waits until something holds, asking again and again.
func until(ctx context.Context, what string, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		ok, err := holds()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if ok {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("waited %s in vain: %s", patience, what)
		}
		pause(ctx, 20*time.Millisecond)
	}
}
