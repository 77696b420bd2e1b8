package asterisktest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Classes are what a [Stream] hears of: all that a source needs.
const Classes = "system,call,agent,user,cdr,security,message"

// A Stream is a connection to AMI that keeps every byte that came, from the banner
// on, as a client gets them.
type Stream struct {
	conn net.Conn
	done chan struct{} // closed at the end of the connection

	mu    sync.Mutex
	bytes []byte
	came  chan struct{} // closed and made anew with more bytes
}

// Listen logs in as [User] and hears the events of [Classes]. It ends with the test.
func (s *Server) Listen(tb testing.TB) *Stream {
	tb.Helper()
	return s.listen(tb, User, Classes)
}

func (s *Server) listen(tb testing.TB, user, classes string) *Stream {
	tb.Helper()
	st := s.dial(tb, user, classes)
	st.Await(tb, "Response: Success", "Message: Authentication accepted")
	return st
}

// dial connects and sends the login.
func (s *Server) dial(tb testing.TB, user, classes string) *Stream {
	tb.Helper()
	c, err := new(net.Dialer).DialContext(tb.Context(), "tcp", s.AMI)
	if err != nil {
		tb.Fatal(err)
	}
	st := &Stream{conn: c, done: make(chan struct{}), came: make(chan struct{})}
	go st.read()
	tb.Cleanup(func() {
		_ = c.Close()
		<-st.done
	})
	st.send(tb, "Login", "Username", user, "Secret", Secret, "Events", classes)
	return st
}

func (st *Stream) read() {
	defer close(st.done)
	buffer := make([]byte, 64<<10)
	for {
		n, err := st.conn.Read(buffer)
		st.mu.Lock()
		st.bytes = append(st.bytes, buffer[:n]...)
		close(st.came)
		st.came = make(chan struct{})
		st.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Bytes are all that came so far.
func (st *Stream) Bytes() []byte {
	b, _ := st.now()
	return b
}

// now returns what came, and what is closed when there is more.
func (st *Stream) now() ([]byte, <-chan struct{}) {
	st.mu.Lock()
	defer st.mu.Unlock()
	return bytes.Clone(st.bytes), st.came
}

// A Message is the lines of a reply or an event.
type Message []string

// Get is the value of the first line of a key, or empty.
func (m Message) Get(key string) string {
	for _, line := range m {
		if value, ok := strings.CutPrefix(line, key+": "); ok {
			return value
		}
	}
	return ""
}

// Await waits for a message, from the first on, that has all these lines; a line
// that ends in * is the beginning of one.
func (st *Stream) Await(tb testing.TB, lines ...string) Message {
	tb.Helper()
	m, err := st.await(lines...)
	if err != nil {
		b := st.Bytes()
		tb.Fatalf("%v; what came last:\n%s", err, b[max(0, len(b)-2000):])
	}
	return m
}

// errEnded is that the connection ended before what was waited for.
var errEnded = errors.New("the connection ended")

func (st *Stream) await(lines ...string) (Message, error) {
	has := func(m Message) bool {
		return !slices.ContainsFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(m, func(l string) bool {
				start, open := strings.CutSuffix(line, "*")
				return l == line || open && strings.HasPrefix(l, start)
			})
		})
	}
	end := time.After(patience)
	for ended := false; ; {
		b, more := st.now()
		for text := range strings.SplitSeq(string(b[:max(0, bytes.LastIndex(b, []byte("\r\n\r\n")))]), "\r\n\r\n") {
			if m := Message(strings.Split(text, "\r\n")); has(m) {
				return m, nil
			}
		}
		if ended {
			return nil, fmt.Errorf("%w before %q", errEnded, lines)
		}
		select {
		case <-more:
		case <-st.done:
			ended = true // but look at what came last
		case <-end:
			return nil, fmt.Errorf("waited %v for %q", patience, lines)
		}
	}
}

// Quiet waits until nothing has come for a moment.
func (st *Stream) Quiet(moment time.Duration) {
	end := time.After(patience)
	for {
		_, more := st.now()
		select {
		case <-more:
		case <-time.After(moment):
			return
		case <-end:
			return
		}
	}
}

// ends waits for the end of the connection.
func (st *Stream) ends(tb testing.TB) {
	tb.Helper()
	select {
	case <-st.done:
	case <-time.After(patience):
		tb.Fatalf("the connection does not end:\n%s", st.Bytes())
	}
}

// send sends an action with its keys and values.
func (st *Stream) send(tb testing.TB, action string, pairs ...string) {
	tb.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "Action: %s\r\n", action)
	for pair := range slices.Chunk(pairs, 2) {
		fmt.Fprintf(&text, "%s: %s\r\n", pair[0], pair[1])
	}
	text.WriteString("\r\n")
	err := st.conn.SetWriteDeadline(time.Now().Add(patience))
	if err == nil {
		_, err = st.conn.Write([]byte(text.String()))
	}
	if err != nil {
		tb.Fatalf("send the action %s: %v", action, err)
	}
}

// Do sends an action over a connection of the test's own and returns the reply,
// which must not be an error.
func (s *Server) Do(tb testing.TB, action string, pairs ...string) Message {
	tb.Helper()
	id := fmt.Sprint("rig-", s.asked.Add(1))
	s.manager.send(tb, action, append(slices.Clip(pairs), "ActionID", id)...)
	reply := s.manager.Await(tb, "Response: *", "ActionID: "+id)
	if reply.Get("Response") == "Error" {
		tb.Fatalf("%s %q: %q", action, pairs, reply)
	}
	return reply
}

// Command is what a command of the CLI says.
func (s *Server) Command(tb testing.TB, command string) string {
	tb.Helper()
	var output []string
	for _, line := range s.Do(tb, "Command", "Command", command) {
		if text, ok := strings.CutPrefix(line, "Output: "); ok {
			output = append(output, text)
		}
	}
	return strings.Join(output, "\n")
}
