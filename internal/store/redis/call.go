package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	// CallTimeout bounds every operation.
	CallTimeout = 3 * time.Second
	// movingPause is how long to wait for a slot that is on its way to
	// another node of the cluster.
	movingPause = 20 * time.Millisecond
)

// call runs f, which asks Redis, for [CallTimeout] at most. A caller who goes
// away does not end it: what is taken meanwhile is still handed to the caller,
// who knows whom to return it to.
//
// The driver may wait longer than its context, for a connection or a place in
// a queue that its own timeouts end. So f has a goroutine, which ends with it.
func call[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CallTimeout)
	defer cancel()
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := f(ctx)
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return none, explain(o.err)
		}
		return o.result, nil
	case <-ctx.Done():
		return none, errNoAnswer
	}
}

// exec runs a script on the entry id. It sends it again only if Redis says
// that it has not run it.
func (s *Store) exec(ctx context.Context, script *rueidis.Lua, id sealed.ID, arguments ...string) rueidis.RedisResult {
	keys := []string{s.names.entry(id), s.names.usage(id[0])}
	for {
		result := script.Exec(ctx, s.client, keys, arguments)
		refusal, refused := rueidis.IsRedisErr(result.Error())
		switch {
		case refused && refusal.IsTryAgain() && wait(ctx, movingPause):
			continue
		case isReadOnly(result.Error()):
			s.links.drop()
		}
		return result
	}
}

// wait reports whether pause went by before ctx ended.
func wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
