package certs

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// selfSigned is a key and a certificate for name in PEM.
func selfSigned(t *testing.T, name string, life time.Duration) string {
	t.Helper()
	key := newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(min(life, 0) - time.Minute), NotAfter: time.Now().Add(life),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := encodePair(key, [][]byte{der})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const testHost = "auth.example.org"

// cluster is a server under test, and the storage it shares with another one.
type cluster struct {
	*ACME
	storage *flaky
	log     *buffer
}

// buffer is what a server logs to.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// flaky is a storage that can fail.
type flaky struct {
	Storage
	failing atomic.Bool
}

var errTrouble = errors.New("out of order")

func (f *flaky) Get(ctx context.Context, name string) ([]byte, bool, error) {
	if f.failing.Load() {
		return nil, false, errTrouble
	}
	return f.Storage.Get(ctx, name)
}

// newCluster has certificates for testHost and more, and an authority that
// cannot be reached.
func newCluster(t *testing.T, more ...string) cluster {
	t.Helper()
	shared, err := NewShared(sealed.NewVault(memory.New(store.Limits{})), secret.New(strings.Repeat("s", MinSecret)), "authority")
	if err != nil {
		t.Fatal(err)
	}
	storage, log := &flaky{Storage: shared}, &buffer{}
	return cluster{NewACME(Config{
		Directory: "https://127.0.0.1:1/dir", Email: "me@example.org", Hosts: append([]string{testHost}, more...), HTTP01: true,
		Storage: storage, Log: slog.New(slog.NewTextHandler(log, nil)),
	}), storage, log}
}

// run runs the server until the test ends.
func (c cluster) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (c cluster) ask(t *testing.T, name string, protocols ...string) (*tls.Certificate, error) {
	return c.certificate(t.Context(), &tls.ClientHelloInfo{ServerName: name, SupportedProtos: protocols})
}

// elsewhere locks a name, as another server does.
func (c cluster) elsewhere(t *testing.T, name string) (unlock func()) {
	t.Helper()
	unlock, ok, err := c.storage.Lock(t.Context(), name)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return unlock
}

func (c cluster) put(t *testing.T, name string, life time.Duration) {
	t.Helper()
	if err := c.storage.Put(t.Context(), name, []byte(selfSigned(t, name, life)), keepTime); err != nil {
		t.Fatal(err)
	}
}

// TestAnotherServerOrders: what it stores is served soon, of the host that
// this server waits for and of those after it in the list.
func TestAnotherServerOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := "7." + testHost
		c := newCluster(t, app)
		unlock := c.elsewhere(t, testHost)
		unlockApp := c.elsewhere(t, app)
		defer c.run(t)()
		time.Sleep(30 * time.Second)
		c.put(t, app, 90*24*time.Hour)
		unlockApp()
		time.Sleep(2 * time.Second)
		if cert, err := c.ask(t, app); err != nil || cert.Leaf.DNSNames[0] != app {
			t.Errorf("the app's: %v, %v", cert, err)
		}
		if cert, err := c.ask(t, testHost); !errors.Is(err, errNoCertificate) {
			t.Errorf("before the other one is done: %v, %v", cert, err)
		}
		c.put(t, testHost, 90*24*time.Hour)
		unlock()
		time.Sleep(2 * time.Second)
		if cert, err := c.ask(t, testHost); err != nil || cert.Leaf.DNSNames[0] != testHost {
			t.Errorf("after the other one is done: %v, %v", cert, err)
		}
		if strings.Contains(c.log.String(), "ERROR") {
			t.Errorf("the log:\n%s", c.log.String())
		}
	})
}

// TestAnotherServerSucceeds, while this one pauses after a failure.
func TestAnotherServerSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.run(t)()
		time.Sleep(time.Hour) // the pauses are 10 minutes long by now
		c.put(t, testHost, 90*24*time.Hour)
		time.Sleep(checkEvery)
		synctest.Wait()
		if _, err := c.ask(t, testHost); err != nil {
			t.Error(err)
		}
	})
}

// TestHandshakesDoNotWait for a certificate, and the log says once that they
// fail.
func TestHandshakesDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.elsewhere(t, testHost)
		defer c.run(t)()
		began := time.Now()
		for range 1000 {
			if _, err := c.ask(t, testHost); !errors.Is(err, errNoCertificate) {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("they took %v", took)
		}
		line := `msg="TLS connections fail: no certificate for the host yet" host=` + testHost
		if n := strings.Count(c.log.String(), line); n != 1 {
			t.Errorf("%d lines:\n%s", n, c.log.String())
		}
	})
}

