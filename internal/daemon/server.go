package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/metrics"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/site"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// http2Limits keep the cost of one HTTP/2 connection small. A connection that
// does not answer a ping is gone, and so are the apps that wait on it.
var http2Limits = &http.HTTP2Config{
	MaxConcurrentStreams:          100, // RFC 9113 section 6.5.2 wants no less
	MaxReadFrameSize:              16 << 10,
	MaxReceiveBufferPerConnection: 128 << 10,
	MaxReceiveBufferPerStream:     16 << 10, // a body has 8 KiB at most
	SendPingTimeout:               30 * time.Second,
	PingTimeout:                   15 * time.Second,
	WriteByteTimeout:              api.AnswerTime,
}

// bodyTime bounds how long a client may take to send a request.
const bodyTime = 10 * time.Second

func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       bodyTime,
		WriteTimeout:      api.AnswerTime,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    12 << 10, // 16 KiB with the 4 KiB that net/http adds
		HTTP2:             http2Limits,
		ConnContext:       connContext,
		// Or net/http answers OPTIONS * itself, without any of our headers.
		DisableGeneralOptionsHandler: true,
		// What net/http logs about a connection may quote what came over it.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
}

// serveOn serves until the server is shut down, over HTTPS if there is a source
// of certificates.
func serveOn(listener net.Listener, server *http.Server, source certs.Source) error {
	listener = lazyListener{listener}
	if source == nil {
		return server.Serve(listener)
	}
	server.TLSConfig = certs.TLSConfig(source)
	return server.ServeTLS(listener, "", "")
}

// newServer makes the server that answers the public.
func (d *daemon) newServer(entries sealed.Store) error {
	if d.metrics != nil {
		bounds := d.limits()
		entries = d.metrics.Store(entries, metrics.Capacity{Entries: int64(bounds.MaxEntries), Bytes: bounds.MaxBytes})
	}
	watched := store.NewMonitor(entries)
	d.ready = watched.Ready
	config := httpapi.Config{
		PublicURL:      d.origin,
		AppHosts:       d.hosted,
		HandOver:       d.handsOver(),
		WeakKeys:       d.WeakKeys,
		Language:       d.language,
		TTL:            d.TTL,
		Store:          d.kind.words,
		SharedStore:    d.kind.shared,
		VolatileStore:  !d.kind.lasting,
		Ready:          d.ready,
		Watch:          watchClient,
		MaxWaiters:     d.maxWaiters(),
		TrustedProxies: d.proxies,
		Operator:       site.Operator{Name: d.OperatorName, URL: d.OperatorURL, Contact: d.OperatorContact},
		Version:        d.build.Version,
		Log:            d.log,
		AuditKey:       d.auditKey,
	}
	d.setStackExchange(&config)
	d.setApps(&config)
	if d.UpstreamCheck {
		config.Contract = d.lastChecked
	}
	if d.factor != 0 {
		config.Limits = d.clientLimits()
	}
	if d.metrics != nil {
		config.Observer, config.StackExchange.Observe = d.metrics, d.metrics.Called
	}
	var err error
	if d.server, err = httpapi.New(sealed.NewVault(watched), config); err != nil {
		return err
	}
	if d.metrics != nil {
		d.metrics.Server(d.server, d.maxWaiters())
	}
	d.followApps()
	d.watchUpstream(watched, config.StackExchange)
	return nil
}

// setApps has the list of apps decide, if there is one.
func (d *daemon) setApps(config *httpapi.Config) {
	config.Apps.Unknown = apps.Unknown(d.UnknownApps)
	if d.apps != nil {
		config.Apps.List = d.apps.List
	}
}

// followApps has the list of apps read again when it changes.
func (d *daemon) followApps() {
	if d.apps == nil {
		return
	}
	if d.metrics != nil {
		d.metrics.Apps(d.apps)
	}
	d.onStop(runBackground("list of apps", d.apps.Run, d.log))
}

