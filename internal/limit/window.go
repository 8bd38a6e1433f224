package limit

import "time"

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
