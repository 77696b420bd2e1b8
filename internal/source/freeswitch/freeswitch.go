package freeswitch

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A Connector speaks with FreeSWITCH.
type Connector struct {
	silence time.Duration // that ends a connection
	inboxes inboxes
}

var _ source.Inbox = (*Connector)(nil)

// New returns the Connector.
func New() *Connector { return &Connector{silence: silence} }

// Kind is freeswitch.
func (*Connector) Kind() string { return "freeswitch" }

// Secrets are the options that nobody is shown.
func (*Connector) Secrets() []string { return []string{"password", "amqp.url"} }

// Check names what is wrong with options.
func (*Connector) Check(options map[string]any) error {
	_, err := readOptions(options)
	return err
}

// Run speaks with one FreeSWITCH until ctx ends or the connection does. Whatever comes meets in
// one queue, in order. The reader of the event socket never waits: when the queue is full,
// it closes the connection.
func (c *Connector) Run(ctx context.Context, s *switchhook.Source, h source.Host) error {
	o, err := readOptions(s.Options)
	if err != nil {
		return err
	}
	if o.AMQP != nil {
		o.AMQP.Queue = cmp.Or(o.AMQP.Queue, "switchhook-"+s.ID)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := h.NewQueue()
	defer queue.Drop()
	push := (&pusher{queue: queue, h: h}).push // the bus and the event socket both do
	if o.AMQP == nil {
		defer c.inboxes.enter(ctx, s.ID, h)()
	}
	w, err := connect(ctx, o)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, w.close)() // so that the reader ends
	defer w.close()
	w.silence = c.silence
	system, err := w.systemOf()
	if err != nil {
		return err
	}
	ended := make(chan error, 2) // why the event socket and the bus did; either ends both
	read := func(read func() error, leave func()) {
		err := read()
		leave() // at once: FreeSWITCH must not wait for us
		ended <- err
		queue.Close()
	}
	kept, done := false, func([]source.Item) error { return nil }
	if o.AMQP == nil {
		if _, err := w.subscribe(o); err != nil { // before the lists, so that nothing is between them and the events
			return err
		}
	} else {
		b, err := o.AMQP.open(ctx)
		if err != nil {
			return err
		}
		defer b.close()
		kept, done = b.kept, b.done
		go read(func() error { return b.pass(push) }, b.close)
	}
	go read(func() error { return w.read(push) }, w.close)
	go w.ping(ctx)
	if err := h.Connected(ctx, system, kept); err != nil {
		return err
	}
	n := newSession(o, s.AccountMap, h, w, uuid.NewString())
	if n.spooled, err = spooled(ctx, o.CDRSpool, h); err != nil {
		return err
	}
	if o.AMQP != nil { // what is told of a leg's end lies in RabbitMQ, maybe far behind
		leave := func() {}
		n.ready = func() { leave = c.inboxes.enter(ctx, s.ID, h) }
		defer func() { leave() }()
	}
	return n.run(ctx, queue, ended, done)
}

// A pusher lets several push into one queue.
type pusher struct {
	mu    sync.Mutex
	queue *source.Queue
	h     source.Host
}

func (p *pusher) push(message []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.Push(message, p.h.Now())
}
