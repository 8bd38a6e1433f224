package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/logger"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// config is every setting of dss serve, as given.
type config struct {
	listen, adminListen, publicURL        string
	store                                 string
	ttl, drain                            time.Duration
	confirm                               string
	appHosts                              string
	behindProxy                           bool
	stackExchangeURL, stackExchangeAPIURL string
	authorizedAppsURL                     string
	sandbox, sandboxRemote                bool
	minKeyLength                          int
	allowTimeBasedKeys                    bool
	maxEntries, maxWaiters                int
	maxBytes                              byteSize
	logFormat                             string
	https                                 httpsSettings
	limitsConfig
	observation

	public  *url.URL // parsed; nil until the port is known
	sockets sockets  // passed by the service manager
	manager manager

	checkOnly bool // say what would happen, and no more
}

// flags declares the settings.
func (c *config) flags(f *cli.Flags) {
	f.Group("Start here")
	f.StringVar(&c.publicURL, "public-url", "", "the server's `URL` as browsers and apps see it (default http://localhost and the port, if --listen is loopback)")
	f.StringVar(&c.listen, "listen", plainListen, "`address` to serve on; with HTTPS the default is "+secureListen)
	c.storeFlag(f)
	f.BoolVar(&c.sandbox, "sandbox", false, "serve a fake Stack Exchange under /sandbox/, to this machine only")
	f.BoolVar(&c.sandboxRemote, "sandbox-remote", false, "serve the sandbox to other machines too: anybody can sign in as anybody")
	c.checkFlag(f)
	c.https.flags(f)
	f.Group("Behind a proxy")
	f.BoolVar(&c.behindProxy, "behind-proxy", false, "a reverse proxy in front makes a plain http public URL safe")
	c.limitsConfig.proxyFlags(f)
	f.Group("Apps and Stack Exchange")
	f.StringVar(&c.appHosts, "app-hosts", "", "comma-separated `ids` of apps with a host of their own below the public one, or all (not with --acme-email)")
	f.ChoiceVar(&c.confirm, "confirm", "all|sessions", "which sign-ins ask the user first: all, or sessions (a relay key is handed over at once; for a private server)")
	f.IntVar(&c.minKeyLength, "min-key-length", relay.DefaultMinKeyLength, "shortest acceptable key, in `characters`")
	f.BoolVar(&c.allowTimeBasedKeys, "allow-time-based-keys", false, "accept keys made from a time, which can be guessed")
	f.StringVar(&c.stackExchangeURL, "stackexchange-url", dss.DefaultStackExchange, "`URL` where users sign in")
	f.StringVar(&c.stackExchangeAPIURL, "stackexchange-api-url", dss.DefaultAPI, "`URL` of the Stack Exchange API")
	f.StringVar(&c.authorizedAppsURL, "authorized-apps-url", "", "`URL` of the list of applications a user has authorized (default on Stack Exchange)")
	f.Group("Store and limits")
	c.maxBytes = store.DefaultMaxBytes
	f.DurationVar(&c.ttl, "ttl", api.DefaultTTL, "how long a deposit waits for its app")
	f.IntVar(&c.maxEntries, "max-entries", store.DefaultMaxEntries, "`number` of deposits the store holds at most")
	f.Var(&c.maxBytes, "max-bytes", "`size` of all deposits at most, such as 64MiB")
	f.IntVar(&c.maxWaiters, "max-waiters", httpapi.DefaultMaxWaiters, "`number` of apps that wait at one time at most")
	c.limitsConfig.flags(f)
	f.Group("Log and metrics")
	f.ChoiceVar(&c.logFormat, "log-format", "text|json", "how to write the log")
	f.StringVar(&c.adminListen, "admin-listen", "", "`address` for metrics, health checks and profiles; keep it private")
	f.DurationVar(&c.drain, "drain", 10*time.Second, "how long a shutdown may take")
	c.observation.flags(f)
}

func (c *config) storeFlag(f *cli.Flags) {
	f.StringVar(&c.store, "store", "sqlite:data/dss.db", "where deposits wait: sqlite:PATH, memory:, redis://…, rediss://… or postgres://…")
}

// check refuses settings that contradict each other or are not safe. It names
// every problem.
func (c *config) check(given map[string]bool) error {
	return errors.Join(c.checkNumbers(), c.checkSandbox(given), c.checkUpstream(), c.checkAppHosts(),
		c.checkWhere(given), c.limitsConfig.check(), c.observation.check())
}

// checkWhere checks what HTTPS makes of the addresses first: what is wrong with
// that would only be said again of them.
func (c *config) checkWhere(given map[string]bool) error {
	if err := c.checkHTTPS(given); err != nil {
		return err
	}
	return c.checkAddresses()
}

func (c *config) checkNumbers() error {
	var problems []error
	if c.ttl < time.Second || c.ttl > 24*time.Hour {
		problems = append(problems, usagef("--ttl must be between 1s and 24h"))
	}
	if c.drain <= 0 || c.drain > 10*time.Minute {
		problems = append(problems, usagef("--drain must be more than 0 and at most 10m"))
	}
	if c.minKeyLength < 1 || c.minKeyLength > relay.MaxKeyLength {
		problems = append(problems, usagef("--min-key-length must be between 1 and %d", relay.MaxKeyLength))
	}
	if c.maxEntries < 1 || c.maxBytes < 1 || c.maxWaiters < 1 {
		problems = append(problems, usagef("--max-entries, --max-bytes and --max-waiters must be at least 1"))
	}
	return errors.Join(problems...)
}

