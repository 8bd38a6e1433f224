package limit

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"
)

// network is what counts as one client.
type network struct {
	bits uint64
	six  bool
}

func networkOf(address netip.Addr) network {
	address = address.Unmap()
	switch {
	case address.Is4():
		four := address.As4()
		return network{bits: uint64(binary.BigEndian.Uint32(four[:]))}
	case address.Is6():
		all := address.As16()
		return network{binary.BigEndian.Uint64(all[:8]), true}
	}
	return network{} // no address
}

// ClientOf returns what counts as one client: the address, or the /64 of an
// IPv6 address. It is zero for the zero address.
func ClientOf(address netip.Addr) netip.Prefix {
	address = address.Unmap()
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // an error means that there is no address
	return prefix
}

// client is what is known of one. It holds no pointers, so that the garbage
// collector has nothing to do with a full table.
type client struct {
	network  network
	levels   [kinds]int64    // of the buckets
	blocked  [guesses]int64  // until when the store says that the limit is reached
	pending  [guesses]uint32 // guesses not yet counted in the store
	waiters  int32
	conns    int32
	deposits window
}

// load is the time at which the client has its whole budget again. While it
// waits or is connected, nobody knows.
func (c *client) load() int64 {
	if c.waiters > 0 || c.conns > 0 {
		return math.MaxInt64
	}
	load := max(0, c.deposits.until)
	for _, level := range c.levels {
		load = max(load, level)
	}
	for _, until := range c.blocked {
		load = max(load, until)
	}
	return load
}

// parts is how finely a window knows the age of what it counts.
const parts = 4

// window counts events of the last while, in parts: an event is forgotten
// when the while is over, or at most one part later.
type window struct {
	counts [parts + 1]int32
	first  int64 // number of the part that counts[0] is
	until  int64 // when the last event is forgotten
}

// advance forgets what is over at now. Each part lasts length.
func (w *window) advance(now, length int64) {
	first := now/length - parts
	if gone := first - w.first; gone > parts || w.until <= now {
		*w = window{first: first}
	} else if gone > 0 {
		copy(w.counts[:], w.counts[gone:])
		clear(w.counts[parts+1-gone:])
		w.first = first
	}
}

// add counts n events, unless that makes more than limit. Then it returns how
// long until they fit.
func (w *window) add(n, limit int32, now, length int64) time.Duration {
	w.advance(now, length)
	over := n - limit
	for _, count := range w.counts {
		over += count
	}
	if over <= 0 {
		w.counts[parts] += n
		w.until = (now/length + parts + 1) * length
		return 0
	}
	part := 0
	for ; part < parts && over > w.counts[part]; part++ {
		over -= w.counts[part]
	}
	return time.Duration((w.first+int64(part)+parts+1)*length - now)
}
