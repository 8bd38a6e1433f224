package store

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	// firstRetry is the first pause before another try to subscribe, and
	// maxRetry the longest.
	firstRetry, maxRetry = 50 * time.Millisecond, time.Second
	// deafRetry is the pause after [ErrDeaf], whose cause lasts.
	deafRetry = 30 * time.Second
)

// ErrDeaf is returned by a listen function of [Subscription.Run] if the engine
// answers and its notifications do not arrive.
var ErrDeaf = errors.New("notifications do not arrive")

// Subscription wakes the watchers at this server when any server has created or
// replaced an entry. It keeps one subscription to the notifications of all
// servers, so watching an entry costs no message. It is safe for concurrent use.
//
// When notifications are back after a loss, it wakes all watchers, because they
// may have missed some.
type Subscription struct {
	Watchers
	up       atomic.Bool
	tried    chan struct{} // closed when the first try to subscribe is over
	setTried func()
}

// NewSubscription returns a subscription that is yet to be run.
func NewSubscription() *Subscription {
	s := &Subscription{tried: make(chan struct{})}
	s.setTried = sync.OnceFunc(func() { close(s.tried) })
	return s
}

// Up reports whether notifications arrive.
func (s *Subscription) Up() bool { return s.up.Load() }

// Watch returns a channel that receives after each notification for id, until
// ctx ends. It waits for the first try to subscribe, for at most wait.
func (s *Subscription) Watch(ctx context.Context, id sealed.ID, wait time.Duration) (<-chan struct{}, error) {
	channel := s.Add(ctx, id)
	select {
	case <-s.tried:
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return channel, nil
}

// Run calls listen until ctx ends. listen subscribes, calls heard when
// notifications arrive, and returns when they no longer do. Run logs when they
// are lost, and when they are back.
func (s *Subscription) Run(
	ctx context.Context, log *slog.Logger, listen func(ctx context.Context, heard func()) error,
) {
	defer s.setTried()
	pause, lost := firstRetry, false
	heard := func() {
		if lost {
			log.Info("store: notifications are back")
		}
		pause, lost = firstRetry, false
		s.up.Store(true)
		s.NotifyAll()
		s.setTried()
	}
	for ctx.Err() == nil {
		err := listen(ctx, heard)
		s.up.Store(false)
		s.setTried()
		if ctx.Err() != nil {
			return
		}
		if !lost {
			log.Warn("store: notifications are lost: apps that wait are answered late", "err", err)
		}
		lost = true
		if errors.Is(err, ErrDeaf) {
			Pause(ctx, deafRetry)
			continue
		}
		Pause(ctx, pause)
		pause = min(2*pause, maxRetry)
	}
}

// Pause waits for a random time from half of d to d, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d/2 + rand.N(d/2)):
	case <-ctx.Done():
	}
}

// Watchers are the channels that receive when an entry has been created or
// replaced. The zero value is empty. It is safe for concurrent use and starts no
// goroutines.
type Watchers struct {
	mu       sync.Mutex
	channels map[sealed.ID][]chan struct{}
}

// Add returns a channel that receives after each [Watchers.Notify] for id, until
// ctx ends. Notifications that have not been received yet count as one.
func (l *Watchers) Add(ctx context.Context, id sealed.ID) <-chan struct{} {
	channel := make(chan struct{}, 1)
	l.mu.Lock()
	if l.channels == nil {
		l.channels = map[sealed.ID][]chan struct{}{}
	}
	l.channels[id] = append(l.channels[id], channel)
	l.mu.Unlock()
	context.AfterFunc(ctx, func() { l.remove(id, channel) })
	return channel
}

// Notify wakes all watchers of id.
func (l *Watchers) Notify(id sealed.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wake(l.channels[id])
}

// NotifyAll wakes all watchers, because notifications may have been lost.
func (l *Watchers) NotifyAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, channels := range l.channels {
		wake(channels)
	}
}

func wake(channels []chan struct{}) {
	for _, channel := range channels {
		select {
		case channel <- struct{}{}:
		default:
		}
	}
}

func (l *Watchers) remove(id sealed.ID, channel chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := slices.DeleteFunc(l.channels[id], func(c chan struct{}) bool { return c == channel })
	if len(left) == 0 {
		delete(l.channels, id)
		return
	}
	l.channels[id] = left
}
