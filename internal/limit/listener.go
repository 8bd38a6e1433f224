package limit

import (
	"net"
	"net/netip"
	"sync"
)

// Listen returns a listener that closes the TCP connections of clients that
// have as many as they may, before anything is read. Those of exempt addresses
// are not counted.
func (l *Limiter) Listen(inner net.Listener, exempt func(netip.Addr) bool) net.Listener {
	if l == nil || l.config.Connections <= 0 {
		return inner
	}
	return &listener{inner, l, exempt}
}

type listener struct {
	net.Listener
	limiter *Limiter
	exempt  func(netip.Addr) bool
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn, ok := accepted.(*net.TCPConn)
		if !ok {
			return accepted, nil
		}
		remote, _ := conn.RemoteAddr().(*net.TCPAddr)
		address := remote.AddrPort().Addr().Unmap() // zero for nil
		if l.exempt(address) {
			return conn, nil
		}
		if done, err := l.limiter.connect(address); err == nil {
			return &counted{conn, sync.OnceFunc(done)}, nil
		}
		_ = conn.SetLinger(0) // so the system keeps no state of it
		conn.Close()
	}
}

// counted is a connection that counts until it is closed.
type counted struct {
	*net.TCPConn
	done func()
}

// Close implements [net.Conn].
func (c *counted) Close() error {
	defer c.done()
	return c.TCPConn.Close()
}
