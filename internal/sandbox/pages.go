package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

//go:embed templates static
var files embed.FS

var pages = template.Must(template.ParseFS(files, "templates/*.html"))

// field is a hidden field of the consent page.
type field struct{ Name, Value string }

// problem is an error page.
type problem struct {
	Status  int
	Title   string
	Message string
}

func writeProblem(w http.ResponseWriter, p problem) { writePage(w, p.Status, "problem.html", p) }

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeProblem(w, problem{http.StatusNotFound, "No such page", "the sandbox has no page at this address"})
}

func writePage(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if bytes.Contains(page.Bytes(), []byte("<form")) { // or a browser may send "Origin: null" with it
		w.Header().Set("Referrer-Policy", "strict-origin")
	}
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

// asset serves one static file.
func asset(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		http.ServeFileFS(w, r, files, "static/"+name)
	}
}

func (s *Sandbox) index(w http.ResponseWriter, _ *http.Request) {
	writePage(w, http.StatusOK, "index.html", switchParams)
}

// consent is what the consent page shows.
type consent struct {
	Action      string
	ClientID    string
	Host        string
	Permissions []permission
	Before      bool // the user has approved the app before
	Fields      []field
}

func writeConsent(w http.ResponseWriter, a authorization, before bool) {
	p := a.params
	data := consent{
		Action: a.grantType.path, ClientID: p["client_id"], Host: a.host,
		Permissions: permissions(parseScope(p["scope"])), Before: before,
	}
	for _, name := range []string{
		"client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
		"sandbox_order", "sandbox_delivery", "sandbox_strip_query",
	} {
		if value, ok := p[name]; ok {
			data.Fields = append(data.Fields, field{name, value})
		}
	}
	writePage(w, http.StatusOK, "consent.html", data)
}
