package source

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A State says how a source stands.
type State string

// The states of a source with a connection that lasts.
const (
	StateConnecting State = "connecting" // for the first time
	StateConnected  State = "connected"
	StateFailing    State = "failing" // it tries again and again
	StateStopped    State = "stopped" // the program stops
)

// A Status is how a source stands. Its numbers are counted since the program's start.
type Status struct {
	State  State
	Since  time.Time // since when
	Reason string    // why it fails
	System string    // what the system calls itself, as of the last connection

	Waiting int           // messages that came and are not committed yet
	Behind  time.Duration // how long the oldest of them has waited

	Messages, Events, Rejects, Reconnects, Panics int64
	LastMessageAt                                 time.Time
}

// A watch keeps a source's status.
type watch struct {
	mu     sync.Mutex
	now    Status
	ever   bool // it was connected before
	queues []*Queue
}

func newWatch() *watch {
	return &watch{now: Status{State: StateConnecting, Since: time.Now().UTC()}}
}

// mostReason bounds a reason; it is for people.
const mostReason = 500

// becomes notes a new state, or another reason for the same. It reports whether that is news.
func (w *watch) becomes(state State, reason string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	reason = strings.ToValidUTF8(reason[:min(len(reason), mostReason)], "\uFFFD")
	news := w.now.State != state || w.now.Reason != reason
	if w.now.State != state {
		w.now.State, w.now.Since = state, time.Now().UTC()
	}
	w.now.Reason = reason
	return news
}

// connected notes that the system has let us in.
func (w *watch) connected(system string) {
	w.becomes(StateConnected, "")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.System = system
	if w.ever {
		w.now.Reconnects++
	}
	w.ever = true
}

// count changes what is counted.
func (w *watch) count(change func(*Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.now)
}

// add has a queue watched until the connection ends.
func (w *watch) add(q *Queue) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queues = append(w.queues, q)
}

// reached is up to when all that came was committed, if what comes goes through queues.
func (w *watch) reached() (at time.Time, queued bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.queues {
		if _, last, _ := q.progress(); last.After(at) {
			at = last
		}
	}
	return w.before(at), len(w.queues) > 0
}

// known is up to when all that came by now was committed: now, where nothing waits.
func (w *watch) known(now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.before(now)
}

// before is a time, or when the oldest message came that waits, if that was before it. The lock
// is held.
func (w *watch) before(at time.Time) time.Time {
	for _, q := range w.queues {
		if _, _, oldest := q.progress(); !oldest.IsZero() && oldest.Before(at) {
			at = oldest
		}
	}
	return at
}

// ended lets go of the connection's queues.
func (w *watch) ended() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.queues {
		q.Drop()
	}
	w.now = w.sum()
	w.now.Waiting, w.now.Behind = 0, 0
	w.queues = nil
}

// sum is the status with what the queues know. The lock is held.
func (w *watch) sum() Status {
	s := w.now
	for _, q := range w.queues {
		pushed, last, _ := q.progress()
		s.Messages += pushed
		if last.After(s.LastMessageAt) {
			s.LastMessageAt = last
		}
		s.Waiting += q.Len()
		if oldest := q.Oldest(); !oldest.IsZero() {
			s.Behind = max(s.Behind, time.Since(oldest))
		}
	}
	return s
}

func (w *watch) status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sum()
}

// A collector tells Prometheus how the sources stand.
type collector struct {
	supervisor *Supervisor
	metrics    []metric
}

type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Status) float64
}

func newCollector(s *Supervisor) *collector {
	c := &collector{supervisor: s}
	add := func(name, help string, kind prometheus.ValueType, value func(*Status) float64) {
		c.metrics = append(c.metrics, metric{prometheus.NewDesc("switchhook_source_"+name, help, []string{"source", "kind"}, nil), kind, value})
	}
	add("up", "Whether a source is connected with its phone system.", prometheus.GaugeValue, func(s *Status) float64 {
		if s.State == StateConnected {
			return 1
		}
		return 0
	})
	add("lag_messages", "Messages of a source that came and are not committed yet.", prometheus.GaugeValue, func(s *Status) float64 { return float64(s.Waiting) })
	add("lag_seconds", "How long the oldest of them has waited.", prometheus.GaugeValue, func(s *Status) float64 { return s.Behind.Seconds() })
	add("messages_total", "Messages that came from a source.", prometheus.CounterValue, func(s *Status) float64 { return float64(s.Messages) })
	add("events_total", "Events that a source told.", prometheus.CounterValue, func(s *Status) float64 { return float64(s.Events) })
	add("rejects_total", "Messages and events of a source that could not be taken.", prometheus.CounterValue, func(s *Status) float64 { return float64(s.Rejects) })
	add("reconnects_total", "Times that a source was connected again.", prometheus.CounterValue, func(s *Status) float64 { return float64(s.Reconnects) })
	add("panics_total", "Times that a source's own code failed.", prometheus.CounterValue, func(s *Status) float64 { return float64(s.Panics) })
	return c
}

// Describe says which metrics there are.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		out <- m.desc
	}
}

// Collect says what they are.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.supervisor.mu.Lock()
	defer c.supervisor.mu.Unlock()
	for id, r := range c.supervisor.running {
		status := r.watch.status()
		for _, m := range c.metrics {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&status), id, r.source.Kind)
		}
	}
}
