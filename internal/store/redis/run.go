package redis

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// retryPause is the first pause before another attempt to connect, and
// maxRetryPause the longest.
const (
	retryPause    = 50 * time.Millisecond
	maxRetryPause = time.Second
)

// Run wakes those who wait, and keeps count, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	var counting sync.WaitGroup
	counting.Go(func() { _ = s.gauge.Run(ctx) })
	defer counting.Wait()
	pause, since := retryPause, time.Time{} // since when there has been no subscription
	for ctx.Err() == nil {
		u, err := s.subscribe(ctx)
		if err == nil {
			if !since.IsZero() {
				s.log.Info("Redis is back", "after", time.Since(since).Round(time.Millisecond))
			}
			pause, since = retryPause, time.Time{}
			err = u.serve(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if since.IsZero() {
			since = time.Now()
			s.log.Warn("no subscription in Redis: apps that wait are answered late", "err", explain(err))
		}
		wait(ctx, pause/2+rand.N(pause/2))
		pause = min(2*pause, maxRetryPause)
	}
	return nil
}
