package limit

import (
	"sync/atomic"
	"time"
)

// parts is how finely a window knows the age of what it counts.
const parts = 4

// amount is a number of entries and their size.
type amount struct{ entries, bytes int64 }

func (a amount) plus(b amount) amount  { return amount{a.entries + b.entries, a.bytes + b.bytes} }
func (a amount) minus(b amount) amount { return amount{a.entries - b.entries, a.bytes - b.bytes} }

// within reports whether a is at most limit, of which zeros are no limit.
func (a amount) within(limit amount) bool {
	return (limit.entries <= 0 || a.entries <= limit.entries) && (limit.bytes <= 0 || a.bytes <= limit.bytes)
}

// window adds up what was stored within a time, in parts: each part is forgotten
// when that time is over, or at most one part later.
type window struct {
	sums  [parts + 1]amount
	first int64 // number of the part that sums[0] is
	until int64 // when the last of it is forgotten
}

// advance forgets the parts that are over at now. Each lasts length.
func (w *window) advance(now, length int64) {
	first := now/length - parts
	if gone := first - w.first; gone > parts || w.until <= now {
		*w = window{first: first}
	} else if gone > 0 {
		copy(w.sums[:], w.sums[gone:])
		clear(w.sums[parts+1-gone:])
		w.first = first
	}
}

// add adds n, unless that makes more than limit. Then it returns how long until
// there is room.
func (w *window) add(n, limit amount, now, length int64) time.Duration {
	w.advance(now, length)
	sum := n
	for _, part := range w.sums {
		sum = sum.plus(part)
	}
	if sum.within(limit) {
		w.sums[parts] = w.sums[parts].plus(n)
		w.until = (now/length + parts + 1) * length
		return 0
	}
	gone := 0 // parts that have to be forgotten
	for ; gone <= parts && !sum.within(limit); gone++ {
		sum = sum.minus(w.sums[gone])
	}
	return time.Duration((w.first+int64(gone)+parts)*length - now)
}

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

// times returns a bucket that takes factor times as many events. One fits in any
// case.
func (b bucket) times(factor float64) bucket {
	if factor != 1 && b.step > 0 {
		b.step = min(max(1, int64(float64(b.step)/factor)), b.size)
	}
	return b
}

// multiplied multiplies a limit, of which 0 is none, but leaves it at least at least.
func multiplied(limit int64, factor float64, least int64) int64 {
	if factor == 1 || limit <= 0 {
		return limit
	}
	return max(min(limit, least), int64(float64(limit)*factor))
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
