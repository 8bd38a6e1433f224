//go:build integration

package scanners_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/frames"
)

// TestHostileOverTLS sends what no client sends, in HTTP/1.1 over TLS. It is
// refused, and others are served.
func TestHostileOverTLS(t *testing.T) {
	s := start(t)
	form := "Content-Type: application/x-www-form-urlencoded\r\n"
	for what, raw := range map[string]string{
		"other Host": "GET /auth/token?key=" + rand.Text() + " HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"two Hosts":  "GET / HTTP/1.1\r\nHost: " + s.address + "\r\nHost: evil.example\r\n\r\n",
		"no Host":    "GET / HTTP/1.1\r\n\r\n",
		"URL's Host": "GET https://evil.example/ HTTP/1.1\r\nHost: " + s.address + "\r\n\r\n",
		"TE and CL":  "POST /auth/token HTTP/1.1\r\nHost: " + s.address + "\r\n" + form + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two CLs":    "POST /auth/token HTTP/1.1\r\nHost: " + s.address + "\r\n" + form + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nkey=abc",
		"headers":    "GET / HTTP/1.1\r\nHost: " + s.address + "\r\nX-Filler: " + strings.Repeat("x", 17<<10) + "\r\n\r\n",
	} {
		if status := s.raw(what, raw); status < 400 || status > 499 {
			t.Errorf("%s: %d", what, status)
		}
		s.signIn()
	}
	if status := s.raw("nothing hostile", "GET /healthz HTTP/1.1\r\nHost: "+s.address+"\r\n\r\n"); status != http.StatusOK {
		t.Errorf("what is not hostile: %d", status)
	}
}

// TestPlainOnTLS: who forgets the TLS is told so, in plain HTTP.
func TestPlainOnTLS(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if status := s.exchange(conn, "GET /auth/token?key="+rand.Text()+" HTTP/1.1\r\nHost: "+s.address+"\r\n\r\n"); status != http.StatusBadRequest {
		t.Error(status)
	}
	s.signIn()
}

// raw sends a request over TLS and returns the answer's status.
func (s *server) raw(what, request string) int {
	s.Helper()
	conn, err := tls.Dial("tcp", s.address, s.trust)
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	defer conn.Close()
	return s.exchange(conn, request)
}

func (s *server) exchange(conn net.Conn, request string) int {
	s.Helper()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		s.Fatal(err)
	}
	go io.WriteString(conn, request) // it may be cut short
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// TestHostileFrames sends requests in HTTP/2 that no client sends. A stream is
// refused by a status or by a reset.
func TestHostileFrames(t *testing.T) {
	s := start(t)
	for what, request := range map[string][]byte{
		"other authority":  frames.Request("GET", "evil.example", "/"),
		"two paths":        frames.Request("GET", s.address, "/", frames.Field(":path", "/")),
		"line break":       frames.Request("GET", s.address, "/", frames.Field("x-a", "b\r\nHost: evil.example")),
		"upper case":       frames.Request("GET", s.address, "/", frames.Field("X-A", "b")),
		"chunks":           frames.Request("GET", s.address, "/", frames.Field("transfer-encoding", "chunked")),
		"path of no slash": frames.Request("GET", s.address, "healthz"),
		"17 KB of headers": frames.Request("GET", s.address, "/", bytes.Repeat(frames.Field("x-filler", strings.Repeat("x", 900)), 18)),
	} {
		if got := s.frames(request); got == "200" || got == "" {
			t.Errorf("%s: %q", what, got)
		}
		s.signIn()
	}
	if got := s.frames(frames.Request("GET", s.address, "/healthz")); got != "200" {
		t.Errorf("what is not hostile: %q", got)
	}
}

// frames sends a request, in as many frames as it takes, and returns what
// comes back on its stream: 200, another status, or a reset; or goaway.
func (s *server) frames(block []byte) string {
	s.Helper()
	c, err := frames.Dial(s.address, s.trust)
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		s.Fatal(err)
	}
	first := block[:min(len(block), 16<<10)]
	if rest := block[len(first):]; len(rest) == 0 {
		c.Add(frames.Headers, frames.EndStream|frames.EndHeaders, 1, first)
	} else {
		c.Add(frames.Headers, frames.EndStream, 1, first)
		c.Add(frames.Continuation, frames.EndHeaders, 1, rest)
	}
	if err := c.Flush(); err != nil {
		s.Fatal(err)
	}
	for {
		switch frame, err := c.Read(); {
		case err != nil:
			s.Fatal(err)
		case frame.Kind == frames.GoAway:
			return "goaway"
		case frame.Kind == frames.Reset && frame.Stream == 1:
			return "reset"
		case frame.Kind == frames.Headers && frame.Stream == 1:
			if status := frames.Status(frame.Payload); status != 0 {
				return strconv.Itoa(status)
			}
			return "another status"
		}
	}
}
