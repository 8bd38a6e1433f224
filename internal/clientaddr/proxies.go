// Package clientaddr finds the client of a request that came through proxies. It
// believes X-Forwarded-For and the PROXY protocol, and those only from networks
// that the operator has named. It never reads Forwarded, X-Real-IP and all other
// headers, since not every proxy removes what a client has put there. It returns the
// address of a client or of the last trusted proxy, never text that a client made
// up.
package clientaddr

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pires/go-proxyproto"
)

// Proxies are the trusted ones, which may name the addresses of clients. The zero
// value trusts none.
type Proxies struct {
	networks []netip.Prefix
	unix     bool // the peers of Unix sockets, which have no address
	header   bool // connections begin with a PROXY header
}

// ParseProxies reads networks such as 10.0.0.0/8 and addresses, separated by
// commas, unix for the peers of Unix sockets, and proxy-protocol if connections
// begin with a PROXY header. A network with bits behind its length, or of all
// addresses, is an error: the first is a mistake, and the second would trust every
// client. So is proxy-protocol alone.
func ParseProxies(list string) (Proxies, error) {
	var p Proxies
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		switch text {
		case "unix":
			p.unix = true
		case "proxy-protocol":
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
		return Proxies{}, errors.New(
			"proxy-protocol needs the networks of the proxies: any other peer could name any client")
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
		return netip.Prefix{}, fmt.Errorf("%q is not a network such as 10.0.0.0/8 or 2001:db8::/32, "+
			"nor unix or proxy-protocol; separate several with commas", text)
	case network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q: write IPv4 networks as IPv4", text)
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q would trust every client", text)
	case network != network.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its length: did you mean %s?", text, network.Masked())
	}
	return network, nil
}

// Empty reports whether no proxy is trusted.
func (p Proxies) Empty() bool { return len(p.networks) == 0 && !p.unix }

// Unix reports whether the peers of Unix sockets are trusted.
func (p Proxies) Unix() bool { return p.unix }

// Contain reports whether address is a trusted proxy's.
func (p Proxies) Contain(address netip.Addr) bool {
	return slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(address) })
}

// headerTime bounds how long a proxy may take to send its header.
const headerTime = 5 * time.Second

// Listen returns inner, unless the list of proxies has proxy-protocol. Then it
// returns a listener whose connections begin with a header of the PROXY
// protocol, version 1 or 2, in which a trusted proxy names the client. Other
// peers' connections are closed unread, and those without a header fail.
//
// The first read of the connection reads the header, not Accept, so a slow proxy
// delays no other connection. It takes five seconds and 4 KiB at most; all but the
// addresses is skipped, and a connection that the proxy opened for itself (LOCAL,
// UNKNOWN) has the proxy's own address.
func (p Proxies) Listen(inner net.Listener) net.Listener {
	if !p.header {
		return inner
	}
	return &proxyproto.Listener{
		Listener: inner, ReadHeaderTimeout: headerTime, ConnPolicy: p.policy, ValidateHeader: checkHeader,
	}
}

func (p Proxies) policy(options proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
	trusted := p.unix
	if !isUnix(options.Upstream) {
		trusted = p.Contain(peer(options.Upstream.String()))
	}
	if !trusted {
		return proxyproto.REJECT, proxyproto.ErrInvalidUpstream
	}
	return proxyproto.REQUIRE, nil
}

var errNoTCP = errors.New("the PROXY header names no TCP client")

func checkHeader(header *proxyproto.Header) error {
	if _, ok := header.SourceAddr.(*net.TCPAddr); !ok && !header.Command.IsLocal() {
		return errNoTCP
	}
	return nil
}
