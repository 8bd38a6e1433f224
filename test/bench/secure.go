package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/desktop-stack-serv/dss/test/frames"
	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

// pair is the certificate and key that all servers of a run share; nil is
// plain HTTP.
type pair struct {
	cert, key string // files
	trust     *tls.Config
}

// secured returns the settings for servers over HTTPS, with a new certificate.
func (s settings) secured() (settings, error) {
	certificate, err := selfsigned.Now("localhost")
	if err != nil {
		return s, err
	}
	trust := &tls.Config{RootCAs: certificate.Roots(), ServerName: "localhost", MinVersion: tls.VersionTLS13}
	certFile, keyFile, err := certificate.Write(s.folder)
	s.tls = &pair{certFile, keyFile, trust}
	return s, err
}

// flags make dss serve over HTTPS.
func (p *pair) flags() []string {
	if p == nil {
		return nil
	}
	return []string{"--tls-cert", p.cert, "--tls-key", p.key}
}

// measureHandshakes prints how many new connections a server takes. Each
// handshake is a full one, and has ended when the server's first frame is there.
func measureHandshakes(out io.Writer, s settings) error {
	s, err := s.secured()
	if err != nil {
		return err
	}
	return workload{"TLS 1.3 handshakes (ECDSA P-256), each a new connection", func(c *client, timed func(func() error) error) error {
		return timed(func() error { return handshake(c.host, s.tls.trust) })
	}, nil}.measure(out, s)
}

func handshake(address string, trust *tls.Config) error {
	conn, err := frames.Dial(address, trust)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(answerTime))
	_, err = conn.Read()
	// Without leaving the port in use for a minute.
	return errors.Join(err, conn.NetConn().(*net.TCPConn).SetLinger(0), conn.NetConn().Close())
}

// measureSecurePairs prints deposits and claims over HTTP/2.
func measureSecurePairs(out io.Writer, s settings) error {
	s, err := s.secured()
	if err != nil {
		return err
	}
	load := pairs
	load.title += ", over HTTP/2 with TLS"
	return load.measure(out, s)
}

// exchangeFrames sends a request on a new stream and waits for the status of
// its answer. The windows are large enough for a thousand small answers.
func (c *client) exchangeFrames(want int, method, path, body string, more ...[]byte) error {
	c.stream += 2
	_ = c.streams.SetDeadline(time.Now().Add(answerTime))
	if body == "" {
		c.streams.Add(frames.Headers, frames.EndStream|frames.EndHeaders, c.stream, frames.Request(method, c.host, path))
	} else {
		more = append(more, frames.Field("content-type", "application/x-www-form-urlencoded"), frames.Field("content-length", strconv.Itoa(len(body))))
		c.streams.Add(frames.Headers, frames.EndHeaders, c.stream, frames.Request(method, c.host, path, more...))
		c.streams.Add(frames.Data, frames.EndStream, c.stream, []byte(body))
	}
	if err := c.streams.Flush(); err != nil {
		return err
	}
	return c.receiveFrames(want)
}

// receiveFrames reads until the answer on the current stream ends.
func (c *client) receiveFrames(want int) error {
	status := 0
	for {
		frame, err := c.streams.Next()
		if err != nil {
			return err
		}
		if frame.Stream != c.stream {
			continue
		}
		switch frame.Kind {
		case frames.Headers:
			status = frames.Status(frame.Payload)
		case frames.Reset:
			return errors.New("the server ended a stream")
		}
		if (frame.Kind == frames.Headers || frame.Kind == frames.Data) && frame.Flags&frames.EndStream != 0 {
			if status != want {
				return fmt.Errorf("answered %d, want %d", status, want)
			}
			return nil
		}
	}
}
