package dss

import (
	"net"
	"net/http"

	"github.com/desktop-stack-serv/dss/internal/browser"
)

// SetListen replaces net.Listen.
func (c *Client) SetListen(listen func(network, address string) (net.Listener, error)) {
	c.listen = listen
}

// SetPlace replaces where this process runs.
func (c *Client) SetPlace(p browser.Place) { c.place = func() browser.Place { return p } }

// Transport is what carries requests.
func (c *Client) Transport() http.RoundTripper { return c.fetch.Transport() }

// EndTime is how long what is under way may take when a sign-in is given up.
const EndTime = endTime
