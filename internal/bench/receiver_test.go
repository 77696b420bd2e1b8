package bench

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func newTestReceiver(t *testing.T) *api {
	t.Helper()
	srv := httptest.NewServer(newReceiver())
	t.Cleanup(srv.Close)
	return &api{client: srv.Client(), url: srv.URL}
}

// send delivers as the engine does, and returns the status.
func send(t *testing.T, at *api, path, id string, body []byte) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.url+path, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header["webhook-id"], req.Header["webhook-signature"] = []string{id}, []string{"v1,x"}
	resp, err := at.client.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func tallyOf(t *testing.T, at *api) (got tally) {
	t.Helper()
	if err := at.call(t.Context(), http.MethodGet, pathTally, nil, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestReceiver(t *testing.T) {
	t.Parallel()
	at, now := newTestReceiver(t), time.Now()
	for i := range 7 {
		if status := send(t, at, "/one", strconv.Itoa(i), envelope("k", i, now)); status != http.StatusOK {
			t.Fatalf("answered %d", status)
		}
	}
	if n, err := countAt(t.Context(), at.client, at.url); n != 7 || err != nil {
		t.Errorf("counts %d, %v", n, err)
	}
	if got, want := tallyOf(t, at), (tally{Total: 7, Distinct: 7}); got != want {
		t.Errorf("%+v", got)
	}
	var samples []sample
	if err := at.call(t.Context(), http.MethodGet, pathSamples, nil, &samples); err != nil || len(samples) != stages {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	first, want := samples[0], http.Header{"webhook-id": {"0"}, "webhook-signature": {"v1,x"}, "User-Agent": {"Go-http-client/1.1"}}
	if string(first.Body) != string(envelope("k", 0, now)) || !reflect.DeepEqual(first.Header, want) {
		t.Errorf("%s %v", first.Body, first.Header)
	}
	if err := at.call(t.Context(), http.MethodPost, pathReset, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := tallyOf(t, at); got != (tally{}) {
		t.Errorf("after a reset: %+v", got)
	}
	if status := send(t, at, "/one", "long", make([]byte, 9<<10)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that cannot be checked is answered %d", status)
	}
}

func TestReceiverThatIsDown(t *testing.T) {
	t.Parallel()
	at := newTestReceiver(t)
	for _, c := range []struct {
		down string
		want int
	}{{"true", http.StatusServiceUnavailable}, {"false", http.StatusOK}} {
		if err := at.call(t.Context(), http.MethodPost, pathDown+"?down="+c.down, nil, nil); err != nil {
			t.Fatal(err)
		}
		if status := send(t, at, pathBacklog, "a", envelope("k", 1, time.Now())); status != c.want {
			t.Errorf("down=%s: answered %d", c.down, status)
		}
	}
	if got := tallyOf(t, at); got.Total != 1 {
		t.Errorf("what was refused counts: %+v", got)
	}
}

func TestReceiverThatHangs(t *testing.T) {
	t.Parallel()
	at := newTestReceiver(t)
	answered := make(chan int, 1)
	go func() { answered <- send(t, at, pathHang, "a", envelope("k", 1, time.Now())) }()
	for { // until the request hangs, there is nothing to let go
		if err := at.call(t.Context(), http.MethodPost, pathRelease, nil, nil); err != nil {
			t.Fatal(err)
		}
		select {
		case status := <-answered:
			if status != http.StatusServiceUnavailable || tallyOf(t, at).Total != 0 {
				t.Errorf("answered %d, %+v", status, tallyOf(t, at))
			}
			return
		default:
		}
	}
}

// Never are more deliveries outstanding than the window has.
func TestGate(t *testing.T) {
	t.Parallel()
	at := newTestReceiver(t)
	ctx, cancel := context.WithCancel(t.Context())
	g := openGate(ctx, at.client, at.url, window)
	if !g.enter(window) {
		t.Fatal("an empty window is shut")
	}
	entered := make(chan bool)
	go func() { entered <- g.enter(2) }()
	send(t, at, "/one", "a", envelope("k", 1, time.Now()))
	select {
	case <-entered:
		t.Fatal("two came in for one that went out")
	default:
	}
	send(t, at, "/one", "b", envelope("k", 2, time.Now()))
	if !<-entered {
		t.Fatal("the window does not open again")
	}
	go func() { entered <- g.enter(window) }()
	cancel()
	if <-entered {
		t.Error("the window opens after the end")
	}
}

// A child ends with its input, whatever it does.
func TestChildEndsWithItsParent(t *testing.T) {
	t.Parallel()
	for role, args := range map[string][]string{
		RoleReceiver: {RoleReceiver}, RoleLoad: {RoleLoad}, RoleServer: {RoleServer, t.TempDir(), ""},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			in, parent := io.Pipe()
			out, childOut := io.Pipe()
			ended := make(chan error, 1)
			go func() {
				err := Child(t.Context(), args, in, childOut)
				_ = childOut.Close() // who waits for a line is told
				ended <- err
			}()
			said := &child{in: parent, out: bufio.NewReader(out)}
			switch role {
			case RoleReceiver:
				url, err := said.line()
				if n, countErr := countAt(t.Context(), http.DefaultClient, url); err != nil || countErr != nil || n != 0 {
					t.Errorf("says %q, %v; counts %d, %v", url, err, n, countErr)
				}
			case RoleServer:
				line, err := said.line()
				url, key, _ := strings.Cut(line, " ")
				at := &api{client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, url: url, key: key}
				if callErr := at.call(t.Context(), http.MethodPost, "/v1/accounts", map[string]string{"id": "acme", "name": "Acme"}, nil); err != nil || callErr != nil {
					t.Errorf("says %q, %v; takes no account: %v", line, err, callErr)
				}
			case RoleLoad: // which says nothing before its first job
			}
			_ = parent.Close()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	if err := Child(t.Context(), []string{"nobody"}, strings.NewReader(""), io.Discard); err == nil {
		t.Error("any role will do")
	}
}
