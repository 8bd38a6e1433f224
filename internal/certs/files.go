package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Files is a [Source] of one certificate, whatever name is asked for, from a
// file of the certificate with its chain and a file of the key, both in PEM.
type Files struct {
	certFile, keyFile string
	host              string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]
	seen              [2]string // what the files held at the last load
}

var _ Source = (*Files)(nil)

// OpenFiles reads the files. A certificate that is not for host, has expired or
// is not valid yet is served all the same, but log says so.
func OpenFiles(certFile, keyFile, host string, log *slog.Logger) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile, host: host, log: log}
	f.seen = f.read()
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.current.Load(), nil
}

func (f *Files) Protocols() []string { return nil }

func (f *Files) Own() *x509.Certificate { return f.current.Load().Leaf }

// Run implements [Source]. It loads the pair again soon after the files change.
// A new pair that cannot be used leaves the old one in place.
func (f *Files) Run(ctx context.Context) error {
	for sleep(ctx, 10*time.Second) {
		now := f.read()
		if now == f.seen {
			continue
		}
		f.seen = now
		if err := f.load(); err != nil {
			f.log.Error("new certificate not usable; the old one stays", "err", err)
		}
	}
	return nil
}

// read treats a file that cannot be read as empty; load returns the error.
func (f *Files) read() (contents [2]string) {
	for i, name := range []string{f.certFile, f.keyFile} {
		data, _ := os.ReadFile(name)
		contents[i] = string(data)
	}
	return contents
}

func (f *Files) load() error {
	pair, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", f.certFile, f.keyFile, err)
	}
	f.current.Store(&pair)
	f.log.Info("certificate loaded", "file", f.certFile, "expires", pair.Leaf.NotAfter)
	if err := pair.Leaf.VerifyHostname(f.host); err != nil {
		f.log.Warn("certificate is not for the server's own host, and browsers will refuse it: "+
			"get one for the host in --public-url", "host", f.host, "err", err)
	}
	switch now := time.Now(); {
	case now.After(pair.Leaf.NotAfter):
		f.log.Warn("certificate has expired, and browsers will refuse it: renew it", "expires", pair.Leaf.NotAfter)
	case now.Before(pair.Leaf.NotBefore):
		f.log.Warn("certificate is not valid yet, and browsers will refuse it: check this machine's clock, or wait",
			"begins", pair.Leaf.NotBefore)
	case ending(pair.Leaf, now):
		f.log.Warn("certificate is about to expire: renew it", "expires", pair.Leaf.NotAfter)
	}
	return nil
}
