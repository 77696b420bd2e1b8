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
	"slices"
	"strings"
	"time"
)

// The roles of the bench's child processes.
const (
	RoleReceiver = "receiver" // takes the deliveries
	RoleLoad     = "load"     // posts events to the server's API
	RoleServer   = "server"   // is the server, to be killed; its arguments are the data directory and the database
)

// Child is what a child process of the bench does until its standard input
// ends, which it does with the parent, however that ends. args are what follows
// Options.Command: a role and its arguments.
func Child(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := make(chan []byte)
	go func() { // so that the end of the input ends also what is under way
		defer cancel()
		defer close(jobs)
		s := bufio.NewScanner(in)
		for s.Scan() {
			jobs <- append([]byte(nil), s.Bytes()...)
		}
	}()
	switch {
	case len(args) == 1 && args[0] == RoleReceiver:
		return receive(ctx, out)
	case len(args) == 1 && args[0] == RoleLoad:
		return work(ctx, jobs, out)
	case len(args) == 3 && args[0] == RoleServer:
		return serve(ctx, args[1], args[2], out) //nolint:gosec // G602: there are three
	default:
		return fmt.Errorf("the bench has no such process: %q", args)
	}
}

// receive serves a receiver at a free port of the loopback, and says its URL.
func receive(ctx context.Context, out io.Writer) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: newReceiver(), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if _, err := fmt.Fprintf(out, "http://%s\n", ln.Addr()); err != nil {
		return err
	}
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serve is the server. Once it can work, it says its URL and its key.
func serve(ctx context.Context, dir, database string, out io.Writer) error {
	a, err := newServer(ctx, dir, database, "bench")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s %s\n", a.URL(), a.AdminKey()); err != nil {
		return err
	}
	return a.Run(ctx)
}

// A child is a process of the bench.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// spawn starts a child: command is the program and the arguments that lead to
// Child.
func spawn(ctx context.Context, command []string, role ...string) (*child, error) {
	args := slices.Concat(command[1:], role)
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
		return nil, fmt.Errorf("start the bench's %s: %w", role[0], err)
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

// ask hands a job over and waits for its end. It ends the child with ctx.
func (c *child) ask(ctx context.Context, job, answer any) error {
	stop := context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() })
	defer stop()
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
