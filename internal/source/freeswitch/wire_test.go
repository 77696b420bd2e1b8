package freeswitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/freeswitch/freeswitchtest"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

// A host keeps what a Connector tells it.
type host struct {
	mu      sync.Mutex
	system  string
	kept    bool
	facts   []source.Fact
	rejects []string
	told    chan struct{} // capacity 1: there is more
	tell    func() error  // called by Tell
	queue   *source.Queue // nil: the usual one
}

func newHost() *host { return &host{told: make(chan struct{}, 1)} }

func (h *host) Connected(_ context.Context, system string, kept bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.system, h.kept = system, kept
	return nil
}

func (h *host) Tell(_ context.Context, facts []source.Fact) error {
	if h.tell != nil {
		if err := h.tell(); err != nil {
			return err
		}
	}
	h.mu.Lock()
	h.facts = append(h.facts, facts...)
	h.mu.Unlock()
	select {
	case h.told <- struct{}{}:
	default:
	}
	return nil
}

func (h *host) Reject(_ context.Context, message []byte, reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rejects = append(h.rejects, reason.Error()+": "+string(message[:min(len(message), 80)]))
}

func (h *host) NewQueue() *source.Queue {
	if h.queue != nil {
		return h.queue
	}
	return &source.Queue{}
}
func (h *host) Now() time.Time { return time.Now() }

// await waits until a fact of a type that ok accepts was told, and returns all up to it.
func await[T source.Fact](t *testing.T, h *host, ok func(T) bool) []source.Fact {
	t.Helper()
	for {
		h.mu.Lock()
		for i, f := range h.facts {
			if x, is := f.(T); is && ok(x) {
				defer h.mu.Unlock()
				return slices.Clone(h.facts[:i+1])
			}
		}
		h.mu.Unlock()
		select {
		case <-h.told:
		case <-time.After(20 * time.Second):
			t.Fatalf("no such %T was told; told:\n%s", *new(T), sourcetest.Facts(h.facts))
		}
	}
}

func isPresent(source.Present) bool { return true }

func sourceOf(s *freeswitchtest.Server, more map[string]any) *switchhook.Source {
	src := &switchhook.Source{ID: "pbx", Kind: "freeswitch", AccountMap: tenants(), Options: map[string]any{"address": s.Address, "password": "secret"}}
	maps.Copy(src.Options, more)
	return src
}

// run runs a Connector, and returns how to wait for its end.
func run(t *testing.T, c *Connector, s *switchhook.Source, h *host) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		ended <- c.Run(ctx, s, h)
	}()
	return ended
}

func within(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("Run goes on")
		return nil
	}
}

// After the lists comes a whole recorded stream, in either form and cut into pieces, and then a
// goodbye. What is told is what the events say.
func TestRunTellsWhatFreeSWITCHSays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		format string
		piece  int
	}{{"json", 0}, {"json", 7}, {"plain", 0}, {"plain", 1000}} {
		for _, stream := range []string{"01-direct-answered.ndjson", "31-queue-connect.ndjson"} {
			t.Run(fmt.Sprint(test.format, test.piece, stream[:2]), func(t *testing.T) {
				t.Parallel()
				s := freeswitchtest.Start(t, freeswitchtest.Options{Piece: test.piece})
				h := newHost()
				ended := run(t, New(), sourceOf(s, map[string]any{"format": test.format}), h)
				client := s.Next(t)
				await(t, h, isPresent)
				events := sampled(t, stream)
				client.Send(events...)
				client.Notice("The system is being shut down.\n")
				if err := within(t, ended); err == nil || !strings.Contains(err.Error(), "The system is being shut down.") {
					t.Errorf("Run ended with %v", err)
				}
				if h.system != "FreeSWITCH 1.11.1" {
					t.Errorf("the system is %q", h.system)
				}
				if diff := cmp.Diff(sourcetest.Facts(translateAll(t, &Options{}, events)), sourcetest.Facts(h.facts[1:])); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
				if len(h.rejects) > 0 {
					t.Errorf("rejected: %v", h.rejects)
				}
			})
		}
	}
}

func TestWhyWeAreNotLetIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		server  freeswitchtest.Options
		options map[string]any
		code    switchhook.Code
		says    string
	}{
		{freeswitchtest.Options{Password: "other"}, nil, switchhook.CodeUnauthorized, "event_socket.conf.xml"},
		{freeswitchtest.Options{User: "101@pbx.example:other"}, map[string]any{"username": "101@pbx.example"}, switchhook.CodeUnauthorized, "101@pbx.example"},
		{freeswitchtest.Options{Rude: true}, nil, "", "apply-inbound-acl"},
		{freeswitchtest.Options{Greeting: "SSH-2.0-OpenSSH_9.2\r\n\r\n"}, nil, "", "SSH"},
		{freeswitchtest.Options{Greeting: "Content-Type: text/html\n\n"}, nil, "", "text/html"},
		{
			freeswitchtest.Options{User: "101@pbx.example:secret", May: []string{"CHANNEL_CREATE"}},
			map[string]any{"username": "101@pbx.example"},
			switchhook.CodeForbidden, "CHANNEL_PROGRESS",
		},
		{
			freeswitchtest.Options{User: "101@pbx.example:secret", May: append(strings.Fields(neededEvents), "HEARTBEAT"), MayAPI: []string{"status"}},
			map[string]any{"username": "101@pbx.example"},
			"", "esl-allowed-api",
		},
	} {
		s := freeswitchtest.Start(t, test.server)
		err := within(t, run(t, New(), sourceOf(s, test.options), newHost()))
		if err == nil || switchhook.ErrorCode(err) != test.code && test.code != "" || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", test.server, err)
		}
	}
}

// A user of the directory who may have a part of the events gets that part.
func TestAUserWithFewRights(t *testing.T) {
	t.Parallel()
	may := append(strings.Fields(neededEvents), "HEARTBEAT", "CUSTOM", "sofia::register")
	s := freeswitchtest.Start(t, freeswitchtest.Options{User: "101@pbx.example:secret", May: may, MayAPI: []string{"show"}})
	h := newHost()
	run(t, New(), sourceOf(s, map[string]any{"username": "101@pbx.example"}), h)
	client := s.Next(t)
	facts := await(t, h, isPresent)
	if p, _ := facts[0].(source.Present); p.Devices == nil || p.Waiting != nil || p.Agents != nil {
		t.Errorf("what there is: %s", sourcetest.Fact(facts[0]))
	}
	if h.system != "FreeSWITCH" {
		t.Errorf("the system is %q", h.system)
	}
	client.Send(freeswitchtest.Event("sofia::register", "from-user", "101", "contact", "<sip:101@192.0.2.7>"))
	await(t, h, func(f source.Registered) bool { return f.Device == "101" })
}

// The answer to userauth is cut where the user may much, and has no end then.
func TestAUserWithManyRights(t *testing.T) {
	t.Parallel()
	may := append(append(strings.Fields(neededEvents+" "+otherEvents), "CUSTOM"), strings.Fields(subclasses)...)
	s := freeswitchtest.Start(t, freeswitchtest.Options{User: "101@pbx.example:secret", May: may, MayAPI: []string{"show", "version"}})
	h := newHost()
	run(t, New(), sourceOf(s, map[string]any{"username": "101@pbx.example"}), h)
	client := s.Next(t)
	await(t, h, isPresent)
	if n := len(slices.DeleteFunc(client.Given(), func(c string) bool { return !strings.HasPrefix(c, "event ") })); n != 1 {
		t.Errorf("events were asked for %d times", n)
	}
	if h.system != "FreeSWITCH 1.11.1" {
		t.Errorf("the system is %q", h.system)
	}
}

