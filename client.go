package dss

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// DefaultStackExchange is where users sign in.
const DefaultStackExchange = "https://stackoverflow.com"

// Config says which app signs users in, and at which servers.
type Config struct {
	// Server is the URL of the DSS server, such as https://auth.example.org.
	Server string
	// ClientID is the app's client ID on Stack Apps, a number.
	ClientID string
	// Scopes are what the app asks for, such as read_inbox or no_expiry.
	Scopes []string
	// Flow is how to sign in; the zero value is [FlowAuto].
	Flow Flow
	// AppID keeps the app's keys apart from those of other apps on the same
	// server, in the relay flows. It may be empty.
	AppID string
	// StackExchange is where users sign in and codes are redeemed; the zero
	// value is [DefaultStackExchange], or the sandbox of a Server on this
	// machine that has one. In [FlowLoopback], a Server that sends users to another
	// one redeems the code in place of the client.
	StackExchange string
	// API is the Stack Exchange API, for Inspect and Invalidate; the zero value
	// is [DefaultAPI], or the sandbox's. A site of Stack Internal needs both, such
	// as https://stack.example.org and https://stack.example.org/api/2.3.
	API string
	// Locales are the languages that the user prefers, as tags of BCP 47 such as pt-BR,
	// the best first. In [FlowLoopback] the server's pages are in the first that it has
	// (ui_locales, OpenID Connect Core section 3.1.2.1); without any, and in other
	// flows, in one of the browser's.
	Locales []string
	// Prompt shows the user what to do; nil opens the browser, and prints a device
	// grant of [FlowAuto] on standard error. An error from it ends the sign-in. In FlowAuto it
	// is called again, from another goroutine, when a device grant starts beside the loopback flow;
	// [SignIn.Reason] says why.
	Prompt func(*SignIn) error
	// NoDevice is told why the server starts no device grant in [FlowAuto], where one should
	// come beside the loopback flow, which goes on alone. It is called from another
	// goroutine. If it is nil, nobody is told; if Prompt is nil too, standard error is.
	NoDevice func(error)
	// HTTPClient sends the requests; nil is a client that uses the proxy of the
	// environment. Requests have timeouts of their own: it must not time out
	// before 25 s. Redirects are never followed: they would take secrets along.
	// A transport other than an [http.Transport] rules out plain http to names
	// below localhost, which it might send to a proxy.
	HTTPClient *http.Client
}

// Client signs users in. It is safe for concurrent use.
type Client struct {
	endpoints
	config Config
	tokens *TokenClient
	listen func(network, address string) (net.Listener, error)
	place  func() browser.Place
}

// New checks the configuration. The error is a [*ConfigError]. It sends no request.
func New(config Config) (*Client, error) {
	tokens, err := NewTokenClient(config)
	if err != nil {
		return nil, err
	}
	if tokens.server == nil {
		return nil, &ConfigError{"Server", aURL}
	}
	if config.ClientID == "" || strings.Trim(config.ClientID, "0123456789") != "" {
		return nil, &ConfigError{"ClientID",
			fmt.Sprintf("must be the app's client ID on Stack Apps, not %q", config.ClientID)}
	}
	if !slices.Contains(flows, config.Flow) {
		return nil, &ConfigError{"Flow", fmt.Sprintf("must be one of the flows, not %q", config.Flow)}
	}
	if tags := strings.Join(config.Locales, ""); slices.Contains(config.Locales, "") || !isTag(tags) {
		return nil, &ConfigError{"Locales", fmt.Sprintf("must be language tags such as pt-BR, not %q", config.Locales)}
	}
	config.Scopes, config.Locales = slices.Clone(config.Scopes), slices.Clone(config.Locales)
	if config.Prompt == nil && config.NoDevice == nil {
		config.NoDevice = printNoDevice
	}
	return &Client{
		endpoints: tokens.endpoints, config: config, tokens: tokens, listen: net.Listen, place: browser.FindPlace,
	}, nil
}

// isTag reports whether text has only what language tags consist of.
func isTag(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// Inspect returns what Stack Exchange says about a token, as
// [TokenClient.Inspect] does.
func (c *Client) Inspect(ctx context.Context, token string) (*TokenInfo, error) {
	return c.tokens.Inspect(ctx, token)
}

// Invalidate ends a token at once, as [TokenClient.Invalidate] does.
func (c *Client) Invalidate(ctx context.Context, token string) error {
	return c.tokens.Invalidate(ctx, token)
}

// discard ends a token that nobody will use.
func (c *Client) discard(token *Token) error {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	return c.tokens.Invalidate(ctx, token.AccessToken.Reveal())
}

// endpoints are the servers of a configuration, and what sends requests to them.
type endpoints struct {
	server, stackExchange, api *url.URL // nil: not configured
	fetch                      *fetch.Client
}

func newEndpoints(config Config) (endpoints, error) {
	e := endpoints{fetch: fetch.New(config.HTTPClient)}
	for _, address := range []struct {
		name, text string
		url        **url.URL
	}{
		{"Server", config.Server, &e.server},
		{"StackExchange", config.StackExchange, &e.stackExchange},
		{"API", config.API, &e.api},
	} {
		var err error
		if address.text == "" {
			continue
		}
		if *address.url, err = e.parseURL(address.name, address.text); err != nil {
			return endpoints{}, err
		}
	}
	return e, nil
}

const aURL = "must be a URL such as https://auth.example.org"

// parseURL accepts https, and http where it stays on this machine.
func (e endpoints) parseURL(field, text string) (*url.URL, error) {
	u, err := origin.Parse(text)
	if err != nil {
		return nil, &ConfigError{field, aURL + ": " + err.Error()}
	}
	if u.Scheme == "http" && !e.fetch.KeepsLocal(u.Hostname()) {
		return nil, &ConfigError{field, "must be https, unless it is on this machine"}
	}
	return u, nil
}
