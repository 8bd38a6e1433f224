package dss

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// DefaultStackExchange is where users sign in.
const DefaultStackExchange = "https://stackoverflow.com"

// Config says who signs whom in to what.
type Config struct {
	// Server is the URL of the DSS server, such as https://auth.example.org.
	Server string
	// ClientID is the app's number on Stack Apps.
	ClientID string
	// Scopes are what the app asks for, such as read_inbox or no_expiry.
	Scopes []string
	// Flow is the way in; the zero value is [FlowAuto].
	Flow Flow
	// AppID keeps the app's keys apart from those of other apps on the same
	// server, in the relay flows. It may be empty.
	AppID string
	// StackExchange is where users sign in and codes are redeemed; the zero
	// value is [DefaultStackExchange], or the sandbox of a Server on this
	// machine that has one.
	StackExchange string
	// API is the Stack Exchange API, for [Client.Inspect] and
	// [Client.Invalidate]; the zero value is [DefaultAPI], or the sandbox's.
	API string
	// Prompt is told what the user needs to know; nil opens the browser.
	// An error from it ends the sign-in.
	Prompt func(*SignIn) error
	// HTTPClient sends the requests; nil is a client that uses the proxy of the
	// environment. Requests have timeouts of their own: it must not time out
	// before 25 s. Redirects are never followed: they would take secrets along.
	// A transport other than an [http.Transport] rules out plain http to names
	// below localhost, which it might send to a proxy.
	HTTPClient *http.Client
}

// Client signs users in. It is safe for concurrent use.
type Client struct {
	config        Config
	server        *url.URL // nil: none is known
	stackExchange *url.URL // nil: the default
	api           *url.URL // nil: the default
	tokensOnly    bool
	apiPause      pause
	http          *http.Client
	listen        func(network, address string) (net.Listener, error)
}

// New checks the configuration. It asks nobody.
func New(config Config) (*Client, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	if c.server == nil {
		return nil, errNoURL("Server")
	}
	if config.ClientID == "" || strings.Trim(config.ClientID, "0123456789") != "" {
		return nil, fmt.Errorf("dss: ClientID must be the app's number on Stack Apps, not %q", config.ClientID)
	}
	if !slices.Contains(flows, config.Flow) {
		return nil, fmt.Errorf("dss: there is no flow %q", config.Flow)
	}
	return c, nil
}

// newClient checks the addresses, each of which may be missing.
func newClient(config Config) (*Client, error) {
	c := &Client{config: config, http: newHTTPClient(config.HTTPClient), listen: net.Listen}
	c.config.Scopes = slices.Clone(config.Scopes)
	for _, address := range []struct {
		name, text string
		url        **url.URL
	}{
		{"Server", config.Server, &c.server},
		{"StackExchange", config.StackExchange, &c.stackExchange},
		{"API", config.API, &c.api},
	} {
		var err error
		if address.text == "" {
			continue
		}
		if *address.url, err = c.parseURL(address.name, address.text); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func errNoURL(name string) error {
	return fmt.Errorf("dss: %s must be a URL such as https://auth.example.org", name)
}

// parseURL accepts https, and http where it stays on this machine.
func (c *Client) parseURL(name, text string) (*url.URL, error) {
	u, err := origin.Parse(text)
	switch {
	case errors.Is(err, origin.ErrNotASCII):
		return nil, fmt.Errorf("%w: %w", errNoURL(name), err)
	case err != nil && !hasOtherScheme(text):
		return nil, errNoURL(name)
	case err != nil || u.Scheme == "http" && !c.keepsLocal(u.Hostname()):
		return nil, fmt.Errorf("dss: %s must be https, unless it is on this machine", name)
	}
	return u, nil
}

// hasOtherScheme reports whether text is a URL that is neither http nor https.
func hasOtherScheme(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https"
}

// keepsLocal reports whether requests to a host stay on this machine. Proxies
// of the environment are never used for localhost and loopback addresses; for
// names below localhost only our transport is known not to use them.
func (c *Client) keepsLocal(name string) bool {
	_, ours := c.http.Transport.(*http.Transport)
	return origin.IsLoopback(name) && (ours || !strings.HasSuffix(name, ".localhost"))
}
