package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	postgresstore "github.com/desktop-stack-serv/dss/internal/store/postgres"
	redisstore "github.com/desktop-stack-serv/dss/internal/store/redis"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// directCallers is how many entries are stored at the same time, at most.
const directCallers = 2048

// sealedSize is that of an entry with a token, in bytes.
const sealedSize = 120

// runningStore is a store with its background work and its end.
type runningStore interface {
	sealed.Store
	Run(context.Context) error
	Close() error
}

func openDirect(ctx context.Context, s *server, limits store.Limits) (runningStore, error) {
	log := slog.New(slog.DiscardHandler)
	switch s.subject {
	case redis:
		return redisstore.Open(ctx, s.store, limits, log)
	case postgres:
		return postgresstore.Open(ctx, s.store, limits, log)
	}
	return nil, fmt.Errorf("nobody but the server gets at a store of kind %s", s.subject)
}

// lazily has the engine keep nothing on disk while fill runs.
func (s *server) lazily(fill func() error) (err error) {
	engine := s.engine.(*engines.Server)
	set := func(lazy bool) error {
		if s.subject == redis {
			policy := map[bool]string{true: "no", false: "always"}[lazy]
			_, err := engine.RedisCommand("CONFIG", "SET", "appendfsync", policy)
			return err
		}
		_, err := engine.SQL(fmt.Sprintf("ALTER SYSTEM SET fsync = %t", !lazy))
		_, reloadErr := engine.SQL("SELECT pg_reload_conf()")
		return errors.Join(err, reloadErr)
	}
	if err := set(true); err != nil {
		return err
	}
	return errors.Join(fill(), set(false))
}

// fillDirect stores n entries that nobody claims, without a server in between:
// it saves the time of as many deposits.
func (s *server) fillDirect(n int) error {
	return s.lazily(func() error { return s.createMany(n) })
}

func (s *server) createMany(n int) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, err := openDirect(ctx, s, store.Limits{MaxEntries: 2_000_000, MaxBytes: 8 << 30})
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- store.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-done, store.Close())
	}()
	var group sync.WaitGroup
	failed := make([]error, min(n, directCallers))
	for i := range failed {
		group.Go(func() {
			for range (n + len(failed) - 1) / len(failed) {
				if failed[i] = createDirect(ctx, store); failed[i] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

func createDirect(ctx context.Context, store sealed.Store) error {
	var id sealed.ID
	rand.Read(id[:])
	value := make([]byte, sealedSize)
	rand.Read(value)
	created, err := store.Create(ctx, id, value, 6*time.Hour)
	if err == nil && !created {
		err = errors.New("a random id was taken")
	}
	return err
}
