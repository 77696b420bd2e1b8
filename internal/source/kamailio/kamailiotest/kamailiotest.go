// Package kamailiotest starts a real Kamailio, with the snippet in its configuration, and
// SIPps that play telephones, all on loopback. Tests that use it run with
// SWITCHHOOK_TEST_SWITCHES=1 and need the packages that test/switches/deps.sh gets.
package kamailiotest

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// Options say how a Kamailio is to run.
type Options struct {
	URL     string   // where it posts
	Queue   int      // how many messages may wait, by default 10,000
	Defines []string // of the snippet
	Address string   // where an earlier one listened
	Style   string   // of its kamailio.cfg: that of the stock one, or balancer
}

// A Server is a Kamailio that runs.
type Server struct {
	Address string // of SIP, host:port
	trunk   string
	dir     string
	process *exec.Cmd
	done    chan struct{}
	log     *bytes.Buffer // to be read when it is done
}

//go:embed kamailio.cfg
var config string

//go:embed balancer.cfg
var balancer string

// Enabled leaves the test out unless it is wanted, and its programs are there.
func Enabled(tb testing.TB) {
	tb.Helper()
	if os.Getenv("SWITCHHOOK_TEST_SWITCHES") == "" {
		tb.Skip("needs a real Kamailio: SWITCHHOOK_TEST_SWITCHES=1, or make test-switches")
	}
	for _, program := range []string{"kamailio", "sipp"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				tb.Fatal(err)
			}
			tb.Skipf("%v: make deps-switches gets it", err)
		}
	}
}

// Start starts a Kamailio, which ends with the test.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	Enabled(tb)
	s := &Server{Address: o.Address, dir: tb.TempDir(), done: make(chan struct{}), log: &bytes.Buffer{}}
	s.trunk = freeAddress(tb, "127.0.0.2")
	if s.Address == "" {
		s.Address = freeAddress(tb, "127.0.0.1")
	}
	if o.Queue == 0 {
		o.Queue = 10000
	}
	_, here, _, _ := runtime.Caller(0)
	found, _ := filepath.Glob("/usr/lib/*/kamailio/modules/tm.so") // the pattern is well formed
	if len(found) == 0 {
		tb.Fatal("there are no modules of Kamailio")
	}
	style := config
	if o.Style == "balancer" {
		style = balancer
	}
	var text bytes.Buffer
	err := template.Must(template.New("kamailio.cfg").Parse(style)).Execute(&text, struct {
		Options
		Address, Trunk, Modules, Snippet string
	}{o, s.Address, s.trunk, filepath.Dir(found[0]) + "/", filepath.Join(filepath.Dir(here), "../../../../deploy/kamailio/switchhook.cfg")})
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "kamailio.cfg"), text.Bytes(), 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	// It runs in a group of its own, which is ended as a whole: it is many processes.
	s.process = exec.CommandContext(context.Background(), "kamailio", "-f", "kamailio.cfg", "-DD", "-E", "-m", "32", "-w", s.dir, "-Y", s.dir) //nolint:gosec // G204: with a configuration of our own
	s.process.Dir, s.process.Stderr, s.process.Stdout = s.dir, s.log, s.log
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.process.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		_ = s.process.Wait() // its log tells
		close(s.done)
	}()
	tb.Cleanup(func() {
		s.Kill()
		if tb.Failed() {
			tb.Logf("Kamailio said:\n%s", s.log.String())
		}
	})
	s.wait(tb, s.Address, s.done)
	return s
}

// Kill ends it at once, as a crash would.
func (s *Server) Kill() {
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL) // it may be gone
	<-s.done
}

// Log is what it said. It has ended.
func (s *Server) Log() string {
	<-s.done
	return s.log.String()
}

// wait waits until somebody listens at an address, which is over when they are done.
func (s *Server) wait(tb testing.TB, address string, done <-chan struct{}) {
	tb.Helper()
	host, port, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host).To4()
	var n int
	_, _ = fmt.Sscan(port, &n) // it is one
	entry := fmt.Sprintf(": %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], n)
	look, end := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer look.Stop()
	for {
		if table, err := os.ReadFile("/proc/net/udp"); err == nil && strings.Contains(string(table), entry) {
			return
		}
		select {
		case <-look.C:
		case <-done:
			tb.Fatalf("who was to listen at %s has ended", address)
		case <-end:
			tb.Fatalf("nobody listens at %s", address)
		}
	}
}

