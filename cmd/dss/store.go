package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/store/index"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
	"github.com/desktop-stack-serv/dss/internal/store/redis"
	"github.com/desktop-stack-serv/dss/internal/store/sqlite"
)

// runningStore is a store with its background work and its end.
type runningStore interface {
	relay.Store
	Run(ctx context.Context) error
	Close() error
}

// openStore opens the store that --store names.
func (c *config) openStore(ctx context.Context, log *slog.Logger) (runningStore, error) {
	limits := index.Limits{MaxEntries: c.maxEntries, MaxBytes: int64(c.maxBytes)}
	kind, rest, _ := strings.Cut(c.store, ":")
	switch {
	case kind == "memory" && rest == "":
		return inMemory{memory.New(limits)}, nil
	case kind == "sqlite" && rest != "":
		return sqlite.Open(ctx, rest, limits)
	case kind == "sqlite":
		return nil, usagef("--store sqlite: needs the path of a file, as in sqlite:data/dss.db")
	case slices.Contains(redisKinds, kind):
		return c.openRedis(ctx, limits, log)
	}
	return nil, usagef("--store must start with sqlite:, memory:, redis:// or rediss://, not %q", kind)
}

// redisKinds are what URLs of Redis and Valkey start with.
var redisKinds = []string{"redis", "rediss", "valkey", "valkeys"}

func (c *config) openRedis(ctx context.Context, limits index.Limits, log *slog.Logger) (runningStore, error) {
	where, err := redis.ParseURL(c.store)
	if err != nil {
		return nil, usagef("--store: %v", err)
	}
	return redis.Open(ctx, where, limits, log)
}

type inMemory struct{ *memory.Store }

func (inMemory) Close() error { return nil }

// sharedKinds are the stores that several servers may use at the same time.
var sharedKinds = redisKinds

// sharedStore reports whether other servers may use the same store.
func (c *config) sharedStore() bool {
	kind, _, _ := strings.Cut(c.store, ":")
	return slices.Contains(sharedKinds, kind)
}
