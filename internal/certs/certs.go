// Package certs finds the certificate for each TLS handshake: from two files
// that another program keeps ([Files]), or from a certificate authority that
// speaks ACME, RFC 8555 ([ACME]).
//
// # How ACME works
//
// One goroutine, [ACME.Run], goes through the list of hosts. Each has a
// certificate of its own. If one is missing, or a third of its life is left:
//
//  1. It reads the [Storage]: another server may have obtained a certificate.
//     If not, it takes the host's lock there, so that one server orders.
//  2. It registers the account, which is a key that the storage keeps
//     (RFC 8555 §7.3), and orders a certificate for the host (§7.4).
//  3. The authority offers challenges. For TLS-ALPN-01 (RFC 8737) it will
//     connect to port 443 with a protocol of its own and expect a certificate
//     made from the account's key and a token; for HTTP-01 (RFC 8555 §8.3) it
//     will fetch a text made from the same from port 80. The answer goes into
//     the storage, where any server that the authority reaches finds it. A
//     failed challenge ends the order; the other kind gets a new one.
//  4. It sends a signing request with a new key (§7.4), and stores the key and
//     the certificates that come back.
//
// After a failure the host pauses, longer each time, but goes on reading the
// storage every minute.
//
// Private keys leave the process only into a [Storage]: a folder of the
// server's own, or the store that several servers share, sealed.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"time"
)

// Source is where certificates come from. It is safe for concurrent use.
type Source interface {
	// GetCertificate is that of [tls.Config].
	GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// Protocols lists the ALPN protocols that the source needs in addition
	// to those of HTTP.
	Protocols() []string
	// Own returns the certificate of the server's own host, or nil if there is
	// none.
	Own() *x509.Certificate
	// Run keeps the certificates current until ctx ends.
	Run(ctx context.Context) error
}

// ending reports whether a certificate should have been renewed by now: three
// weeks before its end, or when a fifth of its life is left, if that is later.
func ending(leaf *x509.Certificate, now time.Time) bool {
	left := leaf.NotAfter.Sub(now)
	return left < 21*24*time.Hour && left < leaf.NotAfter.Sub(leaf.NotBefore)/5
}

// TLSConfig returns the settings of a server whose certificates come from
// source: TLS 1.2 with forward secrecy and authenticated encryption, and
// TLS 1.3; HTTP/2 and HTTP/1.1.
func TLSConfig(source Source) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Those of TLS 1.3 cannot be chosen and are all fine.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     append([]string{"h2", "http/1.1"}, source.Protocols()...),
		GetCertificate: source.GetCertificate,
	}
}

// sleep waits for d, and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
