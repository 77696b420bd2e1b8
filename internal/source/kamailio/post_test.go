package kamailio

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

// A host notes what it is told.
type host struct {
	connected chan bool // kept
	told      chan source.Fact
	rejected  chan error
	fails     chan error // what Tell answers next
}

func newHost() *host {
	return &host{make(chan bool, 10), make(chan source.Fact, 100), make(chan error, 10), make(chan error, 1)}
}

func (h *host) Connected(_ context.Context, _ string, kept bool) error {
	h.connected <- kept
	return nil
}

func (h *host) Tell(_ context.Context, facts []source.Fact) error {
	select {
	case err := <-h.fails:
		return err
	default:
	}
	for _, f := range facts {
		h.told <- f
	}
	return nil
}

func (h *host) Reject(_ context.Context, _ []byte, reason error) { h.rejected <- reason }
func (h *host) NewQueue() *source.Queue                          { return nil }
func (h *host) Now() time.Time                                   { return time.Now().UTC() }

// start runs the connector until the test ends, or the returned function is called, which
// says why it ended.
func start(t *testing.T, c *Connector, h source.Host) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- c.Run(ctx, &switchhook.Source{ID: "kam"}, h)
	}()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for box := c.box("kam"); box == nil || box.open.Err() != nil; box = c.box("kam") {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-look.C:
		}
	}
	return func() error {
		cancel(errors.New("enough"))
		return <-ended
	}
}

// send posts, and reports whether it is kept. What is not can be tried again.
func send(t *testing.T, c *Connector, body string) bool {
	t.Helper()
	err := c.Post(t.Context(), "kam", &source.Request{Method: http.MethodPost, Body: []byte(body)})
	if err != nil && switchhook.ErrorCode(err) != switchhook.CodeUnavailable {
		t.Errorf("%s: %v", body, err)
	}
	return err == nil
}

const started = `{"version":"5.6.3","messages":[{"event":"start","at":1796000000}]}`

func TestPost(t *testing.T) {
	t.Parallel()
	c, h := New(), newHost()
	if send(t, c, started) {
		t.Error("a source that has never run takes something")
	}
	stop := start(t, c, h)
	if err := c.Post(t.Context(), "kam", &source.Request{Method: http.MethodGet}); switchhook.ErrorCode(err) != switchhook.CodeInvalid {
		t.Errorf("GET: %v", err)
	}
	if !send(t, c, started) {
		t.Error("it is not taken")
	}
	if kept := <-h.connected; kept {
		t.Error("a Kamailio that has just started has kept nothing")
	}
	if f, ok := (<-h.told).(source.Present); !ok || f.At().Unix() != 1796000000 {
		t.Errorf("told: %+v", f)
	}
	for body, want := range map[string]string{
		`{"messages":[{"event":"start","at":"x"}]}`:                             "expected seconds since 1970",
		`{"messages":[{"event":"end","at":1}]}`:                                 "call_id is missing",
		`{"messages":[{"event":"end","at":1,"call_id":"!"}]}`:                   "expected base64",
		`{"messages":[{"event":"branch","at":1,"call_id":"YQ==","branch":31}]}`: "31 branches at most",
		`{"messages":[{"event":"start","at":274877906944}]}`:                    "expected seconds since 1970",
		`{"messages":[{"event":"else","at":1}]}`:                                `there is no event "else"`,
		`{"messages":[{"event":"expired","at":1}]}`:                             "aor is missing",
		`{"messages":[{"event":"message","call_id":"YQ=="}]}`:                   "at is missing",
		`not JSON`: "expected what deploy/kamailio/switchhook.cfg posts",
	} {
		if !send(t, c, body) {
			t.Errorf("%s: what cannot be read must not come again and again", body)
		}
		if reason := <-h.rejected; !strings.Contains(reason.Error(), want) {
			t.Errorf("%s: %v, want %s", body, reason, want)
		}
	}
	if err := stop(); err == nil || err.Error() != "enough" {
		t.Error(err)
	}
	if send(t, c, started) {
		t.Error("it takes something while it does not run")
	}
	// It runs again: the Kamailio is the same, and has kept all.
	start(t, c, h)
	if !send(t, c, `{"messages":[]}`) || !<-h.connected {
		t.Error("it is not taken, or it has not kept all")
	}
}

// Two Kamailios at one source are an error of the operator's, who is told once, and not a
// reason to lose anything.
func TestTwoKamailios(t *testing.T) {
	t.Parallel()
	c, h := New(), newHost()
	start(t, c, h)
	for _, boot := range []string{"7", "8", "7", "8", "7"} {
		if !send(t, c, `{"boot":`+boot+`,"messages":[]}`) {
			t.Error("it is not taken")
		}
	}
	if reason := <-h.rejected; !strings.Contains(reason.Error(), "each needs a source of its own") || len(h.rejected) > 0 {
		t.Error(reason)
	}
}

// What is not kept is not answered for.
func TestNotKept(t *testing.T) {
	t.Parallel()
	c, h := New(), newHost()
	stop := start(t, c, h)
	h.fails <- errors.New("the store is away")
	if send(t, c, started) {
		t.Error("what is not kept is said to be")
	}
	if err := stop(); err == nil || err.Error() != "the store is away" {
		t.Error(err)
	}
}

// When Kamailio had to drop messages, that is a gap.
func TestGap(t *testing.T) {
	t.Parallel()
	c, h := New(), newHost()
	stop := start(t, c, h)
	if !send(t, c, `{"lost":7,"messages":[]}`) || !<-h.connected {
		t.Error("it is not taken")
	}
	if err := stop(); err == nil || err.Error() != "Kamailio dropped 7 messages that its queue had no room for" {
		t.Error(err)
	}
	start(t, c, h)
	if !send(t, c, `{"messages":[]}`) || <-h.connected {
		t.Error("it is not taken, or it says that it has kept all")
	}
}

// So it is when a Kamailio starts anew: what the one before had not posted is lost.
func TestStartedAnew(t *testing.T) {
	t.Parallel()
	c, h := New(), newHost()
	stop := start(t, c, h)
	for range 2 {
		if !send(t, c, started) {
			t.Error("it is not taken")
		}
	}
	if err := stop(); err == nil || err.Error() != "Kamailio has started anew" {
		t.Error(err)
	}
	start(t, c, h)
	if !send(t, c, `{"messages":[]}`) || <-h.connected || <-h.connected {
		t.Error("it is not taken, or it says that it has kept all")
	}
}

// There are no options: who posts is known by the ingest URL.
func TestOptions(t *testing.T) {
	t.Parallel()
	if err := New().Check(nil); err != nil {
		t.Error(err)
	}
	if _, fields, _ := sourcetest.Refused(nil, New().Check(map[string]any{"url": "x"})); !strings.HasPrefix(fields, "options.url") {
		t.Error(fields)
	}
}
