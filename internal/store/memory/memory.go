// Package memory keeps entries in the process only: for tests, and for a server
// whose users may have to sign in again after a restart.
package memory

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// sweepEvery is how often expired entries are removed.
	sweepEvery = 5 * time.Second
	// sweepBatch is how many are removed before other callers get their turn.
	sweepBatch = 256
)

// Store implements [sealed.Store].
type Store struct {
	*state
	limits store.Limits // of Create
}

type state struct {
	mu       sync.Mutex
	index    *store.Index
	watchers store.Watchers
}

// New returns an empty store.
func New(limits store.Limits) *Store { return &Store{&state{index: store.NewIndex(limits)}, limits} }

// Reserve returns the same store with room for what was in it already
// ([store.Limits.WithReserve]).
func (s *Store) Reserve() sealed.Store { return &Store{s.state, s.limits.WithReserve()} }

// Open returns an empty store for the URL "memory:".
func Open(_ context.Context, url string, limits store.Limits, _ *slog.Logger) (*Store, error) {
	if _, err := Preview(url); err != nil {
		return nil, err
	}
	return New(limits), nil
}

// Preview says what [Open] would do. An error is a [store.URLError].
func Preview(url string) (string, error) {
	if url != "memory:" {
		return "", store.URLErrorf("memory: takes nothing after the colon")
	}
	return "memory: a restart loses what waits for its app", nil
}

// Check examines the store at a URL. An error is a [store.URLError].
func Check(ctx context.Context, url string) ([]store.Finding, error) {
	s, err := Open(ctx, url, store.Limits{}, nil)
	if err != nil {
		return store.Failed(err)
	}
	return store.Examine(ctx, url, s, nil), nil
}

// Close does nothing.
func (s *Store) Close() error { return nil }

// Run removes expired entries until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			for s.sweep() == sweepBatch {
			}
		}
	}
}

func (s *Store) sweep() (removed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.Purge(sweepBatch)
}

// Usage returns the number of entries, with expired ones that are not removed yet,
// and their size as [store.Limits] counts it.
func (s *Store) Usage() (entries, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.Usage()
}

// Create implements [sealed.Store].
func (s *Store) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index.Live(id) != nil {
		return false, nil
	}
	if !s.index.MakeRoom(len(value), s.limits) {
		return false, sealed.ErrFull
	}
	s.index.Add(&store.Entry{ID: id, Value: bytes.Clone(value), Expires: time.Now().Add(ttl)})
	s.watchers.Notify(id)
	return true, nil
}

// Get implements [sealed.Store].
func (s *Store) Get(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.index.Live(id)
	if e == nil {
		return nil, false, nil
	}
	return bytes.Clone(e.Value), true, nil
}

// Take implements [sealed.Store].
func (s *Store) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.index.Live(id)
	if e == nil {
		return nil, false, nil
	}
	s.index.Remove(e)
	return e.Value, true, nil
}

// Replace implements [sealed.Store].
func (s *Store) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.index.Live(id)
	if e == nil || !bytes.Equal(e.Value, old) {
		return false, nil
	}
	if !s.index.Grows(len(next) - len(old)) {
		return false, sealed.ErrFull
	}
	s.index.Update(e, bytes.Clone(next), time.Now().Add(ttl))
	s.watchers.Notify(id)
	return true, nil
}

// Watch implements [sealed.Store].
func (s *Store) Watch(ctx context.Context, id sealed.ID) (<-chan struct{}, error) {
	return s.watchers.Add(ctx, id), nil
}
