package redis

import (
	"context"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Watch implements [sealed.Store]. It returns when the subscription is in
// force. While there is no connection it returns at once, and the channel fires
// when there is one again.
func (s *Store) Watch(ctx context.Context, id sealed.ID) (<-chan struct{}, error) {
	channel := s.watchers.Add(ctx, id)
	inForce, down := s.topics.add(id)
	context.AfterFunc(ctx, func() { s.topics.remove(id) })
	timer := time.NewTimer(CallTimeout)
	defer timer.Stop()
	select {
	case <-inForce:
	case <-down:
	case <-timer.C:
	case <-ctx.Done():
	}
	return channel, nil
}
