package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// counter is a store that can only be counted.
type counter struct {
	mu     sync.Mutex
	holds  store.Totals
	err    error
	counts int
	during func() // the first count
}

func (c *counter) count(context.Context) (store.Totals, error) {
	c.mu.Lock()
	holds := c.holds
	c.counts++
	during := c.during
	c.during = nil
	c.mu.Unlock()
	if during != nil {
		during()
	}
	return holds, c.err
}

// change adds n entries.
func (c *counter) change(g *store.Gauge, n int) {
	g.Begin()
	defer g.End()
	c.mu.Lock()
	c.holds.Entries += int64(n)
	c.mu.Unlock()
	g.Add(n, 0)
}

var limits = store.Limits{MaxEntries: 10, MaxBytes: 10_000}

func newGauge(c *counter) *store.Gauge {
	return store.NewGauge(limits, c.count, time.Now)
}

// fill stores n entries of a byte, and returns how many were allowed.
func fill(t *testing.T, g *store.Gauge, n int) int {
	t.Helper()
	for i := range n {
		if err := g.Allow(t.Context(), 1, limits); errors.Is(err, sealed.ErrFull) {
			return i
		} else if err != nil {
			t.Fatal(err)
		}
		g.Add(1, 1)
	}
	return n
}

func TestAllowsWithoutCounting(t *testing.T) {
	c := &counter{}
	if got := fill(t, newGauge(c), 10); got != 10 || c.counts != 0 {
		t.Errorf("%d of 10 allowed, %d counts", got, c.counts)
	}
}

func TestCountsBeforeItRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{holds: store.Totals{Entries: 4}} // others have taken some
		g := newGauge(c)
		if got := fill(t, g, 20); got != 16 || c.counts != 1 {
			t.Errorf("%d allowed, want 10 and 6 more after a count; %d counts", got, c.counts)
		}
	})
}

func TestFullStoreIsNotCountedAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{holds: store.Totals{Entries: 10}}
		g := newGauge(c)
		g.Add(10, 0)
		for range 1000 {
			if err := g.Allow(t.Context(), 1, limits); err != sealed.ErrFull {
				t.Fatalf("Allow = %v", err)
			}
		}
		if c.counts != 1 {
			t.Errorf("%d counts", c.counts)
		}
		c.holds.Entries = 0
		time.Sleep(time.Second)
		if got := fill(t, g, 3); got != 3 {
			t.Errorf("%d of 3 allowed after others have made room", got)
		}
	})
}

func TestRoomAfterATake(t *testing.T) {
	c := &counter{holds: store.Totals{Entries: 10}}
	g := newGauge(c)
	g.Add(10, 0)
	if got := fill(t, g, 1); got != 0 {
		t.Fatal("allowed into a full store")
	}
	g.Add(-1, 0)
	if got := fill(t, g, 1); got != 1 {
		t.Error("no room after a take")
	}
}

func TestRoomAfterATakeDuringACount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name   string
			during func(*counter, *store.Gauge)
		}{
			{"within the count", func(c *counter, g *store.Gauge) { c.change(g, -1) }},
			{"longer than the count", func(c *counter, g *store.Gauge) {
				g.Begin()
				time.AfterFunc(time.Millisecond, func() {
					c.change(g, -1)
					g.End()
				})
			}},
			{"a take and a create", func(c *counter, g *store.Gauge) {
				c.change(g, -2)
				c.change(g, 1)
			}},
		} {
			c := &counter{holds: store.Totals{Entries: 10}}
			g := newGauge(c)
			c.during = func() { test.during(c, g) }
			ctx, stop := context.WithCancel(t.Context())
			go g.Run(ctx)
			time.Sleep(2 * time.Millisecond)
			got := 0
			for ; got < 3 && g.Allow(ctx, 1, limits) == nil; got++ {
				c.change(g, 1)
			}
			if got != 1 {
				t.Errorf("%s: %d allowed, want the one that was taken", test.name, got)
			}
			stop()
			synctest.Wait()
		}
	})
}

func TestDisturbedCountsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{holds: store.Totals{Entries: 10}}
		g := newGauge(c)
		g.Begin() // without end
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go g.Run(ctx)
		synctest.Wait()
		for range 1000 {
			if err := g.Allow(t.Context(), 1, limits); err != sealed.ErrFull {
				t.Fatalf("Allow = %v", err)
			}
		}
		if c.counts != 2 {
			t.Errorf("%d counts, want Run's and one that refuses", c.counts)
		}
	})
}

func TestBytes(t *testing.T) {
	g := newGauge(&counter{holds: store.Totals{Entries: 1, Bytes: 9000}})
	g.Add(1, 9000)
	if err := g.Allow(t.Context(), 2000, limits); err != sealed.ErrFull {
		t.Errorf("Allow = %v, want ErrFull", err)
	}
	if err := g.Allow(t.Context(), 100, limits); err != nil {
		t.Errorf("Allow = %v", err)
	}
	if err := g.AllowGrowth(t.Context(), 2000); err != sealed.ErrFull {
		t.Errorf("AllowGrowth = %v, want ErrFull", err)
	}
	g.Add(0, 5000) // by other servers
	for _, more := range []int{0, -1, -9000} {
		if err := g.AllowGrowth(t.Context(), more); err != nil {
			t.Errorf("AllowGrowth by %d = %v", more, err)
		}
	}
}

func TestTroubleIsNotFull(t *testing.T) {
	trouble := errors.New("no answer")
	g := newGauge(&counter{err: trouble})
	g.Add(10, 0)
	if err := g.Allow(t.Context(), 1, limits); !errors.Is(err, trouble) {
		t.Errorf("Allow = %v", err)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{holds: store.Totals{Entries: 3, Bytes: 30}}
		g := newGauge(c)
		ctx, cancel := context.WithCancel(t.Context())
		go g.Run(ctx)
		time.Sleep(10*time.Second + time.Millisecond)
		if g.Totals() != c.holds || c.counts != 11 {
			t.Errorf("after 10 s: %+v, %d counts", g.Totals(), c.counts)
		}
		cancel() // the bubble waits for the end of Run
	})
}
