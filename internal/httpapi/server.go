// Package httpapi turns HTTP into calls on the domain and back: routes, one
// file per endpoint, one error table, and the rules that every request meets.
package httpapi

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// DefaultAuthorizedAppsURL is where Stack Exchange lists the applications a
// user has authorized.
const DefaultAuthorizedAppsURL = "https://stackexchange.com/users/current?tab=apps"

// Config is what a [Server] needs.
type Config struct {
	// PublicURL is the server's address as browsers and apps see it.
	PublicURL *url.URL
	// AppHosts are the ids of the apps that have a host of their own below
	// the public one; "all" stands for any.
	AppHosts []string
	// ConfirmSessions deposits at once, without asking the user.
	ConfirmSessions bool
	// KeyRules says which keys are acceptable.
	KeyRules relay.KeyRules
	// AuthorizedAppsURL is linked where a user may want to undo a sign-in.
	// The zero value means DefaultAuthorizedAppsURL.
	AuthorizedAppsURL string
	// Sandbox serves /sandbox/, if there is one.
	Sandbox http.Handler
	// Version is shown on the home page.
	Version string
	// Log receives a line per request.
	Log *slog.Logger
}

// Server serves DSS over HTTP.
type Server struct {
	config   Config
	relay    *relay.Relay
	store    relay.Store
	pages    *web.Pages
	hosts    hosts
	log      *slog.Logger
	draining context.Context
	drain    context.CancelFunc
	probe    relay.ID // what readiness looks up; never stored
}

// New returns a server in front of r, whose entries are in store.
func New(r *relay.Relay, store relay.Store, config Config) (*Server, error) {
	pages, err := web.New()
	if err != nil {
		return nil, err
	}
	if config.AuthorizedAppsURL == "" {
		config.AuthorizedAppsURL = DefaultAuthorizedAppsURL
	}
	s := &Server{
		config: config, relay: r, store: store, pages: pages, log: config.Log,
		hosts: newHosts(config.PublicURL, config.AppHosts),
	}
	rand.Read(s.probe[:])
	s.draining, s.drain = context.WithCancel(context.Background())
	return s, nil
}

// Drain makes /readyz answer 503 and ends every wait with a 503.
func (s *Server) Drain() { s.drain() }

// Handler returns the handler of the whole server.
func (s *Server) Handler() http.Handler {
	return s.observe(s.guard(s.routes()))
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.PathRedirect, s.getRedirect)
	mux.HandleFunc("POST "+api.PathRedirect, s.postRedirect)
	mux.HandleFunc("GET "+api.PathRedirect+"/{appid}", s.getRedirect)
	mux.HandleFunc("POST "+api.PathRedirect+"/{appid}", s.postRedirect)
	mux.HandleFunc(api.PathRedirect, s.methodNotAllowed("GET, HEAD, POST"))
	mux.HandleFunc(api.PathRedirect+"/{appid}", s.methodNotAllowed("GET, HEAD, POST"))

	mux.HandleFunc("GET "+api.PathToken, s.getToken)
	mux.HandleFunc("POST "+api.PathToken, s.postToken)
	mux.HandleFunc("OPTIONS "+api.PathToken, preflightToken)
	// A GET pattern takes HEAD too; a claim must not.
	mux.HandleFunc("HEAD "+api.PathToken, s.methodNotAllowed("GET, POST, OPTIONS"))
	mux.HandleFunc(api.PathToken, s.methodNotAllowed("GET, POST, OPTIONS"))
	mux.HandleFunc("/auth/", s.unknownMethod)

	mux.HandleFunc("GET /healthz", s.Healthz)
	mux.HandleFunc("GET /readyz", s.Readyz)
	mux.HandleFunc("GET /assets/{file}", s.asset)
	mux.HandleFunc("GET /{$}", s.home)
	if s.config.Sandbox != nil {
		mux.Handle("/sandbox/", s.config.Sandbox)
	}
	mux.HandleFunc("/", s.notFound)
	return mux
}
