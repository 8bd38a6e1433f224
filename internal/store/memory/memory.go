// Package memory keeps entries in the process and nowhere else: for tests,
// and for a server whose users may have to sign in again after a restart.
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

// sweepEvery is how often expired entries are removed.
const sweepEvery = 5 * time.Second

// sweepBatch is how many are removed before others get their turn.
const sweepBatch = 256

// Store implements [sealed.Store].
type Store struct {
	mu       sync.Mutex
	index    *store.Index
	watchers store.Watchers
}

var _ sealed.Store = (*Store)(nil)

// New returns an empty store.
func New(limits store.Limits) *Store { return &Store{index: store.NewIndex(limits)} }

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
			for s.sweep(sweepBatch) == sweepBatch {
			}
		}
	}
}

func (s *Store) sweep(limit int) (removed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.purge(limit)
}

func (s *Store) purge(limit int) (removed int) {
	now := time.Now()
	for removed < limit {
		e := s.index.Expired(now)
		if e == nil {
			break
		}
		s.index.Remove(e)
		removed++
	}
	return removed
}

// Usage is the number of entries held, expired ones not yet swept included,
// and their size as [store.Limits] counts it.
func (s *Store) Usage() (entries, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.Usage()
}

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
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live(id) != nil {
		return false, nil
	}
	if e := s.index.Find(id); e != nil {
		s.index.Remove(e)
	}
	for !s.index.Fits(len(value), limits) {
		if s.purge(sweepBatch) == 0 {
			return false, sealed.ErrFull
		}
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
	e := s.live(id)
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
	e := s.live(id)
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
	e := s.live(id)
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

func (s *Store) live(id sealed.ID) *store.Entry {
	if e := s.index.Find(id); e != nil && e.Live(time.Now()) {
		return e
	}
	return nil
}
