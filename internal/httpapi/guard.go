package httpapi

import (
	"maps"
	"net/http"
	"path"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
)

const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// securityHeaders go out with every answer, errors included. A header's values
// are never changed in place, only exchanged.
var securityHeaders = http.Header{
	"Content-Security-Policy":      {contentSecurityPolicy},
	"Referrer-Policy":              {"no-referrer"},
	"Cache-Control":                {"no-store"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Origin-Agent-Cluster":         {"?1"},
	"X-Content-Type-Options":       {"nosniff"},
	"X-Frame-Options":              {"DENY"},
	"X-Robots-Tag":                 {"noindex"},
	"Permissions-Policy": {"accelerometer=(), ambient-light-sensor=(), camera=(), clipboard-read=(), " +
		"display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"},
}

// SetSecurityHeaders sets the headers that every answer has.
func SetSecurityHeaders(h http.Header) { maps.Copy(h, securityHeaders) }

// crossOriginHeaders let scripts of any site read answers meant for apps.
var crossOriginHeaders = http.Header{
	"Access-Control-Allow-Origin":   {"*"},
	"Access-Control-Expose-Headers": {"Retry-After, X-Request-Id"},
	"Cross-Origin-Resource-Policy":  {"cross-origin"},
}

var strictTransport = http.Header{"Strict-Transport-Security": {"max-age=31536000"}}

// guard sets the headers of every answer and refuses what no route may see.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		SetSecurityHeaders(h)
		if s.config.PublicURL.Scheme == "https" {
			maps.Copy(h, strictTransport)
		}
		if r.URL.Path == api.PathToken || openToScripts(r.URL.Path) {
			maps.Copy(h, crossOriginHeaders)
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

var errMisdirected = &problem{api.MisdirectedRequest, "this server does not answer for the host you asked for; check --public-url"}

var errBadPath = &problem{api.NoMethod, "the path has empty or dotted segments"}

func (s *Server) refuse(r *http.Request) error {
	_, known := s.hosts.lookup(r.Host)
	if !known && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
		return errMisdirected
	}
	return malformed(r)
}

// malformed refuses what no route may see, whatever the host.
func malformed(r *http.Request) error {
	switch {
	case r.URL.Host != "":
		return &problem{api.InvalidRequest, "the request names a whole URL, as for a proxy; name the path alone"}
	case len(r.TransferEncoding) > 0:
		return &problem{api.InvalidRequest, "send the body with a Content-Length"}
	case r.Header.Get("Service-Worker") != "":
		return &problem{api.InvalidRequest, "there is no service worker here"}
	case !strings.HasPrefix(r.URL.Path, "/") || !cleanPath(r.URL.Path):
		// ServeMux would redirect, and carry the query along.
		return errBadPath
	}
	return nil
}

func cleanPath(p string) bool {
	clean := path.Clean(p)
	return p == clean || p == clean+"/"
}
