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
)

// checkEvery is how long [ACME.Run] sleeps at most. Meanwhile another server
// may have stored a certificate, and a clock may have been set.
const checkEvery = time.Minute

var (
	errUnknownHost   = errors.New("no certificate: the server does not answer for this host")
	errNoCertificate = errors.New("no certificate for this host yet")
	errLocked        = errors.New("another server is ordering the certificate")
)

// Config configures an [ACME].
type Config struct {
	// Directory is the URL of the authority's directory.
	Directory string
	// Email is where the authority may write to.
	Email string
	// Roots verify the authority's own certificate; nil stands for those of
	// the system.
	Roots *x509.CertPool
	// Hosts are the names to have certificates for, each its own. The first
	// is the server's own host.
	Hosts []string
	// HTTP01 says that challenges can be answered over plain HTTP.
	HTTP01 bool
	// Storage keeps what has been obtained.
	Storage Storage
	// UserAgent names the program to the authority.
	UserAgent string
	Log       *slog.Logger
}

// ACME has an authority issue certificates for a list of hosts (RFC 8555),
// proving that it has them by TLS-ALPN-01 (RFC 8737) and HTTP-01 (RFC 8555
// §8.3). Of several servers with the same storage, one orders, and any answers
// the challenges.
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
	a := &ACME{config: config, http: newClient(config.Roots), sites: map[string]*site{}, kinds: []string{kindALPN}}
	if config.HTTP01 {
		a.kinds = append(a.kinds, kindHTTP)
	}
	for _, host := range config.Hosts {
		a.sites[host] = &site{}
	}
	return a
}

// Protocols implements [Source].
func (a *ACME) Protocols() []string { return []string{acme.ALPNProto} }

// GetCertificate implements [Source]. It does not wait: a handshake for a host
// whose certificate has not arrived fails.
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

// Own implements [Source].
func (a *ACME) Own() *x509.Certificate {
	if cert := a.sites[a.config.Hosts[0]].cert.Load(); cert != nil {
		return cert.Leaf
	}
	return nil
}

// HostName reports whether name is one that an authority can issue for: of
// letters, digits and dashes, with a dot, in lower case.
func HostName(name string) bool {
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "-") != label ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(labels) > 1 && len(name) <= 253
}

// Load takes the certificates that the storage has, so that a server that
// starts again serves them at once.
func (a *ACME) Load(ctx context.Context) {
	for _, host := range a.config.Hosts {
		if err := a.load(ctx, host); err != nil {
			return // Run tries again, and logs it
		}
	}
}

// Run implements [Source]. It orders what is missing or due for renewal, one
// certificate after the other.
func (a *ACME) Run(ctx context.Context) error {
	for {
		next := checkEvery
		for _, host := range a.config.Hosts {
			next = min(next, a.keep(ctx, host))
			if ctx.Err() != nil {
				return nil
			}
		}
		if !sleep(ctx, next) {
			return nil
		}
	}
}

// keep orders host's certificate if it is due and no other server has done so,
// and returns when to check again.
func (a *ACME) keep(ctx context.Context, host string) time.Duration {
	s := a.sites[host]
	if due(s.cert.Load()) {
		if err := a.load(ctx, host); err != nil && ctx.Err() == nil {
			a.config.Log.Error("certificates not readable", "err", err, "again_in", unreachablePause)
			return unreachablePause
		}
	}
	if cert := s.cert.Load(); !due(cert) {
		return time.Until(renewal(cert))
	}
	if left := time.Until(s.pause.until); left > 0 {
		return left
	}
	cert, err := a.obtain(ctx, host)
	switch {
	case err == nil:
		s.set(cert)
		return time.Second
	case errors.Is(err, errLocked) || ctx.Err() != nil:
		return time.Second
	}
	wait := s.pause.failed(err)
	a.config.Log.Error("certificate not obtained", "host", host, "err", err, "again_in", wait,
		"has_one", live(s.cert.Load()))
	return wait
}

func (s *site) set(cert *tls.Certificate) {
	s.cert.Store(cert)
	s.reported.Store(false)
	s.pause = pause{}
}

// load takes the certificate that the storage has, unless the one at hand is
// as good.
func (a *ACME) load(ctx context.Context, host string) error {
	cert, err := a.stored(ctx, host)
	if err != nil || cert == nil {
		return err
	}
	if s := a.sites[host]; !live(s.cert.Load()) || !due(cert) {
		s.set(cert)
	}
	return nil
}

// stored returns the live certificate that the storage has, or nil.
func (a *ACME) stored(ctx context.Context, host string) (*tls.Certificate, error) {
	data, ok, err := a.config.Storage.Get(ctx, host)
	if !ok || err != nil {
		return nil, err
	}
	cert, err := decodePair(data, host)
	if err != nil {
		return nil, nil // expired or altered: treat it as absent
	}
	return cert, nil
}

// obtain returns a certificate that is not due for renewal: a new one, or one
// that another server has stored.
func (a *ACME) obtain(ctx context.Context, host string) (cert *tls.Certificate, err error) {
	err = a.locked(ctx, host, func(ctx context.Context) error {
		if cert, err = a.stored(ctx, host); err != nil || !due(cert) {
			return err
		}
		data, err := a.order(ctx, host)
		if err != nil {
			return err
		}
		if cert, err = decodePair(data, host); err != nil {
			return err
		}
		a.config.Log.Info("certificate obtained", "host", host, "expires", cert.Leaf.NotAfter)
		if err := a.config.Storage.Put(ctx, host, data, keepTime); err != nil {
			// It is good all the same, and the authority has counted it.
			a.config.Log.Error("certificate not stored", "host", host, "err", err)
		}
		return nil
	})
	return cert, err
}

// locked does something that one server at a time may do, or returns errLocked.
func (a *ACME) locked(ctx context.Context, name string, do func(context.Context) error) error {
	unlock, ok, err := a.config.Storage.Lock(ctx, name)
	if err != nil {
		return err
	}
	if !ok {
		return errLocked
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	return do(ctx)
}
