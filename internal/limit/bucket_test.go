package limit

import (
	"testing"
	"time"
)

// TestClocksThatDiffer: a request that has looked at the clock before another
// one did, and is counted after it, is not refused for that.
func TestClocksThatDiffer(t *testing.T) {
	var all total
	for _, rate := range []Rate{{}, {4, time.Hour}} {
		all.bucket = newBucket(rate)
		for _, now := range []int64{1000, 999, 1} {
			if wait := all.take(now); wait != 0 {
				t.Errorf("%v: %s to wait", rate, wait)
			}
		}
	}
}
