package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

const (
	// waitTime is how long a handshake waits for a certificate.
	waitTime = time.Minute
	// maxWaiting is how many handshakes wait at one time.
	maxWaiting = 256
	// workers is how many certificates are ordered at one time.
	workers = 4
	// maxQueue is how many more may be waited for.
	maxQueue = 64
	// lookAgain is how long [ACME.Run] sleeps at most: a clock may have been
	// set meanwhile.
	lookAgain = time.Hour
)

var (
	errNotAllowed = errors.New("no certificate for a host that this server does not answer for")
	errQuota      = errors.New("no certificate for one more new app host now")
	errBusy       = errors.New("no certificate: too many are being ordered")
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
	// Host is the name whose certificate is kept current. Those of other
	// names are ordered when somebody asks for them, and renewed if somebody
	// does so while that is due.
	Host string
	// Answers reports whether the server answers for a name, and whether it
	// is one of a set without an end, so that the number of orders has to be
	// bounded.
	Answers func(name string) (ok, endless bool)
	// NewNames is how many names of such a set get their first certificate
	// in a week.
	NewNames int
	// HTTP01 says that challenges can be answered over plain HTTP.
	HTTP01 bool
	// Storage keeps what has been obtained.
	Storage Storage
	// UserAgent names the program to the authority.
	UserAgent string
	Log       *slog.Logger
}

// ACME has an authority issue certificates (RFC 8555), proving that it has a
// name by TLS-ALPN-01 (RFC 8737) and HTTP-01 (RFC 8555 §8.3). Of several
// servers with the same storage, one orders, and any answers the challenges.
type ACME struct {
	config  Config
	http    *http.Client
	quota   *quota
	queue   chan string
	waiting chan struct{} // one element for each handshake that waits

	mu    sync.Mutex
	sites map[string]*site
	kinds []string // of challenges, the one that worked last first
}

// site is what is known about one name.
type site struct {
	cert  *tls.Certificate // nil if there is none
	job   *job             // the order under way, or nil
	pause pause
}

// job is an order under way. Its results are set before done is closed.
type job struct {
	done chan struct{}
	cert *tls.Certificate
	err  error
}

var _ Source = (*ACME)(nil)

// NewACME returns a source that orders nothing until it runs.
func NewACME(config Config) *ACME {
	a := &ACME{
		config: config, http: newClient(config.Roots), quota: newQuota(config.NewNames),
		queue: make(chan string, maxQueue), waiting: make(chan struct{}, maxWaiting),
		sites: map[string]*site{}, kinds: []string{kindALPN},
	}
	if config.HTTP01 {
		a.kinds = append(a.kinds, kindHTTP)
	}
	return a
}

// Protocols implements [Source].
func (a *ACME) Protocols() []string { return []string{acme.ALPNProto} }

// GetCertificate implements [Source]. It waits for a certificate that has to
// be ordered first.
func (a *ACME) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return a.certificate(hello.Context(), hello)
}

func (a *ACME) certificate(ctx context.Context, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if name == "" {
		name = a.config.Host
	}
	ok, endless := a.config.Answers(name)
	if !ok || !HostName(name) {
		return nil, errNotAllowed
	}
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	if slices.Equal(hello.SupportedProtos, a.Protocols()) {
		return a.challengeCert(ctx, name)
	}
	cert, err := a.known(ctx, name)
	if err != nil || (cert != nil && !due(cert)) {
		return cert, err
	}
	j, err := a.begin(name, endless && cert == nil)
	if cert != nil { // it is renewed meanwhile, or later
		return cert, nil
	}
	if err != nil {
		return nil, err
	}
	return a.await(ctx, hello.Conn, j)
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

// await gives the connection the time to wait for j.
func (a *ACME) await(ctx context.Context, conn net.Conn, j *job) (*tls.Certificate, error) {
	select {
	case a.waiting <- struct{}{}:
		defer func() { <-a.waiting }()
	default:
		return nil, errBusy
	}
	// The server's own bound on handshakes is for those that wait for the
	// client. It sets new deadlines afterwards.
	if conn != nil {
		_ = conn.SetDeadline(time.Now().Add(waitTime))
	}
	select {
	case <-j.done:
		return j.cert, j.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// known returns the live certificate that this server has for name, or that
// the storage has, or nil.
func (a *ACME) known(ctx context.Context, name string) (*tls.Certificate, error) {
	a.mu.Lock()
	s := a.sites[name]
	if s != nil && live(s.cert) {
		defer a.mu.Unlock()
		return s.cert, nil
	}
	a.mu.Unlock()
	cert, err := a.stored(ctx, name)
	if cert == nil || err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.site(name).cert = cert
	return cert, nil
}

// Own implements [Source].
func (a *ACME) Own() *x509.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.sites[a.config.Host]; s != nil && s.cert != nil {
		return s.cert.Leaf
	}
	return nil
}

// stored returns the live certificate that the storage has, or nil.
func (a *ACME) stored(ctx context.Context, name string) (*tls.Certificate, error) {
	data, ok, err := a.config.Storage.Get(ctx, name)
	if !ok || err != nil {
		return nil, err
	}
	cert, err := decodePair(data, name)
	if err != nil {
		return nil, nil // expired or altered, which is like none
	}
	return cert, nil
}

// site is to be called with mu held.
func (a *ACME) site(name string) *site {
	s := a.sites[name]
	if s == nil {
		s = &site{}
		a.sites[name] = s
	}
	return s
}
