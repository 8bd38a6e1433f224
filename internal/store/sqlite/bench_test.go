//go:build unix

package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// entrySize is the size of a sealed token's entry.
const entrySize = 120

// BenchmarkPair stores an entry and takes it, from many callers at the same time,
// and reports the processor time for each of the two operations.
func BenchmarkPair(b *testing.B) {
	for _, callers := range []int{64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s, _ := running(b, filepath.Join(b.TempDir(), "dss.db"))
			var next atomic.Int64
			value := make([]byte, entrySize)
			b.SetParallelism(callers / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			before := processorTime(b)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := spread(next.Add(1))
					if ok, err := s.Create(b.Context(), id, value, 15*time.Minute); !ok || err != nil {
						b.Fatal(ok, err)
					}
					if _, ok, err := s.Take(b.Context(), id); !ok || err != nil {
						b.Fatal(ok, err)
					}
				}
			})
			b.StopTimer()
			b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/1e3/2/float64(b.N), "cpu-µs/op")
		})
	}
}

// spread is an id like those of the relay, which are hashes.
func spread(n int64) sealed.ID { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
