package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// A Conn is a connection over which a phone system tells what happens. It notices that the
// other side is gone, and knows words for the operator for each way in which it ends.
type Conn struct {
	net.Conn
	System   string        // who is at the other end, such as Asterisk
	Closed   string        // what to look for if they close it, such as "it stopped, or …"
	Patience time.Duration // how long they may take to read what is written
}

// grace is for what may have come while we were stopped.
const grace = time.Second

// Within says how long the other side may be silent from now on.
func (c *Conn) Within(d time.Duration) error {
	return c.Explained(c.SetReadDeadline(time.Now().Add(d)))
}

// Read reads from the connection. Time that has passed says nothing if this process was
// stopped, or the machine slept: then the other side has spoken, and it lies there.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	if err := c.SetReadDeadline(time.Now().Add(grace)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Send writes a text.
func (c *Conn) Send(s string) error {
	if err := c.SetWriteDeadline(time.Now().Add(c.Patience)); err != nil {
		return c.Explained(err)
	}
	_, err := io.WriteString(c.Conn, s)
	return c.Explained(err)
}

// KeepAlive sends a sign of life, which the other side answers, three times in as long as it
// may be silent. It ends with ctx, or with the connection.
func (c *Conn) KeepAlive(ctx context.Context, silence time.Duration, sign func() error) {
	ticker := time.NewTicker(silence / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if sign() != nil {
				return // the reader finds out
			}
		case <-ctx.Done():
			return
		}
	}
}

// Explained says why the connection ended.
func (c *Conn) Explained(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s is silent: %w", c.System, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%s closed the connection (%s): %w", c.System, c.Closed, err)
	default:
		return err
	}
}
