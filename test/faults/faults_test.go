//go:build unix

package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

var (
	seedFlag      = flag.Uint64("seed", 0, "make the choices of an earlier run again (0: new ones)")
	killsFlag     = flag.Int("kills", 20, "how often TestKill kills the server; the rounds of the other faults, and of several processes, grow with it")
	forFlag       = flag.Duration("for", 0, "let TestKill and TestProcesses go on for this long, instead of a number of kills")
	processesFlag = flag.Int("processes", 3, "how many processes TestProcesses has on one database, from 2 on")
	binaries      string // the directory of what was built
	binary        string // built once
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seedFlag == 0 {
		*seedFlag = uint64(time.Now().UnixNano())
	}
	dir, err := os.MkdirTemp("", "switchhook-faults")
	binaries = dir
	if err == nil {
		binary, err = build(context.Background(), dir, "alone")
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else if code = m.Run(); code != 0 {
		fmt.Fprintf(os.Stderr, "the same choices again: make faults SEED=%d FAULTS=%d\n", *seedFlag, *killsFlag)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// rounds is how often a fault comes: n times in the short form.
func rounds(n int) int { return max(n, n*(*killsFlag)/40) }

// open makes a rig that ends with the test.
func open(t *testing.T, data string, kinds ...kind) *rig {
	t.Helper()
	r, err := newRig(t.Context(), binary, data, *seedFlag, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d; the server's last words:\n%s", *seedFlag, r.tail())
		}
	})
	return r
}

// must ends the test if something could not be done.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// finish ends a run and tells what came of it.
func finish(t *testing.T, r *rig) {
	t.Helper()
	rep, err := r.finish(t.Context())
	for _, f := range rep.faults {
		t.Error(f)
	}
	must(t, err)
	if rep.acked == 0 {
		t.Error("nothing was acknowledged: the run shows nothing")
	}
	t.Logf("seed %d: %s", *seedFlag, rep)
}

// underWay is how many requests are under way at least when TestKill kills a
// server that works: held by receivers that have read them and not yet answered.
const underWay = 100

// Killed at any moment, while it starts too, the server loses nothing and keeps
// the order, whatever its receivers do.
func TestKill(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), append(kinds(), holding, holding, holding)...)
	random, kills, end := random(*seedFlag, 0), 0, time.Now().Add(*forFlag)
	kill := func() {
		must(t, r.kill())
		kills++
		must(t, until(t.Context(), "for the receivers to see that the sender is dead", func() (bool, error) { return r.journal.holds(0) == 0, nil }))
	}
	r.load.start(t.Context())
	for kills < *killsFlag && *forFlag == 0 || time.Now().Before(end) {
		must(t, until(t.Context(), "for enough to be under way", func() (bool, error) { return r.journal.holds(0) >= underWay, nil }))
		pause(t.Context(), time.Duration(random.Int64N(int64(time.Second))))
		kill()
		if random.IntN(6) == 0 { // and again while it starts
			must(t, r.server.launch(t.Context()))
			pause(t.Context(), time.Duration(random.Int64N(int64(200*time.Millisecond))))
			kill()
		}
		must(t, r.start(t.Context()))
	}
	finish(t, r)
	t.Logf("%d kills", kills)
}

// Bad receivers cost their own deliveries only: the good one gets all, while
// others hang, break off or are dead, and nothing comes twice without a reason.
func TestReceivers(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), append(kinds(), dead)...)
	r.load.start(t.Context())
	for range rounds(2) {
		pause(t.Context(), time.Second)
		must(t, r.complete(t.Context(), func(k kind) bool { return k == good }))
	}
	finish(t, r)
}

// A webhook that is failing keeps its events, through kills and stops, and gets
// them in order once its receiver is back.
func TestFailing(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), good, dead)
	random := random(*seedFlag, 0)
	fails := func() (bool, error) {
		status, err := r.status(t.Context(), 1)
		return status == "failing", err
	}
	r.load.start(t.Context())
	for _, end := range []func() error{r.kill, r.terminate, r.kill} {
		must(t, until(t.Context(), "for the webhook of the dead receiver to be failing", fails))
		pause(t.Context(), time.Duration(random.Int64N(int64(time.Second))))
		must(t, end())
		must(t, r.start(t.Context()))
	}
	finish(t, r)
}

// A server that stands still for seconds, as swapping or a paused
// container makes it, goes on where it was.
func TestStandStill(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), good, slow, flaky, hanging, late, throttled)
	random := random(*seedFlag, 0)
	r.load.start(t.Context())
	for range rounds(1) {
		pause(t.Context(), time.Duration(random.Int64N(int64(time.Second))))
		from := time.Now()
		must(t, r.server.now.cmd.Process.Signal(syscall.SIGSTOP))
		pause(t.Context(), time.Second+time.Duration(random.Int64N(int64(2*time.Second))))
		must(t, r.server.now.cmd.Process.Signal(syscall.SIGCONT))
		r.interrupted("standing still", from)
	}
	pause(t.Context(), time.Second)
	finish(t, r)
}

