package daemon

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/test/frames"
)

// byHand is a connection that is written by hand, for what no client does.
func (o overHTTP2) byHand() *frames.Conn {
	o.Helper()
	pipe, err := o.pipes.dial(o.Context(), "", "")
	if err != nil {
		o.Fatal(err)
	}
	conn, err := frames.Over(tls.Client(pipe, &tls.Config{ServerName: "localhost", RootCAs: o.roots, NextProtos: []string{"h2"}}))
	if err != nil {
		o.Fatal(err)
	}
	return conn
}

// TestRapidReset opens waits and takes each back at once, two thousand times
// over if the server lets that happen. Whatever it does with that connection,
// no wait is left of it, and others are served.
func TestRapidReset(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		f := o.byHand()
		defer f.Close()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				if frame, err := f.Read(); err != nil || frame.Kind == frames.GoAway {
					return
				}
			}
		}()
		for i := range uint32(2_000) {
			request := frames.Request("GET", "localhost", "/auth/token?wait=60&key="+rand.Text())
			f.Add(frames.Headers, frames.EndStream|frames.EndHeaders, 2*i+1, request)
			f.Add(frames.Reset, 0, 2*i+1, frames.Cancel)
			if f.Flush() != nil {
				break
			}
		}
		synctest.Wait()
		var waiters []<-chan answer
		for range maxWaitersInBubble {
			waiters = append(waiters, o.wait(o.Context(), rand.Text()))
		}
		for _, answers := range waiters {
			if a := <-answers; a.status != http.StatusNotFound || a.after != time.Minute {
				o.Errorf("another client: %v", a)
			}
		}
		f.Close()
		<-ended
	})
}

// TestHeadersOverHTTP2: 15 KB of headers are refused, 10 KB are not. A client
// of Go would not send the former.
func TestHeadersOverHTTP2(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		// A status that is none of the frequent ones stands in the block as text.
		for size, good := range map[int]bool{10: true, 15: false} {
			f := o.byHand()
			filler := bytes.Repeat(frames.Field("x-filler", strings.Repeat("x", 1000)), size)
			f.Add(frames.Headers, frames.EndStream|frames.EndHeaders, 1, frames.Request("GET", "localhost", "/healthz", filler))
			if err := f.Flush(); err != nil {
				o.Fatal(err)
			}
			var frame frames.Frame
			for frame.Kind != frames.Headers {
				var err error
				if frame, err = f.Read(); err != nil {
					o.Fatal(err)
				}
			}
			status := frames.Status(frame.Payload)
			if refused := status == 0 && strings.Contains(string(frame.Payload), "431"); (status == http.StatusOK) != good || refused == good {
				o.Errorf("%d KB: %q", size, frame.Payload)
			}
			f.Close()
		}
	})
}
