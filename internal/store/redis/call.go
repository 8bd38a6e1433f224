package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	// CallTimeout bounds every operation.
	CallTimeout = 3 * time.Second
	// movingPause is how long to wait for a slot that is on its way to
	// another node of the cluster.
	movingPause = 20 * time.Millisecond
)

// call runs f, which calls Redis, for [CallTimeout] at most. The end of ctx does
// not interrupt it: what is taken meanwhile is still returned to the caller, who
// can put it back.
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
	select {
	case o := <-start(func() (T, error) { return f(ctx) }):
		if o.err != nil {
			return none, explain(o.err)
		}
		return o.result, nil
	case <-ctx.Done():
		return none, errNoAnswer
	}
}

type outcome[T any] struct {
	result T
	err    error
}

// start runs f in a goroutine and returns a channel that receives its outcome.
func start[T any](f func() (T, error)) <-chan outcome[T] {
	done := make(chan outcome[T], 1)
	go func() {
		result, err := f()
		done <- outcome[T]{result, err}
	}()
	return done
}

// exec runs a script on the entry id. It sends it again only if Redis says
// that it has not run it.
func (s *Store) exec(ctx context.Context, script *rueidis.Lua, id sealed.ID, arguments ...string) rueidis.RedisResult {
	keys := []string{s.names.entry(id), s.names.usage(id[0])}
	for {
		result := script.Exec(ctx, s.client, keys, arguments)
		refusal, refused := rueidis.IsRedisErr(result.Error())
		switch {
		case !refused:
			return result
		case refusal.IsTryAgain() && ctx.Err() == nil:
			store.Pause(ctx, movingPause)
			continue
		case refusalCode(refusal.Error()) == "READONLY":
			s.links.drop()
		}
		return result
	}
}

const (
	// ErrClosed is returned once the store is closed.
	ErrClosed   = store.Trouble("the store is closed")
	errNoAnswer = store.Trouble("no answer from Redis in time")
)

// refusals explains Redis' error codes to an operator.
var refusals = map[string]string{
	"BUSY":        "Redis is busy with a script",
	"CLUSTERDOWN": "the Redis cluster does not serve all its slots",
	"LOADING":     "Redis is loading its data and not ready yet",
	"MASTERDOWN":  "this Redis is a replica that has lost its primary",
	"MISCONF":     "Redis cannot save to its disk and accepts no changes",
	"NOAUTH":      "Redis asks for a password, and the URL has none",
	"NOPERM":      "the Redis user lacks a permission that DSS needs",
	"NOREPLICAS":  "Redis has fewer replicas than min-replicas-to-write and accepts no changes",
	"READONLY":    "this Redis is a replica, which cannot be written to",
	"TRYAGAIN":    "a slot of the Redis cluster has been on the move for too long",
	"WRONGPASS":   "Redis does not accept the user and password in the URL",
	"WRONGTYPE":   "another program uses keys with the prefix of DSS",
}

// explain makes an error of ours out of one of the driver's.
func explain(err error) error {
	_, ours := errors.AsType[store.Trouble](err)
	refusal, refused := rueidis.IsRedisErr(err)
	switch {
	case ours || errors.Is(err, sealed.ErrFull):
		return err
	case refused:
		return explainRefusal(refusal)
	case errors.Is(err, rueidis.ErrClosing):
		return ErrClosed
	case errors.Is(err, context.DeadlineExceeded):
		return errNoAnswer
	}
	return store.Trouble("no connection to Redis: " + err.Error())
}

func explainRefusal(refusal *rueidis.RedisError) error {
	message := harmless(refusal.Error())
	code := refusalCode(message)
	if code == "OOM" {
		return fmt.Errorf("%w: Redis has reached its maxmemory", sealed.ErrFull)
	}
	if words := refusals[code]; words != "" {
		return store.Trouble(words + " (" + message + ")")
	}
	return store.Trouble("refused by Redis: " + message)
}

// refusalCode is the word that says what an error is about. Some versions of
// Redis and Valkey bury that of a script's in a sentence, or leave it out.
func refusalCode(message string) string {
	if strings.HasPrefix(strings.TrimPrefix(message, "ERR "), "Error running script") {
		if _, inner, ok := strings.Cut(message, ": -"); ok {
			message = inner
		}
	}
	if strings.Contains(message, "The user executing the script can't") ||
		strings.HasPrefix(message, "ACL failure in script") {
		return "NOPERM"
	}
	code, _, _ := strings.Cut(message, " ")
	return code
}

// harmless is a message without the arguments that Redis repeats, which may
// be a password or a value.
func harmless(message string) string {
	message, _, _ = strings.Cut(message, ", with args beginning with")
	return strings.ToValidUTF8(strings.TrimSpace(message), "?")
}