// TestLoad: what is stored is served before Run has begun.
func TestLoad(t *testing.T) {
	c := newCluster(t, "7."+testHost)
	c.put(t, testHost, 90*24*time.Hour)
	c.put(t, "7."+testHost, 90*24*time.Hour)
	c.Load(t.Context())
	for _, host := range []string{testHost, "7." + testHost} {
		if _, err := c.ask(t, host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// TestStopEndsOrders, even if another server holds all locks.
func TestStopEndsOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "1."+testHost)
		c.elsewhere(t, testHost)
		stop := c.run(t)
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

// TestRefusedHosts get no certificate, and no line in the log.
func TestRefusedHosts(t *testing.T) {
	c := newCluster(t, "7."+testHost)
	for _, host := range []string{
		"evil.example", "8." + testHost, "a_b." + testHost, "*." + testHost, "-." + testHost, "..", "a.7." + testHost,
	} {
		if cert, err := c.ask(t, host); !errors.Is(err, errUnknownHost) {
			t.Errorf("%s: %v, %v", host, cert, err)
		}
	}
	if c.log.String() != "" {
		t.Errorf("the log:\n%s", c.log.String())
	}
}

// TestChallengeOfNobody: no answer to a challenge that nobody has begun.
func TestChallengeOfNobody(t *testing.T) {
	c := newCluster(t)
	if _, err := c.ask(t, testHost, "acme-tls/1"); !errors.Is(err, errNoChallenge) {
		t.Errorf("TLS-ALPN-01: %v", err)
	}
	if _, err := c.ask(t, "evil.example", "acme-tls/1"); !errors.Is(err, errUnknownHost) {
		t.Errorf("TLS-ALPN-01 for another host: %v", err)
	}
	// The name of another entry is no token.
	if err := c.storage.Put(t.Context(), challengePrefix+testHost, []byte("key"), time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"token", "", testHost, "a b", "../account", strings.Repeat("a", 129)} {
		if answer, ok, err := c.Challenge(t.Context(), token); ok || err != nil {
			t.Errorf("HTTP-01 %q: %q, %v, %v", token, answer, ok, err)
		}
	}
}

// TestHostsNamedLikeChallenges: a host has its certificate, whatever is answered
// for another one at the same time, and no host is named like an answer.
func TestHostsNamedLikeChallenges(t *testing.T) {
	hosts := []string{"challenge-" + testHost, "account." + testHost, "new-1." + testHost, testHost}
	c := newCluster(t, hosts...)
	for _, host := range hosts {
		if err := c.storage.Put(t.Context(), challengePrefix+host, []byte("answer"), time.Hour); err != nil {
			t.Fatal(err)
		}
		if !HostName(host) {
			t.Errorf("%s is no host", host)
		}
		c.put(t, host, 1000*time.Hour)
		c.Load(t.Context())
		if cert, err := c.ask(t, host); err != nil || cert.Leaf.DNSNames[0] != host {
			t.Errorf("%s: %v", host, err)
		}
		if data, ok, err := c.storage.Get(t.Context(), challengePrefix+host); err != nil || !ok || string(data) != "answer" {
			t.Errorf("the answer for %s: %q, %v", host, data, err)
		}
	}
	for _, name := range []string{challengePrefix + testHost, challengePrefix + "token", account} {
		if HostName(name) {
			t.Errorf("%s is a host", name)
		}
	}
	if _, err := c.ask(t, challengePrefix+testHost); !errors.Is(err, errUnknownHost) {
		t.Errorf("a host named like an answer: %v", err)
	}
}

// TestStorageTrouble: it is told, and over when it is over.
func TestStorageTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.put(t, testHost, 90*24*time.Hour)
		c.storage.failing.Store(true)
		defer c.run(t)()
		synctest.Wait()
		if _, err := c.ask(t, testHost); !errors.Is(err, errNoCertificate) {
			t.Errorf("a certificate from nowhere: %v", err)
		}
		if !strings.Contains(c.log.String(), "certificates not readable") {
			t.Errorf("the log:\n%s", c.log.String())
		}
		c.storage.failing.Store(false)
		time.Sleep(unreachablePause)
		synctest.Wait()
		c.storage.failing.Store(true)
		if cert, err := c.ask(t, testHost); err != nil || cert.Leaf.DNSNames[0] != testHost {
			t.Errorf("from memory: %v, %v", cert, err)
		}
	})
}

// TestDue: a third of the life is left when a certificate is renewed, by
// whom it may be; until it has expired it is served.
func TestDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.put(t, testHost, 90*24*time.Hour)
		stop := c.run(t)
		time.Sleep(60*24*time.Hour - time.Hour)
		synctest.Wait()
		if strings.Contains(c.log.String(), "not obtained") {
			t.Errorf("renewed early:\n%s", c.log.String())
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if !strings.Contains(c.log.String(), "not obtained") || !strings.Contains(c.log.String(), "has_one=true") {
			t.Errorf("not renewed:\n%s", c.log.String())
		}
		old, err := c.ask(t, testHost)
		if err != nil {
			t.Error(err)
		}
		// Another server has renewed it.
		c.put(t, testHost, 90*24*time.Hour)
		time.Sleep(unreachableLimit + time.Second)
		synctest.Wait()
		if cert, err := c.ask(t, testHost); err != nil || cert == old {
			t.Errorf("the old one is served still: %v", err)
		}
		stop()
		time.Sleep(91 * 24 * time.Hour)
		if _, err := c.ask(t, testHost); err == nil {
			t.Error("an expired certificate is served")
		}
	})
}