// SIGTERM under load ends the work in order: exit code 0, what is under way
// is waited for, and there is neither a loss nor a repeat.
func TestTerminate(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), good, slow, flaky, hanging, resetting, closing)
	random := random(*seedFlag, 0)
	r.load.start(t.Context())
	for range rounds(3) {
		pause(t.Context(), 100*time.Millisecond+time.Duration(random.Int64N(int64(time.Second))))
		must(t, r.terminate())
		must(t, r.start(t.Context()))
	}
	finish(t, r)
}

// leaveOut skips a test that needs something that is not here. In CI all runs.
func leaveOut(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("LEFT OUT, though all is to run under CI=true: "+format, args...)
	}
	t.Skipf("LEFT OUT: "+format, args...)
}

// When the disk is full, nothing is acknowledged that is not kept, what was
// acknowledged is delivered all the same, and work goes on by itself once there
// is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := rounds(2)
	d, err := mount(t.Context(), dir, 24+4*n) // room for what all rounds keep
	if err != nil {
		leaveOut(t, "a small disk that can be filled needs root and the permission to mount a tmpfs (%v)", err)
	}
	t.Cleanup(func() { must(t, d.unmount()) }) // after the rig has ended
	r := open(t, dir, good, slow, flaky, hanging, throttled)
	random := random(*seedFlag, 0)
	r.load.start(t.Context())
	for range n {
		acked := r.load.acknowledged()
		must(t, until(t.Context(), "for events to be acknowledged", func() (bool, error) { return r.load.acknowledged() > acked+50, nil }))
		must(t, d.fill())
		refused := r.load.refusals()
		must(t, until(t.Context(), "for events to be refused", func() (bool, error) { return r.load.refusals() > refused+50, nil }))
		must(t, r.complete(t.Context(), func(k kind) bool { return k == good }))
		pause(t.Context(), time.Duration(random.Int64N(int64(2*time.Second))))
		must(t, d.free())
	}
	acked := r.load.acknowledged()
	must(t, until(t.Context(), "for events to be acknowledged again", func() (bool, error) { return r.load.acknowledged() > acked+50, nil }))
	finish(t, r)
}

// attach traces a process, or leaves the test out where that cannot be done.
func attach(t *testing.T, p *process, fault string) *tracer {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		leaveOut(t, "faults of fsync need strace (make deps)")
	}
	s, err := trace(t.Context(), p, filepath.Join(t.TempDir(), "strace"), fault)
	if errors.Is(err, errNotPermitted) {
		leaveOut(t, "faults of fsync need the permission to trace processes: %v", err)
	}
	must(t, err)
	return s
}

// After a failed fsync nobody knows what is on the disk: nothing more is
// acknowledged, the process ends, and the next one has all that was acknowledged.
func TestFailedFsync(t *testing.T) {
	t.Parallel()
	r := open(t, t.TempDir(), good, slow, flaky, hanging)
	random := random(*seedFlag, 0)
	r.load.start(t.Context())
	for n := range rounds(2) {
		// All fail, or the first one does and the next ones are said to be good.
		fault := []string{"error=EIO", "error=EIO:when=1"}[n%2]
		pause(t.Context(), 100*time.Millisecond+time.Duration(random.Int64N(int64(time.Second))))
		from := time.Now()
		s := attach(t, r.server.now, fault)
		code, err := r.server.now.wait()
		must(t, err)
		r.interrupted("a failed fsync", from)
		if code <= 0 {
			t.Errorf("after a failed fsync the server ended with %d, want an exit code above 0", code)
		}
		must(t, s.detach())
		failed, err := s.first()
		must(t, err)
		for _, p := range r.load.acknowledgedPosts() {
			if p.from.After(failed) {
				t.Errorf("a post that began %s after the failed fsync was acknowledged", p.from.Sub(failed))
			}
		}
		must(t, r.start(t.Context()))
	}
	finish(t, r)
}

// No answer comes before the fsync that it promises has ended; killed in the
// midst of one, the server has lost nothing of what it said.
func TestSlowFsync(t *testing.T) {
	t.Parallel()
	const delay = 100 * time.Millisecond
	r := open(t, t.TempDir(), good, slow)
	r.load.start(t.Context())
	for range rounds(1) {
		s := attach(t, r.server.now, fmt.Sprintf("delay_enter=%d", delay.Microseconds()))
		from, seen := time.Now(), len(r.load.acknowledgedPosts())
		var answered []post
		must(t, until(t.Context(), "for posts to be acknowledged", func() (bool, error) {
			answered = r.load.acknowledgedPosts()[seen:]
			return len(answered) > 100, nil
		}))
		must(t, r.kill())
		must(t, s.detach())
		for _, p := range answered {
			if p.from.After(from) && p.to.Sub(p.from) < delay {
				t.Errorf("a post was acknowledged after %s, and each fsync takes %s", p.to.Sub(p.from), delay)
			}
		}
		must(t, r.start(t.Context()))
	}
	finish(t, r)
}
