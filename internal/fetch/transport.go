package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

const (
	connectTime = 10 * time.Second // for each of dialling and the TLS handshake
	idleTime    = 90 * time.Second // for a connection that is not used
	// A connection over HTTP/2 that has been silent for pingAfter is asked for a
	// sign of life, and is closed if there is none within pingTime.
	pingAfter = 10 * time.Second
	pingTime  = 5 * time.Second

	maxHeader = 16 << 10 // bytes
	maxIdle   = 64       // connections to one host
)

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
	keepLocal(t)
	if t.HTTP2 == nil {
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTime}
	}
	if t.OnProxyConnectResponse == nil {
		t.OnProxyConnectResponse = checkProxy
	}
	return t
}

// keepLocal makes a transport reach loopback names on this machine, whatever
// name servers and proxies say of them: requests to them may be in plain text.
// All others use the transport's own Proxy and DialContext.
func keepLocal(t *http.Transport) {
	proxy, dial := t.Proxy, t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	if proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if origin.IsLoopback(r.URL.Hostname()) {
				return nil, nil
			}
			return proxy(r)
		}
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		name, port, _ := net.SplitHostPort(address)
		local := origin.LoopbackAddresses(name)
		if local == nil {
			return dial(ctx, network, address)
		}
		var failed error
		for _, ip := range local {
			connection, err := dial(ctx, network, net.JoinHostPort(ip, port))
			if err == nil {
				return connection, nil
			}
			failed = errors.Join(failed, err)
		}
		return nil, failed
	}
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
