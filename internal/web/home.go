package web

import (
	"slices"

	"github.com/desktop-stack-serv/dss/internal/registration"
)

// HomeData is what the home page shows: it explains the service to the author of an
// app, builds their program and, with a sandbox, lets them try it.
type HomeData struct {
	Choice    registration.Choice // of the author, for the program
	Plan      registration.Plan
	Form      []registration.Step // of Stack Apps: the same for all choices
	InSandbox bool                // the program is for a sandbox on the author's machine
	OAuth     bool                // the server has the OAuth endpoints
	Sandbox   bool                // the server has a sandbox, so the page can be tried
	Me        string              // with Sandbox: the path of the method that says who the user is
}

func (HomeData) siteTemplate() string { return "home.html" }

// Scripts implements [SiteContent].
func (d HomeData) Scripts() []string {
	scripts := []string{"copy.js", "builder.js"}
	if d.Sandbox {
		scripts = append(scripts, "matchcode.js", "pkce.js", "tryit.js")
	}
	return scripts
}

// FormURL is where applications are registered.
func (HomeData) FormURL() string { return registration.FormURL }

// Languages lists those of programs.
func (HomeData) Languages() []registration.Language { return registration.Languages() }

// Ways lists the ways to sign in.
func (HomeData) Ways() []registration.FlowName { return registration.Ways }

// ScopeChoice is a scope that an author may choose.
type ScopeChoice struct {
	Need   registration.Need
	Name   string
	Chosen bool
}

// Scopes lists those that an author may choose.
func (d HomeData) Scopes() (scopes []ScopeChoice) {
	for _, n := range registration.Needs {
		scopes = append(scopes, ScopeChoice{n.Need, n.Scope, slices.Contains(d.Choice.Needs, n.Need)})
	}
	return scopes
}

// TriedData is the page at which a sign-in that was tried the loopback way ends.
type TriedData struct{}

func (TriedData) siteTemplate() string { return "tried.html" }

// Scripts implements [SiteContent].
func (TriedData) Scripts() []string { return []string{"tried.js"} }
