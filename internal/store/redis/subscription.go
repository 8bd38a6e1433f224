package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	// chunk is how many channels one command names at most.
	chunk = 512
	// beatEvery is how often a message is sent around, and beatTime how long
	// that may take.
	beatEvery = 5 * time.Second
	beatTime  = 3 * time.Second
)

var errBeat = errors.New("what is published does not arrive")

// subscription is one connection that listens for all who wait.
type subscription struct {
	store  *Store
	client rueidis.DedicatedClient
	lost   <-chan error // receives when the connection ends
	pulse  string       // the channel of the beat
	beats  chan struct{}
}

// subscribe connects, and subscribes to all that is waited for.
func (s *Store) subscribe(ctx context.Context) (*subscription, error) {
	client, _ := s.client.Dedicate()
	u := &subscription{store: s, client: client, pulse: s.names.prefix + "beat:" + rand.Text(), beats: make(chan struct{}, 1)}
	u.lost = client.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: u.receive})
	s.topics.restart()
	for _, step := range []func() error{
		func() error { return u.do(ctx, client.B().Subscribe().Channel(u.pulse).Build()) },
		func() error { return u.update(ctx) },
		func() error { s.topics.setUp(); return nil },
		func() error { return u.update(ctx) }, // those who did not wait for setUp
	} {
		if err := step(); err != nil {
			u.close()
			return nil, err
		}
	}
	s.watchers.NotifyAll()
	return u, nil
}

func (u *subscription) close() {
	u.store.topics.setDown()
	u.client.Close()
}

// receive is called by the connection's reader, so it must not wait.
func (u *subscription) receive(m rueidis.PubSubMessage) {
	if m.Channel == u.pulse {
		select {
		case u.beats <- struct{}{}:
		default:
		}
		return
	}
	if id, ok := u.store.names.id(m.Channel); ok {
		u.store.watchers.Notify(id)
	}
}

// serve keeps the subscription up to date until ctx or the connection ends.
func (u *subscription) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	beat := make(chan error, 1)
	go func() { beat <- u.beat(ctx) }()
	defer func() {
		cancel()
		u.close()
	}()
	for {
		select {
		case <-ctx.Done():
			<-beat
			return nil
		case err := <-beat:
			return err
		case err := <-u.lost:
			cancel()
			<-beat
			return fmt.Errorf("connection lost: %w", err)
		case <-u.store.topics.kick:
			if err := u.update(ctx); err != nil {
				cancel()
				<-beat
				return err
			}
		}
	}
}

// update subscribes to what is newly waited for and unsubscribes from what no
// longer is. Being the only one who does, it keeps the two in order.
func (u *subscription) update(ctx context.Context) error {
	for {
		subscribe, unsubscribe := u.store.topics.next(chunk)
		if len(subscribe)+len(unsubscribe) == 0 {
			return nil
		}
		var commands rueidis.Commands
		if len(subscribe) > 0 {
			commands = append(commands, u.client.B().Subscribe().Channel(u.channels(subscribe)...).Build())
		}
		if len(unsubscribe) > 0 {
			commands = append(commands, u.client.B().Unsubscribe().Channel(u.channels(unsubscribe)...).Build())
		}
		if err := u.do(ctx, commands...); err != nil {
			return err
		}
		u.store.topics.confirm(subscribe)
	}
}

func (u *subscription) channels(ids []sealed.ID) []string {
	channels := make([]string, len(ids))
	for i, id := range ids {
		channels[i] = u.store.names.channel(id)
	}
	return channels
}

// do runs commands on the connection. It returns when all is confirmed, which
// the answer to a PING behind them shows: the driver waits for the first
// channel's confirmation only.
func (u *subscription) do(ctx context.Context, commands ...rueidis.Completed) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	for _, result := range u.client.DoMulti(ctx, append(commands, u.client.B().Ping().Build())...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}

// beat has a message go all the way around, now and then: only that shows
// that this connection leads to where the others publish. It returns an error
// if one does not arrive, and nil when ctx ends.
func (u *subscription) beat(ctx context.Context) error {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		sent, err := u.send(ctx)
		if err != nil {
			continue // that says nothing about this connection
		}
		select {
		case <-u.beats:
		case <-time.After(time.Until(sent.Add(beatTime))):
			return errBeat
		case <-ctx.Done():
			return nil
		}
	}
}

// send publishes a beat where a primary of the cluster takes it.
func (u *subscription) send(ctx context.Context) (sent time.Time, err error) {
	return call(ctx, func(ctx context.Context) (time.Time, error) {
		c := u.store.client
		err := c.Do(ctx, c.B().Arbitrary("PUBLISH").Keys(u.pulse).Args("").Build()).Error()
		return time.Now(), err
	})
}
