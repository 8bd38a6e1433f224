// Package fetch sends a request to a server that is not trusted and reads the
// answer. It follows no redirect, which would take secrets along, bounds the
// time and the size, and keeps what is for this machine on it. Errors say what
// is wrong with the network, and repeat nothing that was sent or received.
package fetch

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Client sends requests. It is safe for concurrent use.
type Client struct{ http *http.Client }

// New returns a client that sends requests as given does, or with the proxy of
// the environment if given or its transport is nil. An [http.Transport] is
// copied and adapted.
func New(given *http.Client) *Client {
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
	return direct(client)
}

// Over returns a client that sends requests over an unchanged transport.
func Over(transport http.RoundTripper) *Client { return direct(&http.Client{Transport: transport}) }

func direct(client *http.Client) *Client {
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{client}
}

// Transport carries the requests.
func (c *Client) Transport() http.RoundTripper { return c.http.Transport }

// Reconnect has the next request use a new connection, unless that is shared
// with a request under way.
func (c *Client) Reconnect() { c.http.CloseIdleConnections() }

// KeepsLocal reports whether requests to a host stay on this machine. Proxies
// of the environment are never used for localhost and loopback addresses; for
// names below localhost only an [http.Transport] is known not to use them.
func (c *Client) KeepsLocal(host string) bool {
	_, adapted := c.http.Transport.(*http.Transport)
	return origin.IsLoopback(host) && (adapted || !strings.HasSuffix(host, ".localhost"))
}

// Do sends a request and reads the answer, both within limit. The error is an
// [*Error], or the cause of the end of the request's context. The secrets are
// those in the request: no text of the answer repeats them. After an error, the
// next request gets a new connection: others of that age may be as dead.
func (c *Client) Do(r *http.Request, limit time.Duration, secrets ...secret.Text) (*Answer, error) {
	r.Header.Set("Accept", "application/json")
	// Asked for by name, so that no transport unpacks it itself.
	r.Header.Set("Accept-Encoding", "gzip")
	limited, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	var way trace
	response, err := c.http.Do(r.WithContext(way.follow(limited)))
	var body []byte
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	}
	if err != nil {
		c.Reconnect()
		if r.Context().Err() != nil {
			return nil, context.Cause(r.Context())
		}
		return nil, newError(err, way.sent(err), r.URL.Host, secrets)
	}
	a := &Answer{
		Status: response.StatusCode, Header: response.Header, host: r.URL.Host, secrets: secrets,
		Body: unpack(body, response.Header.Get("Content-Encoding")),
	}
	if location, err := response.Location(); err == nil && location.Host != "" && a.Status/100 == 3 {
		a.Location = location
	}
	return a, nil
}
