//go:build integration

// Package deploy_test runs the server the ways that docs/deploy.md describes:
// under a service manager, in a container, behind each of the proxies, with
// the files of deploy/ as they stand there.
package deploy_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

// patience bounds every wait; nothing comes near it.
const patience = time.Minute

var (
	binary string // with the race detector
	static string // as it is released
)

func TestMain(m *testing.M) {
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin"); err != nil { // where the proxies are
		panic(err)
	}
	program.Main(m.Run, program.Raced(&binary), program.Plain(&static))
}

// process is one that a test has started.
type process struct {
	*program.Process
	t *testing.T
}

// launch starts a command and ends it with the test.
func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	if cmd.Env == nil {
		cmd.Env = environment()
	}
	p, err := program.Launch(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return &process{p, t}
}

// environment is what a service gets: nothing of whoever runs the tests.
func environment(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), program.RaceEnv}, more...)
}

// serve starts the server with these flags and waits until it is ready.
func serve(t *testing.T, flags ...string) *process {
	t.Helper()
	p := launch(t, exec.Command(binary, append([]string{"serve"}, flags...)...))
	p.ready()
	return p
}

// ready waits for the server's address.
func (p *process) ready() (address string) {
	p.t.Helper()
	if err := p.Ready(); err != nil {
		p.t.Fatal(err)
	}
	return p.URL
}

// until waits for something that the process brings about.
func (p *process) until(what string, happened func() bool) {
	p.t.Helper()
	if err := p.Until(what, happened); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exits waits for the end and compares the exit status.
func (p *process) exits(status int) {
	p.t.Helper()
	got, err := p.ExitCode()
	if err != nil {
		p.t.Fatal(err)
	}
	if got != status {
		p.t.Fatalf("exit status %d, want %d\n%s", got, status, p.Stderr.String())
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
