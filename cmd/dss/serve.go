package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// Limits of a connection.
const (
	headerTime = 5 * time.Second
	bodyTime   = 10 * time.Second
	idleTime   = 90 * time.Second
	// maxHeader is 16 KiB with the 4 KiB that net/http adds.
	maxHeader = 12 << 10
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Summary: "run the server",
		About: `It runs the server until a signal ends it. SIGTERM and SIGINT end it in order: apps that wait are asked to come again, requests are answered, connections are closed. A second one ends it at once. SIGHUP changes nothing.`,
		Setup: func(f *cli.Flags) cli.Run {
			c := &config{}
			c.flags(f)
			return func(ctx context.Context, p cli.Process, _ []string) error {
				// A log whose reader is gone is no reason to end.
				signal.Ignore(syscall.SIGPIPE)
				err := c.check(f.Given())
				if c.checkOnly {
					return c.foresee(p, err)
				}
				if err != nil {
					return err
				}
				if c.sockets, err = inherit(p.Env); err != nil {
					return err
				}
				defer c.sockets.close()
				c.manager = newManager(p.Env)
				return c.serve(ctx, p)
			}
		},
	}
}

// serve runs the server until a signal ends it.
func (c *config) serve(ctx context.Context, p cli.Process) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	written := c.openLog(p.Stderr)
	defer written.Close()
	log := written.Logger
	defer ignoreHangup(p.Stderr, log)()
	// Warnings are for a server that starts: what keeps it from that stands alone.
	for _, log := range []*slog.Logger{slog.New(slog.DiscardHandler), log} {
		if err := c.examine(p.Misspelt(), log, func(outlook, string) {}); err != nil {
			return err
		}
	}
	c.observation.start(c.hasAdmin())
	c.countDropped(written)

	store, err := c.openStore(ctx, log)
	if err != nil {
		return err
	}
	defer store.Close()
	stopStore := runBackground("store", store.Run, log)
	defer stopStore()

	listener, err := c.listenMain()
	if err != nil {
		return err
	}
	defer listener.Close()
	c.bound(listener.Addr())
	dss, err := c.newServer(store, log)
	if err != nil {
		return err
	}
	listener = c.admit(listener)
	stopAdmin, err := c.serveAdmin(dss, log)
	if err != nil {
		return err
	}
	defer stopAdmin()
	secure, err := c.openHTTPS(ctx, store, dss, log)
	if err != nil {
		return err
	}
	defer secure.close()
	if err := c.sockets.rest(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.Stdout, "DSS is ready at", c.public); err != nil {
		log.Warn("standard output cannot be written to", "err", err)
	}
	c.manager.tell(stateReady, log)
	defer c.manager.watch(dss.Readyz, log)()
	return c.accept(ctx, stop, listener, secure, dss, log)
}

// runBackground starts the background work of what. The function it returns
// ends it, and returns when it has ended.
func runBackground(what string, run func(context.Context) error, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil {
			log.Error(what+" stopped", "err", err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (c *config) newServer(opened sealed.Store, log *slog.Logger) (*httpapi.Server, error) {
	watched := store.NewMonitor(c.measure(opened))
	settings := httpapi.Config{
		PublicURL:         c.public,
		AppHosts:          c.apps(),
		ConfirmSessions:   c.confirm == "sessions",
		KeyRules:          relay.KeyRules{MinLength: c.minKeyLength, AllowTimeBased: c.allowTimeBasedKeys},
		AuthorizedAppsURL: c.authorizedAppsURL,
		TTL:               c.ttl,
		SharedStore:       c.sharedStore(),
		Ready:             watched.Ready,
		Limits:            c.clientLimits(),
		MaxWaiters:        c.maxWaiters,
		TrustedProxies:    c.proxies,
		Version:           version(),
		Log:               log,
	}
	settings.StackExchange.BaseURL, settings.StackExchange.APIURL = c.stackExchange()
	if c.sandbox {
		fake := sandbox.New(c.sandboxConfig())
		settings.Sandbox = fake
		settings.StackExchange.Transport, settings.StackExchange.Local = fake, true
		if settings.AuthorizedAppsURL == "" {
			settings.AuthorizedAppsURL = c.public.String() + "/sandbox/"
		}
	}
	server, err := c.newObserved(sealed.NewVault(watched), settings)
	if err != nil {
		return nil, err
	}
	c.limiter = server.Limits()
	return server, nil
}

// stackExchange returns where users sign in, and the API. The settings have
// been checked; the sandbox is this server itself.
func (c *config) stackExchange() (base, apiURL *url.URL) {
	if c.sandbox {
		return c.public.JoinPath("sandbox"), c.public.JoinPath("sandbox", "2.3")
	}
	base, _ = origin.Parse(c.stackExchangeURL)
	apiURL, _ = origin.Parse(c.stackExchangeAPIURL)
	return base, apiURL
}

// sandboxConfig lets every client id redirect to this server.
func (c *config) sandboxConfig() sandbox.Config {
	return sandbox.Config{Remote: c.sandboxRemote, Domain: func(string) string { return c.public.Hostname() }}
}

func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       bodyTime,
		WriteTimeout:      api.AnswerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             http2Limits,
		// Or net/http answers OPTIONS * itself, without any of our headers.
		DisableGeneralOptionsHandler: true,
		// What net/http has to say about a connection may quote what came
		// over it.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
}

// accept serves until ctx ends, then drains.
func (c *config) accept(ctx context.Context, restoreSignals func(), listener net.Listener, secure *secured, dss *httpapi.Server, log *slog.Logger) error {
	server, fresh := newHTTPServer(dss.Handler(), log), newNewcomers()
	server.ConnState = fresh.note
	failed := make(chan error, 1)
	go func() { failed <- secure.serve(server, listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	restoreSignals() // a second signal ends the process at once
	log.Info("shutting down", "within", c.drain)
	c.manager.tell(stateStopping, log)
	deadline, cancel := context.WithTimeout(context.Background(), c.drain)
	defer cancel()
	dss.Drain()
	c.lameDuck(deadline)
	return drain(deadline, server, listener, failed, fresh)
}
