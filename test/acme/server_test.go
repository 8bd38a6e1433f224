//go:build integration

// Package acme_test runs the real binary against a real ACME server.
package acme_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

var binary string

func TestMain(m *testing.M) { program.Main(m.Run, program.Raced(&binary)) }

const host = "auth.example.test"

// server is a running dss serve.
type server struct {
	*program.Process
	t      *testing.T
	listen string
}

// serve starts a server on listen, where the address for plain HTTP may follow a
// comma, and waits until it is ready. It trusts the authority, if that is not
// nil.
func serve(t *testing.T, a *authority, listen string, args ...string) *server {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"serve", "--listen", listen, "--public-url", "https://" + host}, args...)...)
	cmd.Env = program.Environment()
	if a != nil {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+a.caFile)
	}
	p, err := program.Serve(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if p.URL != "https://"+host {
		t.Fatalf("it is ready at %s", p.URL)
	}
	secure, _, _ := strings.Cut(listen, ",")
	return &server{p, t, secure}
}

// at lets a server use the authority, with its data in folder.
func at(a *authority, folder string, more ...string) []string {
	return append([]string{
		"--acme-email", "me@example.test", "--acme-directory", a.directory(),
		"--store", "sqlite:" + filepath.Join(folder, "dss.db"),
	}, more...)
}

func (s *server) terminate() {
	s.t.Helper()
	if err := s.Terminate(); err != nil {
		s.t.Error(err)
	}
}

// handshake returns the verified certificate for a name.
func (s *server) handshake(name string, roots *x509.CertPool) (*x509.Certificate, error) {
	s.t.Helper()
	return handshake(s.listen, name, roots)
}

func handshake(address, name string, roots *x509.CertPool) (*x509.Certificate, error) {
	dialer := &net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(dialer, "tcp", address, &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// client sends every request to address, whatever its host.
func client(address string, roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			ForceAttemptHTTP2: true,
			TLSClientConfig:   &tls.Config{RootCAs: roots},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, address)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// quiet checks that nothing of a private key or of an account is in the log:
// no line of any file in the folder of the certificates.
func (s *server) quiet(folder string) {
	s.t.Helper()
	lines := 0
	for name, text := range certificateFiles(s.t, folder) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); len(line) < 16 || strings.HasPrefix(line, "-----") {
				continue
			}
			lines++
			if strings.Contains(s.Stderr.String(), line) {
				s.t.Errorf("a line of %s is in the log", name)
			}
		}
	}
	if lines < 10 || strings.Contains(s.Stderr.String(), "PRIVATE KEY") {
		s.t.Errorf("%d lines of keys and certificates; the log:\n%s", lines, s.Stderr.String())
	}
}

// certificateFiles reads the folder of the certificates next to the database,
// and checks who else may.
func certificateFiles(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Join(folder, "certificates"), func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if info.Mode().Perm() != 0o700 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return nil
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		text, err := os.ReadFile(path)
		files[filepath.Base(path)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// until waits for a log line.
func (s *server) until(text string) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the log:\n%s", s.Stderr.String())
		}
	}()
	eventually(s.t, "the log says "+text, func() bool { return strings.Contains(s.Stderr.String(), text) })
}

// certified waits for a name's certificate.
func (s *server) certified(name string, roots *x509.CertPool) *x509.Certificate {
	s.t.Helper()
	cert := certified(s.t, s.listen, name, roots)
	if len(cert.DNSNames) != 1 || !strings.EqualFold(cert.DNSNames[0], name) || time.Now().After(cert.NotAfter) {
		s.t.Fatalf("%s: a certificate for %v until %v", name, cert.DNSNames, cert.NotAfter)
	}
	return cert
}

// certified waits until the server at address has a verified certificate for
// name.
func certified(t *testing.T, address, name string, roots *x509.CertPool) (cert *x509.Certificate) {
	t.Helper()
	eventually(t, "a certificate for "+name, func() (ok bool) {
		var err error
		cert, err = handshake(address, name, roots)
		return err == nil
	})
	return cert
}

// unverified returns the certificate that the server shows for a name.
func (s *server) unverified(name string) *x509.Certificate {
	s.t.Helper()
	dialer := &net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(dialer, "tcp", s.listen, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.Stderr.String())
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}
