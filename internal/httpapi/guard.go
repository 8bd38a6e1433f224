package httpapi

import (
	"net/http"
	"path"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// guard refuses what no route may see.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			// A Content-Length beside it, which net/http hides, may mean that
			// a proxy reads another body (RFC 9112 section 6.1).
			hangUp(w, r)
		}
		if err := s.refuse(r); err != nil {
			hangUp(w, r)
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
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

// refuse makes the request's Host canonical, finds the app it belongs to, and
// refuses other hosts and malformed requests.
func (s *Server) refuse(r *http.Request) error {
	host, err := origin.Host(s.config.PublicURL.Scheme, r.Host)
	app, known := s.hosts.lookup(host)
	if (err != nil || !known) && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
		return errMisdirected
	}
	r.Host = host
	if request := aboutOf(r.Context()); request != nil {
		request.app = app
	}
	return malformed(r)
}

// malformed refuses what no route may see, whatever the host.
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
