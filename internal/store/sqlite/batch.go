package sqlite

import (
	"time"

	"github.com/desktop-stack-serv/dss/internal/store"
)

// change is what one request does to one entry.
type change struct {
	entry   *store.Entry
	existed bool      // the entry was there before
	puts    bool      // else it is removed
	value   []byte    // what is put
	expires time.Time // of what is put
}

// batch is what goes to disk in one transaction. An entry is in at most one
// change of a batch, because it is busy until the batch is done.
type batch struct {
	changes []change
	rows    []row   // to write
	removed []int64 // to delete
	done    chan struct{}
	err     error // valid after done is closed
}

// row is a row of the table entries.
type row struct {
	seq     int64
	id      []byte
	value   []byte
	expires int64
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

func (b *batch) empty() bool { return len(b.rows) == 0 && len(b.removed) == 0 }

func (b *batch) add(c change) {
	b.changes = append(b.changes, c)
	if c.puts {
		b.put(c.entry, c.value, c.expires)
	} else {
		b.remove(c.entry.Row)
	}
}

func (b *batch) put(e *store.Entry, value []byte, expires time.Time) {
	b.rows = append(b.rows, row{e.Row, e.ID[:], value, expires.UnixMilli()})
}

func (b *batch) remove(seq int64) { b.removed = append(b.removed, seq) }

// inverse is the batch that restores the rows as they were before b, whether
// or not any of b reached the disk. Rows of expired entries need not return.
func (b *batch) inverse() *batch {
	out := newBatch()
	restored := map[int64]bool{}
	for _, c := range b.changes {
		if c.existed {
			out.put(c.entry, c.entry.Value, c.entry.Expires)
			restored[c.entry.Row] = true
		} else {
			out.remove(c.entry.Row)
		}
	}
	for _, seq := range b.removed {
		if !restored[seq] {
			out.remove(seq)
		}
	}
	return out
}
