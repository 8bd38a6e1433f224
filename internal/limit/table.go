package limit

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
)

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
// forgetting that client gives it next to nothing. A flood from many addresses thus
// pushes out its own, each of which has asked little.
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
