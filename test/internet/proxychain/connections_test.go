package proxychain_test

import (
	"bufio"
	"crypto/rand"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// keep connects to a server and has it answer once. It returns nil if the
// server does not.
func keep(t *testing.T, from, address string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: time.Minute}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		return nil // closed before this end knew that it was open
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	host := strings.Replace(address, "127.0.0.1", "localhost", 1)
	if _, err := conn.Write([]byte("GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n")); err != nil {
		return nil
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	return conn
}

// TestFloodOfConnections: one address cannot take the connections of all. What
// it has remains served, and when it closes one it may have another.
func TestFloodOfConnections(t *testing.T) {
	const most = 50
	address := start(t, "--limit-connections", strconv.Itoa(most))
	const flooder = "127.0.0.2"
	var kept []net.Conn
	for range 3 * most {
		if conn := keep(t, flooder, address); conn != nil {
			kept = append(kept, conn)
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
	kept[0].Close()
	for deadline := time.Now().Add(time.Minute); keep(t, flooder, address) == nil; { // the server has yet to see it
		if time.Now().After(deadline) {
			t.Fatal("there is no place after a connection has been closed")
		}
	}
}

// TestConnectionsOfProxies: a trusted proxy may have as many as it likes.
func TestConnectionsOfProxies(t *testing.T) {
	address := start(t, "--limit-connections", "2", "--trusted-proxies", "127.0.0.2")
	for i := range 20 {
		if keep(t, "127.0.0.2", address) == nil {
			t.Fatalf("connection %d is refused", i)
		}
	}
}
