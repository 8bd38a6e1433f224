package limit

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// address returns one of many addresses, IPv4 and IPv6.
func address(i int) netip.Addr {
	if i%2 == 0 {
		var four [4]byte
		binary.BigEndian.PutUint32(four[:], uint32(i)*2654435761)
		return netip.AddrFrom4(four)
	}
	six := [16]byte{0x20, 0x01}
	binary.BigEndian.PutUint32(six[4:], uint32(i))
	return netip.AddrFrom16(six)
}

// TestManyAddresses: a million clients leave the table as large as it may be,
// and one that has used up its budget is not forgotten among them.
func TestManyAddresses(t *testing.T) {
	config := Defaults()
	config.Requests = Limit{Client: Rate{100, 24 * time.Hour}}
	config.Clients = 10_000
	l := New(config)
	if n, _ := times(1000, func() error { return l.Request(here) }); n != 100 {
		t.Fatalf("%d requests", n)
	}
	done, err := l.Wait(there, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	connected := netip.MustParseAddr("192.0.2.44")
	leave, err := l.connect(connected)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	before := heap()
	for i := range 1_000_000 {
		if err := l.Request(address(i)); err != nil {
			t.Fatal(err)
		}
		if i == 100_000 {
			before = heap() // by now the table is full
		}
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("memory has grown by %d KiB", grown>>10)
	}
	if n := l.Clients(); n > config.Clients+shards {
		t.Errorf("%d clients are remembered", n)
	}
	if err := l.Request(here); err == nil {
		t.Error("the client that has used up its budget is forgotten")
	}
	if known(l, there).waiters != 1 {
		t.Error("a client that waits is forgotten")
	}
	if known(l, connected).conns != 1 {
		t.Error("a client that is connected is forgotten")
	}
}

// known is what l knows of a client.
func known(l *Limiter, address netip.Addr) client {
	shard, c := l.table.lock(networkOf(address))
	defer shard.mu.Unlock()
	return *c
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMemory measures what a remembered client takes.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		l := New(Defaults())
		before := heap() // with the table of recent keys, whose size is fixed
		for i := range 1_000_000 {
			_ = l.Request(address(i))
		}
		b.ReportMetric(float64(heap()-before)/float64(l.Clients()), "bytes/client")
		b.ReportMetric(float64(l.Clients()), "clients")
		runtime.KeepAlive(l)
	}
}

func BenchmarkRequest(b *testing.B) {
	most := Rate{1_000_000_000, time.Second}
	l := New(Config{Requests: Limit{most, most}})
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Request(address(i & 0xffff))
		i++
	}
}

func BenchmarkUnknownKey(b *testing.B) {
	l := New(Config{UnknownKeys: Limit{Client: Rate{1_000_000_000, time.Second}}})
	key := []byte("bench-ABCDEFGHIJKLMNOPQRSTUVWXYZ-00000000")
	i := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		binary.BigEndian.PutUint64(key[30:], i)
		guess, err := l.Key(here, "0", string(key))
		if err == nil {
			_, _ = guess.Miss(b.Context())
		}
		i++
	}
}
