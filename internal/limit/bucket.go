package limit

import (
	"sync/atomic"
	"time"
)

// bucket is a leaky bucket, by the generic cell rate algorithm: its level is the
// time, in nanoseconds, at which it will be empty. An event adds step; it fits if
// the level is then at most size ahead of now. The zero value takes everything.
type bucket struct {
	step int64 // what one event adds
	size int64 // what fits
}

func newBucket(r Rate) bucket {
	if r.N == 0 {
		return bucket{}
	}
	step := max(1, int64(r.Per)/r.N)
	return bucket{step, step * r.N}
}

// next returns the level after one more event at now, and how long to wait
// until it fits; 0 if it does.
func (b bucket) next(level, now int64) (after int64, wait time.Duration) {
	if b.step == 0 {
		return level, 0
	}
	after = max(level, now) + b.step
	return after, time.Duration(max(0, after-now-b.size))
}

// take adds an event to level, or returns how long until it fits.
func (b bucket) take(level *int64, now int64) time.Duration {
	after, wait := b.next(*level, now)
	if wait == 0 {
		*level = after
	}
	return wait
}

// giveBack takes an event out again.
func (b bucket) giveBack(level *int64) { *level -= b.step }

// total is the bucket that all clients share.
type total struct {
	bucket
	level   atomic.Int64
	blocked atomic.Int64 // until when the store has all servers together at the limit
	pending atomic.Int64 // events not yet counted in the store
}

func (t *total) take(now int64) time.Duration {
	if until := t.blocked.Load(); until > now {
		return time.Duration(until - now)
	}
	for {
		level := t.level.Load()
		after, wait := t.next(level, now)
		if wait > 0 || t.level.CompareAndSwap(level, after) {
			return wait
		}
	}
}

func (t *total) giveBack() { t.level.Add(-t.step) }
