package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// upstream counts calls to Stack Exchange.
type upstream struct {
	calls            *prometheus.CounterVec
	took             *prometheus.HistogramVec
	quota, quotaFrom *prometheus.GaugeVec
}

// afar are buckets for what goes over the internet, in seconds.
var afar = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func (m *Metrics) newUpstream() upstream {
	u := upstream{
		calls: m.counters("dss_upstream_calls_total",
			"Calls to Stack Exchange, by method and outcome.", "method", "outcome"),
		took: m.histograms("dss_upstream_call_duration_seconds",
			"How long calls to Stack Exchange took, by method, with the wait for their turn.", afar, "method"),
		quota: m.gauges("dss_upstream_quota_remaining",
			"Requests that the Stack Exchange API still allows today, as it last said."),
		quotaFrom: m.gauges("dss_upstream_quota_limit",
			"Requests that the Stack Exchange API allows in a day, as it last said."),
	}
	all(u.calls, methods, []stackexchange.CallOutcome{
		stackexchange.CallOK, stackexchange.CallRefused, stackexchange.CallPaused,
		stackexchange.CallThrottled, stackexchange.CallUnavailable,
	})
	for _, method := range methods {
		u.took.WithLabelValues(string(method))
	}
	return u
}

// Called counts a call to Stack Exchange.
func (m *Metrics) Called(c stackexchange.Call) {
	m.upstream.calls.WithLabelValues(string(c.Method), string(c.Outcome)).Inc()
	m.upstream.took.WithLabelValues(string(c.Method)).Observe(c.Took.Seconds())
	if c.Quota != nil {
		m.upstream.quota.WithLabelValues().Set(float64(c.Quota.Remaining))
		m.upstream.quotaFrom.WithLabelValues().Set(float64(c.Quota.Max))
	}
}

// Server shows how many claims wait at s, and how many may; how many altered
// entries it has found; and how long Stack Exchange wants no calls.
func (m *Metrics) Server(s *httpapi.Server, maxWaiters int) {
	m.gaugeOf("dss_waits_in_flight", "Claims that wait for a deposit now.",
		func() float64 { return float64(s.Waiting()) })
	m.gauges("dss_waits_limit", "How many claims may wait.").WithLabelValues().Set(float64(maxWaiters))
	m.counterOf("dss_unreadable_entries_total", "Entries that were found altered in the store, and treated as absent.",
		func() float64 { return float64(s.Unreadable()) })
	for _, method := range methods {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "dss_upstream_pause_seconds", ConstLabels: prometheus.Labels{"method": string(method)},
			Help: "How much longer Stack Exchange wants no calls, by method; 0 if it takes them.",
		}, func() float64 { return s.Paused(method).Seconds() }))
	}
}

// methods are those of package stackexchange.
var methods = []stackexchange.Method{stackexchange.MethodRedeem, stackexchange.MethodInvalidate}
