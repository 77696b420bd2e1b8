package route

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchhook/switchhook"
)

type metrics struct {
	accepted   *prometheus.CounterVec
	deliveries prometheus.Counter
	duplicates prometheus.Counter
	refused    prometheus.Counter

	filterErrors prometheus.Counter
}

// count counts events that were committed. Neighbours are counted together: those of
// one call are of one family.
func (m *metrics) count(events []*switchhook.Event) {
	deliveries, first := 0, 0
	family := func(i int) string {
		name, _, _ := strings.Cut(events[i].Type, ".")
		return name
	}
	for i, ev := range events {
		deliveries += len(ev.Targets)
		if name := family(i); i+1 == len(events) || family(i+1) != name {
			m.accepted.WithLabelValues(name).Add(float64(i + 1 - first))
			first = i + 1
		}
	}
	m.deliveries.Add(float64(deliveries))
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "switchhook_route_events_total", Help: "Events accepted, by the family of their type.",
		}, []string{"family"}),
		deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "switchhook_route_deliveries_total", Help: "Deliveries made of accepted events.",
		}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "switchhook_route_duplicates_total", Help: "Events that came again with an id already accepted.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "switchhook_route_refused_total", Help: "Events refused because they were wrong.",
		}),
		filterErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "switchhook_route_filter_errors_total", Help: "Times that a webhook's filter could not say whether it wants an event, so that it did not get it.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.accepted, m.deliveries, m.duplicates, m.refused, m.filterErrors)
	}
	return m
}
