package asterisk

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // it is what the manager interface has
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// How long Asterisk may take.
const (
	patience = 10 * time.Second // for an answer
	silence  = 15 * time.Second // in which not even a Pong came, of which there should be three
)

// A wire is a connection to the manager interface.
type wire struct {
	conn   *source.Conn
	in     *frameReader
	banner string // such as Asterisk Call Manager/11.0.0
	early  [][]byte
	// silence is how long it may last.
	silence time.Duration

	actions int
}

// connect opens a connection and logs in. Events come from then on: those that came before
// the answer to do are in early.
func connect(ctx context.Context, o *Options) (*wire, error) {
	w, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := w.login(o); err != nil {
		_ = w.conn.Close() // the error says more
		return nil, err
	}
	return w, nil
}

// open opens a connection and reads what Asterisk greets with.
func open(ctx context.Context, o *Options) (*wire, error) {
	config, err := o.tls()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var dialer interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	} = &net.Dialer{}
	if config != nil {
		dialer = &tls.Dialer{Config: config}
	}
	conn, err := dialer.DialContext(ctx, "tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("connect to the manager interface: %w", err)
	}
	w := &wire{silence: silence, conn: &source.Conn{
		Conn: conn, System: "Asterisk", Closed: "it stopped, or we read too slowly for writetimeout in manager.conf", Patience: patience,
	}}
	w.in = newFrameReader(w.conn)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if w.banner, err = w.in.line(); err != nil || !strings.HasPrefix(w.banner, "Asterisk Call Manager") {
		_ = conn.Close() // it is not what it should be
		switch {
		case w.banner != "":
			return nil, fmt.Errorf("at %s is no manager interface: it says %.60q", o.Address, w.banner)
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s closed the connection: does manager.conf permit our address?", o.Address)
		default:
			return nil, fmt.Errorf("no greeting from %s: %w (does it speak TLS?)", o.Address, err)
		}
	}
	return w, nil
}

// login shows the secret, or that we have it.
func (w *wire) login(o *Options) error {
	events := strings.Join(append([]string{classes}, o.Classes...), ",")
	fields := []string{"Username", o.Username, "Secret", o.Secret, "Events", events}
	if o.Auth == "md5" || o.Auth == "auto" && !o.TLS {
		answer, err := w.do("Challenge", "AuthType", "MD5")
		if err != nil {
			return err
		}
		sum := md5.Sum([]byte(answer[0].Get("Challenge") + o.Secret)) //nolint:gosec // the interface's own way
		fields = []string{"AuthType", "MD5", "Username", o.Username, "Key", hex.EncodeToString(sum[:]), "Events", events}
	}
	_, err := w.do("Login", fields...)
	if e, refused := errors.AsType[refusal](err); refused {
		return switchhook.Errorf(switchhook.CodeUnauthorized,
			"Asterisk refuses the user %q: %s. Compare username and secret with the section of manager.conf, and our address with its permit and deny", o.Username, e.message)
	}
	return err
}

// A refusal is an answer Response: Error.
type refusal struct{ action, message string }

func (r refusal) Error() string { return "Asterisk refuses " + r.action + ": " + r.message }

// do asks Asterisk for something and waits: the answer, and what of a list comes after it.
// Only while nobody else reads.
func (w *wire) do(action string, fields ...string) ([]Message, error) {
	w.actions++
	id := "do-" + strconv.Itoa(w.actions)
	if err := w.send(action, id, fields...); err != nil {
		return nil, err
	}
	if err := w.conn.Within(patience); err != nil {
		return nil, err
	}
	var answer []Message
	for {
		frame, err := w.in.next()
		if err != nil {
			return nil, fmt.Errorf("wait for the answer to %s: %w", action, w.conn.Explained(err))
		}
		m := Parse(frame)
		if m.Get("ActionID") != id {
			w.early = append(w.early, bytes.Clone(frame))
			continue
		}
		answer = append(answer, m)
		switch {
		case m.Get("Response") == "Error":
			return nil, refusal{action, m.Get("Message")}
		case len(answer) == 1 && !strings.EqualFold(m.Get("EventList"), "start"), strings.EqualFold(m.Get("EventList"), "Complete"):
			return answer, nil
		}
	}
}

// send asks for something. Fields are names and values in turn.
func (w *wire) send(action, id string, fields ...string) error {
	var b strings.Builder
	b.WriteString("Action: " + action + "\r\nActionID: " + id + "\r\n")
	for i := 0; i+1 < len(fields); i += 2 {
		b.WriteString(fields[i] + ": " + fields[i+1] + "\r\n")
	}
	b.WriteString("\r\n")
	return w.conn.Send(b.String())
}

// ping keeps the connection alive until ctx ends.
func (w *wire) ping(ctx context.Context) {
	w.conn.KeepAlive(ctx, w.silence, func() error { return w.send("Ping", "ping") })
}

// read passes each frame on at once, until the connection ends, and says why it did.
func (w *wire) read(push func(frame []byte) error) error {
	for _, frame := range w.early {
		if err := push(frame); err != nil {
			return err
		}
	}
	w.early = nil
	for {
		if err := w.conn.Within(w.silence); err != nil {
			return err
		}
		frame, err := w.in.next()
		if err != nil {
			return w.conn.Explained(err)
		}
		if err := push(frame); err != nil {
			return err
		}
	}
}

func (w *wire) close() { _ = w.conn.Close() } // nothing is lost that was not before

// systemOf is what Asterisk calls itself, such as Asterisk 22.10.1. Not everybody may know;
// they get the version of the manager interface.
func (w *wire) systemOf() (string, error) {
	answer, err := w.do("CoreSettings")
	if _, refused := errors.AsType[refusal](err); refused {
		return strings.Replace(w.banner, "Asterisk Call Manager/", "Asterisk, manager interface ", 1), nil
	}
	if err != nil {
		return "", err
	}
	return "Asterisk " + version(answer[0].Get("AsteriskVersion")), nil
}

// version is a version without what packagers add: 22.10.1 of 22.10.1+dfsg-1.
func version(s string) string {
	if i := strings.IndexAny(s, "+~"); i > 0 {
		return s[:i]
	}
	return s
}

// hasChanSIP reports whether this may be an Asterisk with chan_sip, which 20 was the last to
// have. Its manager interface is 9.
func (w *wire) hasChanSIP() bool {
	major, _, _ := strings.Cut(strings.TrimPrefix(w.banner, "Asterisk Call Manager/"), ".")
	return number(major) < 10
}
