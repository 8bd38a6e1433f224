//go:build integration

package lab_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/test/program"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

// startHTTPS starts the server in these namespaces, where its name is known. It returns the path
// of its certificate, and what reaches it from the browser's network.
func startHTTPS(t *testing.T) (certificate string, browsers *http.Transport) {
	t.Helper()
	startNetworks(t)
	folder := t.TempDir()
	certificate, key, roots := selfsigned.Files(t, folder, serverHost)
	hosts := filepath.Join(folder, "hosts")
	if err := os.WriteFile(hosts, []byte(serverAddress+" "+serverHost+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "--bind", hosts, "/etc/hosts").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	program.Start(t, binary, "--listen", serverAddress+":8443", "--public-url", "https://"+serverHost+":8443",
		"--tls-cert", certificate, "--tls-key", key, "--store", "memory:", "--sandbox=remote")
	return certificate, transportIn("attacker", roots)
}

// remoteLogin is dss login on a machine without a browser.
type remoteLogin struct {
	t       *testing.T
	command *exec.Cmd
	folder  string
	ended   chan error
}

func startLogin(t *testing.T, certificate string) *remoteLogin {
	t.Helper()
	server := "https://" + serverHost + ":8443"
	l := &remoteLogin{t: t, folder: t.TempDir(), ended: make(chan error, 1)}
	l.command = exec.Command("nsenter", "--net=/run/netns/victim", binary, "login", "--server", server, "--client-id", "7",
		"--stackexchange-url", server+"/sandbox", "--timeout", "1m")
	l.command.Env = append(program.Environment(), "SSL_CERT_FILE="+certificate, "SSH_CONNECTION=192.0.2.9 1 192.0.2.10 22")
	var err error
	if l.command.Stdout, err = os.Create(filepath.Join(l.folder, "out")); err != nil {
		t.Fatal(err)
	}
	if l.command.Stderr, err = os.Create(filepath.Join(l.folder, "err")); err != nil {
		t.Fatal(err)
	}
	if err := l.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.command.Process.Kill() })
	go func() { l.ended <- l.command.Wait() }()
	return l
}

// said waits until a pattern is on standard error, and returns what its group matches.
func (l *remoteLogin) said(pattern string) string {
	l.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(filepath.Join(l.folder, "err"))
		if err != nil {
			l.t.Fatal(err)
		}
		if match := regexp.MustCompile(pattern).FindSubmatch(text); match != nil {
			return string(match[1])
		}
		select {
		case err := <-l.ended:
			l.t.Fatalf("it has ended: %v\n%s", err, text)
		case <-tick.C:
		}
	}
}

// TestLoginOnAnotherHost: dss login runs on one machine, and the browser on another, whose
// 127.0.0.1 is its own. One command signs the user in, also where it cannot listen.
func TestLoginOnAnotherHost(t *testing.T) {
	if !inNamespaces(t) {
		return
	}
	certificate, browsers := startHTTPS(t)
	visit := func(address string) error {
		b := scripted.New()
		b.Transport = browsers
		_, err := b.Visit(address, scripted.Approves)
		return err
	}
	gets := func(t *testing.T, l *remoteLogin) {
		t.Helper()
		if err := <-l.ended; err != nil {
			t.Error(err)
		}
		if out, err := os.ReadFile(filepath.Join(l.folder, "out")); err != nil || !regexp.MustCompile(`^[A-Za-z0-9()*]{20,}\n$`).Match(out) {
			t.Errorf("it prints %q, %v", out, err)
		}
	}
	t.Run("the address for this machine is of no use there", func(t *testing.T) {
		l := startLogin(t, certificate)
		address := l.said(`(?m)^(https://\S+/oauth/authorize\S+)$`)
		code := l.said(`(?m)^On another device: (\S+) at https://`)
		if err := visit(address); err == nil || !strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("the browser comes back: %v", err)
		}
		if err := visit("https://" + serverHost + ":8443/device?user_code=" + code); err != nil {
			t.Error(err)
		}
		gets(t, l)
	})
	t.Run("nothing can listen there", func(t *testing.T) {
		if out, err := exec.Command("ip", "-n", "victim", "address", "flush", "dev", "lo").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		l := startLogin(t, certificate)
		l.said(`(does not let dss listen on)`)
		if err := visit(l.said(`(?m)^(https://\S+/device\?user_code=\S+)$`)); err != nil {
			t.Error(err)
		}
		gets(t, l)
	})
}
