//go:build integration

// Package scanners_test has the tools that look for weaknesses look at the
// real binary over HTTPS, as it is by default, and attacks it the way they
// do. What takes minutes runs with the build tag internet, which `make
// test-internet` sets.
package scanners_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

var binary string

func TestMain(m *testing.M) { program.Main(m.Run, program.Plain(&binary)) }

// server is a running one.
type server struct {
	*testing.T
	address string // localhost and its port
	admin   string // where it tells about itself
	pid     int
	trust   *tls.Config

	mu         sync.Mutex
	transports []*http.Transport // of clients
}

// start runs a server over HTTPS. It ends with the test, as a service manager
// ends it.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	certFile, keyFile, roots := selfsigned.Files(t, t.TempDir(), "localhost")
	return launch(t, &tls.Config{RootCAs: roots, ServerName: "localhost"}, append([]string{"--tls-cert", certFile, "--tls-key", keyFile}, args...)...)
}

func launch(t *testing.T, trust *tls.Config, args ...string) *server {
	t.Helper()
	admin := program.FreeAddress(t)
	p := program.Start(t, binary, append([]string{"--listen", "127.0.0.1:0", "--store", "memory:", "--admin-listen", admin}, args...)...)
	t.Cleanup(func() {
		if err := p.Terminate(); err != nil {
			t.Error(err)
		}
	})
	_, address, _ := strings.Cut(p.URL, "://")
	return &server{T: t, address: address, admin: admin, pid: p.Cmd.Process.Pid, trust: trust}
}

// run runs a tool to its end and returns what it says, and how it ended.
func run(ctx context.Context, within time.Duration, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	// Tools that are scripts have children, which end with them.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = 10 * time.Second
	out, err := command.CombinedOutput()
	switch {
	case command.Process == nil:
		err = fmt.Errorf("%w; test/setup installs it", err)
	case ctx.Err() != nil:
		err = fmt.Errorf("%s does not end within %v", name, within)
	}
	return string(out), err
}

// client trusts the server, and has connections of its own from an address
// that nobody attacks from.
func (s *server) client() *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}, Timeout: 30 * time.Second}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: s.trust.Clone(), ForceAttemptHTTP2: true}
	s.Cleanup(transport.CloseIdleConnections)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transports = append(s.transports, transport)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// hangUp closes the connections of all clients that are idle. One whose answer
// has just come may not be so yet.
func (s *server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, transport := range s.transports {
		transport.CloseIdleConnections()
	}
}
