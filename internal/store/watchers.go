package store

import (
	"context"
	"slices"
	"sync"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Watchers wakes those who wait for an entry to be created or replaced. The zero
// value is empty. It is safe for concurrent use and starts no goroutines.
type Watchers struct {
	mu       sync.Mutex
	channels map[sealed.ID][]chan struct{}
}

// Add returns a channel that receives after each [Watchers.Notify] for id, until
// ctx ends. Notifications that nobody has received yet count as one.
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
