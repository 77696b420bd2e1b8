package asterisktest

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
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"
)

// A Phone is a SIP phone, or what is at the other end of the trunk.
type Phone struct {
	Number string // whom it says to be: its extension
	Name   string // the same as a name; bytes, for there are phones that do not write UTF-8

	server   *Server
	user     string
	password string // empty where it is known by its address, the trunk
	ip       string
	port     int // where it is called
}

// Phone is one of [Phones]. It is not registered yet.
func (s *Server) Phone(tb testing.TB, extension string) *Phone {
	tb.Helper()
	port, err := freePort("127.0.0.1")
	if err != nil {
		tb.Fatal(err)
	}
	return &Phone{Number: extension, Name: "Desk " + extension, server: s, user: extension, password: Secret, ip: "127.0.0.1", port: port}
}

// Trunk is the carrier: it calls from a number outside, and is called at any.
func (s *Server) Trunk(number, name string) *Phone {
	return &Phone{Number: number, Name: name, server: s, user: "trunk", ip: "127.0.0.2", port: s.trunk}
}

// Register registers the phone for an hour.
func (p *Phone) Register(tb testing.TB) {
	tb.Helper()
	p.register(tb, p.password, "3600", 200)
}

// Unregister takes it back.
func (p *Phone) Unregister(tb testing.TB) {
	tb.Helper()
	p.register(tb, p.password, "0", 200)
}

// FailToRegister tries it with a wrong password.
func (p *Phone) FailToRegister(tb testing.TB) {
	tb.Helper()
	p.register(tb, "wrong", "3600", 401)
}

func (p *Phone) register(tb testing.TB, password, expires string, code int) {
	tb.Helper()
	as := *p
	as.password = password
	as.dial(tb, "", []Step{
		{template: "register", Text: expires, Code: 401},
		{template: "register", Text: expires, Code: code},
	}).Wait(tb)
}

// A DialogID names a SIP dialog, as Asterisk sees it: its Call-ID and the tags of either side.
type DialogID struct{ CallID, Local, Remote string }

// DialogID is that of a PJSIP channel.
func (s *Server) DialogID(tb testing.TB, channel string) DialogID {
	tb.Helper()
	get := func(what string) string {
		return s.Do(tb, "Getvar", "Channel", channel, "Variable", "CHANNEL(pjsip,"+what+")").Get("Value")
	}
	return DialogID{CallID: get("call-id"), Local: get("local_tag"), Remote: get("remote_tag")}
}

// Call calls a number.
func (p *Phone) Call(tb testing.TB, number string, steps ...Step) *Dialog {
	tb.Helper()
	first := []Step{{template: "invite"}}
	if p.password != "" {
		first = append(first, Step{template: "challenged"}, Step{template: "invite"})
	}
	return p.dial(tb, number, append(first, steps...))
}

// Message sends a text to a number.
func (p *Phone) Message(tb testing.TB, number, text string) {
	tb.Helper()
	p.dial(tb, number, []Step{{template: "message", Text: text, Code: 401}, {template: "message", Text: text, Code: 202}}).Wait(tb)
}

// Transfer connects the other sides of two of the phone's calls with one another, as
// its transfer key does in the second: it asks that of the call to a number that it holds.
func (p *Phone) Transfer(tb testing.TB, number string, held, consulted DialogID) {
	tb.Helper()
	p.dial(tb, number, []Step{{template: "transfer", Held: held, Consulted: consulted}}).Wait(tb)
}

// Expect says what the phone does with the next call that it gets. It is there
// when Expect returns.
func (p *Phone) Expect(tb testing.TB, steps ...Step) *Dialog {
	tb.Helper()
	if steps[0].template != "messaged" {
		steps = append([]Step{{template: "invited"}}, steps...)
	}
	d := p.run(tb, "", p.port, steps)
	if err := until("SIPp to listen", func() (bool, error) {
		select {
		case <-d.done:
			return false, errors.Join(errors.New("SIPp has ended"), d.err)
		default:
			return listens(p.ip, p.port)
		}
	}); err != nil {
		tb.Fatal(err)
	}
	return d
}

// A Dialog is a SIPp that plays a phone in one call.
type Dialog struct {
	what string
	dir  string
	done chan struct{}
	err  error // once it is done
}

