package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

// signIns counts what comes of requests.
type signIns struct {
	deposits, claims, grants, revocations *prometheus.CounterVec
	waits                                 *prometheus.HistogramVec
}

var (
	kinds    = []string{relay.KindToken.String(), relay.KindCode.String(), relay.KindRefusal.String()}
	outcomes = []string{string(relay.Created), string(relay.Repeated), string(relay.Replaced),
		string(relay.Conflicted), string(relay.TooLate)}
	steps = []string{string(oauth.Started), string(oauth.Approved), string(oauth.Declined),
		string(oauth.Redeemed), string(oauth.Refused)}
	waitOutcomes = []string{httpapi.WaitAnswered, httpapi.WaitEmpty, httpapi.WaitLeft, httpapi.WaitDrained,
		httpapi.WaitFull, httpapi.WaitFailed}
	patience = []float64{.1, .5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60} // seconds
)

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
	// What is there from the start has a rate when it first happens.
	all(s.deposits, kinds, outcomes)
	all(s.claims, append(kinds, relay.KindConflict.String()),
		[]string{httpapi.Delivered, httpapi.Interrupted, httpapi.PutBack, httpapi.Lost})
	all(s.grants, []string{string(oauth.CodeGrant), string(oauth.DeviceGrant)}, steps)
	s.revocations.WithLabelValues(httpapi.Ended)
	for _, outcome := range waitOutcomes {
		s.waits.WithLabelValues(outcome)
	}
	return s
}

func all(v *prometheus.CounterVec, first, second []string) {
	for _, one := range first {
		for _, two := range second {
			v.WithLabelValues(one, two)
		}
	}
}

// Happened implements [httpapi.Observer].
func (m *Metrics) Happened(e httpapi.Event) {
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
