//go:build integration

package acme_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/program"
)

// TestAuthorityDown: the authority comes after the server. Until then the
// server lives, and says what is wrong; afterwards all is well by itself.
func TestAuthorityDown(t *testing.T) {
	t.Parallel()
	a, folder := newAuthority(t), t.TempDir()
	admin := program.FreeAddress(t)
	s := serve(t, a, program.FreeAddress(t)+","+loopback(a.httpPort), at(a, folder, "--admin-listen", admin)...)
	s.until(`msg="certificate not obtained" host=` + host)
	s.until("connection refused")
	if _, err := s.handshake(host, nil); err == nil {
		t.Error("a handshake without a certificate")
	}
	response, err := http.Get("http://" + admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %s", response.Status)
	}

	a.start()
	s.until(`msg="certificate obtained" host=` + host)
	s.certified(host, a.roots())
	s.terminate()
	s.quiet(folder)
}

// TestAuthorityGoesDown: a certificate that is there goes on being served while
// it cannot be renewed, and the authority may come back without its memory.
func TestAuthorityGoesDown(t *testing.T) {
	t.Parallel()
	a, folder := newAuthority(t), t.TempDir()
	a.lifetime = 2 * shortLife
	a.start()
	s := serve(t, a, loopback(a.tlsPort), at(a, folder)...)
	first := s.certified(host, a.roots())
	a.stop()
	s.until(`msg="certificate not obtained" host=` + host)
	if !strings.Contains(s.Stderr.String(), "has_one=true") {
		t.Error("the log does not say that there is a certificate")
	}
	if kept := s.unverified(host); kept.SerialNumber.Cmp(first.SerialNumber) != 0 {
		t.Error("it serves another certificate")
	}
	a.start()
	eventually(t, "a new certificate", func() bool { return s.unverified(host).SerialNumber.Cmp(first.SerialNumber) != 0 })
	s.certified(host, a.roots())
	s.terminate()
	s.quiet(folder)
}

// TestNotReachable: the authority cannot reach the server, on any port. The
// server does not try again at once, and says in its log what the authority
// has said.
func TestNotReachable(t *testing.T) {
	t.Parallel()
	a, folder := newAuthority(t), t.TempDir()
	a.start()
	s := serve(t, a, program.FreeAddress(t)+","+program.FreeAddress(t), at(a, folder)...)
	s.until("again_in=15m0s")
	for _, text := range []string{"tls-alpn-01", "http-01", "Failed to connect"} {
		if !strings.Contains(s.Stderr.String(), text) {
			t.Errorf("the log does not say %q:\n%s", text, s.Stderr.String())
		}
	}
	orders := a.orders()
	for range 20 {
		if _, err := s.handshake(host, nil); err == nil {
			t.Fatal("a handshake without a certificate")
		}
	}
	if orders != 2 || a.orders() != orders {
		t.Errorf("%d orders, then %d", orders, a.orders())
	}
	s.terminate()
}
