package httpapi

import (
	"maps"
	"net/http"
	"slices"

	"github.com/desktop-stack-serv/dss/api"
)

// Patterns lists all routes.
func (s *Server) Patterns() []string {
	var list patterns
	s.route(&list)
	return list
}

type patterns []string

func (p *patterns) Handle(pattern string, _ http.Handler) { *p = append(*p, pattern) }

func (p *patterns) HandleFunc(pattern string, _ func(http.ResponseWriter, *http.Request)) {
	*p = append(*p, pattern)
}

// RelayErrors lists the names of the error table.
func RelayErrors() []string { return slices.Collect(maps.Keys(api.Errors)) }

// FailWith is a whole server that answers every request with the error that
// stands in the query, as a route would.
func (s *Server) FailWith() http.Handler {
	return s.observe(s.headers(s.guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name := r.URL.Query().Get("name"); {
		case name == "panic":
			panic("for the test")
		case r.URL.Query().Has("oauth"):
			s.failIn(oauthJSON, w, r, &problem{name: name, detail: "text"})
		default:
			s.fail(w, r, &problem{name: name, detail: "text"})
		}
	}))))
}
