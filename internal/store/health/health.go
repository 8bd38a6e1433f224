// Package health knows whether a store takes what is written to it.
//
// It goes by the last write, whoever's that was: a disk that is full answers
// every question, and fails every sign-in. While writes fail it tries one of
// its own now and then, when it is asked, so that a server that gets no more
// requests notices when the store is well again.
package health

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	// tryEvery bounds how often a write is tried.
	tryEvery = time.Second
	// tryLife is how long what is written for that stays, if it cannot be
	// taken away again.
	tryLife = time.Minute
)

// Store is another store that remembers how writing went. It is safe for
// concurrent use.
type Store struct {
	sealed.Store
	state *state
}

// state is shared with the store's reserve.
type state struct {
	failure atomic.Pointer[error] // of the last write; nil if it went well
	trying  chan struct{}         // holds a token during a try; guards the next
	tried   time.Time
	probe   sealed.ID // what is looked up; never stored
}

var _ sealed.Store = (*Store)(nil)

// New returns a store that keeps its entries in inner.
func New(inner sealed.Store) *Store {
	s := &state{trying: make(chan struct{}, 1)}
	rand.Read(s.probe[:])
	return &Store{inner, s}
}

// Ready returns an error while the store does not answer, or does not take
// what is written. A full store is ready: what is in it can be claimed.
func (s *Store) Ready(ctx context.Context) error {
	if _, _, err := s.Get(ctx, s.state.probe); err != nil {
		return err
	}
	if s.state.failure.Load() == nil {
		return nil
	}
	select {
	case s.state.trying <- struct{}{}:
		if time.Since(s.state.tried) >= tryEvery {
			s.try(ctx)
			s.state.tried = time.Now()
		}
		<-s.state.trying
	default: // another one tries
	}
	if failure := s.state.failure.Load(); failure != nil {
		return fmt.Errorf("the last write failed: %w", *failure)
	}
	return nil
}

// try writes an entry and takes it away.
func (s *Store) try(ctx context.Context) {
	var id sealed.ID
	rand.Read(id[:])
	if created, err := s.Create(ctx, id, []byte("readiness"), tryLife); err == nil && created {
		_, _, _ = s.Take(ctx, id) // or it expires; that it failed is remembered
	}
}

// wrote remembers how a write went that has changed something, or failed. One
// whose caller left, and one that a full store refused, say nothing.
func (s *state) wrote(changed bool, err error) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, sealed.ErrFull):
	case err != nil:
		s.failure.Store(&err)
	case changed && s.failure.Load() != nil:
		s.failure.Store(nil)
	}
}

// Create implements [sealed.Store].
func (s *Store) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	created, err := s.Store.Create(ctx, id, value, ttl)
	s.state.wrote(created, err)
	return created, err
}

// Take implements [sealed.Store].
func (s *Store) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	value, ok, err := s.Store.Take(ctx, id)
	s.state.wrote(ok, err)
	return value, ok, err
}

// Replace implements [sealed.Store].
func (s *Store) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	replaced, err := s.Store.Replace(ctx, id, old, next, ttl)
	s.state.wrote(replaced, err)
	return replaced, err
}

// Reserve returns the store's reserve, whose writes count too.
func (s *Store) Reserve() sealed.Store { return &Store{sealed.Reserve(s.Store), s.state} }
