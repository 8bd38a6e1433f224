package dss_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
)

// wire is the way from an app to a server over HTTPS. Its connections can go
// silent, as they do when a laptop sleeps or a VPN changes: nothing arrives any
// more, in either direction, and nobody says so.
type wire struct {
	pipes  *pipes
	silent atomic.Pointer[chan struct{}] // closed: the connections until now are silent
	dialed atomic.Int32
}

func newWire() *wire {
	w := &wire{pipes: newPipes()}
	w.mend()
	return w
}

// mend lets new connections work.
func (w *wire) mend() { fresh := make(chan struct{}); w.silent.Store(&fresh) }

// cut silences all connections there are.
func (w *wire) cut() { close(*w.silent.Load()); w.mend() }

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := w.pipes.dial(ctx, network, address)
	w.dialed.Add(1)
	return &silentConn{conn, *w.silent.Load(), make(chan struct{})}, err
}

type silentConn struct {
	net.Conn
	silent, closed chan struct{}
}

func (c *silentConn) isSilent() bool {
	select {
	case <-c.silent:
		return true
	default:
		return false
	}
}

// Read implements [net.Conn].
func (c *silentConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.isSilent() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

// Write implements [net.Conn].
func (c *silentConn) Write(p []byte) (int, error) {
	if c.isSilent() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close implements [net.Conn]. The other end does not hear of it.
func (c *silentConn) Close() error {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	return c.Conn.Close()
}

// over starts DSS over HTTPS behind a wire, with HTTP/2 or without.
func over(t *testing.T, w *wire, http2 bool) (server, *http.Client) {
	t.Helper()
	const address = "https://example.com" // as in the certificate of package httptest
	fake := sandbox.New(sandbox.Config{})
	handler, store, err := newHandler(address, fake)
	if err != nil {
		t.Fatal(err)
	}
	routes.handlers.Store("example.com", handler) // for the user's browser
	socket := httptest.NewUnstartedServer(handler)
	socket.Listener.Close()
	socket.Listener, socket.EnableHTTP2 = w.pipes, http2
	socket.Config.ErrorLog = quiet
	socket.StartTLS()
	trusting := socket.Client().Transport.(*http.Transport)
	transport := &http.Transport{DialContext: w.dial, TLSClientConfig: trusting.TLSClientConfig, ForceAttemptHTTP2: http2}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		socket.CloseClientConnections()
		socket.Close()
		routes.handlers.Delete("example.com")
	})
	return server{address, fake, store}, &http.Client{Transport: transport}
}

// TestSilentConnection has the connection go silent at every stage of a
// sign-in. It ends well all the same, and soon enough for a bound key.
func TestSilentConnection(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		for _, flow := range []dss.Flow{dss.FlowRelay, dss.FlowImplicit, dss.FlowDevice} {
			for when, at := range map[string]time.Duration{"idle": 0, "waiting": 3 * time.Second, "later": 47 * time.Second} {
				t.Run(protocol+" "+string(flow)+" "+when, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { signInThroughSilence(t, protocol == "HTTP/2", flow, at) })
				})
			}
		}
	}
}

func signInThroughSilence(t *testing.T, http2 bool, flow dss.Flow, at time.Duration) {
	w := newWire()
	s, client := over(t, w, http2)
	signIn, err := s.client(t, dss.Config{Flow: flow, Scopes: scopes, HTTPClient: client}).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer signIn.Close()
	done := make(chan error, 1)
	time.AfterFunc(at, func() {
		w.cut()
		time.AfterFunc(time.Second, func() { done <- approve(signIn) })
	})
	started := time.Now()
	token, err := signIn.Wait(t.Context())
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	checkToken(t, s, token, flow != dss.FlowImplicit)
	if took := time.Since(started) - at; took > api.RetryWindow {
		t.Errorf("that took %v after the silence", took)
	}
}

// TestPings notice a silent connection long before the answer is overdue.
func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		s, client := over(t, w, true)
		signIn, err := s.client(t, dss.Config{Flow: dss.FlowImplicit, Scopes: scopes, HTTPClient: client}).Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		time.AfterFunc(time.Second, w.cut)
		if _, err := signIn.Wait(t.Context()); !errors.Is(err, dss.ErrExpired) {
			t.Error(err)
		}
		if time.Since(started) > 16*time.Minute || w.dialed.Load() != 2 {
			t.Errorf("%d connections in %v", w.dialed.Load(), time.Since(started))
		}
	})
}

// TestCodeGoesIntoANewConnection, since the one of the start may have died while
// the user signed in.
func TestCodeGoesIntoANewConnection(t *testing.T) {
	for _, tt := range []struct {
		http2         bool
		stackExchange string // "" is that of the server, where the client redeems the code itself
		want          string
	}{
		{false, elsewhere, api.InvalidGrant},
		{true, elsewhere, api.InvalidGrant},
		{false, "", api.InvalidRequest},
		{true, "", api.InvalidRequest},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, way := newWire(), newPipes()
			s, carrier := over(t, w, tt.http2)
			client := s.client(t, dss.Config{Flow: dss.FlowLoopback, HTTPClient: carrier, StackExchange: tt.stackExchange})
			client.SetListen(way.listen)
			signIn, err := client.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer signIn.Close()
			address, err := url.Parse(signIn.URL)
			if err != nil {
				t.Fatal(err)
			}
			w.cut()
			a := &app{signIn: signIn, asked: address.Query(), redirectURI: address.Query().Get("redirect_uri"), pipes: way}
			a.visit(t, http.MethodGet, "/", a.response("iss", s.url))
			started := time.Now()
			_, err = signIn.Wait(t.Context())
			answer, ok := errors.AsType[*dss.Error](err)
			if !ok || answer.Name != tt.want || (answer.RequestID == "") != (tt.stackExchange == "") || time.Since(started) != 0 {
				t.Errorf("%v after %v", err, time.Since(started))
			}
		})
	}
}

