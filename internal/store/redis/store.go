package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// Store implements [sealed.Store].
type Store struct {
	*state
	limits store.Limits // of Create
}

type state struct {
	client       rueidis.Client
	links        *links
	config       *config
	names        names
	gauge        *store.Gauge
	subscription *store.Subscription
	log          *slog.Logger
	now          func() time.Time
	grace        time.Duration // [grace], except in tests
}

// Reserve returns the same store with room for what was in it already
// ([store.Limits.WithReserve]).
func (s *Store) Reserve() sealed.Store { return &Store{s.state, s.limits.WithReserve()} }

// Usage estimates how many entries all servers hold together, and what the
// limits count as their size.
func (s *Store) Usage() (entries, bytes int64) { return s.gauge.Usage() }

// SetClock sets the clock by which entries expire. It is for tests, before use.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

// Create implements [sealed.Store].
func (s *Store) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	return call(ctx, func(ctx context.Context) (bool, error) {
		if err := s.gauge.Allow(ctx, len(value), s.limits); err != nil {
			return false, store.Refused(ctx, s, id, err)
		}
		s.gauge.Begin()
		defer s.gauge.End()
		now := s.now()
		created, err := s.exec(ctx, createScript, id, milliseconds(now),
			pack(value, now.Add(ttl)), s.keep(ttl), s.names.channel()).AsBool()
		if created {
			s.gauge.Add(1, len(value))
		}
		return created, err
	})
}

// Get implements [sealed.Store].
func (s *Store) Get(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	value, err := call(ctx, func(ctx context.Context) ([]byte, error) {
		packed, err := s.client.Do(ctx, s.client.B().Get().Key(s.names.entry(id)).Build()).ToString()
		if rueidis.IsRedisNil(err) {
			return nil, nil
		}
		return unpack(packed, s.now()), err
	})
	return value, value != nil, err
}

// Take implements [sealed.Store].
func (s *Store) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	value, err := call(ctx, func(ctx context.Context) ([]byte, error) {
		s.gauge.Begin()
		defer s.gauge.End()
		packed, err := s.exec(ctx, takeScript, id, milliseconds(s.now())).ToString()
		if rueidis.IsRedisNil(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		value := []byte(packed[headerSize:])
		s.gauge.Add(-1, -len(value))
		return value, nil
	})
	return value, value != nil, err
}

// Replace implements [sealed.Store].
func (s *Store) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	return call(ctx, func(ctx context.Context) (bool, error) {
		more := len(next) - len(old)
		if err := s.gauge.AllowGrowth(ctx, more); err != nil {
			return false, err
		}
		s.gauge.Begin()
		defer s.gauge.End()
		now := s.now()
		replaced, err := s.exec(ctx, replaceScript, id, milliseconds(now), rueidis.BinaryString(old),
			pack(next, now.Add(ttl)), s.keep(ttl), s.names.channel()).AsBool()
		if replaced {
			s.gauge.Add(0, more)
		}
		return replaced, err
	})
}

// Close ends the connections. What is under way fails.
func (s *Store) Close() error {
	s.client.Close()
	return nil
}

// milliseconds is a time as the scripts take it.
func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// keep is how long the engine keeps an entry, in milliseconds.
func (s *Store) keep(ttl time.Duration) string {
	return strconv.FormatInt((max(0, ttl) + s.grace).Milliseconds(), 10)
}

// A message of its own has to come back on a subscription: only that proves that
// this connection leads to where the other servers publish.
const (
	beatEvery = 5 * time.Second
	beatTime  = 3 * time.Second

	errBeat = store.Trouble("what is published does not arrive")
)

// Run wakes watchers and keeps count until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	var counting sync.WaitGroup
	counting.Go(func() { s.gauge.Run(ctx) })
	s.subscription.Run(ctx, s.log, s.listen)
	counting.Wait()
	return nil
}

// Watch implements [sealed.Store]. Without a subscription it returns at once, and
// the channel receives when there is one again.
func (s *Store) Watch(ctx context.Context, id sealed.ID) (<-chan struct{}, error) {
	return s.subscription.Watch(ctx, id, CallTimeout)
}

// listen subscribes on a connection of its own and wakes the watchers of what is
// published, until ctx or the connection ends. See [store.Subscription.Run].
func (s *Store) listen(ctx context.Context, heard func()) error {
	client, _ := s.client.Dedicate()
	defer client.Close()
	token, beats := rand.Text(), make(chan struct{}, 1)
	lost := client.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) {
		if m.Message == token {
			select {
			case beats <- struct{}{}:
			default:
			}
		} else if id, ok := s.names.id(m.Message); ok {
			s.subscription.Notify(id)
		}
	}})
	if err := s.subscribe(ctx, client); err != nil {
		return explain(err)
	}
	heard()
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	var late <-chan time.Time // of the beat under way
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-lost:
			return explain(fmt.Errorf("connection lost: %w", err))
		case <-late:
			return errBeat
		case <-beats:
			late = nil
		case <-ticker.C:
			// An error says nothing about this connection.
			if s.publish(ctx, token) == nil {
				late = time.After(beatTime)
			}
		}
	}
}

func (s *Store) subscribe(ctx context.Context, client rueidis.DedicatedClient) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	return client.Do(ctx, client.B().Subscribe().Channel(s.names.channel()).Build()).Error()
}

// publish sends a message to all servers.
func (s *Store) publish(ctx context.Context, message string) error {
	_, err := call(ctx, func(ctx context.Context) (struct{}, error) {
		command := s.client.B().Arbitrary("PUBLISH").Keys(s.names.channel()).Args(message).Build()
		return struct{}{}, s.client.Do(ctx, command).Error()
	})
	return err
}
