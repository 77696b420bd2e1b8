package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// The roles of the bench's child processes.
const (
	RoleReceiver = "receiver" // takes the deliveries
	RoleLoad     = "load"     // posts events to the server's API
)

// Child is what a child process of the bench does until its standard input
// ends, which it does with the parent, however that ends.
func Child(ctx context.Context, role string, in io.Reader, out io.Writer) error {
	switch role {
	case RoleReceiver:
		return receive(ctx, in, out)
	case RoleLoad:
		return serveLoad(ctx, in, out)
	default:
		return fmt.Errorf("a child of the bench is %s or %s, not %.40q", RoleReceiver, RoleLoad, role)
	}
}

// receive serves a receiver at a free port of the loopback, and says its URL.
func receive(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: newReceiver(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	if _, err := fmt.Fprintf(out, "http://%s\n", ln.Addr()); err != nil {
		return err
	}
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A child is a process of the bench.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// spawn starts a child: command is the program and the arguments that lead to
// Child; the role is appended.
func spawn(ctx context.Context, command []string, role string) (*child, error) {
	args := append(append([]string(nil), command[1:]...), role)
	// Not CommandContext: the child outlives a Ctrl-C until the parent has let go.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], args...) //nolint:gosec // this very program
	cmd.Stderr = os.Stderr
	detach(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the bench's %s: %w", role, err)
	}
	return &child{cmd, in, bufio.NewReader(out)}, nil
}

// line reads what the child says.
func (c *child) line() (string, error) {
	s, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("a process of the bench is gone: %w", err)
	}
	return strings.TrimSuffix(s, "\n"), nil
}

// ask hands a job over and waits for its end.
func (c *child) ask(job, answer any) error {
	b, err := json.Marshal(job)
	if err != nil {
		return err
	}
	if _, err := c.in.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("a process of the bench is gone: %w", err)
	}
	s, err := c.line()
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(s), answer)
}

// mostEnd is how long a child may take to end once its input has.
const mostEnd = 5 * time.Second

// end closes the child's input and waits for it.
func (c *child) end() {
	_ = c.in.Close()
	kill := time.AfterFunc(mostEnd, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	_, _ = io.Copy(io.Discard, c.out)
	_ = c.cmd.Wait() // how it ended says nothing: what it did was told before
}
