package main

import (
	"log/slog"
	"net"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/clientaddr"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// limitsConfig is what clients may ask for, and how they are told apart.
type limitsConfig struct {
	limits         string
	limit          limit.Config
	trustedProxies string
	proxyProtocol  bool

	proxies clientaddr.Proxies // parsed
	limiter *limit.Limiter     // nil if there is none
}

// flags lists the settings. docs/limits.md derives the defaults.
func (c *limitsConfig) flags(f *cli.Flags) {
	c.limit = limit.Defaults()
	f.ChoiceVar(&c.limits, "limits", "on|off", "whether clients are limited; off is for load tests and private networks")
	for _, one := range []struct {
		name, of string
		limit    *limit.Limit
	}{
		{"requests", "requests", &c.limit.Requests},
		{"unknown-keys", "different keys under which nothing is stored", &c.limit.UnknownKeys},
		{"user-codes", "user codes that lead nowhere", &c.limit.UserCodes},
		{"exchanges", "token requests and device authorizations", &c.limit.Exchanges},
	} {
		f.Var(&one.limit.Client, "limit-"+one.name, "`rate` of "+one.of+" for one client, such as 600/1m; off is no limit")
		f.Var(&one.limit.Total, "limit-"+one.name+"-total", "`rate` of "+one.of+" for all clients together")
	}
	f.Var(&c.limit.Redemptions, "limit-redemptions", "`rate` of codes that Stack Exchange refuses for one client")
	f.Var(&c.limit.Revocations, "limit-revocations", "`rate` of tokens to revoke that Stack Exchange does not know for one client")
	f.IntVar(&c.limit.Deposits, "limit-deposits", c.limit.Deposits, "`number` of entries one client may have put in the store within --ttl, and as large a part of --max-bytes as that is of --max-entries; 0 is no limit")
	f.IntVar(&c.limit.Waiters, "limit-waiters", c.limit.Waiters, "`number` of apps of one client that wait at one time; 0 is no limit")
	f.IntVar(&c.limit.Connections, "limit-connections", c.limit.Connections, "`number` of connections of one client that are open at one time; 0 is no limit. Those of --trusted-proxies do not count")
	f.IntVar(&c.limit.Clients, "limit-clients", c.limit.Clients, "`number` of clients that are remembered at most")
}

func (c *limitsConfig) proxyFlags(f *cli.Flags) {
	f.StringVar(&c.trustedProxies, "trusted-proxies", "", "comma-separated `networks` of proxies whose X-Forwarded-For names the client, and unix for those that connect to a Unix socket")
	f.BoolVar(&c.proxyProtocol, "proxy-protocol", false, "connections begin with a PROXY protocol header, and come from --trusted-proxies only")
}

const maxNumber = 1_000_000_000

func (c *limitsConfig) check() error {
	var err error
	if c.proxies, err = clientaddr.ParseProxies(c.trustedProxies); err != nil {
		return usagef("--trusted-proxies: %v", err)
	}
	switch {
	case c.proxyProtocol && c.proxies.Empty():
		return usagef("--proxy-protocol needs --trusted-proxies: whoever else connects could name any client")
	case c.limit.Deposits < 0 || c.limit.Deposits == 1 || c.limit.Deposits > maxNumber:
		return usagef("--limit-deposits must be 0 or at least 2, which is what a device sign-in takes")
	case c.limit.Waiters < 0 || c.limit.Waiters > maxNumber:
		return usagef("--limit-waiters must be 0 or more")
	case c.limit.Connections < 0 || c.limit.Connections > maxNumber:
		return usagef("--limit-connections must be 0 or more")
	case c.limit.Clients < 1000 || c.limit.Clients > maxNumber:
		return usagef("--limit-clients must be at least 1000")
	}
	return nil
}

// depositBytes is how much of the store one client may fill: the same share of
// --max-bytes as --limit-deposits is of --max-entries, but room for some of the
// largest entries.
func (c *config) depositBytes() int64 {
	if c.limit.Deposits == 0 {
		return 0
	}
	share := min(1, float64(c.limit.Deposits)/float64(c.maxEntries))
	return max(int64(share*float64(c.maxBytes)), 4*(sealed.MaxSealed+sealed.EntryOverhead))
}

// clientLimits returns what clients may ask for; nil if everything.
func (c *config) clientLimits() *limit.Config {
	if c.limitsConfig.limits == "off" {
		return nil
	}
	settings := c.limit
	settings.DepositBytes = c.depositBytes()
	if c.metrics != nil {
		settings.OnHit = c.metrics.LimitHit
	}
	return &settings
}

// admit bounds the connections that a listener has from one client, and adds
// the PROXY protocol, if it is on.
func (c *limitsConfig) admit(listener net.Listener) net.Listener {
	listener = c.limiter.Listen(listener, c.proxies.Contain)
	if !c.proxyProtocol {
		return listener
	}
	return c.proxies.Listen(listener)
}

// warnOfProxy tells an operator whose proxy is not named: a public server that
// listens on loopback or on a Unix socket has one.
func (c *config) warnOfProxy(log *slog.Logger) {
	host, _, _ := net.SplitHostPort(c.listen)
	behind := c.behindProxy || origin.IsLoopback(host) && !origin.IsLoopback(c.serverName())
	switch {
	case c.limitsConfig.limits == "off":
	case c.sockets.unix() && !c.proxies.Unix():
		log.Warn("all clients share the limits of one, because the peers of a Unix socket have no address and nobody's X-Forwarded-For is trusted there: " +
			"if only your proxy can connect to it, say unix in --trusted-proxies")
	case behind && c.proxies.Empty():
		log.Warn("all clients share the limits of one, because nobody's X-Forwarded-For is trusted: name the proxy in --trusted-proxies")
	}
}
