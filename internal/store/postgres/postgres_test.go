//go:build integration

package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/sealed/storetest"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// shared is the server of the tests that need none of their own. Each test
// has a schema in it.
var shared *engines.Server

func TestMain(m *testing.M) {
	code := 1
	if server, err := engines.StartPostgres("fsync=off", "max_connections=400"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		shared = server
		code = m.Run()
		if err := server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var schemas atomic.Int64

// schemaURL is the URL of a new schema on the shared server.
func schemaURL(t testing.TB, parameters ...string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", schemas.Add(1))
	sql(t, shared, "CREATE SCHEMA "+name)
	return strings.Join(append([]string{shared.URL, "search_path=" + name}, parameters...), "&")
}

func sql(t testing.TB, server *engines.Server, statement string) string {
	t.Helper()
	out, err := server.SQL(statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return strings.TrimSpace(out)
}

func quietly() *slog.Logger { return slog.New(slog.DiscardHandler) }

func open(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, store.Limits{MaxEntries: storetest.MaxEntries, MaxBytes: storetest.MaxBytes}, quietly())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs a store until the test ends, or stop is called.
func start(t testing.TB, s *Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func running(t testing.TB, url string) *Store {
	t.Helper()
	s := open(t, url)
	start(t, s)
	return s
}

// eventually polls until condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// fires waits for a watch.
func fires(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("never fired: %s", what)
	}
}

func id(n int) (id sealed.ID) {
	copy(id[:], fmt.Sprintf("%08d", n))
	return id
}

func create(t testing.TB, s *Store, n int, value string) {
	t.Helper()
	if ok, err := s.Create(t.Context(), id(n), []byte(value), time.Hour); !ok || err != nil {
		t.Fatalf("Create = %v, %v", ok, err)
	}
}

func take(t testing.TB, s *Store, n int) string { t.Helper(); return look(t, s.Take, n) }
func get(t testing.TB, s *Store, n int) string  { t.Helper(); return look(t, s.Get, n) }

func look(t testing.TB, f func(context.Context, sealed.ID) ([]byte, bool, error), n int) string {
	t.Helper()
	value, ok, err := f(t.Context(), id(n))
	if err != nil {
		t.Fatalf("look: %v", err)
	}
	if !ok {
		return "absent"
	}
	return string(value)
}

func suite(t *testing.T, parameters ...string) storetest.Open {
	outside := storetest.NewOutside(t)
	return func(t *testing.T) sealed.Store {
		return outside.Open(t, func(now func() time.Time) (store.Runner, error) {
			s, err := Open(context.Background(), schemaURL(t, parameters...), store.Limits{MaxEntries: storetest.MaxEntries, MaxBytes: storetest.MaxBytes}, quietly())
			if err != nil {
				return nil, err
			}
			s.SetClock(now)
			return s, nil
		})
	}
}

func TestStore(t *testing.T) { storetest.Run(t, suite(t)) }

func TestModel(t *testing.T) { storetest.Model(t, suite(t), 1000) }

// TestQueryModes does everything once in each way to execute statements that a
// URL may ask for.
func TestQueryModes(t *testing.T) {
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			s := running(t, schemaURL(t, "default_query_exec_mode="+mode))
			exercise(t, s)
			if _, err := s.sweepOnce(t.Context()); err != nil {
				t.Errorf("sweep: %v", err)
			}
			create(t, s, 1, "left")
			if got, err := s.count(t.Context()); err != nil || got.Entries != 1 || got.Bytes != 4 {
				t.Errorf("count = %+v, %v", got, err)
			}
		})
	}
}

// exercise stores, replaces and takes values of every byte and size.
func exercise(t testing.TB, s *Store) {
	t.Helper()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for n, value := range []string{"", "\x00", "\\x00", "'", string(all), strings.Repeat(string(all), 256)} {
		create(t, s, n, value)
		next := value + string(all)
		if ok, err := s.Replace(t.Context(), id(n), []byte(value), []byte(next), time.Hour); !ok || err != nil {
			t.Fatalf("Replace = %v, %v", ok, err)
		}
		if got, ok, err := s.Get(t.Context(), id(n)); !ok || err != nil || string(got) != next {
			t.Errorf("Get of %d bytes = %d bytes, %v, %v", len(next), len(got), ok, err)
		}
		if got := take(t, s, n); got != next {
			t.Errorf("took %d bytes, want %d", len(got), len(next))
		}
	}
}
