// Package frames writes HTTP/2 (RFC 9113) by hand, for what no client does:
// floods, and measurements in which the client must cost next to nothing. It
// compresses nothing and checks nothing.
package frames

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// Frames (RFC 9113 §6) and their flags.
const (
	Data         = 0
	Headers      = 1
	Reset        = 3
	Settings     = 4
	Ping         = 6
	GoAway       = 7
	WindowUpdate = 8
	Continuation = 9

	EndStream  = 1
	EndHeaders = 4
	Ack        = 1
)

// Cancel is the payload of a Reset by who wants no answer any more.
var Cancel = []byte{0, 0, 0, 8}

// Frame is one that has come.
type Frame struct {
	Kind, Flags byte
	Stream      uint32
	Payload     []byte
}

// Conn is a connection. One goroutine may Read while another adds and flushes.
type Conn struct {
	*tls.Conn
	in  *bufio.Reader
	out bytes.Buffer
}

const dialTime = time.Minute

// Dial connects and says that this is HTTP/2. What is sent before the server's
// first frame comes is not lost, so it does not wait for that.
func Dial(address string, config *tls.Config) (*Conn, error) {
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: dialTime}, "tcp", address, config)
	if err != nil {
		return nil, err
	}
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		return nil, errors.Join(errors.New("the server does not speak HTTP/2"), conn.Close())
	}
	return Over(conn)
}

// Over says on a connection that this is HTTP/2; if that fails, it closes it.
func Over(conn *tls.Conn) (*Conn, error) {
	c := &Conn{Conn: conn, in: bufio.NewReader(conn)}
	c.out.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	c.Add(Settings, 0, 0, nil)
	if err := c.Flush(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// Add puts a frame to those that Flush sends.
func (c *Conn) Add(kind, flags byte, stream uint32, payload []byte) {
	head := binary.BigEndian.AppendUint32(c.out.AvailableBuffer(), uint32(len(payload))<<8|uint32(kind))
	head = append(head, flags)
	c.out.Write(binary.BigEndian.AppendUint32(head, stream))
	c.out.Write(payload)
}

// Flush sends what has been added.
func (c *Conn) Flush() error {
	_, err := c.Write(c.out.Bytes())
	c.out.Reset()
	return err
}

// Read returns the next frame, whatever it is.
func (c *Conn) Read() (Frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return Frame{}, err
	}
	payload := make([]byte, binary.BigEndian.Uint32(head[:])>>8)
	_, err := io.ReadFull(c.in, payload)
	return Frame{head[3], head[4], binary.BigEndian.Uint32(head[5:]), payload}, err
}

// Next returns the next frame of a stream. It does what keeps a connection
// alive: it acknowledges settings, answers pings, and lets as much data come
// as has come.
func (c *Conn) Next() (Frame, error) {
	for {
		frame, err := c.Read()
		if err != nil {
			return Frame{}, err
		}
		switch {
		case frame.Kind == Settings && frame.Flags&Ack == 0:
			err = c.reply(Settings, nil)
		case frame.Kind == Ping && frame.Flags&Ack == 0:
			err = c.reply(Ping, frame.Payload)
		case frame.Kind == Data && len(frame.Payload) > 0:
			c.Add(WindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, uint32(len(frame.Payload))))
		case frame.Kind == GoAway:
			return Frame{}, errors.New("the server closes the connection")
		}
		if err != nil || frame.Stream != 0 {
			return frame, err
		}
	}
}

func (c *Conn) reply(kind byte, payload []byte) error {
	c.Add(kind, Ack, 0, payload)
	return c.Flush()
}