func freeAddress(tb testing.TB, host string) string {
	tb.Helper()
	c, err := new(net.ListenConfig).ListenPacket(tb.Context(), "udp", host+":0")
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// Send sends it a datagram, whatever that says.
func (s *Server) Send(tb testing.TB, text string) {
	tb.Helper()
	c, err := new(net.Dialer).DialContext(tb.Context(), "udp", s.Address)
	if err == nil {
		defer c.Close()
		_, err = c.Write([]byte(text))
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// A Phone is a telephone, or the carrier.
type Phone struct {
	User, Name, Domain string

	server  *Server
	address string
}

// Phone is a telephone of the domain pbx.example.
func (s *Server) Phone(tb testing.TB, user string) *Phone {
	tb.Helper()
	return &Phone{User: user, Name: "Desk " + user, Domain: "pbx.example", server: s, address: freeAddress(tb, "127.0.0.1")}
}

// Trunk is the carrier.
func (s *Server) Trunk(number string) *Phone {
	return &Phone{User: number, Name: "Grace H\xf6pper", Domain: "carrier.example", server: s, address: s.trunk}
}

// Register registers as an address of record for some seconds; "*" takes all contacts back.
func (p *Phone) Register(tb testing.TB, aor, expires string) {
	tb.Helper()
	p.run(tb, aor, false, []Step{{name: "register", Text: expires, Code: 401}, {name: "register", Text: expires, Auth: "secret", Code: 200}}).Wait(tb)
}

// FailToRegister tries it with a wrong password.
func (p *Phone) FailToRegister(tb testing.TB) {
	tb.Helper()
	p.run(tb, p.User, false, []Step{{name: "register", Text: "60", Code: 401}, {name: "register", Text: "60", Auth: "wrong", Code: 401}}).Wait(tb)
}

// Message sends a text.
func (p *Phone) Message(tb testing.TB, to, text string) {
	tb.Helper()
	p.run(tb, to, false, []Step{{name: "message", Text: text}}).Wait(tb)
}

// Call calls a number.
func (p *Phone) Call(tb testing.TB, number string, steps ...Step) *Dialog {
	tb.Helper()
	first := Step{name: "invite"}
	if steps[0].name == "again" {
		first.Text = "by script"
	}
	return p.run(tb, number, false, append([]Step{first}, steps...))
}

// Expect says what the phone does with the next call. It is there when Expect returns.
func (p *Phone) Expect(tb testing.TB, steps ...Step) *Dialog {
	tb.Helper()
	if steps[0].name != "messaged" {
		steps = append([]Step{{name: "invited"}}, steps...)
	}
	d := p.run(tb, "", true, steps)
	p.server.wait(tb, p.address, d.done)
	return d
}

// A Step is what a phone does in a call, or expects.
type Step struct {
	name string
	For  time.Duration
	Code int
	Text string
	Auth string
}

// Ms is how long it takes.
func (s Step) Ms() int64 { return s.For.Milliseconds() }

// Ring rings, for so long. It is for who is called, as the next ones.
func Ring(d time.Duration) Step { return Step{name: "ring", For: d} }

// Answer answers, again and again until there is an ACK.
func Answer() Step { return Step{name: "answer"} }

// Acked expects the ACK.
func Acked() Step { return Step{name: "acked"} }

// Refuse refuses with a status.
func Refuse(code int) Step { return Step{name: "refuse", Code: code} }

// Redirect sends the caller to another URI.
func Redirect(to string) Step { return Step{name: "refuse", Code: 302, Text: to} }

// Deaf expects that, and does not answer it.
func Deaf() Step { return Step{name: "deaf"} }

// Cancelled expects that the caller gives up, or the proxy.
func Cancelled() Step { return Step{name: "cancelled"} }

// Reinvited expects an INVITE within the call, and takes it.
func Reinvited() Step { return Step{name: "reinvited", Code: 200} }

// ReinviteRefused expects one, and does not.
func ReinviteRefused(code int) Step { return Step{name: "reinvited", Code: code} }

// Receive receives a text instead of a call.
func Receive() Step { return Step{name: "messaged"} }

// Bye hangs up, as who was called.
func Bye() Step { return Step{name: "bye"} }

// Released expects that the other side hangs up. It and Talk are for both.
func Released() Step { return Step{name: "released"} }

// Talk does nothing for so long.
func Talk(d time.Duration) Step { return Step{name: "talk", For: d} }

// Again sends the first INVITE again. It is for who calls, as the next ones.
func Again() Step { return Step{name: "again"} }

// Answered expects that the call is answered.
func Answered() Step { return Step{name: "answered"} }

// Ack sends the ACK.
func Ack() Step { return Step{name: "ack"} }

// Refused expects that the call is refused.
func Refused(code int) Step { return Step{name: "refused", Code: code} }

// Cancel gives up when it has rung for so long.
func Cancel(after time.Duration) Step { return Step{name: "cancel", For: after} }

// Reinvite sends an INVITE within the call, which is taken.
func Reinvite() Step { return Step{name: "reinvite", Code: 200} }

// RefusedReinvite sends one that is not.
func RefusedReinvite(code int) Step { return Step{name: "reinvite", Code: code} }

// HangUp hangs up, as who calls.
func HangUp() Step { return Step{name: "hangup"} }

// A Dialog is a SIPp that runs.
type Dialog struct {
	what, dir string
	done      chan struct{}
	err       error
}

// Wait waits until its script is at its end. A call that went otherwise fails the test.
func (d *Dialog) Wait(tb testing.TB) {
	tb.Helper()
	<-d.done
	if d.err != nil {
		messages, _ := os.ReadFile(filepath.Join(d.dir, "messages")) // without them there is less to say
		tb.Fatalf("%s did not go as its script says: %v\n%s", d.what, d.err, messages[max(0, len(messages)-6000):])
	}
}

//go:embed sipp.xml
var sippXML string

//nolint:gochecknoglobals // parsed once
var scripts = sync.OnceValues(func() (*template.Template, error) { return template.New("sipp.xml").Parse(sippXML) })

func (p *Phone) script(called string, steps []Step) ([]byte, error) {
	t, err := scripts()
	if err != nil {
		return nil, err
	}
	var texts []string
	variables := "" // that SIPp is to take for used
	n, invite := 0, 0
	for _, s := range steps {
		switch s.name {
		case "invite", "reinvite":
			n++
			invite = n
		case "register", "message", "hangup":
			n++
		case "answered":
			variables = "to"
		case "invited":
			variables = "me,from,caller"
		}
		var text bytes.Buffer
		if err := t.ExecuteTemplate(&text, s.name, struct {
			Step
			User, Name, Domain, Called, Contact string
			N, Invite                           int
		}{s, p.User, p.Name, p.Domain, called, p.address, n, invite}); err != nil {
			return nil, err
		}
		texts = append(texts, text.String())
	}
	var all bytes.Buffer
	err = t.ExecuteTemplate(&all, "scenario", struct {
		Steps     []string
		Variables string
	}{texts, variables})
	return all.Bytes(), err
}

func (p *Phone) run(tb testing.TB, called string, listens bool, steps []Step) *Dialog {
	tb.Helper()
	address := p.address
	if !listens && p.Domain != "carrier.example" {
		address = freeAddress(tb, "127.0.0.1")
	} else if !listens {
		address = freeAddress(tb, "127.0.0.2")
	}
	dir, err := os.MkdirTemp(p.server.dir, "sipp") //nolint:usetesting // it goes with the server's
	if err != nil {
		tb.Fatal(err)
	}
	script, err := p.script(called, steps)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "scenario.xml"), script, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(address)
	// timeout(1) is for the case that we do not live to end it.
	cmd := exec.CommandContext(context.Background(), "timeout", "--kill-after=1", "60", "sipp", p.server.Address, //nolint:gosec // G204: a scenario of our own
		"-sf", "scenario.xml", "-m", "1", "-i", host, "-p", port, "-bind_local", "-nostdin", "-nd", "-aa",
		"-trace_msg", "-message_file", "messages", "-trace_err", "-error_file", "errors")
	cmd.Dir = dir
	var output bytes.Buffer
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	d := &Dialog{what: fmt.Sprintf("the phone %s %s", p.User, strings.TrimSpace("calling "+called)), dir: dir, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		if err := cmd.Wait(); err != nil {
			wrong, _ := os.ReadFile(filepath.Join(dir, "errors")) //nolint:gosec // G304: our own; it may not exist
			d.err = errors.Join(err, errors.New(output.String()), errors.New(string(wrong)))
		}
	}()
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // timeout(1) hands it on
		<-d.done
	})
	return d
}
