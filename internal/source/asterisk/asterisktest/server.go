package asterisktest

import (
	"bytes"
	"context"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"text/template"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed pbx.txtar
var pbx string

// A Server is a running Asterisk.
type Server struct {
	Version int
	AMI     string // host:port
	AMIS    string // the same over TLS, for those of CA
	CA      *x509.CertPool
	ARI     string // the URL under which its resources lie: http://host:port/ari

	dir     string // all that is its own
	sip     string // host:port
	trunk   int    // the port of 127.0.0.2 where its trunk leads
	env     []string
	process *process // nil while it is stopped
	manager *Stream  // our own connection
	asked   atomic.Int64
}

// Start starts an Asterisk and waits until it is there. It ends with the test.
func Start(tb testing.TB, options Options) *Server {
	tb.Helper()
	wanted(tb)
	_, err := sipp()
	need(tb, err)
	r, err := find(options.Version)
	need(tb, err)
	//nolint:usetesting // the name of tb.TempDir may have a # in it, and Asterisk 16 cannot read what lies in such a folder
	dir, err := os.MkdirTemp("", "asterisktest")
	need(tb, err)
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	s, err := settle(dir, r, options)
	need(tb, err)
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the last words of Asterisk %d:\n%s", s.Version, s.last())
		}
		if s.process != nil {
			s.Kill(tb)
		}
	})
	s.Up(tb)
	return s
}

// settle writes all that an Asterisk needs into a directory.
func settle(dir string, r root, options Options) (*Server, error) {
	modules, err := r.modules()
	if err != nil {
		return nil, err
	}
	var at [5]int
	for i, ip := range []string{"127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.1"} {
		if at[i], err = freePort(ip); err != nil {
			return nil, err
		}
	}
	s := &Server{
		Version: options.Version,
		AMI:     net.JoinHostPort("127.0.0.1", strconv.Itoa(at[0])),
		AMIS:    net.JoinHostPort("127.0.0.1", strconv.Itoa(at[4])),
		ARI:     fmt.Sprintf("http://127.0.0.1:%d/ari", at[1]),
		dir:     dir,
		sip:     net.JoinHostPort("127.0.0.1", strconv.Itoa(at[2])),
		trunk:   at[3],
		env:     []string{"LD_LIBRARY_PATH=" + r.libraries(), "LC_ALL=C", "HOME=" + dir},
	}
	for _, d := range []string{"etc", "lib", "run", "spool/voicemail", "log/cdr-csv"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	if s.CA, err = certify(filepath.Join(dir, "etc")); err != nil {
		return nil, err
	}
	// Silence that is not: SIPp sends it again and again.
	if err := os.WriteFile(filepath.Join(dir, "sound.ul"), bytes.Repeat([]byte{0x80, 0xff, 0, 0x7f}, 2000), 0o600); err != nil {
		return nil, err
	}
	return s, errors.Join(r.install(dir), configure(dir, struct {
		Options
		Dir, Modules         string
		User, Keeper, Secret string
		AMI, HTTP, SIP       int
		Trunk, AMIS          int
		Phones               []string
	}{options, dir, modules, User, keeper, Secret, at[0], at[1], at[2], at[3], at[4], Phones()}))
}

// Phones are the extensions that have a phone.
func Phones() []string { return []string{"101", "102", "103", "104", "105", "106"} }

// configure writes the files of pbx.txtar.
func configure(dir string, values any) error {
	// A text of Latin-1, byte by byte as it lies on a disk.
	latin1 := func(text string) string {
		var b []byte
		for _, r := range text {
			b = append(b, byte(r)) //nolint:gosec // G115: what it is for
		}
		return string(b)
	}
	t, err := template.New("pbx.txtar").Funcs(template.FuncMap{"latin1": latin1}).Parse(pbx)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := t.Execute(&text, values); err != nil {
		return err
	}
	for _, f := range txtar.Parse([]byte(text.String())).Files {
		if err := os.WriteFile(filepath.Join(dir, "etc", f.Name), f.Data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Up starts an Asterisk again that was stopped or killed, at its old ports and with
// its old books.
func (s *Server) Up(tb testing.TB) {
	tb.Helper()
	if s.process != nil {
		tb.Fatal("it is up")
	}
	p, err := s.start()
	if err != nil {
		tb.Fatal(err)
	}
	s.process = p
	s.ready(tb)
}

// ready waits until all of it answers, and connects to it.
func (s *Server) ready(tb testing.TB) {
	tb.Helper()
	if err := until("Asterisk to answer", func() (bool, error) {
		select {
		case <-s.process.ended:
			return false, fmt.Errorf("Asterisk has ended: %v\n%s", s.process.how, s.last()) //nolint:staticcheck // ST1005: a name
		default:
		}
		c, err := new(net.Dialer).DialContext(tb.Context(), "tcp", s.AMI)
		if err != nil {
			return false, nil //nolint:nilerr // not yet
		}
		return true, c.Close()
	}); err != nil {
		tb.Fatal(err)
	}
	// It takes connections while it still boots, and may end one of those.
	if err := until("Asterisk to boot", func() (bool, error) {
		s.manager = s.dial(tb, keeper, "system,user")
		_, err := s.manager.await("Event: FullyBooted")
		if errors.Is(err, errEnded) {
			return false, nil
		}
		return true, err
	}); err != nil {
		tb.Fatal(err)
	}
	// The commands that end it come only after that.
	if err := until("the command to restart", func() (bool, error) {
		return !strings.Contains(s.Command(tb, "core show help core restart now"), "No such command"), nil
	}); err != nil {
		tb.Fatal(err)
	}
}

// Restart is what "core restart now" does: calls end at once, the program executes
// itself anew and numbers its channels from zero again.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	// It writes its id anew when it has executed itself; until then it might still take connections.
	id := filepath.Join(s.dir, "run/asterisk.pid")
	if err := os.Remove(id); err != nil {
		tb.Fatal(err)
	}
	s.manager.send(tb, "Command", "Command", "core restart now")
	s.manager.ends(tb)
	if err := until("Asterisk to execute itself", func() (bool, error) {
		_, err := os.Stat(id)
		return err == nil, nil
	}); err != nil {
		tb.Fatal(err)
	}
	s.ready(tb)
}

// Stop is what "core stop now" does.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	s.manager.send(tb, "Command", "Command", "core stop now")
	s.manager.ends(tb)
	s.process.wait(tb)
	s.process = nil
}

// Kill ends it as a loss of power does, as far as it is concerned.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	if err := s.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		tb.Fatal(err)
	}
	s.process.wait(tb)
	s.process = nil
}

