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

	"github.com/desktop-stack-serv/dss/test/frames"
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
	proxy   bool // names a client of its own in each request

	streams *frames.Conn // in place of the above, over HTTPS
	stream  uint32       // the last one

	keepBody bool
	body     []byte // of the last answer, if keepBody
}

func dial(address string) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, answerTime)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReader(conn), host: address, prefix: "bench-" + rand.Text()}, nil
}

// dial connects as the server is served.
func (s *server) dial() (*client, error) {
	if s.tls == nil {
		c, err := dial(s.address)
		if err == nil {
			c.proxy = s.subject == limited
		}
		return c, err
	}
	streams, err := frames.Dial(s.address, s.tls.trust)
	if err != nil {
		return nil, err
	}
	return &client{conn: streams.Conn, streams: streams, stream: ^uint32(0), host: s.address, prefix: "bench-" + rand.Text()}, nil
}

// fields are those of every request.
func (c *client) fields() string {
	if !c.proxy {
		return "Host: " + c.host + "\r\n"
	}
	return fmt.Sprintf("Host: %s\r\nX-Forwarded-For: 10.0.%d.%d\r\n", c.host, c.counter>>8&0xf, c.counter&0xff)
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
	if c.streams != nil {
		return c.exchangeFrames(http.StatusNoContent, "POST", "/auth/redirect", body,
			frames.Field("cookie", "__Host-dss=AAAAAAAAAAAAAAAAAAAAAAAAAA"), frames.Field("sec-fetch-site", "same-origin"))
	}
	return c.exchange(http.StatusNoContent, "POST /auth/redirect HTTP/1.1\r\n%s"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n"+
		"Cookie: dss=AAAAAAAAAAAAAAAAAAAAAAAAAA; __Host-dss=AAAAAAAAAAAAAAAAAAAAAAAAAA\r\nSec-Fetch-Site: same-origin\r\n\r\n%s",
		c.fields(), len(body), body)
}

// claim fetches the token, which must be there.
func (c *client) claim(key string) error { return c.get(http.StatusOK, key, "") }

// poll asks for a token that is not there.
func (c *client) poll(key string) error { return c.get(http.StatusNotFound, key, "") }

const postFormat = "POST %s HTTP/1.1\r\n%sContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"

func (c *client) post(want int, path, body string) error {
	return c.exchange(want, postFormat, path, c.fields(), len(body), body)
}

// authorizeDevice starts a device grant.
func (c *client) authorizeDevice() error {
	return c.post(http.StatusOK, "/oauth/device_authorization", "client_id=7&scope=read_inbox")
}

// pollDevice polls for a device grant that nobody has approved.
func (c *client) pollDevice(deviceCode string) error {
	return c.post(http.StatusBadRequest, "/oauth/token",
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=7&device_code="+deviceCode)
}

// sendWait asks for a token and returns before the answer.
func (c *client) sendWait(key string) error { return c.send(getFormat, key, "&wait=60", c.fields()) }

const getFormat = "GET /auth/token?key=%s%s HTTP/1.1\r\n%s\r\n"

func (c *client) get(want int, key, wait string) error {
	if c.streams != nil {
		return c.exchangeFrames(want, "GET", "/auth/token?key="+key+wait, "")
	}
	return c.exchange(want, getFormat, key, wait, c.fields())
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

// receive reads one answer, which must have the status want. It looks only
// for what it needs, so that headers cost this side next to nothing.
func (c *client) receive(want int) error {
	head, err := c.head()
	if err != nil {
		return err
	}
	status, length := head[len("HTTP/1.1 "):][:3], 0
	if at := bytes.Index(head, []byte("\r\nContent-Length: ")); at >= 0 {
		for _, digit := range head[at+len("\r\nContent-Length: "):] {
			if digit < '0' || digit > '9' {
				break
			}
			length = 10*length + int(digit-'0')
		}
	}
	answered, _ := strconv.Atoi(string(status))
	if _, err := c.in.Discard(len(head)); err != nil {
		return err
	}
	if c.keepBody {
		c.body = make([]byte, length)
		_, err = io.ReadFull(c.in, c.body)
	} else {
		_, err = c.in.Discard(length)
	}
	if err != nil {
		return err
	}
	if answered != want {
		return fmt.Errorf("answered %d, want %d", answered, want)
	}
	return nil
}

// head returns the next answer's status line and headers, without consuming
// them.
func (c *client) head() ([]byte, error) {
	for {
		waiting, _ := c.in.Peek(c.in.Buffered())
		if end := bytes.Index(waiting, []byte("\r\n\r\n")); end > len("HTTP/1.1 200") {
			return waiting[:end+4], nil
		}
		if _, err := c.in.Peek(len(waiting) + 1); err != nil {
			return nil, err // bufio.ErrBufferFull where the head is too long
		}
	}
}
