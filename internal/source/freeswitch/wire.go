package freeswitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// How long FreeSWITCH may take.
const (
	patience = 10 * time.Second // for an answer
	silence  = 15 * time.Second // in which not even an answer came, of which there should be three
	// heartless is for how long there may be no event. There is a HEARTBEAT every 20 seconds
	// (event-heartbeat-interval in switch.conf.xml). FreeSWITCH may answer, and yet tell
	// nobody anything, because another of its clients has stopped reading.
	heartless = 130 * time.Second
)

// A wire is a connection to the event socket.
type wire struct {
	conn  *source.Conn
	in    *frameReader
	early [][]byte // events that came before we read for them

	silence, heartless time.Duration
	heard              time.Time // when an event came last; zero: there may be no HEARTBEAT

	writing sync.Mutex
	waiting sync.Mutex // for given: who reads does not wait for who writes
	given   []string   // commands that are not answered yet
}

// connect opens a connection and logs in.
func connect(ctx context.Context, o *Options) (*wire, error) {
	w, err := open(ctx, o.Address)
	if err != nil {
		return nil, err
	}
	if err := w.login(o); err != nil {
		_ = w.conn.Close() // the error says more
		return nil, err
	}
	return w, nil
}

// open opens a connection and waits to be asked for the password.
func open(ctx context.Context, address string) (*wire, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// A peer that is gone without a word is found out in half a minute.
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to the event socket: %w", err)
	}
	w := newWire(conn)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := w.greeted(ctx, address); err != nil {
		_ = conn.Close() // it is not what it should be
		return nil, err
	}
	return w, nil
}

func newWire(conn net.Conn) *wire {
	w := &wire{silence: silence, heartless: heartless, conn: &source.Conn{
		Conn: conn, System: "FreeSWITCH", Closed: "it stopped, or mod_event_socket was loaded anew", Patience: patience,
	}}
	w.in = newFrameReader(w.conn)
	return w
}

func (w *wire) greeted(ctx context.Context, address string) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := w.conn.SetReadDeadline(deadline); err != nil {
			return err
		}
	}
	f, err := w.in.next()
	switch {
	case err == nil && f.kind == "auth/request":
		return nil
	case err == nil && f.kind == "text/rude-rejection":
		return fmt.Errorf("FreeSWITCH turns us away (%s): let apply-inbound-acl in event_socket.conf.xml have our address", bytes.TrimSpace(f.body))
	case err == nil:
		return fmt.Errorf("at %s is no event socket: it begins with %.60q", address, f.kind)
	case errors.Is(err, os.ErrDeadlineExceeded), ctx.Err() != nil:
		return fmt.Errorf("no greeting from %s: it is no event socket, or FreeSWITCH stands still because another of its clients has stopped reading", address)
	default:
		return fmt.Errorf("no greeting from %s: %w", address, err)
	}
}

// login shows the password.
func (w *wire) login(o *Options) error {
	command, who := "auth "+o.Password, "the password: compare it with event_socket.conf.xml"
	if o.Username != "" {
		// FreeSWITCH answers with what the user may, but with 511 bytes at most; an answer
		// that is cut has no end, unless that of another command follows.
		command = "userauth " + o.Username + ":" + o.Password + "\n\nnolog"
		who = fmt.Sprintf("the user %q: compare the password with esl-password in the directory", o.Username)
	}
	f, err := w.do(command, "command/reply")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(f.reply, "+OK") {
		return switchhook.Errorf(switchhook.CodeUnauthorized, "FreeSWITCH refuses %s", who)
	}
	if o.Username == "" || bytes.Count(f.head, []byte("Content-Type:")) > 1 { // it was cut, and both are one
		return nil
	}
	_, err = w.await("nolog", "command/reply")
	return err
}

// do gives a command and waits for its answer, which is valid until the call after. Only
// while nobody else reads.
func (w *wire) do(command, answer string) (*frame, error) {
	if err := w.send(command); err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(command, " ")
	return w.await(name, answer)
}

// await waits for the answer to a command.
func (w *wire) await(name, answer string) (*frame, error) {
	if err := w.conn.Within(patience); err != nil {
		return nil, err
	}
	for {
		f, err := w.in.next()
		switch {
		case err != nil:
			return nil, fmt.Errorf("wait for the answer to %s: %w", name, w.conn.Explained(err))
		case f.kind == answer, f.kind == "command/reply":
			w.answered()
			return f, nil // what is refused is answered so, whatever it was
		case f.kind == "text/disconnect-notice":
			return nil, notice(f)
		case isEvent(f):
			w.early = append(w.early, bytes.Clone(f.body))
		}
	}
}

// api gives a command of FreeSWITCH itself.
func (w *wire) api(command string) (string, error) {
	f, err := w.do("api "+command, "api/response")
	if err != nil {
		return "", err
	}
	text := string(bytes.TrimRight(f.body, "\n"))
	if f.kind == "command/reply" {
		text = f.reply
	}
	if strings.HasPrefix(text, "-ERR") || strings.HasPrefix(text, "-USAGE") {
		return "", refusal{command, text}
	}
	return text, nil
}

// A refusal is an answer -ERR.
type refusal struct{ command, message string }

func (r refusal) Error() string { return "FreeSWITCH refuses " + r.command + ": " + r.message }

