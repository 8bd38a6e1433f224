package main

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/certs"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// TestHandshakeWaits longer for a certificate than the server waits for a
// client, and the connection is good for requests afterwards.
func TestHandshakeWaits(t *testing.T) {
	const host = "auth.example.org"
	certFile, keyFile, roots := writePair(t, t.TempDir())
	cert, certErr := os.ReadFile(certFile)
	key, keyErr := os.ReadFile(keyFile)
	if err := errors.Join(certErr, keyErr); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		vault, err := certs.NewVault(memory.New(store.Limits{}), secret.New(strings.Repeat("s", certs.MinSecret)), "authority")
		if err != nil {
			t.Fatal(err)
		}
		unlock, ok, err := vault.Lock(t.Context(), host) // as another server does that orders
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		log := slog.New(slog.DiscardHandler)
		source := certs.NewACME(certs.Config{
			Host: host, Answers: func(string) (bool, bool) { return true, false }, Storage: vault, Log: log,
		})
		defer runBackground("certificates", source.Run, log)()
		listener := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
		server := newHTTPServer(http.NotFoundHandler(), log)
		served := make(chan error, 1)
		go func() { served <- (&secured{source: source}).serve(server, listener) }()
		defer func() {
			server.Close()
			<-served
		}()
		go func() {
			time.Sleep(6 * headerTime)
			if err := vault.Put(t.Context(), host, append(key, cert...), time.Hour); err != nil {
				t.Error(err)
			}
			unlock()
		}()
		transport := &http.Transport{DialContext: listener.dial, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
		defer transport.CloseIdleConnections()
		began := time.Now()
		for range 2 {
			response, err := (&http.Client{Transport: transport}).Get("https://" + host + "/")
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			time.Sleep(time.Minute)
		}
		if took := time.Since(began); took < 2*time.Minute+6*headerTime || listener.dialled.Load() != 1 {
			t.Errorf("two answers after %v, over %d connections", took, listener.dialled.Load())
		}
	})
}
