package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/clientaddr"
	"github.com/desktop-stack-serv/dss/internal/grant"
	"github.com/desktop-stack-serv/dss/internal/limit"
)

// identify finds out whose request it is, for [clientaddr.From] to tell.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxies := s.config.TrustedProxies
		if s.limits != nil && proxies.Overlooked(r) {
			s.overlooked.Do(func() {
				s.log.WarnContext(r.Context(), "a neighbour sends X-Forwarded-For and is not trusted, so all its clients share one client's limits: if it is your proxy, name it in --trusted-proxies")
			})
		}
		next.ServeHTTP(w, r.WithContext(clientaddr.With(r.Context(), proxies.Of(r))))
	})
}

// throttle refuses requests beyond the limit, in the form that each path
// answers in. Health checks are never refused.
func (s *Server) throttle(next http.Handler) http.Handler {
	if s.limits == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}
		err := s.limits.Request(clientaddr.From(r.Context()))
		switch {
		case err == nil:
			next.ServeHTTP(w, r)
		case openToScripts(r.URL.Path):
			s.failOAuth(w, r, err)
		case r.URL.Path == api.PathToken:
			s.failJSON(w, r, err)
		default:
			s.fail(w, r, err)
		}
	})
}

// tryUserCode has look use a user code. One that leads nowhere is a guess.
func (s *Server) tryUserCode(r *http.Request, look func() error) error {
	guess, err := s.limits.UserCode(clientaddr.From(r.Context()))
	if err != nil {
		return err
	}
	if err = look(); errors.Is(err, grant.ErrUnknown) {
		s.missed(r, guess)
	} else {
		guess.Hit()
	}
	return err
}

// missed counts a wrong guess.
func (s *Server) missed(r *http.Request, guess limit.Guess) {
	if err := guess.Miss(r.Context()); err != nil {
		s.log.WarnContext(r.Context(), "guess not counted for all servers", "err", err)
	}
}

// storing counts entries that the client of r is about to have stored.
func (s *Server) storing(r *http.Request, entries int) error {
	return s.limits.Deposit(clientaddr.From(r.Context()), entries)
}

// tooMany says what there is too much of, by the name of the limit.
var tooMany = map[string]string{
	limit.Requests:    "too many requests",
	limit.UnknownKeys: "too many different keys under which nothing is stored",
	limit.UserCodes:   "too many codes that lead nowhere",
	limit.Exchanges:   "too many requests for tokens",
	limit.Revocations: "too many tokens to revoke",
	limit.Deposits:    "too many sign-ins",
	limit.Waiters:     "too many apps that wait at the same time",
}

func throttled(e *limit.Exceeded) *problem {
	name, all := strings.CutSuffix(e.Name, "_total")
	from := "your network address"
	if all {
		from = "all users together"
	}
	return &problem{api.ThrottleViolation, fmt.Sprintf("%s from %s: try again in %s seconds", tooMany[name], from, seconds(e))}
}

// seconds is how long to wait, in whole seconds.
func seconds(e *limit.Exceeded) string {
	return strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10)
}

// setRetryAfter says when to ask again, where err or the status asks for that.
func setRetryAfter(w http.ResponseWriter, status int, err error) {
	var exceeded *limit.Exceeded
	switch {
	case errors.As(err, &exceeded):
		w.Header().Set("Retry-After", seconds(exceeded))
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", retryAfter)
	}
}

// throttleOAuth refuses in the words of OAuth. Devices take anything but
// slow_down for the end (RFC 8628 section 3.5).
func (s *Server) throttleOAuth(w http.ResponseWriter, r *http.Request, e *limit.Exceeded) {
	name := api.TemporarilyUnavailable
	if r.URL.Path == api.PathOAuthToken {
		name = api.SlowDown
	}
	setRetryAfter(w, http.StatusTooManyRequests, e)
	note(r.Context(), api.ThrottleViolation)
	_ = writeJSON(w, http.StatusTooManyRequests, api.OAuthError{Error: name, Description: throttled(e).message})
}
