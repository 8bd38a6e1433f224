package limit

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
)

// dialFrom connects to a listener from an address, and fails the test if that
// is impossible.
func dialFrom(t *testing.T, from string, to net.Listener) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestListen: who has as many connections as may be gets no other, and
// everybody else does.
func TestListen(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hits := 0
	l := New(Config{Connections: 2, OnHit: func(name string) {
		if name != Connections {
			t.Errorf("limit %s", name)
		}
		hits++
	}})
	listener := l.Listen(inner, func(address netip.Addr) bool { return address == netip.MustParseAddr("127.0.0.9") })
	defer listener.Close()
	accept := func() net.Conn {
		t.Helper()
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	const here, there, exempt = "127.0.0.1", "127.0.0.2", "127.0.0.9"
	var first net.Conn
	for _, from := range []string{here, here, there, exempt, exempt, exempt} {
		dialFrom(t, from, inner)
		if conn := accept(); first == nil {
			first = conn
		}
	}
	// The next that is accepted is not the one too many.
	refused := dialFrom(t, here, inner)
	dialFrom(t, there, inner)
	if conn := accept(); addressOfConn(conn) != there {
		t.Errorf("accepted from %v", conn.RemoteAddr())
	}
	if n, err := refused.Read(make([]byte, 1)); err == nil || hits != 1 {
		t.Errorf("read %d bytes; %d hits", n, hits)
	}
	for range 2 { // a second time changes nothing
		first.Close()
	}
	dialFrom(t, here, inner)
	if conn := accept(); addressOfConn(conn) != here {
		t.Errorf("accepted from %v", conn.RemoteAddr())
	}
	dialFrom(t, here, inner)
	dialFrom(t, exempt, inner)
	if conn := accept(); addressOfConn(conn) != exempt || hits != 2 {
		t.Errorf("accepted from %v; %d hits", conn.RemoteAddr(), hits)
	}
}

func addressOfConn(conn net.Conn) string {
	host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	return host
}

// TestHalfClosed: net/http ends what it says and waits for the client to read
// it, which it can only with a connection that can do that.
func TestHalfClosed(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := New(Defaults()).Listen(inner, func(netip.Addr) bool { return false })
	defer listener.Close()
	client := dialFrom(t, "127.0.0.1", inner)
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	half, ok := server.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		t.Fatal("it cannot be half closed")
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if n, err := server.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Error(n, err)
	}
}

// TestListenUnlimited adds nothing.
func TestListenUnlimited(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	for _, l := range []*Limiter{nil, New(Config{})} {
		if l.Listen(inner, nil) != inner {
			t.Error("there is a limit")
		}
	}
}
