package asterisktest

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// ARIEvents is a websocket of ARI that keeps every event that came.
type ARIEvents struct {
	mu     sync.Mutex
	events [][]byte
}

// ListenARI subscribes an application to all events. It ends with the test.
func (s *Server) ListenARI(tb testing.TB, application string) *ARIEvents {
	tb.Helper()
	query := url.Values{"app": {application}, "subscribeAll": {"true"}}
	header := http.Header{}
	r := http.Request{Header: header}
	r.SetBasicAuth(User, Secret)
	c, answer, err := websocket.Dial(tb.Context(), s.ARI+"/events?"+query.Encode(), &websocket.DialOptions{HTTPHeader: header})
	if answer != nil && answer.Body != nil {
		_ = answer.Body.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	c.SetReadLimit(-1)
	var a ARIEvents
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			_, event, err := c.Read(context.Background())
			if err != nil {
				return
			}
			a.mu.Lock()
			a.events = append(a.events, event)
			a.mu.Unlock()
		}
	}()
	tb.Cleanup(func() {
		_ = c.CloseNow()
		<-done
	})
	return &a
}

// NDJSON is one event a line, without the line breaks that they have inside.
func (a *ARIEvents) NDJSON() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b bytes.Buffer
	for _, e := range a.events {
		b.Write(bytes.ReplaceAll(e, []byte("\n"), nil))
		b.WriteByte('\n')
	}
	return b.Bytes()
}
