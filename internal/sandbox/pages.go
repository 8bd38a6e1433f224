package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"
)

//go:embed templates static
var files embed.FS

var pages = template.Must(template.ParseFS(files, "templates/*.html"))

// field is a hidden field of the consent page.
type field struct{ Name, Value string }

// problem is a page that says what is wrong.
type problem struct {
	Status  int
	Title   string
	Message string
}

var methodNotAllowed = problem{http.StatusMethodNotAllowed, "Method not allowed", "use GET"}

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
	_, _ = w.Write(page.Bytes()) // nobody is left to tell
}

// asset serves one static file.
func asset(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := files.ReadFile(path.Join("static", name))
		if err != nil {
			http.Error(w, "no such file", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
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
	host, _ := redirectHost(a.redirectURI)
	data := consent{
		Action: a.grantType.path, ClientID: a.clientID, Host: host, Permissions: permissions(parseScope(a.scope)), Before: before,
		Fields: []field{{"client_id", a.clientID}, {"redirect_uri", a.redirectURI}, {"scope", a.scope}},
	}
	if a.hasState {
		data.Fields = append(data.Fields, field{"state", a.state})
	}
	if a.challenge != "" {
		data.Fields = append(data.Fields, field{"code_challenge", a.challenge}, field{"code_challenge_method", "S256"})
	}
	data.Fields = append(data.Fields, a.switches.fields()...)
	writePage(w, http.StatusOK, "consent.html", data)
}

func writeInterstitial(w http.ResponseWriter, target string) {
	writePage(w, http.StatusOK, "interstitial.html", target)
}
