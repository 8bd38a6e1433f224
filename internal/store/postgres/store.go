// Package postgres keeps entries in a PostgreSQL database, for several servers
// that share it.
//
// Each operation is one statement that is a transaction of its own, and is
// acknowledged when that is on the database's disk. Requests of one kind that
// come in while others are under way share a statement, and so a commit.
// Servers notify each other of deposits through LISTEN and NOTIFY.
package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// queueTime is how long a request may wait for its turn. Nothing has
	// happened to one that gives up.
	queueTime = time.Second
	// batchTime bounds what follows: a connection, the statement, the commit.
	batchTime = 2 * time.Second
	// statementTime is when the server itself gives up a statement.
	statementTime = batchTime - 250*time.Millisecond
	// openTime bounds [Open], where servers may wait for another that migrates.
	openTime = 30 * time.Second
)

// Store implements [sealed.Store]. An operation takes three seconds at most.
// One that was under way when its context ended is completed all the same,
// and reports what happened.
type Store struct {
	*state
	limits store.Limits // of Create
}

type state struct {
	pool     *pgxpool.Pool
	settings *settings
	table    table
	gauge    *store.Gauge
	log      *slog.Logger
	now      func() time.Time

	creates, gets, takes, replaces *queue
	working                        sync.WaitGroup

	subscription *store.Subscription
	self         sealed.ID // a random name; short
	outbox       outbox
	quiet        time.Duration // [quiet], except in tests
	reset        atomic.Int64  // when all connections were given up, Unix nanoseconds
}

// Open connects to the database at the URL and brings the schema up to date.
// Errors and log lines do not contain the URL's password; one for a URL that
// cannot be used is a [store.URLError].
func Open(ctx context.Context, url string, limits store.Limits, log *slog.Logger) (*Store, error) {
	settings, pool, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	s := &Store{&state{
		pool: pool, settings: settings, log: log, now: time.Now, quiet: quiet,
		subscription: store.NewSubscription(), outbox: newOutbox(),
	}, limits}
	s.self = randomShort()
	if s.table, err = inspectSchema(ctx, pool, settings.searchPath, pgx.ReadWrite, migrate); err != nil {
		pool.Close()
		return nil, err
	}
	s.gauge = store.NewGauge(limits, s.count, func() time.Time { return s.now() })
	s.creates, s.gets = s.newQueue(createStatement), s.newQueue(getStatement)
	s.takes, s.replaces = s.newQueue(takeStatement), s.newQueue(replaceStatement)
	return s, nil
}

func connect(ctx context.Context, url string) (*settings, *pgxpool.Pool, error) {
	settings, err := parse(url)
	if err != nil {
		return nil, nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, settings.pool)
	if err != nil {
		return nil, nil, fmt.Errorf("PostgreSQL: %w", clearer(err))
	}
	return settings, pool, nil
}

// Reserve returns the same store with room for what was in it already
// ([store.Limits.WithReserve]).
func (s *Store) Reserve() sealed.Store { return &Store{s.state, s.limits.WithReserve()} }

// Usage estimates how many entries all servers hold together, and what the
// limits count as their size.
func (s *Store) Usage() (entries, bytes int64) { return s.gauge.Usage() }

// SetClock sets the clock by which entries expire. It is for tests, before
// use.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

// Run notifies other servers of what is stored here, listens to their
// notifications, removes expired entries and keeps count, until ctx ends. It
// sends the notifications that are left before it returns.
func (s *Store) Run(ctx context.Context) error {
	var group sync.WaitGroup
	group.Go(func() { s.subscription.Run(ctx, s.log, s.listen) })
	group.Go(func() { s.announce(ctx) })
	group.Go(func() { s.sweep(ctx) })
	group.Go(func() { s.gauge.Run(ctx) })
	group.Wait()
	return nil
}

// Close closes the connections. Call it after [Store.Run] has returned.
func (s *Store) Close() error {
	s.working.Wait()
	s.pool.Close()
	return nil
}

// Create implements [sealed.Store].
func (s *Store) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := s.gauge.Allow(ctx, len(value), s.limits); err != nil {
		return false, store.Refused(ctx, s, id, err)
	}
	s.gauge.Begin()
	defer s.gauge.End()
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
// committed and its answer was lost, it is, and no caller has it. An error that
// the database itself reports, other than that it is shutting down, means that
// the entry is still there.
func (s *Store) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	s.gauge.Begin()
	defer s.gauge.End()
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
	if err := s.gauge.AllowGrowth(ctx, growth); err != nil {
		return false, err
	}
	s.gauge.Begin()
	defer s.gauge.End()
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
func own(value []byte) []byte { return append([]byte{}, value...) }
