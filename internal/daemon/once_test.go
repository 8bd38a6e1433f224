package daemon

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// sipper is an HTTP/2 client that decides about every byte that it takes. It
// sends one request.
type sipper struct {
	*testing.T
	conn   io.Closer
	mu     sync.Mutex // for what is written
	framer *http2.Framer
	frames chan sip
	block  bytes.Buffer
	fields *hpack.Encoder
}

// theStream is that of the request.
const theStream = 1

// sip is what has come on it.
type sip struct {
	status string // of headers
	data   string
	ends   bool
	reset  bool
}

// sip connects with a window of so many bytes for each stream.
func (o overHTTP2) sip(window uint32) *sipper {
	o.Helper()
	pipe, err := o.pipes.dial(o.Context(), "", "")
	if err != nil {
		o.Fatal(err)
	}
	conn := tls.Client(pipe, &tls.Config{ServerName: "localhost", RootCAs: o.roots, NextProtos: []string{"h2"}})
	s := &sipper{T: o.T, framer: http2.NewFramer(conn, conn), conn: conn, frames: make(chan sip, 100)}
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.fields = hpack.NewEncoder(&s.block)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		o.Fatal(err)
	}
	s.write(func(f *http2.Framer) error {
		return f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	})
	go s.read()
	return s
}

func (s *sipper) write(frame func(*http2.Framer) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := frame(s.framer); err != nil {
		s.Error(err)
	}
}

func (s *sipper) read() {
	defer close(s.frames)
	for {
		frame, err := s.framer.ReadFrame()
		if err != nil {
			return
		}
		var got sip
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			got.status, got.ends = frame.PseudoValue("status"), frame.StreamEnded()
		case *http2.DataFrame:
			got.data, got.ends = string(frame.Data()), frame.StreamEnded()
		case *http2.RSTStreamFrame:
			got.reset = true
		case *http2.PingFrame:
			s.write(func(f *http2.Framer) error { return f.WritePing(true, frame.Data) })
			continue
		default:
			continue
		}
		s.frames <- got
	}
}

// get sends the request.
func (s *sipper) get(path string) {
	s.Helper()
	s.block.Reset() // which takes whatever is written
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", path}} {
		_ = s.fields.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	s.write(func(f *http2.Framer) error {
		return f.WriteHeaders(http2.HeadersFrameParam{
			StreamID: theStream, BlockFragment: s.block.Bytes(), EndHeaders: true, EndStream: true,
		})
	})
}

// next is what comes next.
func (s *sipper) next() sip {
	s.Helper()
	got, ok := <-s.frames
	if !ok {
		s.Error("the connection is closed")
		return sip{reset: true}
	}
	return got
}

// takes reports whether text comes. Where the window is used up, it lets the
// answer come a byte at a time, until text is in it.
func (s *sipper) takes(text string) bool {
	s.Helper()
	body := ""
	for {
		got := s.next()
		body += got.data
		if strings.Contains(body, text) || got.ends || got.reset {
			return strings.Contains(body, text)
		}
		s.write(func(f *http2.Framer) error { return f.WriteWindowUpdate(theStream, 1) })
	}
}

// leave resets the stream.
func (s *sipper) leave() {
	s.write(func(f *http2.Framer) error { return f.WriteRSTStream(theStream, http2.ErrCodeCancel) })
}

// claimed fails unless what was deposited under key is gone and stays so.
func (o overHTTP2) claimed(what, key string) {
	o.Helper()
	synctest.Wait()
	if a := o.do(o.Context(), "GET", "/auth/token?key="+key, ""); a.status != http.StatusNotFound {
		o.Errorf("%s: the next claim gets %v", what, a)
	}
	if n := o.inFlight.Load(); n != 0 {
		o.Errorf("%s: %d requests are still served", what, n)
	}
}

// TestOneOfFiveSippersGetsTheToken: a client that takes a token to its last
// byte, and resets the stream before the end, has claimed it.
func TestOneOfFiveSippersGetsTheToken(t *testing.T) {
	const whole = `"T"`
	for _, wait := range []string{"", "&wait=5"} {
		inBubble(t, func(o overHTTP2) {
			key, tokens := rand.Text(), 0
			o.deposit(key)
			for range 5 {
				s := o.sip(17)
				defer s.conn.Close()
				s.get("/auth/token?key=" + key + wait)
				if s.takes(whole) {
					tokens++
				}
				s.leave()
				synctest.Wait()
			}
			if tokens != 1 {
				o.Errorf("%d of 5 readers one after the other got the token", tokens)
			}
			o.claimed("one after the other", key)
		})
	}
}

// TestOneOfFiveWaitingSippersGetsTheToken: the same while all wait.
func TestOneOfFiveWaitingSippersGetsTheToken(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		key, got := rand.Text(), make(chan bool, 5)
		for range 5 {
			s := o.sip(17)
			defer s.conn.Close()
			s.get("/auth/token?wait=60&key=" + key)
			go func() {
				got <- s.takes(`"T"`)
				s.leave()
			}()
		}
		synctest.Wait()
		o.deposit(key)
		tokens := 0
		for range 5 {
			if <-got {
				tokens++
			}
		}
		if tokens != 1 {
			o.Errorf("%d of 5 waiting readers got the token", tokens)
		}
		o.claimed("all wait", key)
	})
}

