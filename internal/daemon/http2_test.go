package daemon

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

// pipes is a listener whose connections stay in the process, so that time can
// be made to pass.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	dialled  atomic.Int32
}

func newPipes() *pipes { return &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accepted:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.dialled.Add(1)
	p.accepted <- theirs
	return ours, nil
}

// writePair writes a certificate for localhost and auth.example.org that was
// good in 2000, when time starts in a synctest bubble, and its key.
func writePair(t *testing.T, folder string) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	year := func(n int) time.Time { return time.Date(n, 1, 1, 0, 0, 0, 0, time.UTC) }
	certificate, err := selfsigned.New(year(1999), year(2099), "localhost", "auth.example.org")
	if err != nil {
		t.Fatal(err)
	}
	if certFile, keyFile, err = certificate.Write(folder); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile, certificate.Roots()
}

// overHTTP2 is a server as [Run] runs it, and a client.
type overHTTP2 struct {
	*testing.T
	*http.Client
	pipes *pipes
	roots *x509.CertPool
	drain func()
	// inFlight counts the requests that are being served.
	inFlight *atomic.Int32
}

const maxWaitersInBubble = 60

// unstarted returns a server of which nothing runs, with its entries in memory.
func unstarted(t testing.TB, settings Settings) *daemon {
	t.Helper()
	plan, err := settings.plan()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{examination: &examination{plan: plan, log: slog.New(slog.DiscardHandler)}, origin: plan.publicAt(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080})}
	if err := d.newServer(memory.New(store.Limits{})); err != nil {
		t.Fatal(err)
	}
	return d
}

// inBubble runs test with a server in a synctest bubble.
func inBubble(t *testing.T, test func(overHTTP2), change ...func(*Settings)) {
	certFile, keyFile, roots := writePair(t, t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		settings := Settings{
			PublicURL: "https://localhost", TLSCert: certFile, TLSKey: keyFile, MaxEntries: 5 * maxWaitersInBubble,
			Limits: "off", // one client opens more connections than anybody else
		}
		for _, f := range change {
			f(&settings)
		}
		d := unstarted(t, settings)
		source, err := certs.OpenFiles(certFile, keyFile, "localhost", d.log)
		if err != nil {
			t.Fatal(err)
		}
		listener := newPipes()
		handler, inFlight := d.server.Handler(), &atomic.Int32{}
		server := newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inFlight.Add(1)
			defer inFlight.Add(-1)
			handler.ServeHTTP(w, r)
		}), d.log)
		served := make(chan error, 1)
		go func() { served <- serveOn(listener, server, source) }()
		transport := &http.Transport{
			DialContext: listener.dial, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots},
		}
		test(overHTTP2{t, &http.Client{Transport: transport}, listener, roots, d.server.Drain, inFlight})
		transport.CloseIdleConnections()
		server.Close()
		<-served
	})
}

// answer is what came back, and when.
type answer struct {
	status int
	body   string
	after  time.Duration
	err    error
}

func (a answer) String() string {
	return fmt.Sprintf("%d %v after %v: %s", a.status, a.err, a.after, a.body)
}

func (o overHTTP2) do(ctx context.Context, method, path, form string) answer {
	began := time.Now()
	request, err := http.NewRequestWithContext(ctx, method, "https://localhost"+path, strings.NewReader(form))
	if err != nil {
		return answer{err: err}
	}
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	response, err := o.Do(request)
	if err != nil {
		return answer{after: time.Since(began), err: err}
	}
	defer response.Body.Close()
	if response.ProtoMajor != 2 {
		o.Errorf("%s is answered by %s", path, response.Proto)
	}
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, string(body), time.Since(began), err}
}

// wait claims in the background, waiting.
func (o overHTTP2) wait(ctx context.Context, key string) <-chan answer {
	answers := make(chan answer, 1)
	go func() { answers <- o.do(ctx, "GET", "/auth/token?wait=60&key="+key, "") }()
	synctest.Wait()
	return answers
}

func (o overHTTP2) deposit(key string) {
	o.Helper()
	if a := o.do(o.Context(), "POST", "/auth/redirect", "access_token=T&state="+key); a.status != http.StatusNoContent {
		o.Fatalf("deposit: %v", a)
	}
}

// TestWaitOverHTTP2: none of the server's bounds on time cuts a wait.
func TestWaitOverHTTP2(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		if a := <-o.wait(o.Context(), rand.Text()); a.status != http.StatusNotFound || a.after != time.Minute {
			o.Errorf("nothing comes: %v", a)
		}
		key := rand.Text()
		answers := o.wait(o.Context(), key)
		time.Sleep(59 * time.Second)
		o.deposit(key)
		if a := <-answers; a.status != http.StatusOK || !strings.Contains(a.body, `"T"`) || a.after != 59*time.Second {
			o.Errorf("after 59 s: %v", a)
		}
		if n := o.pipes.dialled.Load(); n != 1 {
			o.Errorf("%d connections", n)
		}
	})
}

// TestWaiterLeavesOverHTTP2: what comes for a waiter that has gone is there
// for the next claim.
func TestWaiterLeavesOverHTTP2(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		key := rand.Text()
		ctx, leave := context.WithCancel(o.Context())
		gone, stays := o.wait(ctx, key), o.wait(o.Context(), rand.Text())
		leave()
		if a := <-gone; a.err == nil {
			o.Errorf("who has left: %v", a)
		}
		synctest.Wait()
		o.deposit(key)
		if a := o.do(o.Context(), "GET", "/auth/token?key="+key, ""); a.status != http.StatusOK {
			o.Errorf("the next claim: %v", a)
		}
		if a := <-stays; a.status != http.StatusNotFound || a.after != time.Minute {
			o.Errorf("another waiter on the connection: %v", a)
		}
	})
}

// TestRefusalOverHTTP2: a refused request does not end the connection, on
// which others wait.
func TestRefusalOverHTTP2(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		key := rand.Text()
		answers := o.wait(o.Context(), key)
		for range 3 {
			if a := o.do(o.Context(), "GET", "/auth//token", ""); a.status != http.StatusNotFound {
				o.Errorf("an unclean path: %v", a)
			}
		}
		o.deposit(key)
		if a := <-answers; a.status != http.StatusOK {
			o.Errorf("the waiter: %v", a)
		}
		if n := o.pipes.dialled.Load(); n != 1 {
			o.Errorf("%d connections", n)
		}
	})
}

func TestDrainOverHTTP2(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		var waiters []<-chan answer
		for range 50 {
			waiters = append(waiters, o.wait(o.Context(), rand.Text()))
		}
		time.Sleep(20 * time.Second)
		o.drain()
		for _, answers := range waiters {
			if a := <-answers; a.status != http.StatusServiceUnavailable || a.after != 20*time.Second {
				o.Errorf("a waiter: %v", a)
			}
		}
	})
}

// TestSlowBodyOverHTTP2: a body that does not end is given up, and the
// connection with its waiters is not.
func TestSlowBodyOverHTTP2(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		waiter := o.wait(o.Context(), rand.Text())
		body, feed := io.Pipe()
		defer feed.Close()
		request, err := http.NewRequestWithContext(o.Context(), "POST", "https://localhost/auth/token", body)
		if err != nil {
			o.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		go feed.Write([]byte("key="))
		began := time.Now()
		response, err := o.Do(request)
		if err != nil {
			o.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusBadRequest || time.Since(began) != bodyTime {
			o.Errorf("%s after %v", response.Status, time.Since(began))
		}
		if a := <-waiter; a.status != http.StatusNotFound || a.after != time.Minute {
			o.Errorf("the waiter: %v", a)
		}
	})
}
