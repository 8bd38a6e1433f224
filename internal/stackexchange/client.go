// Package stackexchange is a client for what DSS and apps ask of Stack Exchange
// itself: it redeems authorization codes, and inspects and invalidates access
// tokens.
//
// Stack Exchange is not trusted: every call is bounded in time and size, and no
// error repeats a secret that was sent. All calls of a [Client] together are
// bounded in rate and number, and stop while Stack Exchange asks for a pause.
package stackexchange

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/fetch"
)

// callTime bounds a whole call, with the wait for its turn.
const callTime = 10 * time.Second

// Config says where Stack Exchange is. The zero value is the real one;
// Enterprise instances have their own.
type Config struct {
	// BaseURL is where users sign in and codes are redeemed; nil means
	// https://stackoverflow.com.
	BaseURL *url.URL
	// APIURL is that of the API with its version; nil means
	// https://api.stackexchange.com/2.3.
	APIURL *url.URL
	// Transport sends the requests. If it is nil, they go over one that verifies
	// TLS and uses [http.ProxyFromEnvironment], except for this machine.
	Transport http.RoundTripper
	// Timeout bounds a whole call, with the wait for its turn; 0 means 10 s.
	Timeout time.Duration
	// Local is for a Transport that serves calls in this process: there is no
	// rate limit, and any number may wait.
	Local bool
	// Caller returns for whom a call with this context is made. When calls have
	// to wait, callers take turns. If it is nil, all calls are one caller's.
	Caller func(context.Context) netip.Prefix
	// Allow may refuse a call, by its context: the call returns the error,
	// wrapped. It is called before the call waits for its turn, and when its turn
	// has come. If it is nil, all calls are allowed.
	Allow func(context.Context, Method) error
	// Refused is called after a call for which the code was refused or the token
	// was not valid. It may be nil.
	Refused func(context.Context, Method)
	// Observe is called after every call. It may be nil.
	Observe func(Call)
}

// Client calls Stack Exchange. It is safe for concurrent use and starts no
// goroutine.
type Client struct {
	base, api *url.URL
	fetch     *fetch.Client
	gate      gate
	pauses    map[Method]*pause
	config    Config
}

// New returns a client. It sends no request.
func New(c Config) *Client {
	sender := fetch.New(nil)
	if c.Transport != nil {
		sender = fetch.Over(c.Transport)
	}
	c.Timeout = cmp.Or(c.Timeout, callTime)
	if c.BaseURL == nil {
		c.BaseURL = &url.URL{Scheme: "https", Host: "stackoverflow.com"}
	}
	if c.APIURL == nil {
		c.APIURL = &url.URL{Scheme: "https", Host: "api.stackexchange.com", Path: "/2.3"}
	}
	if c.Caller == nil {
		c.Caller = func(context.Context) netip.Prefix { return netip.Prefix{} }
	}
	if c.Allow == nil {
		c.Allow = func(context.Context, Method) error { return nil }
	}
	if c.Refused == nil {
		c.Refused = func(context.Context, Method) {}
	}
	if c.Observe == nil {
		c.Observe = func(Call) {}
	}
	api := &pause{}
	return &Client{
		base:   bare(c.BaseURL),
		api:    bare(c.APIURL),
		fetch:  sender,
		gate:   gate{local: c.Local},
		pauses: map[Method]*pause{MethodRedeem: {}, MethodInspect: api, MethodInvalidate: api},
		config: c,
	}
}

// BaseURL is where the client sends users to sign in.
func (c *Client) BaseURL() *url.URL { return bare(c.base) }

// APIURL is where the client calls the API.
func (c *Client) APIURL() *url.URL { return bare(c.api) }

// IsPublic reports whether that is the API of the public sites.
func (c *Client) IsPublic() bool { return IsPublic(c.api) }

// IsPublic reports whether a URL, made canonical by package origin, is one of the
// public Stack Exchange, and not of a Stack Internal.
func IsPublic(u *url.URL) bool {
	return u.Host == "stackoverflow.com" || u.Host == "stackexchange.com" || strings.HasSuffix(u.Host, ".stackexchange.com")
}

// bare copies u without its query and fragment.
func bare(u *url.URL) *url.URL {
	clone := *u
	clone.RawQuery, clone.ForceQuery, clone.Fragment, clone.RawFragment = "", false, "", ""
	return &clone
}

// Authorization is an authorization request of the code grant with PKCE
// (RFC 6749 section 4.1.1, RFC 7636 section 4.3). CodeChallenge is an S256 one. Scope may be
// empty: even so the user is identified.
type Authorization struct{ ClientID, Scope, RedirectURI, State, CodeChallenge string }

// AuthorizeURL returns where to send the browser. It sends no request.
func (c *Client) AuthorizeURL(a Authorization) string {
	query := url.Values{
		"client_id":             {a.ClientID},
		"redirect_uri":          {a.RedirectURI},
		"state":                 {a.State},
		"code_challenge":        {a.CodeChallenge},
		"code_challenge_method": {"S256"},
	}
	if a.Scope != "" {
		query.Set("scope", a.Scope)
	}
	target := c.base.JoinPath("oauth")
	target.RawQuery = query.Encode()
	return target.String()
}
