package clientaddr

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

// version2 is a header of the PROXY protocol's second version.
func version2(command, family byte, body string) string {
	length := binary.BigEndian.AppendUint16(nil, uint16(len(body)))
	return signature + string([]byte{0x20 | command, family}) + string(length) + body
}

const (
	clientV4 = "\xc6\x33\x64\x07\x0a\x01\x02\x03\x10\x00\x01\xbb" // 198.51.100.7:4096 to 10.1.2.3:443
	tlvs     = "\x04\x00\x03abc\x02\x00\x04host"
)

var clientV6 = "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x07" + strings.Repeat("\x00", 15) + "\x01" + "\x10\x00\x01\xbb"

func TestListen(t *testing.T) {
	for _, c := range []struct{ name, header, want string }{
		{"version 1", "PROXY TCP4 198.51.100.7 10.1.2.3 4096 443\r\n", "198.51.100.7:4096"},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::7 ::1 4096 443\r\n", "[2001:db8::7]:4096"},
		{"version 1, unknown", "PROXY UNKNOWN\r\n", "127.0.0.1"},
		{"version 1, a zone", "PROXY TCP6 fe80::1%eth0 ::1 4096 443\r\n", ""},
		{"version 1, a port that is none", "PROXY TCP4 198.51.100.7 10.1.2.3 70000 443\r\n", ""},
		{"version 1, endless", "PROXY TCP4 " + strings.Repeat("1", 4000), ""},
		{"version 2", version2(1, 0x11, clientV4), "198.51.100.7:4096"},
		{"version 2, IPv6", version2(1, 0x21, clientV6), "[2001:db8::7]:4096"},
		{"version 2, more than addresses", version2(1, 0x11, clientV4+tlvs), "198.51.100.7:4096"},
		{"version 2, local", version2(0, 0x00, ""), "127.0.0.1"},
		{"version 2, local with addresses", version2(0, 0x11, clientV4), "127.0.0.1"},
		{"version 2, UDP", version2(1, 0x12, clientV4), ""},
		{"version 2, a socket file", version2(1, 0x31, strings.Repeat("s", 216)), ""},
		{"version 2, too large", version2(1, 0x11, clientV4+strings.Repeat("x", 5000)), ""},
		{"version 2, short", version2(1, 0x11, clientV4[:5]), ""},
		{"no header", "", ""},
		{"garbage", "PROXY FTP\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ask(t, mustParse(t, "127.0.0.1,proxy-protocol"), c.header)
			if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
				t.Errorf("the client is %q, want %q", got, c.want)
			}
		})
	}
	if got := ask(t, mustParse(t, "10.0.0.0/8,proxy-protocol"), "PROXY TCP4 198.51.100.7 10.1.2.3 4096 443\r\n"); got != "" {
		t.Errorf("a peer that is not trusted is %q", got)
	}
}

// ask sends header and a request to a server that answers with the client's
// address, and returns the answer; "" if there is none.
func ask(t *testing.T, proxies Proxies, header string) string {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, ConnContext: ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RemoteAddr)
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(proxies.Listen(inner)) }()
	defer func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	conn, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	// The server may close the connection before it has read everything.
	_, _ = io.WriteString(conn, header+"GET / HTTP/1.0\r\n\r\n")
	answer, _ := io.ReadAll(conn)
	head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.0 200") {
		return ""
	}
	return body
}

// pipes is a listener that hands out connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return fromProxy{conn}, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

type fromProxy struct{ net.Conn }

func (fromProxy) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// TestSlowHeader: a proxy that sends nothing keeps nobody from being accepted,
// and loses its connection in time.
func TestSlowHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := make(pipes, 2)
		listener := mustParse(t, "127.0.0.1,proxy-protocol").Listen(inner)
		defer listener.Close()
		silent, atServer := net.Pipe()
		inner <- atServer
		slow, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		failed := make(chan error)
		go func() {
			_, err := slow.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		quick, atServer := net.Pipe()
		inner <- atServer
		next, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(quick, "PROXY TCP4 198.51.100.7 10.1.2.3 4096 443\r\n") }()
		if got := next.RemoteAddr().String(); got != "198.51.100.7:4096" || time.Since(began) != 0 {
			t.Errorf("the quick one is %s after %s", got, time.Since(began))
		}
		if err := <-failed; err == nil || time.Since(began) != headerTime {
			t.Errorf("the slow one ends with %v after %s", err, time.Since(began))
		}
		silent.Close()
		quick.Close()
	})
}
