//go:build integration

package deploy_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

// terminate ends a proxy at once, whatever goes on.
const terminate = syscall.SIGTERM

// eachProxy runs a test with each of the examples.
func eachProxy(t *testing.T, test func(t *testing.T, x proxy)) {
	t.Parallel()
	for name, x := range proxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, x)
		})
	}
}

// TestProxy has apps and browsers go by each proxy to the real server.
func TestProxy(t *testing.T) {
	eachProxy(t, func(t *testing.T, x proxy) {
		server, admin := program.FreeAddress(t), program.FreeAddress(t)
		e := newEdge(t, server)
		dss := serve(t, "--listen", server, "--admin-listen", admin, "--store", "memory:", "--public-url", e.url())
		p := x.start(t, e)
		canary := "CANARY" + rand.Text()

		var ids []string
		longest := make(chan answer, 1)
		began := time.Now()
		go func() {
			got, err := e.app(true).get("/auth/token?wait=60&key=" + canary)
			if err != nil {
				t.Errorf("the longest wait: %v", err)
			}
			longest <- got
		}()
		for _, http2 := range []bool{false, true} {
			a := e.app(http2)
			a.pass(t, rand.Text(), "T")
			handOver(t, a)
			hangUp(t, a, dss, admin)
			refuse(t, a, canary)
			longState(t, a)
			ids = append(ids, identified(t, a, canary)...)
		}
		e.strangers(t, canary)
		if got := <-longest; got.status != http.StatusNotFound || time.Since(began) < time.Minute {
			t.Errorf("the longest wait ends with %d after %v: %s", got.status, time.Since(began), got.body)
		}

		// The worst moment for a log: the server is gone.
		dss.terminate()
		last := "/auth/" + rand.Text()
		if got, err := e.app(true).get(last + "?key=" + canary); err != nil || got.status < 502 || got.status > 504 {
			t.Errorf("without a server: %d %v", got.status, err)
		}
		p.until("every request in the log", func() bool {
			log := e.logged(t, p)
			return strings.Contains(log, last) && !slices.ContainsFunc(ids, func(id string) bool { return !strings.Contains(log, id) })
		})
		log := e.logged(t, p)
		for _, secret := range []string{canary, "Location", "Set-Cookie", "__Host-"} {
			if strings.Contains(log, secret) {
				t.Errorf("%s is in the log:\n%s", secret, log)
			}
		}
		if slices.Contains(ids, "") {
			t.Errorf("an answer has no id: %q", ids)
		}
	})
}

// handOver: an app that waits gets what a browser deposits later.
func handOver(t *testing.T, a app) {
	t.Helper()
	key := rand.Text()
	waited := make(chan string, 1)
	go func() {
		got, err := a.get("/auth/token?wait=30&key=" + key)
		waited <- fmt.Sprint(got.status, " ", strings.TrimSpace(got.body), " ", err)
	}()
	if got, err := a.deposit(key, "later"); err != nil || got.status != http.StatusNoContent {
		t.Errorf("deposit: %d %v", got.status, err)
	}
	if got := <-waited; got != `200 {"access_token":"later"} <nil>` {
		t.Errorf("the waiting app got %s", got)
	}
}

// longState: the longest state that an app may send, with each byte escaped,
// comes back whole.
func longState(t *testing.T, a app) {
	t.Helper()
	state := strings.Repeat("%FF", 4096)
	got, err := a.get("/oauth/authorize?client_id=7&redirect_uri=http://127.0.0.1:1/&state=" + state)
	if err != nil || got.status != http.StatusSeeOther || !strings.Contains(got.header.Get("Location"), "state="+state) {
		t.Errorf("the longest state: %d %v, to %.100s", got.status, err, got.header.Get("Location"))
	}
}

// hangUp: when a waiting app goes away, the proxy tells the server, so that
// the next one gets the deposit.
func hangUp(t *testing.T, a app, dss *process, admin string) {
	t.Helper()
	key := "hangs-up-" + rand.Text()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := make(chan string, 1)
	go func() {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/auth/token?wait=59&key="+key, nil)
		got, err := a.do(request, err)
		gone <- fmt.Sprint(got.status, " ", got.body, " ", err)
	}()
	others := 1 // the longest wait
	dss.until("two apps wait", func() bool { return waiting(t, admin) > others })
	select {
	case got := <-gone:
		t.Errorf("the app that waits got %s", got)
	default:
		cancel()
		<-gone // whatever it still got
	}
	dss.until("one app waits", func() bool { return waiting(t, admin) == others })
	a.pass(t, key, "T")
}

