package httpapi_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/clientaddr"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// limited is a server with limits, called without a connection so that time
// can be made up.
type limited struct {
	*testing.T
	*httpapi.Server
	handler http.Handler
	log     *buffer
}

func newLimited(t *testing.T, store sealed.Store, limits *limit.Config, trusted string, upstream ...http.RoundTripper) limited {
	t.Helper()
	proxies, err := clientaddr.ParseProxies(trusted)
	if err != nil {
		t.Fatal(err)
	}
	log := &buffer{}
	config := httpapi.Config{
		PublicURL: &url.URL{Scheme: "http", Host: "localhost"}, Log: slog.New(slog.NewTextHandler(log, nil)),
		Limits: limits, TrustedProxies: proxies,
	}
	for _, transport := range upstream {
		config.StackExchange.Transport = transport
	}
	server, err := httpapi.New(sealed.NewVault(store), config)
	if err != nil {
		t.Fatal(err)
	}
	return limited{t, server, server.Handler(), log}
}

func defaults() *limit.Config {
	limits := limit.Defaults()
	return &limits
}

// from sends a request from an address. A body makes it a POST.
func (l limited) from(address, path, body string, header ...string) *httptest.ResponseRecorder {
	method := "GET"
	if body != "" {
		method = "POST"
	}
	r := httptest.NewRequestWithContext(l.Context(), method, path, strings.NewReader(body))
	r.Host, r.RemoteAddr = "localhost", address+":4000"
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	return w
}

const (
	alice = "198.51.100.7"
	bob   = "198.51.100.8"
)

func hour(n int64) limit.Limit { return limit.Limit{Client: limit.Rate{N: n, Per: time.Hour}} }

// TestThrottledAnswers: everybody is refused in the language he speaks, and
// told when to come again.
func TestThrottledAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), &limit.Config{Requests: hour(1)}, "")
		if w := l.from(alice, "/", ""); w.Code != http.StatusOK {
			t.Fatalf("the first request: %d", w.Code)
		}
		for _, c := range []struct{ path, body, accept, contentType, want string }{
			{"/auth/token?key=" + rand.Text(), "", "", "application/json", `{"error_name":"throttle_violation","error_message":"too many requests from your network address: try again in 3600 seconds","error_uri":"http://localhost/docs/errors#throttle_violation"}`},
			{"/auth/token", "key=" + rand.Text(), "text/html", "application/json", `"throttle_violation"`},
			{"/auth/redirect", "state=" + rand.Text() + "&access_token=T", "*/*", "application/json", `"throttle_violation"`},
			{"/auth/redirect", "", "text/html", "text/html; charset=utf-8", "Please try again in a minute"},
			{"/oauth/authorize", "", "text/html", "text/html; charset=utf-8", "throttle_violation"},
			{"/device", "user_code=BCDFGHJK", "text/html", "text/html; charset=utf-8", "throttle_violation"},
			{"/oauth/token", "grant_type=x", "", "application/json", `"error":"slow_down"`},
			{"/oauth/device_authorization", "client_id=1", "", "application/json", `"error":"temporarily_unavailable"`},
			{"/oauth/revoke", "token=T", "", "application/json", `"error":"temporarily_unavailable"`},
			{"/.well-known/oauth-authorization-server", "", "", "application/json", `"error":"temporarily_unavailable"`},
		} {
			w := l.from(alice, c.path, c.body, "Accept", c.accept)
			h := w.Header()
			if w.Code != http.StatusTooManyRequests || h.Get("Retry-After") != "3600" || h.Get("Content-Type") != c.contentType ||
				!strings.Contains(w.Body.String(), c.want) || h.Get("Content-Security-Policy") == "" {
				t.Errorf("%s: %d %v\n%s", c.path, w.Code, h, w.Body)
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if w := l.from(alice, path, ""); w.Code != http.StatusOK {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
		if w := l.from(bob, "/", ""); w.Code != http.StatusOK {
			t.Errorf("somebody else: %d", w.Code)
		}
		time.Sleep(time.Hour)
		if w := l.from(alice, "/", ""); w.Code != http.StatusOK {
			t.Errorf("after an hour: %d", w.Code)
		}
	})
}

