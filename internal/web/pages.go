// Package web holds everything of DSS that a person sees: the home page, the
// page that answers at the redirect URI, the page for signing in on another
// device, and the page that says what went wrong; with their style sheet,
// scripts and texts.
//
// Pages are rendered from embedded templates to bytes; the package knows no
// HTTP. It promises what the Content-Security-Policy of the pages demands: no
// inline script, no inline style, nothing from another origin. Scripts hold no
// text; they unhide what the server has written.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

//go:embed templates
var templateFiles embed.FS

// Pages renders the pages of DSS and hands out their assets. It is immutable
// and safe for concurrent use.
type Pages struct {
	templates *template.Template
	assets    assets
}

// New parses the templates, reads the texts and hashes the assets. It fails
// only when the embedded files contradict each other.
func New() (*Pages, error) {
	texts, err := loadTexts("en")
	if err != nil {
		return nil, err
	}
	p := &Pages{}
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	p.templates, err = template.New("").Funcs(template.FuncMap{
		"t":     texts.get,
		"rich":  texts.rich, // a text with `code` in it
		"fill":  fill,       // a value in a text
		"named": named,      // a name in a text
		"asset": p.assets.path,
	}).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parsing templates: %w", err)
	}
	return p, nil
}

// Page is what a page shows: [HomeData], [LandingData], [DeviceData] or
// [ProblemData].
type Page interface{ template() string }

// Render renders a page into memory, so that a failure sends nothing.
func (p *Pages) Render(data Page) ([]byte, error) {
	var page bytes.Buffer
	if err := p.templates.ExecuteTemplate(&page, data.template(), data); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", data.template(), err)
	}
	return page.Bytes(), nil
}

// HomeData is what the home page shows. It explains the service to the author of
// an app and, with the sandbox, lets them try it.
type HomeData struct {
	PublicURL string // origin under which apps reach the service
	OAuth     bool   // the OAuth server is on
	Sandbox   bool   // the fake Stack Exchange is on, so the page can be tried
	API       string // the path of the sandbox's API
	Version   string
}

func (HomeData) template() string { return "home.html" }

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
	App               App    // that the operator does not let sign users in; the zero value is any
	Reason            string // why the operator has blocked it; "" if that is not what it is
}

// Kind names the group of texts that explains the problem: "app", "address",
// "browser", "later", "origin", "over" or "refused".
func (d ProblemData) Kind() string {
	switch d.Name {
	case api.CrossOrigin:
		return "origin"
	case api.UnknownSignIn:
		return "over"
	case api.WrongBrowser:
		return "browser"
	case api.AccessDenied, api.UnauthorizedClient:
		return "refused"
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
