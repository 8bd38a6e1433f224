package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// throttle refuses requests beyond the limit. Health checks are never refused.
func (s *Server) throttle(rec *record, r *http.Request) error {
	if s.limits == nil || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		return nil
	}
	if s.config.TrustedProxies.Overlooked(r) {
		s.overlooked.Do(func() {
			s.log.WarnContext(rec, "a neighbour sends X-Forwarded-For and is not trusted, "+
				"so all its clients share one client's limits: if it is your proxy, "+
				"name it in --trusted-proxies, with unix for a Unix socket")
		})
	}
	err := s.limits.Request(rec.client)
	rec.polls = err != nil && r.URL.Path == api.PathOAuthToken // which grant it is for has not been read
	return err
}

// tryUserCode calls use, which uses a user code. An unknown code counts as a wrong
// guess.
func (s *Server) tryUserCode(r *http.Request, use func() error) error {
	guess, err := s.limits.UserCode(recordOf(r.Context()).client)
	if err != nil {
		return err
	}
	if err = use(); errors.Is(err, oauth.ErrUnknown) {
		return s.missed(r.Context(), guess, err)
	}
	guess.Hit()
	return err
}

// missed counts a wrong guess and returns the error to answer: wrong, or that all
// clients together have guessed wrong too often.
func (s *Server) missed(ctx context.Context, guess *limit.Guess, wrong error) error {
	refused, err := guess.Miss(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "guess not counted for all servers", "err", err)
	}
	if refused != nil {
		return refused
	}
	return wrong
}

// caller returns the client for whom Stack Exchange is called.
func caller(ctx context.Context) netip.Prefix { return limit.ClientOf(recordOf(ctx).client) }

// callLimits names the limits of calls to Stack Exchange.
var callLimits = map[stackexchange.Method]string{
	stackexchange.MethodRedeem:     limit.Redemptions,
	stackexchange.MethodInvalidate: limit.Revocations,
}

// allowCall refuses a call to Stack Exchange for a client of which it has refused
// too many.
func (s *Server) allowCall(ctx context.Context, m stackexchange.Method) error {
	return s.limits.MayCall(recordOf(ctx).client, callLimits[m])
}

// callRefused counts a call that Stack Exchange has refused.
func (s *Server) callRefused(ctx context.Context, m stackexchange.Method) {
	s.limits.CallRefused(recordOf(ctx).client, callLimits[m])
}

// storing counts entries, and their size in the store, that are about to be
// stored for the client of a request.
func (s *Server) storing(ctx context.Context, entries, bytes int) error {
	rec := recordOf(ctx)
	return s.limits.Deposit(rec.client, entries, bytes, rec.factor())
}

// tooMany explains each limit, by its name.
var tooMany = map[string]string{
	limit.Requests:    "too many requests",
	limit.UnknownKeys: "too many different keys under which nothing is stored",
	limit.UserCodes:   "too many codes that do not exist",
	limit.Exchanges:   "too many requests for tokens",
	limit.Redemptions: "too many codes that Stack Exchange refused",
	limit.Revocations: "too many tokens to revoke that Stack Exchange does not know",
	limit.Deposits:    "too many sign-ins",
	limit.Waiters:     "too many apps that wait at the same time",
}

func throttled(e *limit.Exceeded) *problem {
	name, all := strings.CutSuffix(e.Name, "_total")
	from := "your network address"
	if all {
		from = "all users together"
	}
	return &problem{
		name:   api.ThrottleViolation,
		detail: fmt.Sprintf("%s from %s: try again in %d seconds", tooMany[name], from, seconds(e.RetryAfter)),
		retry:  e.RetryAfter,
	}
}

// seconds returns a time to wait in whole seconds, rounded up.
func seconds(wait time.Duration) int64 { return int64((wait + time.Second - 1) / time.Second) }
