package daemon

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// lazyListener has connections that set few deadlines.
type lazyListener struct{ net.Listener }

// Accept implements [net.Listener].
func (l lazyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lazyConn{Conn: conn}, nil
}

// lazyConn keeps its deadlines itself and sets few of them on the connection. For
// each request net/http sets eight, and each costs a timer of the runtime, but most
// requests never have to wait for the connection. So an earlier deadline stays
// set when a later one is wanted. When it passes, the later one takes its place, and
// what has been waiting goes on.
type lazyConn struct {
	net.Conn
	reads, writes deadline
	watcher       *watcher // or nil
}

// Read implements [net.Conn].
func (c *lazyConn) Read(b []byte) (int, error) {
	if c.watcher != nil {
		if len(b) == 1 && c.watcher.begin() {
			return 0, nil
		}
		if n := c.watcher.end(b); n > 0 {
			return n, nil
		}
	}
	return c.read(b)
}

// read keeps the deadlines.
func (c *lazyConn) read(b []byte) (int, error) {
	for {
		if err := c.reads.begin(); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(b)
		if !c.reads.end(err, c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write implements [net.Conn].
func (c *lazyConn) Write(b []byte) (written int, err error) {
	for {
		if err := c.writes.begin(); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(b[written:])
		written += n
		if !c.writes.end(err, c.Conn.SetWriteDeadline) {
			return written, err
		}
	}
}

// CloseWrite ends the sending direction of a connection that can. net/http does so
// before it hangs up on a client that is still sending.
func (c *lazyConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetDeadline implements [net.Conn].
func (c *lazyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements [net.Conn].
func (c *lazyConn) SetReadDeadline(t time.Time) error {
	return c.reads.want(t, c.Conn.SetReadDeadline)
}

// SetWriteDeadline implements [net.Conn].
func (c *lazyConn) SetWriteDeadline(t time.Time) error {
	return c.writes.want(t, c.Conn.SetWriteDeadline)
}

// deadline is that of one direction. A zero time is none.
type deadline struct {
	mu      sync.Mutex
	wanted  time.Time
	armed   time.Time // that of the connection, which is no later
	pending int       // operations
}

// longAgo is later than the deadline with which net/http interrupts a read, one second
// after the epoch.
var longAgo = time.Unix(60, 0)

func interrupts(t time.Time) bool { return !t.IsZero() && t.Before(longAgo) }

// want makes t the deadline, also of what is pending. It sets the connection's if
// that has to be earlier, here and not when an operation begins, since net/http reads
// from the depth of its stack.
func (d *deadline) want(t time.Time, set func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	switch {
	case interrupts(d.armed): // or the next operation would end at once
	case t.IsZero(), !d.armed.IsZero() && !d.armed.After(t):
		return nil
	case d.pending == 0 && interrupts(t):
		return nil // begin will see to it
	}
	d.armed = t
	return set(t)
}

// begin counts an operation, unless it is interrupted already.
func (d *deadline) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if interrupts(d.wanted) {
		return os.ErrDeadlineExceeded
	}
	d.pending++
	return nil
}

// end takes the error of an operation that is over, and reports whether that was
// only because of a deadline that is not wanted any more.
func (d *deadline) end(err error, set func(time.Time) error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending--
	if !errors.Is(err, os.ErrDeadlineExceeded) || !d.wanted.IsZero() && !d.wanted.After(time.Now()) {
		return false
	}
	d.armed = d.wanted
	return set(d.armed) == nil
}
