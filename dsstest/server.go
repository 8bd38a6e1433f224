package dsstest

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// Options say how the server behaves. The zero value misbehaves in every way.
type Options struct {
	// Seed decides when faults strike. The zero value is a seed too.
	Seed uint64
	// Faults are those that strike; nil is [AllFaults], and an empty slice
	// is none.
	Faults []Fault
	// TTL is how long a sign-in may take; 0 means 15 minutes.
	TTL time.Duration
}

// Server is a DSS server with a fake Stack Exchange. It is safe for concurrent
// use.
type Server struct {
	// URL is the DSS server's.
	URL string
	// StackExchange and API are the fake's.
	StackExchange, API string

	t       testing.TB
	faults  *faults
	users   sync.WaitGroup
	address string         // of the listener
	up      sync.RWMutex   // held for reading while a user's browser needs the server
	server  *http.Server   // guarded by up
	serving sync.WaitGroup // until the servers are closed
}

// Start starts a server on loopback that ends with the test. The test fails if
// a user does not get to the end, and if a fault that it names can strike in
// none of the flows that it runs.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	for _, fault := range options.Faults {
		if !exists(fault) {
			t.Fatalf("dsstest: there is no fault %q", fault)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("dsstest: %v", err)
	}
	public := &url.URL{Scheme: "http", Host: fmt.Sprintf("localhost:%d", listener.Addr().(*net.TCPAddr).Port)}
	handler, err := newHandler(public, options)
	if err != nil {
		t.Fatalf("dsstest: %v", err)
	}
	fake := public.JoinPath("sandbox")
	s := &Server{
		URL: public.String(), StackExchange: fake.String(), API: fake.JoinPath("2.3").String(),
		t: t, faults: newFaults(handler, options), address: listener.Addr().String(),
	}
	s.faults.restart = s.restart
	s.serve(listener)
	t.Cleanup(func() {
		s.faults.reportIdle(t)
		s.users.Wait()
		s.up.Lock()
		defer s.up.Unlock()
		_ = s.server.Close()
		s.serving.Wait()
	})
	return s
}

func (s *Server) serve(listener net.Listener) {
	s.server = &http.Server{
		Handler: s.faults, ReadHeaderTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	server := s.server
	s.serving.Go(func() { _ = server.Serve(listener) }) // until it is closed
}

// downtime is how long a server that restarts is away.
const downtime = 1500 * time.Millisecond

// restart breaks all connections, and listens again after a while. It waits for
// users who are at their browsers, and they for it.
func (s *Server) restart() {
	s.up.Lock()
	defer s.up.Unlock()
	_ = s.server.Close()
	time.Sleep(downtime)
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Errorf("dsstest: restart: %v", err)
		return
	}
	s.serve(listener)
}

func newHandler(public *url.URL, options Options) (http.Handler, error) {
	store := memory.New(store.Limits{})
	base, fake := public.JoinPath("sandbox"), sandbox.New(sandbox.Config{Nasty: true})
	server, err := httpapi.New(sealed.NewVault(store), httpapi.Config{
		PublicURL: public, Sandbox: fake, TTL: options.TTL, Log: slog.New(slog.DiscardHandler), Version: "dsstest",
		StackExchange: stackexchange.Config{BaseURL: base, APIURL: base.JoinPath("2.3"), Transport: fake, Local: true},
	})
	if err != nil {
		return nil, err
	}
	return server.Handler(), nil
}

// Config returns a configuration with which nothing leaves this machine and the
// user approves. Set Prompt to another [Server.User]. Its flow is loopback: what
// [dss.FlowAuto] does depends on the machine.
func (s *Server) Config() dss.Config {
	return dss.Config{
		Server: s.URL, StackExchange: s.StackExchange, API: s.API,
		ClientID: "1", Scopes: []string{"read_inbox"}, Flow: dss.FlowLoopback, Prompt: s.User(Approves),
	}
}
