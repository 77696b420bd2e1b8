//go:build unix

package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/ledger"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// The tests of this file run the test binary again, as a process of its own
// that can be killed or lose its disk.
const (
	childVariable = "SWITCHHOOK_TEST_CHILD"
	dirVariable   = "SWITCHHOOK_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "":
		os.Exit(m.Run())
	case "writer":
		writeForEver()
	case "full":
		writeUntilBroken()
	case "backlog":
		writeBacklog()
	}
}

func child(tb testing.TB, name, dir string) (cmd *exec.Cmd, out *bufio.Scanner) {
	tb.Helper()
	cmd = exec.CommandContext(tb.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+name, dirVariable+"="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return cmd, bufio.NewScanner(pipe)
}

func openInChild() *ledger.DB {
	db, err := sqlite.Open(context.Background(), sqlite.Options{Dir: os.Getenv(dirVariable)})
	if err != nil {
		panic(err)
	}
	return db
}

// crashCommit is an event with two deliveries, of which one is closed, one due.
func crashCommit(sequence int64, done func(error)) *switchhook.Commit {
	e := &switchhook.Event{
		ID: fmt.Sprintf("evt_%d", sequence), Type: "call.created", AccountID: "a", Sequence: sequence,
		AcceptedAt: time.Now(), Data: []byte(`{}`), Targets: []string{"wh_1", "wh_2"},
	}
	return &switchhook.Commit{
		Events: []*switchhook.Event{e},
		Attempts: []*switchhook.Attempt{{
			ID: fmt.Sprintf("att_%d", sequence), EventID: e.ID, AccountID: "a", WebhookID: "wh_1",
			Sequence: sequence, Number: 1, State: switchhook.Delivered, StartedAt: e.AcceptedAt,
		}},
		Due: []switchhook.Due{{DeliveryRef: switchhook.DeliveryRef{Sequence: sequence, WebhookID: "wh_2"}, At: e.AcceptedAt}},
		Snapshots: []switchhook.Snapshot{
			{AccountID: "a", Kind: "call", ID: "call", Data: []byte(fmt.Sprint(sequence))},
			{AccountID: "a", Kind: "call", ID: fmt.Sprint("ended", sequence-1)},
			{AccountID: "a", Kind: "call", ID: fmt.Sprint("ended", sequence), Data: []byte("1")},
			{AccountID: "a", Kind: "call", ID: fmt.Sprint("ended", sequence)},
		},
		Watermark: sequence,
		Done:      done,
	}
}

// writeForEver commits from several goroutines and prints the sequences that
// were acknowledged.
func writeForEver() {
	db := openInChild()
	last, err := db.LastSequence(context.Background())
	if err != nil {
		panic(err)
	}
	var mu sync.Mutex
	var next atomic.Int64
	next.Store(last)
	for range 8 {
		go func() {
			for {
				done := make(chan struct{})
				mu.Lock() // sequences are submitted in their order
				n := next.Add(1)
				db.Submit(crashCommit(n, func(err error) {
					if err != nil {
						panic(err)
					}
					// One write, so that the line is out when it returns.
					_, _ = fmt.Fprintln(os.Stdout, n)
					close(done)
				}))
				mu.Unlock()
				<-done
			}
		}()
	}
	select {}
}

// TestKill kills a process that commits, again and again on the same data, and
// looks whether all that it acknowledged is there.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acknowledged := make(map[string]bool)
	for range 5 {
		cmd, out := child(t, "writer", dir)
		for left := rand.IntN(400); out.Scan(); left-- {
			acknowledged[out.Text()] = true
			if left == 0 {
				// Without a pause: the process is in the midst of its work.
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed
		verify(t, dir, acknowledged)
	}
	t.Logf("%d commits were acknowledged", len(acknowledged))
}

func verify(t *testing.T, dir string, acknowledged map[string]bool) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	there := make(map[string]bool)
	events := int64(0)
	for page := (switchhook.Page{Limit: 1000}); ; {
		found, next, err := db.Events(t.Context(), switchhook.EventFilter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found {
			there[fmt.Sprint(e.Sequence)] = true
			events++
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	for n := range acknowledged {
		if !there[n] {
			t.Errorf("event %s was acknowledged and is lost", n)
		}
	}
	// Whole commits only, and without gaps, for they were submitted in order.
	last, err := db.LastSequence(t.Context())
	if err != nil || last != events {
		t.Errorf("last sequence %d, %v, of %d events", last, err, events)
	}
	err = db.Recover(t.Context(), func(o switchhook.OpenDelivery) error {
		return fmt.Errorf("delivery of %d to %s is due or closed", o.Event.Sequence, o.WebhookID)
	})
	if err != nil {
		t.Error(err)
	}
	open := int64(0)
	for after := int64(0); ; {
		due, err := db.Due(t.Context(), "wh_2", after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if open += int64(len(due)); len(due) < 100 {
			break
		}
		after = due[99].Due.Sequence
	}
	if open != events {
		t.Errorf("%d open deliveries of %d events", open, events)
	}
	// The snapshot of each event says which one was the last.
	calls := 0
	err = db.Snapshots(t.Context(), func(s switchhook.Snapshot) error {
		if calls++; s.ID != "call" || string(s.Data) != fmt.Sprint(last) {
			return fmt.Errorf("snapshot %s of event %s, want that of %d", s.ID, s.Data, last)
		}
		return nil
	})
	if err != nil || calls > 1 || events > 0 && calls == 0 {
		t.Errorf("%d snapshots, %v", calls, err)
	}
	attempts := int64(0)
	for page := (switchhook.Page{Limit: 1000}); ; {
		found, next, err := db.Attempts(t.Context(), switchhook.AttemptFilter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		attempts += int64(len(found))
		if page.Cursor = next; next == "" {
			break
		}
	}
	if attempts != events {
		t.Errorf("%d attempts of %d events", attempts, events)
	}
}

// writeUntilBroken makes writing to files fail after some more bytes, as a disk
// does that goes away: SQLite sees an I/O error.
func writeUntilBroken() {
	db := openInChild()
	signal.Ignore(syscall.SIGXFSZ) // so that write fails instead
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	say := func(what string, err error) {
		_, _ = fmt.Fprintf(os.Stdout, "%s: %s\n", what, switchhook.ErrorCode(err))
	}
	var failed error
	for n := int64(1); failed == nil; n++ {
		done := make(chan error, 1)
		db.Submit(crashCommit(n, func(err error) { done <- err }))
		failed = <-done
	}
	say("commit", failed)
	select {
	case <-db.Broken():
		say("broken", failed)
	case <-time.After(10 * time.Second):
	}
	say("resume", db.Resume(context.Background()))
	say("ping", db.Ping(context.Background()))
	_ = db.Close()
}

func TestBroken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd, out := child(t, "full", dir)
	var said []string
	for out.Scan() {
		said = append(said, out.Text())
	}
	if err := cmd.Wait(); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	want := "commit: unavailable, broken: unavailable, resume: unavailable, ping: unavailable"
	if got := strings.Join(said, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// The process that is started next finds all that was acknowledged.
	verify(t, dir, nil)
}
