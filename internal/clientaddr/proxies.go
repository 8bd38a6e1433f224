package clientaddr

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Proxies are those whose word on client addresses counts. The zero value
// trusts nobody.
type Proxies struct {
	networks []netip.Prefix
	unix     bool // whoever connects to a Unix socket
	header   bool // connections begin with a PROXY header
}

// Words in a list of proxies: the peers of Unix sockets, which have no address,
// and the PROXY protocol.
const (
	unixSocket    = "unix"
	proxyProtocol = "proxy-protocol"
)

// ParseProxies reads networks such as 10.0.0.0/8 and addresses, separated by
// commas, unix for whoever connects to a Unix socket, and proxy-protocol if
// connections begin with a PROXY header. A network with bits behind its length,
// or of all addresses, is an error: the first is a mistake, and the second would
// believe everybody. So is proxy-protocol alone.
func ParseProxies(list string) (Proxies, error) {
	var p Proxies
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		switch text {
		case unixSocket:
			p.unix = true
		case proxyProtocol:
			p.header = true
		default:
			network, err := parseNetwork(text)
			if err != nil {
				return Proxies{}, err
			}
			p.networks = append(p.networks, network)
		}
	}
	if p.header && p.Empty() {
		return Proxies{}, errors.New("proxy-protocol needs the networks of the proxies: whoever else connects could name any client")
	}
	return p, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is no network such as 10.0.0.0/8 or 2001:db8::/32, nor unix or proxy-protocol; separate several with commas", text)
	case network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q: write IPv4 networks as IPv4", text)
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q would believe everybody", text)
	case network != network.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its length: did you mean %s?", text, network.Masked())
	}
	return network, nil
}

// Empty reports whether nobody is trusted.
func (p Proxies) Empty() bool { return len(p.networks) == 0 && !p.unix }

// Unix reports whether the peers of Unix sockets are trusted.
func (p Proxies) Unix() bool { return p.unix }

// Contain reports whether address is a trusted proxy's.
func (p Proxies) Contain(address netip.Addr) bool {
	for _, network := range p.networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
