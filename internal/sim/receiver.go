package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Anyone is a path of the receiver that takes whatever comes, signed or not,
// for webhooks that are not the simulation's own.
const Anyone = "anyone"

// mostBody is the largest request that the receiver reads.
const mostBody = 32 << 20

// ReceiverOptions configures a Receiver. Its zero value answers 200 to whatever
// is right.
type ReceiverOptions struct {
	// Answer says how to answer a request, for receivers with faults. It is
	// asked before the request is looked at. Nil: as it deserves, at once.
	Answer func(*Arrival) Answer
	// Now is the clock that timestamps are compared with. Nil: time.Now.
	Now func() time.Time
}

// An Answer is how a receiver with faults behaves. Its zero value is a receiver
// without: 200 for what is right, 401 for a wrong signature, 400 for a body
// that cannot be read.
type Answer struct {
	// After is how long it takes to answer.
	After time.Duration
	// Status, where set, is answered instead; the request counts as refused.
	Status int
	// RetryAfter, where set, is sent with the Status, in seconds.
	RetryAfter string
	// Hang: no answer ever comes. The sender has to give up.
	Hang bool
	// Drop: the connection is closed without an answer.
	Drop bool
}

// RefuseFirst answers the first n requests of every id with 503.
func RefuseFirst(n int) func(*Arrival) Answer {
	return func(a *Arrival) Answer {
		if a.Number <= n {
			return Answer{Status: http.StatusServiceUnavailable}
		}
		return Answer{}
	}
}

// An Arrival is one request that came in.
type Arrival struct {
	// ID is its webhook-id: the delivery's.
	ID string
	// Path is where it came in, such as kazoo; its part before the first slash
	// is the dialect.
	Path string
	// At is when it came, before its body was read.
	At time.Time
	// Place is its place in the order of all arrivals, from 1.
	Place int
	// Number counts the arrivals of the same id on the same path, from 1.
	Number int
	// Refused: it was turned away by a fault (Answer), right or not.
	Refused bool
	// Problem is what is wrong with it: its signature or its body. Nil: nothing.
	Problem error
	// Gaps names what the system always sends and this body lacks. An event
	// that said little may have some; it is no reason to refuse the request.
	Gaps []string
	// EventID and Sequence are what the body says, where the dialect says it.
	EventID  string
	Sequence int64

	to, files []string // of a mail
}

// Taken reports whether the receiver said 200 to it.
func (a *Arrival) Taken() bool { return !a.Refused && a.Problem == nil }

// Dialect is the dialect that the path stands for.
func (a *Arrival) Dialect() string {
	dialect, _, _ := strings.Cut(a.Path, "/")
	return dialect
}

// A Receiver is the far end of webhooks: an HTTP server that verifies all that
// comes and remembers it.
type Receiver struct {
	opts     ReceiverOptions
	listener net.Listener
	server   *http.Server

	mu       sync.Mutex
	hooks    map[string]hook // by path
	arrivals []*Arrival
	counts   map[[2]string]int // path, id
	changed  chan struct{}     // closed and replaced at each arrival
}

type hook struct{ id, secret string }

// Listen starts to listen on a free port of 127.0.0.1. Requests are answered
// once Run runs.
func Listen(ctx context.Context, opts ReceiverOptions) (*Receiver, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	r := &Receiver{
		opts: opts, listener: ln, hooks: map[string]hook{},
		counts: map[[2]string]int{}, changed: make(chan struct{}),
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	return r, nil
}

// Run serves until ctx ends. Requests that hang are cut off then.
func (r *Receiver) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = r.server.Close() })
	defer stop()
	if err := r.server.Serve(r.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("run the receiver: %w", err)
	}
	return nil
}

// URL is the address of a path, such as kazoo or kazoo/query.
func (r *Receiver) URL(path string) string {
	return "http://" + r.listener.Addr().String() + "/" + path
}

// Trust tells which webhook sends to a path, and its secret.
func (r *Receiver) Trust(path, webhookID, secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hooks[path] = hook{webhookID, secret}
}

// Paths returns the trusted paths by their webhooks' ids.
func (r *Receiver) Paths() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	paths := make(map[string]string, len(r.hooks))
	for path, h := range r.hooks {
		paths[h.id] = path
	}
	return paths
}

// Arrivals returns all that came so far, in the order in which it came.
func (r *Receiver) Arrivals() []*Arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.arrivals)
}

// Changed returns a channel that is closed when something has arrived after
// this call.
func (r *Receiver) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// ServeHTTP receives one request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a := &Arrival{
		ID: req.Header.Get("Webhook-Id"), Path: strings.TrimPrefix(req.URL.Path, "/"), At: time.Now(),
	}
	body, readErr := io.ReadAll(http.MaxBytesReader(w, req.Body, mostBody))
	r.mu.Lock()
	h, known := r.hooks[a.Path]
	r.counts[[2]string{a.Path, a.ID}]++
	a.Number = r.counts[[2]string{a.Path, a.ID}]
	r.mu.Unlock()

	var fault Answer
	if r.opts.Answer != nil {
		fault = r.opts.Answer(a)
	}
	a.Refused = fault.Hang || fault.Drop || fault.Status != 0
	status := http.StatusOK
	switch {
	case readErr != nil:
		a.Problem = fmt.Errorf("the body cannot be read: %w", readErr)
		status = http.StatusBadRequest
	case a.Path == Anyone:
	case !known:
		a.Problem = fmt.Errorf("nobody expects a webhook at /%s", a.Path)
		status = http.StatusNotFound
	default:
		status = r.inspect(a, h, req, body)
	}
	r.remember(a)
	r.answer(w, req, fault, status, a.Problem)
}

// inspect verifies the signature and reads the body as the dialect's customers
// do, and returns the status that the request deserves.
func (r *Receiver) inspect(a *Arrival, h hook, req *http.Request, body []byte) int {
	content := body
	if req.Method == http.MethodGet && len(body) == 0 { // VoIPBin's GET has a body
		content = []byte(req.URL.RawQuery)
	}
	if a.Problem = Verify(h.secret, req.Header, content, r.opts.Now()); a.Problem != nil {
		return http.StatusUnauthorized
	}
	p, err := Parse(a.Dialect(), req, body)
	if err != nil {
		a.Problem = fmt.Errorf("the %s request cannot be read: %w", a.Dialect(), err)
		return http.StatusBadRequest
	}
	a.Gaps, a.EventID, a.Sequence = p.Gaps, p.EventID, p.Sequence
	return http.StatusOK
}

func (r *Receiver) remember(a *Arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.Place = len(r.arrivals) + 1
	r.arrivals = append(r.arrivals, a)
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Receiver) answer(w http.ResponseWriter, req *http.Request, fault Answer, status int, problem error) {
	if fault.Hang {
		<-req.Context().Done()
	}
	if fault.After > 0 {
		t := time.NewTimer(fault.After)
		defer t.Stop()
		select {
		case <-t.C:
		case <-req.Context().Done():
		}
	}
	if fault.Hang || fault.Drop {
		panic(http.ErrAbortHandler) // net/http's own way to close the connection without an answer
	}
	if fault.Status != 0 {
		status = fault.Status
		if fault.RetryAfter != "" {
			w.Header().Set("Retry-After", fault.RetryAfter)
		}
	}
	if problem != nil {
		http.Error(w, problem.Error(), status)
		return
	}
	w.WriteHeader(status)
}