// TestTimesFit keeps three tries in the time in which a bound key can be
// claimed again.
func TestTimesFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{replies: []reply{hangs, hangs, implicit}, started: time.Now()}
		if _, err := f.client(t, dss.FlowImplicit).SignIn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if last := f.asked[2]; last >= api.RetryWindow {
			t.Errorf("the third request comes after %v", last)
		}
	})
}

// TestLostToken loses the answer with the token, which cannot be had again.
func TestLostToken(t *testing.T) {
	invalid := says(http.StatusBadRequest, `{"error":"invalid_grant","error_description":"the code is unknown"}`)
	stale := says(http.StatusBadRequest, `{"error":{"type":"invalid_request","message":"the code is unknown"}}`)
	flat := says(http.StatusBadRequest, `{"error_message":"No authorization code found"}`)
	numbered := says(http.StatusBadRequest, `{"error":{"type":"2","message":"the code is unknown"}}`)
	throttled := says(http.StatusBadRequest, `{"error_id":502,"error_name":"throttle_violation","error_message":"too many requests"}`)
	gateway := says(http.StatusBadGateway, "<h1>Bad Gateway</h1>", "Content-Type", "text/html")
	broken := fails(io.EOF)
	for _, tt := range []struct {
		name    string
		flow    dss.Flow
		replies []reply
		want    error // nil: a token
		asked   int
	}{
		{"the connection breaks", dss.FlowLoopback, []reply{broken, invalid}, dss.ErrAnswerLost, 2},
		{"the answer breaks off", dss.FlowLoopback, []reply{cut, invalid}, dss.ErrAnswerLost, 2},
		{"no answer in time", dss.FlowLoopback, []reply{hangs, invalid}, dss.ErrAnswerLost, 2},
		{"a gateway's error", dss.FlowLoopback, []reply{gateway, invalid}, dss.ErrAnswerLost, 2},
		{"a page instead", dss.FlowLoopback, []reply{page, invalid}, dss.ErrAnswerLost, 2},
		{"always lost", dss.FlowLoopback, []reply{broken}, dss.ErrAnswerLost, 3},
		{"the request was lost", dss.FlowLoopback, []reply{broken, granted}, nil, 2},
		{"not connected", dss.FlowLoopback, []reply{refused, refused, refused, refused, granted}, nil, 5},
		{"not connected, not known", dss.FlowLoopback, []reply{refused, invalid}, nil, 2},
		{"busy, not known", dss.FlowLoopback, []reply{busy(503, "1"), invalid}, nil, 2},
		{"not known", dss.FlowLoopback, []reply{invalid}, nil, 1},
		{"at Stack Exchange", dss.FlowRelay, []reply{code, cut, stale}, dss.ErrAnswerLost, 3},
		{"at Stack Exchange, flat", dss.FlowRelay, []reply{code, cut, flat}, dss.ErrAnswerLost, 3},
		{"at Stack Exchange, numbered", dss.FlowRelay, []reply{code, cut, numbered}, dss.ErrAnswerLost, 3},
		{"at Stack Exchange, not known", dss.FlowRelay, []reply{code, stale}, nil, 2},
		{"at Stack Exchange, not known, flat", dss.FlowRelay, []reply{code, flat}, nil, 2},
		{"at Stack Exchange, throttled", dss.FlowRelay, []reply{code, throttled, throttled, granted}, nil, 4},
		{"of a device", dss.FlowDevice, []reply{cut, invalid}, dss.ErrAnswerLost, 2},
		{"of a device, pending", dss.FlowDevice, []reply{cut, cut, cut, cut, pending, granted}, nil, 6},
		{"of a device, not known", dss.FlowDevice, []reply{invalid}, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{replies: tt.replies, device: someDevice, started: time.Now()}
				signIn := func() (*dss.Token, error) { return f.client(t, tt.flow).SignIn(t.Context()) }
				if tt.flow == dss.FlowLoopback {
					signIn = func() (*dss.Token, error) { return f.signInByLoopback(t) }
				}
				_, err := signIn()
				if tt.want != nil && !errors.Is(err, tt.want) || tt.want == nil && errors.Is(err, dss.ErrAnswerLost) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if len(f.asked) != tt.asked {
					t.Errorf("asked at %v, want %d times", f.asked, tt.asked)
				}
			})
		})
	}
}

// TestLostTokenOfTheRealServer loses the one answer of /oauth/token.
func TestLostTokenOfTheRealServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		way := &losing{path: api.PathOAuthToken}
		_, err := s.client(t, dss.Config{
			Flow: dss.FlowDevice, Prompt: approve, HTTPClient: &http.Client{Transport: way},
		}).SignIn(t.Context())
		if !errors.Is(err, dss.ErrAnswerLost) || way.lost != 1 {
			t.Errorf("%v after %d lost answers", err, way.lost)
		}
	})
}
