//go:build integration

package deploy_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/desktop-stack-serv/dss/test/program"
)

// passing returns the server with sockets passed to it as a service manager
// does. LISTEN_PID is known only when the process is there.
func passing(t *testing.T, names string, sockets []net.Listener, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, binary, "serve"}, flags...)...)
	for _, socket := range sockets {
		file, err := socket.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	cmd.Env = environment("LISTEN_FDS=" + strconv.Itoa(len(sockets)))
	if names != "" {
		cmd.Env = append(cmd.Env, "LISTEN_FDNAMES="+names)
	}
	return cmd
}

func socket(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// TestSocketActivate has systemd's own tool pass the socket.
func TestSocketActivate(t *testing.T) {
	t.Parallel()
	address := program.FreeAddress(t)
	p := launch(t, exec.Command("systemd-socket-activate", "--listen="+address, "--fdname=https",
		binary, "serve", "--store", "memory:", "--listen", address)) // which is taken
	p.until("listening", func() bool { return strings.Contains(p.Stderr.String(), "Listening on") })
	// The tool starts the server when somebody comes.
	newApp("http://"+address).pass(t, rand.Text(), "T")
	if want := "http://localhost:" + address[strings.LastIndex(address, ":")+1:]; p.ready() != want {
		t.Errorf("ready at %s, want %s", p.ready(), want)
	}
	p.terminate()
}

func TestPassedSockets(t *testing.T) {
	t.Parallel()
	main, admin := socket(t, "tcp", "127.0.0.1:0"), socket(t, "tcp", "127.0.0.1:0")
	p := launch(t, passing(t, "admin:https", []net.Listener{admin, main}, "--store", "memory:"))
	p.ready()
	newApp("http://"+main.Addr().String()).pass(t, rand.Text(), "T")
	if got, err := newApp("http://" + admin.Addr().String()).get("/debug/pprof/"); err != nil || got.status != http.StatusOK {
		t.Errorf("the admin socket answers %d %v", got.status, err)
	}
	if got, err := newApp("http://" + main.Addr().String()).get("/debug/pprof/"); err != nil || got.status != http.StatusNotFound {
		t.Errorf("the main socket serves profiles: %d %v", got.status, err)
	}
	p.terminate()
}

// TestSocketNames: by any other name, or none, a socket is the main one.
func TestSocketNames(t *testing.T) {
	t.Parallel()
	for _, names := range []string{"", "http", "dss.socket", "unknown"} {
		main := socket(t, "tcp", "127.0.0.1:0")
		p := launch(t, passing(t, names, []net.Listener{main}, "--store", "memory:"))
		p.ready()
		newApp("http://"+main.Addr().String()).pass(t, rand.Text(), "T")
		p.terminate()
	}
}

// TestSocketForAnother: what is passed to another process is not ours, and
// --listen counts.
func TestSocketForAnother(t *testing.T) {
	t.Parallel()
	main := socket(t, "tcp", "127.0.0.1:0")
	cmd := passing(t, "https", []net.Listener{main}, "--store", "memory:", "--listen", "127.0.0.1:0")
	cmd.Args[2] = `LISTEN_PID=1 exec "$0" "$@"`
	p := launch(t, cmd)
	address := p.ready()
	if strings.HasSuffix(main.Addr().String(), address[strings.LastIndex(address, ":"):]) {
		t.Errorf("it serves on the socket of process 1: %s", address)
	}
	newApp(address).pass(t, rand.Text(), "T")
	p.terminate()
}

// TestUnixSocket is for a proxy on the same machine. Its clients are told apart
// if the socket is named as a trusted proxy; otherwise the server warns.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	for trusted, apart := range map[string]bool{"unix": true, "127.0.0.1": false, "": false} {
		path := filepath.Join(t.TempDir(), "dss.sock")
		p := launch(t, passing(t, "http", []net.Listener{socket(t, "unix", path)}, "--store", "memory:",
			"--public-url", "https://auth.example.org", "--trusted-proxies", trusted, "--limits", "0.005"))
		p.ready()
		a := newApp("http://auth.example.org")
		a.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}
		a.pass(t, rand.Text(), "T")
		limited := 0
		for client := range 24 {
			for range 2 {
				request, err := http.NewRequest(http.MethodGet, a.base+"/auth/token?key="+rand.Text(), nil)
				if err == nil {
					request.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", client))
				}
				got, err := a.do(request, err)
				if err != nil || got.status != http.StatusNotFound && got.status != http.StatusTooManyRequests {
					t.Fatalf("%d %s %v", got.status, got.body, err)
				}
				if got.status == http.StatusTooManyRequests {
					limited++
				}
			}
		}
		if apart && limited > 0 || !apart && limited < 40 {
			t.Errorf("with --trusted-proxies %q, %d of 48 requests of 24 clients are limited", trusted, limited)
		}
		p.terminate()
		if warned := strings.Contains(p.Stderr.String(), "say unix in --trusted-proxies"); warned == apart {
			t.Errorf("with --trusted-proxies %q:\n%s", trusted, p.Stderr.String())
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the server has removed a socket that is not its own: %v", err)
		}
	}
}

func TestSocketRefused(t *testing.T) {
	t.Parallel()
	public := func() net.Listener { return socket(t, "tcp", "0.0.0.0:0") }
	local := func() net.Listener { return socket(t, "tcp", "127.0.0.1:0") }
	for name, c := range map[string]struct {
		names   string
		sockets []net.Listener
		want    string
	}{
		"reachable without a public URL": {"https", []net.Listener{public()}, "--public-url"},
		"a Unix socket without one":      {"https", []net.Listener{socket(t, "unix", filepath.Join(t.TempDir(), "s"))}, "--public-url"},
		"two main sockets":               {"https:dss.socket", []net.Listener{local(), local()}, `two sockets named "https"`},
		"one that nothing serves":        {"https:http", []net.Listener{local(), local()}, `a socket named "http"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := launch(t, passing(t, c.names, c.sockets, "--store", "memory:"))
			p.exits(2)
			if got := p.Stderr.String(); !strings.Contains(got, c.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("it says\n%s", got)
			}
		})
	}
	t.Run("a file", func(t *testing.T) {
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		cmd := passing(t, "", []net.Listener{local()}, "--store", "memory:")
		cmd.ExtraFiles[0] = file
		p := launch(t, cmd)
		p.exits(2)
		if got := p.Stderr.String(); !strings.Contains(got, "descriptor 3 is not a listening stream socket") {
			t.Errorf("it says\n%s", got)
		}
	})
}

// TestHangup: SIGHUP does not end a service.
func TestHangup(t *testing.T) {
	t.Parallel()
	p := serve(t, "--listen", "127.0.0.1:0", "--store", "memory:")
	p.signal(syscall.SIGHUP)
	p.until("a word on SIGHUP", func() bool { return strings.Contains(p.Stderr.String(), "SIGHUP changes nothing") })
	newApp(p.ready()).pass(t, rand.Text(), "T")
	p.terminate()
}
