package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// answerTime bounds how long the client waits for anything.
const answerTime = time.Minute

// client is one connection. It does no more than the measurement needs, to
// leave the processors to the server.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	out     bytes.Buffer
	host    string
	prefix  string // makes this client's keys its own
	counter int
}

func dial(address string) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, answerTime)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReader(conn), host: address, prefix: "bench-" + rand.Text()}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// newKey returns a key that nobody has used.
func (c *client) newKey() string {
	c.counter++
	return c.prefix + "-" + strconv.Itoa(c.counter)
}

const accessToken = "rlH1gR1ZKl(4kCiMVlTfjA))"

// deposit hands over a token as the page in the user's browser does.
func (c *client) deposit(key string) error {
	body := "state=" + key + "&access_token=" + accessToken + "&expires=86400"
	return c.exchange(http.StatusNoContent, "POST /auth/redirect HTTP/1.1\r\nHost: %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n"+
		"Cookie: __Host-dss=AAAAAAAAAAAAAAAAAAAAAAAAAA\r\nSec-Fetch-Site: same-origin\r\n\r\n%s", c.host, len(body), body)
}

// claim fetches the token, which must be there.
func (c *client) claim(key string) error { return c.get(http.StatusOK, key, "") }

// poll asks for a token that is not there.
func (c *client) poll(key string) error { return c.get(http.StatusNotFound, key, "") }

// sendWait asks for a token and returns before the answer.
func (c *client) sendWait(key string) error { return c.send(getFormat, key, "&wait=60", c.host) }

const getFormat = "GET /auth/token?key=%s%s HTTP/1.1\r\nHost: %s\r\n\r\n"

func (c *client) get(want int, key, wait string) error {
	return c.exchange(want, getFormat, key, wait, c.host)
}

func (c *client) exchange(want int, format string, arguments ...any) error {
	if err := c.send(format, arguments...); err != nil {
		return err
	}
	return c.receive(want)
}

func (c *client) send(format string, arguments ...any) error {
	c.out.Reset()
	fmt.Fprintf(&c.out, format, arguments...)
	_ = c.conn.SetDeadline(time.Now().Add(answerTime + 10*time.Second))
	_, err := c.conn.Write(c.out.Bytes())
	return err
}

// receive reads one answer, which must have the status want.
func (c *client) receive(want int) error {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 12 || string(line[9:12]) != strconv.Itoa(want) {
		return fmt.Errorf("answered %q, want status %d", bytes.TrimSpace(line), want)
	}
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		name, value, header := bytes.Cut(line, []byte(":"))
		switch {
		case len(bytes.TrimSpace(line)) == 0:
			_, err := c.in.Discard(length)
			return err
		case header && bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		case header && bytes.EqualFold(name, []byte("Transfer-Encoding")):
			return io.ErrUnexpectedEOF // no server here sends chunks
		}
	}
}