// TestResetAtEachByteOverHTTP2: wherever a client breaks off, the response is
// claimed.
func TestResetAtEachByteOverHTTP2(t *testing.T) {
	const body = `{"access_token":"T"}` + "\n"
	inBubble(t, func(o overHTTP2) {
		for n := range len(body) + 1 {
			key := rand.Text()
			o.deposit(key)
			s := o.sip(uint32(n))
			s.get("/auth/token?key=" + key)
			if got := s.next(); got.status != "200" {
				o.Fatalf("%d bytes: %+v", n, got)
			}
			if n > 0 {
				if got := s.next(); got.data != body[:n] {
					o.Fatalf("%d bytes: %+v", n, got)
				}
			}
			s.leave()
			o.claimed(fmt.Sprint("after ", n, " bytes"), key)
			s.conn.Close()
		}
	})
}

// TestClaimEndsWithItsBody: what is claimed and the end of the stream are one frame.
func TestClaimEndsWithItsBody(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		for _, wait := range []string{"", "&wait=60"} {
			key := rand.Text()
			s := o.sip(1000)
			o.deposit(key)
			s.get("/auth/token?key=" + key + wait)
			if got := s.next(); got.status != "200" || got.ends {
				o.Errorf("first %+v", got)
			}
			if got := s.next(); got.data != `{"access_token":"T"}`+"\n" || !got.ends {
				o.Errorf("then %+v", got)
			}
			s.conn.Close()
		}
	})
}

// TestClosedWindow: who lets nothing come is not waited for, whatever the
// answer is.
func TestClosedWindow(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		const delivery, answer = 5 * time.Second, 15 * time.Second
		for _, c := range []struct {
			what, wait string
			deposit    time.Duration // when; negative is never
			reset      time.Duration // when
		}{
			{"a token that is there", "", 0, delivery},
			{"a token that is there, for who would wait", "&wait=60", 0, delivery},
			{"a token that comes", "&wait=60", 30 * time.Second, 30*time.Second + delivery},
			{"nothing, at once", "", -1, answer},
			{"nothing, after a wait", "&wait=60", -1, time.Minute + answer},
		} {
			key, began := rand.Text(), time.Now()
			s := o.sip(0)
			if c.deposit == 0 {
				o.deposit(key)
			}
			s.get("/auth/token?key=" + key + c.wait)
			if c.deposit > 0 {
				time.Sleep(c.deposit)
				o.deposit(key)
			}
			if got := s.next(); got.status == "" {
				o.Errorf("%s: %+v", c.what, got)
			}
			if got := s.next(); !got.reset || time.Since(began) != c.reset {
				o.Errorf("%s: %+v after %v", c.what, got, time.Since(began))
			}
			o.claimed(c.what, key)
			s.conn.Close()
		}
	})
}

// TestResetAtEachByteOverHTTP1: the same over a connection that is reset.
func TestResetAtEachByteOverHTTP1(t *testing.T) {
	ts := httptest.NewUnstartedServer(nil)
	public := ts.Listener.Addr().String()
	d := unstarted(t, Settings{PublicURL: "http://" + public, Limits: "off"})
	ts.Config = newHTTPServer(d.server.Handler(), d.log)
	ts.Start()
	defer ts.Close()
	length, claims := 1, 5
	for n := 0; n <= length; n++ {
		key := rand.Text()
		depositHTTP1(t, ts.URL, key)
		length = readAndReset(t, public, key, n, length)
		if n > 0 {
			claims = 1
		}
		// Nothing is known of who has left before the first byte came.
		if tokens := claimsOf(t, ts.URL, key, claims); tokens > 1 || (n > 0 && tokens > 0) {
			t.Fatalf("a reset after %d bytes: %d more claims got the token %d times", n, claims, tokens)
		}
	}
}

func depositHTTP1(t *testing.T, server, key string) {
	t.Helper()
	form := strings.NewReader(url.Values{"state": {key}, "access_token": {"T"}}.Encode())
	request, err := http.NewRequestWithContext(t.Context(), "POST", server+"/auth/redirect", form)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("deposit: %s", response.Status)
	}
}

// readAndReset claims, takes n bytes of the answer and resets the connection.
// It returns how long the answer is if n is 1, and otherwise length.
func readAndReset(t *testing.T, address, key string, n, length int) int {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /auth/token?key=%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", key, address); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if n == 1 {
		rest, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		length = n + len(rest)
	}
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	return length
}

// claimsOf counts how many of n claims get the token.
func claimsOf(t *testing.T, server, key string, n int) (tokens int) {
	t.Helper()
	for range n {
		response, err := http.Get(server + "/auth/token?key=" + key)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			tokens++
		}
	}
	return tokens
}
