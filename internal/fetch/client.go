// Package fetch sends a request to a server that is not trusted and reads the
// answer. It follows no redirect, which would take secrets along, bounds the
// time and the size, and keeps what is for this machine on it. Errors say what
// is wrong with the network, and repeat nothing that was sent or received.
package fetch

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

const (
	connectTime = 10 * time.Second // for each of dialling and the TLS handshake
	idleTime    = 90 * time.Second // for a connection that nobody uses
	// A connection over HTTP/2 that has been silent for pingAfter is asked for a
	// sign of life, and is closed if there is none within pingTime.
	pingAfter = 10 * time.Second
	pingTime  = 5 * time.Second

	maxHeader = 16 << 10 // bytes
	maxIdle   = 64       // connections to one host
)

// Client sends requests. It is safe for concurrent use.
type Client struct{ http *http.Client }

// New returns a client that sends requests as given does, or with the proxy of
// the environment if given or its transport is nil. An [http.Transport] is
// copied and adapted.
func New(given *http.Client) *Client {
	client := &http.Client{}
	if given != nil {
		*client = *given
	}
	switch t := client.Transport.(type) {
	case nil:
		client.Transport = sharedTransport()
	case *http.Transport:
		client.Transport = adapt(cloneOf(t))
	}
	return direct(client)
}

// Over returns a client that sends requests over a transport as it is.
func Over(transport http.RoundTripper) *Client { return direct(&http.Client{Transport: transport}) }

func direct(client *http.Client) *Client {
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{client}
}

// Transport carries the requests.
func (c *Client) Transport() http.RoundTripper { return c.http.Transport }

// Reconnect has the next request use a new connection, unless that is shared
// with a request under way.
func (c *Client) Reconnect() { c.http.CloseIdleConnections() }

// KeepsLocal reports whether requests to a host stay on this machine. Proxies
// of the environment are never used for localhost and loopback addresses; for
// names below localhost only an [http.Transport] is known not to use them.
func (c *Client) KeepsLocal(host string) bool {
	_, adapted := c.http.Transport.(*http.Transport)
	return origin.IsLoopback(host) && (adapted || !strings.HasSuffix(host, ".localhost"))
}

// sharedTransport serves all clients without a transport of their own.
var sharedTransport = sync.OnceValue(func() *http.Transport {
	return adapt(&http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTime}).DialContext,
		TLSHandshakeTimeout:    connectTime,
		IdleConnTimeout:        idleTime,
		MaxIdleConnsPerHost:    maxIdle,
		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
	})
})

// adapt keeps what is for this machine on it, notices connections that have
// gone silent, and reports what a proxy answers.
func adapt(t *http.Transport) *http.Transport {
	origin.KeepLocal(t)
	if t.HTTP2 == nil {
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTime}
	}
	if t.OnProxyConnectResponse == nil {
		t.OnProxyConnectResponse = checkProxy
	}
	return t
}

// cloneOf copies a transport, with what it would lose by the DialContext that
// adapt sets: its Dial, and HTTP/2 where that is the default.
func cloneOf(t *http.Transport) *http.Transport {
	clone := t.Clone()
	//lint:ignore SA1019 programs may still set it
	if older := t.Dial; older != nil && clone.DialContext == nil {
		clone.DialContext = func(_ context.Context, network, address string) (net.Conn, error) {
			return older(network, address)
		}
	}
	if config := clone.TLSClientConfig; config != nil && slices.Contains(config.NextProtos, "h2") {
		clone.ForceAttemptHTTP2 = true
	}
	return clone
}

// proxyError is a proxy that does not let requests through.
type proxyError struct {
	proxy  string // host and port
	status int
}

// Error implements error.
func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy %s answers %s", e.proxy, statusText(e.status))
}

func checkProxy(_ context.Context, proxy *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{proxy.Host, response.StatusCode}
}
