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
	s.pending.changes, s.spare = s.spare, nil
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
		if b.err = s.db.write(s.repair); b.err == nil {
			s.repair = nil
		} else {
			s.repair.expired = append(s.repair.expired, b.expired...)
		}
	}
	if b.err == nil {
		if b.err = s.db.write(b); b.err != nil {
			s.repair = b.inverse()
		}
	}
	s.finish(b)
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
		if b.err == nil && c.puts {
			s.watchers.Notify(c.entry.ID)
		}
	}
	close(b.done)
	clear(b.changes)
	s.spare = b.changes[:0]
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
	expired []int64 // rows to remove after the changes; their entries have expired
	done    chan struct{}
	err     error // valid after done is closed
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

func (b *batch) empty() bool { return len(b.changes) == 0 && len(b.expired) == 0 }

// inverse is the batch that restores the rows as they were before b, whether
// or not any of b reached the disk. Rows of expired entries need not return.
func (b *batch) inverse() *batch {
	out := newBatch()
	out.expired = b.expired
	for _, c := range b.changes {
		out.changes = append(out.changes,
			change{entry: c.entry, puts: c.existed, value: c.entry.Value, expires: c.entry.Expires})
	}
	return out
}
