//go:build integration

package process_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	racers = 64 // that claim each sign-in
	tracks = 4  // on which races are run at the same time
)

// signIns is how many there are in each store. Make test-races has 10,000.
var signIns = flag.Int("signins", 1_000, "sign-ins of TestFleetClaimRaces in each store")

// TestFleetClaimRaces has 64 apps claim each of thousands of sign-ins at
// once, through the proxy and so at both servers: one gets the token, and it is the
// right one.
func TestFleetClaimRaces(t *testing.T) {
	eachSharedStore(t, fastBinary, func(t *testing.T, f *fleet) {
		var group sync.WaitGroup
		for range tracks {
			group.Go(func() {
				track := f.newTrack()
				defer track.close()
				for range *signIns / tracks {
					if track.race(); t.Failed() {
						return
					}
				}
			})
		}
		group.Wait()
	})
}

// track has racers, which wait for a key to claim.
type track struct {
	*fleet
	start []chan string
	got   chan string // what each claim got; "" is nothing
	ended sync.WaitGroup
}

func (f *fleet) newTrack() *track {
	t := &track{fleet: f, got: make(chan string, racers)}
	for range racers {
		start := make(chan string, 1)
		t.start = append(t.start, start)
		t.ended.Go(func() { t.claimEach(start) })
	}
	return t
}

func (t *track) close() {
	for _, start := range t.start {
		close(start)
	}
	t.ended.Wait()
}

func (t *track) claimEach(keys <-chan string) {
	c := &rawClient{address: strings.Replace(strings.TrimPrefix(t.url, "http://"), "localhost", "127.0.0.1", 1)}
	defer c.close()
	for key := range keys {
		status, body, err := c.get("/auth/token?key=" + key)
		switch {
		case err != nil:
			t.got <- err.Error()
		case status == http.StatusNotFound:
			t.got <- ""
		default:
			t.got <- fmt.Sprint(status, " ", body)
		}
	}
}

// race deposits, and has all claim at once.
func (t *track) race() {
	key := rand.Text()
	status, _, body, err := t.do("POST", "/auth/redirect", url.Values{"state": {key}, "access_token": {"token-of-" + key}})
	if err != nil || status != http.StatusNoContent {
		t.t.Errorf("deposit: %d, %s, %v", status, body, err)
		return
	}
	for _, start := range t.start {
		start <- key
	}
	var out []string
	for range t.start {
		if got := <-t.got; got != "" {
			out = append(out, got)
		}
	}
	if want := fmt.Sprintf("200 {\"access_token\":\"token-of-%s\"}\n", key); len(out) != 1 || out[0] != want {
		t.t.Errorf("out came %q", out)
	}
}

// rawClient is one connection, and costs next to nothing.
type rawClient struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
}

func (c *rawClient) close() {
	if c.conn != nil {
		c.conn.Close()
	}
}

func (c *rawClient) get(path string) (status int, body string, err error) {
	if c.conn == nil {
		if c.conn, err = dial(c.address); err != nil {
			return 0, "", err
		}
		c.in = bufio.NewReader(c.conn)
	}
	_, port, _ := net.SplitHostPort(c.address)
	if err := c.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, "", err
	}
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: localhost:%s\r\n\r\n", path, port); err != nil {
		return 0, "", err
	}
	return c.receive()
}

func (c *rawClient) receive() (status int, body string, err error) {
	line, err := c.in.ReadString('\n')
	if err != nil || len(line) < len("HTTP/1.1 200") {
		return 0, "", fmt.Errorf("answer %q: %w", line, err)
	}
	if status, err = strconv.Atoi(line[9:12]); err != nil {
		return 0, "", err
	}
	length := 0
	for {
		header, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, "", err
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(header), []byte(":"))
		if len(name) == 0 {
			break
		}
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, "", err
			}
		}
	}
	text := make([]byte, length)
	_, err = io.ReadFull(c.in, text)
	return status, string(text), err
}

// TestFleetRollingRestart restarts one server after the other, three times,
// while apps sign in. No acknowledged deposit is lost and nothing comes out
// twice; who waits is told to ask again, and gets it then.
func TestFleetRollingRestart(t *testing.T) {
	eachSharedStore(t, binary, func(t *testing.T, f *fleet) {
		stop := make(chan struct{})
		var group sync.WaitGroup
		var done [16]int
		for i := range done {
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if !f.signInThroughRestarts(i%2 == 0) {
						return
					}
					done[i]++
				}
			})
		}
		for range 3 {
			for i := range f.servers {
				f.servers[i].terminate()
				f.startServer(i)
				f.awaitInProxy(i)
			}
		}
		close(stop)
		group.Wait()
		total := 0
		for _, n := range done {
			total += n
		}
		if total < 100 {
			t.Errorf("only %d sign-ins", total)
		}
		t.Logf("%d sign-ins during six restarts", total)
	})
}

// signInThroughRestarts deposits and claims. It reports false when something
// has gone wrong.
func (f *fleet) signInThroughRestarts(bound bool) bool {
	key, verifier := rand.Text(), ""
	if bound {
		key, verifier = boundPair()
	}
	answer := make(chan string, 1)
	go func() { answer <- f.waitThroughRestarts(key, verifier) }()
	status, _, body, err := f.do("POST", "/auth/redirect", url.Values{"state": {key}, "access_token": {"token-of-" + key}})
	if err != nil || status != http.StatusNoContent {
		f.t.Errorf("deposit: %d %s %v", status, body, err)
	}
	if got := <-answer; got != fmt.Sprintf("200 {\"access_token\":\"token-of-%s\"}\n", key) {
		f.t.Errorf("claim: %s", got)
	}
	if status, body := f.claim(key); !bound && status != http.StatusNotFound {
		f.t.Errorf("second claim: %d %s", status, body)
	}
	return !f.t.Failed()
}

// waitThroughRestarts waits as an app does: told to ask again, it does.
func (f *fleet) waitThroughRestarts(key, verifier string) string {
	form := url.Values{"key": {key}, "wait": {"30"}}
	if verifier != "" {
		form.Set("verifier", verifier)
	}
	for range 20 {
		status, header, body, err := f.do("POST", "/auth/token", form)
		switch {
		case err != nil:
			return err.Error()
		case status != http.StatusServiceUnavailable:
			return fmt.Sprint(status, " ", body)
		case header.Get("Retry-After") == "":
			return "503 without Retry-After"
		}
	}
	return "told to ask again too often"
}
