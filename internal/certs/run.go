package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"golang.org/x/crypto/acme"
)

// checkEvery is how long [ACME.Run] sleeps at most. Meanwhile another server
// may have stored a certificate, and the clock may have been set.
const checkEvery = time.Minute

var errLocked = errors.New("another server is ordering the certificate")

// Load takes the certificates that the storage has, so that a server that
// starts again serves them at once. Call it before [ACME.Run].
func (a *ACME) Load(ctx context.Context) {
	for _, host := range a.config.Hosts {
		if err := a.load(ctx, host); err != nil {
			return // Run tries again, and logs it
		}
	}
}

// Run implements [Source]. It orders what is missing or due for renewal, one
// certificate after the other.
func (a *ACME) Run(ctx context.Context) error {
	for {
		next := checkEvery
		for _, host := range a.config.Hosts {
			next = min(next, a.keep(ctx, host))
			if ctx.Err() != nil {
				return nil
			}
		}
		if !sleep(ctx, next) {
			return nil
		}
	}
}

// keep orders host's certificate if it is due and no other server has done so,
// and returns when to check again.
func (a *ACME) keep(ctx context.Context, host string) time.Duration {
	s := a.sites[host]
	if due(s.cert.Load()) {
		if err := a.load(ctx, host); err != nil && ctx.Err() == nil {
			a.config.Log.Error("certificates not readable", "err", err, "again_in", unreachablePause)
			return unreachablePause
		}
	}
	if cert := s.cert.Load(); !due(cert) {
		return time.Until(renewal(cert))
	}
	if left := time.Until(s.pause.until); left > 0 {
		return left
	}
	cert, err := a.obtain(ctx, host)
	switch {
	case err == nil:
		s.set(cert)
		return time.Second
	case errors.Is(err, errLocked) || ctx.Err() != nil:
		return time.Second
	}
	wait := s.pause.failed(err)
	a.config.Log.Error("certificate not obtained", "host", host, "err", err, "again_in", wait,
		"has_one", live(s.cert.Load()))
	return wait
}

func (s *site) set(cert *tls.Certificate) {
	s.cert.Store(cert)
	s.reported.Store(false)
	s.pause = pause{}
}

// load takes the certificate that the storage has, unless the one at hand is
// as good.
func (a *ACME) load(ctx context.Context, host string) error {
	cert, err := a.stored(ctx, host)
	if err != nil || cert == nil {
		return err
	}
	if s := a.sites[host]; !live(s.cert.Load()) || !due(cert) {
		s.set(cert)
	}
	return nil
}

// stored returns the live certificate that the storage has, or nil.
func (a *ACME) stored(ctx context.Context, host string) (*tls.Certificate, error) {
	data, ok, err := a.config.Storage.Get(ctx, host)
	if !ok || err != nil {
		return nil, err
	}
	cert, err := decodePair(data, host)
	if err != nil {
		return nil, nil // expired or altered: treat it as absent
	}
	return cert, nil
}

// obtain returns a certificate that is not due for renewal: a new one, or one
// that another server has stored. It returns errLocked while another server is
// ordering.
func (a *ACME) obtain(ctx context.Context, host string) (*tls.Certificate, error) {
	unlock, ok, err := a.config.Storage.Lock(ctx, host)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errLocked
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	if cert, err := a.stored(ctx, host); err != nil || !due(cert) {
		return cert, err
	}
	data, err := a.order(ctx, host)
	if err != nil {
		return nil, err
	}
	cert, err := decodePair(data, host)
	if err != nil {
		return nil, err
	}
	a.config.Log.Info("certificate obtained", "host", host, "expires", cert.Leaf.NotAfter)
	if err := a.config.Storage.Put(ctx, host, data, keepTime); err != nil {
		// Serve it all the same: the authority has counted it.
		a.config.Log.Error("certificate not stored", "host", host, "err", err)
	}
	return cert, nil
}

// How long to wait after a failed order: this long after the first, then twice
// as long each time, up to the limit. Authorities count refusals and lock out an
// account with many: Let's Encrypt at five per name and hour, and an order may
// bring two.
const (
	refusedPause, refusedLimit         = 15 * time.Minute, 6 * time.Hour
	unreachablePause, unreachableLimit = 5 * time.Second, 10 * time.Minute
	limitedPause                       = time.Hour // if the authority does not say how long
)

// pause keeps a host's certificate from being ordered again too soon.
type pause struct {
	failures int // of the same kind, one after the other
	refused  bool
	until    time.Time
}

// failed begins or prolongs the pause, and returns how long it is.
func (p *pause) failed(err error) time.Duration {
	if refused(err) != p.refused {
		p.failures, p.refused = 0, !p.refused
	}
	least, most := unreachablePause, unreachableLimit
	if p.refused {
		least, most = refusedPause, refusedLimit
	}
	wait := min(least<<min(p.failures, 16), most)
	if asked, limited := rateLimit(err); limited {
		wait = max(wait, asked)
	}
	p.failures++
	p.until = time.Now().Add(wait)
	return wait
}

// refused reports whether the authority answered, and said no.
func refused(err error) bool {
	_, unauthorized := errors.AsType[*acme.AuthorizationError](err)
	_, failed := errors.AsType[*acme.OrderError](err)
	problem, ok := errors.AsType[*acme.Error](err)
	return unauthorized || failed || ok && problem.StatusCode >= 400 && problem.StatusCode < 500
}

// rateLimit returns how long the authority asks to wait, at most a day, if it
// refused because of too many requests.
func rateLimit(err error) (wait time.Duration, limited bool) {
	problem, ok := errors.AsType[*acme.Error](err)
	if !ok {
		return 0, false
	}
	wait, limited = acme.RateLimit(problem)
	if limited && wait <= 0 {
		wait = limitedPause
	}
	return min(wait, 24*time.Hour), limited
}
