//go:build integration

package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/sealed/storetest"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

func TestShared(t *testing.T) {
	onEach(t, func(t *testing.T, url string) { storetest.Shared(t, running(t, url), running(t, url)) })
}

// TestWatchAgainAndAgain watches the same few ids from many goroutines, with
// short lives, while others create: no wake may be missed.
func TestWatchAgainAndAgain(t *testing.T) {
	url := engines.Redis(t).URL
	one, other := running(t, url), running(t, url)
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() {
			for round := range 50 {
				n := worker/2*1000 + round // two watch the same
				ctx, cancel := context.WithCancel(t.Context())
				c, err := one.Watch(ctx, id(n))
				if err != nil {
					t.Error(err)
				}
				created, err := other.Create(ctx, id(n), []byte("value"), time.Hour)
				if err != nil {
					t.Error(err)
				}
				if created {
					select {
					case <-c:
					case <-time.After(patience):
						t.Error("a wake is missing")
					}
				}
				cancel()
			}
		})
	}
	group.Wait()
}

func TestFullForBoth(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		limits := store.Limits{MaxEntries: 300}
		one, other := open(t, url, limits), open(t, url, limits)
		defer one.Close()
		defer other.Close()
		for n := range 300 {
			create(t, one, n, "value")
		}
		// The other has no estimate before it counts: it may store its own.
		var stored int
		for n := 1000; stored <= 300; n++ {
			_, err := other.Create(t.Context(), id(n), []byte("value"), time.Hour)
			if errors.Is(err, sealed.ErrFull) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			stored++
		}
		if stored > 300 {
			t.Errorf("the other has stored %d more", stored)
		}
		if _, err := one.Create(t.Context(), id(5000), nil, time.Hour); !errors.Is(err, sealed.ErrFull) {
			t.Errorf("Create = %v", err)
		}
		if ok, err := one.Create(t.Context(), id(1), nil, time.Hour); ok || err != nil {
			t.Errorf("Create of a taken id in a full store = %v, %v", ok, err)
		}
		for n := range stored + 1 {
			take(t, other, n+min(n/300, 1)*700)
		}
		eventually(t, "room", func() error {
			_, err := one.Create(t.Context(), id(5000), nil, time.Hour)
			return err
		})
	})
}

func TestValues(t *testing.T) {
	s := running(t, engines.Redis(t).URL)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for n, value := range []string{"", string(all), string(bytes.Repeat(all, 256)), "\x00", "\r\n"} {
		create(t, s, n, value)
		if ok, err := s.Replace(t.Context(), id(n), []byte(value), []byte(value+value), time.Hour); !ok || err != nil {
			t.Fatalf("Replace = %v, %v", ok, err)
		}
		if got := take(t, s, n); got != value+value {
			t.Errorf("%d bytes came back as %d", 2*len(value), len(got))
		}
	}
}

// TestExpiredEntriesAreRemoved waits for the engine to remove them.
func TestExpiredEntriesAreRemoved(t *testing.T) {
	s := running(t, engines.Redis(t).URL, func(s *Store) { s.grace = 50 * time.Millisecond })
	for n := range 100 {
		if ok, err := s.Create(t.Context(), id(n), []byte("value"), 10*time.Millisecond); !ok || err != nil {
			t.Fatalf("Create = %v, %v", ok, err)
		}
	}
	entries := func() int { // but for what counts them, which lives longer if they end just after a bucket begins
		keys, err := s.client.Do(t.Context(), s.client.B().Keys().Pattern(s.names.prefix+"*").Build()).AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		return len(slices.DeleteFunc(keys, func(key string) bool { return strings.HasSuffix(key, "usage") }))
	}
	eventually(t, "removal", func() error {
		if n := entries(); n != 0 {
			return fmt.Errorf("%d entries are left", n)
		}
		return nil
	})
}

// TestGrace says how long the engine keeps what it holds.
func TestGrace(t *testing.T) {
	s := running(t, engines.Redis(t).URL)
	create(t, s, 1, "value")
	for key, least := range map[string]time.Duration{s.names.entry(id(1)): time.Hour, s.names.usage(id(1)[0]): time.Hour + grace} {
		left, err := s.client.Do(t.Context(), s.client.B().Pttl().Key(key).Build()).AsInt64()
		if life := time.Duration(left) * time.Millisecond; err != nil || life <= least || life > 2*time.Hour+grace {
			t.Errorf("%s lives for %s, %v", key, life, err)
		}
	}
}

func TestCount(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url, store.Limits{})
		defer s.Close()
		now := time.Now()
		s.SetClock(func() time.Time { return now })
		check := func(entries, size int64) {
			t.Helper()
			if got, err := s.count(t.Context()); err != nil || got != (store.Totals{Entries: entries, Bytes: size}) {
				t.Errorf("counted %+v, %v; want %d entries of %d bytes", got, err, entries, size)
			}
		}
		check(0, 0)
		for n := range 100 {
			if ok, err := s.Create(t.Context(), id(n), make([]byte, n), time.Minute+time.Duration(n)*time.Minute); !ok || err != nil {
				t.Fatalf("Create = %v, %v", ok, err)
			}
		}
		check(100, 4950)
		create(t, s, 200, "hour")
		take(t, s, 200)
		take(t, s, 99)
		check(99, 4851)
		if ok, err := s.Replace(t.Context(), id(98), make([]byte, 98), make([]byte, 198), time.Minute); !ok || err != nil {
			t.Fatalf("Replace = %v, %v", ok, err)
		}
		check(99, 4951)
		now = now.Add(10*time.Minute + bucket) // 0 to 9 and 98 are gone
		check(88, 4851-98-45)
		now = now.Add(time.Hour + 40*time.Minute)
		check(0, 0)
		if fields := usageFields(t, s); fields != 0 {
			t.Errorf("%d buckets are left", fields)
		}
	})
}

// usageFields is how many buckets there are in all.
func usageFields(t *testing.T, s *Store) (n int64) {
	t.Helper()
	for shard := range shards {
		fields, err := s.client.Do(t.Context(), s.client.B().Hlen().Key(s.names.usage(byte(shard))).Build()).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		n += fields
	}
	return n
}

// TestEmptyBucketsAreRemoved stores and takes with long lives: what is left
// over would be for as long.
func TestEmptyBucketsAreRemoved(t *testing.T) {
	s := running(t, engines.Redis(t).URL)
	for n := range 100 {
		create(t, s, n, "value")
		take(t, s, n)
	}
	if n := usageFields(t, s); n != 0 {
		t.Errorf("%d buckets are left", n)
	}
}
