package httpapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// Challenge finds the answer to an HTTP-01 challenge (RFC 8555 §8.3) by its
// token.
type Challenge func(ctx context.Context, token string) (answer []byte, ok bool, err error)

// challengePath is where a certificate authority asks for the answer.
const challengePath = "/.well-known/acme-challenge/"

// PlainHandler returns the handler for the plain HTTP port of a server whose
// public URL is https: it answers challenges, unless challenge is nil, and
// leads everything else there.
func (s *Server) PlainHandler(challenge Challenge) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", s.toHTTPS)
	if challenge != nil {
		mux.HandleFunc("GET "+challengePath+"{token}", s.answerChallenge(challenge))
	}
	return s.identify(s.observe(plainHeaders(s.throttle(s.guardPlain(mux)))))
}

// plainHeaders sets headers without Strict-Transport-Security, which RFC 6797
// section 7.2 forbids here.
func plainHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		SetPageHeaders(w.Header())
		next.ServeHTTP(w, r)
	})
}

// guardPlain refuses what guard refuses, but takes a host with any port.
func (s *Server) guardPlain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := malformed(r)
		if _, ok := s.plainHost(r); !ok {
			err = errMisdirected
		}
		if err != nil {
			hangUp(w, r)
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// plainHost returns the host that the request is for, with the public URL's
// port in the place of its own.
func (s *Server) plainHost(r *http.Request) (host string, ok bool) {
	named, err := origin.Host("http", r.Host)
	if err != nil {
		return "", false
	}
	host = s.withPort((&url.URL{Host: named}).Hostname())
	_, ok = s.hosts.lookup(host)
	return host, ok
}

// toHTTPS redirects without the query, which has gone over the line in plain
// text already and must not look as if that were fine. The empty fragment
// keeps the browser from appending its own.
func (s *Server) toHTTPS(w http.ResponseWriter, r *http.Request) {
	host, _ := s.plainHost(r)
	w.Header().Set("Location", "https://"+host+r.URL.EscapedPath()+"#")
	w.WriteHeader(http.StatusPermanentRedirect)
}

func (s *Server) answerChallenge(challenge Challenge) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, ok, err := challenge(r.Context(), r.PathValue("token"))
		switch {
		case err != nil:
			s.fail(w, r, err)
		case !ok:
			s.fail(w, r, &problem{name: api.NoMethod, detail: "there is no such challenge"})
		default:
			_ = write(w, http.StatusOK, "application/octet-stream", answer)
		}
	}
}