// Wait waits until the script is at its end. A call that went otherwise fails the test.
func (d *Dialog) Wait(tb testing.TB) {
	tb.Helper()
	<-d.done
	if d.err != nil {
		messages, _ := os.ReadFile(filepath.Join(d.dir, "messages")) // without them there is less to say
		wrong, _ := os.ReadFile(filepath.Join(d.dir, "errors"))
		tb.Fatalf("%s did not go as its script says: %v\n%s\n%s", d.what, d.err, wrong[:min(1000, len(wrong))], messages[max(0, len(messages)-9000):])
	}
}

func (p *Phone) dial(tb testing.TB, number string, steps []Step) *Dialog {
	tb.Helper()
	port, err := freePort(p.ip)
	if err != nil {
		tb.Fatal(err)
	}
	return p.run(tb, number, port, steps)
}

// longest is how long a call may take.
const longest = time.Minute

// run starts a SIPp at a port.
func (p *Phone) run(tb testing.TB, number string, port int, steps []Step) *Dialog {
	tb.Helper()
	dir, err := os.MkdirTemp(p.server.dir, "sipp") //nolint:usetesting // it goes with the server's, whatever ends us
	if err != nil {
		tb.Fatal(err)
	}
	scenario, err := p.script(number, steps)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "scenario.xml"), scenario, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	program, err := sipp()
	if err != nil {
		tb.Fatal(err)
	}
	args := []string{
		"--kill-after=1", strconv.Itoa(int(longest.Seconds())), program,
		p.server.sip, "-sf", "scenario.xml", "-m", "1", "-i", p.ip, "-p", strconv.Itoa(port), "-bind_local", "-mi", p.ip, "-ci", p.ip,
		"-nostdin", "-aa", "-trace_msg", "-message_file", "messages", "-trace_err", "-error_file", "errors",
	}
	if id := steps[0].Held.CallID; id != "" {
		args = append(args, "-cid_str", id)
	}
	// timeout(1) is for the case that we do not live to do it; SIPp's own does not end a call that hangs.
	cmd := exec.CommandContext(context.Background(), "timeout", args...) //nolint:gosec // G204: SIPp with a scenario of our own
	cmd.Dir = dir
	var output bytes.Buffer
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	d := &Dialog{what: fmt.Sprintf("the phone %s %s", p.Number, strings.TrimSpace("calling "+number)), dir: dir, done: make(chan struct{})}
	go func() {
		if err := cmd.Wait(); err != nil {
			d.err = fmt.Errorf("%w: %s", err, output.Bytes())
		}
		close(d.done)
	}()
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // timeout(1) hands it on
		<-d.done
	})
	return d
}

//go:embed sipp.xml
var sippXML string

//nolint:gochecknoglobals // parsed once
var scripts = sync.OnceValues(func() (*template.Template, error) { return template.New("sipp.xml").Parse(sippXML) })

// script writes what SIPp is to do.
func (p *Phone) script(number string, steps []Step) ([]byte, error) {
	t, err := scripts()
	if err != nil {
		return nil, err
	}
	var (
		texts  []string
		n      int // the number of the request (CSeq)
		invite int // that of the last INVITE
	)
	for _, s := range steps {
		switch s.template {
		case "invite":
			n++
			invite = n
		case "register", "message", "offer", "press", "refer", "hangup":
			n++
		case "speak":
			s.Text = filepath.Join(p.server.dir, "sound.ul")
		}
		var text bytes.Buffer
		err := t.ExecuteTemplate(&text, s.template, struct {
			Step
			User, Password, Number, Name, Called, Contact string
			N, Invite                                     int
		}{s, p.user, p.password, p.Number, p.Name, number, net.JoinHostPort(p.ip, strconv.Itoa(p.port)), n, invite})
		if err != nil {
			return nil, err
		}
		texts = append(texts, text.String())
	}
	var all bytes.Buffer
	err = t.ExecuteTemplate(&all, "scenario", texts)
	return all.Bytes(), err
}

// listens says whether somebody has bound a UDP port, without touching it.
func listens(ip string, port int) (bool, error) {
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return false, err
	}
	ip4 := net.ParseIP(ip).To4()
	if ip4 == nil {
		return false, errors.New("not an IPv4 address: " + ip)
	}
	return bytes.Contains(table, fmt.Appendf(nil, ": %02X%02X%02X%02X:%04X ", ip4[3], ip4[2], ip4[1], ip4[0], port)), nil
}
