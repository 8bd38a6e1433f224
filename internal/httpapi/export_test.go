package httpapi

import (
	"maps"
	"net/http"
	"slices"

	"github.com/desktop-stack-serv/dss/api"
)

// Patterns lists all routes.
func (s *Server) Patterns() (patterns []string) {
	for _, route := range s.routes() {
		patterns = append(patterns, route.pattern)
	}
	return patterns
}

// RelayErrors lists the names of the error table.
func RelayErrors() []string { return slices.Collect(maps.Keys(api.Errors)) }

// FailWith is a whole server that answers every request with the error that
// stands in the query, as a route would.
func (s *Server) FailWith() http.Handler {
	return s.chain(s.headers, s.guard, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name := r.URL.Query().Get("name"); {
		case name == "panic":
			panic("for the test")
		case r.URL.Query().Has("oauth"):
			s.failIn(oauthJSON, w, r, &problem{name: name, detail: "text"})
		default:
			s.fail(w, r, &problem{name: name, detail: "text"})
		}
	}))
}
