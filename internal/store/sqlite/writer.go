package sqlite

import (
	"context"
	"runtime"
	"time"

	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// sweepEvery is how often expired entries are removed.
	sweepEvery = 5 * time.Second
	// sweepBatch is how many are removed before other callers get their turn.
	sweepBatch = 256
)

// Run writes changes to disk, and removes expired entries, until ctx ends. It
// writes what is pending then; every later operation returns [ErrClosed].
func (s *Store) Run(ctx context.Context) error {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-s.kick:
			s.gather()
			s.write(s.next())
		case <-sweep.C:
			for s.sweep() == sweepBatch {
			}
		case <-ctx.Done():
			s.mu.Lock()
			s.closed = true
			s.mu.Unlock()
			s.write(s.next())
			return nil
		}
	}
}

// gather lets requests that are ready to run add to the pending batch, as long as
// any do: a commit costs much the same for one change as for many.
func (s *Store) gather() {
	for size := s.pendingSize(); ; {
		runtime.Gosched()
		more := s.pendingSize()
		if more == size {
			return
		}
		size = more
	}
}

func (s *Store) pendingSize() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending.changes)
}

// next closes the pending batch for further changes.
func (s *Store) next() *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.pending
	s.pending = newBatch()
	return b
}

func (s *Store) sweep() (dropped int) {
	s.mu.Lock()
	dropped = s.index.Purge(sweepBatch)
	s.mu.Unlock()
	s.write(s.next())
	return dropped
}

// write commits b and makes it visible, or undoes it. After a failed commit it is
// unknown which part of it is on disk, so the repair comes before the next commit.
func (s *Store) write(b *batch) {
	if b.empty() && s.repair == nil {
		close(b.done)
		return
	}
	if s.repair != nil {
		if b.err = s.db.write(s.repair.removed, s.repair.rows); b.err == nil {
			s.repair = nil
		} else {
			s.keepRemovals(b)
		}
	}
	if b.err == nil {
		if b.err = s.db.write(b.removed, b.rows); b.err != nil {
			s.repair = b.inverse()
		}
	}
	s.finish(b)
}

// keepRemovals adds to the repair the rows of expired entries in a batch that was
// not tried.
func (s *Store) keepRemovals(b *batch) {
	live := map[int64]bool{}
	for _, c := range b.changes {
		live[c.entry.Row] = true
	}
	for _, seq := range b.removed {
		if !live[seq] {
			s.repair.remove(seq)
		}
	}
}

// finish brings the index in line with what happened to b.
func (s *Store) finish(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range b.changes {
		c.entry.Busy = nil
		switch {
		case b.err != nil && !c.existed, b.err == nil && !c.puts:
			s.index.Remove(c.entry)
		case b.err == nil && c.existed:
			s.index.Update(c.entry, c.value, c.expires)
		}
		s.watchers.Notify(c.entry.ID)
	}
	close(b.done)
}

// change is what one request does to one entry.
type change struct {
	entry   *store.Entry
	existed bool      // the entry was there before
	puts    bool      // false: it is removed
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
