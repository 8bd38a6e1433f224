package main

import (
	"net"
	"net/mail"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/acme"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// Default addresses.
const (
	plainListen    = "127.0.0.1:8080"
	secureListen   = ":443"
	redirectListen = ":80"
	noListen       = "off"
)

// httpsSettings are those of HTTPS without a proxy.
type httpsSettings struct {
	acmeEmail, acmeDirectory, acmeCA string
	certFile, keyFile                string
	certDir, certSecretFile          string
	httpListen                       string

	files *certs.Files // opened; nil with ACME and without HTTPS
}

func (s *httpsSettings) flags(f *cli.Flags) {
	f.Group("HTTPS")
	f.StringVar(&s.acmeEmail, "acme-email", "", "obtain certificates by ACME, and accept the authority's terms; it may write to this `address`")
	f.StringVar(&s.acmeDirectory, "acme-directory", acme.LetsEncryptURL, "`URL` of the ACME directory of the certificate authority")
	f.StringVar(&s.acmeCA, "acme-ca", "", "`file` of the certificates (PEM) to verify the authority's own with, if the system does not know them")
	f.StringVar(&s.certFile, "tls-cert", "", "`file` of the certificate with its chain (PEM), instead of ACME; read again when it changes")
	f.StringVar(&s.keyFile, "tls-key", "", "`file` of the certificate's private key (PEM)")
	f.StringVar(&s.certDir, "cert-dir", "", "`folder` for what ACME obtains, if --store is not shared (default certificates, next to the database)")
	f.StringVar(&s.certSecretFile, "cert-secret-file", "", "`file` with at least 32 random bytes, the same on each server, that seals what ACME obtains in a shared --store")
	f.StringVar(&s.httpListen, "http-listen", "", "`address` for plain HTTP that answers ACME and redirects to HTTPS, or off (default "+redirectListen+" with ACME, else off)")
}

func (s *httpsSettings) acme() bool    { return s.acmeEmail != "" }
func (s *httpsSettings) enabled() bool { return s.acme() || s.certFile != "" || s.keyFile != "" }

func (s *httpsSettings) scheme() string {
	if s.enabled() {
		return "https"
	}
	return "http"
}

// checkHTTPS completes the addresses and refuses contradictions.
func (c *config) checkHTTPS(given map[string]bool) error {
	s := &c.https
	if err := s.checkSource(given); err != nil {
		return err
	}
	if !s.enabled() {
		return nil
	}
	if !given["listen"] {
		c.listen = secureListen
	}
	if c.behindProxy {
		return usagef("--behind-proxy is for a proxy that does HTTPS: leave it out, or leave out --acme-email, --tls-cert and --tls-key")
	}
	if u, err := origin.Parse(c.publicURL); c.publicURL != "" && err == nil && u.Scheme == "http" {
		return usagef("--public-url must be https with --acme-email or --tls-cert")
	}
	if err := c.checkHTTPListen(); err != nil || !s.acme() {
		return err
	}
	return c.checkACME(given)
}

// checkSource refuses settings that only make sense together with others.
func (s *httpsSettings) checkSource(given map[string]bool) error {
	if s.acme() && (s.certFile != "" || s.keyFile != "") {
		return usagef("--acme-email obtains certificates, --tls-cert and --tls-key bring one: give the one or the other")
	}
	if (s.certFile == "") != (s.keyFile == "") {
		return usagef("--tls-cert and --tls-key go together")
	}
	for _, name := range []string{"acme-directory", "acme-ca", "cert-dir", "cert-secret-file"} {
		if given[name] && !s.acme() {
			return usagef("--%s does nothing without --acme-email", name)
		}
	}
	if s.httpListen != "" && s.httpListen != noListen && !s.enabled() {
		return usagef("--http-listen redirects to HTTPS: it needs --acme-email or --tls-cert")
	}
	return nil
}

func (c *config) checkHTTPListen() error {
	s := &c.https
	switch s.httpListen {
	case noListen:
		s.httpListen = ""
		return nil
	case "":
		if !s.acme() {
			return nil
		}
		s.httpListen = redirectListen
	}
	if _, _, err := net.SplitHostPort(s.httpListen); err != nil {
		return usagef("--http-listen must be an address such as :80, or off, not %q", s.httpListen)
	}
	return nil
}

func (c *config) checkACME(given map[string]bool) error {
	s := &c.https
	if address, err := mail.ParseAddress(s.acmeEmail); err != nil || address.Address != s.acmeEmail {
		return usagef("--acme-email must be an address such as me@example.org, not %q", s.acmeEmail)
	}
	if u, err := url.Parse(s.acmeDirectory); err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return usagef("--acme-directory must be an https URL such as %s", acme.LetsEncryptURL)
	}
	u, err := origin.Parse(c.publicURL)
	if err != nil || u.Scheme != "https" || !certifiable(u.Hostname()) {
		return usagef("--acme-email needs a --public-url with a name that the whole internet knows, such as https://auth.example.org")
	}
	if slices.Contains(c.apps(), "all") {
		return usagef("--acme-email cannot order certificates for --app-hosts all: list the ids of the apps, "+
			"or give a certificate for *.%s with --tls-cert and --tls-key", u.Hostname())
	}
	for _, id := range c.apps() {
		if host := id + "." + u.Hostname(); !certs.HostName(host) {
			return usagef("--app-hosts: %s is too long for the name of a host", host)
		}
	}
	return c.checkCertStorage(given)
}

// certHosts lists the hosts that need a certificate, the server's own first.
func (c *config) certHosts() []string {
	hosts := []string{c.serverName()}
	for _, id := range c.apps() {
		hosts = append(hosts, id+"."+hosts[0])
	}
	return hosts
}

// certifiable reports whether an authority may issue for a canonical host.
func certifiable(host string) bool {
	return certs.HostName(host) && net.ParseIP(host) == nil && !origin.IsLoopback(host)
}

// checkCertStorage also completes the folder.
func (c *config) checkCertStorage(given map[string]bool) error {
	s := &c.https
	kind, path, _ := strings.Cut(c.store, ":")
	shared := kind != "sqlite" && kind != "memory"
	switch {
	case shared && given["cert-dir"]:
		return usagef("--cert-dir does nothing with a shared --store, where certificates live too: leave it out")
	case shared && s.certSecretFile == "":
		return usagef("--acme-email with a shared --store needs --cert-secret-file, so that nobody finds private keys in the store")
	case !shared && given["cert-secret-file"]:
		return usagef("--cert-secret-file does nothing without a shared --store: certificates are in --cert-dir")
	case !shared && s.certDir == "" && kind == "sqlite":
		s.certDir = filepath.Join(filepath.Dir(path), "certificates")
	case !shared && s.certDir == "":
		return usagef("--acme-email with --store memory: needs --cert-dir, or each restart would order new certificates")
	}
	return nil
}
