package dss

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// The times of a request. A bound key can be claimed again for a minute after
// an answer that was lost. Two requests that get no answer, and the pauses
// behind them, fit in it, so that the third still gets the lost answer.
const (
	waitSeconds = 20               // how long the server is asked to hold a claim
	answerTime  = 25 * time.Second // for a request and its answer
	probeTime   = 15 * time.Second // for the metadata, which a user waits for
	connectTime = 10 * time.Second // for each of dialling and the TLS handshake
	idleTime    = 90 * time.Second // for a connection that nobody uses
	// A connection over HTTP/2 that has been silent for pingAfter is asked for a
	// sign of life, and is closed if there is none within pingTime.
	pingAfter = 10 * time.Second
	pingTime  = 5 * time.Second
)

// sharedTransport serves all clients whose Config has no transport.
var sharedTransport = sync.OnceValue(func() *http.Transport {
	return adapt(&http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: connectTime}).DialContext,
		TLSHandshakeTimeout: connectTime,
		IdleConnTimeout:     idleTime,
		ForceAttemptHTTP2:   true,
	})
})

// adapt keeps what is for this machine on it, notices connections that have
// gone silent, and says what a proxy answers.
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

// newHTTPClient keeps secrets from going where a redirect says. It does not
// know what a transport of another kind does with names below localhost.
func newHTTPClient(given *http.Client) *http.Client {
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
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// cloneOf copies a transport, with what it would lose by the function for dialling
// that adapt gives it: the older such function, and HTTP/2 where that comes by
// itself.
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

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy %s answers %s", e.proxy, statusText(e.status))
}

func checkProxy(_ context.Context, proxy *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{proxy.Host, response.StatusCode}
}

// statusText is such as 502 Bad Gateway.
func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprint(status, " ", text)
	}
	return fmt.Sprint(status)
}
