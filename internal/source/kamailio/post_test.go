package kamailio

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

const token = "a-token-for-the-tests"

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
		ended <- c.Run(ctx, &switchhook.Source{ID: "kam", Options: map[string]any{"token": token}}, h)
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

func send(t *testing.T, c *Connector, token, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	c.Post(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/in/kam/"+token, strings.NewReader(body)), "kam", token)
	return w
}

const started = `{"version":"5.6.3","messages":[{"event":"start","at":1796000000}]}`

func TestPost(t *testing.T) {
	t.Parallel()
	c, h := New(), newHost()
	if c.Has("kam") {
		t.Error("it has a source that does not run")
	}
	stop := start(t, c, h)
	if got := send(t, c, "another-token-for-it", started).Code; got != http.StatusNotFound {
		t.Errorf("another token: %d", got)
	}
	if got := send(t, c, token, started).Code; got != http.StatusAccepted {
		t.Errorf("%d", got)
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
		`{"messages":[{"event":"else","at":1}]}`:                                `there is no event "else"`,
		`{"messages":[{"event":"expired","at":1}]}`:                             "aor is missing",
		`{"messages":[{"event":"message","call_id":"YQ=="}]}`:                   "at is missing",
		`not JSON`: "expected what deploy/kamailio/switchhook.cfg posts",
	} {
		if got := send(t, c, token, body).Code; got != http.StatusAccepted {
			t.Errorf("%s: %d; what cannot be read must not come again and again", body, got)
		}
		if reason := <-h.rejected; !strings.Contains(reason.Error(), want) {
			t.Errorf("%s: %v, want %s", body, reason, want)
		}
	}
	if err := stop(); err == nil || err.Error() != "enough" {
		t.Error(err)
	}
	if w := send(t, c, token, started); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("while it does not run: %d", w.Code)
	}
	// It runs again: the Kamailio is the same, and has kept all.
	start(t, c, h)
	if got := send(t, c, token, `{"messages":[]}`).Code; got != http.StatusAccepted || !<-h.connected {
		t.Errorf("%d, or it has not kept all", got)
	}
}

// What is not kept is not answered for.
func TestNotKept(t *testing.T) {
	t.Parallel()
	c, h := New(), newHost()
	stop := start(t, c, h)
	h.fails <- errors.New("the store is away")
	if w := send(t, c, token, started); w.Code != http.StatusServiceUnavailable {
		t.Error(w.Code)
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
	if w := send(t, c, token, `{"lost":7,"messages":[]}`); w.Code != http.StatusAccepted || !<-h.connected {
		t.Error(w.Code)
	}
	if err := stop(); err == nil || err.Error() != "Kamailio's queue was full, and it dropped 7 messages" {
		t.Error(err)
	}
	start(t, c, h)
	if w := send(t, c, token, `{"messages":[]}`); w.Code != http.StatusAccepted || <-h.connected {
		t.Error(w.Code, "or it says that it has kept all")
	}
}

// So it is when a Kamailio starts anew: what the one before had not posted is lost.
func TestStartedAnew(t *testing.T) {
	t.Parallel()
	c, h := New(), newHost()
	stop := start(t, c, h)
	for range 2 {
		if w := send(t, c, token, started); w.Code != http.StatusAccepted {
			t.Error(w.Code)
		}
	}
	if err := stop(); err == nil || err.Error() != "Kamailio has started anew" {
		t.Error(err)
	}
	start(t, c, h)
	if w := send(t, c, token, `{"messages":[]}`); w.Code != http.StatusAccepted || <-h.connected || <-h.connected {
		t.Error(w.Code, "or it says that it has kept all")
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	c := New()
	for want, given := range map[string]map[string]any{
		"":              {"token": token},
		"options.token": {"token": "short"},
		"options.url":   {"token": token, "url": "x"},
	} {
		_, fields, err := sourcetest.Refused(nil, c.Check(given))
		if (want == "") != (err != nil) || !strings.HasPrefix(fields, want) {
			t.Errorf("%v: %q, %v", given, fields, err)
		}
	}
	if c.Check(nil) == nil || c.Check(map[string]any{"token": 5}) == nil {
		t.Error("no token, or a number, is accepted")
	}
}
