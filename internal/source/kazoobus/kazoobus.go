// Package kazoobus reads the bus of 2600Hz KAZOO, which is RabbitMQ: what Kazoo's webhooks
// say (package kazoo), and what they do not: queues and agents, conferences, how far a fax
// is, each telephone's registration. Kazoo's own listeners keep 100 messages for a minute
// and lose what is under way when they end; this one has a queue of its own that lasts, and
// says that it has read a message once all that follows from it is committed. So a message
// can come twice, which makes nothing new.
//
// ask.go asks which channels there are, after an outage of the server; wire.go is the connection, channel.go makes facts of legs of what is said of channels,
// translate.go and acdc.go of all else (they are pure and read like tables).
package kazoobus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A Connector speaks with Kazoo's bus.
type Connector struct {
	pace pace

	mu       sync.Mutex
	memories map[string]*remembered // by source
}

// New returns the Connector.
func New() *Connector { return &Connector{pace: usualPace(), memories: map[string]*remembered{}} }

// Kind is kazoo_bus.
func (*Connector) Kind() string { return "kazoo_bus" }

// Secrets are the options that nobody is shown. URLs have passwords in them.
func (*Connector) Secrets() []string { return []string{"url", "password", "zones"} }

// Check names what is wrong with options.
func (*Connector) Check(options map[string]any) error {
	_, err := readOptions(options)
	return err
}

// Run reads the bus until ctx ends or the connection does. The servers of other zones have
// connections of their own, which come and go by themselves.
func (c *Connector) Run(ctx context.Context, s *switchhook.Source, h source.Host) error {
	o, err := readOptions(s.Options)
	if err != nil {
		return err
	}
	r := &reader{
		o: o, h: h, t: newTranslator(o, s.AccountMap), queue: o.queueOf(s.ID), name: "switchhook " + s.ID,
		memory: c.memoryOf(s.ID), zones: map[string]string{}, lines: map[*bus]*source.Queue{}, pace: c.pace, gaps: make(chan struct{}, 1),
	}
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	return r.read(ctx, o.URL, func(b *bus) error {
		if err := r.connected(ctx, b); err != nil {
			return err
		}
		for zone, url := range o.Zones {
			others.Go(func() { r.readZone(ctx, zone, url) })
		}
		if o.reconciles() {
			others.Go(func() { _ = r.guarded(func() error { r.reconcile(ctx); return nil }) })
		}
		return nil
	})
}

// queueOf is the name of a source's queue.
func (o *Options) queueOf(source string) string {
	if o.Queue != "" {
		return o.Queue
	}
	return "switchhook-" + source
}

func (c *Connector) memoryOf(id string) *remembered {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.memories[id] == nil {
		c.memories[id] = &remembered{}
	}
	return c.memories[id]
}

// A reader reads the servers of one source.
type reader struct {
	o           *Options
	h           source.Host
	t           *translator
	queue, name string
	memory      *remembered
	pace        pace
	gaps        chan struct{} // a server has not kept what came; capacity 1

	mu    sync.Mutex
	main  *bus
	zones map[string]string      // how the servers of other zones stand
	lines map[*bus]*source.Queue // of all servers that are connected
}

// connected says that the first server has let us in.
func (r *reader) connected(ctx context.Context, b *bus) error {
	r.mu.Lock()
	r.main = b
	r.mu.Unlock()
	return r.h.Connected(ctx, r.system(), b.kept)
}

// system is what the status says of all servers.
func (r *reader) system() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := []string{r.main.described()}
	for _, zone := range slices.Sorted(maps.Keys(r.zones)) {
		all = append(all, "zone "+zone+": "+r.zones[zone])
	}
	return strings.Join(all, "; ")
}

const firstPause, lastPause = time.Second, 30 * time.Second

// readZone reads the server of another zone, again and again, until ctx ends.
func (r *reader) readZone(ctx context.Context, zone, url string) {
	pause := firstPause
	for ctx.Err() == nil {
		err := r.guarded(func() error {
			return r.read(ctx, url, func(b *bus) error {
				pause = firstPause
				r.stands(ctx, zone, b.described())
				return nil
			})
		})
		if ctx.Err() != nil {
			return
		}
		r.stands(ctx, zone, "is away: "+err.Error())
		select {
		case <-time.After(time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64()))): //nolint:gosec // nobody guesses it
		case <-ctx.Done():
		}
		pause = min(2*pause, lastPause)
	}
}

// stands notes how the server of a zone stands.
func (r *reader) stands(ctx context.Context, zone, how string) {
	r.mu.Lock()
	news := r.zones[zone] != how
	r.zones[zone] = how
	r.mu.Unlock()
	if news {
		_ = r.h.Connected(ctx, r.system(), true) // it is connected, so that only the name changes
	}
}

// guarded makes an error of a panic.
func (*reader) guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err = do(); err == nil {
		err = errors.New("the connection ended")
	}
	return err
}
