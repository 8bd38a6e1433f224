package oauth

import (
	"net/netip"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// network stands for the network that a device has asked from, so that the page on
// which its user decides can say that the browser is on another one (RFC 10027
// section 6.1). It is zero for one that says nothing of where a device is.
//
// It is a keyed hash of the address's /24 or /48. It has 16 bits, so that it fits
// hundreds of networks: even who opens the session learns no address from it. Of
// 65,536 other networks, one is taken for the same.
type network struct {
	family byte // 0, 4 or 6
	hash   [2]byte
}

// networkOf returns the network of an address, for the session with a state.
func networkOf(address netip.Addr, state string) network {
	address = address.Unmap().WithZone("")
	if !isPublic(address) {
		return network{}
	}
	n, bits := network{family: 4}, 24
	if address.Is6() {
		n.family, bits = 6, 48
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return network{}
	}
	key := secret.Extract(secret.New(state))
	key.Expand(n.hash[:], "dss device v1 network ", prefix.String())
	return n
}

// otherThan reports whether two networks differ. Those that say nothing, and an IPv4
// and an IPv6 network, do not.
func (n network) otherThan(m network) bool {
	return n.family != 0 && n.family == m.family && n.hash != m.hash
}

// shared is the space of carriers (RFC 6598), which overlay networks use too.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// isPublic reports whether an address is one of the internet, and so says where its
// holder is. Private and loopback addresses are those of neighbours, however they
// differ.
func isPublic(address netip.Addr) bool {
	return address.IsGlobalUnicast() && !address.IsPrivate() && !shared.Contains(address)
}
