package dss

import "net"

// SetListen replaces net.Listen.
func (c *Client) SetListen(listen func(network, address string) (net.Listener, error)) {
	c.listen = listen
}
