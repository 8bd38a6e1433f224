package limit

import (
	"fmt"
	"net/netip"
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
func (l *Limiter) Request(address netip.Addr) error { return l.spend(address, requests) }

// Exchange counts a request for a token or for a device authorization.
func (l *Limiter) Exchange(address netip.Addr) error { return l.spend(address, exchanges) }

func (l *Limiter) spend(address netip.Addr, k kind) error {
	if l == nil {
		return nil
	}
	now := l.now()
	shard, c := l.table.lock(networkOf(address))
	name, wait := l.take(c, k, now)
	shard.mu.Unlock()
	return l.refused(name, wait)
}

// take counts an event for its client and for all. An event that is refused for its
// client takes nothing from the others.
func (l *Limiter) take(c *client, k kind, now int64) (name string, wait time.Duration) {
	if wait := l.takeOwn(c, k, now); wait > 0 {
		return kindNames[k], wait
	}
	if wait := l.totals[k].take(now); wait > 0 {
		l.buckets[k].giveBack(&c.levels[k])
		return kindNames[k] + totalSuffix, wait
	}
	return "", 0
}

// takeOwn counts an event for its client alone.
func (l *Limiter) takeOwn(c *client, k kind, now int64) time.Duration {
	if k < guesses && c.blocked[k] > now {
		return time.Duration(c.blocked[k] - now)
	}
	return l.buckets[k].take(&c.levels[k], now)
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

// Deposit counts entries that a client wants to have stored, and their size in
// all, as the store counts it.
func (l *Limiter) Deposit(address netip.Addr, entries, bytes int) error {
	if l == nil || l.config.Deposits <= 0 && l.config.DepositBytes <= 0 {
		return nil
	}
	limit := amount{int64(l.config.Deposits), l.config.DepositBytes}
	now := l.now()
	shard, c := l.table.lock(networkOf(address))
	wait := c.deposits.add(amount{int64(entries), int64(bytes)}, limit, now, l.part)
	shard.mu.Unlock()
	return l.refused(Deposits, wait)
}

// MayRedeem reports whether Stack Exchange may be asked to redeem a code for a
// client: not if it has refused too many.
func (l *Limiter) MayRedeem(address netip.Addr) error { return l.mayAsk(address, redemptions) }

// RedeemedInVain counts a code that Stack Exchange has refused.
func (l *Limiter) RedeemedInVain(address netip.Addr) { l.inVain(address, redemptions) }

// MayRevoke reports whether Stack Exchange may be asked to end a token for a
// client: not if too many were unknown to it.
func (l *Limiter) MayRevoke(address netip.Addr) error { return l.mayAsk(address, revocations) }

// RevokedInVain counts a token that Stack Exchange does not know.
func (l *Limiter) RevokedInVain(address netip.Addr) { l.inVain(address, revocations) }

// mayAsk counts nothing, because only the answer shows whether a call was in vain:
// calls that are under way by then may go beyond the limit.
func (l *Limiter) mayAsk(address netip.Addr, k kind) error {
	if l == nil {
		return nil
	}
	shard, c := l.table.lock(networkOf(address))
	_, wait := l.buckets[k].next(c.levels[k], l.now())
	shard.mu.Unlock()
	return l.refused(kindNames[k], wait)
}

func (l *Limiter) inVain(address netip.Addr, k kind) {
	if l == nil {
		return
	}
	shard, c := l.table.lock(networkOf(address))
	c.levels[k], _ = l.buckets[k].next(c.levels[k], l.now())
	shard.mu.Unlock()
}

// placeRetry is when a client is told to come again for one of its own places.
const placeRetry = 5 * time.Second

// Wait counts a client's claim as waiting until done is called.
func (l *Limiter) Wait(address netip.Addr) (done func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	return l.occupy(address, Waiters, l.config.Waiters, func(c *client) *int32 { return &c.waiters })
}

// connect counts a client's connection as open until done is called.
func (l *Limiter) connect(address netip.Addr) (done func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	return l.occupy(address, Connections, l.config.Connections, func(c *client) *int32 { return &c.conns })
}

// occupy takes one of the limit places that each client has, as counted by
// taken; 0 is no limit.
func (l *Limiter) occupy(address netip.Addr, name string, limit int, taken func(*client) *int32) (done func(), err error) {
	if limit <= 0 {
		return func() {}, nil
	}
	n := networkOf(address)
	shard, c := l.table.lock(n)
	allowed := *taken(c) < int32(limit)
	if allowed {
		*taken(c)++
	}
	shard.mu.Unlock()
	if !allowed {
		return nil, l.refused(name, placeRetry)
	}
	return func() {
		shard, c := l.table.lock(n)
		*taken(c) = max(0, *taken(c)-1) // the client may have been forgotten meanwhile
		shard.mu.Unlock()
	}, nil
}
