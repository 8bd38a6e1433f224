package clientaddr

import (
	"fmt"
	"net/netip"
	"strings"
)

// Proxies are those whose word on client addresses counts. The zero value
// trusts nobody.
type Proxies struct {
	networks []netip.Prefix
	unix     bool // whoever connects to a Unix socket
}

// unixSocket is what stands in a list for the peers of Unix sockets, which
// have no address.
const unixSocket = "unix"

// ParseProxies reads networks such as 10.0.0.0/8 and addresses, separated by
// commas, and unix for whoever connects to a Unix socket. A network with bits behind its length, or of all addresses, is an
// error: the first is a mistake, and the second would believe everybody.
func ParseProxies(list string) (Proxies, error) {
	var p Proxies
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if text == unixSocket {
			p.unix = true
			continue
		}
		network, err := parseNetwork(text)
		if err != nil {
			return Proxies{}, err
		}
		p.networks = append(p.networks, network)
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
		return netip.Prefix{}, fmt.Errorf("%q is no network such as 10.0.0.0/8 or 2001:db8::/32, nor unix; separate several with commas", text)
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
