// Package limit bounds what one client, and all clients together, may ask of the
// server, so that a flood from one address leaves the others served and guessing
// is slow. Honest users never reach a limit: [Defaults] says why.
//
// A client is an IPv4 address or the /64 of an IPv6 address. There are four ways
// to count:
//
//   - Rates are leaky buckets, see bucket: one for each client, and one that all
//     clients share.
//   - A guess, at a key or a user code, is paid for in advance and given back if
//     it was right, see [Guess]. A call to Stack Exchange counts after the answer,
//     and only if that is a refusal.
//   - Deposits are a sliding window of the entries and bytes that a client has
//     stored, see window.
//   - Waiting claims and open connections are places, taken and given back.
//
// What is known of clients is in memory, of bounded size: when the table is full,
// it forgets the client that is nearest to having its whole budget again. Servers
// that share a store count wrong guesses there too, in batches, so that several
// servers do not give several times the guesses.
package limit

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

// Exceeded is the error of a client that has reached a limit.
type Exceeded struct {
	// Name is one of [Names].
	Name string
	// RetryAfter is how long until it is worth trying again.
	RetryAfter time.Duration
}

func (e *Exceeded) Error() string {
	return fmt.Sprintf("limit %s reached; try again in %s", e.Name, e.RetryAfter)
}

// Limiter counts what clients ask for. It is safe for concurrent use and
// starts no goroutine. A nil Limiter allows everything. The errors of its methods
// are [*Exceeded], except for that of [Guess.Miss]; what they refuse is not
// counted.
type Limiter struct {
	config  Config
	started time.Time // times in the table are nanoseconds since
	buckets [kinds]bucket
	totals  [kinds]total
	part    int64 // of a window of deposits
	table   *table
	recent  *recent
	shared  *counter // nil if no other server counts
}

// New returns a limiter.
func New(config Config) *Limiter {
	if config.DepositLife <= 0 {
		config.DepositLife = api.DefaultTTL
	}
	l := &Limiter{
		config: config, started: time.Now(), part: int64(config.DepositLife+parts-1) / parts,
		table: newTable(config.Clients), recent: newRecent(config.UnknownKeys.Total), shared: newCounter(config.Shared),
	}
	for k, limit := range config.limits() {
		l.buckets[k], l.totals[k].bucket = newBucket(limit.Client), newBucket(limit.Total)
	}
	return l
}

func (l *Limiter) now() int64 { return int64(time.Since(l.started)) }

// Clients returns how many clients are remembered.
func (l *Limiter) Clients() int {
	if l == nil {
		return 0
	}
	return l.table.size()
}

// Request counts a request.
func (l *Limiter) Request(address netip.Addr) error { return l.spend(address, requests, 1) }

// Exchange counts a request for a token or for a device authorization. factor
// multiplies the limit of the client, and not that of all.
func (l *Limiter) Exchange(address netip.Addr, factor float64) error {
	return l.spend(address, exchanges, factor)
}

// spend counts an event for its client and for all. An event that is refused for its
// client takes nothing from the others.
func (l *Limiter) spend(address netip.Addr, k kind, factor float64) error {
	if l == nil {
		return nil
	}
	now, name := l.now(), kindNames[k]
	own := l.buckets[k].times(factor)
	shard, c := l.table.lock(networkOf(address))
	wait := c.takeOwn(own, k, now)
	if wait == 0 {
		if wait = l.totals[k].take(now); wait > 0 {
			own.giveBack(&c.levels[k])
			name += totalSuffix
		}
	}
	shard.mu.Unlock()
	return l.refused(name, wait)
}

// takeOwn counts an event for its client alone, in a bucket.
func (c *client) takeOwn(b bucket, k kind, now int64) time.Duration {
	if k < guesses && c.blocked[k] > now {
		return time.Duration(c.blocked[k] - now)
	}
	return b.take(&c.levels[k], now)
}

// refused returns the error of an event that has to wait; nil if wait is 0.
func (l *Limiter) refused(name string, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	if l.config.OnHit != nil {
		l.config.OnHit(name)
	}
	return &Exceeded{name, wait}
}

// What one sign-in stores at most: a factor leaves room for it.
const signInEntries, signInBytes = 2, 32 << 10

// Deposit counts entries that a client wants to have stored, and their size in
// all, as the store counts it. factor multiplies the limit.
func (l *Limiter) Deposit(address netip.Addr, entries, bytes int, factor float64) error {
	if l == nil || l.config.Deposits <= 0 && l.config.DepositBytes <= 0 {
		return nil
	}
	limit := amount{multiplied(int64(l.config.Deposits), factor, signInEntries),
		multiplied(l.config.DepositBytes, factor, signInBytes)}
	now := l.now()
	shard, c := l.table.lock(networkOf(address))
	wait := c.deposits.add(amount{int64(entries), int64(bytes)}, limit, now, l.part)
	shard.mu.Unlock()
	return l.refused(Deposits, wait)
}

// MayCall reports whether Stack Exchange may be called for a client: not if it has
// refused too many of its calls. name is [Redemptions] or [Revocations]. MayCall
// counts nothing, so calls that are under way by then may go beyond the limit.
func (l *Limiter) MayCall(address netip.Addr, name string) error {
	if l == nil {
		return nil
	}
	k := slices.Index(kindNames[:], name)
	shard, c := l.table.lock(networkOf(address))
	_, wait := l.buckets[k].next(c.levels[k], l.now())
	shard.mu.Unlock()
	return l.refused(name, wait)
}

// CallRefused counts a call that Stack Exchange has refused, see [Limiter.MayCall].
func (l *Limiter) CallRefused(address netip.Addr, name string) {
	if l == nil {
		return
	}
	k := slices.Index(kindNames[:], name)
	shard, c := l.table.lock(networkOf(address))
	c.levels[k], _ = l.buckets[k].next(c.levels[k], l.now())
	shard.mu.Unlock()
}

// placeRetry is when a client may ask again for one of its own places.
const placeRetry = 5 * time.Second

// Wait counts a client's claim as waiting until done is called. factor multiplies
// the limit.
func (l *Limiter) Wait(address netip.Addr, factor float64) (done func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	places := int(multiplied(int64(l.config.Waiters), factor, 1))
	return l.occupy(address, Waiters, places, func(c *client) *int32 { return &c.waiters })
}

// connect counts a client's connection as open until done is called.
func (l *Limiter) connect(address netip.Addr) (done func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	return l.occupy(address, Connections, l.config.Connections, func(c *client) *int32 { return &c.conns })
}

// occupy takes one of the places that each client has, unless all are taken.
func (l *Limiter) occupy(
	address netip.Addr, name string, places int, taken func(*client) *int32,
) (done func(), err error) {
	if places <= 0 { // no limit
		return func() {}, nil
	}
	n := networkOf(address)
	shard, c := l.table.lock(n)
	defer shard.mu.Unlock()
	if *taken(c) >= int32(places) {
		return nil, l.refused(name, placeRetry)
	}
	*taken(c)++
	return func() {
		shard, c := l.table.lock(n)
		*taken(c) = max(0, *taken(c)-1) // the client may have been forgotten meanwhile
		shard.mu.Unlock()
	}, nil
}
