package relay

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	// DefaultTTL is how long a deposit waits for its claim.
	DefaultTTL = 15 * time.Minute
	// RetryWindow is how long the holder of a verifier may claim again.
	RetryWindow = 60 * time.Second
	// DefaultMaxWaiters bounds the claims that wait at one time.
	DefaultMaxWaiters = 20_000

	// maxAttempts bounds how often an operation starts over because others
	// changed the entry meanwhile.
	maxAttempts = 64
	// recheck is how often a waiter looks although nothing woke it: a lost
	// notification is never a lost token.
	recheck = 10 * time.Second
)

// Config configures a [Relay]. The zero value is the default.
type Config struct {
	TTL        time.Duration // 0 means DefaultTTL
	MaxWaiters int           // 0 means DefaultMaxWaiters
}

// Relay hands each deposited response to one claimant. It is safe for
// concurrent use.
type Relay struct {
	store      sealed.Store
	reserve    sealed.Store // where what was taken comes back to
	ttl        time.Duration
	maxWaiters int64
	waiters    atomic.Int64
	unreadable atomic.Int64
}

// New returns a relay that keeps its entries in store.
func New(store sealed.Store, config Config) *Relay {
	r := &Relay{store: store, reserve: sealed.Reserve(store), ttl: config.TTL, maxWaiters: int64(config.MaxWaiters)}
	if r.ttl <= 0 {
		r.ttl = DefaultTTL
	}
	if r.maxWaiters <= 0 {
		r.maxWaiters = DefaultMaxWaiters
	}
	return r
}

// Unreadable counts the entries found altered in the store. Each was treated
// as absent.
func (r *Relay) Unreadable() int64 { return r.unreadable.Load() }

// Waiting counts the claims that wait for a deposit now.
func (r *Relay) Waiting() int64 { return r.waiters.Load() }

// open returns the live entry in value. An altered, swapped or expired one is
// no entry.
func (r *Relay) open(at sealed.Slot, value []byte) (entry, time.Time, bool) {
	e, expires, err := openEntry(at, value)
	if err != nil {
		r.unreadable.Add(1)
		return entry{}, time.Time{}, false
	}
	return e, expires, time.Now().Before(expires)
}

// put creates e in an empty slot of store.
func (r *Relay) put(ctx context.Context, store sealed.Store, at sealed.Slot, e entry, expires time.Time) (bool, error) {
	value, err := e.seal(at, expires)
	if err != nil {
		return false, fmt.Errorf("seal entry: %w", err)
	}
	created, err := store.Create(ctx, at.ID, value, time.Until(expires))
	if err != nil {
		return false, fmt.Errorf("store entry: %w", err)
	}
	return created, nil
}

// swap replaces the sealed value old by e.
func (r *Relay) swap(ctx context.Context, at sealed.Slot, old []byte, e entry, expires time.Time) (bool, error) {
	value, err := e.seal(at, expires)
	if err != nil {
		return false, fmt.Errorf("seal entry: %w", err)
	}
	replaced, err := r.store.Replace(ctx, at.ID, old, value, time.Until(expires))
	if err != nil {
		return false, fmt.Errorf("replace entry: %w", err)
	}
	return replaced, nil
}
