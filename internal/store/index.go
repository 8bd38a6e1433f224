package store

import (
	"cmp"
	"container/heap"
	"math"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Default caps.
const (
	DefaultMaxEntries = 100_000
	DefaultMaxBytes   = 64 << 20
)

// Limits caps what a store holds. Zero values mean the defaults.
type Limits struct {
	MaxEntries int
	MaxBytes   int64 // values and a fixed overhead for each
}

// Unlimited is for an examination of a store that another process fills.
var Unlimited = Limits{MaxEntries: math.MaxInt32, MaxBytes: math.MaxInt64 / 2}

func (l Limits) orDefault() Limits {
	return Limits{cmp.Or(l.MaxEntries, DefaultMaxEntries), cmp.Or(l.MaxBytes, DefaultMaxBytes)}
}

// reserveShare is the part of the limits by which a store may exceed them for
// what it held already, such as a claim that is put back. A sixteenth is 6250 of
// the default's entries, more than any server puts back at one time.
const reserveShare = 16

// WithReserve returns the limits for what the store held already.
func (l Limits) WithReserve() Limits {
	l = l.orDefault()
	return Limits{l.MaxEntries + l.MaxEntries/reserveShare + 1, l.MaxBytes + l.MaxBytes/reserveShare}
}

// Allow reports whether a store may hold entries whose values have bytes in
// all.
func (l Limits) Allow(entries, bytes int64) bool {
	l = l.orDefault()
	return entries <= int64(l.MaxEntries) && Size(entries, bytes) <= l.MaxBytes
}

// Size is what the limits count for entries whose values have bytes in all.
func Size(entries, bytes int64) int64 { return bytes + entries*sealed.EntryOverhead }

// Entry is one stored value. Value must not be changed, only exchanged.
type Entry struct {
	ID      sealed.ID
	Value   []byte
	Expires time.Time
	// Row is where a journal keeps the entry.
	Row int64
	// Busy is closed when the operation under way on this entry is over; nil
	// if there is none.
	Busy <-chan struct{}

	place int
}

// Index holds the entries of a store in one process by id and in the order of
// their expiry, and caps their number and size. The store locks it.
type Index struct {
	// Expired is called with each entry that is removed because it has expired.
	Expired func(*Entry)

	limits  Limits
	entries map[sealed.ID]*Entry
	order   byExpiry
	bytes   int64 // of values
}

// NewIndex returns an empty index.
func NewIndex(limits Limits) *Index {
	return &Index{Expired: func(*Entry) {}, limits: limits, entries: map[sealed.ID]*Entry{}}
}

// Usage is the number of entries, expired ones not yet removed included, and
// what the limits count as their size.
func (x *Index) Usage() (entries, bytes int64) {
	entries = int64(len(x.entries))
	return entries, Size(entries, x.bytes)
}

// Find returns the entry under id, expired or not, or nil.
func (x *Index) Find(id sealed.ID) *Entry { return x.entries[id] }

// Live returns the entry under id, or nil. It removes an expired one that is not
// busy.
func (x *Index) Live(id sealed.ID) *Entry {
	e := x.entries[id]
	if e == nil || e.Busy != nil || time.Now().Before(e.Expires) {
		return e
	}
	x.expire(e)
	return nil
}

// MakeRoom removes expired entries until another one with a value of bytes fits
// within limits, and reports whether it does.
func (x *Index) MakeRoom(bytes int, limits Limits) bool {
	for !limits.Allow(int64(len(x.entries)+1), x.bytes+int64(bytes)) {
		if x.Purge(1) == 0 {
			return false
		}
	}
	return true
}

// Grows reports whether an entry may have a value of more bytes than before. One
// that does not grow always may.
func (x *Index) Grows(more int) bool {
	return more <= 0 || x.limits.Allow(int64(len(x.entries)), x.bytes+int64(more))
}

// Add adds an entry under an id that has none.
func (x *Index) Add(e *Entry) {
	x.entries[e.ID] = e
	x.bytes += int64(len(e.Value))
	heap.Push(&x.order, e)
}

// Update exchanges an entry's value and expiry.
func (x *Index) Update(e *Entry, value []byte, expires time.Time) {
	x.bytes += int64(len(value) - len(e.Value))
	e.Value, e.Expires = value, expires
	heap.Fix(&x.order, e.place)
}

// Remove removes an entry.
func (x *Index) Remove(e *Entry) {
	delete(x.entries, e.ID)
	x.bytes -= int64(len(e.Value))
	heap.Remove(&x.order, e.place)
}

// Purge removes up to limit expired entries, the oldest first. It stops at one
// that is busy.
func (x *Index) Purge(limit int) (removed int) {
	now := time.Now()
	for removed < limit && len(x.order) > 0 && !now.Before(x.order[0].Expires) && x.order[0].Busy == nil {
		x.expire(x.order[0])
		removed++
	}
	return removed
}

func (x *Index) expire(e *Entry) {
	x.Remove(e)
	x.Expired(e)
}

type byExpiry []*Entry

func (o byExpiry) Len() int           { return len(o) }
func (o byExpiry) Less(i, j int) bool { return o[i].Expires.Before(o[j].Expires) }
func (o byExpiry) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].place, o[j].place = i, j
}

func (o *byExpiry) Push(e any) {
	e.(*Entry).place = len(*o)
	*o = append(*o, e.(*Entry))
}

func (o *byExpiry) Pop() any {
	last := len(*o) - 1
	e := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	return e
}
