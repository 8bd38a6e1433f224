package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
	"github.com/desktop-stack-serv/dss/internal/store/postgres"
	"github.com/desktop-stack-serv/dss/internal/store/redis"
	"github.com/desktop-stack-serv/dss/internal/store/sqlite"
)

// storeKind is one kind of store, which the beginning of --store names. What
// its functions return may be a [store.URLError].
type storeKind struct {
	schemes []string
	words   string // what it is, on the page about privacy
	shared  bool   // several servers may use it at the same time
	lasting bool   // a restart does not lose its entries
	open    open[store.Runner]
	preview func(url string) (string, error)
	check   func(ctx context.Context, url string) ([]store.Finding, error)
}

var storeKinds = []storeKind{
	{[]string{"memory"}, "the memory of the server",
		false, false, opening(memory.Open), memory.Preview, memory.Check},
	{[]string{"sqlite"}, "a database file on the server’s disk",
		false, true, opening(sqlite.Open), sqlite.Preview, sqlite.Check},
	{[]string{"redis", "rediss", "valkey", "valkeys"}, "a Redis or Valkey database",
		true, true, opening(redis.Open), redis.Preview, redis.Check},
	{[]string{"postgres", "postgresql"}, "a PostgreSQL database",
		true, true, opening(postgres.Open), postgres.Preview, postgres.Check},
}

type open[S store.Runner] func(ctx context.Context, url string, limits store.Limits, log *slog.Logger) (S, error)

// opening returns a function that opens a store of any kind, and whose error is
// a [SettingError] if the URL cannot be used.
func opening[S store.Runner](f open[S]) open[store.Runner] {
	return func(ctx context.Context, url string, limits store.Limits, log *slog.Logger) (store.Runner, error) {
		opened, err := f(ctx, url, limits, log)
		return opened, asSettingError(err)
	}
}

func asSettingError(err error) error {
	if _, ok := errors.AsType[store.URLError](err); ok {
		return mistake("--store: %v", err)
	}
	return err
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

// store opens no store: one that is open cannot be opened by a server.
func (e *examination) store() (string, error) {
	kind, err := kindOf(e.Store)
	if err != nil {
		return "", err
	}
	text, err := kind.preview(e.Store)
	return text, asSettingError(err)
}

// CheckStore does with a store what a server does, on an entry of its own. It
// returns a [SettingError] if the URL cannot be used. What a start would create
// belongs to the user that the server runs as, so it is not created here.
func CheckStore(ctx context.Context, url string) ([]store.Finding, error) {
	kind, err := kindOf(url)
	if err != nil {
		return nil, err
	}
	findings, err := kind.check(ctx, url)
	return findings, asSettingError(err)
}
