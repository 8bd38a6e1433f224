package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Claim says what to fetch.
type Claim struct {
	Space    KeySpace
	Key      Key
	Verifier Verifier      // zero where none was passed
	Wait     time.Duration // how long to wait for a deposit; 0 looks once
}

// Claimed is a response that left the relay.
type Claimed struct {
	Response
	at      sealed.Slot
	entry   entry
	expires time.Time
	bound   bool
}

// Claim returns the response deposited under a key and consumes it. One
// caller gets it, ever; only the holder of a verifier may have the same answer
// again, for [RetryWindow]. Refusals and conflicts are responses too.
//
// Errors are [ErrNoToken] when nothing is there after the wait,
// [ErrVerifierRequired], [ErrInvalidVerifier] and [ErrUnbound], which consume
// nothing, [ErrTooManyWaiters], ctx's error when the caller went away, and the
// store's, wrapped.
func (r *Relay) Claim(ctx context.Context, c Claim) (*Claimed, error) {
	if err := checkVerifier(c.Key, c.Verifier); err != nil {
		return nil, err
	}
	at, err := keySlot(c.Space, c.Key)
	if err != nil {
		return nil, err
	}
	if c.Wait <= 0 {
		return r.look(ctx, at, c.Key.Bound())
	}
	if r.waiters.Add(1) > r.maxWaiters {
		r.waiters.Add(-1)
		return nil, ErrTooManyWaiters
	}
	defer r.waiters.Add(-1)
	return r.wait(ctx, at, c)
}

// wait subscribes before it looks, so that no deposit falls in between.
func (r *Relay) wait(ctx context.Context, at sealed.Slot, c Claim) (*Claimed, error) {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	woken, err := r.store.Watch(watching, at.ID)
	if err != nil {
		return nil, fmt.Errorf("watch entry: %w", err)
	}
	deadline := time.Now().Add(c.Wait)
	timer := time.NewTimer(min(c.Wait, recheck))
	defer timer.Stop()
	for {
		claimed, err := r.look(ctx, at, c.Key.Bound())
		if err != ErrNoToken {
			return claimed, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, ErrNoToken
		}
		timer.Reset(min(left, recheck))
		select {
		case <-woken:
		case <-timer.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// look takes what is there now.
func (r *Relay) look(ctx context.Context, at sealed.Slot, bound bool) (*Claimed, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if bound {
		return r.lookBound(ctx, at)
	}
	value, ok, err := r.store.Take(ctx, at.ID)
	if err != nil {
		return nil, fmt.Errorf("take entry: %w", err)
	}
	if !ok {
		return nil, ErrNoToken
	}
	e, expires, ok := r.open(at, value)
	if !ok {
		return nil, ErrNoToken
	}
	return &Claimed{Response: e.response, at: at, entry: e, expires: expires}, nil
}

// lookBound marks the entry as claimed instead of taking it, so that a lost
// answer is not a lost sign-in, even if the process dies in between.
func (r *Relay) lookBound(ctx context.Context, at sealed.Slot) (*Claimed, error) {
	for range maxAttempts {
		value, ok, err := r.store.Get(ctx, at.ID)
		if err != nil {
			return nil, fmt.Errorf("get entry: %w", err)
		}
		if !ok {
			return nil, ErrNoToken
		}
		e, expires, ok := r.open(at, value)
		if !ok {
			return nil, ErrNoToken
		}
		if !e.claimed.IsZero() {
			return &Claimed{Response: e.response, at: at, entry: e, expires: expires, bound: true}, nil
		}
		e.claimed = time.Now()
		replaced, err := r.swap(ctx, at, value, e, e.claimed.Add(RetryWindow))
		if err != nil {
			return nil, err
		}
		if replaced {
			return &Claimed{Response: e.response, at: at, entry: e, expires: expires, bound: true}, nil
		}
	}
	return nil, errContended
}

// PutBack undoes a claim of which nothing can have reached the claimant. What
// was deposited under the key meanwhile came later, and meets what is put back
// as [Relay.Deposit] says. A bound key needs none of that: the holder of its
// verifier may claim again anyway, and might have done so already.
func (r *Relay) PutBack(ctx context.Context, c *Claimed) error {
	if c.bound || !time.Now().Before(c.expires) {
		return nil
	}
	_, err := r.merge(ctx, r.reserve, c.at, c.entry, c.expires, func(there, e entry) (entry, Outcome) { return e.meet(there) })
	return err
}
