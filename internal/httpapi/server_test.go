package httpapi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// dss is a server under test.
type dss struct {
	*testing.T
	*httpapi.Server
	url string
	log *buffer
}

// buffer is what a server logs to.
type buffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.String()
}

func newDSS(t *testing.T, store sealed.Store, configure ...func(*httpapi.Config)) dss {
	t.Helper()
	log := &buffer{}
	ts := httptest.NewUnstartedServer(nil)
	config := httpapi.Config{
		PublicURL: &url.URL{Scheme: "http", Host: ts.Listener.Addr().String()},
		Log:       slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range configure {
		f(&config)
	}
	server, err := httpapi.New(sealed.NewVault(store), config)
	if err != nil {
		t.Fatal(err)
	}
	ts.Config.Handler = server.Handler()
	ts.Config.ReadTimeout, ts.Config.WriteTimeout = 10*time.Second, 15*time.Second
	ts.Start()
	t.Cleanup(ts.Close)
	return dss{t, server, ts.URL, log}
}

func inMemory() *memory.Store { return memory.New(store.Limits{}) }

// do sends a request and returns the answer's status, header and body.
func (d dss) do(method, path, body string, header ...string) (int, http.Header, string) {
	d.Helper()
	status, h, answer, err := d.try(d.Context(), method, path, body, header...)
	if err != nil {
		d.Fatal(err)
	}
	return status, h, answer
}

func (d dss) try(ctx context.Context, method, path, body string, header ...string) (int, http.Header, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, d.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, "", err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	if response.Close { // the header itself is net/http's
		response.Header.Set("Connection", "close")
	}
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(answer), err
}

func (d dss) deposit(key, token string) {
	d.Helper()
	status, _, body := d.do("POST", "/auth/redirect", "state="+key+"&access_token="+token, "Sec-Fetch-Site", "same-origin")
	if status != http.StatusNoContent {
		d.Fatalf("deposit: %d %s", status, body)
	}
}

func (d dss) claim(key string) string {
	d.Helper()
	status, _, body := d.do("GET", "/auth/token?key="+key, "")
	return fmt.Sprint(status, " ", strings.TrimSpace(body))
}

// watched reports on a channel when somebody starts to watch.
type watched struct {
	*memory.Store
	watches chan struct{}
}

func (s watched) Watch(ctx context.Context, id sealed.ID) (<-chan struct{}, error) {
	c, err := s.Store.Watch(ctx, id)
	s.watches <- struct{}{}
	return c, err
}

func TestWaitIsAnsweredByTheDeposit(t *testing.T) {
	store := watched{inMemory(), make(chan struct{}, 1)}
	d := newDSS(t, store)
	key := rand.Text()
	got := make(chan string)
	go func() {
		status, _, body, err := d.try(t.Context(), "GET", "/auth/token?wait=60&key="+key, "")
		got <- fmt.Sprint(status, strings.TrimSpace(body), err)
	}()
	<-store.watches
	d.deposit(key, "T")
	if answer := <-got; answer != `200{"access_token":"T"}<nil>` {
		t.Errorf("answer %s", answer)
	}
}

func TestDrain(t *testing.T) {
	store := watched{inMemory(), make(chan struct{}, 100)}
	d := newDSS(t, store)
	answers := make(chan string, 100)
	for range 100 {
		go func() {
			status, header, _, err := d.try(t.Context(), "GET", "/auth/token?wait=60&key="+rand.Text(), "")
			answers <- fmt.Sprint(status, " Retry-After:", header.Get("Retry-After"), " Connection:", header.Get("Connection"), " ", err)
		}()
	}
	for range 100 {
		<-store.watches
	}
	d.Drain()
	for range 100 {
		if got := <-answers; got != "503 Retry-After:5 Connection:close <nil>" {
			t.Fatalf("a waiter got %s", got)
		}
	}
	if status, header, _ := d.do("GET", "/readyz", ""); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("/readyz answers %d", status)
	}
	if status, header, _ := d.do("GET", "/healthz", ""); status != http.StatusOK || header.Get("Connection") != "close" {
		t.Errorf("/healthz answers %d, Connection: %q", status, header.Get("Connection"))
	}
}

// broken is a store that went away.
type broken struct{ *memory.Store }

var errAway = errors.New("dial /run/store.sock: no such file")

func (broken) Create(context.Context, sealed.ID, []byte, time.Duration) (bool, error) {
	return false, errAway
}
func (broken) Get(context.Context, sealed.ID) ([]byte, bool, error)  { return nil, false, errAway }
func (broken) Take(context.Context, sealed.ID) ([]byte, bool, error) { return nil, false, errAway }

