package limit

import (
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Rate is a number of events per time: that many at once, and that many more
// in each such time. The zero value means no limit.
type Rate struct {
	N   int64
	Per time.Duration
}

// Limit is a rate for each client and one for all together.
type Limit struct{ Client, Total Rate }

// Config says what a [Limiter] allows. Zero values mean no limit.
type Config struct {
	// Requests are all but health checks.
	Requests Limit
	// UnknownKeys are distinct keys under which nothing is found. Asking for
	// the same one again costs nothing.
	UnknownKeys Limit
	// UserCodes are user codes that do not exist.
	UserCodes Limit
	// Exchanges are requests for tokens and device authorizations.
	Exchanges Limit
	// Redemptions are codes of one client that Stack Exchange refuses, and
	// Revocations are tokens to end that it does not know. The client of Stack
	// Exchange bounds all calls together.
	Redemptions, Revocations Rate
	// Deposits are the entries that one client may have stored within the last
	// DepositLife, claimed or not.
	Deposits int
	// DepositBytes are the size of those entries, as the store counts it.
	DepositBytes int64
	// DepositLife is how long an entry lives; 0 means [api.DefaultTTL].
	DepositLife time.Duration
	// Waiters are the claims of one client that wait at one time.
	Waiters int
	// Connections are those of one client that are open at one time.
	Connections int
	// Clients is how many are remembered; 0 means DefaultClients.
	Clients int
	// Shared is the vault that other servers count guesses in too; nil if
	// there are none.
	Shared *sealed.Vault
	// OnHit, if set, is called with one of [Names] when a client is refused.
	// It must not block.
	OnHit func(name string)
}

// DefaultClients is how many clients are remembered, in some 250 bytes each.
const DefaultClients = 100_000

// Defaults returns limits that an office behind one address does not reach, in which
// 10,000 people sign in once in eight hours, or 300 at once after an outage. It needs
//
//   - requests: 300 × (1 + 10/60) = 350 a second, for polls and pages
//   - unknown keys: 300 in a minute
//   - user codes: 30 mistyped, one in ten
//   - exchanges: 60 a second, of devices that poll every 5 s
//   - redemptions: 21 refused, one in ten of 210 in 10 minutes
//   - deposits: 0.35 × 960 s = 336, or 672 of devices, of 580 bytes each
//   - waiters: 300
//   - connections: 600, of apps and browsers
//
// docs/limits.md says what guessing costs within them.
func Defaults() Config {
	return Config{
		Requests:    Limit{Rate{4000, 10 * time.Second}, Rate{200_000, 10 * time.Second}},
		UnknownKeys: Limit{Rate{600, time.Minute}, Rate{60_000, time.Minute}},
		UserCodes:   Limit{Rate{60, 10 * time.Minute}, Rate{6000, 10 * time.Minute}},
		Exchanges:   Limit{Rate{6000, time.Minute}, Rate{600_000, time.Minute}},
		Redemptions: Rate{30, 10 * time.Minute},
		Revocations: Rate{30, 10 * time.Minute},
		Deposits:    1000,
		// As much of 64 MiB as Deposits are of 100,000 entries.
		DepositBytes: (64 << 20) / 100,
		Waiters:      500,
		Connections:  1000,
		Clients:      DefaultClients,
	}
}

// Times returns the limits with each multiplied by factor, except DepositBytes.
// Some have a floor: a device sign-in takes two entries, and a browser opens six
// connections at one time.
func (c Config) Times(factor float64) Config {
	for _, rate := range []*Rate{
		&c.Requests.Client, &c.Requests.Total, &c.UnknownKeys.Client, &c.UnknownKeys.Total,
		&c.UserCodes.Client, &c.UserCodes.Total, &c.Exchanges.Client, &c.Exchanges.Total,
		&c.Redemptions, &c.Revocations,
	} {
		*rate = rate.times(factor)
	}
	c.Deposits = scaled(c.Deposits, factor, 2)
	c.Waiters = scaled(c.Waiters, factor, 1)
	c.Connections = scaled(c.Connections, factor, 6)
	return c
}

// times of less than one event is one in a longer time.
func (r Rate) times(factor float64) Rate {
	n := float64(r.N) * factor
	switch {
	case r.N == 0:
		return r
	case n < 1:
		return Rate{1, time.Duration(float64(r.Per) / n)}
	}
	return Rate{int64(n), r.Per}
}

// scaled leaves 0, which means no limit.
func scaled(n int, factor float64, least int) int {
	if n == 0 {
		return 0
	}
	return max(least, int(float64(n)*factor))
}

// The names of the limits, for metrics and errors.
const (
	Requests    = "requests"
	UnknownKeys = "unknown_keys"
	UserCodes   = "user_codes"
	Exchanges   = "exchanges"
	Redemptions = "redemptions"
	Revocations = "revocations"
	Deposits    = "deposits"
	Waiters     = "waiters"
	Connections = "connections"
	// totalSuffix ends the names of limits for all clients together.
	totalSuffix = "_total"
)

// kind numbers the limits that are rates. Those of guesses come first.
type kind int

const (
	unknownKeys kind = iota
	userCodes
	requests
	exchanges
	redemptions
	revocations
	kinds

	guesses = userCodes + 1
	// Those of one client alone come last.
	withTotal = redemptions
)

var kindNames = [kinds]string{UnknownKeys, UserCodes, Requests, Exchanges, Redemptions, Revocations}

// Names returns the names of all limits.
func Names() []string {
	names := append([]string{Deposits, Waiters, Connections}, kindNames[:]...)
	for _, name := range kindNames[:withTotal] {
		names = append(names, name+totalSuffix)
	}
	return names
}

func (c Config) limits() [kinds]Limit {
	return [kinds]Limit{
		c.UnknownKeys, c.UserCodes, c.Requests, c.Exchanges, {Client: c.Redemptions}, {Client: c.Revocations},
	}
}
