package main

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/test/frames"
)

// streamsPerConnection is how many dss allows, and the bare handler too.
const streamsPerConnection = 100

// measureStreams prints what each client that waits over HTTP/2 adds to the
// server's memory.
func measureStreams(out io.Writer, s settings) error {
	s, err := s.secured()
	if err != nil {
		return err
	}
	s.flags = []string{"--max-entries", strconv.Itoa(10 * s.streams)}
	connections := (s.streams + streamsPerConnection - 1) / streamsPerConnection
	fmt.Fprintf(out, "\n### Memory for %d clients that wait over HTTP/2 (%d connections)\n\n"+
		"| server | before | with all waiting | per client | of the ceiling |\n|---|--:|--:|--:|--:|\n", s.streams, connections)
	var ceiling float64
	for _, what := range s.chosen(bare, memory, sqlite) {
		before, with, err := s.growth(what, func(one *server) (func() error, error) { return one.waitOnStreams(s.streams) })
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		each := float64(with-before) / float64(s.streams)
		if what == bare {
			ceiling = each
		}
		fmt.Fprintf(out, "| %s | %s | %s | %.1f KiB | %.2f |\n", what, megabytes(before), megabytes(with), each/1024, each/ceiling)
	}
	return nil
}

// crowd waits on the streams of one connection, each under a key of its own.
type crowd struct {
	*client
	keys    []string
	answers chan frames.Frame // headers
	ended   sync.WaitGroup    // of who reads
	err     error             // why that ended
}

// waitOnStreams has n clients wait. The function it returns sees to it that a
// deposit reaches some of them, and ends all.
func (s *server) waitOnStreams(n int) (done func() error, err error) {
	var crowds []*crowd
	leave := func() {
		for _, c := range crowds {
			c.close()
			c.ended.Wait()
		}
	}
	for left := n; left > 0; left -= streamsPerConnection {
		c, err := s.gather(min(left, streamsPerConnection))
		if err != nil {
			leave()
			return nil, fmt.Errorf("with %d left to come: %w", left, err)
		}
		crowds = append(crowds, c)
	}
	return func() error {
		defer leave()
		return s.reached(crowds)
	}, nil
}

// gather opens a connection on which n clients wait.
func (s *server) gather(n int) (*crowd, error) {
	one, err := s.dial()
	if err != nil {
		return nil, err
	}
	c := &crowd{client: one, answers: make(chan frames.Frame, n)}
	_ = c.streams.SetDeadline(time.Now().Add(2 * answerTime))
	for range n {
		c.keys, c.stream = append(c.keys, c.newKey()), c.stream+2
		path := "/auth/token?key=" + c.keys[len(c.keys)-1] + "&wait=60"
		c.streams.Add(frames.Headers, frames.EndStream|frames.EndHeaders, c.stream, frames.Request("GET", c.host, path))
	}
	if err := c.streams.Flush(); err != nil {
		c.close()
		return nil, err
	}
	c.ended.Go(c.read)
	return c, nil
}

// read passes answers on, and keeps the connection alive.
func (c *crowd) read() {
	defer close(c.answers)
	for {
		frame, err := c.streams.Next()
		if err != nil {
			c.err = err
			return
		}
		if frame.Kind == frames.Headers {
			c.answers <- frame
		}
	}
}

// reached fails unless a deposit reaches somebody in each of a hundred crowds.
func (s *server) reached(crowds []*crowd) error {
	browser, err := s.dial()
	if err != nil {
		return err
	}
	defer browser.close()
	for i := 0; i < len(crowds); i += max(1, len(crowds)/100) {
		c := crowds[i]
		at := len(c.keys) / 2
		if err := browser.deposit(c.keys[at]); err != nil {
			return err
		}
		answer, ok := <-c.answers
		if !ok {
			return fmt.Errorf("crowd %d: %w", i, c.err)
		}
		if status := frames.Status(answer.Payload); status != 200 || answer.Stream != uint32(2*at+1) {
			return fmt.Errorf("crowd %d: stream %d is answered %d", i, answer.Stream, status)
		}
	}
	return nil
}
