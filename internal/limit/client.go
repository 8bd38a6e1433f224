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

// client is what is known of a client. It holds no pointers, so that the garbage
// collector does not scan a full table.
type client struct {
	network  network
	levels   [kinds]int64    // of the buckets
	blocked  [guesses]int64  // until when the store says that the limit is reached
	pending  [guesses]uint32 // guesses not yet counted in the store
	waiters  int32
	conns    int32
	deposits window
}

// load returns when the client has its whole budget again. While it waits or is
// connected, that is not known.
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

// amount is a number of entries and their size.
type amount struct{ entries, bytes int64 }

// window adds up what was stored within a time, in parts: each part is forgotten
// when that time is over, or at most one part later.
type window struct {
	sums  [parts + 1]amount
	first int64 // number of the part that sums[0] is
	until int64 // when the last of it is forgotten
}

// advance forgets what is over at now. Each part lasts length.
func (w *window) advance(now, length int64) {
	first := now/length - parts
	if gone := first - w.first; gone > parts || w.until <= now {
		*w = window{first: first}
	} else if gone > 0 {
		copy(w.sums[:], w.sums[gone:])
		clear(w.sums[parts+1-gone:])
		w.first = first
	}
}

// add adds n, unless that makes more than limit, of which zeros are no limit.
// Then it returns how long until there is room.
func (w *window) add(n, limit amount, now, length int64) time.Duration {
	w.advance(now, length)
	part := max(
		w.over(n.entries, limit.entries, func(a amount) int64 { return a.entries }),
		w.over(n.bytes, limit.bytes, func(a amount) int64 { return a.bytes }),
	)
	if part < 0 {
		w.sums[parts].entries += n.entries
		w.sums[parts].bytes += n.bytes
		w.until = (now/length + parts + 1) * length
		return 0
	}
	return time.Duration((w.first+int64(part)+parts+1)*length - now)
}

// over returns the part that has to be forgotten before n more fit within limit,
// or -1 if they do now.
func (w *window) over(n, limit int64, of func(amount) int64) (part int) {
	if limit <= 0 {
		return -1
	}
	over := n - limit
	for _, sum := range w.sums {
		over += of(sum)
	}
	part = -1
	for ; part < parts && over > 0; over -= of(w.sums[part]) {
		part++
	}
	return part
}
