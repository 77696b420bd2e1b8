package sourcetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A Switch is a phone system of few words, on a TCP port of its own. It greets with "hello
// NAME", lets in who says the right secret, tells which legs there are ("leg ID" for each, and
// "all"), and then what happens, a line each. It keeps nothing for those who are away.
type Switch struct {
	Address string

	secret   string
	listener net.Listener
	mu       sync.Mutex
	closed   bool
	legs     []string
	conns    map[net.Conn]bool
	came     chan struct{}
}

// NewSwitch starts a Switch.
func NewSwitch(ctx context.Context, secret string) (*Switch, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Switch{Address: l.Addr().String(), secret: secret, listener: l, conns: map[net.Conn]bool{}, came: make(chan struct{}, 100)}
	go s.accept()
	return s, nil
}

func (s *Switch) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.greet(conn)
	}
}

func (s *Switch) greet(conn net.Conn) {
	_, err := io.WriteString(conn, "hello Lines 1.0\n")
	said, readErr := bufio.NewReader(conn).ReadString('\n')
	if err != nil || readErr != nil || strings.TrimSpace(said) != s.secret {
		_, _ = io.WriteString(conn, "no\n")
		_ = conn.Close()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return
	}
	var all strings.Builder
	all.WriteString("welcome\n")
	for _, leg := range s.legs {
		all.WriteString("leg " + leg + "\n")
	}
	if _, err := io.WriteString(conn, all.String()+"all\n"); err == nil {
		s.conns[conn] = true
		s.came <- struct{}{}
	}
}

// Came is sent to when somebody was let in.
func (s *Switch) Came() <-chan struct{} { return s.came }

// Say tells all who are connected a line: start ID, answer ID or end ID of a leg, or
// anything.
func (s *Switch) Say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	verb, leg, _ := strings.Cut(line, " ")
	switch verb {
	case "start":
		s.legs = append(s.legs, leg)
	case "end":
		for i, known := range s.legs {
			if known == leg {
				s.legs = append(s.legs[:i:i], s.legs[i+1:]...)
				break
			}
		}
	}
	for conn := range s.conns {
		_, _ = io.WriteString(conn, line+"\n")
	}
}

// Cut breaks all connections.
func (s *Switch) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
	}
	clear(s.conns)
}

// Close ends the switch.
func (s *Switch) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Cut()
}

// Lines connects with a Switch. Its options are address and secret.
type Lines struct{}

// Kind is lines.
func (Lines) Kind() string { return "lines" }

// Secrets is the secret.
func (Lines) Secrets() []string { return []string{"secret"} }

// Check wants both options to be texts, and no others.
func (Lines) Check(options map[string]any) error {
	var wrong source.Errors
	for _, name := range [...]string{"address", "secret"} {
		if text, ok := options[name].(string); !ok || text == "" {
			wrong.Add("options."+name, "is missing: expected a text")
		}
	}
	for name := range options {
		if name != "address" && name != "secret" {
			wrong.Add("options."+name, "there is no such option")
		}
	}
	return wrong.Err()
}

// Run reads lines into a queue, and tells them. The line panic is one.
func (Lines) Run(ctx context.Context, s *switchhook.Source, h source.Host) error {
	address, _ := s.Options["address"].(string)
	secret, _ := s.Options["secret"].(string)
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewScanner(conn)
	if !in.Scan() {
		return errors.New("it does not greet")
	}
	system := strings.TrimPrefix(in.Text(), "hello ")
	if _, err := io.WriteString(conn, secret+"\n"); err != nil {
		return err
	}
	if !in.Scan() || in.Text() != "welcome" {
		return switchhook.Errorf(switchhook.CodeUnauthorized, "it does not accept the secret")
	}
	queue, ended := h.NewQueue(), make(chan error, 1)
	go func() {
		defer queue.Close()
		for in.Scan() {
			if err := queue.Push(in.Bytes(), h.Now()); err != nil {
				ended <- err
				return
			}
		}
		ended <- errors.New("it closed the connection")
	}()
	if err := h.Connected(ctx, system, false); err != nil {
		return err
	}
	var present []source.LegStarted
	for {
		items, err := queue.Pop(ctx, 100)
		if errors.Is(err, io.EOF) {
			return <-ended
		}
		if err != nil {
			return err
		}
		var facts []source.Fact
		for _, item := range items {
			at := source.When(item.At)
			verb, leg, _ := strings.Cut(string(item.Message), " ")
			started := source.LegStarted{When: at, Leg: leg, Call: leg, Trunk: true, Caller: source.Line{Number: "+12025550143"}, Dialed: "+12025550100"}
			switch verb {
			case "leg":
				present = append(present, started)
			case "all":
				facts = append(facts, source.Present{When: at, Legs: present})
			case "start":
				facts = append(facts, started)
			case "answer":
				facts = append(facts, source.LegAnswered{When: at, Leg: leg})
			case "end":
				facts = append(facts, source.LegEnded{When: at, Leg: leg, Q850: 16})
			case "say":
				facts = append(facts, source.Custom{When: at, Name: leg, Data: []byte(`{}`)})
			case "panic":
				panic("the switch said so")
			default:
				h.Reject(ctx, item.Message, fmt.Errorf("there is no verb %q", verb))
			}
		}
		if len(facts) > 0 {
			if err := h.Tell(ctx, facts); err != nil {
				return err
			}
		}
	}
}
