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
	e, err := s.lock(ctx, id)
	if err != nil {
		return false, err
	}
	switch {
	case e != nil:
		s.mu.Unlock()
		return false, nil
	case !s.index.MakeRoom(len(value), s.limits):
		s.mu.Unlock()
		return false, sealed.ErrFull
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
	if e == nil {
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
	if e == nil {
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
	case e == nil || !bytes.Equal(e.Value, old):
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

// lock locks s.mu and returns the live entry under id, or nil, once no operation
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
			return s.index.Live(id), nil
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
