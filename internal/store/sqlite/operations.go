package sqlite

import (
	"bytes"
	"context"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// Create implements [sealed.Store].
func (s *Store) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	return s.create(ctx, id, value, ttl, s.index.Limits())
}

// Reserve returns the same store with room for what was in it already
// ([store.Limits.WithReserve]).
func (s *Store) Reserve() sealed.Store { return reserve{s} }

type reserve struct{ *Store }

func (r reserve) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	return r.create(ctx, id, value, ttl, r.index.Limits().WithReserve())
}

func (s *Store) create(
	ctx context.Context, id sealed.ID, value []byte, ttl time.Duration, limits store.Limits,
) (bool, error) {
	e, err := s.lock(ctx, id)
	if err != nil {
		return false, err
	}
	if e != nil && e.Live(time.Now()) {
		s.mu.Unlock()
		return false, nil
	}
	if e != nil {
		s.drop(e)
	}
	for !s.index.Fits(len(value), limits) {
		if s.purge(sweepBatch) == 0 {
			s.mu.Unlock()
			return false, sealed.ErrFull
		}
	}
	b := s.pending
	s.lastRow++
	e = &store.Entry{ID: id, Value: bytes.Clone(value), Expires: time.Now().Add(ttl), Row: s.lastRow, Busy: b.done}
	s.index.Add(e)
	b.add(change{entry: e, puts: true, value: e.Value, expires: e.Expires})
	s.mu.Unlock()
	return s.await(b)
}

// Get implements [sealed.Store].
func (s *Store) Get(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	e, err := s.lock(ctx, id)
	if err != nil {
		return nil, false, err
	}
	defer s.mu.Unlock()
	if e == nil || !e.Live(time.Now()) {
		return nil, false, nil
	}
	return bytes.Clone(e.Value), true, nil
}

// Take implements [sealed.Store].
func (s *Store) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	e, err := s.lock(ctx, id)
	if err != nil {
		return nil, false, err
	}
	if e == nil || !e.Live(time.Now()) {
		s.mu.Unlock()
		return nil, false, nil
	}
	b := s.pending
	e.Busy = b.done
	b.add(change{entry: e, existed: true})
	s.mu.Unlock()
	ok, err := s.await(b)
	if !ok {
		return nil, false, err
	}
	return e.Value, true, nil
}

// Replace implements [sealed.Store].
func (s *Store) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	e, err := s.lock(ctx, id)
	if err != nil {
		return false, err
	}
	switch {
	case e == nil || !e.Live(time.Now()) || !bytes.Equal(e.Value, old):
		s.mu.Unlock()
		return false, nil
	case !s.index.Grows(len(next) - len(old)):
		s.mu.Unlock()
		return false, sealed.ErrFull
	}
	b := s.pending
	e.Busy = b.done
	b.add(change{entry: e, existed: true, puts: true, value: bytes.Clone(next), expires: time.Now().Add(ttl)})
	s.mu.Unlock()
	return s.await(b)
}

// Watch implements [sealed.Store].
func (s *Store) Watch(ctx context.Context, id sealed.ID) (<-chan struct{}, error) {
	return s.watchers.Add(ctx, id), nil
}

// lock locks s.mu and returns the entry under id, or nil, once no operation
// is under way on it. With an error it has not locked.
func (s *Store) lock(ctx context.Context, id sealed.ID) (*store.Entry, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.mu.Lock()
		e := s.index.Find(id)
		switch {
		case s.closed:
			s.mu.Unlock()
			return nil, ErrClosed
		case e == nil || e.Busy == nil:
			return e, nil
		}
		busy := e.Busy
		s.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
		}
	}
}

// await waits until b is on disk.
func (s *Store) await(b *batch) (bool, error) {
	s.wake()
	<-b.done
	return b.err == nil, b.err
}

func (s *Store) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// drop forgets an expired entry and has its row removed.
func (s *Store) drop(e *store.Entry) {
	s.index.Remove(e)
	s.pending.remove(e.Row)
}

// purge drops up to limit expired entries.
func (s *Store) purge(limit int) (dropped int) {
	now := time.Now()
	for dropped < limit {
		e := s.index.Expired(now)
		if e == nil {
			break
		}
		s.drop(e)
		dropped++
	}
	return dropped
}
