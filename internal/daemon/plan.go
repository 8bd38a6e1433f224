package daemon

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/clientaddr"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// plan is what [Settings] mean: parsed, checked and completed. Nothing changes
// it afterwards.
type plan struct {
	Settings          // with the defaults
	listen   string   // where the public is served
	plain    string   // where plain HTTP is redirected to HTTPS; "" is nowhere
	public   *url.URL // nil if it depends on the port that is bound
	signIn   *url.URL // Stack Exchange
	api      *url.URL
	fake     *sandbox.Config // nil if there is no sandbox
	hosted   []string        // ids of apps with a host
	kind     storeKind
	proxies  clientaddr.Proxies
	factor   float64 // of the limits; 0 turns them off
	language *text.Language
}

// plan names every problem of the settings. It returns what could be made of
// them in any case.
func (s Settings) plan() (*plan, error) {
	p := &plan{Settings: s}
	problems := []error{
		p.checkSandbox(), p.checkUpstream(), p.checkLimits(), p.checkAppHosts(), p.checkApps(), p.checkLanguage(),
	}
	p.complete()
	return p, errors.Join(append(problems, p.checkNumbers(), p.checkHTTPS(), p.checkOperator())...)
}

func (p *plan) complete() {
	p.TTL = cmp.Or(p.TTL, api.DefaultTTL)
	p.MaxEntries = cmp.Or(p.MaxEntries, store.DefaultMaxEntries)
	p.Store = cmp.Or(p.Store, DefaultStore)
	p.kind, _ = kindOf(p.Store) // the examination refuses an unknown one
	switch {
	case p.Listen != "":
	case p.acme():
		p.Listen = ":443,:80"
	case p.https():
		p.Listen = ":443"
	default:
		p.Listen = DefaultListen
	}
	p.listen, p.plain, _ = strings.Cut(p.Listen, ",")
}

func (p *plan) checkNumbers() error {
	const most = 1_000_000_000
	var life, size error
	if p.TTL < time.Second || p.TTL > 24*time.Hour {
		life = mistake("--ttl must be between 1s and 24h")
	}
	if p.MaxEntries < 1 || p.MaxEntries > most {
		size = mistake("--max-entries must be between 1 and %d", most)
	}
	return errors.Join(life, size)
}

// handsOver reports whether the answer for a relay key is handed over without
// asking the user.
func (p *plan) handsOver() bool { return p.Confirm == "oauth-only" || p.Confirm == "sessions" }

// checkSandbox also parses how the sandbox behaves.
func (p *plan) checkSandbox() error {
	if p.Sandbox == "" || p.Sandbox == "off" {
		return nil
	}
	p.fake = &sandbox.Config{}
	for word := range strings.SplitSeq(p.Sandbox, ",") {
		switch year := sandbox.Era(word); {
		case word == SandboxOn:
		case word == "remote":
			p.fake.Remote = true
		case word == "internal":
			p.fake.Internal = true
		case p.fake.Era == "" && (year == sandbox.Era2025 || year == sandbox.Era2026):
			p.fake.Era = year
		default:
			return mistake("--sandbox=%s: write remote, internal and one of 2025 and 2026, separated by commas", p.Sandbox)
		}
	}
	return nil
}

// checkUpstream also parses the URLs of Stack Exchange.
func (p *plan) checkUpstream() error {
	if p.fake != nil && (p.StackExchangeURL != "" || p.StackExchangeAPIURL != "") {
		return mistake("--sandbox replaces Stack Exchange: " +
			"leave out --stackexchange-url and --stackexchange-api-url, or leave out --sandbox")
	}
	var first, second error
	p.signIn, first = parseUpstream("stackexchange-url", cmp.Or(p.StackExchangeURL, dss.DefaultStackExchange))
	p.api, second = parseUpstream("stackexchange-api-url", cmp.Or(p.StackExchangeAPIURL, dss.DefaultAPI))
	return errors.Join(first, second)
}

