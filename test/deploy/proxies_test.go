//go:build integration

package deploy_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

// edge is where a proxy stands: what it listens on, its certificate, and the
// servers behind it.
type edge struct {
	folder        string
	plain, secure string   // addresses
	servers       []string // addresses; one or two
	roots         *x509.CertPool
}

func newEdge(t *testing.T, servers ...string) edge {
	t.Helper()
	e := edge{folder: t.TempDir(), plain: program.FreeAddress(t), secure: program.FreeAddress(t), servers: servers, roots: x509.NewCertPool()}
	e.makeCertificate(t)
	return e
}

// host is the public name, with its port.
func (e edge) host() string { return "localhost:" + e.secure[strings.LastIndex(e.secure, ":")+1:] }

func (e edge) url() string { return "https://" + e.host() }

func (e edge) file(name string) string { return filepath.Join(e.folder, name) }

func (e edge) makeCertificate(t *testing.T) {
	t.Helper()
	certificate, err := selfsigned.Now("localhost")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, e.file("cert.pem"), string(certificate.Public))
	writeFile(t, e.file("key.pem"), string(certificate.Private))
	writeFile(t, e.file("both.pem"), string(certificate.Public)+string(certificate.Private))
	e.roots.AppendCertsFromPEM(certificate.Public)
}

// app is an app that trusts the proxy's certificate.
func (e edge) app(http2 bool) app {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: e.roots}, ForceAttemptHTTP2: http2}
	if !http2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return app{e.url(), &http.Client{Transport: transport, Timeout: 2 * patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// proxy is one of deploy/proxy.
type proxy struct {
	file   string
	change func(e edge) []string // old and new, in turns
	test   func(config string) *exec.Cmd
	run    func(config string) *exec.Cmd
	checks bool // it asks servers for their health
}

var proxies = map[string]proxy{
	"nginx": {
		file: "nginx.conf",
		change: func(e edge) []string {
			return []string{
				"worker_processes auto", "worker_processes 2",
				"/run/nginx.pid", e.file("pid"),
				"/var/log/nginx/error.log", e.file("error.log"),
				"/var/log/nginx/access.log", e.file("access.log"),
				"http {\n", "http {\n client_body_temp_path " + e.file("body") + "; proxy_temp_path " + e.file("temp") + ";\n",
				"listen 80;", "listen " + e.plain + ";",
				"listen 443 ssl http2;", "listen " + e.secure + " ssl http2;",
				"        listen [::]:80;\n", "",
				"        listen [::]:443 ssl http2;\n", "",
				"server_name auth.example.org;", "server_name localhost;",
				"https://auth.example.org/", e.url() + "/",
				"/etc/ssl/auth.example.org.pem", e.file("cert.pem"),
				"/etc/ssl/private/auth.example.org.key", e.file("key.pem"),
			}
		},
		test: func(config string) *exec.Cmd {
			return exec.Command("nginx", "-t", "-q", "-c", config, "-e", "stderr")
		},
		run: func(config string) *exec.Cmd {
			return exec.Command("nginx", "-c", config, "-g", "daemon off;", "-e", "stderr")
		},
	},
	"caddy": {
		file: "Caddyfile", checks: true,
		change: func(e edge) []string {
			return []string{
				"{\n\t# Its own", "{\n\tadmin off\n\tdefault_bind 127.0.0.1\n\tstorage file_system " + e.file("storage") + "\n\t# Its own",
				"http://auth.example.org {", "http://localhost:" + e.plain[strings.LastIndex(e.plain, ":")+1:] + " {",
				"https://auth.example.org {", e.url() + " {\n\ttls " + e.file("cert.pem") + " " + e.file("key.pem"),
				"https://auth.example.org/", e.url() + "/",
			}
		},
		test: func(config string) *exec.Cmd {
			return exec.Command("caddy", "validate", "--config", config, "--adapter", "caddyfile")
		},
		run: func(config string) *exec.Cmd {
			return exec.Command("caddy", "run", "--config", config, "--adapter", "caddyfile")
		},
	},
	"haproxy": {
		file: "haproxy.cfg", checks: true,
		change: func(e edge) []string {
			return []string{
				"log /dev/log local0", "log stdout format raw local0",
				"    bind [::]:80 v6only\n", "",
				"    bind [::]:443 v6only ssl crt /etc/haproxy/auth.example.org.pem alpn http/1.1\n", "",
				"bind :80", "bind " + e.plain,
				"bind :443", "bind " + e.secure,
				"/etc/haproxy/auth.example.org.pem", e.file("both.pem"),
				"https://auth.example.org/", e.url() + "/",
			}
		},
		test: func(config string) *exec.Cmd { return exec.Command("haproxy", "-c", "-f", config) },
		run:  func(config string) *exec.Cmd { return exec.Command("haproxy", "-db", "-f", config) },
	},
}

// several are the lines of an example for more than one server.
var several = regexp.MustCompile(`(?m)^(\s*)#: `)

// start runs the proxy with the example as it stands there, but for addresses
// and paths.
func (x proxy) start(t *testing.T, e edge) *process {
	t.Helper()
	text := readFile(t, filepath.Join("../../deploy/proxy", x.file))
	changes := append(x.change(e), "127.0.0.1:8080", e.servers[0])
	if len(e.servers) > 1 {
		text = several.ReplaceAllString(text, "$1")
		changes = append(changes, "127.0.0.1:8081", e.servers[1])
	}
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("%s lacks %q", x.file, changes[i])
		}
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	config := e.file(x.file)
	writeFile(t, config, text)
	if err := exec.Command("chmod", "755", e.folder, filepath.Dir(e.folder)).Run(); err != nil { // for workers with another user
		t.Fatal(err)
	}
	home := []string{"HOME=" + e.folder, "XDG_CONFIG_HOME=" + e.folder, "XDG_DATA_HOME=" + e.folder}
	test := x.test(config)
	test.Env = environment(home...)
	if out, err := test.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", x.file, err, out)
	}
	run := x.run(config)
	run.Env = environment(home...)
	p := launch(t, run)
	t.Cleanup(func() { // before it is killed, so that its workers end too
		_ = run.Process.Signal(terminate)
		if _, err := p.ExitCode(); err != nil {
			t.Error(err)
		}
	})
	for _, address := range []string{e.plain, e.secure} {
		p.until("listening", func() bool { return program.Listens(address) })
	}
	return p
}

// logged is everything the proxy has written.
func (e edge) logged(t *testing.T, p *process) string {
	t.Helper()
	text := p.Stdout.String() + p.Stderr.String()
	logs, err := filepath.Glob(e.file("*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range logs {
		text += readFile(t, log)
	}
	return text
}
