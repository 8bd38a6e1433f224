package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/netip"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/clientaddr"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// identify finds out whose request it is, for [clientaddr.From] to tell.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxies := s.config.TrustedProxies
		if s.limits != nil && proxies.Overlooked(r) {
			s.overlooked.Do(func() {
				s.log.WarnContext(r.Context(), "a neighbour sends X-Forwarded-For and is not trusted, so all its clients share one client's limits: if it is your proxy, name it in --trusted-proxies, with unix for a Unix socket")
			})
		}
		next.ServeHTTP(w, r.WithContext(clientaddr.With(r.Context(), proxies.Of(r))))
	})
}

// throttle refuses requests beyond the limit. Health checks are never refused.
func (s *Server) throttle(next http.Handler) http.Handler {
	if s.limits == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}
		if err := s.limits.Request(clientaddr.From(r.Context())); err != nil {
			if r.URL.Path == api.PathOAuthToken { // by a device or not, nobody has read
				notePoll(r.Context())
			}
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tryUserCode has look use a user code. One that leads nowhere is a guess.
func (s *Server) tryUserCode(r *http.Request, look func() error) error {
	guess, err := s.limits.UserCode(clientaddr.From(r.Context()))
	if err != nil {
		return err
	}
	if err = look(); errors.Is(err, oauth.ErrUnknown) {
		return s.missed(r.Context(), guess, err)
	}
	guess.Hit()
	return err
}

// missed counts a wrong guess. It returns what to answer: how it was wrong, or
// that all clients together have been wrong too often.
func (s *Server) missed(ctx context.Context, guess limit.Guess, wrong error) error {
	refused, err := guess.Miss(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "guess not counted for all servers", "err", err)
	}
	if refused != nil {
		return refused
	}
	return wrong
}

// caller is for whom a call to Stack Exchange is made.
func caller(ctx context.Context) netip.Prefix { return limit.ClientOf(clientaddr.From(ctx)) }

// admitCall bounds the calls to Stack Exchange that are in vain, of the client
// whose request leads to them.
func (s *Server) admitCall(ctx context.Context, m stackexchange.Method) error {
	if m == stackexchange.MethodInvalidate {
		return s.limits.MayRevoke(clientaddr.From(ctx))
	}
	return s.limits.MayRedeem(clientaddr.From(ctx))
}

// calledInVain counts such a call.
func (s *Server) calledInVain(ctx context.Context, m stackexchange.Method) {
	if m == stackexchange.MethodInvalidate {
		s.limits.RevokedInVain(clientaddr.From(ctx))
	} else {
		s.limits.RedeemedInVain(clientaddr.From(ctx))
	}
}

// storing counts entries that the client of a request is about to have stored,
// and what the store counts for them.
func (s *Server) storing(ctx context.Context, entries, bytes int) error {
	return s.limits.Deposit(clientaddr.From(ctx), entries, bytes)
}
