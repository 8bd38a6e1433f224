package store

import (
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

// Limits caps what a store holds. Zero values stand for the defaults.
type Limits struct {
	MaxEntries int
	MaxBytes   int64 // values and a fixed overhead for each
}

// Unlimited is for those who examine a store that another process fills.
var Unlimited = Limits{MaxEntries: math.MaxInt32, MaxBytes: math.MaxInt64 / 2}

// OrDefault returns the limits with the defaults in place of zero values.
func (l Limits) OrDefault() Limits {
	if l.MaxEntries <= 0 {
		l.MaxEntries = DefaultMaxEntries
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	return l
}

// reserveShare is the part of the limits by which a store may exceed them for
// what it held already. A claim that is put back takes the room that it left a
// moment before: a sixteenth is 6250 of the default's entries, more than
// are put back at one time on any server.
const reserveShare = 16

// WithReserve returns the limits for what the store held already.
func (l Limits) WithReserve() Limits {
	l = l.OrDefault()
	return Limits{l.MaxEntries + l.MaxEntries/reserveShare + 1, l.MaxBytes + l.MaxBytes/reserveShare}
}

// Allow reports whether a store may hold entries whose values have bytes in
// all.
func (l Limits) Allow(entries, bytes int64) bool {
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

// Live reports whether the entry has not expired at now.
func (e *Entry) Live(now time.Time) bool { return now.Before(e.Expires) }

// Index is the live half of a store in one process: entries by id, their
// expiry in order, and the caps on number and size. It locks nothing; the
// store that owns an Index does.
type Index struct {
	limits  Limits
	entries map[sealed.ID]*Entry
	order   byExpiry
	bytes   int64 // of values
}

// NewIndex returns an empty index.
func NewIndex(limits Limits) *Index {
	return &Index{limits: limits.OrDefault(), entries: map[sealed.ID]*Entry{}}
}

// Usage is the number of entries, expired ones not yet removed included, and
// what the limits count as their size.
func (x *Index) Usage() (entries, bytes int64) {
	entries = int64(len(x.entries))
	return entries, Size(entries, x.bytes)
}

// Find returns the entry under id, expired or not, or nil.
func (x *Index) Find(id sealed.ID) *Entry { return x.entries[id] }

// Limits are those that the index was made with.
func (x *Index) Limits() Limits { return x.limits }

// Fits reports whether another entry with a value of bytes may be added within
// limits.
func (x *Index) Fits(bytes int, limits Limits) bool {
	return limits.Allow(int64(len(x.entries)+1), x.bytes+int64(bytes))
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

// Expired returns the entry that expires first if it has done so at now and
// nothing is under way on it, or nil.
func (x *Index) Expired(now time.Time) *Entry {
	if len(x.order) == 0 || x.order[0].Live(now) || x.order[0].Busy != nil {
		return nil
	}
	return x.order[0]
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
