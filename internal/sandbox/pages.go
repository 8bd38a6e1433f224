package sandbox

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/web"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

//go:embed templates static
var files embed.FS

// pages parses the templates with the first page: most servers have no sandbox.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(files, "templates/*.html"))
})

// page is what templates get. Title is the headline, too. Pages for the authors of apps
// are in English; those for users are in their language.
type page struct {
	Title    string
	Headline template.HTML
	Data     any
	Language *text.Language
}

// authorPage is a page for the authors of apps.
func authorPage(title string, data any) page {
	return page{title, template.HTML(template.HTMLEscapeString(title)), data, text.English}
}

// userPage is a page for users, whose title is a text.
func (s *Sandbox) userPage(r *http.Request, data any, title string, values ...any) page {
	p := page{Data: data, Language: text.English}
	if l := s.config.Languages.Accepted(r.Header.Get("Accept-Language")); l != nil {
		p.Language = l
	}
	p.Title, _ = p.Language.Plain(title, values...) // the page fails without it
	p.Headline, _ = p.T(title, values...)
	return p
}

// T returns a text for users; see [text.Language.HTML].
func (p page) T(name string, values ...any) (template.HTML, error) {
	html, err := p.Language.HTML(name, values...)
	return template.HTML(html), err
}

// Date returns a time as people write it in the language of the page.
func (p page) Date(t time.Time) (string, error) {
	layout, err := p.Language.Plain("sandbox.apps.date")
	return t.UTC().Format(layout), err
}

// problem is an error page.
type problem struct {
	Status  int
	Title   string
	Message string
}

func writeProblem(w http.ResponseWriter, p problem) {
	writePage(w, p.Status, "problem.html", authorPage(p.Title, p.Message))
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeProblem(w, problem{http.StatusNotFound, "No such page", "the sandbox has no page at this address"})
}

// writeFailure keeps the browser here.
func writeFailure(w http.ResponseWriter, err error) {
	f, _ := errors.AsType[failure](err)
	writePage(w, http.StatusBadRequest, "failure.html", authorPage("Application Login Failure", f))
}

func writePage(w http.ResponseWriter, status int, name string, data page) {
	var body bytes.Buffer
	if err := pages().ExecuteTemplate(&body, name, data); err != nil || data.Title == "" {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", data.Language.Tag)
	if bytes.Contains(body.Bytes(), []byte("<form")) { // or a browser may send "Origin: null" with it
		w.Header().Set("Referrer-Policy", "strict-origin")
	}
	w.WriteHeader(status)
	_, _ = w.Write(data.Language.Typeset(body.Bytes()))
}

// asset serves one static file.
func asset(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		http.ServeFileFS(w, r, files, "static/"+name)
	}
}

// tokens serves the style sheet that the sandbox shares with the pages of DSS.
func tokens(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(web.Tokens())
}

// pageForm reads a form of the sandbox's own pages.
func pageForm(w http.ResponseWriter, r *http.Request) (params, error) {
	if http.NewCrossOriginProtection().Check(r) != nil {
		return nil, errors.New("this form can be sent from the sandbox's own page only")
	}
	return formParams(w, r)
}

// submit takes a form of the page at back, where the browser goes afterwards.
func (s *Sandbox) submit(w http.ResponseWriter, r *http.Request, back string, change func(params) error) {
	p, err := pageForm(w, r)
	if err == nil {
		err = change(p)
	}
	if err != nil {
		writeProblem(w, problem{statusOf(err), "Not changed", err.Error()})
		return
	}
	w.Header().Set("Location", back)
	w.WriteHeader(http.StatusSeeOther)
}

// loginSuccess is where apps without a page of their own have the browser end.
func (s *Sandbox) loginSuccess(w http.ResponseWriter, r *http.Request) {
	writePage(w, http.StatusOK, "login_success.html", s.userPage(r, nil, "sandbox.arrived.title"))
}
