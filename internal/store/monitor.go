package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	// tryEvery bounds how often a monitor tries to write.
	tryEvery = time.Second
	// tryLife is how long the entry of a try lives if it cannot be removed.
	tryLife = time.Minute
)

// Monitor is a store that records whether the last write worked: with a full disk
// every read succeeds and every sign-in fails. While writes fail, Ready tries one
// of its own from time to time, so that a server without requests notices when the
// store has recovered. It is safe for concurrent use.
type Monitor struct {
	sealed.Store
	writes *writes
}

// writes is the state that a monitor shares with its reserve.
type writes struct {
	failure atomic.Pointer[error] // of the last write; nil if it succeeded
	trying  sync.Mutex            // held during a try; guards tried
	tried   time.Time
}

// NewMonitor returns a store that keeps its entries in inner.
func NewMonitor(inner sealed.Store) *Monitor { return &Monitor{inner, &writes{}} }

// Ready returns an error while the store does not answer or does not accept
// writes. A full store is ready: what is in it can be claimed.
func (m *Monitor) Ready(ctx context.Context) error {
	if _, _, err := m.Get(ctx, sealed.ID{}); err != nil {
		return err
	}
	if m.writes.failure.Load() == nil {
		return nil
	}
	if m.writes.trying.TryLock() { // or another caller tries
		if time.Since(m.writes.tried) >= tryEvery {
			m.try(ctx)
			m.writes.tried = time.Now()
		}
		m.writes.trying.Unlock()
	}
	if failure := m.writes.failure.Load(); failure != nil {
		return fmt.Errorf("the last write failed: %w", *failure)
	}
	return nil
}

// try writes an entry and removes it.
func (m *Monitor) try(ctx context.Context) {
	var id sealed.ID
	rand.Read(id[:])
	if created, err := m.Create(ctx, id, []byte("readiness"), tryLife); err == nil && created {
		_, _, _ = m.Take(ctx, id) // or it expires; a failure is recorded
	}
}

// record records a write that changed something or failed. A write that was
// cancelled, or refused by a full store, proves nothing.
func (w *writes) record(changed bool, err error) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, sealed.ErrFull):
	case err != nil:
		w.failure.Store(&err)
	case changed && w.failure.Load() != nil:
		w.failure.Store(nil)
	}
}

// Create implements [sealed.Store].
func (m *Monitor) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	created, err := m.Store.Create(ctx, id, value, ttl)
	m.writes.record(created, err)
	return created, err
}

// Take implements [sealed.Store].
func (m *Monitor) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	value, ok, err := m.Store.Take(ctx, id)
	m.writes.record(ok, err)
	return value, ok, err
}

// Replace implements [sealed.Store].
func (m *Monitor) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	replaced, err := m.Store.Replace(ctx, id, old, next, ttl)
	m.writes.record(replaced, err)
	return replaced, err
}

// Reserve returns the store's reserve, whose writes count too.
func (m *Monitor) Reserve() sealed.Store { return &Monitor{sealed.Reserve(m.Store), m.writes} }
