//go:build integration

package redis

import (
	"bytes"
	"net"
	"strconv"
	"sync"
	"testing"
)

// proxy stands between a store and a server.
type proxy struct {
	listener net.Listener
	mu       sync.Mutex
	target   string
	mute     bool          // requests get through, answers end the connection
	scripts  chan struct{} // receives when a script is on its way
	pairs    sync.WaitGroup
}

func startProxy(t *testing.T, port int) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, scripts: make(chan struct{}, 1)}
	p.lead(port)
	p.pairs.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.pairs.Wait()
	})
	return p
}

func (p *proxy) url() string { return "redis://" + p.listener.Addr().String() }

// lead makes new connections go to port.
func (p *proxy) lead(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func (p *proxy) setMute(mute bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = mute
}

func (p *proxy) muted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mute
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		server, err := net.Dial("tcp", target)
		if err != nil {
			client.Close()
			continue
		}
		p.pairs.Go(func() { copyUntil(server, client, p.look) })
		p.pairs.Go(func() { copyUntil(client, server, func([]byte) bool { return p.muted() }) })
	}
}

// forget forgets the scripts that have been on their way so far.
func (p *proxy) forget() {
	select {
	case <-p.scripts:
	default:
	}
}

// look looks at what is on its way to the server.
func (p *proxy) look(request []byte) (cut bool) {
	if bytes.Contains(request, []byte("EVALSHA")) {
		select {
		case p.scripts <- struct{}{}:
		default:
		}
	}
	return false
}

// copyUntil copies until an end closes or cut says so.
func copyUntil(to, from net.Conn, cut func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil || cut(buffer[:n]) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
