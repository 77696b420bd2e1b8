// Package line carries calls and their answers over one connection, both ways, many at a
// time. HTTP/2 does as much and costs five times the CPU for each call. What is said while
// an earlier write is on its way goes out with the next one: the busier, the cheaper.
//
// A frame is its length, its kind and the call's number, then what is said:
//
//	uint32 length of all that follows | byte kind | uint64 call | …
package line

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// An Encode appends what is said to b.
type Encode func(b []byte) []byte

// A Serve answers a call of the other end, on a goroutine of its own. ctx ends with the
// line, or when the caller wants no answer any more.
type Serve func(ctx context.Context, call []byte) Encode

// ErrBroken is that the line ended before the answer came. Whether the call was heard is unknown.
var ErrBroken = errors.New("the line is broken")

// The kinds of frames.
const (
	call byte = iota
	answer
	forget // the answer is not wanted any more
)

const (
	header       = 4 + 1 + 8
	longest      = 64 << 20 // of a frame
	mostUnsent   = 4 << 20  // bytes that wait for the connection before callers do
	writeTimeout = 10 * time.Second
)

// A Line is one end. It is safe for concurrent use.
type Line struct {
	conn  net.Conn
	serve Serve

	ctx    context.Context //nolint:containedctx // the line's life, which ends what it serves
	cancel context.CancelCauseFunc
	wake   chan struct{}

	mu     sync.Mutex
	room   sync.Cond
	out    []byte // frames that wait
	next   uint64
	calls  map[uint64]chan []byte
	served map[uint64]context.CancelFunc
}

// New is the end at conn, which it closes. in is where it reads; nil: conn.
func New(conn net.Conn, in *bufio.Reader, serve Serve) *Line {
	if in == nil {
		in = bufio.NewReaderSize(conn, 64<<10)
	}
	l := &Line{conn: conn, serve: serve, wake: make(chan struct{}, 1), calls: map[uint64]chan []byte{}, served: map[uint64]context.CancelFunc{}}
	l.room.L = &l.mu
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	go func() { l.end(l.read(in)) }()
	go func() { l.end(l.write()) }()
	return l
}

// Done is closed when the line is broken; Err says why.
func (l *Line) Done() <-chan struct{} { return l.ctx.Done() }

// Err is why the line ended: it wraps ErrBroken.
func (l *Line) Err() error { return context.Cause(l.ctx) }

// Close ends the line. Calls that wait for their answer get ErrBroken.
func (l *Line) Close() { l.end(net.ErrClosed) }

func (l *Line) end(why error) {
	l.cancel(fmt.Errorf("%w: %w", ErrBroken, why))
	_ = l.conn.Close() // it is done with
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room.Broadcast()
}

// Call says something and waits for the answer: ErrBroken, or the cause of ctx, after
// which the other end's ctx ends too.
func (l *Line) Call(ctx context.Context, what Encode) ([]byte, error) {
	answered := make(chan []byte, 1)
	l.mu.Lock()
	l.next++
	id := l.next
	l.calls[id] = answered
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.calls, id)
	}()
	if !l.say(call, id, what) {
		return nil, l.Err()
	}
	select {
	case a := <-answered:
		return a, nil
	case <-l.ctx.Done():
		return nil, l.Err()
	case <-ctx.Done():
		l.say(forget, id, nil)
		return nil, context.Cause(ctx)
	}
}

// say puts a frame among those that wait, and reports whether the line still stands.
func (l *Line) say(kind byte, id uint64, what Encode) bool {
	l.mu.Lock()
	for len(l.out) > mostUnsent && l.ctx.Err() == nil {
		l.room.Wait()
	}
	start := len(l.out)
	l.out = append(l.out, 0, 0, 0, 0, kind)
	l.out = binary.BigEndian.AppendUint64(l.out, id)
	if what != nil {
		l.out = what(l.out)
	}
	binary.BigEndian.PutUint32(l.out[start:], uint32(len(l.out)-start-4)) //nolint:gosec // bodies are bounded far below
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // it is awake
	}
	return l.ctx.Err() == nil
}

func (l *Line) write() error {
	var spare []byte
	for {
		select {
		case <-l.wake:
		case <-l.ctx.Done():
			return nil
		}
		l.mu.Lock()
		b := l.out
		l.out = spare[:0]
		l.room.Broadcast()
		l.mu.Unlock()
		if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := l.conn.Write(b); err != nil {
			return err
		}
		if spare = b; cap(spare) > 1<<20 {
			spare = nil
		}
	}
}

func (l *Line) read(in *bufio.Reader) error {
	var head [header]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return err
		}
		n := int(binary.BigEndian.Uint32(head[:])) - (header - 4)
		if n < 0 || n > longest {
			return fmt.Errorf("a frame of %d bytes", n)
		}
		said := make([]byte, n)
		if _, err := io.ReadFull(in, said); err != nil {
			return err
		}
		l.heard(head[4], binary.BigEndian.Uint64(head[5:]), said)
	}
}

func (l *Line) heard(kind byte, id uint64, said []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch kind {
	case call:
		ctx, cancel := context.WithCancel(l.ctx)
		l.served[id] = cancel
		go func() {
			what := l.serve(ctx, said)
			cancel()
			l.mu.Lock()
			delete(l.served, id)
			l.mu.Unlock()
			l.say(answer, id, what)
		}()
	case answer:
		if to := l.calls[id]; to != nil {
			select {
			case to <- said:
			default: // a second answer to one call
			}
		}
	case forget:
		if cancel := l.served[id]; cancel != nil {
			cancel()
		}
	}
}
