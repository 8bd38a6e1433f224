// Package selfsigned makes certificates of the kind that authorities give out
// (ECDSA, P-256), which their own key has signed.
package selfsigned

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificate is one with its key, in PEM.
type Certificate struct{ Public, Private []byte }

// New makes a certificate for host names and IP addresses.
func New(from, until time.Time, names ...string) (Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificate{}, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return Certificate{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	return Certificate{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}, err
}

// Now makes a certificate that has been good for an hour and will be for 90
// days.
func Now(names ...string) (Certificate, error) {
	return New(time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour), names...)
}

// Roots trust the certificate, and no other.
func (c Certificate) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.Public)
	return roots
}

// Write writes cert.pem and key.pem, which only this user may read.
func (c Certificate) Write(folder string) (certFile, keyFile string, err error) {
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	return certFile, keyFile, errors.Join(os.WriteFile(certFile, c.Public, 0o600), os.WriteFile(keyFile, c.Private, 0o600))
}

// Files is [Now] for a test, with the certificate in files in folder.
func Files(t testing.TB, folder string, names ...string) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	c, err := Now(names...)
	if err != nil {
		t.Fatal(err)
	}
	if certFile, keyFile, err = c.Write(folder); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile, c.Roots()
}
