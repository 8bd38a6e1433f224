// Package deploy_test runs the server the ways that docs/deploy.md describes:
// under a service manager, in a container, behind each of the proxies, with
// the files of deploy/ as they stand there.
package deploy_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; nothing comes near it.
const patience = time.Minute

var (
	binary string // with the race detector
	static string // as it is released
)

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "dss-deploy-")
	if err == nil {
		err = os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // where the proxies are
	}
	if err != nil {
		panic(err)
	}
	binary, static = filepath.Join(folder, "race", "dss"), filepath.Join(folder, "static", "dss")
	status := 1
	if build(binary, "1", "-race") && build(static, "0") {
		status = m.Run()
	}
	os.RemoveAll(folder)
	os.Exit(status)
}

func build(path, cgo string, flags ...string) bool {
	command := exec.Command("go", append(append([]string{"build", "-trimpath"}, flags...), "-o", path, "github.com/desktop-stack-serv/dss/cmd/dss")...)
	command.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command.Run() == nil
}

// output is what a process has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is one that a test has started.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout output
	stderr output
	ended  chan struct{}
}

// launch starts a command and ends it with the test.
func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	if cmd.Env == nil {
		cmd.Env = environment()
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; test/setup installs what is needed", err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // exited looks at the state
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// environment is what a service gets: nothing of whoever runs the tests.
func environment(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "GORACE=halt_on_error=1 atexit_sleep_ms=0"}, more...)
}

// serve starts the server with these flags and waits until it is ready.
func serve(t *testing.T, flags ...string) *process {
	t.Helper()
	p := launch(t, exec.Command(binary, append([]string{"serve"}, flags...)...))
	p.ready()
	return p
}

var readyLine = regexp.MustCompile(`(?m)^DSS is ready at (https?://\S+)$`)

// ready waits for the server's address.
func (p *process) ready() (address string) {
	p.t.Helper()
	p.until("ready", func() bool {
		if match := readyLine.FindStringSubmatch(p.stdout.String()); match != nil {
			address = match[1]
		}
		return address != ""
	})
	return address
}

// until waits for something that the process brings about.
func (p *process) until(what string, happened func() bool) {
	p.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !happened() {
		select {
		case <-tick.C:
		case <-p.ended:
			if !happened() {
				p.t.Fatalf("%s: %s has ended: %v\n%s%s", what, p.cmd.Path, p.cmd.ProcessState, p.stdout.String(), p.stderr.String())
			}
			return
		case <-deadline:
			p.t.Fatalf("%s: not within %v\n%s%s", what, patience, p.stdout.String(), p.stderr.String())
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exits waits for the end and compares the exit status.
func (p *process) exits(status int) {
	p.t.Helper()
	p.until("exit", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.t.Fatalf("exit status %d, want %d\n%s", got, status, p.stderr.String())
	}
}

// terminate ends the process as a service manager does.
func (p *process) terminate() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.exits(0)
}

// app is an app and its user's browser, at one server.
type app struct {
	base   string
	client *http.Client
}

type answer struct {
	status int
	header http.Header
	body   string
}

func newApp(base string) app {
	return app{base, &http.Client{Transport: &http.Transport{}, Timeout: patience}}
}

func (a app) do(request *http.Request, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return answer{response.StatusCode, response.Header, string(body)}, err
}

func (a app) get(path string) (answer, error) {
	return a.do(http.NewRequest(http.MethodGet, a.base+path, nil))
}

// deposit is what the page in the browser sends.
func (a app) deposit(key, token string) (answer, error) {
	form := url.Values{"state": {key}, "access_token": {token}}
	request, err := http.NewRequest(http.MethodPost, a.base+"/auth/redirect", strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return a.do(request, nil)
}

func (a app) claim(key string) (answer, error) { return a.get("/auth/token?key=" + key) }

// pass is a deposit and its claim.
func (a app) pass(t *testing.T, key, token string) {
	t.Helper()
	if got, err := a.deposit(key, token); err != nil || got.status != http.StatusNoContent {
		t.Fatalf("deposit: %d %s %v", got.status, got.body, err)
	}
	want := `{"access_token":"` + token + `"}`
	if got, err := a.claim(key); err != nil || got.status != http.StatusOK || strings.TrimSpace(got.body) != want {
		t.Fatalf("claim: %d %s %v", got.status, got.body, err)
	}
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
