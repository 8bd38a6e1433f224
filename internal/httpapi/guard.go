package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/sealed"
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
	host, app, err := r.Host, "", error(nil)
	known := slices.Contains(s.hosts.names, host) // as most clients write it
	if !known {
		host, err = origin.Host(s.config.PublicURL.Scheme, r.Host)
		app, known = s.hosts.find(host)
	}
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
	case first(r.Header["Service-Worker"]) != "":
		return invalid("there is no service worker here")
	case !strings.HasPrefix(r.URL.Path, "/") || !cleanPath(r.URL.Path):
		// ServeMux would redirect, and carry the query along.
		return errNowhere(r.URL.Path)
	}
	return nil
}

// first returns the first value of a header. [http.Header.Get] would search for a
// better spelling of its name first, which takes twice as long.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func cleanPath(p string) bool {
	clean := path.Clean(p)
	return p == clean || p == clean+"/"
}

// Challenge finds the answer to an HTTP-01 challenge (RFC 8555 §8.3) by its
// token. An error means trouble with the store.
type Challenge func(ctx context.Context, token string) (answer []byte, ok bool, err error)

// challengePath is where a certificate authority asks for the answer.
const challengePath = "/.well-known/acme-challenge/"

// PlainHandler returns the handler for the plain HTTP port of a server whose
// public URL is https: it answers challenges, unless challenge is nil, and
// redirects everything else there.
func (s *Server) PlainHandler(challenge Challenge) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", s.toHTTPS)
	if challenge != nil {
		mux.HandleFunc("GET "+challengePath+"{token}", s.answer(s.answerChallenge(challenge)))
	}
	// RFC 6797 section 7.2 forbids Strict-Transport-Security here.
	headers := func(rec *record, _ *http.Request) { pageHeaders.set(rec.Header()) }
	return s.chain(headers, s.guardPlain, mux)
}

// guardPlain does what guard does, but takes a host with any port. The host that
// it leaves in the request has the public URL's.
func (s *Server) guardPlain(rec *record, r *http.Request) error {
	err := malformed(r)
	host, hostErr := origin.Host("http", r.Host)
	r.Host = s.withPort((&url.URL{Host: host}).Hostname())
	if _, ok := s.hosts.find(r.Host); hostErr != nil || !ok {
		err = errMisdirected
	}
	if err != nil {
		hangUp(rec, r)
	}
	return err
}

// toHTTPS redirects without the query, which has gone over the line in plain
// text already: a redirect with it would hide that. The empty fragment
// keeps the browser from appending its own.
func (s *Server) toHTTPS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "https://"+r.Host+r.URL.EscapedPath()+"#")
	w.WriteHeader(http.StatusPermanentRedirect)
}

func (s *Server) answerChallenge(challenge Challenge) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		answer, ok, err := challenge(r.Context(), r.PathValue("token"))
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", sealed.ErrUnavailable, err)
		case !ok:
			return &problem{name: api.NoMethod, detail: "there is no such challenge"}
		}
		return write(w, http.StatusOK, binaryContent, answer)
	}
}
