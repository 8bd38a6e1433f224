// Package httpapi turns HTTP into calls on the domain and back.
//
// Every request is observed, guarded and throttled (chain.go), and then served by
// an endpoint (routes.go lists them). One record holds what is known of it. An
// error of the domain becomes a problem with a name of [api.Errors] (problem.go),
// and the path decides in which dialect it is answered (dialect.go).
package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/docs"
	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/clientaddr"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/logger"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/site"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/web"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// DefaultAuthorizedAppsURL is where Stack Exchange lists the applications a
// user has authorized.
const DefaultAuthorizedAppsURL = "https://stackexchange.com/users/current?tab=apps"

// DefaultMaxWaiters is how many claims may wait at one time.
const DefaultMaxWaiters = 20_000

// Config is what a [Server] needs.
type Config struct {
	// PublicURL is the server's address as browsers and apps see it.
	PublicURL *url.URL
	// AppHosts are the ids of the apps with a host below the public one; "all"
	// stands for any.
	AppHosts []string
	// HandOver deposits at once, without asking the user.
	HandOver bool
	// WeakKeys accepts keys that can be guessed: short ones, and those made from
	// a time.
	WeakKeys bool
	// Service is what pages call the place where users have their account. The zero
	// value means "Stack Overflow" for the public Stack Exchange, otherwise the host.
	Service string
	// AuthorizedAppsURL is linked where a user may want to undo a sign-in.
	// The zero value means DefaultAuthorizedAppsURL.
	AuthorizedAppsURL string
	// StackExchange configures its client, except for Caller, Allow and Refused.
	StackExchange stackexchange.Config
	// TTL is how long a sign-in may take. The zero value means
	// [api.DefaultTTL].
	TTL time.Duration
	// MaxWaiters bounds the claims that wait at one time. The zero value means
	// DefaultMaxWaiters.
	MaxWaiters int
	// SharedStore is set if other servers use the same store.
	SharedStore bool
	// VolatileStore is set if the store loses its entries with the process.
	VolatileStore bool
	// Store is what the store is called on the page about privacy, such as "the
	// memory of the server", which is the default.
	Store string
	// Contract says whether Stack Exchange was as DSS expects when that was last
	// checked; ok is false before. Nil checks nothing.
	Contract func() (holds bool, checked time.Time, ok bool)
	// Ready returns why the store does not work, or nil. The zero value pings it.
	Ready func(context.Context) error
	// Watch, if set, is called with the context of a claim that is about to wait, and from
	// then on ends that context as soon as the client leaves.
	Watch func(context.Context)
	// Limits bounds what clients may ask for, except for DepositLife and Shared,
	// which follow from the rest. The zero value allows everything.
	Limits *limit.Config
	// Apps is what the operator's list says of apps. Without a list, none is known,
	// and none is refused.
	Apps apps.Policy
	// TrustedProxies are those whose X-Forwarded-For counts.
	TrustedProxies clientaddr.Proxies
	// Sandbox serves /sandbox/, if there is one.
	Sandbox http.Handler
	// Operator runs the server.
	Operator site.Operator
	// Languages are those of the pages. The zero value means [text.All].
	Languages text.Languages
	// Language is for browsers that ask for none of them. The zero value means
	// [text.English].
	Language *text.Language
	// Version is shown on the pages of the site.
	Version string
	// Log receives a line per request.
	Log *slog.Logger
	// Observer, if set, counts requests and events.
	Observer Observer
	// AuditKey is the key of the hashes in audit lines; nil writes none.
	AuditKey []byte
}

// Server serves DSS over HTTP.
type Server struct {
	config    Config
	vault     *sealed.Vault
	relay     *relay.Relay
	grants    *oauth.Service
	upstream  *stackexchange.Client
	pages     *web.Pages
	documents *site.Documents
	refusals  refusals
	hosts     hosts
	limits    *limit.Limiter
	log       *slog.Logger // adds the id of the request
	lines     logger.Lines
	observer  Observer
	audit     audit
	draining  context.Context
	drain     context.CancelFunc

	signInPolicy string // the Content-Security-Policy of pages whose form leads to Stack Exchange
	waiters      atomic.Int64
	health       health
	overlooked   sync.Once // warns of a proxy that is not trusted
}

