//go:build integration

package deploy_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// restarts is how often the server restarts under load.
const restarts = 5

// tally is what became of the load.
type tally struct {
	pairs, waited, again atomic.Int64

	mu       sync.Mutex
	problems []string
}

func (l *tally) problem(format string, arguments ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, fmt.Sprintf(format, arguments...))
}

// TestRestartUnderLoad restarts the server again and again on a socket that is
// not its own, while apps and browsers come and go: no connection is refused,
// no request fails but those that wait, which are asked to come again, and no
// acknowledged deposit is lost.
func TestRestartUnderLoad(t *testing.T) {
	listener := socket(t, "tcp", "127.0.0.1:0")
	base := "http://" + listener.Addr().String()
	store := "sqlite:" + filepath.Join(t.TempDir(), "dss.db")
	begin := func() *process {
		return launch(t, passing(t, "", []net.Listener{listener}, "--store", store))
	}
	p := begin()
	p.ready()

	var load tally
	stop := make(chan struct{})
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() { load.comeAndGo(base, stop) })
		users.Go(func() { load.stay(base, stop) })
		users.Go(func() { load.wait(base, stop) })
	}
	users.Go(func() { load.linger(base, stop) })
	for range restarts {
		served := load.pairs.Load()
		p.until("served", func() bool { return load.pairs.Load() >= served+50 })
		p.terminate()
		p = begin() // which finds clients in the queue
		p.ready()
	}
	served := load.pairs.Load()
	p.until("served", func() bool { return load.pairs.Load() >= served+50 })
	close(stop)
	users.Wait()
	p.terminate()

	for _, problem := range load.problems {
		t.Error(problem)
	}
	if load.waited.Load() == 0 {
		t.Error("no app was asked to come again: nobody waited while the server shut down")
	}
	t.Logf("%d sign-ins; %d waits ended with 503; %d requests sent again because their connection was closed",
		load.pairs.Load(), load.waited.Load(), load.again.Load())
}

func over(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// comeAndGo opens a connection for each request, as most apps and browsers do
// that sign somebody in.
func (l *tally) comeAndGo(base string, stop <-chan struct{}) {
	a := newApp(base)
	a.client.Transport = &http.Transport{DisableKeepAlives: true}
	for !over(stop) {
		key, token := rand.Text(), rand.Text()
		if got, err := a.deposit(key, token); err != nil || got.status != http.StatusNoContent {
			l.problem("deposit: %d %s %v", got.status, got.body, err)
		} else if got, err := a.claim(key); err != nil || got.status != http.StatusOK || !strings.Contains(got.body, token) {
			l.problem("claim: %d %s %v", got.status, got.body, err)
		} else {
			l.pairs.Add(1)
		}
	}
}

// stay keeps its connection and is never idle.
func (l *tally) stay(base string, stop <-chan struct{}) {
	for a := newApp(base); !over(stop); {
		l.useKept(a)
	}
}

// linger keeps many connections, each of them idle most of the time.
func (l *tally) linger(base string, stop <-chan struct{}) {
	var apps []app
	for range 300 {
		apps = append(apps, newApp(base))
	}
	for i := 0; !over(stop); i++ {
		l.useKept(apps[i%len(apps)])
	}
}

// useKept deposits and claims on a connection that the server may close while
// a request is on its way. That request has not been looked at: a deposit can
// be made, and a claim finds its token, on another connection.
func (l *tally) useKept(a app) {
	key, token := rand.Text(), rand.Text()
	got, err := l.insist(func() (answer, error) { return a.deposit(key, token) })
	if err != nil || got.status != http.StatusNoContent {
		l.problem("deposit on a kept connection: %d %s %v", got.status, got.body, err)
		return
	}
	got, err = l.insist(func() (answer, error) { return a.claim(key) })
	if err != nil || got.status != http.StatusOK || !strings.Contains(got.body, token) {
		l.problem("claim on a kept connection: %d %s %v", got.status, got.body, err)
		return
	}
	l.pairs.Add(1)
}

// insist sends a request once more if its connection was closed.
func (l *tally) insist(send func() (answer, error)) (answer, error) {
	got, err := send()
	if closed(err) {
		l.again.Add(1)
		got, err = send()
	}
	return got, err
}

// closed tells a kept connection that was closed from every other trouble.
func closed(err error) bool {
	failed, ok := errors.AsType[*url.Error](err)
	return ok && !failed.Timeout() && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "server closed idle connection"))
}

// wait waits for a user who takes longer, and then for one who is there.
func (l *tally) wait(base string, stop <-chan struct{}) {
	a := newApp(base)
	a.client.Transport = &http.Transport{DisableKeepAlives: true}
	for !over(stop) {
		key, token := rand.Text(), rand.Text()
		if got, err := a.get("/auth/token?wait=1&key=" + key); err != nil || got.status != http.StatusNotFound && !l.sentAway(got) {
			l.problem("wait: %d %s %v", got.status, got.body, err)
		}
		waited := make(chan answer)
		go func() {
			got, err := a.get("/auth/token?wait=30&key=" + key)
			if err != nil {
				l.problem("wait for a deposit: %v", err)
			}
			waited <- got
		}()
		if got, err := a.deposit(key, token); err != nil || got.status != http.StatusNoContent {
			l.problem("deposit for a waiter: %d %s %v", got.status, got.body, err)
		}
		got := <-waited
		if l.sentAway(got) {
			got, _ = a.claim(key)
		}
		if got.status != http.StatusOK || !strings.Contains(got.body, token) {
			l.problem("a waiter got %d %s", got.status, got.body)
		}
	}
}

// sentAway: only who waits is asked to come again.
func (l *tally) sentAway(got answer) bool {
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		return false
	}
	l.waited.Add(1)
	return true
}
