//go:build integration

package scanners_test

import (
	"crypto/rand"
	"crypto/tls"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/frames"
)

const (
	flooders  = 8    // connections
	enough    = 1000 // requests taken back make a flood
	signIns   = 10   // of somebody else, at least, while the flood lasts
	floodTime = time.Minute
)

// TestRapidReset opens requests that wait and takes each back at once
// (CVE-2023-44487), on new connections when the server closes the old ones.
// Somebody else signs in meanwhile, and the flood leaves nothing behind.
func TestRapidReset(t *testing.T) {
	s := start(t)
	s.signIn() // what the first request sets up stays
	before := s.usage()
	var over atomic.Bool
	var sent atomic.Int64
	var group sync.WaitGroup
	for range flooders {
		group.Go(func() {
			for !over.Load() {
				flood(s.address, s.trust, &sent, &over)
			}
		})
	}
	defer group.Wait()
	defer over.Store(true)
	began := time.Now()
	done := 0
	for ; done < signIns || sent.Load() < enough && time.Since(began) < floodTime; done++ {
		s.signIn()
	}
	took := time.Since(began)
	over.Store(true)
	group.Wait()
	t.Logf("%d requests taken back in %v, and %d sign-ins; before: %v", sent.Load(), took, done, before)
	if sent.Load() < enough {
		t.Errorf("only %d requests were taken back: that was no flood", sent.Load())
	}
	if took > floodTime {
		t.Errorf("%d sign-ins took %v", done, took)
	}
	s.settles(before)
}

// flood floods on one connection until the server closes it, or it is over.
// It counts what it has taken back. A server that is busy may refuse it.
func flood(address string, trust *tls.Config, sent *atomic.Int64, over *atomic.Bool) {
	c, err := frames.Dial(address, trust)
	if err != nil {
		return
	}
	read := make(chan struct{})
	defer func() { <-read }()
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * floodTime))
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, c.Conn)
	}()
	for stream := uint32(1); stream < 1<<30 && !over.Load(); stream += 2 {
		c.Add(frames.Headers, frames.EndStream|frames.EndHeaders, stream, frames.Request("GET", address, "/auth/token?wait=60&key="+rand.Text()))
		c.Add(frames.Reset, 0, stream, frames.Cancel)
		if c.Flush() != nil {
			return // closed by the server
		}
		sent.Add(1)
	}
}