// waiting counts the apps that wait.
func waiting(t *testing.T, admin string) int {
	t.Helper()
	got, err := newApp("http://" + admin).get("/metrics")
	match := waitsInFlight.FindStringSubmatch(got.body)
	if err != nil || match == nil {
		t.Fatalf("metrics: %d %v", got.status, err)
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var waitsInFlight = regexp.MustCompile(`(?m)^dss_waits_in_flight (\d+)$`)

// refuse sends what is too large, and what is meant for somebody else.
func refuse(t *testing.T, a app, canary string) {
	t.Helper()
	// A server that refuses may hang up while it is still being talked to.
	refused := func(what string, got answer, err error) {
		t.Helper()
		if err == nil && (got.status < 400 || got.status >= 500) {
			t.Errorf("%s: %d", what, got.status)
		}
	}
	got, err := a.get("/auth/token?key=" + canary + strings.Repeat("x", 100<<10))
	refused("a query of 100 KB", got, err)
	request, err := http.NewRequest(http.MethodGet, a.base+"/auth/token?key="+canary, nil)
	if err == nil {
		request.Header.Set("X-Filler", strings.Repeat("x", 17<<10))
	}
	got, err = a.do(request, err)
	refused("17 KB of headers", got, err)
	got, err = a.deposit(rand.Text(), strings.Repeat("x", 9<<10))
	refused("a body of 9 KB", got, err)
	a.pass(t, rand.Text(), "T")
}

// identified returns the ids of requests that the proxy is to log: of one that
// is answered, of one that is refused and of one whose answer has secrets in
// its headers.
func identified(t *testing.T, a app, canary string) (ids []string) {
	t.Helper()
	challenge := strings.Repeat("A", 43)
	for path, status := range map[string]int{
		"/auth/token?key=" + canary: http.StatusNotFound,
		"/auth/token":               http.StatusBadRequest,
		"/oauth/authorize?response_type=code&client_id=7&redirect_uri=http://127.0.0.1:1/" + canary + "&code_challenge_method=S256&code_challenge=" +
			challenge + "&state=" + canary: http.StatusSeeOther,
	} {
		got, err := a.get(path)
		if err != nil || got.status != status {
			t.Errorf("%s: %d %s %v", path, got.status, got.body, err)
		}
		ids = append(ids, got.header.Get("X-Request-Id"))
	}
	return ids
}

// strangers come by plain HTTP, or under another name.
func (e edge) strangers(t *testing.T, canary string) {
	t.Helper()
	a := e.app(false)
	a.base = "http://" + e.plain
	got, err := a.do(named(http.MethodGet, a.base+"/auth/token?key="+canary, "localhost"))
	if location := got.header.Get("Location"); err != nil || got.status != http.StatusPermanentRedirect || location != e.url()+"/" {
		t.Errorf("plain HTTP: %d to %q: %v", got.status, location, err)
	}
	got, err = e.app(false).do(named(http.MethodGet, e.url()+"/auth/token?key="+canary, "evil.example"))
	// Caddy has nothing to say to it, the others leave it to the server.
	if err != nil || got.status != http.StatusMisdirectedRequest && got.body != "" {
		t.Errorf("another host: %d %s %v", got.status, got.body, err)
	}
}

func named(method, address, host string) (*http.Request, error) {
	request, err := http.NewRequest(method, address, nil)
	if err == nil {
		request.Host = host
	}
	return request, err
}

// TestProxyHeaders: the server hears the host that was asked for, and the
// client's address, whatever the client says.
func TestProxyHeaders(t *testing.T) {
	eachProxy(t, func(t *testing.T, x proxy) {
		headers := make(chan http.Header, 1)
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			h := r.Header.Clone()
			h.Set("Host", r.Host)
			headers <- h
		}))
		t.Cleanup(server.Close)
		e := newEdge(t, server.Listener.Addr().String())
		x.start(t, e)
		for _, http2 := range []bool{false, true} {
			request, err := http.NewRequest(http.MethodGet, e.url()+"/", nil)
			if err == nil {
				request.Header.Add("X-Forwarded-For", "192.0.2.1")
				request.Header.Add("X-Forwarded-For", "192.0.2.2")
			}
			if got, err := e.app(http2).do(request, err); err != nil || got.status != http.StatusOK {
				t.Fatalf("%d %v", got.status, err)
			}
			got := <-headers
			if host, from := got.Get("Host"), strings.Join(got.Values("X-Forwarded-For"), "|"); host != e.host() || from != "127.0.0.1" {
				t.Errorf("Host: %s, X-Forwarded-For: %s", host, from)
			}
		}
	})
}

// TestProxySeveral: with several servers, one that cannot be reached or is not
// ready is done without, but no POST is ever sent twice.
func TestProxySeveral(t *testing.T) {
	eachProxy(t, func(t *testing.T, x proxy) {
		var posts atomic.Int64
		broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" {
				posts.Add(1)
				panic(http.ErrAbortHandler) // it takes the request and hangs up
			}
		}))
		broken.Config.ErrorLog = nil
		t.Cleanup(broken.Close)
		e := newEdge(t, broken.Listener.Addr().String(), broken.Listener.Addr().String())
		x.start(t, e)
		if got, err := e.app(true).deposit(rand.Text(), "T"); err != nil || got.status < 500 {
			t.Errorf("a deposit that is lost: %d %v", got.status, err)
		}
		if n := posts.Load(); n != 1 {
			t.Errorf("a deposit was sent %d times", n)
		}

		good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		t.Cleanup(good.Close)
		e = newEdge(t, program.FreeAddress(t), good.Listener.Addr().String())
		x.start(t, e)
		for range 20 {
			if got, err := e.app(true).deposit(rand.Text(), "T"); err != nil || got.status != http.StatusNoContent {
				t.Errorf("a deposit while a server is away: %d %v", got.status, err)
			}
		}
	})
}

// TestProxyChecks: a server that says it is not ready gets no more requests.
func TestProxyChecks(t *testing.T) {
	eachProxy(t, func(t *testing.T, x proxy) {
		if !x.checks { // nginx asks nobody; it finds out when it cannot connect
			return
		}
		server := func(ready int, name string) string {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/readyz" {
					w.WriteHeader(ready)
				}
				w.Write([]byte(name))
			}))
			t.Cleanup(s.Close)
			u, _ := url.Parse(s.URL)
			return u.Host
		}
		e := newEdge(t, server(http.StatusServiceUnavailable, "draining"), server(http.StatusOK, "ready"))
		p := x.start(t, e)
		inTurn := 0
		p.until("only the ready server is asked", func() bool {
			got, err := e.app(true).get("/")
			if err != nil || got.body != "ready" {
				inTurn = 0
			} else {
				inTurn++
			}
			return inTurn >= 20
		})
	})
}
