package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

// Apps shows what is known of the list of apps, and counts the sign-ins of each app
// in it. It is called once.
func (m *Metrics) Apps(file *apps.File) {
	m.gaugeOf("dss_apps", "Apps in the operator's list.", func() float64 { return float64(len(file.List().All())) })
	m.gaugeOf("dss_apps_blocked", "Apps in the operator's list that are blocked.",
		func() float64 { return float64(file.List().Blocked()) })
	m.gaugeOf("dss_apps_broken", "1 if the operator's list of apps cannot be used and the one before is in force.",
		func() float64 {
			if file.Broken() {
				return 1
			}
			return 0
		})
	m.counterOf("dss_apps_failures_total", "Times that the operator's list of apps was found broken or gone.",
		func() float64 { return float64(file.Failures()) })
	m.apps.total = m.counters("dss_app_sign_ins_total",
		"Sign-ins of the apps in the operator's list, and of all others together, by step.", "app", "step")
	m.apps.shown = map[string]bool{}
	m.apps.count(apps.Unlisted, "")
	file.OnChange(func(list *apps.List) { m.apps.keep(list.Names()) })
}

// appSignIns counts sign-ins by app. An app has series once it signs users in, and
// until it is not listed any more, so that the list bounds them.
type appSignIns struct {
	total *prometheus.CounterVec // nil without a list

	mu    sync.Mutex
	shown map[string]bool
}

// The steps.
const (
	appStarted  = "started"
	appFinished = "finished" // the app has its answer
	appRefused  = "refused"  // by the list
)

// appStep returns the step that an event is, or "".
func appStep(e httpapi.Event) string {
	type event struct {
		name    httpapi.EventName
		outcome string
	}
	switch (event{e.Name, e.Outcome}) {
	case event{httpapi.EventGrant, string(oauth.Started)}:
		if e.Kind != string(oauth.TrialGrant) {
			return appStarted
		}
	case event{httpapi.EventGrant, string(oauth.Approved)}:
		if e.Kind == string(oauth.DirectGrant) { // the rest is not seen here
			return appFinished
		}
	case event{httpapi.EventDeposit, string(relay.Created)}:
		return appStarted
	case event{httpapi.EventGrant, string(oauth.Redeemed)}, event{httpapi.EventClaim, httpapi.Delivered}:
		return appFinished
	}
	if e.Name == httpapi.EventRefusal {
		return appRefused
	}
	return ""
}

// happened counts an event, if it is a step of an app.
func (a *appSignIns) happened(e httpapi.Event) {
	if a.total == nil || e.App == "" {
		return
	}
	if step := appStep(e); step != "" {
		a.count(e.App, step)
	}
}

func (a *appSignIns) count(app, step string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.shown[app] {
		a.shown[app] = true
		for _, one := range []string{appStarted, appFinished, appRefused} {
			a.total.WithLabelValues(app, one)
		}
	}
	if step != "" {
		a.total.WithLabelValues(app, step).Inc()
	}
}

// keep forgets the apps that are not listed any more.
func (a *appSignIns) keep(names map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for app := range a.shown {
		if !names[app] && app != apps.Unlisted {
			delete(a.shown, app)
			a.total.DeletePartialMatch(prometheus.Labels{"app": app})
		}
	}
}
