//go:build integration

package deploy_test

import (
	"crypto/rand"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

// hear starts the server with a socket that the service manager listens on,
// and returns what comes next there.
func hear(t *testing.T, address string, more ...string) (p *process, next func() string) {
	t.Helper()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--store", "memory:")
	cmd.Env = environment(append(more, "NOTIFY_SOCKET="+address)...)
	p = launch(t, cmd)
	return p, func() string {
		t.Helper()
		state := make([]byte, 1024)
		n, err := socket.Read(state)
		if err != nil {
			t.Fatalf("%v\n%s", err, p.Stderr.String())
		}
		return string(state[:n])
	}
}

// TestNotify: the service manager hears of the start and of the end, on a
// socket with a file and on one without.
func TestNotify(t *testing.T) {
	t.Parallel()
	for _, address := range []string{filepath.Join(t.TempDir(), "notify"), "@dss-test-" + filepath.Base(t.TempDir()) + "-" + program.FreeAddress(t)} {
		p, next := hear(t, address)
		if got := next(); got != "READY=1" {
			t.Errorf("first it says %q", got)
		}
		if p.ready() == "" {
			t.Error("no address")
		}
		p.terminate()
		if got := next(); got != "STOPPING=1" {
			t.Errorf("at the end it says %q", got)
		}
	}
}

// TestWatchdog: the service manager hears that the server is alive, even while
// it shuts down.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	p, next := hear(t, filepath.Join(t.TempDir(), "notify"), "WATCHDOG_USEC=200000")
	var heard []string
	for len(heard) < 5 {
		heard = append(heard, next())
	}
	if want := append([]string{"READY=1"}, slices.Repeat([]string{"WATCHDOG=1"}, 4)...); !slices.Equal(heard, want) {
		t.Errorf("it says %q", heard)
	}
	p.signal(syscall.SIGTERM)
	for next() != "STOPPING=1" {
	}
	if got := next(); got != "WATCHDOG=1" {
		t.Errorf("while it shuts down it says %q", got)
	}
	p.exits(0)
}

// TestDeafManager: one that does not read what it is told keeps nothing up.
func TestDeafManager(t *testing.T) {
	t.Parallel()
	p, _ := hear(t, filepath.Join(t.TempDir(), "notify"), "WATCHDOG_USEC=2000")
	p.until("a warning", func() bool { return strings.Contains(p.Stderr.String(), "the service manager cannot be told") })
	newApp(p.ready()).pass(t, rand.Text(), "T")
	p.terminate()
}

// TestWatchdogOfAnother: what is meant for another process is not followed.
func TestWatchdogOfAnother(t *testing.T) {
	t.Parallel()
	p, next := hear(t, filepath.Join(t.TempDir(), "notify"), "WATCHDOG_USEC=1000", "WATCHDOG_PID=1")
	p.ready()
	first := next()
	p.terminate()
	if got := first + " " + next(); got != "READY=1 STOPPING=1" {
		t.Errorf("it says %q", got)
	}
}

// TestNobodyListens: the server works without a service manager to tell.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--store", "memory:")
	cmd.Env = environment("NOTIFY_SOCKET=" + filepath.Join(t.TempDir(), "gone"))
	p := launch(t, cmd)
	p.ready()
	p.until("a warning", func() bool { return strings.Contains(p.Stderr.String(), "the service manager cannot be told") })
	p.terminate()
}
