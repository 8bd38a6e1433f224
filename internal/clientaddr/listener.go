package clientaddr

import (
	"errors"
	"net"
	"time"

	"github.com/pires/go-proxyproto"
)

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
