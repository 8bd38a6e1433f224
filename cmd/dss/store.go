package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
	"github.com/desktop-stack-serv/dss/internal/store/postgres"
	"github.com/desktop-stack-serv/dss/internal/store/redis"
	"github.com/desktop-stack-serv/dss/internal/store/sqlite"
)

// runningStore is a store with its background work and its end.
type runningStore interface {
	sealed.Store
	Run(ctx context.Context) error
	Close() error
}

// storeKind is one kind of store, which the beginning of --store names.
type storeKind struct {
	schemes []string
	shared  bool // several servers may use it at the same time
	open    func(ctx context.Context, url string, limits store.Limits, log *slog.Logger) (runningStore, error)
	look    func(url string) (string, error) // for dss serve --check; "" if only opening it would tell more
	// missing says what a start would create, or ""; nil if that is nothing.
	missing func(ctx context.Context, url string) (string, error)
}

var storeKinds = []storeKind{
	{[]string{"memory"}, false, openMemory, lookAtMemory, nil},
	{[]string{"sqlite"}, false, openSQLite, lookAtSQLite, missingSQLite},
	{[]string{"redis", "rediss", "valkey", "valkeys"}, true, openRedis, lookAtRedis, nil},
	{[]string{"postgres", "postgresql"}, true, openPostgres, lookAtPostgres, missingPostgres},
}

// storeKind returns the kind that --store names. Nothing of a value that names
// none is quoted: it may be one with a password that lacks its beginning.
func (c *config) storeKind() (storeKind, error) {
	scheme, _, ok := strings.Cut(c.store, ":")
	for _, kind := range storeKinds {
		if ok && slices.Contains(kind.schemes, scheme) {
			return kind, nil
		}
	}
	return storeKind{}, usagef("--store must start with memory:, sqlite:, redis://, rediss:// or postgres://")
}

// openStore opens the store that --store names.
func (c *config) openStore(ctx context.Context, log *slog.Logger) (runningStore, error) {
	kind, err := c.storeKind()
	if err != nil {
		return nil, err
	}
	return kind.open(ctx, c.store, store.Limits{MaxEntries: c.maxEntries, MaxBytes: int64(c.maxBytes)}, log)
}

// sharedStore reports whether other servers may use the same store.
func (c *config) sharedStore() bool {
	kind, err := c.storeKind()
	return err == nil && kind.shared
}

func openMemory(_ context.Context, url string, limits store.Limits, _ *slog.Logger) (runningStore, error) {
	if _, err := lookAtMemory(url); err != nil {
		return nil, err
	}
	return inMemory{memory.New(limits)}, nil
}

type inMemory struct{ *memory.Store }

func (inMemory) Close() error { return nil }

func openSQLite(ctx context.Context, url string, limits store.Limits, _ *slog.Logger) (runningStore, error) {
	path, err := sqlitePath(url)
	if err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, path, limits)
}

func missingSQLite(_ context.Context, url string) (string, error) {
	text, err := lookAtSQLite(url)
	if err != nil || !missing(strings.TrimPrefix(url, "sqlite:")) {
		return "", err
	}
	return text, nil
}

// sqlitePath refuses what would not be the file that it looks like.
func sqlitePath(url string) (string, error) {
	path := strings.TrimPrefix(url, "sqlite:")
	switch {
	case path == "" || strings.HasSuffix(path, "/"):
		return "", usagef("--store sqlite: needs the path of a file, as in sqlite:data/dss.db")
	case strings.HasPrefix(path, "//"):
		return "", usagef("--store sqlite: is followed by a path, as in sqlite:data/dss.db or sqlite:/var/lib/dss/dss.db: " +
			"leave out the slashes in front of it")
	case strings.HasPrefix(path, "file:"), path == ":memory:", strings.ContainsAny(path, "?#\x00"):
		return "", usagef("--store sqlite: takes the path of a file and no parameters, as in sqlite:data/dss.db")
	}
	return path, nil
}

func parseRedis(url string) (*redis.Config, error) {
	config, err := redis.ParseURL(url)
	if err != nil {
		return nil, usagef("--store: %v", err)
	}
	return config, nil
}

func openRedis(ctx context.Context, url string, limits store.Limits, log *slog.Logger) (runningStore, error) {
	config, err := parseRedis(url)
	if err != nil {
		return nil, err
	}
	return redis.Open(ctx, config, limits, log)
}

func openPostgres(ctx context.Context, url string, limits store.Limits, log *slog.Logger) (runningStore, error) {
	store, err := postgres.Open(ctx, url, limits, log)
	return store, asStoreUsage(err)
}

func missingPostgres(ctx context.Context, url string) (string, error) {
	what, err := postgres.Missing(ctx, url)
	return what, asStoreUsage(err)
}

func asStoreUsage(err error) error {
	if errors.Is(err, postgres.ErrInvalidURL) {
		return usagef("--store: %v", err)
	}
	return err
}
