package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// Create implements [sealed.Store].
func (s *Store) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	return s.create(ctx, id, value, ttl, s.gauge.Limits())
}

// Reserve returns the same store with room for what was in it already
// ([store.Limits.WithReserve]).
func (s *Store) Reserve() sealed.Store { return reserve{s} }

type reserve struct{ *Store }

func (r reserve) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	return r.create(ctx, id, value, ttl, r.gauge.Limits().WithReserve())
}

func (s *Store) create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration, limits store.Limits) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := s.gauge.Admit(ctx, len(value), limits); err != nil {
		return false, s.refused(ctx, id, err)
	}
	r := &request{id: id, value: own(value), expires: s.now().Add(ttl).UnixMilli()}
	if err := s.creates.do(ctx, r); err != nil {
		return false, fmt.Errorf("create entry: %w", err)
	}
	if r.found {
		s.gauge.Add(1, len(value))
		s.notify(id)
	}
	return r.found, nil
}

// refused is what Create answers if there is no room: an id that is taken
// needs none.
func (s *Store) refused(ctx context.Context, id sealed.ID, reason error) error {
	if errors.Is(reason, sealed.ErrFull) {
		if _, taken, err := s.Get(ctx, id); err == nil && taken {
			return nil
		}
	}
	return reason
}

// Get implements [sealed.Store].
func (s *Store) Get(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	r := &request{id: id}
	if err := s.gets.do(ctx, r); err != nil {
		return nil, false, fmt.Errorf("get entry: %w", err)
	}
	return r.out, r.found, nil
}

// Take implements [sealed.Store].
//
// After an error it is not known whether the entry is gone: if the database
// committed and its answer was lost, it is, and nobody has it. An error that
// the database itself reports, other than that it is shutting down, means that
// the entry is still there.
func (s *Store) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	r := &request{id: id}
	if err := s.takes.do(ctx, r); err != nil {
		return nil, false, fmt.Errorf("take entry: %w", err)
	}
	if r.found {
		s.gauge.Add(-1, -len(r.out))
	}
	return r.out, r.found, nil
}

// Replace implements [sealed.Store].
func (s *Store) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	growth := len(next) - len(old)
	if err := s.gauge.Grow(ctx, growth); err != nil {
		return false, err
	}
	r := &request{id: id, old: own(old), value: own(next), expires: s.now().Add(ttl).UnixMilli()}
	if err := s.replaces.do(ctx, r); err != nil {
		return false, fmt.Errorf("replace entry: %w", err)
	}
	if r.found {
		s.gauge.Add(0, growth)
		s.notify(id)
	}
	return r.found, nil
}

// own is a copy that is never nil, which would be NULL.
func own(value []byte) []byte {
	return append([]byte{}, value...)
}

// hand gives what a batch found to those who asked: to the first
// one for each id or, where nothing is consumed, to everybody.
func hand(batch []*request, found map[sealed.ID][]byte, everybody bool) {
	for _, r := range batch {
		value, ok := found[r.id]
		if !ok {
			continue
		}
		r.found, r.out = true, value
		if everybody {
			r.out = bytes.Clone(value)
		} else {
			delete(found, r.id)
		}
	}
}
