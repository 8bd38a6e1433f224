package limit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// missKey looks for a key in vain.
func missKey(t *testing.T, l *Limiter, key string) error {
	guess, err := l.Key(here, "0", key)
	return miss(t, guess, err)
}

// miss ends a guess that was wrong, and may have been refused.
func miss(t *testing.T, guess *Guess, err error) error {
	if err != nil {
		return err
	}
	refused, err := guess.Miss(t.Context())
	return errors.Join(refused, err)
}

func missCode(t *testing.T, l *Limiter) error {
	guess, err := l.UserCode(here)
	return miss(t, guess, err)
}

// TestPollingCostsOnce: the same key again is free, also for a client that has
// used up its budget; another one is not.
func TestPollingCostsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{UnknownKeys: Limit{Client: Rate{100, time.Minute}}})
		for round := range 50 {
			for i := range 100 { // an office in which a hundred people sign in
				if err := missKey(t, l, fmt.Sprint("key of ", i)); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
		}
		wantExceeded(t, missKey(t, l, "another"), UnknownKeys, 600*time.Millisecond)
		if err := missKey(t, l, "key of 7"); err != nil {
			t.Errorf("a key that is paid for: %v", err)
		}
		if guess, err := l.Key(there, "0", "key of 7"); err != nil || guess.limiter == nil {
			t.Error("somebody else has not paid for it")
		}
		if _, err := l.Key(here, "1", "key of 7"); err == nil {
			t.Error("the key of another key space is another one")
		}
	})
}

// TestHitsAreFree: who knows keys and codes meets no limit.
func TestHitsAreFree(t *testing.T) {
	l := New(Config{
		UnknownKeys: Limit{Rate{1, time.Hour}, Rate{1, time.Hour}}, UserCodes: Limit{Rate{1, time.Hour}, Rate{1, time.Hour}},
	})
	for i := range 1000 {
		key, err := l.Key(here, "0", fmt.Sprint("deposited under ", i))
		if err != nil {
			t.Fatal(err)
		}
		key.Hit()
		code, err := l.UserCode(here)
		if err != nil {
			t.Fatal(err)
		}
		code.Hit()
	}
	if err := errors.Join(missKey(t, l, "unknown"), missCode(t, l)); err != nil {
		t.Fatal(err)
	}
	if missKey(t, l, "unknown, too") == nil || missCode(t, l) == nil {
		t.Error("more than one of each is free")
	}
}

func inMemory() *sealed.Vault { return sealed.NewVault(memory.New(store.Limits{})) }

// TestTotalRefusesOnlyTheWrong: when all clients together have been wrong as
// often as they may, another wrong guess is refused, and a right one is not;
// nor does it use up anything. What a client may binds all the same: once it
// has been wrong as often, no guess of it is looked at.
func TestTotalRefusesOnlyTheWrong(t *testing.T) {
	limits := Limit{Rate{6, time.Hour}, Rate{20, time.Hour}}
	for name, start := range map[string]func(l *Limiter, i int) (*Guess, error){
		UserCodes:   func(l *Limiter, i int) (*Guess, error) { return l.UserCode(address(i % 100)) },
		UnknownKeys: func(l *Limiter, i int) (*Guess, error) { return l.Key(address(i%100), "0", fmt.Sprint(i)) },
	} {
		for _, shared := range []*sealed.Vault{nil, inMemory()} {
			t.Run(name, func(t *testing.T) {
				l := New(Config{UserCodes: limits, UnknownKeys: limits, Shared: shared})
				wrong := func(i int) error {
					guess, err := start(l, i)
					return miss(t, guess, err)
				}
				right := func(i int) error {
					guess, err := start(l, i)
					guess.Hit()
					return err
				}
				for i := range 20 {
					if err := wrong(i); err != nil {
						t.Fatal(err)
					}
				}
				for i := 20; i < 600; i++ {
					over := &Exceeded{}
					if err := wrong(i); !errors.As(err, &over) || over.Name != name+totalSuffix {
						t.Fatalf("wrong guess %d: %v", i, err)
					}
					if err := right(i); i < 500 && err != nil {
						t.Fatalf("right guess %d: %v", i, err)
					}
				}
				over := &Exceeded{}
				if err := right(700); !errors.As(err, &over) || over.Name != name {
					t.Errorf("a right guess of a client that was wrong too often: %v", err)
				}
			})
		}
	}
}