// subscribe asks for events. Who may not have all of them is refused all, and so gets those
// that they may, one by one; lacking are the others. Without some nothing can be told.
func (w *wire) subscribe(o *Options) (lacking []string, err error) {
	names := o.events()
	custom := slices.Index(names, "CUSTOM")
	given, err := w.listen(o.Format, names...)
	if err != nil {
		return nil, err
	}
	for i := 0; !given && i < len(names); i++ {
		ask := names[i : i+1]
		switch {
		case i == custom:
			continue
		case i > custom:
			ask = []string{"CUSTOM", names[i]}
		}
		one, err := w.listen(o.Format, ask...)
		if err != nil {
			return nil, err
		}
		if !one {
			lacking = append(lacking, names[i])
		}
	}
	for needed := range strings.FieldsSeq(neededEvents) {
		if slices.Contains(lacking, needed) {
			return lacking, switchhook.Errorf(switchhook.CodeForbidden, "the user %q may not have the event %s: leave esl-allowed-events in the directory out, or let it have %s", o.Username, needed, neededEvents)
		}
	}
	if !slices.Contains(lacking, "HEARTBEAT") {
		w.heard = time.Now()
	}
	return lacking, nil
}

// listen asks for some events, besides those that were asked for before.
func (w *wire) listen(format string, names ...string) (given bool, err error) {
	f, err := w.do("event "+format+" "+strings.Join(names, " "), "command/reply")
	switch {
	case err != nil:
		return false, err
	case strings.HasPrefix(f.reply, "+OK"):
		return true, nil
	case strings.Contains(f.reply, "permission"):
		return false, nil
	}
	return false, refusal{"event", f.reply}
}

// send gives a command.
func (w *wire) send(command string) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.waiting.Lock()
	w.given = append(w.given, command)
	w.waiting.Unlock()
	return w.conn.Send(command + "\n\n")
}

// answered is the command that is answered now: FreeSWITCH does so in order.
func (w *wire) answered() (command string) {
	w.waiting.Lock()
	defer w.waiting.Unlock()
	if len(w.given) > 0 {
		command, w.given = w.given[0], w.given[1:]
	}
	return command
}

// sign is a command that does nothing for whoever has asked for no log. The answer is -ERR.
const sign = "nolog"

// ping keeps the connection alive until ctx ends.
func (w *wire) ping(ctx context.Context) {
	w.conn.KeepAlive(ctx, w.silence, func() error { return w.send(sign) })
}

// read passes each event on at once, and each answer that is no yes, until the connection
// ends, and says why it did. Whoever takes them must not wait: if FreeSWITCH is not read from
// it stands still, all of it, once 100,000 events wait.
func (w *wire) read(push func(message []byte) error) error {
	for _, event := range w.early {
		if err := push(event); err != nil {
			return err
		}
	}
	w.early = nil
	for {
		if err := w.conn.Within(w.silence); err != nil {
			return err
		}
		f, err := w.in.next()
		if err != nil {
			return w.conn.Explained(err)
		}
		switch {
		case isEvent(f):
			if !w.heard.IsZero() {
				w.heard = time.Now()
			}
			if f.cut {
				f.body = f.body[:4<<10] // which is no event, and so a reject
			}
			err = push(f.body)
		case f.kind == "text/disconnect-notice" && f.get("Content-Disposition") != "linger":
			err = notice(f)
		case f.kind == "command/reply":
			if command := w.answered(); command != sign && strings.HasPrefix(f.reply, "-ERR") {
				err = push([]byte(f.reply))
			}
		}
		if err == nil && !w.heard.IsZero() && time.Since(w.heard) > w.heartless {
			err = errors.New("FreeSWITCH answers, but tells nothing any more: even its HEARTBEAT has stopped. Another of its clients may have stopped reading")
		}
		if err != nil {
			return err
		}
	}
}

// isEvent reports whether a frame is one.
func isEvent(f *frame) bool { return strings.HasPrefix(f.kind, "text/event-") }

// notice is why FreeSWITCH ends the connection.
func notice(f *frame) error {
	why, _, _ := strings.Cut(string(bytes.TrimSpace(f.body)), "\n")
	if strings.Contains(why, "lost events") {
		why += " (we read too slowly)"
	}
	return fmt.Errorf("FreeSWITCH ends the connection: %s", why)
}

// close leaves. FreeSWITCH would say goodbye to exit, but nobody would read it.
func (w *wire) close() { _ = w.conn.Close() } // nothing is lost that was not before

// systemOf is what FreeSWITCH calls itself, such as FreeSWITCH 1.11.1. Not everybody may ask.
func (w *wire) systemOf() (string, error) {
	text, err := w.api("version")
	if _, refused := errors.AsType[refusal](err); refused {
		return "FreeSWITCH", nil
	}
	if err != nil {
		return "", err
	}
	return "FreeSWITCH " + version(text), nil
}

// version is 1.11.1 of "FreeSWITCH Version 1.11.1-release~64bit ( 64bit)".
func version(text string) string {
	for word := range strings.FieldsSeq(text) {
		if word[0] >= '0' && word[0] <= '9' {
			if i := strings.IndexAny(word, "-~+"); i > 0 {
				word = word[:i]
			}
			return word
		}
	}
	return ""
}

// neededEvents are those without which no call can be told; otherEvents those without which
// something is missing. CUSTOM is last: whatever follows it is a subclass.
const (
	neededEvents = "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB"
	otherEvents  = "CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_PARK CHANNEL_UNPARK RECORD_START RECORD_STOP MESSAGE HEARTBEAT SHUTDOWN"
	subclasses   = "callcenter::info fifo::info vm::maintenance conference::maintenance valet_parking::info spandsp::rxfaxresult spandsp::txfaxresult " +
		"sofia::register sofia::unregister sofia::expire sofia::register_failure"
)

// events are those to ask for: a quarter of the bytes that a call makes.
func (o *Options) events() []string {
	names := strings.Fields(neededEvents + " " + otherEvents)
	if o.DTMF {
		names = append(names, "DTMF")
	}
	names = append(append(names, "CUSTOM"), strings.Fields(subclasses)...)
	return append(names, o.CustomEvents...)
}
