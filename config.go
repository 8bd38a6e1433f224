package dss

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
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
	// value is [DefaultStackExchange].
	StackExchange string
	// API is the Stack Exchange API, for [Client.Inspect] and
	// [Client.Invalidate]; the zero value is [DefaultAPI].
	API string
	// Prompt is told what the user needs to know; nil opens the browser.
	// An error from it ends the sign-in.
	Prompt func(*SignIn) error
	// HTTPClient sends the requests; nil is a client with sensible timeouts.
	// It must not time out before a minute, which is how long the server may
	// hold a request. Redirects are never followed: they would take secrets
	// along.
	HTTPClient *http.Client
}

// Client signs users in. It is safe for concurrent use.
type Client struct {
	config        Config
	server        *url.URL
	stackExchange *url.URL
	apiPause      pause
	http          *http.Client
	listen        func(network, address string) (net.Listener, error)
}

// waitSeconds is how long the server is asked to hold a request, and
// httpTimeout a little more.
const (
	waitSeconds = 50
	httpTimeout = 75 * time.Second
)

// New checks the configuration.
func New(config Config) (*Client, error) {
	c := &Client{config: config, http: newHTTPClient(config.HTTPClient), listen: net.Listen}
	c.config.Scopes = slices.Clone(config.Scopes)
	var err error
	if c.server, err = parseOrigin("Server", config.Server); err != nil {
		return nil, err
	}
	if config.StackExchange == "" {
		config.StackExchange = DefaultStackExchange
	}
	if c.stackExchange, err = parseOrigin("StackExchange", config.StackExchange); err != nil {
		return nil, err
	}
	if config.ClientID == "" || strings.Trim(config.ClientID, "0123456789") != "" {
		return nil, fmt.Errorf("dss: ClientID must be the app's number on Stack Apps, not %q", config.ClientID)
	}
	if !slices.Contains(flows, config.Flow) {
		return nil, fmt.Errorf("dss: there is no flow %q", config.Flow)
	}
	if _, err := c.api(); err != nil {
		return nil, err
	}
	return c, nil
}

// newHTTPClient keeps secrets from going where a redirect says.
func newHTTPClient(given *http.Client) *http.Client {
	client := &http.Client{Timeout: httpTimeout}
	if given != nil {
		*client = *given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// parseOrigin accepts https, and http on loopback.
func parseOrigin(name, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, "?#") {
		return nil, fmt.Errorf("dss: %s must be a URL such as https://auth.example.org", name)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("dss: %s must be https, unless it is on this machine", name)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "127.0.0.1" || host == "::1"
}
