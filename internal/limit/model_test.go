package limit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// stored is an entry that a client has put in the store.
type stored struct {
	id    sealed.ID
	value []byte
	at    time.Time
}

func (s stored) size() int64 { return int64(len(s.value)) + sealed.EntryOverhead }

// quotas plays clients with quotas against a store and a model of both.
type quotas struct {
	*testing.T
	random  *rand.Rand
	limiter *Limiter
	store   *memory.Store
	clients map[netip.Addr][]stored
	made    uint64
}

const (
	quotaLife    = 16 * time.Minute
	quotaEntries = 12
	quotaBytes   = 12_000
	roomEntries  = 40
	roomBytes    = 40_000
)

// TestQuotasModel checks the invariants I6 and I9 of the threat model over long
// random sequences of clients, sizes and times: no client has more alive than
// its quota of entries and bytes, nobody is refused who has room, the store
// stays within its limits, and what is in it is there until it expires.
func TestQuotasModel(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			q := &quotas{
				T: t, random: rand.New(rand.NewPCG(seed, 0)), clients: map[netip.Addr][]stored{},
				limiter: New(Config{Deposits: quotaEntries, DepositBytes: quotaBytes, DepositLife: quotaLife}),
				store:   memory.New(store.Limits{MaxEntries: roomEntries, MaxBytes: roomBytes}),
			}
			for range 1000 {
				q.step()
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func (q *quotas) step() {
	client := netip.AddrFrom4([4]byte{198, 51, 100, byte(q.random.IntN(6))})
	switch q.random.IntN(8) {
	case 0:
		// The odd milliseconds keep clear of the moment of an expiry.
		time.Sleep(time.Duration(q.random.IntN(300))*time.Second + 7*time.Millisecond)
	case 1:
		q.take(client)
	default:
		q.deposit(client)
	}
	q.check()
}

// sum is how much there is of a client's that is younger than life.
func (q *quotas) sum(client netip.Addr, life time.Duration) (n amount) {
	for _, s := range q.clients[client] {
		if time.Since(s.at) < life {
			n.entries++
			n.bytes += s.size()
		}
	}
	return n
}

func (q *quotas) deposit(client netip.Addr) {
	q.made++
	s := stored{value: make([]byte, q.random.IntN(5000)), at: time.Now()}
	binary.BigEndian.PutUint64(s.id[:], q.made)
	if len(s.value) > 8 {
		binary.BigEndian.PutUint64(s.value, q.made)
	}
	counted := q.sum(client, quotaLife*5/4)
	fits := counted.entries+1 <= quotaEntries && counted.bytes+s.size() <= quotaBytes
	err := q.limiter.Deposit(client, 1, int(s.size()), 1)
	var exceeded *Exceeded
	switch {
	case err == nil:
	case !errors.As(err, &exceeded) || exceeded.Name != Deposits || exceeded.RetryAfter <= 0:
		q.Fatalf("Deposit: %v", err)
	case fits:
		q.Fatalf("refused with %+v", counted)
	default:
		return
	}
	alive := q.alive()
	full := alive.entries+1 > roomEntries || alive.bytes+s.size() > roomBytes
	_, err = q.store.Create(q.Context(), s.id, s.value, quotaLife)
	if errors.Is(err, sealed.ErrFull) != full || err != nil && !full {
		q.Fatalf("Create with %+v alive: %v", alive, err)
	}
	s.value = slices.Clip(s.value)
	q.clients[client] = append(q.clients[client], s)
	if full {
		q.forget(client, s.id) // it counts in the quota, and is not there
	}
}

// take has a claim take an entry: that makes room in the store, not in the quota.
func (q *quotas) take(client netip.Addr) {
	for _, s := range q.clients[client] {
		if time.Since(s.at) < quotaLife {
			if _, _, err := q.store.Take(q.Context(), s.id); err != nil {
				q.Fatal(err)
			}
			q.forget(client, s.id)
			return
		}
	}
}

// forget keeps of an entry that it counts.
func (q *quotas) forget(client netip.Addr, id sealed.ID) {
	for i, s := range q.clients[client] {
		if s.id == id {
			q.clients[client][i].id = sealed.ID{}
		}
	}
}

// alive is what the store holds.
func (q *quotas) alive() (n amount) {
	for _, all := range q.clients {
		for _, s := range all {
			if s.id != (sealed.ID{}) && time.Since(s.at) < quotaLife {
				n.entries++
				n.bytes += s.size()
			}
		}
	}
	return n
}

func (q *quotas) check() {
	for client, all := range q.clients {
		all = slices.DeleteFunc(all, func(s stored) bool { return time.Since(s.at) >= quotaLife*5/4 })
		q.clients[client] = all
		if n := q.sum(client, quotaLife); n.entries > quotaEntries || n.bytes > quotaBytes {
			q.Errorf("%v has %+v alive", client, n)
		}
		for _, s := range all {
			if s.id == (sealed.ID{}) || time.Since(s.at) >= quotaLife {
				continue
			}
			if value, ok, err := q.store.Get(q.Context(), s.id); !ok || err != nil || !bytes.Equal(value, s.value) {
				q.Errorf("a live entry is gone: %v, %v", ok, err)
			}
		}
	}
	if entries, size := q.store.Usage(); entries > roomEntries || size > roomBytes {
		q.Errorf("the store holds %d entries, %d bytes", entries, size)
	}
}

// TestBytesAreCounted: few large entries are refused as many small ones are,
// and there is room again when it was promised.
func TestBytesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Deposits: 1000, DepositBytes: 10_000})
		if n, _ := times(100, func() error { return l.Deposit(here, 1, 3000, 1) }); n != 3 {
			t.Errorf("%d of 3000 bytes", n)
		}
		if err := l.Deposit(here, 1, 1000, 1); err != nil {
			t.Errorf("what just fits: %v", err)
		}
		err := l.Deposit(here, 0, 1, 1)
		var exceeded *Exceeded
		if !errors.As(err, &exceeded) || exceeded.Name != Deposits {
			t.Fatalf("a byte more: %v", err)
		}
		if err := l.Deposit(there, 2, 10_000, 1); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		time.Sleep(exceeded.RetryAfter - time.Nanosecond)
		if l.Deposit(here, 0, 1, 1) == nil {
			t.Error("there was room before it was promised")
		}
		time.Sleep(time.Nanosecond)
		if err := l.Deposit(here, 2, 10_000, 1); err != nil {
			t.Errorf("no room when it was promised: %v", err)
		}
	})
}
