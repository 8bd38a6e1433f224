//go:build integration

package proxychain_test

import (
	"crypto/rand"
	"net/http"
	"testing"
	"time"
)

// connected returns a client whose connection, which it keeps, has been
// served; served is false if the server did not want it.
func connected(t *testing.T, from, address string) (c client, served bool) {
	t.Helper()
	c = newClient(t, from)
	status, body := c.do(t.Context(), address, "/healthz", "")
	if status != http.StatusOK && status != 0 {
		t.Fatal(status, body)
	}
	return c, status == http.StatusOK
}

// TestFloodOfConnections: one address cannot take the connections of all. What
// it has remains served, and when it closes one it may have another.
func TestFloodOfConnections(t *testing.T) {
	const most = 50
	address := start(t, "--limits", "0.05")
	const flooder = "127.0.0.2"
	var kept []client
	for range 3 * most {
		if c, served := connected(t, flooder, address); served {
			kept = append(kept, c)
		}
	}
	if len(kept) != most {
		t.Errorf("one address has %d connections", len(kept))
	}
	other, key := newClient(t, "127.0.0.3"), rand.Text()
	if status, body := other.do(t.Context(), address, "/auth/redirect", "access_token=T&state="+key); status != http.StatusNoContent {
		t.Errorf("somebody else's deposit: %d %s", status, body)
	}
	if status, body := other.do(t.Context(), address, "/auth/token?key="+key, ""); status != http.StatusOK {
		t.Errorf("somebody else's claim: %d %s", status, body)
	}
	deadline := time.Now().Add(time.Minute)
	for again := false; !again; { // the server has yet to see it
		kept[0].http.CloseIdleConnections()
		if _, again = connected(t, flooder, address); !again && time.Now().After(deadline) {
			t.Fatal("there is no place after a connection has been closed")
		}
	}
}

// TestConnectionsOfProxies: a trusted proxy may have as many as it likes.
func TestConnectionsOfProxies(t *testing.T) {
	address := start(t, "--limits", "0.001", "--trusted-proxies", "127.0.0.2")
	for i := range 20 {
		if _, served := connected(t, "127.0.0.2", address); !served {
			t.Fatalf("connection %d is refused", i)
		}
	}
}
