package httpapi

import (
	"net/http"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// A refusal must not leave a secret of the request's address in the address bar
// or the session history:
//
//   - The page's script removes query and fragment from the address (address.js).
//     Where they may be secret, it leaves [problemPath] and the error's name.
//   - Without JavaScript the page leads there by itself if there was a query, and
//     always if its script may be refused as the page was.
//   - At the OAuth server's callback, and below the redirect URI, the answer is a
//     redirect there. Its empty fragment keeps the browser from appending its own.
//     The address may still work in the browser that started the sign-in, so
//     users must not be tricked into showing it to others.

// problemPath is the start of addresses of pages about errors, which hold nothing
// of the sign-in. The error's name follows.
const problemPath = "/problem/"

// receivesSecrets reports whether browsers are sent to a path with secrets in
// the address. One that is written with more slashes may be registered too.
func receivesSecrets(requested string) bool {
	clean := rooted(requested)
	switch clean {
	case api.PathRedirect, api.PathCallback, api.PathAuthorize, api.PathDevice:
		return true
	}
	return belowRedirect(clean)
}

func belowRedirect(path string) bool { return strings.HasPrefix(path, api.PathRedirect+"/") }

// clean makes the page about an error leave a clean address behind.
func clean(w http.ResponseWriter, r *http.Request, data *web.ProblemData) {
	switch {
	case !receivesSecrets(r.URL.Path):
		return
	case r.Method == http.MethodPost && r.URL.RawQuery == "":
		return // a reload may try again
	}
	data.Address = problemPath + data.Name
	switch data.Name {
	case api.ThrottleViolation, api.MisdirectedRequest: // as the script's request might be
		w.Header().Set("Refresh", "0; url="+data.Address+"#")
	default:
		data.Leave = r.URL.RawQuery != "" || belowRedirect(r.URL.Path)
	}
}

// redirects reports whether the page about an error is at another address. Only
// navigations change the address bar.
func redirects(r *http.Request, name string) bool {
	if belowRedirect(r.URL.Path) {
		return name == api.NoMethod
	}
	return r.URL.Path == api.PathCallback && r.Method == http.MethodGet && !prefetched(r)
}

// belowRedirectURI serves unknown paths below the redirect URI.
func (s *Server) belowRedirectURI(w http.ResponseWriter, r *http.Request) error {
	s.failIn(page, w, r, &problem{name: api.NoMethod, detail: "there is nothing here below " + api.PathRedirect})
	return nil
}

// getProblem serves GET /problem/{name}.
func (s *Server) getProblem(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if _, ok := api.Errors[name]; !ok {
		return s.notFound(w, r)
	}
	return &problem{name: name}
}
