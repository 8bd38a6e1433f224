package main

import (
	"bytes"
	"crypto/x509"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The program brings the certificates of Mozilla's list of authorities, for a machine
// that has none of its own, such as an empty container. Those of the machine win.
// Where it certainly has some, the list is not parsed: that takes a tenth of a
// server's start.
func init() {
	if !hasRoots() {
		x509.SetFallbackRoots(mozillasRoots())
	}
}

func mozillasRoots() *x509.CertPool {
	roots := x509.NewCertPool()
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil:
			panic(err) // the list is a part of the program
		case root.Constraint == nil:
			roots.AddCert(certificate)
		default:
			roots.AddCertWithConstraint(certificate, root.Constraint)
		}
	}
	return roots
}

// rootFiles are where most distributions of Linux keep the certificates of
// authorities. Package crypto/x509 reads the first that exists.
var rootFiles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Alpine
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS, RHEL
}

// hasRoots reports whether Linux certainly has certificates of authorities, in a file
// of its own or in the one that the environment names instead.
func hasRoots() bool {
	if runtime.GOOS != "linux" || strings.Contains(os.Getenv("GODEBUG"), "x509usefallbackroots") {
		return false
	}
	files := rootFiles
	if own := os.Getenv("SSL_CERT_FILE"); own != "" {
		files = []string{own}
	}
	for _, name := range files {
		if file, err := os.Open(name); err == nil {
			defer file.Close()
			beginning, _ := io.ReadAll(io.LimitReader(file, 4<<10)) // some have comments before the first
			return bytes.Contains(beginning, []byte("-----BEGIN CERTIFICATE-----"))
		}
	}
	return false
}
