//go:build integration

package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/sealed/storetest"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// patience bounds everything that tests wait for.
const patience = 30 * time.Second

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func open(t testing.TB, url string, limits store.Limits) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, limits, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running opens a store, sets it up and runs it until the test ends.
func running(t testing.TB, url string, setUp ...func(*Store)) *Store {
	t.Helper()
	s := open(t, url, store.Limits{})
	for _, f := range setUp {
		f(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	subscribed(t, s)
	return s
}

// subscribed waits until s has a subscription.
func subscribed(t testing.TB, s *Store) {
	t.Helper()
	eventually(t, "a subscription", func() error {
		if !s.subscription.Up() {
			return errors.New("there is none")
		}
		return nil
	})
}

// eventually tries until there is no error.
func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); ; <-ticker.C {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %s: %v", what, patience, err)
		}
	}
}

func fires(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("the watch does not fire")
	}
}

func id(n int) (id sealed.ID) {
	copy(id[:], fmt.Sprintf("%d entry", n))
	return id
}

func create(t testing.TB, s *Store, n int, value string) {
	t.Helper()
	if ok, err := s.Create(t.Context(), id(n), []byte(value), time.Hour); !ok || err != nil {
		t.Fatalf("Create = %v, %v", ok, err)
	}
}

func take(t testing.TB, s *Store, n int) string {
	t.Helper()
	value, ok, err := s.Take(t.Context(), id(n))
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	if !ok {
		return "absent"
	}
	return string(value)
}

func watching(t testing.TB, s *Store, n int) <-chan struct{} {
	t.Helper()
	c, err := s.Watch(t.Context(), id(n))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// onEach runs a test on a single server and on a cluster.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("single", func(t *testing.T) { test(t, engines.Redis(t).URL) })
	t.Run("cluster", func(t *testing.T) { test(t, engines.RedisCluster(t).URL) })
}

func with(url, parameter string) string {
	if strings.Contains(url, "?") {
		return url + "&" + parameter
	}
	return url + "?" + parameter
}

// empty opens stores for the suite, each with a prefix of its own.
func empty(t *testing.T, url string) storetest.Open {
	outside := storetest.NewOutside(t)
	var mu sync.Mutex
	var n int
	return func(t *testing.T) sealed.Store {
		mu.Lock()
		n++
		prefixed := with(url, fmt.Sprintf("prefix=suite%d:", n))
		mu.Unlock()
		return outside.Open(t, func(now func() time.Time) (store.Runner, error) {
			s, err := Open(context.Background(), prefixed, store.Limits{MaxEntries: storetest.MaxEntries, MaxBytes: storetest.MaxBytes}, quiet)
			if err == nil {
				s.SetClock(now)
			}
			return s, err
		})
	}
}

func TestStore(t *testing.T) {
	onEach(t, func(t *testing.T, url string) { storetest.Run(t, empty(t, url)) })
}

func TestModel(t *testing.T) {
	onEach(t, func(t *testing.T, url string) { storetest.Model(t, empty(t, url), 1000) })
}
