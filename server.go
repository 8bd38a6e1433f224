package dss

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

// serverInfo is what a server says about itself.
type serverInfo struct {
	issuer  string   // "": it is too busy to say
	sandbox *url.URL // nil: there is none, or it is not to be trusted
}

// check asks the server who it is, before a user is bothered. A server that is
// busy is taken at its word.
func (c *Client) check(ctx context.Context, flow Flow) (serverInfo, error) {
	info, err := c.askServer(ctx)
	if errors.Is(err, ErrThrottled) {
		return serverInfo{}, nil
	}
	if err == nil {
		err = c.checkIssuer(info.issuer, flow)
	}
	return info, err
}

// askServer fetches the metadata (RFC 8414 section 3).
func (c *Client) askServer(ctx context.Context) (serverInfo, error) {
	target := c.server.JoinPath(api.PathMetadata)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return serverInfo{}, err
	}
	response, body, err := c.send(request, probeTime)
	if err != nil {
		return serverInfo{}, err
	}
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests:
		return serverInfo{}, &ThrottledError{retryAfter(response.Header)}
	case status >= 500:
		return serverInfo{}, unreachableBecause(describe(response))
	case status != http.StatusOK:
		return serverInfo{}, c.notDSS(describe(response) + advice(response))
	}
	var m api.Metadata
	if json.Unmarshal(body, &m) != nil {
		return serverInfo{}, c.notDSS(describe(response))
	}
	issuer, err := origin.Parse(m.Issuer)
	if err != nil || m.TokenEndpoint != "" && m.TokenEndpoint != m.Issuer+api.PathOAuthToken {
		return serverInfo{}, c.notDSS("its metadata is not that of DSS")
	}
	return serverInfo{issuer.String(), c.trustedSandbox(m.Sandbox)}, nil
}

// notDSS keeps the words for what is wrong apart from what was answered.
func (c *Client) notDSS(reason string) error {
	text := fmt.Sprintf("dss: there is no DSS server at %s: %s", c.server, reason)
	return &serverError{text, []error{ErrWrongServer, ErrUnreachable}}
}

// advice says what to do about an answer of something in front of a server.
func advice(response *http.Response) string {
	switch status := response.StatusCode; {
	case status >= 300 && status < 400:
		if location, err := response.Location(); err == nil {
			base, found := strings.CutSuffix(location.Path, api.PathMetadata)
			if found && location.Host != "" {
				server := url.URL{Scheme: location.Scheme, Host: location.Host, Path: base}
				return "; if you trust that, set Server to " + server.String()
			}
		}
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return "; something in front of it refuses"
	}
	return ""
}

// checkIssuer compares the server's name for itself with ours. In the loopback
// flow they must be the same (RFC 9207 section 2.4). The other flows also work
// at the host of an app, which lies below the server's, and at another name of
// this machine.
func (c *Client) checkIssuer(text string, flow Flow) error {
	if text == c.server.String() {
		return nil
	}
	issuer, err := url.Parse(text)
	if err != nil {
		return err
	}
	_, parent, _ := strings.Cut(c.server.Host, ".")
	if flow != FlowLoopback && issuer.Scheme == c.server.Scheme && issuer.Path == c.server.Path &&
		(issuer.Host == parent || bothLocal(issuer, c.server)) {
		return nil
	}
	text = fmt.Sprintf("dss: the server at %s calls itself %s: set Server to %s", c.server, text, text)
	return &serverError{text, []error{ErrWrongServer}}
}

// bothLocal reports whether two URLs differ in their name for this machine only.
func bothLocal(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Port() == b.Port() &&
		origin.IsLoopback(a.Hostname()) && origin.IsLoopback(b.Hostname())
}

// serverError is a wrong Config.Server.
type serverError struct {
	text  string
	kinds []error
}

func (e *serverError) Error() string   { return e.text }
func (e *serverError) Unwrap() []error { return e.kinds }

// trustedSandbox returns the fake Stack Exchange of a server, nil if there is
// none. A token may only follow the word of a server to another place on this
// machine if the server is there too.
func (c *Client) trustedSandbox(text string) *url.URL {
	sandbox, err := origin.Parse(text)
	if err != nil || !bothLocal(sandbox, c.server) || !c.keepsLocal(c.server.Hostname()) {
		return nil
	}
	return sandbox
}

// whereUsersSignIn returns Stack Exchange as the configuration has it, or else
// as the server does.
func (c *Client) whereUsersSignIn(info serverInfo) *url.URL {
	switch {
	case c.stackExchange != nil:
		return c.stackExchange
	case info.sandbox != nil:
		return info.sandbox
	}
	return mustParse(DefaultStackExchange)
}

// whereTheAPIIs is the same for the API. Only a server on this machine is
// asked, for only there a sandbox counts.
func (c *Client) whereTheAPIIs(ctx context.Context) (*url.URL, error) {
	if c.api != nil {
		return c.api, nil
	}
	if c.server != nil && c.keepsLocal(c.server.Hostname()) {
		info, err := c.askServer(ctx)
		if err != nil {
			return nil, err
		}
		if info.sandbox != nil {
			return info.sandbox.JoinPath("2.3"), nil
		}
	}
	return mustParse(DefaultAPI), nil
}

func mustParse(constant string) *url.URL {
	u, err := url.Parse(constant)
	if err != nil {
		panic(err)
	}
	return u
}

// lifetime is how long the server keeps an unfinished sign-in unless it says
// something else.
const lifetime = 15 * time.Minute
