package web

import (
	"slices"

	"github.com/desktop-stack-serv/dss/internal/registration"
)

// StartView is one of the pages that lead an author through the registration of
// an app.
type StartView string

// The views.
const (
	StartChoose StartView = "choose" // where the app runs, and what it needs
	StartValues StartView = "values" // what to fill in on Stack Apps
	StartTry    StartView = "try"    // a sign-in with the app's client ID
	StartReport StartView = "report" // how that went, or what something that was seen means
)

// StartOutcome is what [StartReport] is about.
type StartOutcome string

// The outcomes.
const (
	OutcomePending    StartOutcome = "pending"    // the browser has not come back from Stack Exchange
	OutcomeChecking   StartOutcome = "checking"   // it has, a moment ago
	OutcomeRefused    StartOutcome = "refused"    // it has, with an error
	OutcomeNotTaken   StartOutcome = "not_taken"  // Stack Exchange refused its own code
	OutcomeUnanswered StartOutcome = "unanswered" // Stack Exchange did not answer
	OutcomeRight      StartOutcome = "right"      // there was a token
	OutcomeSeen       StartOutcome = "seen"       // the author says what there was to be seen
	OutcomeGone       StartOutcome = "gone"       // there is no such report, or not for this browser
)

// StartData is what the pages about the registration of an app show.
type StartData struct {
	Frame
	View     StartView
	Choice   registration.Choice
	Query    string  // the choice in the query of these pages
	Fields   []Field // the same, as hidden fields
	Plan     registration.Plan
	ClientID string // "" if it is not known
	Mistaken bool   // StartTry: what was typed is not a client ID
	Host     string // where users sign in, such as stackoverflow.com
	Sandbox  bool   // that is the sandbox

	// Of StartReport.
	Outcome           StartOutcome
	Reached           StartOutcome // of a trial; the same, unless that is OutcomeSeen
	Action            string       // path of this report
	Error, Message    string       // what Stack Exchange said
	Unrevoked         bool         // the token of the trial may still be valid
	Findings          []registration.Finding
	AuthorizedAppsURL string // where the user revokes what an app may do
}

// Elsewhere reports whether users sign in to a Stack Exchange of its own, such as
// Stack Internal.
func (d StartData) Elsewhere() bool {
	return !d.Sandbox && d.Host != "stackoverflow.com" && d.Host != "stackexchange.com"
}

// FormURL is where applications are registered; "" if that is not Stack Apps.
func (d StartData) FormURL() string {
	if d.Elsewhere() {
		return ""
	}
	return registration.FormURL
}

// TryPath leads to the page that tries a client ID.
func (d StartData) TryPath() string { return "/start/try?" + d.Query + d.clientID() }

// ReportPath leads to the page that asks what the author has seen.
func (d StartData) ReportPath() string { return "/start/report?" + d.Query }

// ValuesPath leads to the page that says what to fill in.
func (d StartData) ValuesPath() string { return "/start?" + d.Query + d.clientID() }

// clientID is what is added to a query where the client ID is known.
func (d StartData) clientID() string {
	if d.ClientID == "" {
		return ""
	}
	return "&client_id=" + d.ClientID
}

// Platforms lists where an app may run.
func (StartData) Platforms() []registration.Platform { return registration.Platforms }

// Needs lists what an app may need.
func (StartData) Needs() (needs []registration.Need) {
	for _, n := range registration.Needs {
		needs = append(needs, n.Need)
	}
	return needs
}

// Sightings lists what an author may have seen: instead of coming back, often or
// rarely, or after a sign-in that went well.
func (StartData) Sightings(rare, later bool) []registration.Sighting {
	return slices.DeleteFunc(slices.Clone(registration.Sightings),
		func(s registration.Sighting) bool { return s.Rare != rare || s.Later != later })
}

func (StartData) template() string { return "start.html" }

func (d StartData) in(f Frame) Page {
	d.Frame = f
	switch d.View {
	case StartValues:
		d.Path = d.ValuesPath()
	case StartTry:
		d.Path = d.TryPath()
	}
	return d
}
