//go:build integration

package acme_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
	"github.com/desktop-stack-serv/dss/test/program"
)

// seeing is a store that remembers every value it was given.
type seeing struct {
	*memory.Store
	mu     sync.Mutex
	values [][]byte
}

func (s *seeing) see(value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = append(s.values, bytes.Clone(value))
}

// member is one of several servers with one store.
type member struct {
	source  *certs.ACME
	address string
	log     program.Log
}

// join starts a server at a TLS port. It answers challenges, but orders
// nothing before run.
func join(t *testing.T, a *authority, store sealed.Store, text, port string) *member {
	t.Helper()
	shared, err := certs.NewShared(sealed.NewVault(store), secret.New(text), "authority")
	if err != nil {
		t.Fatal(err)
	}
	return joinWith(t, a, shared, port)
}

func joinWith(t *testing.T, a *authority, storage certs.Storage, port string) *member {
	t.Helper()
	m := &member{}
	m.source = certs.NewACME(certs.Config{
		Directory: a.directory(), Email: "me@example.test", Roots: a.own(),
		Hosts:   []string{host, "7." + host},
		Storage: storage, Log: slog.New(slog.NewTextHandler(&m.log, nil)),
	})
	listener, err := net.Listen("tcp", loopback(port))
	if err != nil {
		t.Fatal(err)
	}
	m.address = listener.Addr().String()
	server := &http.Server{TLSConfig: certs.TLSConfig(m.source), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return m
}

func (m *member) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.source.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// TestSeveralServers: one orders and another is asked for the answer; both
// serve the one certificate; the store sees no key.
func TestSeveralServers(t *testing.T) {
	t.Parallel()
	a, store, secret := newAuthority(t), &seeing{Store: memory.New(store.Limits{})}, rand.Text()+rand.Text()
	a.start()
	orders := join(t, a, store, secret, program.FreePort(t))
	answers := join(t, a, store, secret, a.tlsPort)
	orders.run(t)
	roots := a.roots()
	first := map[string]*x509.Certificate{}
	for _, name := range []string{host, "7." + host} {
		first[name] = certified(t, orders.address, name, roots)
	}
	answers.source.Load(t.Context())
	for name, cert := range first {
		second, err := handshake(answers.address, name, roots)
		if err != nil || second.SerialNumber.Cmp(cert.SerialNumber) != 0 {
			t.Fatalf("the other server has not the same certificate: %v", err)
		}
	}
	if a.orders() != 2 {
		t.Errorf("%d orders, want 2", a.orders())
	}
	store.mu.Lock()
	defer store.mu.Unlock()
	if len(store.values) < 6 {
		t.Errorf("only %d values were stored", len(store.values))
	}
	for _, value := range store.values {
		for _, text := range []string{"PRIVATE KEY", "CERTIFICATE", host} {
			if bytes.Contains(value, []byte(text)) {
				t.Errorf("the store has seen %q", text)
			}
		}
	}
}

// TestStartingTogether: servers that start at the same moment order each
// certificate once.
func TestStartingTogether(t *testing.T) {
	t.Parallel()
	a, store, secret := newAuthority(t), memory.New(store.Limits{}), rand.Text()+rand.Text()
	a.start()
	members := []*member{join(t, a, store, secret, program.FreePort(t)), join(t, a, store, secret, a.tlsPort)}
	for _, m := range members {
		m.run(t)
	}
	for _, m := range members {
		certified(t, m.address, host, a.roots())
		certified(t, m.address, "7."+host, a.roots())
	}
	if a.orders() != 2 {
		t.Errorf("%d orders, want 2\n%s\n%s", a.orders(), members[0].log.String(), members[1].log.String())
	}
}

// TestRenewalOnSeveralServers: who does not renew itself serves what another
// one has renewed.
func TestRenewalOnSeveralServers(t *testing.T) {
	t.Parallel()
	a, store, secret := newAuthority(t), memory.New(store.Limits{}), rand.Text()+rand.Text()
	a.lifetime = shortLife
	a.start()
	members := []*member{join(t, a, store, secret, program.FreePort(t)), join(t, a, store, secret, a.tlsPort)}
	roots := a.roots()
	for _, m := range members {
		m.run(t)
	}
	first := certified(t, members[0].address, host, roots)
	for _, m := range members {
		eventually(t, "a new certificate", func() bool {
			return certified(t, m.address, host, roots).SerialNumber.Cmp(first.SerialNumber) != 0
		})
	}
	if a.orders() > 6 {
		t.Errorf("%d orders for four to six certificates", a.orders())
	}
}

func (s *seeing) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	s.see(value)
	return s.Store.Create(ctx, id, value, ttl)
}

func (s *seeing) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	s.see(next)
	return s.Store.Replace(ctx, id, old, next, ttl)
}

// full is a storage that takes no certificate.
type full struct{ certs.Storage }

func (f full) Put(ctx context.Context, name string, data []byte, ttl time.Duration) error {
	if name == host {
		return sealed.ErrFull
	}
	return f.Storage.Put(ctx, name, data, ttl)
}

// TestNotStored: a certificate that cannot be stored is served, not ordered
// again and again.
func TestNotStored(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.start()
	folder, err := certs.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := joinWith(t, a, full{folder}, a.tlsPort)
	m.run(t)
	certified(t, m.address, host, a.roots())
	certified(t, m.address, "7."+host, a.roots())
	for range 3 {
		if _, err := handshake(m.address, host, a.roots()); err != nil {
			t.Errorf("%v\n%s", err, m.log.String())
		}
	}
	if a.orders() != 2 || !strings.Contains(m.log.String(), "certificate not stored") {
		t.Errorf("%d orders; the log:\n%s", a.orders(), m.log.String())
	}
}
