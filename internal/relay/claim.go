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
	Verifier Verifier      // zero where none was passed
	Wait     time.Duration // how long to wait for a deposit; 0 looks once
}

// Claimed is a response that left the relay.
type Claimed struct {
	Response
	at     sealed.Slot
	record sealed.Record[entry]
	bound  bool
}

// Claim returns the response deposited under a key and consumes it. One
// caller gets it, ever; only the holder of a verifier may have the same answer
// again, for [api.RetryWindow]. Refusals and conflicts are responses too.
//
// Errors are [ErrNoToken] when nothing is there after the wait,
// [ErrVerifierRequired], [ErrInvalidVerifier] and [ErrUnbound], which consume
// nothing, ctx's error when the caller went away, and those of package sealed.
func (r *Relay) Claim(ctx context.Context, c Claim) (*Claimed, error) {
	if err := checkVerifier(c.Key, c.Verifier); err != nil {
		return nil, err
	}
	at := slot(c.Space, c.Key)
	var woken <-chan struct{}
	if c.Wait > 0 { // before the first look, so that no deposit falls in between
		watching, cancel := context.WithCancel(ctx)
		defer cancel()
		var err error
		if woken, err = r.vault.Watch(watching, at); err != nil {
			return nil, err
		}
	}
	take := r.entries.Take
	if c.Key.Bound() {
		take = r.mark
	}
	for deadline := time.Now().Add(c.Wait); ctx.Err() == nil; {
		rec, err := take(ctx, at)
		if err != nil {
			return nil, err
		}
		if rec.Found {
			return &Claimed{rec.Value.response, at, rec, c.Key.Bound()}, nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, ErrNoToken
		}
		sleep(ctx, woken, min(left, recheck))
	}
	return nil, context.Cause(ctx)
}

// sleep returns when something wakes the claim, the time is over, or ctx ends.
func sleep(ctx context.Context, woken <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-woken:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// mark marks the entry of a bound key as claimed instead of taking it, so that a
// lost answer is not a lost sign-in, even if the process dies in between.
func (r *Relay) mark(ctx context.Context, at sealed.Slot) (sealed.Record[entry], error) {
	return r.entries.Update(ctx, at, func(rec *sealed.Record[entry]) error {
		if !rec.Found || !rec.Value.claimed.IsZero() {
			return sealed.ErrUnchanged
		}
		rec.Value.claimed = time.Now()
		rec.Expires = rec.Value.claimed.Add(api.RetryWindow)
		return nil
	})
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
	_, err := put(ctx, r.reserved, c.at, c.record.Value, c.record.Expires, later)
	return err
}
