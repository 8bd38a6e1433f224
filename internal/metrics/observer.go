package metrics

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// maxRequestSeries bounds the combinations of route, method and status. A
// server has some hundred.
const maxRequestSeries = 1000

// requests counts requests.
type requests struct {
	underWay prometheus.Gauge
	total    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	errors   *prometheus.CounterVec

	mu    *sync.Mutex
	known map[requestKind]requestSeries // found faster than by their labels
}

type requestKind struct {
	route, method string
	status        int
}

// requestSeries is what requests of a kind count in.
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
		mu:     &sync.Mutex{}, known: map[requestKind]requestSeries{},
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
	series := m.requests.series(requestKind{r.Route, r.Method, r.Status})
	series.total.Inc()
	if !r.Waited {
		series.took.Observe(r.Took.Seconds())
	}
	if r.Error != "" {
		m.requests.errors.WithLabelValues(r.Error).Inc()
	}
}

// series returns what to count a request in: its own, or other if there are too
// many.
func (r *requests) series(kind requestKind) requestSeries {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.known[kind]; ok {
		return s
	}
	if len(r.known) >= maxRequestSeries {
		kind = requestKind{other, other, 0}
	}
	s := requestSeries{
		r.total.WithLabelValues(kind.route, kind.method, strconv.Itoa(kind.status)), r.took.WithLabelValues(kind.route),
	}
	r.known[kind] = s
	return s
}

// signIns counts what comes of requests.
type signIns struct {
	deposits, claims, grants, revocations *prometheus.CounterVec
	waits                                 *prometheus.HistogramVec
}

// patience are buckets for waits, in seconds.
var patience = []float64{.1, .5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60}

func (m *Metrics) newSignIns() signIns {
	s := signIns{
		deposits: m.counters("dss_deposits_total", "Deposits, by kind and by what became of them.", "kind", "outcome"),
		claims: m.counters("dss_claims_total",
			"Claims that found something, by its kind and by what became of it.", "kind", "outcome"),
		grants:      m.counters("dss_grants_total", "Steps of sign-ins at the OAuth server, by grant.", "grant", "step"),
		revocations: m.counters("dss_revocations_total", "Tokens ended for apps, by outcome.", "outcome"),
		waits: m.histograms("dss_wait_duration_seconds",
			"How long claims waited for a deposit, by how that ended.", patience, "outcome"),
	}
	// A series that exists from the start has a rate when it first counts.
	kinds := []string{relay.KindToken.String(), relay.KindCode.String(), relay.KindRefusal.String()}
	all(s.deposits, kinds,
		[]relay.Outcome{relay.Created, relay.Repeated, relay.Replaced, relay.Conflicted, relay.TooLate})
	all(s.claims, append(kinds, relay.KindConflict.String()),
		[]string{httpapi.Delivered, httpapi.Interrupted, httpapi.PutBack, httpapi.Lost})
	all(s.grants, []oauth.Grant{oauth.CodeGrant, oauth.DirectGrant, oauth.DeviceGrant, oauth.TrialGrant},
		[]oauth.Step{oauth.Started, oauth.Approved, oauth.Declined, oauth.Redeemed, oauth.Refused})
	s.revocations.WithLabelValues(httpapi.Ended)
	for _, outcome := range []string{
		httpapi.WaitAnswered, httpapi.WaitEmpty, httpapi.WaitLeft, httpapi.WaitDrained, httpapi.WaitFull, httpapi.WaitFailed,
	} {
		s.waits.WithLabelValues(outcome)
	}
	return s
}

// all makes a series for each pair of labels.
func all[A, B ~string](v *prometheus.CounterVec, first []A, second []B) {
	for _, one := range first {
		for _, two := range second {
			v.WithLabelValues(string(one), string(two))
		}
	}
}

// Happened implements [httpapi.Observer].
func (m *Metrics) Happened(e httpapi.Event) {
	m.apps.happened(e)
	switch e.Name {
	case httpapi.EventDeposit:
		m.sign.deposits.WithLabelValues(e.Kind, e.Outcome).Inc()
	case httpapi.EventClaim:
		m.sign.claims.WithLabelValues(e.Kind, e.Outcome).Inc()
	case httpapi.EventGrant:
		m.sign.grants.WithLabelValues(e.Kind, e.Outcome).Inc()
	case httpapi.EventRevocation:
		m.sign.revocations.WithLabelValues(e.Outcome).Inc()
	case httpapi.EventWait:
		m.sign.waits.WithLabelValues(e.Outcome).Observe(e.Took.Seconds())
	}
}

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

// Contract returns a function that shows whether Stack Exchange did what DSS
// relies on, and when that was seen. Before its first call, the contract is
// absent and the time 0. Contract is called once.
func (m *Metrics) Contract() (show func(holds bool, seen time.Time)) {
	contract := m.gauges("dss_upstream_contract",
		"Whether Stack Exchange did what DSS relies on when that was last seen: 1 if it did, 0 if it has changed.")
	when := m.gauges("dss_upstream_contract_timestamp_seconds",
		"When Stack Exchange was last compared with what DSS relies on, without an outage; 0 for never.").WithLabelValues()
	return func(holds bool, seen time.Time) {
		value := 0.0
		if holds {
			value = 1
		}
		contract.WithLabelValues().Set(value)
		when.Set(float64(seen.Unix()))
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
