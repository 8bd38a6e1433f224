package daemon

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

// TestHeapMayGrow: the collector lets a small heap grow, unless the environment
// configures the collector.
func TestHeapMayGrow(t *testing.T) {
	var ballast []byte
	for _, c := range []struct {
		gogc, limit string
		grows       bool
	}{{"100", "", false}, {"off", "", false}, {"", "64MiB", false}, {"", "", true}} {
		t.Setenv("GOGC", c.gogc)
		t.Setenv("GOMEMLIMIT", c.limit)
		if ballast = newBallast(); (ballast != nil) != c.grows {
			t.Errorf("GOGC=%s GOMEMLIMIT=%s: a ballast of %d bytes", c.gogc, c.limit, len(ballast))
		}
	}
	samples := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/gc/gogc:percent"}}
	read := func() { metrics.Read(samples) }
	runtime.GC()
	for read(); samples[2].Value.Uint64() != usualPercent; read() { // after the first collection, for good
		runtime.Gosched()
	}
	if room := samples[0].Value.Uint64() - samples[1].Value.Uint64(); room < ballastSize {
		t.Errorf("the heap may grow by %d bytes", room)
	}
	runtime.KeepAlive(ballast)
}
