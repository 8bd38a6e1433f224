package certs

import (
	"errors"
	"net/http"
	"time"

	"golang.org/x/crypto/acme"
)

// How long to wait after a failed order: this long after the first, then twice
// as long each time, up to the limit. Authorities count refusals, and lock out
// who has many: Let's Encrypt at five per name and hour, and an order may
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

// failed makes or prolongs the pause, and returns how long it is.
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
	if _, ok := errors.AsType[*acme.AuthorizationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*acme.OrderError](err); ok {
		return true
	}
	problem, ok := errors.AsType[*acme.Error](err)
	return ok && problem.StatusCode >= 400 && problem.StatusCode < http.StatusInternalServerError
}

func rateLimit(err error) (time.Duration, bool) {
	problem, ok := errors.AsType[*acme.Error](err)
	if !ok {
		return 0, false
	}
	wait, limited := acme.RateLimit(problem)
	if limited && wait <= 0 {
		wait = limitedPause
	}
	return min(wait, 24*time.Hour), limited
}