// 100,000 events at once, and a store that takes its time: the socket is read to its end
// meanwhile, in little memory, and all is told.
func TestSlowStoreHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := freeswitchtest.Start(t, freeswitchtest.Options{})
	h := newHost()
	written := make(chan struct{})
	ended := run(t, New(), sourceOf(s, map[string]any{"custom_events": []any{"burst::test"}}), h)
	client := s.Next(t)
	await(t, h, isPresent)
	h.mu.Lock()
	h.facts = nil
	h.mu.Unlock()
	h.tell = func() error { <-written; return nil } // nothing is stored until all was read

	events, filler := 100_000, 1100 // 120 MB
	if raceEnabled {
		events = 20_000
	}
	before := memory()
	text := strings.Repeat("x", filler)
	var b bytes.Buffer
	for i := range events {
		e := freeswitchtest.Event("burst::test", "number", fmt.Sprint(i), "text", text)
		fmt.Fprintf(&b, "Content-Length: %d\nContent-Type: text/event-json\n\n%s", len(e), e)
		if b.Len() > 1<<20 || i == events-1 {
			if err := client.Write(b.String()); err != nil {
				t.Fatalf("the burst was not read: %v", err)
			}
			b.Reset()
		}
	}
	client.Notice("bye\n")
	if used := memory() - before; used > 64<<20 {
		t.Errorf("%d MiB are in memory", used>>20)
	}
	close(written)
	if err := within(t, ended); err == nil || !strings.Contains(err.Error(), "bye") {
		t.Errorf("Run ended with %v", err)
	}
	n := 0
	for _, f := range h.facts {
		if c, ok := f.(source.Custom); ok {
			if want := fmt.Sprintf(`{"number":"%d",`, n); !strings.HasPrefix(string(c.Data), want) {
				t.Fatalf("number %d is %s", n, c.Data)
			}
			n++
		}
	}
	if n != events {
		t.Errorf("%d of %d were told", n, events)
	}
}

func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// When our own queue takes nothing more, it is us who hang up, at once, though the store still
// has what came before: a FreeSWITCH that is not read from stands still.
func TestAFullQueueEndsTheConnection(t *testing.T) {
	t.Parallel()
	s := freeswitchtest.Start(t, freeswitchtest.Options{})
	h := newHost()
	h.queue = &source.Queue{}
	stored := make(chan struct{})
	ended := run(t, New(), sourceOf(s, nil), h)
	client := s.Next(t)
	await(t, h, isPresent)
	h.tell = func() error { <-stored; return nil }
	client.Send(freeswitchtest.Event("CHANNEL_HANGUP_COMPLETE", "Unique-ID", "a"))
	h.queue.Close() // it says no from then on, as a full one does
	client.Send(freeswitchtest.Event("HEARTBEAT"))
	select {
	case <-client.Gone():
	case <-time.After(20 * time.Second):
		t.Error("the connection stands")
	}
	close(stored)
	if err := within(t, ended); !errors.Is(err, source.ErrQueueClosed) {
		t.Errorf("Run ended with %v", err)
	}
}

// FreeSWITCH was started anew without that we noticed: all that was is no more.
func TestAnotherCore(t *testing.T) {
	t.Parallel()
	s := freeswitchtest.Start(t, freeswitchtest.Options{})
	h := newHost()
	ended := run(t, New(), sourceOf(s, nil), h)
	client := s.Next(t)
	await(t, h, isPresent)
	client.Send(freeswitchtest.Event("CHANNEL_CREATE", "Unique-ID", "a", "Channel-Name", "sofia/internal/101@pbx.example", "Call-Direction", "inbound", "Core-UUID", freeswitchtest.CoreUUID))
	client.Send(freeswitchtest.Event("HEARTBEAT", "Core-UUID", "another"))
	if err := within(t, ended); err == nil || !strings.Contains(err.Error(), "anew") {
		t.Errorf("Run ended with %v", err)
	}
	await(t, h, func(f source.LegStarted) bool { return f.Leg == "a" })
}

