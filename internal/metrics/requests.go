package metrics

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
)

// maxRequestSeries bounds the combinations of route, method and status. A
// server has some hundred.
const maxRequestSeries = 1000

// requests counts requests. It is the part of an [httpapi.Observer] that
// every request meets, and keeps at hand what each kind of request counts in.
type requests struct {
	underWay prometheus.Gauge
	total    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	errors   *prometheus.CounterVec

	mu    *sync.RWMutex
	known map[requestKind]requestSeries
}

type requestKind struct {
	route, method string
	status        int
}

type requestSeries struct {
	total prometheus.Counter
	took  prometheus.Observer
}

func (m *Metrics) newRequests() requests {
	r := requests{
		underWay: m.gauges("dss_requests_in_flight", "Requests under way, waiting ones included.").WithLabelValues(),
		total: m.counters("dss_requests_total",
			"Requests answered, by route, method and status.", "route", "method", "code"),
		took: m.histograms("dss_request_duration_seconds",
			"How long requests took, by route, without those that waited for a deposit.", quick, "route"),
		errors: m.counters("dss_errors_total", "Answers that are an error, by its name.", "error"),
		mu:     &sync.RWMutex{}, known: map[requestKind]requestSeries{},
	}
	for _, name := range httpapi.ErrorNames() {
		r.errors.WithLabelValues(name)
	}
	return r
}

// Began implements [httpapi.Observer].
func (m *Metrics) Began() { m.requests.underWay.Inc() }

// Ended implements [httpapi.Observer].
func (m *Metrics) Ended(r httpapi.Request) {
	m.requests.underWay.Dec()
	series := m.requests.of(requestKind{r.Route, r.Method, r.Status})
	series.total.Inc()
	if !r.Waited {
		series.took.Observe(r.Took.Seconds())
	}
	if r.Error != "" {
		m.requests.errors.WithLabelValues(r.Error).Inc()
	}
}

func (r *requests) of(kind requestKind) requestSeries {
	r.mu.RLock()
	series, ok := r.known[kind]
	r.mu.RUnlock()
	if ok {
		return series
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxRequestSeries {
		return r.series(requestKind{other, other, 0})
	}
	series = r.series(kind)
	r.known[kind] = series
	return series
}

func (r *requests) series(kind requestKind) requestSeries {
	return requestSeries{
		total: r.total.WithLabelValues(kind.route, kind.method, strconv.Itoa(kind.status)),
		took:  r.took.WithLabelValues(kind.route),
	}
}
