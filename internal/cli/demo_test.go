package cli

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
)

// A console takes what the demo prints and lets tests wait for it.
type console struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newConsole() *console { return &console{changed: make(chan struct{})} }

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
	return c.text.Write(b)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// await waits until the text matches, and returns what it matched.
func (c *console) await(t *testing.T, re *regexp.Regexp) []string {
	t.Helper()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		m, changed := re.FindStringSubmatch(c.text.String()), c.changed
		c.mu.Unlock()
		if m != nil {
			return m
		}
		select {
		case <-changed:
		case <-timeout.C:
			t.Fatalf("the demo does not print %s:\n%s", re, c)
		}
	}
}

// runDemo runs the command as a person does.
func runDemo(ctx context.Context, out *console, args ...string) error {
	cmd := newDemo() //nolint:contextcheck // the command gets its context from cobra
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	return cmd.ExecuteContext(ctx)
}

var (
	deliveryLine = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{3}  ([a-z_.]+) +(switchhook|kazoo|voipbin|teli|primevox) +200 +[0-9.]+ ms$`)
	summaryRow   = regexp.MustCompile(`(?m)^(switchhook|kazoo|voipbin|teli|primevox) +(\d+) +(\d+) +0 +0 +[0-9.]+ ms +[0-9.]+ ms$`)
	curlLine     = regexp.MustCompile(`curl -sS (http://\S+) -H '([^']+)' \\\n +-H '([^']+)' -d '([^']+)'`)
)

// checkSummary holds the end of a demo to what the last lines of it promise.
func checkSummary(t *testing.T, out string) {
	t.Helper()
	if !strings.Contains(out, "All of them arrived, signed right and in order.") {
		t.Errorf("the summary does not say that all is well:\n%s", out)
	}
	mails := regexp.MustCompile(`(?m)^([1-9]\d*) mails arrived\.$`).FindStringSubmatch(out)
	if mails == nil || !regexp.MustCompile(`(?m)^mail +`+mails[1]+` +`+mails[1]+` +0 +0 `).MatchString(out) {
		t.Errorf("the summary does not say how many mails came:\n%s", out)
	} else if n := len(regexp.MustCompile(`(?m)^\d\d:\S+  [a-z_.]+ +mail +250 `).FindAllString(out, -1)); strconv.Itoa(n) != mails[1] {
		t.Errorf("of %s mails %d were shown", mails[1], n)
	}
	shown := map[string]int{}
	for _, m := range deliveryLine.FindAllStringSubmatch(out, -1) {
		shown[m[2]]++
	}
	rows := summaryRow.FindAllStringSubmatch(out, -1)
	if len(rows) != 5 {
		t.Errorf("the summary has %d rows of dialects:\n%s", len(rows), out)
	}
	for _, row := range rows {
		n, err := strconv.Atoi(row[2])
		if err != nil || n == 0 || row[2] != row[3] {
			t.Errorf("the summary says %q", row[0])
		}
		if shown[row[1]] < n {
			t.Errorf("of %d deliveries to %s only %d were shown", n, row[1], shown[row[1]])
		}
	}
}

func TestDemoEndsByItself(t *testing.T) {
	t.Parallel()
	out := newConsole()
	start := time.Now()
	done := make(chan error, 1)
	ctx := t.Context()
	go func() {
		done <- runDemo(ctx, out, "--for", "2s", "--no-open", "--listen", "127.0.0.1:0", "--rate", "20")
	}()
	out.await(t, deliveryLine)
	within := 3 * time.Second
	if raceEnabled {
		within *= 10
	}
	if took := time.Since(start); took > within {
		t.Errorf("the first delivery was shown after %s", took)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	checkSummary(t, out.String())
}

// The commands on the screen work as they stand, and Ctrl-C ends with a summary.
func TestDemoSaysWhereToGoNext(t *testing.T) {
	t.Parallel()
	out := newConsole()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	done := make(chan error, 1)
	go func() { done <- runDemo(ctx, out, "--no-open", "--listen", "127.0.0.1:0", "--data", t.TempDir()) }()
	out.await(t, deliveryLine)

	commands := curlLine.FindAllStringSubmatch(out.String(), -1)
	if len(commands) != 2 {
		t.Fatalf("%d commands in:\n%s", len(commands), out)
	}
	slices.Reverse(commands) // first the webhook
	for i, c := range commands {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c[1], strings.NewReader(c[4]))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range c[2:4] {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != []int{http.StatusCreated, http.StatusAccepted}[i] {
			t.Errorf("%s was answered %d: %s (%v)", c[0], resp.StatusCode, answer, err)
		}
		// A text goes to our own dialect, Kazoo's, Teli's and PrimeVOX's.
		if i == 1 && !strings.Contains(string(answer), `"deliveries":4`) {
			t.Errorf("the event was accepted as %s", answer)
		}
	}
	out.await(t, regexp.MustCompile(`mails +http://\S+/mails \(they go to a mailbox of the demo's own\)`))
	page := out.await(t, regexp.MustCompile(`page +(http://\S+)/#key=(\S+)`))
	if !strings.Contains(commands[0][2], page[2]) || !strings.HasPrefix(commands[0][1], page[1]) {
		t.Errorf("the page %s and the commands differ", page[0])
	}
	interrupt()
	if err := <-done; err != nil {
		t.Error(err)
	}
	checkSummary(t, out.String())
}

// A demo takes up the data of an earlier one, whose receiver is gone.
func TestDemoRunsAgainOnItsData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		out := newConsole()
		if err := runDemo(t.Context(), out, "--for", "500ms", "--no-open", "--listen", "127.0.0.1:0", "--rate", "40", "--data", dir); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		checkSummary(t, out.String())
	}
}

