package web

import "time"

// ProblemData is what the problem page shows.
type ProblemData struct {
	Status            int
	Name, Message     string // of the error table in docs/api.md
	RequestID         string // as in the server's log
	Time              time.Time
	AuthorizedAppsURL string
	OAuth             bool   // the OAuth server is on, and so is its device page
	Address           string // path that the page's script leaves in the address bar; "" is the page's own
	Leave             bool   // without JavaScript the page leads to Address by itself
}

// problemKinds says which explanation fits an error. What is not listed is the
// mistake of an app.
var problemKinds = map[string]string{
	"cross_origin":            "origin",
	"internal_error":          "later",
	"method_not_allowed":      "address",
	"misdirected_request":     "address",
	"no_method":               "address",
	"not_found":               "address",
	"temporarily_unavailable": "later",
	"throttle_violation":      "later",
	"unknown_sign_in":         "over",
	"wrong_browser":           "browser",
}

// Kind names the group of texts that explains the problem: "app", "address",
// "browser", "later", "origin" or "over".
func (d ProblemData) Kind() string {
	if kind, ok := problemKinds[d.Name]; ok {
		return kind
	}
	if d.Status >= 500 {
		return "later"
	}
	return "app"
}

// Problem renders a page that says in plain words what went wrong and whose
// turn it is, with a technical line for the author of the app.
func (p *Pages) Problem(data ProblemData) ([]byte, error) {
	return p.render("problem.html", data)
}
