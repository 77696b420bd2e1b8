package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/cluster/line"
	"github.com/switchhook/switchhook/internal/deliver/wire"
)

// A Transport sends requests, as a wire.Client does.
type Transport interface {
	Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error)
	CloseIdleConnections()
}

// Hands are the followers that work for this process while it leads. They are a Transport:
// a request is sent by whoever has the least to do.
type Hands struct {
	lease  *Lease
	own    Transport
	secret Secret
	log    *slog.Logger

	handler atomic.Pointer[http.Handler] // of what they pass on
	asks    sync.WaitGroup

	mu      sync.Mutex
	hands   []*hand
	changed func(n int)
	closed  bool

	ownWay atomic.Int64 // requests that this process sends at the moment
}

// A hand is one follower, as the leader sees it.
type hand struct {
	owner   string
	line    *line.Line
	overdue *time.Timer               // runs out when it has not been heard of for long enough
	way     atomic.Int64              // requests that it sends at the moment
	work    sync.WaitGroup            // the same
	leaving bool                      // under Hands.mu
	mayTo   atomic.Pointer[time.Time] // it starts no request after that
	unsure  atomic.Bool               // by its own clock it may start none, until it is answered again
}

// takes reports whether it is to be given requests.
func (it *hand) takes(now time.Time) bool {
	return !it.leaving && !it.unsure.Load() && now.Before(*it.mayTo.Load())
}

// ownWeight is how much more a request of its own counts for the leader, which has the
// rest to do as well. With little to do it sends everything itself.
const ownWeight = 4

// Hands makes those of a process that leads. own is how it sends itself.
func (l *Lease) Hands(own Transport, secret Secret) *Hands {
	h := &Hands{lease: l, own: own, secret: secret, log: l.log, changed: func(int) {}}
	return h
}

// Changed calls fn with the number of hands, now and whenever it changes.
func (h *Hands) Changed(fn func(n int)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changed = fn
	fn(len(h.hands))
}

