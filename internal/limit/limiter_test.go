package limit

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	here  = netip.MustParseAddr("198.51.100.7")
	there = netip.MustParseAddr("198.51.100.8")
)

// times calls f until it fails, at most most times, and returns how often it
// has not, and the error.
func times(most int, f func() error) (int, error) {
	for n := range most {
		if err := f(); err != nil {
			return n, err
		}
	}
	return most, nil
}

func wantExceeded(t *testing.T, err error, name string, retry time.Duration) {
	t.Helper()
	var e *Exceeded
	if !errors.As(err, &e) || e.Name != name || e.RetryAfter != retry {
		t.Errorf("%v, want %s and %s", err, name, retry)
	}
}

// TestRate: so many at once, the others later, as the error says.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hits []string
		l := New(Config{
			Requests: Limit{Client: Rate{10, 20 * time.Second}},
			OnHit:    func(name string) { hits = append(hits, name) },
		})
		request := func() error { return l.Request(here) }
		n, err := times(100, request)
		if n != 10 {
			t.Errorf("%d at once", n)
		}
		wantExceeded(t, err, Requests, 2*time.Second)
		if err := l.Request(there); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		time.Sleep(2*time.Second - time.Nanosecond)
		if request() == nil {
			t.Error("too early, and served")
		}
		time.Sleep(time.Nanosecond)
		if n, _ := times(100, request); n != 1 {
			t.Errorf("%d after two seconds", n)
		}
		time.Sleep(time.Hour)
		if n, _ := times(100, request); n != 10 {
			t.Errorf("%d after an hour", n)
		}
		if !slices.Equal(hits, []string{Requests, Requests, Requests, Requests}) {
			t.Errorf("told of %q", hits)
		}
	})
}

// TestTotal: what one client is refused takes nothing from the others.
func TestTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Exchanges: Limit{Rate{10, time.Minute}, Rate{15, time.Minute}}})
		if n, _ := times(1000, func() error { return l.Exchange(here, 1) }); n != 10 {
			t.Errorf("the first has %d", n)
		}
		n, err := times(1000, func() error { return l.Exchange(there, 1) })
		if n != 5 {
			t.Errorf("the second has %d", n)
		}
		wantExceeded(t, err, "exchanges_total", 4*time.Second)
		time.Sleep(4 * time.Second)
		if err := l.Exchange(there, 1); err != nil {
			t.Errorf("when it was told to come again: %v", err)
		}
	})
}

// TestClients: an IPv6 client is a /64, and IPv4 is IPv4 however it is
// written.
func TestClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Requests: Limit{Client: Rate{1, time.Minute}}})
		clients := map[netip.Prefix]bool{}
		for _, c := range []struct {
			address string
			served  bool
		}{
			{"2001:db8::1", true}, {"2001:db8::ffff:ffff:ffff:ffff", false}, {"2001:db8:0:1::1", true},
			{"198.51.100.7", true}, {"::ffff:198.51.100.7", false}, {"198.51.100.8", true}, {"::198.51.100.9", true}, {"::", false},
		} {
			address := netip.MustParseAddr(c.address)
			if err := l.Request(address); (err == nil) != c.served {
				t.Errorf("%s: %v", c.address, err)
			}
			if of := ClientOf(address); clients[of] == c.served || !of.IsValid() {
				t.Errorf("%s is of the client %s", c.address, of)
			}
			clients[ClientOf(address)] = true
		}
		if err := l.Request(netip.Addr{}); err != nil {
			t.Errorf("no address: %v", err)
		}
	})
}

