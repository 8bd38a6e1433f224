package daemon

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// checkAddress says what binding an address would do. It binds nothing: a
// server that is about to start could find the port taken.
func checkAddress(flagName, address string) (string, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return address, nil // the plan refuses it
	}
	port, err := net.LookupPort("tcp", service)
	switch {
	case err != nil:
		return "", mistake("--%s %s: the port must be a number up to 65535", flagName, address)
	case !unspecified(host) && !isLocal(host):
		return "", mistake("--%s: listen tcp %s: this machine has no such address", flagName, address)
	case isTaken(port):
		return address + ", which is in use now, perhaps by the server that this one replaces", nil
	case port != 0 && port < firstUnprivileged() && !mayBindAll():
		return "", mistake("--%s %s: this user may not listen below port %d: let systemd pass the socket, "+
			"or grant CAP_NET_BIND_SERVICE", flagName, address, firstUnprivileged())
	}
	return address, nil
}

// collide reports whether one process cannot listen on two addresses: they
// have a port in common, and the same host, or one that stands for all.
func collide(one, other string) bool {
	hostOne, portOne, ok := canonicalAddress(one)
	hostOther, portOther, okOther := canonicalAddress(other)
	return ok && okOther && portOne == portOther && portOne != 0 &&
		(hostOne == hostOther || unspecified(hostOne) || unspecified(hostOther))
}

// canonicalAddress splits an address to listen on. Package net takes localhost
// as 127.0.0.1.
func canonicalAddress(address string) (host string, port int, ok bool) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, false
	}
	if port, err = net.LookupPort("tcp", service); err != nil {
		return "", 0, false
	}
	if host = strings.ToLower(host); host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	return host, port, true
}

// unspecified reports whether a host stands for all addresses.
func unspecified(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "" || err == nil && address.IsUnspecified()
}

// isLocal reports whether a name or address is one of this machine.
func isLocal(host string) bool {
	var addresses []netip.Addr
	if address, err := netip.ParseAddr(host); err == nil {
		addresses = []netip.Addr{address}
	} else if found, err := net.LookupHost(host); err == nil {
		for _, text := range found {
			if address, err := netip.ParseAddr(text); err == nil {
				addresses = append(addresses, address)
			}
		}
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return true // a start finds out
	}
	return slices.ContainsFunc(addresses, func(address netip.Addr) bool {
		if address = address.Unmap().WithZone(""); address.IsLoopback() {
			return true
		}
		return slices.ContainsFunc(interfaces, func(one net.Addr) bool {
			prefix, err := netip.ParsePrefix(one.String())
			return err == nil && prefix.Addr().Unmap() == address
		})
	})
}

// isTaken reports whether a process listens on a port of this machine, as far
// as the system says so without a connection (proc(5)).
func isTaken(port int) bool {
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			const listening = "0A"
			if len(fields) > 3 && fields[3] == listening && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
				return true
			}
		}
	}
	return false
}

// firstUnprivileged is the first port that everybody may listen on (ip(7)).
func firstUnprivileged() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return port
}

// mayBindAll reports whether this process may listen on every port
// (capabilities(7)).
func mayBindAll() bool {
	const netBindService = 10
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(text), "\nCapEff:")
	line, _, _ := strings.Cut(rest, "\n")
	set, err := hex.DecodeString(strings.TrimSpace(line))
	if err != nil || len(set) != 8 {
		return true
	}
	return set[7-netBindService/8]>>(netBindService%8)&1 == 1
}