func (c *config) checkSandbox(given map[string]bool) error {
	if c.sandbox && (given["stackexchange-url"] || given["stackexchange-api-url"]) {
		return usagef("--sandbox replaces Stack Exchange: leave out --stackexchange-url and --stackexchange-api-url, or leave out --sandbox")
	}
	if c.sandboxRemote && !c.sandbox {
		return usagef("--sandbox-remote does nothing without --sandbox")
	}
	return nil
}

func (c *config) checkUpstream() error {
	for _, setting := range []struct{ name, value string }{
		{"stackexchange-url", c.stackExchangeURL},
		{"stackexchange-api-url", c.stackExchangeAPIURL},
		{"authorized-apps-url", c.authorizedAppsURL},
	} {
		if setting.value == "" {
			continue
		}
		if setting.name == "authorized-apps-url" && !strings.Contains(setting.value, "#") { // may have a query
			setting.value, _, _ = strings.Cut(setting.value, "?")
		}
		u, err := origin.Parse(setting.value)
		switch {
		case err != nil:
			return usagef("--%s must be a URL such as https://example.org: %v", setting.name, err)
		case u.Scheme != "https" && !(u.Scheme == "http" && origin.IsLoopback(u.Hostname())):
			return usagef("--%s must be https, unless it is a loopback address", setting.name)
		}
	}
	return nil
}

func (c *config) checkAppHosts() error {
	for _, id := range c.apps() {
		if _, err := relay.ParseKeySpace(id); err != nil || strings.ContainsAny(id, "_") || id != strings.ToLower(id) ||
			strings.HasPrefix(id, "-") || strings.HasSuffix(id, "-") {
			return usagef("--app-hosts: %q is no app id that can be part of a host name: lower-case letters, digits and dashes; separate several with commas", id)
		}
	}
	return nil
}

func (c *config) apps() []string {
	var ids []string
	for id := range strings.SplitSeq(c.appHosts, ",") {
		if id = strings.TrimSpace(id); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (c *config) checkAddresses() error {
	host, _, err := net.SplitHostPort(c.listen)
	if err != nil {
		return usagef("--listen must be an address such as 127.0.0.1:8080, not %q", c.listen)
	}
	if c.adminListen != "" {
		if _, _, err := net.SplitHostPort(c.adminListen); err != nil {
			return usagef("--admin-listen must be an address such as 127.0.0.1:8081, not %q", c.adminListen)
		}
	}
	if c.publicURL == "" {
		if !origin.IsLoopback(host) {
			return usagef("--listen %s is reachable from other machines: say with --public-url under which URL", c.listen)
		}
		return nil
	}
	return c.checkPublicURL()
}

func (c *config) checkPublicURL() error {
	u, err := origin.Parse(c.publicURL)
	if err != nil {
		return usagef("--public-url must be a URL such as https://auth.example.org: %v", err)
	}
	if u.Path != "" {
		return usagef("--public-url must be an origin alone, without a path")
	}
	loopback := origin.IsLoopback(u.Hostname())
	if u.Scheme == "http" && !loopback && !c.behindProxy {
		return usagef("--public-url is plain http, so anybody on the way could read access tokens: use https, or say --behind-proxy if a proxy protects the way")
	}
	if c.sandbox && !loopback && !c.sandboxRemote {
		return usagef("--sandbox on a public URL would let anybody sign in as anybody: leave it out, or say --sandbox-remote")
	}
	c.public = u
	return nil
}

// bound completes the settings with the port that was really bound.
func (c *config) bound(address net.Addr) {
	if c.public != nil {
		return
	}
	_, port, _ := net.SplitHostPort(address.String())
	scheme := c.https.scheme()
	host, _ := origin.Host(scheme, net.JoinHostPort(localName(address.String()), port))
	c.public = &url.URL{Scheme: scheme, Host: host}
}

// localName is the name by which browsers on this machine reach a loopback
// address: localhost leads to 127.0.0.1 and ::1 alone.
func localName(address string) string {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is4() || !ip.IsLoopback() || host == "127.0.0.1" {
		return "localhost"
	}
	return host
}

// openLog returns where the server logs to.
func (c *config) openLog(w io.Writer) *logger.Log {
	return logger.New(w, func(w io.Writer) slog.Handler {
		if c.logFormat == "json" {
			return slog.NewJSONHandler(w, nil)
		}
		return slog.NewTextHandler(w, nil)
	})
}

// byteSize is a number of bytes, written with or without KiB, MiB or GiB.
type byteSize int64

var byteUnits = []struct {
	suffix string
	size   int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

// String implements [flag.Value].
func (s *byteSize) String() string {
	for _, unit := range byteUnits {
		if n := int64(*s); n >= unit.size && n%unit.size == 0 {
			return strconv.FormatInt(n/unit.size, 10) + unit.suffix
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Set implements [flag.Value].
func (s *byteSize) Set(text string) error {
	for _, unit := range byteUnits {
		number, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > (1<<62)/unit.size {
			break
		}
		*s = byteSize(n * unit.size)
		return nil
	}
	return errors.New("write a size such as 64MiB")
}
