// Package freeswitchtest is the event socket of a FreeSWITCH, for tests: it speaks the
// protocol, plays recorded events, and answers commands as it is told. It is no FreeSWITCH: it
// knows nothing of calls. The protocol is that which a FreeSWITCH 1.11.1 was seen to speak.
package freeswitchtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options say what a Server is like. All may be left out.
type Options struct {
	Password string             // of auth; empty: secret
	User     string             // of userauth, as user@domain:password
	May      []string           // Allowed-Events of that user; nil: all
	MayAPI   []string           // Allowed-API; nil: all
	Rude     bool               // turns everybody away
	Greeting string             // in place of the usual one
	Answers  map[string]string  // to commands of api and bgapi; others are not found
	Piece    int                // so many bytes are written at once; 0: all
	Core     string             // Core-UUID of the events that are made here
	Hold     string             // a command in the background that is answered when Release is called
	Time     int64              // seconds since 1970, of the events that are made here; 0: now
	Job      func(event []byte) // gets the answers to commands in the background, in place of the client
	Deaf     bool               // answers nothing once events were asked for
}

// CoreUUID is that of the recorded streams.
const CoreUUID = "67c3404c-b668-4d7d-a04b-fd5f819773e8"

// A Server is an event socket on loopback.
type Server struct {
	Options
	Address string

	listener net.Listener
	clients  chan *Client
	wg       sync.WaitGroup
	mu       sync.Mutex // of Answers
	held     chan struct{}
}

// Start starts a Server that ends with the test.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	if o.Password == "" {
		o.Password = "secret"
	}
	if o.Core == "" {
		o.Core = CoreUUID
	}
	s := &Server{Options: o, Address: l.Addr().String(), listener: l, clients: make(chan *Client, 16), held: make(chan struct{})}
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	tb.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		s.wg.Wait()
	})
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			s.wg.Go(func() { s.serve(conn) })
		}
	})
	return s
}

// Set changes an answer.
func (s *Server) Set(command, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Answers[command] = answer
}

// Restart has another Core-UUID from then on.
func (s *Server) Restart(core string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Core = core
}

func (s *Server) core() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Core
}

func (s *Server) now() time.Time {
	if s.Time != 0 {
		return time.Unix(s.Time, 0)
	}
	return time.Now()
}

// Release lets the command be answered that was held.
func (s *Server) Release() { close(s.held) }

// Next waits for a client that has subscribed to events.
func (s *Server) Next(tb testing.TB) *Client {
	tb.Helper()
	select {
	case c := <-s.clients:
		return c
	case <-time.After(20 * time.Second):
		tb.Fatal("nobody has subscribed to events")
		return nil
	}
}

// A Client is one connection.
type Client struct {
	server *Server
	conn   net.Conn
	user   bool

	mu     sync.Mutex
	events []string // that it asked for
	plain  bool
	given  []string // commands
	asked  chan struct{}
	first  bool
	gone   chan struct{}
}

func (s *Server) serve(conn net.Conn) {
	c := &Client{server: s, conn: conn, asked: make(chan struct{}, 1), gone: make(chan struct{})}
	defer close(c.gone)
	defer conn.Close()
	switch {
	case s.Rude:
		_ = c.write("Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n")
		c.Notice("Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n")
		return
	case s.Greeting != "":
		_ = c.write(s.Greeting)
	default:
		_ = c.write("Content-Type: auth/request\n\n")
	}
	in := bufio.NewReader(conn)
	for {
		command, err := readCommand(in)
		if err != nil {
			return
		}
		if !c.do(command) {
			return
		}
	}
}

// readCommand reads lines up to an empty one.
func readCommand(in *bufio.Reader) (string, error) {
	var lines []string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" && len(lines) > 0 {
			return strings.Join(lines, "\n"), nil
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
}

