//go:build integration

package postgres

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/desktop-stack-serv/dss/test/engines"
)

// proxy stands between a store and its server, and can stop in its tracks:
// connections stay, and nothing comes through.
type proxy struct {
	listener net.Listener
	server   string
	gate     sync.RWMutex // held for writing while nothing may pass

	mu    sync.Mutex
	conns []net.Conn
	group sync.WaitGroup
}

// between starts a proxy, and returns it with the URL that leads through it.
func between(t testing.TB, server *engines.Server) (*proxy, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, server: fmt.Sprintf("127.0.0.1:%d", server.Port)}
	p.group.Go(p.accept)
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		p.cut()
		p.group.Wait()
	})
	return p, strings.Replace(server.URL, p.server, listener.Addr().String(), 1)
}

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		p.group.Go(func() { p.copy(in, out) })
		p.group.Go(func() { p.copy(out, in) })
	}
}

func (p *proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		p.gate.RLock()
		_, writeErr := to.Write(buffer[:n])
		p.gate.RUnlock()
		if err != nil || writeErr != nil {
			return
		}
	}
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
