// Package web holds everything of DSS that a person sees: the home page, the
// page that answers at the redirect URI, the page for signing in on another
// device, and the page that says what went wrong; with their style sheet and
// scripts. Package text has the sentences.
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
	"strings"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

//go:embed templates
var templateFiles embed.FS

// Pages renders the pages of DSS. It is immutable and safe for concurrent use.
type Pages struct {
	server    Server
	languages text.Languages
	templates map[*text.Language]func() (*template.Template, error)
	site      func() (*template.Template, error) // of the site
}

// New returns the pages of a server in languages. The first page parses the templates,
// which would take a tenth of a server's start.
func New(server Server, languages text.Languages) *Pages {
	p := &Pages{server: server, languages: languages, templates: map[*text.Language]func() (*template.Template, error){}}
	p.site = sync.OnceValues(p.parseSite)
	parse := sync.OnceValues(func() (*template.Template, error) {
		return template.New("").Funcs(p.functions(languages[0])).ParseFS(templateFiles, "templates/*.html")
	})
	for _, language := range languages {
		p.templates[language] = sync.OnceValues(func() (*template.Template, error) {
			shared, err := parse()
			if err != nil {
				return nil, err
			}
			own, err := shared.Clone()
			if err != nil {
				return nil, err
			}
			return own.Funcs(p.functions(language)), nil
		})
	}
	return p
}

// functions are what templates may call, for pages in a language.
func (p *Pages) functions(language *text.Language) template.FuncMap {
	return template.FuncMap{
		"asset":    assetPath,
		"language": func() *text.Language { return language },
		"server":   func() Server { return p.server },
		"tiles":    func(code string) []string { return strings.Split(code, "") },
		"breaking": func(address string) template.HTML { // before its slashes, where it is too long for a line
			escaped := strings.ReplaceAll(template.HTMLEscapeString(address), "/", "<wbr>/")
			return template.HTML(strings.ReplaceAll(escaped, "<wbr>/<wbr>/", "//"))
		},
		"t": func(name string, values ...any) (template.HTML, error) {
			name, values = about(name, values)
			translated, err := language.HTML(name, values...)
			return template.HTML(translated), err
		},
		"plain": func(name string, values ...any) (string, error) { // for titles, which have no markup
			name, values = about(name, values)
			return language.Plain(name, values...)
		},
	}
}

// about prepares what fills a text. An [App] fills a placeholder with its name; if
// it has none, the text is the one for unknown apps, without the placeholder.
func about(name string, values []any) (string, []any) {
	var filled []any
	for _, value := range values {
		switch v := value.(type) {
		case template.HTML:
			value = text.HTML(v)
		case App:
			if v.Name == "" {
				name, filled = name+".unknown", filled[:len(filled)-1]
				continue
			}
			value = v.Name
		}
		filled = append(filled, value)
	}
	return name, filled
}

// Page is what a page shows, such as [LandingData].
type Page interface {
	template() string
	in(Frame) Page // with the frame
}

// Render renders a page in one of the languages into memory, so that a failure
// sends nothing. Path is that of the request.
func (p *Pages) Render(language *text.Language, path string, data Page) ([]byte, error) {
	templates, err := p.templates[language]()
	if err != nil {
		return nil, fmt.Errorf("templates in %s: %w", language.Tag, err)
	}
	var page bytes.Buffer
	framed := data.in(Frame{Path: path, Languages: p.languages})
	if err := templates.ExecuteTemplate(&page, data.template(), framed); err != nil {
		return nil, fmt.Errorf("rendering %s in %s: %w", data.template(), language.Tag, err)
	}
	return language.Typeset(page.Bytes()), nil
}

// ProblemData is what the problem page shows. It says in plain words what went
// wrong and whose turn it is, with a technical line for the author of the app.
type ProblemData struct {
	Frame
	Status            int
	Name, Message     string // of [api.Errors]
	RequestID         string // as in the server's log
	Time              time.Time
	AuthorizedAppsURL string
	OAuth             bool   // the OAuth server is on, and so is its device page
	Address           string // path that the page's script leaves in the address bar; "" is the page's own
	Leave             bool   // without JavaScript the page leads to Address by itself
	App               App    // the one in question, if it is known
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

func (d ProblemData) in(f Frame) Page {
	d.Frame = f
	d.Path = "/problem/" + d.Name // its own may hold secrets
	return d
}
