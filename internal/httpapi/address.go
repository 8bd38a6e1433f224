package httpapi

import (
	"net/http"
	"path"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
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
//     keeps the browser from appending its own.

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

// seeProblem says what is wrong under an address that holds nothing of the
// sign-in. In the browser that started it, the one this request came with may
// still be good: nobody should be talked into showing it to somebody else.
func (s *Server) seeProblem(w http.ResponseWriter, r *http.Request, name string) {
	note(r.Context(), name)
	seeOther(w, problemPath+name+"#")
}

// belowRedirectURI serves what is below the redirect URI and leads nowhere.
func (s *Server) belowRedirectURI(w http.ResponseWriter, r *http.Request) {
	s.seeProblem(w, r, api.NoMethod)
}

// getProblem serves GET /problem/{name}.
func (s *Server) getProblem(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if _, ok := statusOf[name]; !ok {
		s.notFound(w, r)
		return
	}
	s.failPage(w, r, &problem{name, problemMessages[name]})
}

// problemMessages say to the author of an app what the name of an error, which
// is all that those addresses hold, does not.
var problemMessages = map[string]string{
	api.MisdirectedRequest: errMisdirected.message,
	api.NoMethod:           "there is nothing at this address below " + api.PathRedirect,
	api.ThrottleViolation:  "too many requests: try again in a minute",
	api.UnknownSignIn:      oauth.ErrUnknown.Error(),
	api.WrongBrowser:       oauth.ErrWrongBrowser.Error(),
}
