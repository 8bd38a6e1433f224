package httpapi

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// hosts is the allow-list of Host headers, in canonical form.
type hosts struct {
	names   []string // of the server itself
	domains []string // ".host" below which app hosts live
	apps    []string // allowed app hosts; nil allows none
	anyApp  bool
}

// newHosts allows the public URL's host, every loopback name if that is one,
// and an app host for each id in appHosts; "all" stands for any id.
func newHosts(public *url.URL, appHosts []string) hosts {
	h := hosts{apps: appHosts, anyApp: slices.Contains(appHosts, "all")}
	names := []string{public.Hostname()}
	if origin.IsLoopback(public.Hostname()) {
		names = append(names, "localhost", "127.0.0.1", "::1")
	}
	for _, name := range names {
		host := origin.Join(name, public.Port())
		h.names = append(h.names, host)
		if len(appHosts) > 0 && !origin.IsAddress(name) {
			h.domains = append(h.domains, "."+host)
		}
	}
	return h
}

// find reports whether a canonical host is allowed, and the app it belongs
// to, if any.
func (h hosts) find(host string) (app string, ok bool) {
	if slices.Contains(h.names, host) {
		return "", true
	}
	for _, domain := range h.domains {
		app, found := strings.CutSuffix(host, domain)
		if found && !strings.Contains(app, ".") && (h.anyApp || slices.Contains(h.apps, app)) {
			return app, true
		}
	}
	return "", false
}

// withPort adds the public URL's port to a host name.
func (s *Server) withPort(name string) string { return origin.Join(name, s.config.PublicURL.Port()) }

// guard makes the request's Host canonical and finds the app it belongs to. It
// refuses other hosts and malformed requests.
func (s *Server) guard(rec *record, r *http.Request) error {
	host, err := origin.Host(s.config.PublicURL.Scheme, r.Host)
	app, known := s.hosts.find(host)
	if (err != nil || !known) && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
		err = errMisdirected
	} else {
		r.Host, rec.app = host, app
		err = malformed(r)
	}
	if err != nil || len(r.TransferEncoding) > 0 {
		// A Content-Length beside a transfer encoding, which net/http hides, may
		// mean that a proxy reads another body (RFC 9112 section 6.1).
		hangUp(rec, r)
	}
	return err
}

// hangUp ends an HTTP/1.1 connection after the answer, as what is left of the
// request cannot be trusted. An HTTP/2 connection is left to the other requests
// on it, which may wait for a sign-in.
func hangUp(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 {
		w.Header().Set("Connection", "close")
	}
}

var errMisdirected = &problem{name: api.MisdirectedRequest}

// malformed refuses requests that no route may get, whatever the host.
func malformed(r *http.Request) error {
	switch {
	case r.URL.Host != "":
		return invalid("the request names a whole URL, as for a proxy; name the path alone")
	case len(r.TransferEncoding) > 0 && r.Method != http.MethodPost:
		return invalid("only a POST has a body")
	case r.Header.Get("Service-Worker") != "":
		return invalid("there is no service worker here")
	case !strings.HasPrefix(r.URL.Path, "/") || !cleanPath(r.URL.Path):
		// ServeMux would redirect, and carry the query along.
		return errNowhere(r.URL.Path)
	}
	return nil
}

func cleanPath(p string) bool {
	clean := path.Clean(p)
	return p == clean || p == clean+"/"
}
