//go:build integration

package postgres

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/sealed/storetest"
)

func watching(t testing.TB, s *Store, n int) <-chan struct{} {
	t.Helper()
	c, err := s.Watch(t.Context(), id(n))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestShared(t *testing.T) {
	url := schemaURL(t)
	storetest.Shared(t, running(t, url), running(t, url))
}

// TestManyNotifications has more deposits at one time than fit into a payload.
func TestManyNotifications(t *testing.T) {
	url := schemaURL(t)
	one, two := running(t, url), running(t, url)
	const n = 2*perPayload + 1
	var ids []sealed.ID
	var channels []<-chan struct{}
	for i := range n {
		ids = append(ids, id(i))
		channels = append(channels, watching(t, two, i))
	}
	one.outbox.add(ids...)
	for i, c := range channels {
		fires(t, fmt.Sprint("watch ", i), c)
	}
	if full := payload(one.self, ids[:perPayload]); len(full) > maxPayload {
		t.Errorf("a payload of %d bytes", len(full))
	}
}

// TestFarewell has a server end with a deposit that nobody was told of.
func TestFarewell(t *testing.T) {
	url := schemaURL(t)
	one, two := open(t, url), running(t, url)
	woken := watching(t, two, 1)
	create(t, one, 1, "value") // Run has not begun
	start(t, one)()
	fires(t, "what was stored last", woken)
}

func TestSchemasAreApart(t *testing.T) {
	one, two := running(t, schemaURL(t)), running(t, schemaURL(t))
	if one.table.channel == two.table.channel || one.table.key == two.table.key {
		t.Error("two schemas share a channel or a lock")
	}
	create(t, one, 1, "value")
	if got := take(t, two, 1); got != "absent" {
		t.Errorf("the other schema has %q", got)
	}
}

// TestNoDeadlock has servers create, replace and take the same few entries at
// one time, many in a statement: locks taken in different orders would show
// as errors.
func TestNoDeadlock(t *testing.T) {
	url := schemaURL(t)
	stores := []*Store{running(t, url), running(t, url)}
	var group sync.WaitGroup
	for worker := range 96 {
		group.Go(func() {
			s := stores[worker%2]
			for i := range 60 {
				n := (worker*7 + i*13) % 24
				var err error
				switch (worker + i) % 4 {
				case 0, 1:
					_, err = s.Create(t.Context(), id(n), []byte("a"), time.Hour)
				case 2:
					_, err = s.Replace(t.Context(), id(n), []byte("a"), []byte("a"), time.Hour)
				case 3:
					_, _, err = s.Take(t.Context(), id(n))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// fill creates entries until the store is full.
func fill(t *testing.T, s *Store, from int) (n int) {
	t.Helper()
	for ; n <= storetest.MaxEntries; n++ {
		ok, err := s.Create(t.Context(), id(from+n), []byte("value"), time.Hour)
		if errors.Is(err, sealed.ErrFull) {
			return n
		}
		if !ok || err != nil {
			t.Fatalf("Create = %v, %v", ok, err)
		}
	}
	t.Fatal("never full")
	return n
}

func TestFullForEverybody(t *testing.T) {
	url := schemaURL(t)
	one, two := running(t, url), running(t, url)
	n := fill(t, one, 0)
	if n < storetest.Capacity {
		t.Fatalf("full after %d", n)
	}
	eventually(t, "the other server has counted", func() bool { return two.gauge.Totals().Entries >= int64(n) })
	if n += fill(t, two, n); n > storetest.MaxEntries {
		t.Errorf("full after %d", n)
	}
	if got := take(t, one, 0); got != "value" {
		t.Errorf("a live entry is %q", got)
	}
	eventually(t, "the other server finds room", func() bool {
		ok, err := two.Create(t.Context(), id(1_000_001), []byte("value"), time.Hour)
		return ok && err == nil
	})
}
