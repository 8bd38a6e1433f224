package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// checkAddress says what listening on an address would do. It does not listen:
// a server that is about to start could find the port taken. UDP has the same
// addresses and the same privileged ports, but ports of its own, so it binds
// the address there.
func checkAddress(flagName, address string) (string, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return address, nil // the plan refuses it
	}
	port, err := net.LookupPort("tcp", service)
	if err != nil {
		return "", mistake("--%s %s: the port must be a number up to 65535", flagName, address)
	}
	err = bindUDP(address)
	_, unknown := errors.AsType[*net.DNSError](err)
	switch {
	case unknown, errors.Is(err, syscall.EADDRNOTAVAIL) && !origin.IsLoopback(host):
		return "", mistake("--%s: listen tcp %s: this machine has no such address", flagName, address)
	case isTaken(port):
		return address + ", which is in use now, perhaps by the server that this one replaces", nil
	case errors.Is(err, fs.ErrPermission):
		return "", mistake("--%s %s: this user may not listen on port %d: let systemd pass the socket, "+
			"or grant CAP_NET_BIND_SERVICE", flagName, address, port)
	}
	return address, nil
}

func bindUDP(address string) error {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: tcp.IP, Port: tcp.Port, Zone: tcp.Zone})
	if err != nil {
		return err
	}
	return conn.Close()
}

// collide reports whether one process cannot listen on two addresses: they
// have a port in common, and the same host, or one that stands for all.
func collide(one, other string) bool {
	a, errA := net.ResolveTCPAddr("tcp", one)
	b, errB := net.ResolveTCPAddr("tcp", other)
	return errA == nil && errB == nil && a.Port == b.Port && a.Port != 0 &&
		(a.IP.Equal(b.IP) || isUnspecified(one) || isUnspecified(other))
}

// isUnspecified reports whether the host of an address stands for all.
func isUnspecified(address string) bool {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	return err == nil && (tcp.IP == nil || tcp.IP.IsUnspecified())
}

// isTaken reports whether a process listens on a port of this machine, as far
// as the system says so without a connection (proc(5)).
func isTaken(port int) bool {
	const listening = "0A"
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(name)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) > 3 && fields[3] == listening && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
				return true
			}
		}
	}
	return false
}
