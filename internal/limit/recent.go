package limit

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
	"time"
)

const (
	// ways is how many hashes share a row; a new one replaces the one that was
	// used least recently.
	ways = 8
	// recentLocks is how many locks the rows share.
	recentLocks = 64

	defaultRecent = 1 << 20
	minRecent     = 1 << 10
	maxRecent     = 1 << 24
)

// recent remembers which unknown keys each client has paid for, as hashes in a
// table of fixed size. A client pays once more for a key that was forgotten.
type recent struct {
	seed  maphash.Seed
	locks [recentLocks]sync.Mutex
	rows  [][ways]uint64
}

// newRecent returns a table with room for the keys of a quarter of an hour in which
// all clients together ask for as many as they may.
func newRecent(all Rate) *recent {
	size := uint64(defaultRecent)
	if all.N > 0 {
		keys := float64(all.N) * float64(15*time.Minute) / float64(all.Per)
		size = uint64(max(minRecent, min(maxRecent, keys)))
	}
	rows := 1 << bits.Len64((size-1)/ways)
	return &recent{seed: maphash.MakeSeed(), rows: make([][ways]uint64, rows)}
}

// hash identifies a client and a key, by a hash that clients cannot predict.
func (r *recent) hash(n network, space, key string) uint64 {
	return maphash.Comparable(r.seed, struct {
		network    network
		space, key string
	}{n, space, key}) | 1 // 0 is an empty place
}

// has reports whether hash is remembered, and marks it as used.
func (r *recent) has(hash uint64) bool { return r.use(hash, false) }

// add remembers hash, in the place of another if the row is full.
func (r *recent) add(hash uint64) { r.use(hash, true) }

func (r *recent) use(hash uint64, add bool) (found bool) {
	place := (hash >> 1) % uint64(len(r.rows))
	mu, row := &r.locks[place%recentLocks], &r.rows[place]
	mu.Lock()
	defer mu.Unlock()
	i := slices.Index(row[:], hash)
	if found = i >= 0; !found {
		if !add {
			return false
		}
		i = ways - 1
	}
	copy(row[1:i+1], row[:i])
	row[0] = hash
	return found
}