// Pid is the id of its process, to which a test may send signals.
func (s *Server) Pid() int { return s.process.Pid }

// last is the end of what it wrote into its log.
func (s *Server) last() string {
	var text []byte
	for _, name := range []string{"log/full", "run/output"} {
		b, _ := os.ReadFile(filepath.Join(s.dir, name)) //nolint:gosec // G304: of our own directory; without it there is less to say
		text = append(text, b[max(0, len(b)-4000):]...)
	}
	return string(text[max(0, len(text)-1000):])
}

// A process is a running Asterisk, and a shell that watches over it: whatever ends
// our process, SIGKILL too, ends the pipe that the shell reads; then it ends
// Asterisk and deletes what it left.
type process struct {
	*os.Process
	ended chan struct{}
	how   *os.ProcessState // once it has ended
}

// What ends us might be meant for our whole process group. An orphan may stay a
// zombie for a while, where the system's first process does not care for it.
const watch = `
	trap "" HUP INT TERM
	read -r _ && exit
	kill -KILL "$1"
	n=0
	while kill -0 "$1" && ! grep -q "^State:.Z" "/proc/$1/status" && [ $((n += 1)) -le 500 ]; do sleep 0.02; done
	rm -rf "$2"
`

func (s *Server) start() (*process, error) {
	output, err := os.Create(filepath.Join(s.dir, "run/output"))
	if err != nil {
		return nil, err
	}
	defer output.Close()
	// It finds its loader in its working directory.
	asterisk := exec.CommandContext(context.Background(), filepath.Join(s.dir, "asterisk"), "-f", "-C", filepath.Join(s.dir, "etc/asterisk.conf")) //nolint:gosec // G204: a program of our own
	asterisk.Dir, asterisk.Env = s.dir, s.env
	asterisk.Stdout, asterisk.Stderr = output, output
	if err := asterisk.Start(); err != nil {
		return nil, err
	}
	watcher := exec.CommandContext(context.Background(), "sh", "-c", watch, "watcher", strconv.Itoa(asterisk.Process.Pid), s.dir) //nolint:gosec // G204: a directory of our own
	pipe, err := watcher.StdinPipe()
	if err == nil {
		err = watcher.Start()
	}
	if err != nil {
		return nil, errors.Join(err, asterisk.Process.Kill(), asterisk.Wait())
	}
	p := &process{Process: asterisk.Process, ended: make(chan struct{})}
	go func() {
		_ = asterisk.Wait() // its state says it all
		p.how = asterisk.ProcessState
		_, _ = pipe.Write([]byte("\n"))
		_ = watcher.Wait()
		close(p.ended)
	}()
	return p, nil
}

// wait waits until it has ended.
func (p *process) wait(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-p.ended:
	case <-ctx.Done():
		tb.Fatalf("Asterisk (%d) does not end", p.Pid)
	}
}