// do answers a command, and reports whether the connection goes on.
func (c *Client) do(command string) bool {
	name, rest, _ := strings.Cut(command, " ")
	c.mu.Lock()
	c.given = append(c.given, command)
	deaf := c.server.Deaf && c.first
	c.mu.Unlock()
	if deaf {
		return true
	}
	switch name {
	case "auth":
		return c.let(rest == c.server.Password, "")
	case "userauth":
		c.user = true
		extra := ""
		if c.server.May != nil {
			extra = "Allowed-Events: " + strings.Join(c.server.May, " ") + "\nAllowed-API: " + strings.Join(c.server.MayAPI, " ") + "\nAllowed-LOG: true\n"
		}
		return c.let(rest == c.server.User, extra)
	case "event":
		c.subscribe(strings.Fields(rest))
	case "nolog": // nothing was logged
		c.reply("-ERR not loging")
	case "exit":
		c.reply("+OK bye")
		return false
	case "api":
		if !c.mayAPI(rest) {
			c.reply("-ERR permission denied")
			break
		}
		answer := c.server.answer(rest)
		_ = c.write(fmt.Sprintf("Content-Type: api/response\nContent-Length: %d\n\n%s", len(answer), answer))
	case "bgapi":
		c.job(rest)
	default:
		c.reply("-ERR command not found")
	}
	return true
}

func (c *Client) let(in bool, extra string) bool {
	if !in {
		c.reply("-ERR invalid")
		c.Notice("Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n")
		return false
	}
	text := "Reply-Text: +OK accepted\n" + extra + "\n"
	_ = c.write("Content-Type: command/reply\n" + text[:min(len(text), mostReply)])
	return true
}

// mostReply is how much FreeSWITCH answers to userauth: what is longer is cut, and has no end.
const mostReply = 511

func (c *Client) mayAPI(command string) bool {
	name, _, _ := strings.Cut(command, " ")
	return !c.user || c.server.MayAPI == nil || slices.Contains(c.server.MayAPI, name)
}

func (c *Client) subscribe(names []string) {
	if len(names) < 2 {
		c.reply("-ERR no keywords supplied")
		return
	}
	for _, name := range names[1:] {
		if c.user && c.server.May != nil && !slices.Contains(c.server.May, name) {
			c.reply("-ERR permission denied")
			return
		}
	}
	c.mu.Lock()
	c.plain, c.events = names[0] == "plain", append(c.events, names[1:]...)
	first := !c.first
	c.first = true
	c.mu.Unlock()
	c.reply("+OK event listener enabled " + names[0])
	if first {
		c.server.clients <- c
	}
}

func (s *Server) answer(command string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer, ok := s.Answers[command]; ok {
		return answer
	}
	switch {
	case strings.HasPrefix(command, "show "):
		return `{"row_count": 0}`
	case command == "version":
		return "FreeSWITCH Version 1.11.1-release~64bit ( 64bit)\n"
	}
	name, _, _ := strings.Cut(command, " ")
	return "-ERR " + name + " Command not found!\n"
}

// job does a command in the background: its answer is an event.
func (c *Client) job(text string) {
	command, id, _ := strings.Cut(text, "\nJob-UUID: ")
	if !c.mayAPI(command) {
		c.reply("-ERR permission denied")
		return
	}
	_ = c.write("Content-Type: command/reply\nReply-Text: +OK Job-UUID: " + id + "\nJob-UUID: " + id + "\n\n")
	select {
	case c.asked <- struct{}{}:
	default:
	}
	if command != c.server.Hold {
		c.result(id, command)
		return
	}
	c.server.wg.Go(func() { // as FreeSWITCH does: other commands are answered meanwhile
		select {
		case <-c.server.held:
			c.result(id, command)
		case <-c.gone:
		}
	})
}

// result is what a command in the background led to.
func (c *Client) result(id, command string) {
	answer := c.server.answer(command)
	send := c.server.Job
	if send == nil {
		send = func(event []byte) { c.Send(event) }
	}
	send(Event("BACKGROUND_JOB", "Job-UUID", id, "Job-Command", command, "Content-Length", strconv.Itoa(len(answer)), "_body", answer, "Core-UUID", c.server.core(),
		"Event-Date-Timestamp", strconv.FormatInt(c.server.now().UnixMicro(), 10)))
}

// Asked waits until the client has given a command in the background that begins like this.
func (c *Client) Asked(tb testing.TB, command string) {
	tb.Helper()
	for {
		c.mu.Lock()
		given := slices.ContainsFunc(c.given, func(g string) bool { return strings.HasPrefix(g, "bgapi "+command) })
		c.mu.Unlock()
		if given {
			return
		}
		select {
		case <-c.asked:
		case <-time.After(20 * time.Second):
			tb.Fatalf("%s was not asked for, but %q", command, c.given)
		}
	}
}

