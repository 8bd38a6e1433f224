package dss

import (
	"net"
	"net/http"
)

// SetListen replaces net.Listen.
func (c *Client) SetListen(listen func(network, address string) (net.Listener, error)) {
	c.listen = listen
}

// Transport is what carries requests.
func (c *Client) Transport() http.RoundTripper { return c.fetch.Transport() }
