// Package metrics counts what a server does, for Prometheus. docs/monitoring.md says what each metric means.
//
// What labels can hold is bounded, and decided by this program and the operator's
// list of apps: no key, no address and no other text from outside becomes one.
package metrics

import (
	"crypto/x509"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Build identifies the program.
type Build struct{ Version, Revision, Go string }

// Metrics holds all metrics of one server. It is safe for concurrent use and
// starts no goroutine.
type Metrics struct {
	registry *prometheus.Registry

	requests requests
	sign     signIns
	upstream upstream
	apps     appSignIns
	limits   map[string]prometheus.Counter
}

// New returns the metrics of a program with limits of these names. Hits of others
// count as "other".
func New(b Build, limits []string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := m.gauges("dss_build_info", "Which program runs; always 1.", "version", "revision", "goversion")
	build.WithLabelValues(b.Version, b.Revision, b.Go).Set(1)
	m.requests = m.newRequests()
	m.sign = m.newSignIns()
	m.upstream = m.newUpstream()
	m.limits = map[string]prometheus.Counter{}
	hits := m.counters("dss_limit_hits_total", "Requests refused because of a limit, by limit.", "limit")
	for _, name := range append(slices.Clone(limits), other) {
		m.limits[name] = hits.WithLabelValues(name)
	}
	return m
}

// other is the label value for unknown ones.
const other = "other"

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// LimitHit counts a request that was refused because of a limit.
func (m *Metrics) LimitHit(name string) {
	if hits, ok := m.limits[name]; ok {
		hits.Inc()
	} else {
		m.limits[other].Inc()
	}
}

// Log shows how many lines log has dropped. It is called once.
func (m *Metrics) Log(log interface{ Dropped() uint64 }) {
	m.counterOf("dss_log_lines_dropped_total", "Lines of the log dropped because its reader is too slow or gone.",
		func() float64 { return float64(log.Dropped()) })
}

// Certificate shows from when to when the certificate is valid that own
// returns; 0 if it returns nil. It is called once.
func (m *Metrics) Certificate(own func() *x509.Certificate) {
	at := func(of func(*x509.Certificate) time.Time) func() float64 {
		return func() float64 {
			if leaf := own(); leaf != nil {
				return float64(of(leaf).Unix())
			}
			return 0
		}
	}
	m.gaugeOf("dss_certificate_not_before_timestamp_seconds",
		"Since when the certificate of the server's own host is valid; 0 if there is none.",
		at(func(leaf *x509.Certificate) time.Time { return leaf.NotBefore }))
	m.gaugeOf("dss_certificate_expiry_timestamp_seconds",
		"Until when the certificate of the server's own host is valid; 0 if there is none.",
		at(func(leaf *x509.Certificate) time.Time { return leaf.NotAfter }))
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

// gauges without labels are shown once they have been set.
func (m *Metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(v)
	return v
}

// gaugeOf shows what read returns at the time, and counterOf does too.
func (m *Metrics) gaugeOf(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

func (m *Metrics) counterOf(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

// quick are buckets for what takes microseconds to seconds.
var quick = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
