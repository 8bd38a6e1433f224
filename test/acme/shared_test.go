//go:build integration

package acme_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/engines"
	"github.com/desktop-stack-serv/dss/test/program"
)

// TestProcessesShareACertificate: two processes on one store get by with one
// order, whichever of them the authority asks, and serve one certificate. A
// third one with another secret cannot read it.
func TestProcessesShareACertificate(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) string{
		"redis":    func(t *testing.T) string { return engines.Redis(t).URL },
		"postgres": func(t *testing.T) string { return engines.Postgres(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			a, folder, store := newAuthority(t), t.TempDir(), open(t)
			a.start()
			sharing := func(secretFile string) []string {
				secret := filepath.Join(folder, secretFile)
				if err := os.WriteFile(secret, []byte(rand.Text()+rand.Text()), 0o600); err != nil {
					t.Fatal(err)
				}
				return at(a, folder, "--store", store, "--secret-file", secret)
			}
			args := sharing("secret")
			answers := serve(t, a, loopback(a.tlsPort), args...)
			other := serve(t, a, program.FreeAddress(t), args...)
			first, second := answers.certified(host, a.roots()), other.certified(host, a.roots())
			if first.SerialNumber.Cmp(second.SerialNumber) != 0 || a.orders() != 1 {
				t.Errorf("%d orders; two certificates: %v, %v", a.orders(), first.SerialNumber, second.SerialNumber)
			}
			other.terminate()

			again := serve(t, a, other.listen, args...)
			if cert := again.certified(host, a.roots()); cert.SerialNumber.Cmp(first.SerialNumber) != 0 || a.orders() != 1 {
				t.Errorf("after a restart: %d orders, certificate %v", a.orders(), cert.SerialNumber)
			}
			again.terminate()
			answers.terminate()
			stranger := serve(t, a, answers.listen, sharing("another secret")...)
			if cert := stranger.certified(host, a.roots()); cert.SerialNumber.Cmp(first.SerialNumber) == 0 {
				t.Error("a server with another secret has read the certificate")
			}
			stranger.terminate()
			for _, s := range []*server{answers, other, again, stranger} {
				if strings.Contains(s.Stderr.String(), "PRIVATE KEY") || strings.Contains(s.Stderr.String(), "level=ERROR") {
					t.Errorf("the log:\n%s", s.Stderr.String())
				}
			}
		})
	}
}
