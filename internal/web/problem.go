package web

import (
	"net/http"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

// ProblemData is what the problem page shows.
type ProblemData struct {
	Status            int
	Name, Message     string // of [api.Errors]
	RequestID         string // as in the server's log
	Time              time.Time
	AuthorizedAppsURL string
	OAuth             bool   // the OAuth server is on, and so is its device page
	Address           string // path that the page's script leaves in the address bar; "" is the page's own
	Leave             bool   // without JavaScript the page leads to Address by itself
}

// Kind names the group of texts that explains the problem: "app", "address",
// "browser", "later", "origin" or "over".
func (d ProblemData) Kind() string {
	switch d.Name {
	case api.CrossOrigin:
		return "origin"
	case api.UnknownSignIn:
		return "over"
	case api.WrongBrowser:
		return "browser"
	}
	switch {
	case d.Status == http.StatusTooManyRequests, d.Status >= http.StatusInternalServerError:
		return "later"
	case d.Status == http.StatusNotFound, d.Status == http.StatusMethodNotAllowed, d.Status == http.StatusMisdirectedRequest:
		return "address"
	}
	return "app" // has made a mistake
}

// Problem renders a page that says in plain words what went wrong and whose
// turn it is, with a technical line for the author of the app.
func (p *Pages) Problem(data ProblemData) ([]byte, error) {
	return p.render("problem.html", data)
}
