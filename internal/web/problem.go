package web

import (
	"net/http"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

// ProblemData is what the problem page shows. It says in plain words what went
// wrong and whose turn it is, with a technical line for the author of the app.
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
	switch d.Status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable:
		return "later"
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusMisdirectedRequest:
		return "address"
	}
	return "app" // has made a mistake
}

func (ProblemData) template() string { return "problem.html" }
