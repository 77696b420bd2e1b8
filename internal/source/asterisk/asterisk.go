package asterisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A Connector speaks with Asterisk.
type Connector struct {
	silence time.Duration // that ends a connection
}

// New returns the Connector.
func New() *Connector { return &Connector{silence: silence} }

// Kind is asterisk.
func (*Connector) Kind() string { return "asterisk" }

// Secrets are the options that nobody is shown.
func (*Connector) Secrets() []string { return []string{"secret", "ari.password"} }

// Check names what is wrong with options.
func (*Connector) Check(options map[string]any) error {
	_, err := readOptions(options)
	return err
}

// Run speaks with one Asterisk until ctx ends or the connection does.
func (c *Connector) Run(ctx context.Context, s *switchhook.Source, h source.Host) error {
	o, err := readOptions(s.Options)
	if err != nil {
		return err
	}
	w, err := connect(ctx, o)
	if err != nil {
		return err
	}
	w.silence = c.silence
	stop := context.AfterFunc(ctx, func() { _ = w.conn.Close() }) // so the reader ends
	defer stop()
	defer w.conn.Close() //nolint:errcheck // it has ended
	system, err := w.systemOf()
	if err != nil {
		return err
	}

	queue := h.NewQueue()
	defer queue.Drop()
	ended := make(chan error, 1)
	go func() {
		defer queue.Close()
		ended <- w.read(func(frame []byte) error { return queue.Push(frame, h.Now()) })
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go w.ping(ctx)

	if err := h.Connected(ctx, system, false); err != nil {
		return err
	}
	return (&session{o: o, h: h, w: w, t: newTranslator(o)}).run(ctx, queue, ended)
}

// A session is what happens with the messages of one connection: they are read in the order
// in which they came, and told.
type session struct {
	o       *Options
	h       source.Host
	w       *wire
	t       *translator
	present *present // nil: the lists were told
	asked   bool     // for them
	pongs   int
}

// batch is how many messages are told at once at most.
const batch = 500

func (s *session) run(ctx context.Context, queue *source.Queue, ended <-chan error) error {
	s.present = newPresent(s.t)
	for {
		items, err := queue.Pop(ctx, batch)
		if errors.Is(err, io.EOF) {
			return <-ended
		}
		if err != nil {
			return err
		}
		var facts []source.Fact
		for _, item := range items {
			if facts, err = s.take(ctx, facts, item); err != nil {
				return err
			}
		}
		if len(facts) > 0 {
			if err := s.h.Tell(ctx, facts); err != nil {
				return err
			}
		}
	}
}

// take adds what a message says to the facts.
func (s *session) take(ctx context.Context, facts []source.Fact, item source.Item) ([]source.Fact, error) {
	if len(item.Message) > mostFrame {
		s.h.Reject(ctx, item.Message[:4<<10], fmt.Errorf("the frame is over %d bytes", mostFrame))
		return facts, nil
	}
	m := Parse(item.Message)
	switch {
	case s.present != nil && strings.HasPrefix(m.Get("ActionID"), ofPresent):
		over, err := s.present.list(m, item.At)
		if err != nil {
			return facts, err
		}
		if over {
			at, ok := epoch(m.Get("Timestamp"))
			if !ok {
				at = item.At
			}
			facts, s.present = append(facts, s.present.fact(at)), nil
		}
		return facts, nil
	case m.Get("Event") == "" && m.Get("Response") == "":
		s.h.Reject(ctx, item.Message, errors.New("the frame is neither an event nor an answer"))
		return facts, nil
	}
	for _, f := range s.t.translate(m, item.At) {
		if s.present != nil {
			s.present.apply(f)
		}
		facts = append(facts, f)
	}
	return facts, s.ask(m)
}

// ask asks for what there is, once Asterisk has loaded its modules. It says so with
// FullyBooted, but not to those who may not read the class system; they wait for a while.
func (s *session) ask(m Message) error {
	if m.Get("Ping") == "Pong" {
		s.pongs++
	}
	if s.asked || m.Get("Event") != "FullyBooted" && s.pongs < 3 {
		return nil
	}
	s.asked = true
	return s.w.write(s.present.requests())
}