// TestDeposits: no more than the limit are alive at any time, and each is
// forgotten within a quarter of its life.
func TestDeposits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, life = 20, 16 * time.Minute
		l := New(Config{Deposits: most, DepositLife: life})
		var made []time.Time
		for range 2000 {
			time.Sleep(7 * time.Second)
			made = slices.DeleteFunc(made, func(at time.Time) bool { return time.Since(at) >= life*5/4 })
			counted := len(made)
			err := l.Deposit(here, 2, 600, 1)
			if err == nil {
				made = append(made, time.Now(), time.Now())
			}
			alive := 0
			for _, at := range made {
				if time.Since(at) < life {
					alive++
				}
			}
			if alive > most || err != nil && counted+2 <= most {
				t.Fatalf("%d alive, %d counted, %v", alive, counted, err)
			}
		}
		n, err := times(most, func() error { return l.Deposit(here, 1, 300, 1) })
		var e *Exceeded
		if !errors.As(err, &e) {
			t.Fatalf("%d more, and %v", n, err)
		}
		time.Sleep(e.RetryAfter - time.Nanosecond)
		if l.Deposit(here, 1, 300, 1) == nil {
			t.Error("there was room before it was promised")
		}
		time.Sleep(time.Nanosecond)
		if err := l.Deposit(here, 1, 300, 1); err != nil {
			t.Errorf("no room when it was promised: %v", err)
		}
	})
}

func TestWaiters(t *testing.T) {
	l := New(Config{Waiters: 2})
	first, err := l.Wait(here, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Wait(here, 1); err != nil {
		t.Fatal(err)
	}
	_, err = l.Wait(here, 1)
	wantExceeded(t, err, Waiters, placeRetry)
	if _, err := l.Wait(there, 1); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	first()
	if _, err := l.Wait(here, 1); err != nil {
		t.Errorf("after one is done: %v", err)
	}
}

// TestAtOnce: however many at the same time, no more than may be are served.
func TestAtOnce(t *testing.T) {
	l := New(Config{UserCodes: Limit{Rate{50, time.Hour}, Rate{70, time.Hour}}, Waiters: 10})
	var served, waiting atomic.Int64
	var group sync.WaitGroup
	for i := range 400 {
		group.Go(func() {
			address := []netip.Addr{here, there}[i%2]
			if guess, err := l.UserCode(address); err == nil {
				if refused, _ := guess.Miss(t.Context()); refused == nil {
					served.Add(1)
				}
			}
			if _, err := l.Wait(address, 1); err == nil {
				waiting.Add(1)
			}
		})
	}
	group.Wait()
	if served.Load() != 70 || waiting.Load() != 20 {
		t.Errorf("%d served, %d waiting", served.Load(), waiting.Load())
	}
}

// TestOff: no limiter and no limits allow everything.
func TestOff(t *testing.T) {
	for _, l := range []*Limiter{nil, New(Config{})} {
		n, err := times(10_000, func() error {
			done, err := l.Wait(here, 1)
			if err != nil {
				return err
			}
			done()
			if done, err = l.connect(here); err != nil {
				return err
			}
			done()
			key, keyErr := l.Key(here, "0", time.Now().String())
			code, codeErr := l.UserCode(here)
			l.CallRefused(here, Redemptions)
			l.CallRefused(here, Revocations)
			return errors.Join(l.Request(here), l.Exchange(here, 1), l.Deposit(here, 1, 300, 1),
				miss(t, key, keyErr), miss(t, code, codeErr), l.MayCall(here, Redemptions), l.MayCall(here, Revocations))
		})
		if err != nil {
			t.Errorf("%d, then %v", n, err)
		}
	}
	if (*Limiter)(nil).Clients() != 0 {
		t.Error("nobody is remembered")
	}
}

// TestFactor: an app's factor multiplies the limits of a client, and one sign-in
// fits in any case.
func TestFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for factor, want := range map[float64]int{0.01: 1, 0.5: 5, 1: 10, 3: 30} {
			l := New(Config{Exchanges: Limit{Client: Rate{10, time.Minute}}, Deposits: 20, Waiters: 10})
			n, _ := times(1000, func() error { return l.Exchange(here, factor) })
			deposits, _ := times(1000, func() error { return l.Deposit(here, 2, 300, factor) })
			waiters, _ := times(1000, func() error { _, err := l.Wait(here, factor); return err })
			if n != want || deposits != want || waiters != want {
				t.Errorf("%g: %d exchanges, %d deposits, %d waiters", factor, n, deposits, waiters)
			}
			time.Sleep(time.Minute)
			if n, _ := times(1000, func() error { return l.Exchange(here, factor) }); n != want {
				t.Errorf("%g: a minute later %d exchanges", factor, n)
			}
		}
	})
}