// TestUnknownKeys: polling costs once, knowing a key costs nothing, and a
// claim that is refused consumes nothing.
func TestUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), &limit.Config{UnknownKeys: hour(3)}, "")
		keys := []string{rand.Text(), rand.Text(), rand.Text(), rand.Text()}
		claim := func(address, key string) int { return l.from(address, "/auth/token?key="+key, "").Code }
		for range 100 {
			for _, key := range keys[:3] {
				if status := claim(alice, key); status != http.StatusNotFound {
					t.Fatalf("a poll: %d", status)
				}
			}
		}
		l.from(alice, "/auth/redirect", "state="+keys[3]+"&access_token=T")
		if status := claim(alice, keys[3]); status != http.StatusTooManyRequests {
			t.Fatalf("a fourth key: %d", status)
		}
		l.from(alice, "/auth/redirect", "state="+keys[0]+"&access_token=T")
		if status := claim(alice, keys[0]); status != http.StatusOK {
			t.Errorf("a key that was polled: %d", status)
		}
		if status := claim(bob, keys[3]); status != http.StatusOK {
			t.Errorf("the refused claim has consumed the token: %d", status)
		}
		time.Sleep(20 * time.Minute)
		if status := claim(alice, rand.Text()); status != http.StatusNotFound {
			t.Errorf("later: %d", status)
		}
	})
}

// TestHangingUpIsNoWayOut: a guess counts when its client leaves before the
// answer, too.
func TestHangingUpIsNoWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), &limit.Config{UnknownKeys: hour(3), Waiters: 2}, "")
		for range 3 {
			ctx, hangUp := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, "GET", "/auth/token?wait=60&key="+rand.Text(), nil)
			r.Host, r.RemoteAddr = "localhost", alice+":4000"
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				l.handler.ServeHTTP(httptest.NewRecorder(), r)
			}()
			synctest.Wait()
			hangUp()
			<-gone
		}
		if w := l.from(alice, "/auth/token?wait=60&key="+rand.Text(), ""); w.Code != http.StatusTooManyRequests {
			t.Errorf("a fourth guess: %d", w.Code)
		}
	})
}

func TestTooManyWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, err := httpapi.New(sealed.NewVault(inMemory()), httpapi.Config{
			PublicURL: &url.URL{Scheme: "http", Host: "localhost"}, Log: slog.New(slog.DiscardHandler), MaxWaiters: 3,
		})
		if err != nil {
			t.Fatal(err)
		}
		l := limited{t, server, server.Handler(), nil}
		wait := func() *httptest.ResponseRecorder { return l.from(alice, "/auth/token?wait=60&key="+rand.Text(), "") }
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() { wait() })
		}
		synctest.Wait()
		if w := wait(); w.Code != http.StatusServiceUnavailable || l.Waiting() != 3 {
			t.Errorf("fourth waiter: %d %s; %d wait", w.Code, w.Body, l.Waiting())
		}
		group.Wait()
		if w := wait(); w.Code != http.StatusNotFound || l.Waiting() != 0 {
			t.Errorf("after the others left: %d; %d wait", w.Code, l.Waiting())
		}
	})
}

func TestWaitersOfOneClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), &limit.Config{Waiters: 2}, "")
		answers := make(chan int, 2)
		for range 2 {
			go func() { answers <- l.from(alice, "/auth/token?wait=60&key="+rand.Text(), "").Code }()
		}
		synctest.Wait()
		w := l.from(alice, "/auth/token?wait=60&key="+rand.Text(), "")
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "5" {
			t.Errorf("a third: %d", w.Code)
		}
		if w := l.from(alice, "/auth/token?key="+rand.Text(), ""); w.Code != http.StatusNotFound {
			t.Errorf("one that does not wait: %d", w.Code)
		}
		if a, b := <-answers, <-answers; a != http.StatusNotFound || b != http.StatusNotFound {
			t.Errorf("those who waited: %d and %d", a, b)
		}
		if w := l.from(alice, "/auth/token?wait=1&key="+rand.Text(), ""); w.Code != http.StatusNotFound {
			t.Errorf("when they are done: %d", w.Code)
		}
	})
}

