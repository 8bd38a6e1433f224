//go:build integration

package process_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

// startObserved starts a server that tells about itself.
func startObserved(t *testing.T, args ...string) *process {
	t.Helper()
	admin := program.FreeAddress(t)
	p := start(t, append(args, "--admin-listen", admin)...)
	p.adminURL = "http://" + admin
	return p
}

// told is everything that the server shows of itself, by path. The profiles
// in between are taken while it works.
var told = []string{
	"/metrics", "/healthz", "/readyz", "/debug/pprof/", "/debug/pprof/symbol",
	"/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/pprof/goroutine",
	"/debug/pprof/heap?debug=1", "/debug/pprof/heap", "/debug/pprof/allocs?debug=1", "/debug/pprof/block?debug=1",
	"/debug/pprof/mutex?debug=1", "/debug/pprof/threadcreate?debug=1",
	"/debug/pprof/trace?seconds=0.1", "/debug/pprof/profile?seconds=1",
}

// admin asks the admin server.
func (p *process) admin(path string) string {
	p.t.Helper()
	response, err := p.client.Get(p.adminURL + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || len(body) == 0 {
		p.t.Fatalf("%s: %d with %d bytes: %v", path, response.StatusCode, len(body), err)
	}
	if bytes.HasPrefix(body, []byte("\x1f\x8b")) { // a profile
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			p.t.Fatal(err)
		}
		if body, err = io.ReadAll(unpacked); err != nil {
			p.t.Fatal(err)
		}
	}
	return string(body)
}

// searchTold looks for secrets in what paths show.
func (p *process) searchTold(paths []string, secrets ...string) {
	p.t.Helper()
	for _, path := range paths {
		text := p.admin(path)
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				p.t.Errorf("a secret is in %s", path)
			}
		}
	}
}

// waiting has an app wait under key, and returns when it does. The function
// ends when the app has an answer.
func (p *process) waiting(key string) (answered func()) {
	p.t.Helper()
	var app sync.WaitGroup
	app.Go(func() { _, _, _, _ = p.do("GET", "/auth/token?wait=60&key="+key, nil) })
	for deadline := time.Now().Add(time.Minute); !strings.Contains(p.admin("/metrics"), "\ndss_waits_in_flight 1\n"); {
		if time.Now().After(deadline) {
			p.t.Fatal("nobody waits")
		}
	}
	return app.Wait
}

// TestCrashOutput ends a server that has handled secrets, and still holds
// some, by a signal that has it print all its goroutines.
func TestCrashOutput(t *testing.T) {
	t.Setenv("GOTRACEBACK", "all")
	p := startObserved(t, "--store", "memory:", "--sandbox")
	key := canary + rand.Text()
	_, userCode, visited := p.device()
	if !p.deposit(key+"-0", canary+"-token") {
		t.Fatal("deposit failed")
	}
	p.claim(key + "-0")
	if !p.deposit(key+"-1", canary+"-token") { // and leave it there
		t.Fatal("deposit failed")
	}
	_, _ = p.exchange(canary+"code", canary+"verifier")
	answered := p.waiting(key + "-2")
	if err := p.Cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	status, err := p.ExitCode()
	answered()
	if status == 0 || err != nil {
		t.Fatalf("after SIGQUIT: %d, %v", status, err)
	}
	output := p.Stderr.String()
	if !strings.Contains(output, "SIGQUIT: quit") || !strings.Contains(output, "relay.(*Relay).Claim(") {
		t.Fatalf("no crash output, or not that of the waiter:\n%s", output)
	}
	secrets := []string{canary, userCode, strings.ReplaceAll(userCode, "-", "")}
	for _, match := range codePattern.FindAllStringSubmatch(strings.Join(visited, "\n"), -1) {
		code, _ := url.QueryUnescape(match[1])
		secrets = append(secrets, match[1], code)
	}
	for _, secret := range secrets {
		if strings.Contains(output, secret) {
			t.Errorf("%s is in the crash output", secret)
		}
	}
}

// TestLongProfile takes one for longer than the server reads a request.
func TestLongProfile(t *testing.T) {
	t.Parallel()
	p := startObserved(t, "--store", "memory:")
	started := time.Now()
	p.admin("/debug/pprof/profile?seconds=11")
	if took := time.Since(started); took < 11*time.Second {
		t.Errorf("a profile of 11s took %v", took)
	}
	p.terminate()
}
