package cluster_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/cluster"
	"github.com/switchhook/switchhook/internal/store/postgres/pgtest"
)

func nobody(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, "nobody leads")
}

// following is a server of a process that follows, and the URL of its database.
func following(t *testing.T, leader http.HandlerFunc) (follower *httptest.Server, database string) {
	t.Helper()
	database = pgtest.New(t)
	led := httptest.NewServer(leader)
	t.Cleanup(led.Close)
	leading(t, process(t, database, led.URL), 3*time.Second)
	l := process(t, database, "")
	follower = httptest.NewServer(l.Follow(nil, nobody, nil))
	t.Cleanup(follower.Close)
	follow(t, l, led.URL)
	return follower, database
}

// follow lets a process follow until it knows who is reached there.
func follow(t *testing.T, l *cluster.Lease, url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = l.Acquire(ctx) // never
	}()
	t.Cleanup(func() { cancel(); <-ended })
	pgtest.Eventually(t, "the follower knows who leads", 5*time.Second, func() bool { return l.Leader().URL == url })
}

// ask sends a request and returns its answer.
func ask(t *testing.T, method, url, body string, header http.Header) (status int, of http.Header, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	must(t, err)
	if header != nil {
		req.Header = header
	}
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, resp.Header, string(b)
}

func TestFollowerPassesOn(t *testing.T) {
	t.Parallel()
	follower, _ := following(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s\n%s\n%s\n%s\n%d %s", r.Method, r.RequestURI, r.Host, r.Header.Get("Authorization"), r.Header.Get("X-Forwarded-For"), len(body), body[:min(len(body), 10)])
	})
	// Queries and paths as some phone systems write them.
	const target = "/v1/in/a%2Fb/c?number=+1;x&y=%zz&z"
	status, header, got := ask(t, http.MethodPost, follower.URL+target, strings.Repeat("0123456789", 200_000), http.Header{
		"Authorization": {"Bearer key"}, "X-Forwarded-For": {"192.0.2.7"},
	})
	want := "POST " + target + "\n" + strings.TrimPrefix(follower.URL, "http://") + "\nBearer key\n192.0.2.7, 127.0.0.1\n2000000 0123456789"
	if status != http.StatusTeapot || header.Get("X-Answer") != "yes" || got != want {
		t.Errorf("%d %v\n%s\nwant\n%s", status, header, got, want)
	}
}

func TestFollowerPassesStreamsOn(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	gone := make(chan struct{})
	follower, _ := following(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case text := <-next:
				_, _ = fmt.Fprintf(w, "data: %s\n", text)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				close(gone)
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, follower.URL, nil)
	must(t, err)
	go func() { next <- "0" }()
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for i := range 3 {
		if i > 0 {
			next <- fmt.Sprint(i) // only now: what came before is not held back
		}
		lines.Scan()
		if got := lines.Text(); got != fmt.Sprintf("data: %d", i) {
			t.Fatalf("got %q", got)
		}
	}
	cancel()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the leader streams to who has gone")
	}
}

// A leader that hangs, and one that had begun to answer.
func TestFollowerCutsWhatWasPassedOn(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 2)
	follower, database := following(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		asked <- struct{}{}
		<-r.Context().Done()
	})
	type answer struct {
		status int
		err    error
	}
	answers := map[string]chan answer{"/none": make(chan answer, 1), "/half": make(chan answer, 1)}
	for path, to := range answers {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, follower.URL+path, nil)
			if err != nil {
				to <- answer{0, err}
				return
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				to <- answer{0, err}
				return
			}
			defer resp.Body.Close()
			_, err = io.ReadAll(resp.Body)
			to <- answer{resp.StatusCode, err}
		}()
	}
	<-asked
	<-asked
	pgtest.Do(t, pgtest.Connect(t, database), "UPDATE lease SET owner = 'third', url = 'http://127.0.0.1:1', until = clock_timestamp() + interval '1 hour'")
	for path, to := range answers {
		select {
		case got := <-to:
			if path == "/none" && (got.status != http.StatusServiceUnavailable || got.err != nil) || path == "/half" && got.err == nil {
				t.Errorf("%s: status %d, %v", path, got.status, got.err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s still waits for a leader that was replaced", path)
		}
	}
	// The one that leads now is not there.
	if status, _, body := ask(t, http.MethodPost, follower.URL, "x", nil); status != http.StatusServiceUnavailable || body != "nobody leads" {
		t.Errorf("%d %s", status, body)
	}
}

func TestNobodyToPassOnTo(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	l := process(t, database, "")
	s := httptest.NewServer(l.Follow(nil, nobody, nil))
	t.Cleanup(s.Close)
	refused := func(when string, header http.Header) {
		t.Helper()
		if status, _, body := ask(t, http.MethodGet, s.URL, "", header); status != http.StatusServiceUnavailable || body != "nobody leads" {
			t.Errorf("%s: %d %s", when, status, body)
		}
	}
	refused("nobody is known", nil)
	// Two that take each other for the leader, or one that takes itself: the address is
	// that of this process, under another's name.
	pgtest.Do(t, pgtest.Connect(t, database), "UPDATE lease SET owner = 'other', url = $1, until = clock_timestamp() + interval '1 hour'", s.URL)
	follow(t, l, s.URL)
	refused("the leader's address is ours", nil)
	refused("it was passed on to us", http.Header{"Switchhook-Forwarded": {"other"}})
}
