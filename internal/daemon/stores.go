package daemon

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
	check   func(url string) (string, error) // for dss serve --check; "" if only opening it would tell more
	// missing says what a start would create, or ""; nil if that is nothing.
	missing func(ctx context.Context, url string) (string, error)
}

var storeKinds = []storeKind{
	{[]string{"memory"}, false, openMemory, checkMemory, nil},
	{[]string{"sqlite"}, false, openSQLite, checkSQLite, missingSQLite},
	{[]string{"redis", "rediss", "valkey", "valkeys"}, true, openRedis, checkRedis, nil},
	{[]string{"postgres", "postgresql"}, true, openPostgres, checkPostgres, missingPostgres},
}

// kindOf returns the kind that --store names. Nothing of a value that names
// none is quoted: it may be one with a password that lacks its beginning.
func kindOf(url string) (storeKind, error) {
	scheme, _, ok := strings.Cut(url, ":")
	for _, kind := range storeKinds {
		if ok && slices.Contains(kind.schemes, scheme) {
			return kind, nil
		}
	}
	return storeKind{}, mistake("--store must start with memory:, sqlite:, redis://, rediss:// or postgres://")
}

// storeName is the value of --store without what is secret in it.
func storeName(url string) string {
	if u, err := store.ParseURL(url); err == nil {
		return u.String()
	}
	return url // a path
}

// store opens no store: one that is open cannot be opened by a server.
func (e *examination) store() (string, error) {
	kind, err := kindOf(e.Store)
	if err != nil {
		return "", err
	}
	if text, err := kind.check(e.Store); err != nil || text != "" {
		return text, err
	}
	return storeName(e.Store) + "; it was not asked: dss store check does that", nil
}

func openMemory(_ context.Context, url string, limits store.Limits, _ *slog.Logger) (runningStore, error) {
	if _, err := checkMemory(url); err != nil {
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
	text, err := checkSQLite(url)
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
		return "", mistake("--store sqlite: needs the path of a file, as in sqlite:data/dss.db")
	case strings.HasPrefix(path, "//"):
		return "", mistake("--store sqlite: is followed by a path, as in sqlite:data/dss.db or sqlite:/var/lib/dss/dss.db: " +
			"leave out the slashes in front of it")
	case strings.HasPrefix(path, "file:"), path == ":memory:", strings.ContainsAny(path, "?#\x00"):
		return "", mistake("--store sqlite: takes the path of a file and no parameters, as in sqlite:data/dss.db")
	}
	return path, nil
}

func parseRedis(url string) (*redis.Config, error) {
	config, err := redis.ParseURL(url)
	if err != nil {
		return nil, mistake("--store: %v", err)
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
		return mistake("--store: %v", err)
	}
	return err
}

func checkMemory(url string) (string, error) {
	if url != "memory:" {
		return "", mistake("--store memory: takes nothing after the colon")
	}
	return "memory: a restart loses what waits for its app", nil
}

func checkRedis(url string) (string, error) {
	_, err := parseRedis(url)
	return "", err
}

func checkPostgres(url string) (string, error) {
	if err := postgres.CheckURL(url); err != nil {
		return "", mistake("--store: %v", err)
	}
	return "", nil
}

func checkSQLite(url string) (string, error) {
	path, err := sqlitePath(url)
	if err != nil {
		return "", err
	}
	return checkDatabase(path)
}
