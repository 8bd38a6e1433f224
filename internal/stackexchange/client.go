// Package stackexchange is a client for what DSS asks of Stack Exchange
// itself: it redeems authorization codes and invalidates access tokens.
//
// Upstream is not trusted. Redirects are not followed, every call is bounded
// in time, size and number, and no error repeats a secret that was sent.
package stackexchange

import (
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	callTime    = 10 * time.Second // a call in all, with the wait for a slot
	connectTime = 5 * time.Second  // each of dialling and the TLS handshake
	idleTime    = 90 * time.Second
	maxCalls    = 64       // at once
	maxAnswer   = 64 << 10 // bytes, compressed and not
	maxHeader   = 16 << 10 // bytes
)

// Config says where Stack Exchange is. The zero value is the real one;
// Enterprise instances have their own.
type Config struct {
	// BaseURL is where users sign in and codes are redeemed. If it is nil,
	// it is https://stackoverflow.com.
	BaseURL *url.URL
	// APIURL is that of the API with its version. If it is nil, it is
	// https://api.stackexchange.com/2.3.
	APIURL *url.URL
	// Transport sends the requests. If it is nil, the client has one of its
	// own, which verifies TLS and uses [http.ProxyFromEnvironment].
	Transport http.RoundTripper
	// Observe is told of every call when it is over. If it is nil, nobody
	// is.
	Observe func(Call)
}

// Client calls Stack Exchange. It is safe for concurrent use and starts no
// goroutine.
type Client struct {
	base, api *url.URL
	http      *http.Client
	slots     chan struct{} // one element for each call under way
	pause     pause         // of the API
	observe   func(Call)
}

// New returns a client. It calls nobody yet.
func New(c Config) *Client {
	transport := c.Transport
	if transport == nil {
		transport = newTransport()
	}
	if c.BaseURL == nil {
		c.BaseURL = &url.URL{Scheme: "https", Host: "stackoverflow.com"}
	}
	if c.APIURL == nil {
		c.APIURL = &url.URL{Scheme: "https", Host: "api.stackexchange.com", Path: "/2.3"}
	}
	if c.Observe == nil {
		c.Observe = func(Call) {}
	}
	return &Client{
		base:    bare(c.BaseURL),
		api:     bare(c.APIURL),
		http:    &http.Client{Transport: transport, CheckRedirect: stay},
		slots:   make(chan struct{}, maxCalls),
		observe: c.Observe,
	}
}

// BaseURL is where the client sends users to sign in.
func (c *Client) BaseURL() *url.URL { return bare(c.base) }

// bare copies u without what would get in the way of a path and a query.
func bare(u *url.URL) *url.URL {
	clone := *u
	clone.RawQuery, clone.ForceQuery, clone.Fragment, clone.RawFragment = "", false, "", ""
	return &clone
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTime}).DialContext,
		TLSHandshakeTimeout:    connectTime,
		ResponseHeaderTimeout:  callTime,
		IdleConnTimeout:        idleTime,
		MaxIdleConnsPerHost:    maxCalls,
		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
	}
}
