package line_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/internal/cluster/line"
)

// pair is two ends of a real connection.
func pair(tb testing.TB, a, b line.Serve) (at, bt *line.Line) {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dialled := make(chan net.Conn, 1)
	go func() {
		c, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", l.Addr().String())
		if err != nil {
			tb.Error(err)
		}
		dialled <- c
	}()
	c, err := l.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	at, bt = line.New(c, nil, a), line.New(<-dialled, nil, b)
	tb.Cleanup(at.Close)
	tb.Cleanup(bt.Close)
	return at, bt
}

func say(b []byte) line.Encode { return func(out []byte) []byte { return append(out, b...) } }

func echo(_ context.Context, said []byte) line.Encode { return say(said) }

func silent(ctx context.Context, _ []byte) line.Encode {
	<-ctx.Done()
	return say(nil)
}

// Many calls at a time, both ways, short and long: each gets its own answer.
func TestCalls(t *testing.T) {
	t.Parallel()
	a, b := pair(t, echo, echo)
	var wg sync.WaitGroup
	for _, l := range []*line.Line{a, b} {
		for i := range 50 {
			wg.Go(func() {
				for j := range 20 {
					want := bytes.Repeat(fmt.Appendf(nil, "%d.%d ", i, j), 1+i*i*j)
					got, err := l.Call(t.Context(), say(want))
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("answered %d bytes, %v; want %d", len(got), err, len(want))
					}
				}
			})
		}
	}
	wg.Wait()
}

// Who wants no answer any more says so to the other end.
func TestForget(t *testing.T) {
	t.Parallel()
	why := errors.New("enough")
	started, ended := make(chan struct{}), make(chan struct{})
	a, _ := pair(t, echo, func(ctx context.Context, _ []byte) line.Encode {
		close(started)
		<-ctx.Done()
		close(ended)
		return say(nil)
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-started
		cancel(why)
	}()
	if _, err := a.Call(ctx, say(nil)); !errors.Is(err, why) {
		t.Errorf("the error is %v", err)
	}
	<-ended
}

// A broken line ends what waits at both of its ends, and what comes later.
func TestBroken(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 1)
	a, b := pair(t, echo, func(ctx context.Context, said []byte) line.Encode {
		started <- struct{}{}
		return silent(ctx, said)
	})
	go func() {
		<-started
		b.Close()
	}()
	for range 2 {
		if _, err := a.Call(t.Context(), say([]byte("x"))); !errors.Is(err, line.ErrBroken) {
			t.Errorf("the error is %v", err)
		}
	}
	<-a.Done()
	<-b.Done()
}

// What is no frame breaks the line.
func TestNoFrame(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	l := line.New(ours, nil, echo)
	t.Cleanup(l.Close)
	_, _ = theirs.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	<-l.Done()
	if !errors.Is(l.Err(), line.ErrBroken) {
		t.Error(l.Err())
	}
}

func BenchmarkCall(b *testing.B) {
	l, _ := pair(b, echo, echo)
	request := bytes.Repeat([]byte("x"), 1200)
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := l.Call(b.Context(), say(request)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