// TestDepositsOfOneClient: whatever puts an entry in the store counts.
func TestDepositsOfOneClient(t *testing.T) {
	const authorize = "/oauth/authorize?response_type=code&client_id=1&redirect_uri=http%3A%2F%2F127.0.0.1%3A5000%2F&state=s" +
		"&code_challenge_method=S256&code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, store := range map[string]func(l limited, address string) (stored bool){
		"deposit": func(l limited, address string) bool {
			w := l.from(address, "/auth/redirect", "state="+rand.Text()+"&access_token=T")
			return w.Code == http.StatusNoContent
		},
		"device": func(l limited, address string) bool {
			return l.from(address, "/oauth/device_authorization", "client_id=1").Code == http.StatusOK
		},
		"authorize": func(l limited, address string) bool {
			w := l.from(address, authorize, "")
			if to := w.Header().Get("Location"); strings.HasPrefix(to, "http://127.0.0.1:5000/") && !strings.Contains(to, "error=temporarily_unavailable") {
				l.Errorf("the app is told %s", to)
			}
			return strings.HasPrefix(w.Header().Get("Location"), "https://")
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLimited(t, inMemory(), &limit.Config{Deposits: 10}, "")
			stored := 0
			for range 100 {
				if store(l, alice) {
					stored++
				}
			}
			if want := map[string]int{"deposit": 10, "device": 5, "authorize": 10}[name]; stored != want {
				t.Errorf("%s: %d are stored, want %d", name, stored, want)
			}
			if !store(l, bob) {
				t.Errorf("%s: somebody else is refused", name)
			}
			time.Sleep((api.DefaultTTL + api.RetryWindow) * 5 / 4)
			if !store(l, alice) {
				t.Errorf("%s: refused after their life", name)
			}
		})
	}
}

// TestUserCodes: wrong ones count, wherever they are used, and right ones do
// not, nor does what cannot be a code.
func TestUserCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), &limit.Config{UserCodes: hour(4)}, "")
		_, rest, _ := strings.Cut(l.from(alice, "/oauth/device_authorization", "client_id=1").Body.String(), `"user_code":"`)
		code, _, _ := strings.Cut(rest, `"`)
		for range 20 {
			if w := l.from(alice, "/device?user_code="+code, ""); w.Code != http.StatusOK {
				t.Fatalf("the right code: %d", w.Code)
			}
			if w := l.from(alice, "/device?user_code=BCDF-GHJ", ""); w.Code != http.StatusNotFound {
				t.Fatalf("seven letters: %d", w.Code)
			}
			if w := l.from(alice, "/device", "user_code=BCDFGHJK"); w.Code != http.StatusSeeOther { // looked up there
				t.Fatalf("a typed code: %d", w.Code)
			}
		}
		for _, wrong := range []struct {
			path, form string
			status     int
		}{
			{"/device?user_code=BCDF-GHJK", "", http.StatusNotFound},
			{"/device?user_code=bcdfghjl", "", http.StatusNotFound},
			{"/device", "user_code=BCDFGHJM&decision=continue", http.StatusSeeOther},
			{"/device", "user_code=BCDFGHJN&decision=decline", http.StatusSeeOther},
		} {
			if w := l.from(alice, wrong.path, wrong.form); w.Code != wrong.status {
				t.Errorf("%v: %d", wrong, w.Code)
			}
		}
		for _, request := range [][2]string{
			{"/device?user_code=" + code, ""},
			{"/device", "user_code=" + code + "&decision=continue"}, {"/device", "user_code=" + code + "&decision=decline"},
		} {
			if w := l.from(alice, request[0], request[1]); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "900" {
				t.Errorf("%v after four wrong ones: %d", request, w.Code)
			}
		}
		if w := l.from(bob, "/device", "user_code="+code+"&decision=decline"); w.Code != http.StatusSeeOther {
			t.Errorf("somebody else: %d", w.Code)
		}
	})
}

