package asterisk

import (
	"context"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A Connector speaks with Asterisk.
type Connector struct {
	silence time.Duration // that ends a connection
	doors   doors

	mu   sync.Mutex
	told map[string]time.Time // by source: up to when an earlier session told all
}

// New returns the Connector.
func New() *Connector { return &Connector{silence: silence, told: map[string]time.Time{}} }

// Kind is asterisk.
func (*Connector) Kind() string { return "asterisk" }

// Secrets are the options that nobody is shown.
func (*Connector) Secrets() []string { return []string{"secret", "ari.password"} }

// Check names what is wrong with options.
func (*Connector) Check(options map[string]any) error {
	_, err := readOptions(options)
	return err
}

// Run speaks with one Asterisk until ctx ends or the connection does. The messages of AMI
// and ARI meet in one queue, as they come.
func (c *Connector) Run(ctx context.Context, s *switchhook.Source, h source.Host) error {
	o, err := readOptions(s.Options)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := h.NewQueue()
	defer queue.Drop()
	n := newSession(o, h, c.toldUntil(s.ID))
	n.push = func(message []byte) error { return queue.Push(message, h.Now()) }
	ended := make(chan error, 2) // why AMI and ARI did; either ends both
	read := func(read func() error) {
		ended <- read()
		queue.Close()
	}

	var system string
	var kept bool
	if o.Address != "" {
		if n.w, err = connect(ctx, o); err != nil {
			return err
		}
		defer context.AfterFunc(ctx, n.w.close)() // so that the reader ends
		defer n.w.close()
		if system, err = n.w.systemOf(); err != nil {
			return err
		}
		n.w.silence = c.silence
		go read(func() error { return n.w.read(n.push) })
		go n.w.ping(ctx)
	}
	if o.ARI != nil {
		next, err := c.sockets(ctx, s.ID, o.ARI)
		if err != nil {
			return err
		}
		if o.Address != "" {
			go read(func() error { return n.beside(ctx, next, c.silence) })
		} else if system, kept, err = n.alone(ctx, next, c.silence, read); err != nil {
			return err
		}
	}
	if err := h.Connected(ctx, system, kept); err != nil {
		return err
	}
	err = n.run(ctx, queue, ended)
	c.tellUntil(s.ID, n.until)
	return err
}

// toldUntil is the time up to which earlier sessions of a source have told all.
func (c *Connector) toldUntil(id string) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told[id]
}

func (c *Connector) tellUntil(id string, t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.told[id]) {
		c.told[id] = t
	}
}

// A next waits for a WebSocket of ARI, or opens one.
type next func(ctx context.Context, push func(message []byte) error) (*socket, error)

func (c *Connector) sockets(ctx context.Context, id string, o *ARIOptions) (next, error) {
	if o.URL != "" {
		return func(ctx context.Context, push func([]byte) error) (*socket, error) { return dialARI(ctx, o, push) }, nil
	}
	d := c.doors.open(ctx, id, o)
	if o.Listen != "" {
		if err := d.listen(ctx, o.Listen); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, push func([]byte) error) (*socket, error) {
		select {
		case conn := <-d.arrived:
			return newSocket(conn, push), nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}, nil
}
