// Package stackexchange is a client for what DSS asks of Stack Exchange
// itself: it redeems authorization codes and invalidates access tokens.
//
// Upstream is not trusted. Redirects are not followed, every call is bounded
// in time and size, and no error repeats a secret that was sent. All calls of a
// [Client] together are bounded in rate and number, and keep still while Stack
// Exchange wants that.
package stackexchange

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

const (
	callTime    = 10 * time.Second // a call in all, with the wait for its turn
	connectTime = 5 * time.Second  // each of dialling and the TLS handshake
	idleTime    = 90 * time.Second
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
	// own, which verifies TLS and uses [http.ProxyFromEnvironment], except for
	// this machine.
	Transport http.RoundTripper
	// Local says that calls do not leave the process: none has to wait for
	// the sake of Stack Exchange.
	Local bool
	// Caller says for whom a call is made, by its context. When calls have to
	// wait, callers take turns. If it is nil, all are one caller's.
	Caller func(context.Context) netip.Prefix
	// Admit is asked about a call, with its context, before it waits for its
	// turn and when that has come, and may refuse it: the call returns the
	// error, wrapped. If it is nil, all are admitted.
	Admit func(context.Context, Method) error
	// InVain hears of a call that was in vain: the code was refused, or the
	// token is not known. If it is nil, nobody does.
	InVain func(context.Context, Method)
	// Observe is told of every call when it is over. If it is nil, nobody
	// is.
	Observe func(Call)
}

// Client calls Stack Exchange. It is safe for concurrent use and starts no
// goroutine.
type Client struct {
	base, api *url.URL
	http      *http.Client
	gate      gate
	pauses    map[Method]*pause
	config    Config
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
	if c.Caller == nil {
		c.Caller = func(context.Context) netip.Prefix { return netip.Prefix{} }
	}
	if c.Admit == nil {
		c.Admit = func(context.Context, Method) error { return nil }
	}
	if c.InVain == nil {
		c.InVain = func(context.Context, Method) {}
	}
	if c.Observe == nil {
		c.Observe = func(Call) {}
	}
	return &Client{
		base:   bare(c.BaseURL),
		api:    bare(c.APIURL),
		http:   &http.Client{Transport: transport, CheckRedirect: stay},
		gate:   gate{local: c.Local},
		pauses: map[Method]*pause{MethodRedeem: {}, MethodInvalidate: {}},
		config: c,
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
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTime}).DialContext,
		TLSHandshakeTimeout:    connectTime,
		ResponseHeaderTimeout:  callTime,
		IdleConnTimeout:        idleTime,
		MaxIdleConnsPerHost:    maxCalls,
		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
	}
	origin.KeepLocal(t) // tokens and codes for a fake on this machine go there in plain text
	return t
}
