package bench

import (
	"encoding/json"
	"hash/maphash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Paths of the receiver. Everything else is a webhook's URL.
const (
	pathHang    = "/hang"     // is never answered
	pathCount   = "/.count"   // how many different deliveries came, as text
	pathTally   = "/.tally"   // a tally as JSON
	pathReset   = "/.reset"   // forgets all; ?timed=true keeps latencies from now on
	pathBacklog = "/backlog"  // is refused with 503 while the receiver is down
	pathDown    = "/.down"    // ?down=true: it is from now on
	pathFailing = "/.failing" // ?percent=5: so many deliveries are refused with 503 once
	pathRelease = "/.release" // lets go what hangs
	pathSamples = "/.samples" // the first requests after the reset, as JSON
)

// keptSamples is how many requests the receiver keeps as they came.
const keptSamples = stages

// A sample is a request as the engine sent it.
type sample struct {
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// A receiver answers every webhook with 200 and keeps a ledger.
type receiver struct {
	ledger *ledger
	down   atomic.Bool
	fails  atomic.Int64 // of a hundred deliveries, once each

	mu      sync.Mutex
	release chan struct{} // closed to let go what hangs
	samples []sample
	refused map[uint64]struct{} // hashes of the deliveries that were refused
}

func newReceiver() *receiver {
	return &receiver{ledger: newLedger(), release: make(chan struct{}), refused: map[uint64]struct{}{}}
}

// bodies are reused, as any receiver in a hurry would do it.
//
//nolint:gochecknoglobals // a pool is of use only if it is shared
var bodies = sync.Pool{New: func() any { return new([8 << 10]byte) }}

// ServeHTTP takes a delivery, or answers for the ledger.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if strings.HasPrefix(req.URL.Path, "/.") {
		r.control(w, req)
		return
	}
	buf, _ := bodies.Get().(*[8 << 10]byte)
	defer bodies.Put(buf)
	n, err := io.ReadFull(req.Body, buf[:])
	if err == nil { // it is longer than anything that the bench sends
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	}
	now := time.Now()
	if req.URL.Path == pathHang {
		r.mu.Lock()
		release := r.release
		r.mu.Unlock()
		select {
		case <-release:
		case <-req.Context().Done():
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if req.URL.Path == pathBacklog && r.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.refuses(req.Header.Get("Webhook-Id")) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.ledger.record(req.URL.Path, req.Header.Get("Webhook-Id"), req.Header.Get("Webhook-Signature") != "", buf[:n], now)
	if r.ledger.distinct.Load() <= keptSamples {
		r.keep(req, buf[:n])
	}
	w.WriteHeader(http.StatusOK)
}

// refuses reports whether this is the first time that a delivery comes which is to fail.
func (r *receiver) refuses(id string) bool {
	percent := uint64(r.fails.Load()) //nolint:gosec // 0 to 100
	if percent == 0 {
		return false
	}
	h := maphash.String(r.ledger.seed, id)
	if h%100 >= percent {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, before := r.refused[h]
	r.refused[h] = struct{}{}
	return !before
}

func (r *receiver) keep(req *http.Request, body []byte) {
	s := sample{Header: http.Header{}, Body: append([]byte(nil), body...)}
	for name, values := range req.Header {
		switch name {
		case "Accept-Encoding", "Content-Length": // the transport's own
		case "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature":
			s.Header[strings.ToLower(name)] = values // as the engine spells them
		default:
			s.Header[name] = values
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.samples) < keptSamples {
		r.samples = append(r.samples, s)
	}
}

func (r *receiver) control(w http.ResponseWriter, req *http.Request) {
	var answer any
	switch req.URL.Path {
	case pathCount:
		_, _ = io.WriteString(w, strconv.FormatInt(r.ledger.distinct.Load(), 10))
		return
	case pathTally:
		answer = r.ledger.sum()
	case pathReset:
		r.mu.Lock()
		r.samples, r.refused = nil, map[uint64]struct{}{}
		r.mu.Unlock()
		r.ledger.reset(req.URL.Query().Get("timed") == "true")
		answer = struct{}{}
	case pathDown:
		r.down.Store(req.URL.Query().Get("down") == "true")
		answer = struct{}{}
	case pathFailing:
		percent, _ := strconv.ParseInt(req.URL.Query().Get("percent"), 10, 64) // the bench's own
		r.fails.Store(percent)
		answer = struct{}{}
	case pathRelease:
		r.mu.Lock()
		close(r.release)
		r.release = make(chan struct{})
		r.mu.Unlock()
		answer = struct{}{}
	case pathSamples:
		r.mu.Lock()
		answer = append([]sample(nil), r.samples...)
		r.mu.Unlock()
	default:
		http.NotFound(w, req)
		return
	}
	_ = json.NewEncoder(w).Encode(answer) // the bench is gone, or asks again
}
