package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

var (
	errUnknownHost   = errors.New("no certificate: the server does not answer for this host")
	errNoCertificate = errors.New("no certificate for this host yet")
)

// Config configures an [ACME].
type Config struct {
	Directory string         // URL of the authority's directory (RFC 8555 §7.1.1)
	Email     string         // where the authority may write to
	Roots     *x509.CertPool // verify the authority's own certificate; nil means those of the system
	Hosts     []string       // to obtain certificates for; the first is the server's own
	HTTP01    bool           // the authority's HTTP-01 requests reach [ACME.Challenge]
	Storage   Storage        // keeps what has been obtained
	UserAgent string         // names the program to the authority
	Log       *slog.Logger
}

// ACME is a [Source] that obtains a certificate for each of a list of hosts
// from an authority, and renews it.
type ACME struct {
	config Config
	http   *http.Client
	sites  map[string]*site // by host; the map does not change
	kinds  []string         // of challenges, the one that worked last first; used by Run alone
}

// site is what is known about one host.
type site struct {
	cert     atomic.Pointer[tls.Certificate] // nil if there is none
	reported atomic.Bool                     // the log says that handshakes fail
	pause    pause                           // used by Load, then by Run, alone
}

var _ Source = (*ACME)(nil)

// NewACME returns a source that has no certificate before it loads or runs.
func NewACME(config Config) *ACME {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: config.Roots, MinVersion: tls.VersionTLS12}
	a := &ACME{
		config: config,
		http: &http.Client{
			Timeout:       30 * time.Second, // of one request
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     transport,
		},
		sites: map[string]*site{},
		kinds: []string{kindALPN},
	}
	if config.HTTP01 {
		a.kinds = append(a.kinds, kindHTTP)
	}
	for _, host := range config.Hosts {
		a.sites[host] = &site{}
	}
	return a
}

func (a *ACME) Protocols() []string { return []string{acme.ALPNProto} }

// GetCertificate implements [Source]. It does not wait: a handshake for a host
// that has no certificate yet fails.
func (a *ACME) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return a.certificate(hello.Context(), hello)
}

func (a *ACME) certificate(ctx context.Context, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if host == "" {
		host = a.config.Hosts[0]
	}
	s := a.sites[host]
	if s == nil {
		return nil, errUnknownHost
	}
	if slices.Equal(hello.SupportedProtos, a.Protocols()) {
		return a.challengeCert(ctx, host)
	}
	cert := s.cert.Load()
	if live(cert) {
		return cert, nil
	}
	if !s.reported.Swap(true) {
		a.config.Log.Warn("TLS connections fail: no certificate for the host yet", "host", host)
	}
	return nil, errNoCertificate
}

func (a *ACME) Own() *x509.Certificate {
	if cert := a.sites[a.config.Hosts[0]].cert.Load(); cert != nil {
		return cert.Leaf
	}
	return nil
}

// HostName reports whether name is one that a public authority can issue for:
// in canonical form, of letters, digits and inner dashes, with a dot, and
// neither an address nor this machine's own.
func HostName(name string) bool {
	host, err := origin.Host("https", name)
	dotted := "." + name + "."
	return err == nil && host == name && strings.Contains(name, ".") &&
		!strings.ContainsAny(name, "_:") && !strings.Contains(dotted, ".-") && !strings.Contains(dotted, "-.") &&
		!origin.IsAddress(name) && !origin.IsLoopback(name)
}
