package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

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
		return write(w, http.StatusOK, "application/octet-stream", answer)
	}
}
