package httpapi

import (
	"net/http"
	"path"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
)

// dialect is the form of a refusal. It belongs to the path that was asked for,
// whoever refuses: a limit, the host check, or the endpoint.
type dialect int

const (
	negotiated dialect = iota // a page for a browser, else relayJSON
	page                      // a page for a person
	relayJSON                 // {"error_name":…,"error_message":…}
	oauthJSON                 // {"error":…,"error_description":…} (RFC 6749 section 5.2)
)

// dialectOf finds the dialect of a path. Doubled and trailing slashes do not
// change it.
func dialectOf(requested string) dialect {
	clean := path.Clean("/" + requested)
	switch {
	case clean == api.PathAuthorize, clean == api.PathCallback, within(clean, strings.TrimSuffix(problemPath, "/")),
		within(clean, api.PathDevice):
		return page
	case within(clean, "/oauth"), within(clean, "/.well-known"):
		return oauthJSON
	case within(clean, api.PathRedirect) && cleanPath(requested):
		return negotiated
	case within(clean, api.PathRedirect): // where no script posts to
		return page
	case within(clean, "/auth"):
		return relayJSON
	}
	return negotiated
}

// within reports whether a path is root or below it.
func within(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '/')
}

// fail answers with an error in the path's dialect.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch d := dialectOf(r.URL.Path); {
	case d == oauthJSON:
		s.failOAuth(w, r, err)
	case d == relayJSON, d == negotiated && !wantsPage(r):
		s.failJSON(w, r, err)
	default:
		s.failPage(w, r, err)
	}
}

// wantsPage reports whether a person reads the answer to r. What gets the
// redirect URI is a browser, whatever it accepts; scripts only post there.
func wantsPage(r *http.Request) bool {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	return reads && within(path.Clean("/"+r.URL.Path), api.PathRedirect) || strings.Contains(r.Header.Get("Accept"), "text/html")
}

// wantsJSON reports whether r comes from a program that says so.
func wantsJSON(r *http.Request) bool {
	return !wantsPage(r) && strings.Contains(r.Header.Get("Accept"), "application/json")
}

// endpoints are the endpoints of the OAuth server by what their names hold at
// other servers; the first one that fits a path is meant.
var endpoints = []struct{ part, path string }{
	{"device", api.PathDeviceAuthorization},
	{"revo", api.PathRevoke},
	{"token", api.PathOAuthToken},
	{"auth", api.PathAuthorize},
}

// nowhere is the error of a path that no route serves.
func (s *Server) nowhere(path string) error {
	if !s.config.servesOAuth() {
		return &problem{api.NoMethod, "this server is reached over plain http and serves the key relay alone: OAuth needs https"}
	}
	return errNowhere(path)
}

// errNowhere is the error of a path that leads nowhere. It names the endpoint
// that was probably meant.
func errNowhere(requested string) error {
	message := "there is nothing at this path; "
	clean := strings.ToLower(path.Clean("/" + requested))
	if within(clean, "/auth") {
		return &problem{api.NoMethod, message + "see " + api.PathRedirect + " and " + api.PathToken}
	}
	name := strings.ReplaceAll(clean, "oauth", "")
	for _, e := range endpoints {
		if strings.Contains(name, e.part) {
			return &problem{api.NoMethod, message + "the endpoint may be " + e.path + "; " + api.PathMetadata + " lists all"}
		}
	}
	return &problem{api.NoMethod, message + api.PathMetadata + " lists the endpoints"}
}
