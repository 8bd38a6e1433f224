package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

var errContended = errors.New("entry kept changing")

// Deposit stores response under key. browser is the session of the browser it
// comes from; zero where there is none.
//
// A response that meets another under its key follows three rules: the same
// one again changes nothing; another one from the same browser replaces it;
// another one from elsewhere puts the key in conflict, because one of the two
// belongs to somebody else. Deposit returns [ErrFull], wrapped, when the store
// has no room.
func (r *Relay) Deposit(ctx context.Context, space KeySpace, key Key, response Response, browser Secret) error {
	at, err := keySlot(space, key)
	if err != nil {
		return err
	}
	e := entry{response: response}
	if !browser.IsZero() {
		sum := sha256.Sum256([]byte(browser.Reveal()))
		copy(e.browser[:], sum[:])
	}
	return r.merge(ctx, at, e, time.Now().Add(r.ttl))
}

func (r *Relay) merge(ctx context.Context, at Slot, e entry, expires time.Time) error {
	for range maxAttempts {
		if created, err := r.put(ctx, at, e, expires); err != nil || created {
			return err
		}
		old, ok, err := r.store.Get(ctx, at.ID)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		next := e
		if there, _, ok := r.open(at, old); ok {
			if there.absorbs(e) {
				return nil
			}
			next = there.meet(e)
		}
		if replaced, err := r.swap(ctx, at, old, next, expires); err != nil || replaced {
			return err
		}
	}
	return errContended
}

// absorbs reports whether depositing e where there is changes nothing.
func (there entry) absorbs(e entry) bool {
	return there.response.Kind == KindConflict || there.response.same(e.response)
}

// meet is what becomes of two different responses under one key.
func (there entry) meet(e entry) entry {
	if there.browser != [16]byte{} && there.browser == e.browser {
		return e
	}
	return entry{response: Response{Kind: KindConflict}}
}