func TestDemoPortTaken(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()

	err = runDemo(t.Context(), newConsole(), "--for", "1s", "--listen", taken)
	if err == nil || !strings.Contains(err.Error(), taken+" is taken") || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("got %v", err)
	}
	// The default gives way to a free port, and says so.
	out := newConsole()
	d := &demo{listen: taken, screen: newScreen(out)}
	if address, err := d.address(t.Context()); err != nil || address != "127.0.0.1:0" || !strings.Contains(out.String(), taken) {
		t.Errorf("got %s, %v and %q", address, err, out)
	}
}

func TestDemoRefusesNonsense(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--rate", "0"},
		{"--rate", "-1"},
		{"--for", "-1s"},
		{"--for", "soon"},
		{"--listen", "nowhere"},
		{"--listen", "192.0.2.1:80"}, // an address of documents (RFC 5737), not of this machine
		{"extra"},
	} {
		if err := runDemo(t.Context(), newConsole(), append([]string{"--for", "1s", "--no-open"}, args...)...); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

// Columns stand under one another, in colour too.
func TestScreenLines(t *testing.T) {
	t.Parallel()
	good, bad := switchhook.Success, switchhook.Failure
	attempts := []*attempt{
		{switchhook.Attempt{DeliveryID: "dlv_1", EventType: "call.created", Dialect: "kazoo", Outcome: good, DurationMS: 3.14}, 200},
		{switchhook.Attempt{DeliveryID: "dlv_2", EventType: "agent.status_updated", Dialect: "switchhook", Outcome: good, DurationMS: 1234}, 204},
		{switchhook.Attempt{DeliveryID: "dlv_3", EventType: "call.hungup", Dialect: "teli", Outcome: bad, Error: "connection refused", NextAttemptAt: time.Now()}, 0},
	}
	colours := regexp.MustCompile("\x1b\\[\\d+m")
	for _, colour := range []bool{false, true} {
		out := newConsole()
		s := newScreen(out)
		s.colour = colour
		for _, a := range attempts {
			s.attempt(a)
		}
		if got := colours.MatchString(out.String()); got != colour {
			t.Errorf("colour: %t, want %t", got, colour)
		}
		lines := strings.Split(colours.ReplaceAllString(out.String(), ""), "\n")
		for i, want := range []string{
			"  call.created            kazoo          200     3.1 ms",
			"  agent.status_updated    switchhook     204    1234 ms",
			"  call.hungup             teli             –     0.0 ms  connection refused, again at ",
		} {
			if got := lines[i][12:]; !strings.HasPrefix(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		}
		if want := map[string]bool{"dlv_1": true, "dlv_2": true}; !maps.Equal(s.shown, want) {
			t.Errorf("%v ended well, not %v", s.shown, want)
		}
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://127.0.0.1:8420": "http://127.0.0.1:8420",
		"http://0.0.0.0:8420":   "http://127.0.0.1:8420",
		"http://[::]:8420":      "http://127.0.0.1:8420",
		"http://pbx.example":    "http://pbx.example",
	} {
		if got := reachable(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
