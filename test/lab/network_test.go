//go:build integration

package lab_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/desktop-stack-serv/dss/test/program"
)

const (
	serverAddress   = "192.0.2.1"
	attackerAddress = "203.0.113.7"
	victimAddress   = "198.51.100.7"
)

// wire connects the networks of an attacker and a victim with the server's, whose
// namespace is this process's. All addresses are reserved for documentation (RFC 5737).
const wire = `
set -e
mount -t tmpfs tmpfs /run
ip link set lo up
ip address add ` + serverAddress + `/32 dev lo
connect() { # NAME ADDRESS GATEWAY
  ip netns add "$1"
  ip link add "$1" type veth peer name uplink netns "$1"
  ip address add "$3/24" dev "$1"
  ip link set "$1" up
  ip -n "$1" link set lo up
  ip -n "$1" address add "$2/24" dev uplink
  ip -n "$1" link set uplink up
  ip -n "$1" route add default via "$3"
}
connect attacker ` + attackerAddress + ` 203.0.113.1
connect victim ` + victimAddress + ` 198.51.100.1
`

// namespaced is the variable that says that this program runs in namespaces of its own.
const namespaced = "DSS_TEST_NAMESPACED"

// inNamespaces runs the test that calls it again, in namespaces of its own. It reports
// whether this is that second run.
func inNamespaces(t *testing.T) bool {
	t.Helper()
	if os.Getenv(namespaced) != "" {
		return true
	}
	again := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "5m")
	again.Env = append(os.Environ(), namespaced+"="+binary)
	again.SysProcAttr = program.Namespaces()
	if out, err := again.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("\n    --- PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// startNetworks makes the networks.
func startNetworks(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", wire).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// in runs f on a thread in the network called name. What f opens stays there.
func in(name string, f func() error) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		there, err := os.Open("/run/netns/" + name)
		if err != nil {
			failed <- err
			return
		}
		defer there.Close()
		failed <- errors.Join(unix.Setns(int(there.Fd()), unix.CLONE_NEWNET), f())
	}()
	return <-failed
}

// transportIn sends requests from the network called name. The server's host name
// leads to the server, all else to where it says.
func transportIn(name string, roots *x509.CertPool) *http.Transport {
	dial := func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		if host, port, _ := strings.Cut(address, ":"); host == serverHost {
			address = serverAddress + ":" + port
		}
		err = in(name, func() (err error) {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}
	return &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}}
}

// listenIn listens on an address in the network called name, which everything that
// comes there is reported for.
func listenIn(t *testing.T, name, address string, came chan<- string) {
	t.Helper()
	var listener net.Listener
	err := in(name, func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("code") {
			came <- name
		}
	})}
	t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(listener) }()
}

// withEditor adds an editor to the machines of a network: what a browser opens by its
// scheme is reported, and not sent by next.
func withEditor(next http.RoundTripper, network string, came chan<- string) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Scheme != "vscode" {
			return next.RoundTrip(r)
		}
		if r.URL.Query().Has("code") {
			came <- network
		}
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
