package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// watchThenTake has a taker for each creator, which look in the order that
// the contract demands and must all succeed.
func watchThenTake(t *testing.T, s sealed.Store) {
	var group sync.WaitGroup
	for i := range 64 {
		id := newID()
		group.Go(func() {
			ok, err := s.Create(t.Context(), id, fmt.Append(nil, i), time.Minute)
			if !ok || err != nil {
				t.Errorf("Create = %v, %v", ok, err)
			}
		})
		group.Go(func() {
			c, err := s.Watch(t.Context(), id)
			for range 10 {
				value, ok, takeErr := s.Take(t.Context(), id)
				if err := errors.Join(err, takeErr); err != nil {
					t.Error(err)
					return
				}
				if ok {
					want(t, "value", string(value), fmt.Sprint(i))
					return
				}
				<-c
			}
			t.Error("fired ten times, and nothing was there")
		})
	}
	group.Wait()
}

// race runs f in many goroutines at once and returns how many report true.
func race(t *testing.T, f func(i int) (bool, error)) int64 {
	t.Helper()
	var group sync.WaitGroup
	var wins atomic.Int64
	start := make(chan struct{})
	for i := range 32 {
		group.Go(func() {
			<-start
			ok, err := f(i)
			if err != nil {
				t.Error(err)
			}
			if ok {
				wins.Add(1)
			}
		})
	}
	close(start)
	group.Wait()
	return wins.Load()
}

func oneTake(t *testing.T, s sealed.Store) {
	takeOnce(t, s, s)
}

// takeOnce races takes through two views of one store.
func takeOnce(t *testing.T, stores ...sealed.Store) {
	for round := range 50 {
		id := newID()
		create(t, stores[round%2], id, "value", time.Hour)
		if wins := race(t, func(i int) (bool, error) {
			value, ok, err := stores[i%2].Take(t.Context(), id)
			if ok && string(value) != "value" {
				t.Errorf("took %q", value)
			}
			return ok, err
		}); wins != 1 {
			t.Fatalf("%d takes got the entry", wins)
		}
	}
}

func oneCreate(t *testing.T, s sealed.Store) {
	for range 50 {
		id := newID()
		if wins := race(t, func(i int) (bool, error) {
			return s.Create(t.Context(), id, fmt.Append(nil, i), time.Minute)
		}); wins != 1 {
			t.Fatalf("%d creates won", wins)
		}
		find(t, s.Take, id)
	}
}

func oneReplace(t *testing.T, s sealed.Store) {
	for range 50 {
		id := newID()
		create(t, s, id, "old", time.Minute)
		if wins := race(t, func(i int) (bool, error) {
			return s.Replace(t.Context(), id, []byte("old"), fmt.Append(nil, i), time.Minute)
		}); wins != 1 {
			t.Fatalf("%d replacements won", wins)
		}
		find(t, s.Take, id)
	}
}

// patience bounds the wait for a notification; nothing comes near it.
const patience = 30 * time.Second

// Shared tests two servers' views of one empty store: what one does, the other
// sees. Both run until the test ends.
func Shared(t *testing.T, one, other sealed.Store) {
	t.Run("one wakes the other", func(t *testing.T) {
		for range 100 {
			id := newID()
			c := watching(t, one, id)
			create(t, other, id, "value", time.Hour)
			fires(t, "create", c)
			mustReplace(t, other, id, "value", "next", time.Hour)
			fires(t, "replace", c)
			want(t, "what the other has stored", find(t, one.Take, id), "next")
		}
	})
	t.Run("one of many takes wins", func(t *testing.T) { takeOnce(t, one, other) })
}

func fires(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("a %s does not fire the watch", what)
	}
}