// Gone is closed when the client has ended the connection.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// Given are all commands so far.
func (c *Client) Given() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.given)
}

func (c *Client) reply(text string) {
	_ = c.write("Content-Type: command/reply\nReply-Text: " + text + "\n\n")
}

// Notice says goodbye as FreeSWITCH does.
func (c *Client) Notice(text string) {
	_ = c.write(fmt.Sprintf("Content-Type: text/disconnect-notice\nContent-Length: %d\n\n%s", len(text), text))
}

// Close ends the connection, once the other side has read all that was written: a close with
// something of its own unread would take that away (RFC 9293 3.10.7.1).
func (c *Client) Close() {
	if half, ok := c.conn.(*net.TCPConn); ok {
		_ = half.CloseWrite()
		return // serve closes it when the other side does
	}
	_ = c.conn.Close()
}

// Send sends events in JSON, of those that the client has asked for, in the form in which it
// did.
func (c *Client) Send(events ...[]byte) {
	var b bytes.Buffer
	c.mu.Lock()
	for _, e := range events {
		if c.wants(e) {
			c.frame(&b, e)
		}
	}
	c.mu.Unlock()
	_ = c.write(b.String())
}

// Write writes whatever is given.
func (c *Client) Write(data string) error { return c.write(data) }

func (c *Client) frame(b *bytes.Buffer, event []byte) {
	kind := "text/event-json"
	if c.plain {
		kind, event = "text/event-plain", Plain(event)
	}
	fmt.Fprintf(b, "Content-Length: %d\nContent-Type: %s\n\n%s", len(event), kind, event)
}

// wants reports whether an event is one that was asked for. Whatever follows CUSTOM is a
// subclass.
func (c *Client) wants(event []byte) bool {
	var e struct {
		Name     string `json:"Event-Name"`
		Subclass string `json:"Event-Subclass"`
	}
	if json.Unmarshal(event, &e) != nil {
		return false
	}
	custom := slices.Index(c.events, "CUSTOM")
	switch {
	case e.Name == "CUSTOM":
		return custom >= 0 && slices.Contains(c.events[custom:], e.Subclass)
	case custom >= 0:
		return slices.Contains(c.events[:custom], e.Name)
	}
	return slices.Contains(c.events, e.Name)
}

func (c *Client) write(data string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.conn.SetWriteDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	for piece := c.server.Piece; piece > 0 && len(data) > piece; data = data[piece:] {
		if _, err := c.conn.Write([]byte(data[:piece])); err != nil {
			return err
		}
	}
	_, err := c.conn.Write([]byte(data))
	return err
}

// Event makes an event in JSON of its name and pairs of fields and values. A name with :: is a
// subclass of CUSTOM.
func Event(name string, fields ...string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Event-Name":`)
	if strings.Contains(name, "::") {
		b.WriteString(`"CUSTOM","Event-Subclass":`)
	}
	text, _ := json.Marshal(name)
	b.Write(text)
	for i := 0; i+1 < len(fields); i += 2 {
		field, _ := json.Marshal(fields[i])
		value, _ := json.Marshal(fields[i+1])
		fmt.Fprintf(&b, ",%s:%s", field, value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// Plain is an event in plain text: names as they are, values percent-encoded, and after an
// empty line the body.
func Plain(event []byte) []byte {
	in := json.NewDecoder(bytes.NewReader(event))
	var b bytes.Buffer
	body := ""
	if _, err := in.Token(); err != nil {
		return nil
	}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil
		}
		var value any
		if err := in.Decode(&value); err != nil {
			return nil
		}
		if list, is := value.([]any); is {
			all := make([]string, len(list))
			for i, v := range list {
				all[i] = fmt.Sprint(v)
			}
			value = "ARRAY::" + strings.Join(all, "|:")
		}
		if name == "_body" {
			body = fmt.Sprint(value)
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", name, strings.ReplaceAll(url.QueryEscape(fmt.Sprint(value)), "+", "%20"))
	}
	b.WriteString("\n" + body)
	return b.Bytes()
}
