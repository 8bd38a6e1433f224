package dss

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// serverInfo is what a server says about itself.
type serverInfo struct {
	issuer string // "" if the server is busy
	// sandbox and sandboxAPI are nil if there is none that can be trusted.
	sandbox, sandboxAPI *url.URL
	// direct is set if the server hands on the codes of Stack Exchange, which it says
	// is at stackExchange. That is compared with, never connected to.
	direct        bool
	stackExchange string
	results       bool // it has the pages about results
}

// check asks the server for its name, before the user signs in. A server that is
// busy is not checked.
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
func (e endpoints) askServer(ctx context.Context) (serverInfo, error) {
	target := e.server.JoinPath(api.PathMetadata)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return serverInfo{}, err
	}
	a, err := e.send(request, probeTime)
	if err != nil {
		return serverInfo{}, err
	}
	switch {
	case a.Status == http.StatusTooManyRequests:
		return serverInfo{}, &ThrottledError{retryAfter(a)}
	case a.Status >= 500:
		return serverInfo{}, unusable(a.String())
	case a.Status != http.StatusOK:
		return serverInfo{}, e.notDSS(a.String() + advice(a))
	}
	var m api.Metadata
	if json.Unmarshal(a.Body, &m) != nil {
		return serverInfo{}, e.notDSS(a.String())
	}
	issuer, err := origin.Parse(m.Issuer)
	if err != nil || m.TokenEndpoint != "" && m.TokenEndpoint != m.Issuer+api.PathOAuthToken {
		return serverInfo{}, e.notDSS("its metadata is not that of DSS")
	}
	return serverInfo{
		issuer:        issuer.String(),
		sandbox:       e.trustedSandbox(m.Sandbox),
		sandboxAPI:    e.trustedSandbox(cmp.Or(m.SandboxAPI, m.Sandbox+"/2.3")),
		direct:        slices.Contains(m.RedeemValuesSupported, api.RedeemDirect),
		stackExchange: m.StackExchange,
		results:       len(m.ResultPagesSupported) == len(resultPages),
	}, nil
}

// notDSS is the error for a server that is not DSS.
func (e endpoints) notDSS(reason string) error {
	text := fmt.Sprintf("dss: there is no DSS server at %s: %s", e.server, reason)
	return &kindsError{text, []error{ErrWrongServer, ErrUnreachable}}
}

// advice says what to do about an answer of something in front of a server.
func advice(a *fetch.Answer) string {
	switch a.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return "; something in front of it refuses"
	}
	if a.Location == nil {
		return ""
	}
	base, found := strings.CutSuffix(a.Location.Path, api.PathMetadata)
	if !found {
		return ""
	}
	server := url.URL{Scheme: a.Location.Scheme, Host: a.Location.Host, Path: base}
	return "; if you trust that, use " + server.String()
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
	text = fmt.Sprintf("dss: the server at %s calls itself %s: use that", c.server, text)
	return &kindsError{text, []error{ErrWrongServer}}
}

// bothLocal reports whether two URLs differ in their name for this machine only.
func bothLocal(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Port() == b.Port() &&
		origin.IsLoopback(a.Hostname()) && origin.IsLoopback(b.Hostname())
}

// trustedSandbox returns an address in the fake Stack Exchange of a server, nil if
// there is none. A server may send tokens to another place on this machine only if it is
// there too.
func (e endpoints) trustedSandbox(text string) *url.URL {
	sandbox, err := origin.Parse(text)
	if err != nil || !bothLocal(sandbox, e.server) || !e.fetch.KeepsLocal(e.server.Hostname()) {
		return nil
	}
	return sandbox
}

// upstreamFor returns a client of the configured Stack Exchange, or the server's
// sandbox, or the real one.
func (e endpoints) upstreamFor(info serverInfo) *stackexchange.Client {
	return e.upstreamAt(stackexchange.Config{BaseURL: cmp.Or(e.stackExchange, info.sandbox)})
}