// Handler answers what hands pass on, and lets new ones in; everything else is next's.
func (h *Hands) Handler(next http.Handler) http.Handler {
	h.handler.Store(&next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == linkPath {
			h.meet(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// meet lets a follower in that knows the installation's secret and is set up alike.
func (h *Hands) meet(w http.ResponseWriter, r *http.Request) {
	owner := r.Header.Get(headerOwner)
	switch {
	case r.Header.Get("Upgrade") != linkProtocol || owner == "":
		http.NotFound(w, r)
		return
	case !h.secret.proves(r.Header.Get(headerProof), "hand", h.lease.owner, owner):
		http.Error(w, "the proof is of another master key, or for another leader", http.StatusForbidden)
		return
	case r.Header.Get(headerSetup) != h.secret.Setup:
		http.Error(w, "it is set up in another way", http.StatusConflict)
		return
	}
	conn, in, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+linkProtocol+"\r\n"+
		headerProof+": "+h.secret.proof("leader", h.lease.owner, owner)+"\r\n\r\n")
	if err != nil {
		_ = conn.Close() // it has gone already
		return
	}
	it := &hand{owner: owner}
	ready := make(chan struct{})
	it.line = line.New(conn, bufio.NewReaderSize(in.Reader, 64<<10), func(ctx context.Context, call []byte) line.Encode { //nolint:contextcheck // it outlives the request
		<-ready
		return h.serve(ctx, it, call)
	})
	it.overdue = time.AfterFunc(mayFor+margin, it.line.Close)
	close(ready)
	<-it.line.Done()
	it.overdue.Stop()
	h.part(it)
}

// heard notes that a hand may send from now on for a while. With that it joins.
func (h *Hands) heard(it *hand) (may time.Duration) {
	may = h.lease.remaining()
	until := time.Now().Add(may)
	it.unsure.Store(false)
	it.overdue.Reset(mayFor + margin)
	h.mu.Lock()
	defer h.mu.Unlock()
	if it.mayTo.Swap(&until) == nil && it.line.Err() == nil {
		h.hands = append(h.hands, it)
		h.changed(len(h.hands))
		h.log.Info("another process sends for this one", "process", it.owner, "processes", 1+len(h.hands))
	}
	return may
}

func (h *Hands) part(it *hand) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.hands, it)
	if i < 0 {
		return
	}
	h.hands = slices.Delete(h.hands, i, i+1)
	h.changed(len(h.hands))
	h.log.Info("a process that sent for this one is gone", "process", it.owner, "under_way", it.way.Load(), "reason", it.line.Err())
}

// serve answers what a hand says.
func (h *Hands) serve(ctx context.Context, it *hand, call []byte) line.Encode {
	if len(call) == 0 {
		return nothing
	}
	switch call[0] {
	case sayPing:
		may := h.heard(it)
		return func(b []byte) []byte { return number(b, uint64(may)) } //nolint:gosec // it is not negative
	case sayLeave:
		h.mu.Lock()
		it.leaving = true
		h.mu.Unlock()
		it.work.Wait()
		return nothing
	case sayAsk:
		h.mu.Lock()
		closed := h.closed
		if !closed {
			h.asks.Add(1)
		}
		h.mu.Unlock()
		if closed {
			return nothing
		}
		defer h.asks.Done()
		return h.answer(ctx, call[1:])
	}
	return nothing
}

func nothing(b []byte) []byte { return b }

// answer lets the handler answer what was asked.
func (h *Hands) answer(ctx context.Context, call []byte) line.Encode {
	r := &reader{rest: string(call)}
	method, uri, host, remote := r.text(), r.text(), r.text(), r.text()
	header, body := r.multi(), r.text()
	q, err := http.NewRequestWithContext(ctx, method, uri, strings.NewReader(body))
	if err != nil || r.broken {
		return nothing
	}
	q.Header, q.Host, q.RemoteAddr, q.RequestURI = header, host, remote, uri
	w := &recorder{header: http.Header{}}
	(*h.handler.Load()).ServeHTTP(w, q)
	return func(b []byte) []byte {
		return text(multiSaid(number(b, uint64(max(w.status, http.StatusOK))), w.header), w.body.Bytes())
	}
}

// A recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// pick gives a request to who has the least to do: nil is this process itself. done is to
// be called when there is an answer.
func (h *Hands) pick(r *wire.Request) (least *hand, done func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hands := h.hands
	if r.Way.Key != "" { // it stays in this process
		hands = nil
	}
	most := h.ownWay.Load() * ownWeight
	now := time.Now()
	for _, it := range hands {
		if way := it.way.Load(); way < most && it.takes(now) {
			least, most = it, way
		}
	}
	if least == nil {
		h.ownWay.Add(1)
		return nil, func() { h.ownWay.Add(-1) }
	}
	least.way.Add(1)
	least.work.Add(1)
	return least, func() {
		least.way.Add(-1)
		least.work.Done()
	}
}

// Send sends a request, or lets a hand do it. wire.ErrNotSent: it should be tried again;
// that a hand has sent it before it died is possible.
func (h *Hands) Send(ctx context.Context, r *wire.Request) (*switchhook.HTTPResponse, error) {
	it, done := h.pick(r)
	defer done()
	if it == nil {
		return h.own.Send(ctx, r)
	}
	if r.May != nil && !r.May() {
		return nil, wire.ErrNotSent
	}
	said, err := it.line.Call(ctx, func(b []byte) []byte { return requestSaid(b, r, time.Until(r.Deadline)) })
	if errors.Is(err, line.ErrBroken) {
		// It may live and not know: by then it starts nothing more. See the protocol, 9.
		select {
		case <-time.After(time.Until(*it.mayTo.Load()) + margin):
			return nil, wire.ErrNotSent
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	answer, err := (&reader{rest: string(said)}).answer()
	if errors.Is(err, wire.ErrNotSent) {
		it.unsure.Store(true)
	}
	return answer, err
}

// CloseIdleConnections closes this process's own.
func (h *Hands) CloseIdleConnections() { h.own.CloseIdleConnections() }

// Refuse takes no more requests that hands pass on, and waits for those under way.
func (h *Hands) Refuse(ctx context.Context) {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		h.asks.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Close sends the hands away. It is called after Refuse, when nothing is sent any more.
func (h *Hands) Close() {
	h.mu.Lock()
	hands := slices.Clone(h.hands)
	h.mu.Unlock()
	for _, it := range hands {
		it.line.Close()
	}
}
