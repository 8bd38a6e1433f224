//go:build integration

package proxychain_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

// nginxConfig has an HTTP proxy, a second one in front of the first, and one
// that forwards connections. They reach the server from different addresses.
const nginxConfig = `
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  large_client_header_buffers 4 16k;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  server { listen NEAR; location / { proxy_pass http://DSS; proxy_bind 127.0.0.1; } }
  server { listen FAR; location / { proxy_pass http://NEAR; proxy_bind 127.0.0.9; } }
}
stream {
  server { listen STREAM; proxy_pass DSS; proxy_protocol on; proxy_bind 127.0.0.1; }
}
`

// proxies are the addresses of an nginx in front of a server.
type proxies struct{ near, far, stream string }

// startNginx runs nginx in front of the server at dss until the test ends.
func startNginx(t *testing.T, dss string) proxies {
	t.Helper()
	folder := t.TempDir()
	p := proxies{program.FreeAddress(t), program.FreeAddress(t), program.FreeAddress(t)}
	text := strings.NewReplacer("NEAR", p.near, "FAR", p.far, "STREAM", p.stream, "DSS", dss).Replace(nginxConfig)
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ended := run(t, syscall.SIGTERM, "nginx", "-p", folder, "-c", file, "-e", "stderr")
	for _, address := range []string{p.near, p.far, p.stream} {
		waitFor(t, address, ended)
	}
	return p
}

// haproxyConfig forwards connections, with version 2 of the PROXY protocol.
const haproxyConfig = `
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen dss
  bind STREAM
  server dss DSS send-proxy-v2 source 127.0.0.1
`

// startHAProxy runs HAProxy in front of the server at dss until the test ends.
func startHAProxy(t *testing.T, dss string) (address string) {
	t.Helper()
	address = program.FreeAddress(t)
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	text := strings.NewReplacer("STREAM", address, "DSS", dss).Replace(haproxyConfig)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, address, run(t, syscall.SIGUSR1, "haproxy", "-db", "-f", file))
	return address
}

// run runs a proxy until the test ends, by the signal that makes it end well.
func run(t *testing.T, end os.Signal, name string, arguments ...string) (ended chan error) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		name = "/usr/sbin/" + name // which is not in everybody's PATH
	}
	var log bytes.Buffer
	command := exec.Command(name, arguments...)
	command.Stderr = &log
	if err := command.Start(); err != nil {
		t.Fatalf("%v; test/setup installs it", err)
	}
	ended = make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(end)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, log.String())
			}
		case <-time.After(30 * time.Second):
			_ = command.Process.Kill()
			<-ended
			t.Errorf("%s does not end", name)
		}
	})
	return ended
}

func waitFor(t *testing.T, address string, ended chan error) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the proxy has ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("the proxy does not listen")
}

const perClient = 1

// oneClient sends more requests than one client may, each with another of the
// headers, and returns how many are served. Whatever else is answered must be
// a refusal.
func oneClient(t *testing.T, from, address, host string, headers []http.Header) (served int) {
	t.Helper()
	c := newClient(t, from)
	for i := range max(20, len(headers)) {
		header := http.Header{}
		if len(headers) > 0 {
			header = headers[i%len(headers)].Clone()
		}
		switch status, answer := c.as(t.Context(), address, host, header); status {
		case http.StatusOK:
			served++
		case http.StatusTooManyRequests:
		default:
			t.Errorf("from %s with %v: %d %s", from, header, status, answer)
		}
	}
	return served
}

// as asks for the home page under the name of the server itself.
func (c client) as(ctx context.Context, address, host string, header http.Header) (int, string) {
	request, err := http.NewRequestWithContext(ctx, "GET", "http://"+address+"/", nil)
	if err != nil {
		return 0, err.Error()
	}
	request.Header, request.Host = header, host
	response, err := c.http.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body) // the connection can be used again
	return response.StatusCode, fmt.Sprint(response.Status, err)
}

