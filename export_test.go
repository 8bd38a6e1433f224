package dss

import "net"

// BrowserCommand is what opens the browser on a system.
var BrowserCommand = browserCommand

// SetListen replaces net.Listen.
func (c *Client) SetListen(listen func(network, address string) (net.Listener, error)) {
	c.listen = listen
}
