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
	return s.change(ctx, id, func(e *store.Entry) (change, error) {
		if e != nil {
			return change{}, nil
		}
		if !s.index.MakeRoom(len(value), s.limits) {
			return change{}, sealed.ErrFull
		}
		s.lastRow++
		e = &store.Entry{ID: id, Value: bytes.Clone(value), Expires: time.Now().Add(ttl), Row: s.lastRow}
		s.index.Add(e)
		return change{entry: e, puts: true, value: e.Value, expires: e.Expires}, nil
	})
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
func (s *Store) Take(ctx context.Context, id sealed.ID) (value []byte, ok bool, err error) {
	ok, err = s.change(ctx, id, func(e *store.Entry) (change, error) {
		if e == nil {
			return change{}, nil
		}
		value = e.Value
		return change{entry: e, existed: true}, nil
	})
	if !ok {
		return nil, false, err
	}
	return value, true, nil
}

// Replace implements [sealed.Store].
func (s *Store) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	return s.change(ctx, id, func(e *store.Entry) (change, error) {
		if e == nil || !bytes.Equal(e.Value, old) {
			return change{}, nil
		}
		if !s.index.Grows(len(next) - len(old)) {
			return change{}, sealed.ErrFull
		}
		expires := time.Now().Add(ttl)
		return change{entry: e, existed: true, puts: true, value: bytes.Clone(next), expires: expires}, nil
	})
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
		e := s.index.Live(id)
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

// change adds the change that decide makes of the entry under id to the pending
// batch, and waits until it is on disk. Without one, which has no entry, it reports
// false.
func (s *Store) change(
	ctx context.Context, id sealed.ID, decide func(e *store.Entry) (change, error),
) (bool, error) {
	e, err := s.lock(ctx, id)
	if err != nil {
		return false, err
	}
	c, err := decide(e)
	if err != nil || c.entry == nil {
		s.mu.Unlock()
		return false, err
	}
	b := s.pending
	c.entry.Busy = b.done
	b.changes = append(b.changes, c)
	s.mu.Unlock()
	select {
	case s.kick <- struct{}{}:
	default:
	}
	<-b.done
	return b.err == nil, b.err
}
