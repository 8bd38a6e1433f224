package dss

import (
	"net"
	"net/http"

	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/secret"
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

// NewSecret returns a secret with a text.
func NewSecret(text string) Secret { return secret.New(text) }