func TestStoreAway(t *testing.T) {
	d := newDSS(t, broken{inMemory()})
	for _, request := range [][3]string{
		{"GET", "/auth/token?key=" + rand.Text(), ""},
		{"POST", "/auth/redirect", "state=" + rand.Text() + "&access_token=T"},
		{"GET", "/readyz", ""},
	} {
		status, header, body := d.do(request[0], request[1], request[2], "Sec-Fetch-Site", "same-origin")
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
			t.Errorf("%s answers %d", request[1], status)
		}
		if strings.Contains(body, "store.sock") {
			t.Errorf("%s tells about the inside: %s", request[1], body)
		}
	}
	if !strings.Contains(d.log.String(), "store.sock") {
		t.Error("the log does not say what is wrong")
	}
}

func TestLargeBody(t *testing.T) {
	d := newDSS(t, inMemory())
	key := rand.Text()
	status, _, body := d.do("POST", "/auth/token", "key="+key+"&filler="+strings.Repeat("x", 8<<10))
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, `"too_large"`) {
		t.Errorf("answer %d %s", status, body)
	}
}

func TestLongTokens(t *testing.T) {
	d := newDSS(t, inMemory())
	key := rand.Text()
	token := strings.Repeat("t", secret.MaxReceived)
	d.deposit(key, token)
	if got := d.claim(key); got != `200 {"access_token":"`+token+`"}` {
		t.Errorf("claim of the longest token: %s", got)
	}
	status, _, body := d.do("POST", "/auth/redirect", "state="+key+"&access_token="+token+"t", "Sec-Fetch-Site", "same-origin")
	if status != http.StatusBadRequest || !strings.Contains(body, `"invalid_token"`) {
		t.Errorf("one byte more: %d %s", status, body)
	}
}

func TestPanic(t *testing.T) {
	const canary = "canary-in-a-panic"
	d := newDSS(t, inMemory(), func(c *httpapi.Config) {
		c.Sandbox = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(canary) })
	})
	status, _, body := d.do("GET", "/sandbox/x?secret="+canary, "")
	if status != http.StatusInternalServerError || !strings.Contains(body, `"internal_error"`) {
		t.Errorf("answer %d %s", status, body)
	}
	log := d.log.String()
	if !strings.Contains(log, "panic") || !strings.Contains(log, "server_test.go") || strings.Contains(log+body, canary) {
		t.Errorf("log:\n%s", log)
	}
}

// TestLog wants a line per request, with the route and without what was in it.
func TestLog(t *testing.T) {
	d := newDSS(t, inMemory())
	canary := "canary-" + rand.Text()
	d.deposit(canary, canary)
	d.do("GET", "/auth/token?key="+canary, "", "User-Agent", canary, "Cookie", canary)
	d.do("GET", "/auth/redirect/17?state="+canary+"&code="+canary, "", "Referer", canary)
	d.do("GET", "/"+canary, "")
	d.do("GET", "/auth/"+canary, "")
	d.do("GET", "/auth/token?key="+canary+"%zz", "")
	d.do(canary, "/", "")
	log := d.log.String()
	if strings.Contains(log, canary) {
		t.Errorf("a canary is in the log:\n%s", log)
	}
	for _, want := range []string{
		`method=POST route="POST /auth/redirect" status=204`, `method=GET route="GET /auth/token" status=200`,
		`route="GET /auth/redirect/{appid}" status=200`, `route=/ status=404`, `route=/auth/ status=404`, `method=other`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in the log:\n%s", want, log)
		}
	}
	if got := strings.Count(log, "msg=request"); got != 7 {
		t.Errorf("%d lines for 7 requests:\n%s", got, log)
	}
}

// TestAssetsAreKept follows the links of the home page.
func TestAssetsAreKept(t *testing.T) {
	d := newDSS(t, inMemory())
	_, _, page := d.do("GET", "/", "")
	_, rest, _ := strings.Cut(page, `href="/assets/site.`)
	hash, _, _ := strings.Cut(rest, ".css")
	path := "/assets/site." + hash + ".css"
	status, header, _ := d.do("GET", path, "")
	if status != http.StatusOK || !strings.Contains(header.Get("Cache-Control"), "immutable") || header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%s: %d %v", path, status, header)
	}
	if status, _, _ := d.do("GET", path, "", "If-None-Match", header.Get("ETag")); status != http.StatusNotModified {
		t.Errorf("again: %d", status)
	}
	status, header, _ = d.do("GET", "/assets/style.00000000.css", "")
	if status != http.StatusOK || header.Get("Cache-Control") != "no-store" || header.Get("ETag") != "" {
		t.Errorf("for the page of another version: %d %v", status, header)
	}
}
