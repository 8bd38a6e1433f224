package daemon

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// countedPipe counts the reads that are under way.
type countedPipe struct {
	net.Conn
	reading *atomic.Int32
}

func (p countedPipe) Read(b []byte) (int, error) {
	p.reading.Add(1)
	defer p.reading.Add(-1)
	return p.Conn.Read(b)
}

// servePipe serves handler on one end of a connection, as the public server does, and
// returns the other end, and how many reads are under way at the server's. Call it in a
// bubble.
func servePipe(t *testing.T, handler http.HandlerFunc) (client net.Conn, reading *atomic.Int32) {
	listener, server := newPipes(), newHTTPServer(handler, slog.New(slog.DiscardHandler))
	served := make(chan error)
	go func() { served <- serveOn(listener, server, nil) }()
	client, conn := net.Pipe()
	reading = &atomic.Int32{}
	listener.accepted <- countedPipe{conn, reading}
	t.Cleanup(func() {
		client.Close()
		server.Close()
		<-served
	})
	return client, reading
}

const (
	get  = "GET /%d HTTP/1.1\r\nHost: example.org\r\n\r\n"
	post = "POST /%d HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\n\r\nhello"
)

// TestLeaving: the context of a request ends when its client leaves.
func TestLeaving(t *testing.T) {
	for _, c := range []struct {
		name   string
		before int           // requests on the same connection
		waits  bool          // the request says that it waits
		leaves time.Duration // after the request; 0 is never
		next   string        // what else is sent before that
		ends   time.Duration
	}{
		{"at once", 0, true, 1, "", 1},
		{"at once, after other requests", 3, true, 1, "", 1},
		{"at once, but the request does not wait", 0, false, 1, "", watchAfter},
		{"later", 0, true, 50 * time.Second, "", 50 * time.Second},
		{"after other requests", 3, true, 50 * time.Second, "", 50 * time.Second},
		{"never", 0, true, 0, "", time.Hour},
		{"never, and the request does not wait", 3, false, 0, "", time.Hour},
		{"another request follows", 0, true, 50 * time.Second, get, time.Hour}, // net/http does not see more
	} {
		for _, request := range []string{get, post} {
			t.Run(c.name+", "+request[:4], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ended := make(chan time.Duration, 1)
					client, _ := servePipe(t, func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.ReadAll(r.Body)
						if r.URL.Path != "/0" {
							return
						}
						if c.waits {
							watchClient(r.Context())
						}
						began := time.Now()
						select {
						case <-r.Context().Done():
						case <-time.After(time.Hour):
						}
						ended <- time.Since(began)
					})
					answers := bufio.NewReader(client)
					for n := range c.before {
						send(t, client, fmt.Sprintf(request, n+1))
						receive(t, answers)
					}
					send(t, client, fmt.Sprintf(request, 0))
					go func() {
						if c.next != "" {
							_, _ = fmt.Fprintf(client, c.next, 9)
						}
					}()
					if c.leaves > 0 {
						time.Sleep(c.leaves)
						client.Close()
					}
					if took := <-ended; took != c.ends {
						t.Errorf("it ended after %v, want %v", took, c.ends)
					}
				})
			})
		}
	}
}

func send(t *testing.T, client net.Conn, request string) {
	t.Helper()
	if _, err := io.WriteString(client, request); err != nil {
		t.Error(err)
	}
}

func receive(t *testing.T, answers *bufio.Reader) string {
	t.Helper()
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestNoByteIsLost, however requests come, and however long those before them take.
func TestNoByteIsLost(t *testing.T) {
	requests := fmt.Sprintf(get+post+get+post+get, 1, 2, 3, 4, 5)
	long := fmt.Sprintf("GET /1 HTTP/1.1\r\nHost: example.org\r\nX: %s\r\n\r\n", strings.Repeat("x", 9000))
	for _, c := range []struct {
		name     string
		sent     string
		size     int // of each write
		every    time.Duration
		takes    time.Duration
		want     []string
		lastSent string // after all answers
	}{
		{"all at once", requests, len(requests), 0, 0, []string{"/1", "/2", "/3", "/4", "/5"}, get},
		{"all at once, to long answers", requests, len(requests), 0, time.Second, []string{"/1", "/2", "/3", "/4", "/5"}, get},
		{"byte by byte", requests, 1, 0, 0, []string{"/1", "/2", "/3", "/4", "/5"}, get},
		{"byte by byte, to long answers", requests, 1, time.Millisecond, time.Second, []string{"/1", "/2", "/3", "/4", "/5"}, get},
		{"in pieces, to answers as long as the watcher waits", requests, 7, time.Millisecond, watchAfter, []string{"/1", "/2", "/3", "/4", "/5"}, get},
		{"a head of which 4095 bytes come first, one less than net/http's buffer holds", long, 4095, time.Millisecond, 0, []string{"/1"}, post},
		{"the same head, to a long answer", long + requests, 4095, time.Millisecond, time.Second, []string{"/1", "/1", "/2", "/3", "/4", "/5"}, post},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, _ := servePipe(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.ReadAll(r.Body)
					time.Sleep(c.takes)
					if r.Context().Err() != nil {
						t.Errorf("%s: the client seems to have left", r.URL)
					}
					_, _ = io.WriteString(w, r.URL.Path)
				})
				go func() {
					for part := range slices.Chunk([]byte(c.sent), c.size) {
						time.Sleep(c.every)
						send(t, client, string(part))
					}
				}()
				answers := bufio.NewReader(client)
				for i, want := range c.want {
					if got := receive(t, answers); got != want {
						t.Fatalf("answer %d is to %s, want %s", i, got, want)
					}
				}
				go send(t, client, fmt.Sprintf(c.lastSent, 6))
				if got := receive(t, answers); got != "/6" {
					t.Errorf("the last answer is to %s", got)
				}
			})
		})
	}
}

// TestFewReads: nothing is read while a short request is served.
func TestFewReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var client net.Conn
		var reading *atomic.Int32
		client, reading = servePipe(t, func(_ http.ResponseWriter, r *http.Request) {
			time.Sleep(watchAfter - 1)
			if synctest.Wait(); reading.Load() != 0 {
				t.Errorf("%s: the connection is read before %v", r.URL, watchAfter)
			}
			time.Sleep(time.Nanosecond)
			if synctest.Wait(); reading.Load() != 1 {
				t.Errorf("%s: the connection is not read after %v", r.URL, watchAfter)
			}
		})
		answers := bufio.NewReader(client)
		for n := range 3 {
			send(t, client, fmt.Sprintf(get, n))
			receive(t, answers)
		}
		time.Sleep(90*time.Second - 1)
		if synctest.Wait(); reading.Load() != 1 {
			t.Error("an idle connection is closed before 90 s")
		}
		time.Sleep(time.Nanosecond)
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("an idle connection is not closed after 90 s: %v", err)
		}
	})
}
