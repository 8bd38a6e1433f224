//go:build integration

package acme_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

func loopback(port string) string { return "127.0.0.1:" + port }

// TestHTTP01: the authority cannot reach the TLS port, so that the proof is by
// plain HTTP.
func TestHTTP01(t *testing.T) {
	t.Parallel()
	a, folder := newAuthority(t), t.TempDir()
	a.start()
	s := serve(t, a, program.FreeAddress(t)+","+loopback(a.httpPort), at(a, folder)...)
	cert := s.certified(host, a.roots())
	if !strings.Contains(a.log(), "Attempting to validate w/ HTTP") {
		t.Error("it was not validated by HTTP")
	}

	response, err := client(s.listen, a.roots()).Get("https://" + host + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 || response.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %s %v", response.Proto, response.Status, response.Header)
	}
	s.terminate()
	files := certificateFiles(t, folder)
	if len(files) != 2 || files[host+".pem"] == "" || files["account.pem"] == "" {
		t.Errorf("files: %d", len(files))
	}
	s.quiet(folder)

	// The next one needs no authority.
	orders := a.orders()
	a.stop()
	again := serve(t, a, program.FreeAddress(t)+","+loopback(a.httpPort), at(a, folder)...)
	if kept, err := again.handshake(host, nil); err == nil || kept != nil {
		t.Error("verified without the authority's root")
	}
	conn := again.unverified(host)
	if conn.SerialNumber.Cmp(cert.SerialNumber) != 0 {
		t.Error("after a restart the certificate is another one")
	}
	again.terminate()
	if a.orders() != orders || strings.Contains(again.Stderr.String(), "level=ERROR") {
		t.Errorf("after a restart:\n%s", again.Stderr.String())
	}
}

// TestTLSALPN01 has no plain HTTP port at all.
func TestTLSALPN01(t *testing.T) {
	t.Parallel()
	a, folder := newAuthority(t), t.TempDir()
	a.start()
	s := serve(t, a, loopback(a.tlsPort), at(a, folder)...)
	s.certified(host, a.roots())
	if a.orders() != 1 || strings.Contains(a.log(), "validate w/ HTTP") {
		t.Errorf("%d orders", a.orders())
	}
	s.terminate()
	s.quiet(folder)
}

// shortLife leaves a third of itself for a renewal on a busy machine.
const shortLife = 24 * time.Second

// TestRenewal: certificates for 24 seconds, renewed after 16, and no handshake
// in between that fails.
func TestRenewal(t *testing.T) {
	t.Parallel()
	a, folder := newAuthority(t), t.TempDir()
	a.lifetime = shortLife
	a.start()
	s := serve(t, a, loopback(a.tlsPort), at(a, folder, "--app-hosts", "7")...)
	roots, names := a.roots(), []string{host, "7." + host}
	old := map[string]*x509.Certificate{}
	for _, name := range names {
		old[name] = s.certified(name, roots)
	}
	eventually(t, "new certificates with new keys", func() bool {
		renewed := 0
		for _, name := range names {
			cert := s.certified(name, roots)
			if cert.SerialNumber.Cmp(old[name].SerialNumber) != 0 && !slices.Equal(cert.RawSubjectPublicKeyInfo, old[name].RawSubjectPublicKeyInfo) {
				renewed++
			}
		}
		return renewed == len(names)
	})
	s.terminate()
	s.quiet(folder)
}

// TestAppHosts: certificates for those that are listed, before anybody asks
// for them, and for no other name.
func TestAppHosts(t *testing.T) {
	t.Parallel()
	a, folder := newAuthority(t), t.TempDir()
	a.start()
	args := at(a, folder, "--app-hosts", "7,inbox")
	s := serve(t, a, loopback(a.tlsPort), args...)
	roots := a.roots()
	for _, name := range []string{host, "7." + host, "inbox." + host} {
		s.until(`msg="certificate obtained" host=` + name)
	}
	old := s.certified("inbox."+host, roots)
	for _, name := range []string{
		"8." + host, "a.inbox." + host, "evil.example", "127.0.0.1", "localhost", host + ".evil.example", "-." + host, "7_." + host, "x" + host,
	} {
		if cert, err := s.handshake(name, roots); err == nil {
			t.Errorf("%s got a certificate for %v", name, cert.DNSNames)
		}
	}
	if cert := s.unverified(""); cert.DNSNames[0] != host {
		t.Errorf("without a name: %v", cert.DNSNames)
	}
	s.certified(strings.ToUpper(host)[:4]+host[4:], roots)
	s.terminate()
	if strings.Contains(s.Stderr.String(), "evil") {
		t.Errorf("a stranger's name is in the log:\n%s", s.Stderr.String())
	}

	// After a restart they are there at once.
	again := serve(t, a, loopback(a.tlsPort), args...)
	if cert, err := again.handshake("inbox."+host, roots); err != nil || cert.SerialNumber.Cmp(old.SerialNumber) != 0 {
		t.Errorf("after a restart: %v", err)
	}
	again.terminate()
	if a.orders() != 3 {
		t.Errorf("%d orders for three names", a.orders())
	}
}

// TestFiles: the certificate is somebody else's, and served anew when it
// changes. Plain HTTP leads to HTTPS.
func TestFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certFile, keyFile, _ := selfsigned.Files(t, folder, "127.0.0.1")
	plain := program.FreeAddress(t)
	s := serve(t, nil, program.FreeAddress(t)+","+plain, "--tls-cert", certFile, "--tls-key", keyFile, "--store", "memory:")
	first := s.unverified(host)
	selfsigned.Files(t, folder, "127.0.0.1")
	eventually(t, "the new certificate", func() bool { return s.unverified(host).SerialNumber.Cmp(first.SerialNumber) != 0 })

	response, err := client(plain, nil).Get("http://" + host + "/auth/redirect?code=CANARY&state=CANARY")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if location := response.Header.Get("Location"); response.StatusCode != http.StatusPermanentRedirect || location != "https://"+host+"/auth/redirect#" {
		t.Errorf("%s to %s", response.Status, location)
	}
	s.terminate()
	if strings.Contains(s.Stderr.String(), "CANARY") || !strings.Contains(s.Stderr.String(), "not for the server's own host") {
		t.Errorf("the log:\n%s", s.Stderr.String())
	}
}

// TestProtocols: TLS 1.2 with forward secrecy and authenticated encryption,
// TLS 1.3, and nothing older or weaker.
func TestProtocols(t *testing.T) {
	t.Parallel()
	certFile, keyFile, _ := selfsigned.Files(t, t.TempDir(), host)
	s := serve(t, nil, program.FreeAddress(t), "--tls-cert", certFile, "--tls-key", keyFile, "--store", "memory:")
	for what, c := range map[string]struct {
		config *tls.Config
		good   bool
	}{
		"TLS 1.3":             {&tls.Config{MinVersion: tls.VersionTLS13}, true},
		"TLS 1.2":             {&tls.Config{MaxVersion: tls.VersionTLS12}, true},
		"TLS 1.1":             {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		"CBC":                 {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		"HTTP/1.1":            {&tls.Config{NextProtos: []string{"http/1.1"}}, true},
		"an unknown protocol": {&tls.Config{NextProtos: []string{"spdy/3"}}, false},
		"a challenge's":       {&tls.Config{NextProtos: []string{"acme-tls/1"}}, false},
		"post-quantum":        {&tls.Config{CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}}, true},
	} {
		c.config.InsecureSkipVerify = true
		conn, err := tls.Dial("tcp", s.listen, c.config)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
		if err == nil {
			conn.Close()
		}
	}
	s.terminate()
}