// TestServersShareGuesses: two servers give no more guesses than one, but for
// what each may have under way.
func TestServersShareGuesses(t *testing.T) {
	for _, c := range []struct{ client, total int64 }{{20, 0}, {640, 0}, {0, 20}, {0, 640}, {20, 1000}} {
		synctest.Test(t, func(t *testing.T) {
			rates := Limit{}
			if c.client > 0 {
				rates.Client = Rate{c.client, 10 * time.Minute}
			}
			if c.total > 0 {
				rates.Total = Rate{c.total, 10 * time.Minute}
			}
			config := Config{UserCodes: rates, UnknownKeys: rates, Shared: inMemory()}
			servers := []*Limiter{New(config), New(config), New(config)}
			time.Sleep(time.Until(time.Now().Truncate(10 * time.Minute).Add(10 * time.Minute))) // a stretch begins
			codes, keys := 0, 0
			for i := range 10_000 {
				l := servers[i%len(servers)]
				if missCode(t, l) == nil {
					codes++
				}
				if missKey(t, l, fmt.Sprint(i)) == nil {
					keys++
				}
			}
			limit := c.client
			if limit == 0 {
				limit = c.total
			}
			most := int(limit + int64(len(servers))*batch(Rate{N: limit}))
			if codes < int(limit) || codes > most || keys < int(limit) || keys > most {
				t.Errorf("%+v: %d codes, %d keys, want %d to %d", c, codes, keys, limit, most)
			}
			var e *Exceeded
			if !errors.As(missCode(t, servers[0]), &e) {
				t.Fatal("no limit")
			}
			time.Sleep(e.RetryAfter)
			if err := missCode(t, servers[0]); err != nil {
				t.Errorf("when it was told to come again: %v", err)
			}
		})
	}
}

// TestSharedAtOnce counts from many goroutines on two servers.
func TestSharedAtOnce(t *testing.T) {
	store := inMemory()
	config := Config{UserCodes: Limit{Client: Rate{1000, 24 * time.Hour}}, Shared: store}
	servers := []*Limiter{New(config), New(config)}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for range 45 {
				if err := missCode(t, servers[worker%2]); err != nil && !errors.Is(err, sealed.ErrContended) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	count, _, err := newCounter(store).add(t.Context(), UserCodes, networkOf(here), 24*time.Hour, 0)
	if want := int64(8 * 45 / 15 * 15); err != nil || count > want || count < want-15*8 {
		t.Errorf("the store counts %d of %d, %v", count, want, err)
	}
}

// away is a store that cannot be reached.
type away struct{ sealed.Store }

var errAway = errors.New("no such host")

func (away) Get(context.Context, sealed.ID) ([]byte, bool, error) { return nil, false, errAway }

// TestStoreAway: without the store the server counts alone.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{UserCodes: Limit{Client: Rate{10, time.Minute}}, Shared: sealed.NewVault(away{})})
		served := 0
		for range 100 {
			var e *Exceeded
			if err := missCode(t, l); err == nil || !errors.As(err, &e) {
				served++
				if !errors.Is(err, errAway) {
					t.Errorf("the store's error is lost: %v", err)
				}
			}
		}
		if served != 10 {
			t.Errorf("%d are served", served)
		}
	})
}

// TestRecentIsBounded: most keys of a quarter of an hour at the full rate are
// remembered, and not many more.
func TestRecentIsBounded(t *testing.T) {
	r := newRecent(Rate{1000, time.Minute})
	if places := len(r.rows) * ways; places < 15_000 || places > 40_000 {
		t.Errorf("%d places for 15000 keys", places)
	}
	forgotten := 0
	for i := range 15_000 {
		r.add(r.hash(network{}, "0", fmt.Sprint(i)))
	}
	for i := range 15_000 {
		if !r.has(r.hash(network{}, "0", fmt.Sprint(i))) {
			forgotten++
		}
	}
	if forgotten > 3000 { // rows are not equally full
		t.Errorf("%d are forgotten", forgotten)
	}
	if places := len(newRecent(Rate{}).rows) * ways; places != defaultRecent {
		t.Errorf("%d places", places)
	}
	if places := len(newRecent(Rate{1_000_000_000, time.Second}).rows) * ways; places > maxRecent {
		t.Errorf("%d places", places)
	}
}