// madeUp are headers by which a client could try to be somebody else.
func madeUp() []http.Header {
	var all []http.Header
	for i := range 30 {
		other := fmt.Sprintf("203.0.113.%d", i)
		for _, list := range [][]string{
			{other}, {other + ", 127.0.0.1"}, {other, "127.0.0.1"}, {"127.0.0.1"}, {"fe80::1%eth0"}, {"[2001:db8::" + fmt.Sprint(i) + "]:443"},
			{"::ffff:" + other}, {"unknown, " + other + ", \xff\t;"}, {",,,"}, {strings.Repeat(other+", ", 99) + other},
			{strings.Repeat("127.0.0.1, ", 99) + "127.0.0.1"}, {strings.Repeat("9", 3000)},
		} {
			all = append(all, http.Header{
				"X-Forwarded-For": list, "X-Real-Ip": {other}, "Forwarded": {"for=" + other}, "X-Client-Ip": {other},
				"X-Forwarded-Host": {"evil.example"},
			})
		}
	}
	return all
}

func limits(trusted string, more ...string) []string {
	return append([]string{"--limits", "0.000025", "--trusted-proxies", trusted}, more...)
}

// TestForwarded: each client has its own limit behind one proxy and behind
// two, and no header gives it another one.
func TestForwarded(t *testing.T) {
	dss := start(t, limits("127.0.0.1,127.0.0.9")...)
	nginx := startNginx(t, dss)
	for _, c := range []struct{ name, from, at string }{
		{"behind nginx", "127.0.0.2", nginx.near},
		{"behind two", "127.0.0.3", nginx.far},
		{"without a proxy", "127.0.0.4", dss},
	} {
		if n := oneClient(t, c.from, c.at, dss, madeUp()); n != perClient {
			t.Errorf("%s, %d requests are served", c.name, n)
		}
	}
	// The same clients by other ways, and another one.
	if n := oneClient(t, "127.0.0.2", nginx.far, dss, nil); n != 0 {
		t.Errorf("%d more are served by another way", n)
	}
	if n := oneClient(t, "127.0.0.5", nginx.near, dss, nil); n != perClient {
		t.Errorf("of another client, %d are served", n)
	}
}

// TestForwardedByAStranger: a proxy that is not trusted is a client.
func TestForwardedByAStranger(t *testing.T) {
	dss := start(t, limits("127.0.0.9")...)
	nginx := startNginx(t, dss)
	n := 0
	for i := range 10 {
		n += oneClient(t, fmt.Sprintf("127.0.1.%d", i+1), nginx.near, dss, nil)
	}
	if n != perClient {
		t.Errorf("%d requests are served", n)
	}
}

// TestProxyProtocol: the header of the PROXY protocol tells clients apart, and
// who is no proxy, or sends none, is not heard.
func TestProxyProtocol(t *testing.T) {
	dss := start(t, limits("127.0.0.1,proxy-protocol")...)
	nginx, haproxy := startNginx(t, dss), startHAProxy(t, dss)
	for from, by := range map[string]string{
		"127.0.0.2": nginx.stream, "127.0.0.3": nginx.stream, "127.0.0.5": haproxy, "127.0.0.6": haproxy,
	} {
		if n := oneClient(t, from, by, dss, madeUp()); n != perClient {
			t.Errorf("of %s, %d requests are served", from, n)
		}
	}
	if n := oneClient(t, "127.0.0.2", haproxy, dss, nil); n != 0 {
		t.Errorf("%d more are served by another way", n)
	}
	for from, what := range map[string]string{"127.0.0.4": "who is no proxy", "127.0.0.1": "a proxy without a header"} {
		if status, answer := newClient(t, from).as(t.Context(), dss, dss, http.Header{}); status != 0 {
			t.Errorf("%s hears %d %s", what, status, answer)
		}
	}
}
