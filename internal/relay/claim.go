package relay

import (
	"context"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Claim says what to fetch.
type Claim struct {
	Space    KeySpace
	Key      Key
	Verifier Verifier        // zero where none was passed
	Wait     time.Duration   // how long to wait for a deposit; 0 looks once
	Stop     <-chan struct{} // ends all waits when it is closed; nil never does
}

// Claimed is a response that left the relay.
type Claimed struct {
	Response
	at     *sealed.Slot
	record *sealed.Record[entry]
	bound  bool
}

// Claim returns the response deposited under a key and consumes it. One
// caller gets it, ever; only the holder of a verifier may have the same answer
// again, for [api.RetryWindow]. Refusals and conflicts are responses too.
//
// ctx has to end after the claim, as that of a request does: a watch on the store
// ends with it.
//
// Errors are [ErrNoToken] when nothing is there after the wait, [ErrStopped],
// [ErrVerifierRequired], [ErrInvalidVerifier] and [ErrUnbound], which consume
// nothing, ctx's error when the caller went away, and those of package sealed.
func (r *Relay) Claim(ctx context.Context, c Claim) (*Claimed, error) {
	if err := checkVerifier(c.Key, c.Verifier); err != nil {
		return nil, err
	}
	at, take := slot(c.Space, c.Key), r.take
	if c.Key.Bound() {
		take = r.mark
	}
	if c.Wait <= 0 {
		return take(ctx, at)
	}
	// Watch before the first look, so that no deposit falls in between.
	woken, err := r.vault.Watch(ctx, at)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(c.Wait); ; {
		claimed, err := take(ctx, at)
		left := time.Until(deadline)
		if err != ErrNoToken || left <= 0 {
			return claimed, err
		}
		if err := sleep(ctx, woken, c.Stop, min(left, recheck)); err != nil {
			return nil, err
		}
	}
}

// sleep returns nil when something wakes the claim or the time is over, and otherwise
// why the wait is over.
func sleep(ctx context.Context, woken, stop <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-woken:
	case <-timer.C:
	case <-stop:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// take takes the entry of a key that is not bound.
func (r *Relay) take(ctx context.Context, at *sealed.Slot) (*Claimed, error) {
	rec, err := r.entries.Take(ctx, at)
	return newClaimed(at, rec, false, err)
}

// mark marks the entry of a bound key as claimed instead of taking it, so that a
// lost answer is not a lost sign-in, even if the process dies in between.
func (r *Relay) mark(ctx context.Context, at *sealed.Slot) (*Claimed, error) {
	rec, err := r.entries.Update(ctx, at, func(rec *sealed.Record[entry]) error {
		if !rec.Found || !rec.Value.claimed.IsZero() {
			return sealed.ErrUnchanged
		}
		rec.Value.claimed = time.Now()
		rec.Expires = rec.Value.claimed.Add(api.RetryWindow)
		return nil
	})
	return newClaimed(at, rec, true, err)
}

func newClaimed(at *sealed.Slot, rec *sealed.Record[entry], bound bool, err error) (*Claimed, error) {
	switch {
	case err != nil:
		return nil, err
	case !rec.Found:
		return nil, ErrNoToken
	}
	return &Claimed{rec.Value.response, at, rec, bound}, nil
}

// PutBack undoes a claim of which nothing can have reached the claimant. It
// merges the response with what was deposited meanwhile by the rules of
// [Relay.Deposit], as the earlier one. It does nothing for a bound key: the holder
// of its verifier may claim again anyway, and might have done so already.
func (r *Relay) PutBack(ctx context.Context, c *Claimed) error {
	if c.bound || !time.Now().Before(c.record.Expires) {
		return nil
	}
	later := func(there, e entry) (entry, Outcome) { return e.merge(there) }
	_, _, err := put(ctx, r.reserved, c.at, c.record.Value, c.record.Expires, later)
	return err
}