func parseUpstream(name, value string) (*url.URL, error) {
	u, err := origin.Parse(value)
	switch {
	case err != nil:
		return nil, mistake("--%s must be a URL such as https://example.org: %v", name, err)
	case u.Scheme != "https" && !(u.Scheme == "http" && origin.IsLoopback(u.Hostname())):
		return nil, mistake("--%s must be https, unless it is a loopback address", name)
	}
	return u, nil
}

// checkAppHosts also makes a list of the ids.
func (p *plan) checkAppHosts() error {
	for id := range strings.SplitSeq(p.AppHosts, ",") {
		if id = strings.TrimSpace(id); id == "" || slices.Contains(p.hosted, id) {
			continue
		}
		if _, err := relay.ParseKeySpace(id); err != nil || strings.ContainsAny(id, "_") || id != strings.ToLower(id) ||
			strings.HasPrefix(id, "-") || strings.HasSuffix(id, "-") {
			return mistake("--app-hosts: %q cannot be part of a host name: "+
				"lower-case letters, digits and dashes; separate several with commas", id)
		}
		p.hosted = append(p.hosted, id)
	}
	return nil
}

func (p *plan) checkApps() error {
	if apps.Unknown(p.UnknownApps) == apps.RefuseUnknown && p.Apps == "" {
		return mistake("--unknown-apps=refuse needs --apps, the list of those that are not refused")
	}
	return nil
}

// checkLanguage also finds the language.
func (p *plan) checkLanguage() error {
	tag := cmp.Or(p.Language, text.English.Tag)
	if p.language = text.All.Find(tag); p.language == nil {
		return mistake("--language must be one of: %s", strings.Join(text.All.Tags(), ", "))
	}
	return nil
}

// checkLimits also parses the proxies and the factor of the limits.
func (p *plan) checkLimits() error {
	var err error
	if p.proxies, err = clientaddr.ParseProxies(p.TrustedProxies); err != nil {
		return mistake("--trusted-proxies: %v", err)
	}
	if p.Limits == "off" {
		return nil
	}
	p.factor, err = strconv.ParseFloat(cmp.Or(p.Limits, "1"), 64)
	if err != nil || !(p.factor >= 1e-6 && p.factor <= 1000) {
		return mistake("--limits must be off or a factor up to 1000, such as 2 or 0.5, not %q", p.Limits)
	}
	return nil
}

// limits bounds the store. An entry is 671 bytes on average, somewhat more than
// one of a code grant: the default is 64 MiB.
func (p *plan) limits() store.Limits {
	size := int64(p.MaxEntries) * store.DefaultMaxBytes / store.DefaultMaxEntries
	return store.Limits{MaxEntries: p.MaxEntries, MaxBytes: max(size, minBytes)}
}

// minBytes is room for some of the largest entries.
const minBytes = 4 * (sealed.MaxSealed + sealed.EntryOverhead)

// maxWaiters is how many apps may wait at one time. An entry lives for
// [Settings.TTL], and its app waits for a fifth of that at most: users who take
// longer than three of 15 minutes are few.
func (p *plan) maxWaiters() int { return max(1, p.MaxEntries/5) }

// clientLimits is what clients may ask for; see [limit.Defaults].
func (p *plan) clientLimits() *limit.Config {
	c := limit.Defaults().Times(p.factor)
	// As large a part of all bytes as the deposits are of all entries.
	share := min(1, float64(c.Deposits)/float64(p.MaxEntries))
	c.DepositBytes = max(int64(share*float64(p.limits().MaxBytes)), minBytes)
	return &c
}

func (p *plan) acme() bool  { return p.ACMEEmail != "" }
func (p *plan) https() bool { return p.acme() || p.TLSCert != "" || p.TLSKey != "" }

// directory is that of the certificate authority.
func (p *plan) directory() string { return cmp.Or(p.ACMEDirectory, acme.LetsEncryptURL) }
