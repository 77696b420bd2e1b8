package deliver

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
)

type metrics struct {
	attempts *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	closed   *prometheus.CounterVec
	inFlight prometheus.Gauge
	waiting  prometheus.Gauge
	parked   prometheus.Gauge
	senders  prometheus.Gauge

	delivered prometheus.Counter // of closed
}

// Labels are bounded: a webhook's or account's id is never one.
func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "switchhook_deliver_attempts_total", Help: "Attempts made, by dialect and outcome.",
		}, []string{"dialect", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "switchhook_deliver_attempt_seconds", Help: "How long attempts took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60},
		}, []string{"dialect"}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "switchhook_deliver_closed_total", Help: "Deliveries that ended, by how.",
		}, []string{"state"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "switchhook_deliver_in_flight", Help: "Requests under way.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "switchhook_deliver_waiting", Help: "Deliveries in memory that are open, those under way included.",
		}),
	}
	m.parked = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "switchhook_deliver_parked", Help: "Deliveries that are open and only rows, until there is room or their time comes.",
	})
	m.senders = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "switchhook_deliver_senders", Help: "Processes that send requests, this one among them.",
	})
	m.senders.Set(1)
	m.delivered = m.closed.WithLabelValues(string(switchhook.Delivered))
	if reg != nil {
		reg.MustRegister(m.attempts, m.seconds, m.closed, m.inFlight, m.waiting, m.parked, m.senders)
	}
	return m
}

// count counts what ended.
func (m *metrics) count(attempts []*switchhook.Attempt) {
	for _, a := range attempts {
		switch a.State {
		case switchhook.Delivered: // nearly all
			m.delivered.Inc()
		case switchhook.Pending:
		case switchhook.Failed, switchhook.Expired, switchhook.Cancelled:
			m.closed.WithLabelValues(string(a.State)).Inc()
		}
	}
}
