package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// http2Limits keep what one HTTP/2 connection may cost small. A connection
// that answers no ping is gone, and those who wait on it with it.
var http2Limits = &http.HTTP2Config{
	MaxConcurrentStreams:          100, // RFC 9113 section 6.5.2 wants no less
	MaxReadFrameSize:              16 << 10,
	MaxReceiveBufferPerConnection: 128 << 10,
	MaxReceiveBufferPerStream:     16 << 10, // a body has 8 KiB at most
	SendPingTimeout:               30 * time.Second,
	PingTimeout:                   15 * time.Second,
	WriteByteTimeout:              api.AnswerTime,
}

// secured is what makes a server one of HTTPS. A nil one leaves it at HTTP.
type secured struct {
	source     certs.Source
	stopSource func()
	stopPlain  func()
}

// openHTTPS finds the certificates and serves plain HTTP next to HTTPS, if the
// settings say so.
func (c *config) openHTTPS(ctx context.Context, store sealed.Store, dss *httpapi.Server, log *slog.Logger) (*secured, error) {
	if !c.https.enabled() {
		return nil, nil
	}
	s := &secured{}
	var challenge httpapi.Challenge
	if c.https.acme() {
		source, err := c.newACME(store, log)
		if err != nil {
			return nil, err
		}
		source.Load(ctx)
		s.source, challenge = source, source.Challenge
	} else {
		s.source = c.https.files
	}
	if c.metrics != nil {
		c.metrics.Certificate(s.source.Own)
	}
	stopPlain, err := c.servePlain(dss.PlainHandler(challenge), log)
	if err != nil {
		return nil, err
	}
	s.stopPlain = stopPlain
	s.stopSource = runBackground("certificates", s.source.Run, log)
	return s, nil
}

// servePlain serves on --http-listen, if that is set. The function it returns
// stops it.
func (c *config) servePlain(handler http.Handler, log *slog.Logger) (stop func(), err error) {
	if c.https.httpListen == "" && c.sockets[socketPlain] == nil {
		return func() {}, nil
	}
	listener, err := c.sockets.listen(c.https.httpListen, socketPlain)
	if err != nil {
		return nil, fmt.Errorf("http listen: %w", err)
	}
	listener = c.admit(listener)
	server := newHTTPServer(handler, log)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Error("plain HTTP server stopped", "err", err)
		}
	}()
	log.Info("plain HTTP redirects to HTTPS", "address", listener.Addr().String())
	return func() {
		server.Close()
		<-done
	}, nil
}

// serve serves on listener until the server is shut down.
func (s *secured) serve(server *http.Server, listener net.Listener) error {
	if s == nil {
		return server.Serve(listener)
	}
	server.TLSConfig = certs.TLSConfig(s.source)
	return server.ServeTLS(listener, "", "")
}

func (s *secured) close() {
	if s != nil {
		s.stopSource()
		s.stopPlain()
	}
}

func (c *config) newACME(store sealed.Store, log *slog.Logger) (*certs.ACME, error) {
	roots, err := readRoots(c.https.acmeCA)
	if err != nil {
		return nil, err
	}
	storage, err := c.certStorage(store)
	if err != nil {
		return nil, err
	}
	return certs.NewACME(certs.Config{
		Directory: c.https.acmeDirectory,
		Email:     c.https.acmeEmail,
		Roots:     roots,
		Hosts:     c.certHosts(),
		HTTP01:    c.https.httpListen != "",
		Storage:   storage,
		UserAgent: "dss/" + version(),
		Log:       log,
	}), nil
}

// certStorage chooses where certificates are kept, for each authority apart:
// those of one that was tried out must not pass for another's.
func (c *config) certStorage(store sealed.Store) (certs.Storage, error) {
	if c.https.certSecretFile == "" {
		return certs.OpenFolder(c.certFolder())
	}
	text, err := os.ReadFile(c.https.certSecretFile)
	if err != nil {
		return nil, fmt.Errorf("secret of the certificates: %w", err)
	}
	secret := secret.New(strings.TrimRight(string(text), "\r\n"))
	vault, err := certs.NewVault(sealed.Reserve(store), secret, authorityName(c.https.acmeDirectory))
	if err != nil {
		return nil, usagef("--cert-secret-file %s: %v", c.https.certSecretFile, err)
	}
	return vault, nil
}

func (c *config) certFolder() string {
	return filepath.Join(c.https.certDir, authorityName(c.https.acmeDirectory))
}

// authorityName makes the URL of a directory the name of a folder.
func authorityName(directory string) string {
	u, err := url.Parse(directory)
	if err != nil { // it has been checked
		return "authority"
	}
	return strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			if (r < '0' || r > '9') && r != '.' && r != '-' {
				return '_'
			}
		}
		return r
	}, strings.ToLower(u.Host+strings.TrimRight(u.EscapedPath(), "/")))
}

// readRoots reads the certificates in file; nil stands for the system's.
func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificates of the authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, usagef("--acme-ca %s holds no certificate in PEM", file)
	}
	return roots, nil
}
