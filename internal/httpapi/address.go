package httpapi

import (
	"net/http"
	"path"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// A refusal must not leave in the address bar, nor in the session history, what
// the browser has brought in the address. Three things see to it:
//
//   - The page's script takes query and fragment out of the address
//     (address.js). Where they may be secret, what stays is [problemPath] and
//     the name of the error.
//   - Without JavaScript the page leads there by itself, if there was a query;
//     and always if its script may be refused as the page was.
//   - Where Stack Exchange sends the browsers of the OAuth server, and below
//     the redirect URI, the answer is a redirect there. Its empty fragment
//     keeps the browser from appending its own. In the browser that started the
//     sign-in, the address that the request came with may still be good: nobody
//     should be talked into showing it to somebody else.

// problemPath is where the pages are that say what is wrong under an address
// that holds nothing of the sign-in; the name of the error follows.
const problemPath = "/problem/"

// receivesSecrets reports whether browsers are sent to a path with secrets in
// the address. One that is written with more slashes may be registered too.
func receivesSecrets(requested string) bool {
	clean := path.Clean("/" + requested)
	switch clean {
	case api.PathRedirect, api.PathCallback, api.PathAuthorize, api.PathDevice:
		return true
	}
	return belowRedirect(clean)
}

func belowRedirect(path string) bool { return strings.HasPrefix(path, api.PathRedirect+"/") }

// clean has the page about an error leave a clean address behind.
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

// redirects reports whether the error name is shown elsewhere. Only what a
// browser navigates to has an address bar.
func redirects(r *http.Request, name string) bool {
	if belowRedirect(r.URL.Path) {
		return name == api.NoMethod
	}
	return r.URL.Path == api.PathCallback && r.Method == http.MethodGet && !prefetched(r)
}

// belowRedirectURI serves what is below the redirect URI and leads nowhere.
func (s *Server) belowRedirectURI(w http.ResponseWriter, r *http.Request) {
	s.failIn(page, w, r, &problem{name: api.NoMethod, detail: "there is nothing here below " + api.PathRedirect})
}

// getProblem serves GET /problem/{name}.
func (s *Server) getProblem(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if _, ok := api.Errors[name]; !ok {
		s.notFound(w, r)
		return
	}
	s.fail(w, r, &problem{name: name})
}
