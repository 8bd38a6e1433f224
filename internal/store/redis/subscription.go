package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

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