// New returns a server whose entries are in vault. It makes the relay, the OAuth
// server and the limits of clients, so that their times fit each other.
func New(vault *sealed.Vault, config Config) (*Server, error) {
	config.complete(vault)
	var err error
	if config.PublicURL, err = origin.Parse(config.PublicURL.String()); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	lines := logger.NewLines(config.Log.Handler())
	s := &Server{
		config: config, vault: vault, documents: site.NewDocuments(docs.Files),
		refusals: newRefusals(config.PublicURL.String()),
		log:      slog.New(identified{config.Log.Handler()}), lines: lines,
		relay:    relay.New(vault, relay.Config{TTL: config.TTL, Volatile: config.VolatileStore}),
		observer: config.Observer, audit: newAudit(config.AuditKey, lines),
		hosts: newHosts(config.PublicURL, config.AppHosts),
	}
	if config.Limits != nil {
		settings := *config.Limits
		// A late claim or approval prolongs an entry's life by that.
		settings.DepositLife = config.TTL + api.RetryWindow
		if config.SharedStore {
			settings.Shared = vault
		}
		s.limits = limit.New(settings)
	}
	config.StackExchange.Caller = caller
	config.StackExchange.Allow, config.StackExchange.Refused = s.allowCall, s.callRefused
	s.upstream = stackexchange.New(config.StackExchange)
	s.pages = web.New(s.onPages(), config.Languages)
	grants := oauth.Config{
		TTL: config.TTL, Issuer: config.PublicURL.String(), CallbackURL: config.PublicURL.String() + api.PathCallback,
		Shared: config.SharedStore, Allow: s.storing, Observe: s.granted,
	}
	if config.Apps.Listing() {
		grants.Permit = s.permit
	}
	if config.Apps.Listing() || config.Sandbox != nil {
		grants.Target = s.isTarget
	}
	s.grants = oauth.New(vault, s.upstream, grants)
	signIn := s.upstream.BaseURL()
	s.signInPolicy = strings.Replace(contentSecurityPolicy, "form-action 'self'",
		"form-action 'self' https: "+signIn.Scheme+"://"+signIn.Host, 1)
	s.draining, s.drain = context.WithCancel(context.Background())
	return s, nil
}

// complete fills in the defaults.
func (c *Config) complete(vault *sealed.Vault) {
	if c.Languages == nil {
		c.Languages = text.All
	}
	if c.Observer == nil {
		c.Observer = unobserved{}
	}
	if c.Ready == nil {
		c.Ready = vault.Ping
	}
	c.Language = cmp.Or(c.Language, text.English)
	c.AuthorizedAppsURL = cmp.Or(c.AuthorizedAppsURL, DefaultAuthorizedAppsURL)
	c.TTL = cmp.Or(c.TTL, api.DefaultTTL)
	c.Store = cmp.Or(c.Store, "the memory of the server")
	c.MaxWaiters = cmp.Or(c.MaxWaiters, DefaultMaxWaiters)
}

// onPages is what all pages say of the server.
func (s *Server) onPages() web.Server {
	shown := web.Server{
		Host: s.config.PublicURL.Host, Service: s.config.Service, Sandbox: s.config.Sandbox != nil,
		Operator: s.config.Operator.Name, OperatorURL: s.config.Operator.URL,
	}
	switch base := s.upstream.BaseURL(); {
	case shown.Service != "":
	case stackexchange.IsPublic(base):
		shown.Service = "Stack Overflow"
	default:
		shown.Service = base.Host
	}
	return shown
}

// Limits returns the limits of clients; nil if there are none.
func (s *Server) Limits() *limit.Limiter { return s.limits }

// Waiting counts the claims that wait for a deposit now.
func (s *Server) Waiting() int64 { return s.waiters.Load() }

// Unreadable counts the entries that were found altered in the store.
func (s *Server) Unreadable() int64 { return s.vault.Unreadable() }

// Paused is how much longer Stack Exchange wants no calls of a method.
func (s *Server) Paused(m stackexchange.Method) time.Duration { return s.upstream.Paused(m) }

// Drain makes /readyz answer 503 and ends every wait with a 503.
func (s *Server) Drain() { s.drain() }
