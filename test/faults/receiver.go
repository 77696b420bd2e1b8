//go:build unix

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A kind is how a receiver behaves, some of the time, until it is healed.
type kind string

// The kinds. Each does what it is named for to a share of its requests (see
// misbehaves) and answers the others 200 at once.
const (
	good      kind = "good"
	slow      kind = "slow"      // answers after 50 to 500 ms
	flaky     kind = "flaky"     // answers 500
	hanging   kind = "hanging"   // never answers
	resetting kind = "resetting" // resets the connection in mid-request or mid-answer
	endless   kind = "endless"   // its answer has no end
	dripping  kind = "dripping"  // its answer comes at a byte a second
	throttled kind = "throttled" // answers 429 or 503 with Retry-After
	closing   kind = "closing"   // closes kept connections without having said so
	late      kind = "late"      // answers 200 after we have given up
	outage    kind = "outage"    // refuses everything for seconds at a time
	dead      kind = "dead"      // never answers at all
	holding   kind = "holding"   // waits before it answers, so that much is under way
)

// kinds are those that a delivery gets past in the end, however long a run is.
func kinds() []kind {
	return []kind{good, slow, flaky, hanging, resetting, endless, dripping, throttled, closing, late, outage}
}

// longestHold is how long a holding receiver waits: less than its webhook does.
const longestHold = 20 * time.Second

// attemptTimeout is the shortest that a webhook may have. Those whose receiver
// makes us wait have it; the others have patience.
const attemptTimeout = time.Second

func (k kind) timeout() time.Duration {
	switch k {
	case hanging, dripping, late, dead:
		return attemptTimeout
	case good, slow, flaky, resetting, endless, throttled, closing, outage, holding:
		return 30 * time.Second
	}
	return 0
}

// events are the types that the receiver's webhook selects: not all want all.
func (k kind) events() []string {
	if k == closing || k == late {
		return []string{"call.created", "call.hungup"}
	}
	return []string{"call.*"}
}

// wants reports whether they are among them.
func (k kind) wants(typ string) bool {
	events := k.events()
	return events[0] == "call.*" || slices.Contains(events, typ)
}

// An outcome is what the sender can know of a request.
type outcome int

const (
	refused outcome = iota // it was not answered 2xx
	unclear                // 2xx, but not to be read whole or in time: both conclusions are right
	taken                  // answered 2xx
)

// An arrival is a request that came to a receiver.
type arrival struct {
	hook            int    // which receiver
	id              string // webhook-id
	event, key, tag string
	typ             string
	sequence        int64
	by              string // the program's version, of which each process of several has its own
	folded          bool   // it carries what the first event of its call said
	at              time.Time
	outcome         outcome
	answered        time.Time // when the status was sent, where it was 2xx
}

// A journal is what came, in its order, to all receivers of a rig.
type journal struct {
	mu       sync.Mutex
	arrivals []*arrival
	arrived  map[delivery]bool // answered 2xx at least once
	broken   int               // requests that broke off before they were read
	held     int               // requests that holding receivers have not answered yet
	faults   []string
}

// A delivery is an event, by its tag, for a receiver.
type delivery struct {
	hook int
	tag  string
}

func newJournal() *journal { return &journal{arrived: map[delivery]bool{}} }

func (j *journal) add(a *arrival) {
	j.mu.Lock()
	defer j.mu.Unlock()
	a.at = time.Now()
	j.arrivals = append(j.arrivals, a)
}

// answers notes that a status of 2xx is about to be sent.
func (j *journal) answers(a *arrival, o outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	a.outcome, a.answered = o, time.Now()
	j.arrived[delivery{a.hook, a.tag}] = true
}

func (j *journal) fault(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.faults = append(j.faults, fmt.Sprintf(format, args...))
}

func (j *journal) breaks() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken++
}

func (j *journal) has(d delivery) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.arrived[d]
}

// holds notes that so many more requests are held, and returns how many are.
func (j *journal) holds(more int) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.held += more
	return j.held
}

func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.arrivals)
}

// A receiver is where one webhook points. It lives as long as its rig, whatever
// happens to the server.
type receiver struct {
	kind    kind
	hook    int
	journal *journal
	url     string
	server  *http.Server
	healed  atomic.Bool
	started time.Time

	mu     sync.Mutex
	random *rand.Rand
}

func newReceiver(ctx context.Context, k kind, hook int, seed uint64, j *journal) (*receiver, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{
		kind: k, hook: hook, journal: j, url: "http://" + listener.Addr().String() + "/" + string(k),
		started: time.Now(), random: random(seed, 1000+uint64(hook)), //nolint:gosec // a small number
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: patience}
	go func() { _ = r.server.Serve(listener) }() // it ends when close says so
	return r, nil
}

