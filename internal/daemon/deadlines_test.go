package daemon

import (
	"errors"
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

// TestLazyConn runs the test that every [net.Conn] has to pass.
func TestLazyConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, nil, err
		}
		defer listener.Close()
		dialed, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			return nil, nil, nil, err
		}
		c1 = &lazyConn{Conn: dialed}
		if c2, err = (lazyListener{listener}).Accept(); err != nil {
			dialed.Close()
			return nil, nil, nil, err
		}
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}

// logged is a connection that remembers what deadlines were set, in seconds from now.
type logged struct {
	net.Conn
	reads, writes []int
}

func (l *logged) SetReadDeadline(t time.Time) error {
	l.reads = append(l.reads, fromNow(t))
	return l.Conn.SetReadDeadline(t)
}

func (l *logged) SetWriteDeadline(t time.Time) error {
	l.writes = append(l.writes, fromNow(t))
	return l.Conn.SetWriteDeadline(t)
}

// interrupt is for the deadline with which net/http interrupts a read.
const interrupt = -1000

// fromNow is the reverse of in.
func fromNow(t time.Time) int {
	switch {
	case t.IsZero():
		return 0
	case t.Equal(time.Unix(1, 0)):
		return interrupt
	}
	return int(time.Until(t) / time.Second)
}

// in returns the time in some seconds; 0 means no deadline.
func in(seconds int) time.Time {
	switch seconds {
	case 0:
		return time.Time{}
	case interrupt:
		return time.Unix(1, 0)
	}
	return time.Now().Add(time.Duration(seconds) * time.Second)
}

// TestLazyDeadlines: what is pending ends when the last deadline that was wanted
// passes, however few were set.
func TestLazyDeadlines(t *testing.T) {
	type change struct{ after, deadline int } // in seconds; a deadline of 0 is none
	for _, c := range []struct {
		name   string
		before []int    // deadlines wanted before the operation
		during []change // and while it is pending
		ends   int      // after so many seconds
		set    []int    // on the connection, in seconds from then
	}{
		{"none", nil, []change{{3, -1}}, 3, []int{-1}},
		{"one", []int{5}, nil, 5, []int{5}},
		{"the last one of several", []int{5, 0, 90, 10}, nil, 10, []int{5, 5}},
		{"past", []int{5, -1}, nil, 0, []int{5, -1}},
		{"interrupted before", []int{5, interrupt}, nil, 0, []int{5}},
		{"interrupted", []int{5}, []change{{1, interrupt}}, 1, []int{5, interrupt}},
		{"interrupted before, then free", []int{5, interrupt, 0}, []change{{9, interrupt}}, 9, []int{5, 0, interrupt}},
		{"interrupted, then wanted", []int{interrupt, 5, 9}, nil, 9, []int{5, 4}},
		{"one that comes", nil, []change{{1, 3}}, 4, []int{3}},
		{"a later one", []int{5}, []change{{1, 90}}, 91, []int{5, 86}},
		{"a later one, again and again", []int{5}, []change{{3, 5}, {6, 5}, {9, 5}}, 14, []int{5, 3, 3, 3}},
		{"an earlier one", []int{90}, []change{{1, 5}}, 6, []int{90, 5}},
		{"an earlier one, then a later one", []int{90}, []change{{1, 5}, {2, 10}}, 12, []int{90, 5, 6}},
		{"taken away", []int{5}, []change{{1, 0}, {20, -1}}, 20, []int{5, 0, -1}},
		{"taken away and put back", []int{5}, []change{{1, 0}, {2, 8}}, 10, []int{5, 5}},
	} {
		for _, direction := range []string{"read", "write"} {
			t.Run(c.name+", "+direction, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					here, there := net.Pipe()
					defer here.Close()
					defer there.Close()
					inner := &logged{Conn: here}
					conn := &lazyConn{Conn: inner}
					want, operate, set := conn.SetReadDeadline, conn.Read, &inner.reads
					if direction == "write" {
						want, operate, set = conn.SetWriteDeadline, conn.Write, &inner.writes
					}
					for _, deadline := range c.before {
						_ = want(in(deadline))
					}
					began, ended := time.Now(), make(chan error)
					go func() {
						_, err := operate(make([]byte, 10))
						ended <- err
					}()
					for _, change := range c.during {
						time.Sleep(time.Until(began.Add(time.Duration(change.after) * time.Second)))
						_ = want(in(change.deadline))
					}
					err := <-ended
					if took := int(time.Since(began) / time.Second); !errors.Is(err, os.ErrDeadlineExceeded) || took != c.ends {
						t.Errorf("it ends with %v after %d s, want a timeout after %d s", err, took, c.ends)
					}
					if !slices.Equal(*set, c.set) {
						t.Errorf("deadlines set in %v s, want %v", *set, c.set)
					}
				})
			})
		}
	}
}
