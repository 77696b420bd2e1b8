package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// silence is after how long a stream that says nothing is taken for dead: the
	// server says that it is alive every 15 seconds.
	silence = 45 * time.Second
	// How long to wait before a stream is opened again.
	firstPause, longestPause = 200 * time.Millisecond, 5 * time.Second
	// longestLine bounds a line of a stream: a request of 4 MiB, escaped.
	longestLine = 32 << 20
)

// A Message is one of a stream of server-sent events.
type Message struct {
	ID   string
	Data []byte
}

// Follow reads a stream and calls fn for each message, one after the other. When
// the connection is lost it is made again, and goes on after the last message:
// each comes once. It ends when ctx does, when the server refuses, or with fn's
// error.
//
// state is told of a connection that was lost, with the reason, and with nil of one
// that is there.
func (c *Client) Follow(ctx context.Context, r Request, state func(error), fn func(Message) error) error {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Accept", "text/event-stream")
	for pause := firstPause; ; {
		opened := false
		err := c.stream(ctx, r, func() {
			opened = true
			state(nil)
		}, func(m Message) error {
			if m.ID != "" {
				r.Header.Set("Last-Event-ID", m.ID)
			}
			if m.Data == nil {
				return nil
			}
			if err := fn(m); err != nil {
				return stopped{err}
			}
			return nil
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // that is how it ends
		}
		if s, ok := errors.AsType[stopped](err); ok {
			return s.error
		}
		refused, _ := errors.AsType[*Error](err)
		if refused != nil && !refused.Temporary() {
			return err
		}
		if opened {
			pause = firstPause
		}
		state(err)
		wait := pause
		if refused != nil {
			wait = max(wait, min(refused.RetryAfter, longestPause))
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		pause = min(2*pause, longestPause)
	}
}

// stopped is the error of who follows.
type stopped struct{ error }

var errSilent = errors.New("the connection has been silent for too long")

// stream reads one connection to its end. A message without data says only where
// the stream is.
func (c *Client) stream(ctx context.Context, r Request, opened func(), fn func(Message) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watch.Stop()
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	opened()
	in, m := bufio.NewReaderSize(resp.Body, 64<<10), Message{}
	for {
		line, err := readLine(in)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return &Unreachable{c.URL, fmt.Errorf("the connection is lost: %w", err)}
		}
		watch.Reset(silence)
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0:
			if m.ID != "" || m.Data != nil {
				if err := fn(m); err != nil {
					return err
				}
			}
			m = Message{}
		case string(name) == "id":
			m.ID = string(value)
		case string(name) == "data" && m.Data == nil:
			m.Data = bytes.Clone(value)
		case string(name) == "data":
			m.Data = append(append(m.Data, '\n'), value...)
		}
	}
}

// readLine reads a line without its end.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if line = append(line, part...); err == nil {
			return bytes.TrimRight(line, "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if len(line) > longestLine {
			return nil, fmt.Errorf("a line of more than %d bytes: %w", longestLine, io.ErrShortBuffer)
		}
	}
}
