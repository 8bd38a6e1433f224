package dss_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/scripted"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

func TestMain(m *testing.M) {
	routes.network = http.DefaultTransport
	http.DefaultTransport = &routes
	before := runtime.NumGoroutine()
	status := m.Run()
	routes.CloseIdleConnections()
	if stacks, left := leftover(before); left {
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", stacks)
		status = 1
	}
	os.Exit(status)
}

// settleTime bounds how long goroutines that are about to end may take.
const settleTime = 10 * time.Second

// leftover reports whether there are more goroutines than before, once they
// have had the time to end.
func leftover(before int) (stacks []byte, left bool) {
	for limit := time.Now().Add(settleTime); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(limit) {
			stacks = make([]byte, 1<<20)
			return stacks[:runtime.Stack(stacks, true)], true
		}
	}
	return nil, false
}

// router carries requests to handlers in this process, by host, and all others
// over the network.
type router struct {
	network  http.RoundTripper
	handlers sync.Map
}

var routes router

// RoundTrip implements [http.RoundTripper].
func (r *router) RoundTrip(request *http.Request) (*http.Response, error) {
	if handler, ok := r.handlers.Load(request.URL.Host); ok {
		return inProcess{handler.(http.Handler)}.RoundTrip(request)
	}
	return r.network.RoundTrip(request)
}

// CloseIdleConnections is what [httptest.Server] calls when it ends.
func (r *router) CloseIdleConnections() { r.network.(*http.Transport).CloseIdleConnections() }

// inProcess carries requests to a handler as if over loopback.
type inProcess struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	received := r.Clone(r.Context())
	received.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	received.Host, received.RequestURI, received.RemoteAddr = r.URL.Host, received.URL.RequestURI(), "127.0.0.1:1"
	if received.Body == nil {
		received.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, received)
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// server is DSS with the sandbox as its Stack Exchange.
type server struct {
	url     string
	sandbox *sandbox.Sandbox
	store   *memory.Store
}

func newHandler(address string, fake *sandbox.Sandbox) (http.Handler, *memory.Store, error) {
	public, err := url.Parse(address)
	if err != nil {
		return nil, nil, err
	}
	base := public.JoinPath("sandbox")
	store := memory.New(store.Limits{})
	s, err := httpapi.New(sealed.NewVault(store), httpapi.Config{
		PublicURL: public, Sandbox: fake, Log: slog.New(slog.DiscardHandler),
		StackExchange: stackexchange.Config{BaseURL: base, APIURL: base.JoinPath("2.3"), Transport: fake, Local: true},
	})
	if err != nil {
		return nil, nil, err
	}
	return s.Handler(), store, nil
}

// serve serves on a socket.
func serve(t *testing.T) server {
	t.Helper()
	socket := httptest.NewUnstartedServer(nil)
	address := "http://" + socket.Listener.Addr().String()
	fake := sandbox.New(sandbox.Config{})
	handler, store, err := newHandler(address, fake)
	if err != nil {
		t.Fatal(err)
	}
	socket.Config.Handler = handler
	socket.Start()
	t.Cleanup(socket.Close)
	return server{address, fake, store}
}

// simulate serves without a socket, which a bubble of synctest needs.
func simulate(t *testing.T) server {
	t.Helper()
	return simulateWith(t, sandbox.New(sandbox.Config{}))
}

// simulateWith does so with a sandbox that behaves in its own way.
func simulateWith(t *testing.T, fake *sandbox.Sandbox) server {
	t.Helper()
	host := strings.ToLower(strings.NewReplacer("/", ".", "_", "-").Replace(t.Name())) + ".test"
	handler, store, err := newHandler("https://"+host, fake)
	if err != nil {
		t.Fatal(err)
	}
	routes.handlers.Store(host, handler)
	t.Cleanup(func() { routes.handlers.Delete(host) })
	return server{"https://" + host, fake, store}
}

const clientID = "7"

// desktop is a machine with a browser, whatever the tests run on.
var desktop = browser.Place{Display: true, Installed: true}

// client returns a client of s.
func (s server) client(t *testing.T, config dss.Config) *dss.Client {
	t.Helper()
	config.Server = s.url
	if config.ClientID == "" {
		config.ClientID = clientID
	}
	if config.HTTPClient == nil && strings.HasPrefix(s.url, "https:") {
		config.HTTPClient = &http.Client{Transport: &routes} // no socket
	}
	if config.StackExchange == "" && strings.HasPrefix(s.url, "https:") {
		config.StackExchange = s.url + "/sandbox"
	}
	return newClient(t, config)
}

func newClient(t *testing.T, config dss.Config) *dss.Client {
	t.Helper()
	client, err := dss.New(config)
	if err != nil {
		t.Fatal(err)
	}
	client.SetPlace(desktop)
	return client
}

// call returns the status of an API method called with token.
func (s server) call(t *testing.T, method, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/sandbox/2.3/"+method, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// The users. Each comes with a browser of their own.
var (
	approve = decide(scripted.Approves)
	cancel  = decide(scripted.Cancels)
	deny    = decide(scripted.Denies)
)

// decide returns a prompt that has a user decide.
func decide(user scripted.User) func(*dss.SignIn) error {
	return func(s *dss.SignIn) error {
		page, err := scripted.New().Visit(s.URL, user)
		if err == nil && page.Status != http.StatusOK && page.Status != http.StatusNoContent {
			err = fmt.Errorf("the browser ends at %v with status %d", page.URL, page.Status)
		}
		return err
	}
}

// twice has two users answer one sign-in.
func twice(s *dss.SignIn) error { return errors.Join(approve(s), approve(s)) }

func nobody(*dss.SignIn) error { return nil }

// startExample starts a server for an example, whose devices need not wait for
// long.
func startExample() example {
	socket := httptest.NewUnstartedServer(nil)
	address := "http://" + socket.Listener.Addr().String()
	handler, _, err := newHandler(address, sandbox.New(sandbox.Config{}))
	if err != nil {
		panic(err)
	}
	socket.Config.Handler = impatient(handler)
	socket.Start()
	return example{
		URL: address, StackExchange: address + "/sandbox", API: address + "/sandbox/2.3",
		Screen: io.Discard, User: approve, Close: socket.Close,
	}
}

// impatient lets devices poll every second.
func impatient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != api.PathDeviceAuthorization {
			next.ServeHTTP(w, r)
			return
		}
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		w.WriteHeader(recorder.Code)
		_, _ = io.WriteString(w, strings.Replace(recorder.Body.String(), `"interval":5`, `"interval":1`, 1))
	})
}

// quiet is for servers whose clients misbehave.
var quiet = log.New(io.Discard, "", 0)
