//go:build integration

package redis

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// spread is an id like those of the relay, which are hashes.
func spread(n int) sealed.ID { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) }

// entrySize is the size of a sealed token's entry.
const entrySize = 120

// BenchmarkPair stores an entry and takes it: through the store, and with the
// plainest commands that could do it.
func BenchmarkPair(b *testing.B) {
	for _, fsync := range []string{"always", "everysec"} {
		server := engines.Redis(b, "--appendfsync", fsync)
		s := running(b, server.URL)
		value := make([]byte, entrySize)
		pairs := func(name string, pair func(n int) error) {
			b.Run(fmt.Sprintf("%s/fsync=%s", name, fsync), func(b *testing.B) {
				var next atomic.Int64
				b.SetParallelism(64)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := pair(int(next.Add(1))); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
			})
		}
		pairs("store", func(n int) error {
			if _, err := s.Create(b.Context(), spread(n), value, 15*time.Minute); err != nil {
				return err
			}
			_, ok, err := s.Take(b.Context(), spread(n))
			if err == nil && !ok {
				err = fmt.Errorf("%d is gone", n)
			}
			return err
		})
		c := s.client
		pairs("plain", func(n int) error {
			key := s.names.entry(spread(n))
			if err := c.Do(b.Context(), c.B().Set().Key(key).Value(rueidis.BinaryString(value)).PxMilliseconds(960_000).Build()).Error(); err != nil {
				return err
			}
			return c.Do(b.Context(), c.B().Getdel().Key(key).Build()).Error()
		})
	}
}

// BenchmarkHandover waits at one store for entries that another creates, and
// takes them, while other stores listen too.
func BenchmarkHandover(b *testing.B) {
	for _, servers := range []int{2, 4, 8} {
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			server := engines.Redis(b, "--appendfsync", "always")
			one, other := running(b, server.URL), running(b, server.URL)
			for range servers - 2 {
				running(b, server.URL)
			}
			var next atomic.Int64
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := handover(b.Context(), one, other, spread(int(next.Add(1)))); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "handovers/s")
		})
	}
}

func handover(ctx context.Context, one, other *Store, id sealed.ID) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	woken, err := one.Watch(ctx, id)
	if err != nil {
		return err
	}
	if _, err := other.Create(ctx, id, make([]byte, entrySize), 15*time.Minute); err != nil {
		return err
	}
	<-woken
	_, ok, err := one.Take(ctx, id)
	if err == nil && !ok {
		err = errors.New("the entry is gone")
	}
	return err
}

// BenchmarkMemory reports what an entry costs the server.
func BenchmarkMemory(b *testing.B) {
	const entries = 100_000
	for b.Loop() {
		server := engines.Redis(b, "--appendonly", "no")
		s := open(b, server.URL, store.Limits{})
		before := usedMemory(b, server)
		value := make([]byte, entrySize)
		for n := range entries {
			if _, err := s.Create(b.Context(), spread(n), value, 15*time.Minute); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(usedMemory(b, server)-before)/entries, "B/entry")
		s.Close()
	}
}

var usedMemoryLine = regexp.MustCompile(`used_memory:(\d+)`)

func usedMemory(b *testing.B, server *engines.Server) int {
	b.Helper()
	info, err := server.RedisCommand("INFO", "memory")
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.Atoi(usedMemoryLine.FindStringSubmatch(info)[1])
	if err != nil {
		b.Fatal(err)
	}
	return n
}