func TestHowItEnds(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"killed listener because of lost events\n": "too slowly",
		"Disconnected, goodbye.\nSee you":          "goodbye",
		"":                                         "it stopped, or",
	} {
		s := freeswitchtest.Start(t, freeswitchtest.Options{})
		h := newHost()
		ended := run(t, New(), sourceOf(s, nil), h)
		client := s.Next(t)
		await(t, h, isPresent)
		if text != "" {
			client.Notice(text)
		} else {
			client.Close()
		}
		if err := within(t, ended); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: Run ended with %v", text, err)
		}
	}
}

// A peer that is silent is noticed, and one that answers and tells nothing.
func TestSilence(t *testing.T) {
	t.Parallel()
	for _, answers := range []bool{false, true} {
		s := freeswitchtest.Start(t, freeswitchtest.Options{Deaf: !answers})
		w, err := connect(t.Context(), &Options{Address: s.Address, Password: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.subscribe(&Options{Format: "json"}); err != nil {
			t.Fatal(err)
		}
		w.silence, w.heartless = 300*time.Millisecond, time.Second
		go w.ping(t.Context())
		err = w.read(func([]byte) error { return nil })
		if answers && (err == nil || !strings.Contains(err.Error(), "HEARTBEAT")) || !answers && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("answers %t: %v", answers, err)
		}
		w.close()
	}
}

// An event that cannot be read is kept, and what comes after it is told.
func TestWhatCannotBeReadIsRejected(t *testing.T) {
	t.Parallel()
	s := freeswitchtest.Start(t, freeswitchtest.Options{})
	h := newHost()
	run(t, New(), sourceOf(s, nil), h)
	client := s.Next(t)
	await(t, h, isPresent)
	if err := client.Write("Content-Length: 5\nContent-Type: text/event-json\n\n{\"x\":Content-Length: 9\nContent-Type: text/event-json\n\n{\"x\":\"y\"}"); err != nil {
		t.Fatal(err)
	}
	client.Send(freeswitchtest.Event("CHANNEL_HANGUP_COMPLETE", "Unique-ID", "a"))
	await(t, h, func(f source.LegEnded) bool { return f.Leg == "a" })
	if len(h.rejects) != 2 {
		t.Errorf("rejected: %q", h.rejects)
	}
}

// FreeSWITCH answers our signs of life with -ERR, which is not the answer to what it was asked
// meanwhile and has not answered yet.
func TestASignOfLifeIsNoQuestion(t *testing.T) {
	t.Parallel()
	s := freeswitchtest.Start(t, freeswitchtest.Options{Answers: busyAnswers(), Hold: showChannels})
	c, h := New(), newHost()
	c.silence = 300 * time.Millisecond
	run(t, c, sourceOf(s, nil), h)
	client := s.Next(t)
	client.Asked(t, showChannels)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	patience := time.After(20 * time.Second)
	for signs := 0; signs < 4; {
		select {
		case <-look.C:
		case <-patience:
			t.Fatalf("given: %q", client.Given())
		}
		signs = 0
		for _, command := range client.Given() {
			if command == sign {
				signs++
			}
		}
	}
	s.Release()
	if p := await(t, h, isPresent)[0].(source.Present); len(p.Legs) != 4 {
		t.Errorf("told %s", sourcetest.Fact(p))
	}
}

// FreeSWITCH takes no commands at the moment. What it says is read all the same: it may wait
// for just that.
func TestReadingWaitsForNoWriting(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	w := newWire(a)
	sent, read, events := make(chan error, 1), make(chan error, 1), make(chan string, 1)
	go func() { sent <- w.send("bgapi version") }() // nobody reads it
	go func() { read <- w.read(func(event []byte) error { events <- string(event); return nil }) }()
	if _, err := io.WriteString(b, "Content-Type: command/reply\nReply-Text: +OK\n\nContent-Type: text/event-json\nContent-Length: 2\n\n{}"); err != nil {
		t.Error(err)
	}
	select {
	case <-events:
	case <-time.After(5 * time.Second):
		t.Error("the event was not read")
	}
	w.close()
	_, _ = <-sent, <-read
	_ = b.Close()
}
