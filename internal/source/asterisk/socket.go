package asterisk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/switchhook/switchhook"
)

// A socket is ARI's WebSocket. Events come in; out go requests, if Asterisk dialled us. If we
// dialled it, requests are HTTP, for an Asterisk before 20.14 knows them only there.
type socket struct {
	conn *websocket.Conn
	push func(message []byte) error // takes what comes, answers too
	came bool                       // Asterisk dialled us
	ask  func(ctx context.Context, id, uri string) error
}

// mostMessage bounds a message of ARI. A list of all channels is one.
const mostMessage = 16 << 20

// hello is the first request: who are you?
const hello = "hello"

// dialARI connects to Asterisk's own server.
func dialARI(ctx context.Context, o *ARIOptions, push func([]byte) error) (*socket, error) {
	base, err := url.Parse(strings.TrimSuffix(o.URL, "/"))
	if err != nil {
		return nil, err
	}
	base.Scheme = strings.Replace(base.Scheme, "ws", "http", 1)
	header := http.Header{}
	r := &http.Request{Header: header}
	r.SetBasicAuth(o.Username, o.Password)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	events := *base
	events.Path += "/events"
	events.RawQuery = url.Values{"app": {o.App}, "subscribeAll": {"true"}}.Encode()
	conn, resp, err := websocket.Dial(ctx, events.String(), &websocket.DialOptions{HTTPHeader: header, Subprotocols: []string{"ari"}}) //nolint:bodyclose // it needs no closing
	switch {
	case err != nil && resp != nil && resp.StatusCode == http.StatusUnauthorized:
		return nil, switchhook.Errorf(switchhook.CodeUnauthorized, "ARI refuses the user %q: compare ari.username and ari.password with ari.conf", o.Username)
	case err != nil && resp != nil && resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("no ARI at %s: is enabled = yes in http.conf and ari.conf?", base.Redacted())
	case err != nil:
		return nil, fmt.Errorf("connect to ARI: %w", err)
	}
	conn.SetReadLimit(mostMessage)
	ask := func(ctx context.Context, id, uri string) error {
		body, status, err := getARI(ctx, base.JoinPath(uri).String(), header)
		if err != nil {
			return err
		}
		answer, err := json.Marshal(map[string]any{
			"type": "RESTResponse", "request_id": id, "status_code": status, "message_body": string(body),
			"timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000-0700"),
		})
		if err != nil {
			return err
		}
		return push(answer)
	}
	return &socket{conn, push, false, ask}, nil
}

func getARI(ctx context.Context, uri string, header http.Header) (body []byte, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	r.Header = header
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, mostMessage))
	return body, resp.StatusCode, err
}

// newSocket is one that Asterisk opened.
func newSocket(conn *websocket.Conn, push func([]byte) error) *socket {
	conn.SetReadLimit(mostMessage)
	return &socket{conn, push, true, func(ctx context.Context, id, uri string) error {
		request, err := json.Marshal(map[string]string{"type": "RESTRequest", "transaction_id": id, "request_id": id, "method": "GET", "uri": uri})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return conn.Write(ctx, websocket.MessageText, request)
	}}
}

// read says hello and passes each message on at once, until the connection or ctx ends, and
// says why it did. A peer that does not answer pings ends it.
//
// An Asterisk that dials does not see a request that follows the answer to its handshake too
// closely, until something else comes (22.10). So it gets ours when it has said something:
// what it had kept, and then ApplicationRegistered.
func (s *socket) read(ctx context.Context, silence time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.conn.CloseNow() //nolint:errcheck // it has ended
	go s.ping(ctx, silence)
	for greet := !s.came; ; greet = s.came {
		if greet {
			s.came = false
			if err := s.ask(ctx, hello, "asterisk/info"); err != nil {
				return err
			}
		}
		_, message, err := s.conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("the WebSocket of ARI ended: %w", err)
		}
		if err := s.push(message); err != nil {
			return err
		}
	}
}

// ping ends the connection when two pings in a row are not answered. With one it may be this
// process that was stopped: the answer lies behind all that came meanwhile.
func (s *socket) ping(ctx context.Context, silence time.Duration) {
	ticker := time.NewTicker(silence / 3)
	defer ticker.Stop()
	for missed := 0; missed < 2; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		pinged, cancel := context.WithTimeout(ctx, silence)
		missed++
		if s.conn.Ping(pinged) == nil {
			missed = 0
		}
		cancel()
	}
	_ = s.conn.CloseNow() // the reader finds out
}

// An about is the part of asterisk/info that is used.
type about struct {
	System struct {
		Version string `json:"version"`
	} `json:"system"`
	Status struct {
		Started string `json:"startup_time"`
	} `json:"status"`
}

// isHello reports whether a message answers the first request, and what it says.
func isHello(message []byte) (a about, ok bool) {
	if !bytes.Contains(message, []byte(`"`+hello+`"`)) {
		return a, false
	}
	var e ariEvent
	if json.Unmarshal(message, &e) != nil || e.RequestID != hello {
		return a, false
	}
	_ = json.Unmarshal([]byte(e.Body), &a) // who may not know has no version
	return a, true
}

// A door is where the WebSocket of one source comes in, while its Run waits for it.
type door struct {
	o       *ARIOptions
	arrived chan *websocket.Conn
	closed  <-chan struct{}
}

// doors are those of all sources that run.
type doors struct {
	mu  sync.Mutex
	all map[string]*door // by source
}

// open opens the door of a source until ctx ends.
func (d *doors) open(ctx context.Context, id string, o *ARIOptions) *door {
	own := &door{o: o, arrived: make(chan *websocket.Conn), closed: ctx.Done()}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all = map[string]*door{}
	}
	d.all[id] = own
	context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.all[id] == own {
			delete(d.all, id)
		}
	})
	return own
}

// Accept takes the WebSocket of ARI that Asterisk opens for a source (websocket_client.conf),
// with the name and password of its options. While the source does not run, Asterisk is told
// to come back, and keeps what happens until then.
func (c *Connector) Accept(w http.ResponseWriter, r *http.Request, id string) {
	c.doors.mu.Lock()
	d := c.doors.all[id]
	c.doors.mu.Unlock()
	if d == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the source does not run at the moment", http.StatusServiceUnavailable)
		return
	}
	d.ServeHTTP(w, r)
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	if !same(name, d.o.Username) || !same(password, d.o.Password) {
		w.Header().Set("WWW-Authenticate", `Basic realm="switchhook"`)
		http.Error(w, "username and password are those in ari of the source's options", http.StatusUnauthorized)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"ari"}})
	if err != nil {
		return // it was answered
	}
	if conn.Subprotocol() != "ari" {
		_ = conn.Close(websocket.StatusProtocolError, "expected the protocol ari: protocols = ari in websocket_client.conf")
		return
	}
	select {
	case d.arrived <- conn:
	case <-d.closed:
		_ = conn.CloseNow() // it comes back
	}
}

// same compares in constant time.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// listen serves a door at an address of its own until ctx ends.
func (d *door) listen(ctx context.Context, address string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for ARI: %w", err)
	}
	server := &http.Server{Handler: d, ReadHeaderTimeout: patience}
	go server.Serve(l) //nolint:errcheck // it ends with ctx
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return nil
}
