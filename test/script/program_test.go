package script_test

import (
	"bufio"
	"bytes"
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func exits(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) >= 2, "exits CODE PROGRAM [ARG…]")
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if want := number(ts, args[0]); code != want {
		ts.Fatalf("it ended with %d, not %d", code, want)
	}
}

// A program runs beside the script.
type program struct {
	cmd    *exec.Cmd
	lines  *inbox[string] // of both outputs, which may come in another order than they were written
	unsaid []string       // that no says has asked for yet
	out    *lockedBuffer  // its standard output
	exited chan struct{}
	err    error
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func begin(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) >= 2, "begin NAME PROGRAM [ARG…]")
	w := worldOf(ts)
	if w.programs[args[0]] != nil {
		ts.Fatalf("the program %s runs", args[0])
	}
	path, err := exec.LookPath(args[1])
	if args[1] == "switchhook" {
		path, err = w.bin, nil
	}
	ts.Check(err)
	p := &program{cmd: exec.Command(path, args[2:]...), lines: newInbox[string](), out: &lockedBuffer{}, exited: make(chan struct{})}
	p.cmd.Dir = ts.Getenv("WORK")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "SWITCHHOOK_URL", "SWITCHHOOK_API_KEY", "SWITCHHOOK_ADMIN_KEY", "SWITCHHOOK_DATA", "SWITCHHOOK_WEBHOOK_SECRET"} {
		p.cmd.Env = append(p.cmd.Env, name+"="+ts.Getenv(name))
	}
	stdout, err := p.cmd.StdoutPipe()
	ts.Check(err)
	stderr, err := p.cmd.StderrPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	var reading sync.WaitGroup
	reading.Go(func() {
		for sc := bufio.NewScanner(stdout); sc.Scan(); {
			_, _ = p.out.Write([]byte(sc.Text() + "\n")) // never fails
			p.lines.put(sc.Text())
		}
	})
	reading.Go(func() {
		for sc := bufio.NewScanner(stderr); sc.Scan(); {
			p.lines.put(sc.Text())
		}
	})
	go func() {
		reading.Wait()
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	w.programs[args[0]] = p
}

func programOf(ts *testscript.TestScript, name string) *program {
	p := worldOf(ts).programs[name]
	if p == nil {
		ts.Fatalf("there is no program %s", name)
	}
	return p
}

func says(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 2, "says NAME REGEXP")
	p := programOf(ts, args[0])
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	for i := 0; ; i++ {
		if i == len(p.unsaid) {
			line, err := p.lines.take(1, false)
			if err != nil {
				ts.Fatalf("%s did not say %s: %v\n%s", args[0], args[1], err, strings.Join(p.unsaid, "\n"))
			}
			p.unsaid = append(p.unsaid, line[0])
		}
		if line := p.unsaid[i]; re.MatchString(line) {
			p.unsaid = slices.Delete(p.unsaid, i, i+1)
			printf(ts, "%s\n", line)
			return
		}
	}
}

func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg)
	usage(ts, len(args) == 1, "interrupt NAME")
	p := programOf(ts, args[0])
	ts.Check(p.cmd.Process.Signal(syscall.SIGINT))
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-p.exited:
	case <-timeout.C:
		ts.Fatalf("%s did not end within %s after SIGINT", args[0], patience)
	}
	delete(worldOf(ts).programs, args[0])
	printf(ts, "%s", p.out)
	if p.err != nil {
		ts.Fatalf("after SIGINT %s ended with: %v", args[0], p.err)
	}
}
