package limit

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"net/netip"
	"sync"
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

// client is the state of a client. It holds no pointers, so that the garbage
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

const (
	shards = 64
	// candidates is how many clients are compared to find one to forget.
	candidates = 8
)

// table holds the clients, up to a fixed number.
type table struct {
	seed   maphash.Seed
	most   int // clients in a shard
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	places  map[network]uint32 // in clients
	clients []client
}

func newTable(clients int) *table {
	if clients <= 0 {
		clients = DefaultClients
	}
	t := &table{seed: maphash.MakeSeed(), most: (clients + shards - 1) / shards}
	for i := range t.shards {
		t.shards[i].places = map[network]uint32{}
	}
	return t
}

// lock returns the client of a network, and its shard, locked.
func (t *table) lock(n network) (*shard, *client) {
	s := &t.shards[maphash.Comparable(t.seed, n)%shards]
	s.mu.Lock()
	if place, ok := s.places[n]; ok {
		return s, &s.clients[place]
	}
	place := s.room(t.most)
	s.clients[place] = client{network: n}
	s.places[n] = uint32(place)
	return s, &s.clients[place]
}

// room returns a place for another client. If the shard is full, it forgets one.
func (s *shard) room(most int) int {
	place := len(s.clients)
	if place == most {
		place = s.leastLoaded()
		delete(s.places, s.clients[place].network)
		return place
	}
	if place == cap(s.clients) { // append would reserve more than is ever needed
		larger := make([]client, place, min(most, max(8, 2*place)))
		copy(larger, s.clients)
		s.clients = larger
	}
	s.clients = s.clients[:place+1]
	return place
}

// leastLoaded returns the place of a client that has most of its budget:
// forgetting that client gives it almost nothing. So a flood from many addresses
// pushes out its own, each of which has made few requests.
func (s *shard) leastLoaded() int {
	best, least := 0, int64(-1)
	for range candidates {
		place := rand.IntN(len(s.clients))
		if load := s.clients[place].load(); least < 0 || load < least {
			best, least = place, load
		}
	}
	return best
}

// size is the number of clients that are remembered.
func (t *table) size() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.clients)
		s.mu.Unlock()
	}
	return n
}