func (r *receiver) close() { _ = r.server.Close() }

// chance draws a number below n.
func (r *receiver) chance(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.random.IntN(n)
}

// misbehaves decides how the next request is treated. What costs a webhook a
// second of waiting is rarer than what costs nothing.
func (r *receiver) misbehaves() bool {
	if r.healed.Load() {
		return false
	}
	switch r.kind {
	case good:
		return false
	case slow, dead:
		return true
	case flaky, closing:
		return r.chance(3) == 0
	case holding:
		return r.chance(4) > 0
	case resetting, endless, throttled:
		return r.chance(6) == 0
	case hanging, dripping, late:
		return r.chance(30) == 0
	case outage:
		const up, down = 3 * time.Second, 2 * time.Second
		return time.Since(r.started)%(up+down) > up
	}
	return false
}

// ServeHTTP takes one request.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	bad := r.misbehaves()
	if bad && (r.kind == resetting || r.kind == outage) && r.chance(2) == 0 {
		r.journal.breaks() // in mid-request: its body is never read
		hangUp(w, "", true)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.journal.breaks() // the sender died
		return
	}
	a, err := read(req.Header, body)
	if err != nil {
		r.journal.fault("a delivery to %s: %v", r.kind, err)
		return
	}
	a.hook = r.hook
	r.journal.add(a)
	if !bad {
		r.take(w, a)
		return
	}
	r.misbehave(w, req, a)
}

// take answers as it should be.
func (r *receiver) take(w http.ResponseWriter, a *arrival) {
	r.journal.answers(a, taken)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte("ok")) // the sender may be dead
}

// misbehave treats a request as the receiver's kind does.
func (r *receiver) misbehave(w http.ResponseWriter, req *http.Request, a *arrival) {
	ctx, cancel := context.WithTimeout(req.Context(), patience) // ends when the sender gives up
	defer cancel()
	switch r.kind {
	case good:
		r.take(w, a)
	case slow:
		pause(ctx, time.Duration(50+r.chance(450))*time.Millisecond)
		if ctx.Err() == nil {
			r.take(w, a)
		}
	case holding:
		r.journal.holds(1)
		defer r.journal.holds(-1)
		for end := time.Now().Add(longestHold); ctx.Err() == nil && time.Now().Before(end) && !r.healed.Load(); {
			pause(ctx, 20*time.Millisecond)
		}
		if ctx.Err() == nil {
			r.take(w, a)
		}
	case flaky, outage:
		w.WriteHeader(http.StatusInternalServerError)
	case hanging, dead:
		<-ctx.Done()
	case resetting:
		r.journal.answers(a, unclear)
		hangUp(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of", true)
	case endless:
		r.journal.answers(a, unclear)
		for line := []byte(strings.Repeat("on and on ", 100)); ctx.Err() == nil; {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	case dripping:
		r.journal.answers(a, unclear)
		w.Header().Set("Content-Length", "60")
		for range 60 {
			_, err := w.Write([]byte("."))
			if http.NewResponseController(w).Flush() != nil || err != nil || ctx.Err() != nil {
				return
			}
			pause(ctx, time.Second)
		}
	case throttled:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader([]int{http.StatusTooManyRequests, http.StatusServiceUnavailable}[r.chance(2)])
	case closing:
		r.journal.answers(a, taken)
		hangUp(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false)
	case late:
		pause(context.WithoutCancel(ctx), attemptTimeout+time.Duration(r.chance(500))*time.Millisecond)
		r.journal.answers(a, unclear)
		w.WriteHeader(http.StatusOK)
	}
}

// hangUp sends some text and ends the connection: as it should be, or with a reset.
func hangUp(w http.ResponseWriter, text string, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(text)) // the sender may be dead
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
}

// read reads a request in our own dialect.
func read(header http.Header, body []byte) (*arrival, error) {
	var ev struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Key      string `json:"key"`
		Sequence int64  `json:"sequence"`
		Data     struct {
			Call struct {
				Dialed     string `json:"dialed"`
				RequestURI string `json:"request_uri"`
			} `json:"call"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &ev); err != nil {
		return nil, fmt.Errorf("%w: %.200s", err, body)
	}
	return &arrival{
		id: header.Get("webhook-id"), event: ev.ID, typ: ev.Type, key: ev.Key, tag: ev.Data.Call.Dialed,
		by: strings.TrimPrefix(header.Get("User-Agent"), "Switchhook/"), sequence: ev.Sequence, folded: ev.Data.Call.RequestURI == said(ev.Key),
	}, nil
}
