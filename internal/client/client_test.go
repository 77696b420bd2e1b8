package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/client"
)

// A stream breaks off in the middle, is refused for a while, and sends places without
// messages: each message comes once.
func TestFollowMissesNothing(t *testing.T) {
	t.Parallel()
	connections := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" || r.Header.Get("User-Agent") != "test" || r.Method != http.MethodPost {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		if connections++; connections%3 == 2 {
			w.Header().Set("Retry-After", "0")
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
		fmt.Fprintf(w, "retry: 2000\nid: %d\n\n: alive\n\n", last)
		for n := last + 1; n <= last+3; n++ {
			fmt.Fprintf(w, "id: %d\n", n)
			if n%2 == 0 {
				fmt.Fprintf(w, "data: message %d\ndata: of two lines\n", n)
			}
			fmt.Fprint(w, "\n")
		}
		fmt.Fprint(w, "id: 1000\ndata: half a message") // and it breaks off
	}))
	defer server.Close()
	c := &client.Client{URL: server.URL + "/", Key: "key", Agent: "test"}
	var got []string
	var lost, there int
	enough := errors.New("enough")
	err := c.Follow(t.Context(), client.Request{Method: http.MethodPost, Path: "/stream", Body: []byte("{}")}, func(err error) {
		if err != nil {
			lost++
		} else {
			there++
		}
	}, func(m client.Message) error {
		if got = append(got, m.ID+" "+string(m.Data)); len(got) == 6 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
	var want []string
	for n := 2; n <= 12; n += 2 {
		want = append(want, fmt.Sprintf("%d message %d\nof two lines", n, n))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	if there < 4 || lost < there-1 {
		t.Errorf("there %d times, lost %d times", there, lost)
	}
}

func TestFollowEndsWhereItIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"code":"invalid","detail":"type: is wrong","errors":[{"field":"type","message":"is wrong"}],"request_id":"req_1"}`)
	}))
	defer server.Close()
	c := &client.Client{URL: server.URL, Agent: "test"}
	err := c.Follow(t.Context(), client.Request{Method: http.MethodGet, Path: "/"}, func(error) {}, func(client.Message) error { return nil })
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || refused.Status != 422 || refused.Error() != "type: is wrong" || len(refused.Fields) != 1 || refused.RequestID != "req_1" || refused.Temporary() {
		t.Errorf("%+v", err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "id: 1\ndata: x\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	c := &client.Client{URL: server.URL, Agent: "test"}
	err := c.Follow(ctx, client.Request{Method: http.MethodGet, Path: "/"}, func(error) {}, func(client.Message) error {
		cancel()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWhoIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	c := &client.Client{URL: server.URL, Agent: "test"}
	_, err := c.Do(t.Context(), client.Request{Method: http.MethodGet, Path: "/v1/x"})
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || refused.Status != 404 || refused.Error() != "the server answered 404 Not Found" {
		t.Errorf("%v", err)
	}
	server.Close()
	_, err = c.Do(t.Context(), client.Request{Method: http.MethodGet, Path: "/v1/x"})
	if _, ok := errors.AsType[*client.Unreachable](err); !ok || !strings.HasPrefix(err.Error(), "no answer from "+server.URL) {
		t.Errorf("%v", err)
	}
}
