package clientaddr

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

const (
	forwardedFor = "X-Forwarded-For"
	// maxHops bounds how many proxies a request may pass.
	maxHops = 32
	// maxEntry is the longest address with a port, in brackets, in bytes.
	maxEntry = len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535")
)

// Of returns the address of the client that r comes from, as an IPv4 address
// where it is one, and without a zone. It is the zero address where the
// connection has none, as over a Unix socket.
//
// X-Forwarded-For is read from its right end, where the proxy nearest to us
// writes: the first address that is not a trusted proxy's is the client's. The
// walk ends at an entry that is not an address, with the proxy that let it
// through.
func (p Proxies) Of(r *http.Request) netip.Addr {
	address, _ := p.walk(r)
	return address
}

// NamesOther reports whether r names somebody behind the address that Of returns,
// which may so be that of a proxy that is not trusted. Anybody can write the header.
func (p Proxies) NamesOther(r *http.Request) bool {
	_, rest := p.walk(r)
	return rest != ""
}

// walk also returns what X-Forwarded-For says beyond the client.
func (p Proxies) walk(r *http.Request) (address netip.Addr, rest string) {
	address, trusted := p.peerOf(r)
	list := strings.Join(r.Header[forwardedFor], ",")
	if !trusted {
		return address, list
	}
	for range maxHops {
		last := strings.LastIndexByte(list, ',')
		next, ok := parseEntry(list[last+1:])
		if !ok {
			break
		}
		address, list = next, list[:max(last, 0)]
		if last < 0 || !p.Contain(address) {
			break
		}
	}
	return address, list
}

// peerOf returns the sender of r, and whether it is a trusted proxy. The peer
// of a Unix socket chooses its name, which may look like an address.
func (p Proxies) peerOf(r *http.Request) (address netip.Addr, trusted bool) {
	from := endOf(r)
	if from.unix {
		return netip.Addr{}, p.unix
	}
	return from.address, p.Contain(from.address)
}

// end is the other end of a connection.
type end struct {
	address netip.Addr
	unix    bool
}

func endOf(r *http.Request) end {
	known, _ := r.Context().Value(endKey{}).(*atomic.Pointer[end])
	if known != nil {
		if from := known.Load(); from != nil {
			return *from
		}
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	from := end{peer(r.RemoteAddr), isUnix(local)}
	if known != nil {
		kept := from // on the heap only here
		known.Store(&kept)
	}
	return from
}

type endKey struct{}

// ConnContext is a [http.Server.ConnContext] with which the address of a connection's
// other end is parsed once, and not for each request. That is with the first one, since
// a PROXY header may still be on its way here.
func ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, endKey{}, new(atomic.Pointer[end]))
}

func isUnix(address net.Addr) bool { return address != nil && address.Network() == "unix" }

// peer returns the address of a connection's other end.
func peer(remote string) netip.Addr {
	end, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return end.Addr().Unmap().WithZone("")
}

// parseEntry reads an address as proxies write it: alone, or with a port, and
// an IPv6 address with a port in brackets. A zone means something on another
// machine only.
func parseEntry(entry string) (netip.Addr, bool) {
	entry = strings.Trim(entry, " \t")
	if len(entry) > maxEntry {
		return netip.Addr{}, false
	}
	if inside, ok := strings.CutPrefix(entry, "["); ok && strings.HasSuffix(inside, "]") {
		address, err := netip.ParseAddr(strings.TrimSuffix(inside, "]"))
		return address.Unmap(), err == nil && address.Is6() && address.Zone() == ""
	}
	address, err := netip.ParseAddr(entry)
	if err != nil {
		var end netip.AddrPort
		end, err = netip.ParseAddrPort(entry)
		address = end.Addr()
	}
	return address.Unmap(), err == nil && address.Zone() == ""
}

// Overlooked reports whether r seems to come from a proxy that is not trusted:
// a neighbour, or the peer of a Unix socket, that names clients in
// X-Forwarded-For.
func (p Proxies) Overlooked(r *http.Request) bool {
	if len(r.Header[forwardedFor]) == 0 {
		return false
	}
	address, trusted := p.peerOf(r)
	return !trusted && (!address.IsValid() || origin.IsLoopback(address.String()) || address.IsPrivate())
}
