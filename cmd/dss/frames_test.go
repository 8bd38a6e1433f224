package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Frames of HTTP/2 (RFC 9113 §6), for what no client does.
const (
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	frameGoAway   = 7

	flagEndStream  = 1
	flagEndHeaders = 4
)

// frames is an HTTP/2 connection that is written by hand.
type frames struct {
	t    *testing.T
	conn *tls.Conn
	in   *bufio.Reader
}

func (o overHTTP2) frames() *frames {
	o.Helper()
	pipe, err := o.pipes.dial(o.Context(), "", "")
	if err != nil {
		o.Fatal(err)
	}
	conn := tls.Client(pipe, &tls.Config{ServerName: "localhost", RootCAs: o.roots, NextProtos: []string{"h2"}})
	f := &frames{o.T, conn, bufio.NewReader(conn)}
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		o.Fatal(err)
	}
	f.write(frameSettings, 0, 0, nil)
	return f
}

// write reports whether the server took a frame.
func (f *frames) write(kind, flags byte, stream uint32, payload []byte) bool {
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	frame = append(frame, flags)
	frame = binary.BigEndian.AppendUint32(frame, stream)
	_, err := f.conn.Write(append(frame, payload...))
	return err == nil
}

func (f *frames) read() (kind byte, stream uint32, payload []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(f.in, head[:]); err != nil {
		return 0, 0, nil, err
	}
	payload = make([]byte, binary.BigEndian.Uint32(head[:])>>8)
	_, err = io.ReadFull(f.in, payload)
	return head[3], binary.BigEndian.Uint32(head[5:]), payload, err
}

// literal is a header field as HPACK has it without compression (RFC 7541
// §6.2.2).
func literal(name, value string) []byte {
	out := append([]byte{0}, integer(len(name))...)
	out = append(out, name...)
	out = append(out, integer(len(value))...)
	return append(out, value...)
}

// integer is a length with a prefix of seven bits (RFC 7541 §5.1).
func integer(n int) []byte {
	if n < 127 {
		return []byte{byte(n)}
	}
	return binary.AppendUvarint([]byte{127}, uint64(n-127))
}

func requestFor(path string, more ...[]byte) []byte {
	fields := [][]byte{literal(":method", "GET"), literal(":scheme", "https"), literal(":authority", "localhost"), literal(":path", path)}
	var block []byte
	for _, field := range append(fields, more...) {
		block = append(block, field...)
	}
	return block
}

// TestRapidReset opens waits and takes each back at once, two thousand times
// over if the server lets that happen. Whatever it does with that connection,
// no wait is left of it, and others are served.
func TestRapidReset(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		f := o.frames()
		defer f.conn.Close()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				if kind, _, _, err := f.read(); err != nil || kind == frameGoAway {
					return
				}
			}
		}()
		for i := range uint32(2_000) {
			request := requestFor("/auth/token?wait=60&key=" + rand.Text())
			if !f.write(frameHeaders, flagEndStream|flagEndHeaders, 2*i+1, request) || !f.write(frameReset, 0, 2*i+1, []byte{0, 0, 0, 8}) {
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
		f.conn.Close()
		<-ended
	})
}

// TestHeadersOverHTTP2: 15 KB of headers are refused, 10 KB are not. A client
// of Go would not send the former.
func TestHeadersOverHTTP2(t *testing.T) {
	inBubble(t, func(o overHTTP2) {
		// The answer's header block starts with its status: 8 stands for 200
		// (RFC 7541 appendix A), a literal for 431.
		for size, status := range map[int]string{10: "\x88", 15: "431"} {
			f := o.frames()
			request := requestFor("/healthz", bytes.Repeat(literal("x-filler", strings.Repeat("x", 1000)), size))
			if !f.write(frameHeaders, flagEndStream|flagEndHeaders, 1, request) {
				o.Fatal("not taken")
			}
			kind, payload := byte(0), []byte(nil)
			for kind != frameHeaders {
				var err error
				if kind, _, payload, err = f.read(); err != nil {
					o.Fatal(err)
				}
			}
			if !strings.Contains(string(payload), status) {
				o.Errorf("%d KB: %q", size, payload)
			}
			f.conn.Close()
		}
	})
}
