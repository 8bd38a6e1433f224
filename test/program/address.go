package program

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// lowestPort is above the ports that browsers refuse.
const lowestPort = 10240

// Port returns a port on loopback that nobody listens on. For each offset, the
// port so far above it is free too.
//
// They belong to this process until it ends: no other call returns them, not
// even one in the tests of another package, and the system gives them to no
// connection. A server can be started on them late, and again.
func Port(offsets ...int) (int, error) {
	room := connectionPorts() - lowestPort - slices.Max(append(offsets, 0))
	for range 1000 {
		port := lowestPort + rand.IntN(room)
		if take(port) && !slices.ContainsFunc(offsets, func(offset int) bool { return !take(port + offset) }) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port from %d to %d", lowestPort, lowestPort+room-1)
}

// connectionPorts is where those ports begin that the system gives to
// connections.
func connectionPorts() int {
	const usual = 32768
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return usual
	}
	lowest := 0
	if _, err := fmt.Sscan(string(text), &lowest); err != nil || lowest < 3*lowestPort {
		return usual // leaves too few for servers
	}
	return lowest
}

var taken struct {
	sync.Mutex
	claims []net.Listener
}

// take keeps an abstract socket with the port's number in its name while this
// process lives. Only one process can, and nothing remains of it.
func take(port int) bool {
	claim, err := net.Listen("unix", "@dss-test-port-"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	taken.Lock()
	taken.claims = append(taken.claims, claim)
	taken.Unlock()
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	listener.Close()
	return true
}

// Listens reports whether somebody listens on an address.
func Listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// FreePort is [Port] for a test.
func FreePort(t testing.TB) string {
	t.Helper()
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(port)
}

// FreeAddress is an address on loopback with a [FreePort].
func FreeAddress(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", FreePort(t))
}