// setStackExchange says where users sign in and see what they have authorized.
func (d *daemon) setStackExchange(config *httpapi.Config) {
	if d.fake == nil {
		config.StackExchange.BaseURL, config.StackExchange.APIURL = d.signIn, d.api
		if d.StackExchangeURL != "" {
			config.AuthorizedAppsURL = d.signIn.JoinPath("users", "current").String() + "?tab=apps"
		}
		return
	}
	behavior := *d.fake
	behavior.Host = d.origin.Hostname()
	fake := sandbox.New(behavior)
	config.Sandbox = fake
	if !behavior.Internal {
		config.Service = "Stack Overflow"
	}
	config.StackExchange.Transport, config.StackExchange.Local = fake, true
	config.StackExchange.BaseURL = d.origin.JoinPath("sandbox")
	config.StackExchange.APIURL = d.origin.JoinPath(fake.APIPath())
	config.AuthorizedAppsURL = d.origin.JoinPath("sandbox", "apps").String()
}

// bounded bounds the connections of one client that a listener has, and takes
// the PROXY protocol if it is on.
func (d *daemon) bounded(listener net.Listener) net.Listener {
	return d.proxies.Listen(d.server.Limits().Listen(listener, d.proxies.Contain))
}

// readSecret reads --secret-file, without the newline at its end.
func (p *plan) readSecret() ([]byte, error) {
	const most = 4 << 10
	file, err := os.Open(p.SecretFile)
	if err != nil {
		return nil, mistake("--secret-file: %v", err)
	}
	defer file.Close()
	secret, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, mistake("--secret-file: %v", err)
	}
	if secret = bytes.TrimRight(secret, "\r\n"); len(secret) < certs.MinSecret || len(secret) > most {
		return nil, mistake("--secret-file: %s must hold %d to %d bytes; make it with: openssl rand -hex 32",
			p.SecretFile, certs.MinSecret, most)
	}
	return secret, nil
}

// startHTTPS starts the source of certificates, and serves plain HTTP next to
// HTTPS, if the settings say so.
func (d *daemon) startHTTPS(ctx context.Context, entries sealed.Store) error {
	if !d.https() {
		return nil
	}
	var challenge httpapi.Challenge
	d.source = d.files
	if d.acme() {
		source, err := d.newACME(entries)
		if err != nil {
			return err
		}
		source.Load(ctx)
		d.source, challenge = source, source.Challenge
	}
	if d.metrics != nil {
		d.metrics.Certificate(d.source.Own)
	}
	if err := d.startPlain(challenge); err != nil {
		return err
	}
	d.onStop(runBackground("certificates", d.source.Run, d.log))
	return nil
}

func (d *daemon) hasPlain() bool { return d.plain != "" || d.sockets.has(socketPlain) }

// startPlain serves plain HTTP on the socket that is passed for it, or on the
// second address of --listen.
func (d *daemon) startPlain(challenge httpapi.Challenge) error {
	if !d.hasPlain() {
		return nil
	}
	listener, err := d.sockets.listen(d.plain, socketPlain)
	if err != nil {
		return fmt.Errorf("listen for plain HTTP: %w", err)
	}
	d.serveInBackground("plain HTTP server", newHTTPServer(d.server.PlainHandler(challenge), d.log), d.bounded(listener))
	d.log.Info("plain HTTP redirects to HTTPS", "address", listener.Addr().String())
	return nil
}

func (d *daemon) newACME(entries sealed.Store) (*certs.ACME, error) {
	storage, err := d.certStorage(entries)
	if err != nil {
		return nil, err
	}
	return certs.NewACME(certs.Config{
		Directory: d.directory(),
		Email:     d.ACMEEmail,
		Hosts:     d.certHosts(),
		HTTP01:    d.hasPlain(),
		Storage:   storage,
		UserAgent: "dss/" + d.build.Version,
		Log:       d.log,
	}), nil
}

// certStorage opens where certificates are kept: the folder next to the
// database, or the store that several servers share.
func (p *plan) certStorage(entries sealed.Store) (certs.Storage, error) {
	if !p.kind.shared {
		return certs.OpenFolder(p.certFolder())
	}
	key, err := p.readSecret()
	if err != nil {
		return nil, err
	}
	return certs.NewShared(sealed.NewVault(entries).Reserve(), secret.New(string(key)), authorityName(p.directory()))
}
