//go:build unix

package faults

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"
)

// A relay stands between a process and its database, and can come between them.
type relay struct {
	listener net.Listener
	to       string // host:port
	done     sync.WaitGroup

	mu    sync.Mutex
	moved *sync.Cond
	state relaying
	at    []byte // what the process says when the relay is to stall
	conns map[net.Conn]struct{}
	lost  net.Conn // from the process: the one that nothing gets through any more
	ended bool
}

type relaying int

const (
	passing  relaying = iota
	stalled           // connections stay, and nothing gets through: a network that swallows all
	severed           // connections are reset, and new ones too
	watching          // passes until the process says something, then stalls before that
	losing            // the same, and then only that connection stalls, for ever
	cutting           // that gets through, its answer does not: the connection is reset
)

// cutAfter is how long the server has for what it was told last.
const cutAfter = 50 * time.Millisecond

// newRelay returns a relay and the database's URL through it.
func newRelay(ctx context.Context, database string) (*relay, string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, "", err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	r := &relay{listener: listener, to: u.Host, conns: map[net.Conn]struct{}{}}
	r.moved = sync.NewCond(&r.mu)
	r.done.Go(func() { r.accept(context.WithoutCancel(ctx)) })
	u.Host = listener.Addr().String()
	return r, u.String(), nil
}

// is changes what the relay does.
func (r *relay) is(state relaying) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = state
	if state == severed {
		r.reset()
	}
	r.moved.Broadcast()
}

// isAt changes to watching, losing or cutting: what is to happen when the process says something.
func (r *relay) isAt(said string, state relaying) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.state = []byte(said), state
}

// happened reports whether that has happened.
func (r *relay) happened() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == passing || r.state == stalled
}

// reset resets all connections. mu is held.
func (r *relay) reset() {
	for c := range r.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

func (r *relay) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	r.ended = true
	r.reset()
	r.moved.Broadcast()
	r.mu.Unlock()
	r.done.Wait()
}

func (r *relay) accept(ctx context.Context) {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.done.Go(func() { r.serve(ctx, c) })
	}
}

// serve relays one connection.
func (r *relay) serve(ctx context.Context, from net.Conn) {
	if !r.keep(from) {
		return
	}
	defer r.drop(from)
	if !r.passes(from, nil) {
		return
	}
	var d net.Dialer
	to, err := d.DialContext(ctx, "tcp", r.to)
	if err != nil || !r.keep(to) {
		return
	}
	defer r.drop(to)
	back := make(chan struct{})
	go func() {
		defer close(back)
		r.copy(from, to, from)
	}()
	r.copy(to, from, from)
	<-back
}

// keep reports whether the connection is to be served.
func (r *relay) keep(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.state == severed {
		_ = c.Close()
		return false
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *relay) drop(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
	_ = c.Close()
}

// passes waits until something gets through on a connection from the process. false: never.
func (r *relay) passes(on net.Conn, said []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(said) > 0 && bytes.Contains(said, r.at) {
		switch r.state {
		case watching:
			r.state = stalled
		case losing:
			r.state, r.lost = passing, on
		case cutting:
			r.state, r.lost = passing, on
			time.AfterFunc(cutAfter, func() { _ = on.Close() })
			return true
		case passing, stalled, severed:
		}
	}
	for (r.state == stalled || r.lost == on) && !r.ended {
		r.moved.Wait()
	}
	return !r.ended && r.state != severed
}

// copy passes on what one side says, its end too.
func (r *relay) copy(to, from, process net.Conn) {
	defer to.Close()
	defer from.Close()
	for b := make([]byte, 64<<10); ; {
		n, err := from.Read(b)
		said := b[:n]
		if from != process {
			said = nil
		}
		if !r.passes(process, said) {
			return
		}
		if n > 0 {
			if _, werr := to.Write(b[:n]); werr != nil {
				err = errors.Join(err, werr)
			}
		}
		if err != nil {
			return
		}
	}
}
