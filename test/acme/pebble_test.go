//go:build integration

package acme_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

// patience bounds every wait; nothing comes near it.
const patience = 90 * time.Second

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// background runs a program of test/.bin until the test ends, and waits until
// it listens.
func background(t *testing.T, addresses []string, name string, args ...string) *program.Process {
	t.Helper()
	cmd := exec.Command("../.bin/"+name, args...)
	// Validations at once, and each time anew.
	cmd.Env = append(program.Environment(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0")
	p, err := program.Launch(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.Until("listen", func() bool {
		return !slices.ContainsFunc(addresses, func(address string) bool { return !program.Listens(address) })
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

// authority is a Pebble, which finds every name on this machine, and dials
// httpPort and tlsPort there to check it.
type authority struct {
	t                                   *testing.T
	httpPort, tlsPort                   string
	lifetime                            time.Duration // of a certificate; 0 stands for 90 days
	port, managementPort, dns           string
	folder, caFile, keyFile, configFile string
	process                             *program.Process
}

// newAuthority prepares one; start starts it.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{
		t: t, httpPort: program.FreePort(t), tlsPort: program.FreePort(t), port: program.FreePort(t), managementPort: program.FreePort(t),
		folder: t.TempDir(), dns: "127.0.0.1:" + program.FreePort(t),
	}
	a.caFile, a.keyFile, _ = selfsigned.Files(t, a.folder, "127.0.0.1")
	background(t, []string{a.dns}, "pebble-challtestsrv", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "",
		"-defaultIPv6", "", "-dnsserver", a.dns, "-management", "127.0.0.1:"+program.FreePort(t))
	return a
}

func (a *authority) directory() string { return "https://127.0.0.1:" + a.port + "/dir" }

func (a *authority) start() {
	a.t.Helper()
	number := func(port string) int {
		n, _ := strconv.Atoi(port)
		return n
	}
	lifetime := a.lifetime
	if lifetime == 0 {
		lifetime = 90 * 24 * time.Hour
	}
	settings := map[string]any{"pebble": map[string]any{
		"listenAddress":           "127.0.0.1:" + a.port,
		"managementListenAddress": "127.0.0.1:" + a.managementPort,
		"certificate":             a.caFile,
		"privateKey":              a.keyFile,
		"httpPort":                number(a.httpPort),
		"tlsPort":                 number(a.tlsPort),
		"keyAlgorithm":            "ecdsa",
		"retryAfter":              map[string]int{"authz": 1, "order": 1},
		"profiles":                map[string]any{"default": map[string]any{"description": "all", "validityPeriod": int(lifetime.Seconds())}},
	}}
	text, err := json.Marshal(settings)
	if err != nil {
		a.t.Fatal(err)
	}
	a.configFile = filepath.Join(a.folder, "pebble.json")
	if err := os.WriteFile(a.configFile, text, 0o600); err != nil {
		a.t.Fatal(err)
	}
	a.process = background(a.t, []string{loopback(a.port), loopback(a.managementPort)}, "pebble", "-config", a.configFile, "-dnsserver", a.dns)
}

func (a *authority) stop() { a.process.Kill() }

// log is what it has written since it was started.
func (a *authority) log() string { return a.process.Stdout.String() }

// orders counts those that have been placed since then.
func (a *authority) orders() int { return strings.Count(a.log(), "Added order") }

// own verifies the authority's own certificate.
func (a *authority) own() *x509.CertPool {
	a.t.Helper()
	text, err := os.ReadFile(a.caFile)
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// roots verify what it issues.
func (a *authority) roots() *x509.CertPool {
	a.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.own()}}, Timeout: patience}
	response, err := client.Get("https://127.0.0.1:" + a.managementPort + "/roots/0")
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		a.t.Fatalf("no root: %v %s", err, text)
	}
	return pool
}