// TestExchanges: a device that polls too much hears slow_down, as always.
func TestExchanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), &limit.Config{Exchanges: hour(3)}, "")
		const poll = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=1&device_code=D"
		for range 3 {
			if w := l.from(alice, "/oauth/token", poll); w.Code != http.StatusBadRequest {
				t.Errorf("a poll: %d %s", w.Code, w.Body)
			}
		}
		w := l.from(alice, "/oauth/token", poll)
		if w.Code != http.StatusTooManyRequests || !strings.HasPrefix(w.Body.String(), `{"error":"slow_down",`) || w.Header().Get("Retry-After") != "1200" {
			t.Errorf("one too many: %d %s", w.Code, w.Body)
		}
		if w := l.from(alice, "/oauth/device_authorization", "client_id=1"); w.Code != http.StatusTooManyRequests {
			t.Errorf("an authorization: %d %s", w.Code, w.Body)
		}
	})
}

// TestClientsBehindAProxy: limits are the clients', and made-up addresses give
// nobody more.
func TestClientsBehindAProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const proxy = "10.1.2.3"
		l := newLimited(t, inMemory(), &limit.Config{Requests: hour(5)}, "10.0.0.0/8")
		served := func(peer string, forwarded func(i int) string) (n int) {
			for i := range 50 {
				if l.from(peer, "/", "", "X-Forwarded-For", forwarded(i), "X-Real-IP", fmt.Sprint("192.0.2.", i)).Code == http.StatusOK {
					n++
				}
			}
			return n
		}
		madeUp := func(i int) string { return fmt.Sprintf("203.0.113.%d", i) }
		if n := served(proxy, func(i int) string { return madeUp(i) + ", " + alice }); n != 5 {
			t.Errorf("behind the proxy, %d requests are served", n)
		}
		if n := served(proxy, func(int) string { return bob }); n != 5 {
			t.Errorf("somebody else: %d", n)
		}
		if n := served("198.51.100.9", madeUp); n != 5 {
			t.Errorf("who is no proxy: %d", n)
		}
		if strings.Contains(l.log.String(), "trusted-proxies") {
			t.Errorf("log:\n%s", l.log)
		}
		served("127.0.0.1", madeUp)
		if n := strings.Count(l.log.String(), "--trusted-proxies"); n != 1 {
			t.Errorf("a proxy nobody has named is told of %d times", n)
		}
	})
}

// TestGuessesWithoutTheStore: what cannot be counted for all servers is
// counted here, and told to the operator.
func TestGuessesWithoutTheStore(t *testing.T) {
	limits := &limit.Config{UnknownKeys: hour(3), Shared: sealed.NewVault(broken{inMemory()})}
	l := newLimited(t, inMemory(), limits, "")
	for i := range 6 {
		want := http.StatusNotFound
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		if w := l.from(alice, "/auth/token?key="+rand.Text(), ""); w.Code != want {
			t.Errorf("guess %d: %d", i, w.Code)
		}
	}
	if !strings.Contains(l.log.String(), errAway.Error()) {
		t.Errorf("log:\n%s", l.log)
	}
}

// TestWrongHostsAreLimited: a flood with a wrong Host is refused as any other,
// leaves one line each in the log, and does not keep others out.
func TestWrongHostsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, inMemory(), defaults(), "")
		answers := map[int]int{}
		for i := range 4300 {
			host := []string{"evil.example", "localhost.evil.example", "198.51.100.200", "localhost:99"}[i%4]
			answers[l.fetched("http://"+host+"/auth/token?key=k", nil).Code]++
		}
		if answers[http.StatusMisdirectedRequest] != 4000 || answers[http.StatusTooManyRequests] != 300 {
			t.Errorf("answers: %v", answers)
		}
		if lines := strings.Count(l.log.String(), "\n"); lines > 4300 {
			t.Errorf("%d lines in the log", lines)
		}
		if w := l.from(alice, "/", ""); w.Code != http.StatusTooManyRequests {
			t.Errorf("with the right host: %d", w.Code)
		}
		if w := l.from(bob, "/", ""); w.Code != http.StatusOK {
			t.Errorf("somebody else: %d", w.Code)
		}
	})
}
