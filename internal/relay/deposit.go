package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

var errContended = errors.New("entry kept changing")

// Outcome says what became of a deposit.
type Outcome string

// The outcomes.
const (
	Created    Outcome = "created"    // nothing was there
	Repeated   Outcome = "repeated"   // the same response was there already
	Replaced   Outcome = "replaced"   // the same browser's earlier response is gone
	Conflicted Outcome = "conflicted" // somebody else's response was there
	TooLate    Outcome = "too_late"   // the holder of the verifier has had its response
)

// Deposit stores response under key. browser is the session of the browser it
// comes from; zero where there is none.
//
// A response that meets another under its key follows three rules: the same
// one again changes nothing; another one from the same browser replaces it;
// another one from elsewhere puts the key in conflict, because one of the two
// belongs to somebody else. One that meets the entry of a bound key that has
// been claimed changes nothing, so that the claim can be repeated. Deposit
// returns [ErrFull], wrapped, when the store has no room. The outcome says which
// rule it was, if err is nil.
func (r *Relay) Deposit(ctx context.Context, space KeySpace, key Key, response Response, browser secret.Text) (Outcome, error) {
	at, err := keySlot(space, key)
	if err != nil {
		return "", err
	}
	e := entry{response: response}
	if !browser.IsZero() {
		sum := sha256.Sum256([]byte(browser.Reveal()))
		copy(e.browser[:], sum[:])
	}
	return r.merge(ctx, r.store, at, e, time.Now().Add(r.ttl), entry.meet)
}

// merge puts e into store where nothing is, and otherwise what meet makes of
// the two. That lives as long as the one that ends later.
func (r *Relay) merge(
	ctx context.Context, store sealed.Store, at sealed.Slot, e entry, expires time.Time, meet func(there, e entry) (entry, Outcome),
) (Outcome, error) {
	for range maxAttempts {
		if created, err := r.put(ctx, store, at, e, expires); err != nil || created {
			return Created, err
		}
		old, ok, err := r.store.Get(ctx, at.ID)
		if err != nil {
			return "", err
		}
		if !ok {
			continue
		}
		// What does not open is as good as nothing.
		next, outcome, until := e, Created, expires
		if there, ends, ok := r.open(at, old); ok {
			if next, outcome = meet(there, e); next.response.same(there.response) {
				return outcome, nil
			}
			if ends.After(until) {
				until = ends
			}
		}
		if replaced, err := r.swap(ctx, at, old, next, until); err != nil || replaced {
			return outcome, err
		}
	}
	return "", errContended
}

// meet is what becomes of a later e where there is: the response of one of
// them, or a conflict.
func (there entry) meet(e entry) (entry, Outcome) {
	switch {
	case !there.claimed.IsZero():
		return there, TooLate
	case there.response.Kind == KindConflict:
		return there, Conflicted
	case there.response.same(e.response):
		return there, Repeated
	case there.browser != [16]byte{} && there.browser == e.browser:
		return e, Replaced
	}
	return entry{response: Response{Kind: KindConflict}}, Conflicted
}
