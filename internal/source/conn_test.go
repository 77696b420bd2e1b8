package source

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// This process was stopped for longer than the other side may be silent. It was not: what it
// said lies there, half a word at first.
func TestWhatCameMeanwhileIsRead(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	go func() {
		_, _ = io.WriteString(there, "Fully")
		_, _ = io.WriteString(there, "Booted")
		_ = there.Close()
	}()
	c := &Conn{Conn: here, System: "Asterisk", Closed: "it stopped"}
	if err := c.Within(-time.Hour); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(c); err != nil || string(text) != "FullyBooted" {
		t.Errorf("%q %v", text, err)
	}
	if err := c.Explained(io.EOF); !errors.Is(err, io.EOF) || err.Error() != "Asterisk closed the connection (it stopped): EOF" {
		t.Error(err)
	}
}

// A side that says nothing, and does not read, has ended.
func TestSilence(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	defer func() { _, _ = here.Close(), there.Close() }()
	c := &Conn{Conn: here, System: "Asterisk", Patience: time.Millisecond}
	if err := c.Within(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read(make([]byte, 1))
	for _, err := range []error{c.Explained(err), c.Send("Action: Ping")} {
		if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(err.Error(), "Asterisk is silent: ") {
			t.Error(err)
		}
	}
}
