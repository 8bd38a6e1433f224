package store_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/sealed/storetest"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// fragile is a store whose operations fail.
type fragile struct {
	sealed.Store
	writes, reads error
	tries         int // to create
	replaced      bool
	replaces      error
}

func (f *fragile) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	f.tries++
	if f.writes != nil {
		return false, f.writes
	}
	return f.Store.Create(ctx, id, value, ttl)
}

func (f *fragile) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	if f.writes != nil {
		return nil, false, f.writes
	}
	return f.Store.Take(ctx, id)
}

func (f *fragile) Get(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	if f.reads != nil {
		return nil, false, f.reads
	}
	return f.Store.Get(ctx, id)
}

func (f *fragile) Replace(context.Context, sealed.ID, []byte, []byte, time.Duration) (bool, error) {
	return f.replaced, f.replaces
}

func newFragile() *fragile { return &fragile{Store: memory.New(store.Limits{})} }

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) sealed.Store {
		return store.NewMonitor(memory.New(store.Limits{MaxEntries: storetest.MaxEntries, MaxBytes: storetest.MaxBytes}))
	})
}

var errDisk = errors.New("the disk is full")

// TestReady goes by the last write, and finds out by itself when writing works
// again, however often it is asked.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFragile()
		s := store.NewMonitor(f)
		ready := func(want error) {
			t.Helper()
			if err := s.Ready(t.Context()); !errors.Is(err, want) {
				t.Fatalf("ready: %v, want %v", err, want)
			}
		}
		ready(nil)
		if f.tries != 0 {
			t.Error("a store that nobody has complained of is written to")
		}
		f.writes = errDisk
		ready(nil) // nobody knows yet
		if _, err := s.Create(t.Context(), sealed.ID{1}, []byte("value"), time.Minute); err == nil {
			t.Fatal("it was written")
		}
		before := f.tries
		for range 100 {
			ready(errDisk)
		}
		if f.tries != before+1 {
			t.Errorf("%d tries at once", f.tries-before)
		}
		f.writes = nil
		ready(errDisk)
		time.Sleep(time.Second)
		ready(nil)
		if entries, _ := f.Store.(*memory.Store).Usage(); entries != 0 {
			t.Errorf("%d entries are left", entries)
		}
	})
}

// TestWrites: which of them change what is known.
func TestWrites(t *testing.T) {
	for name, c := range map[string]struct {
		changed bool
		err     error
		ends    bool // a failure that was known
		begins  bool
	}{
		"changed something": {true, nil, true, false},
		"changed nothing":   {false, nil, false, false},
		"the caller left":   {false, context.Canceled, false, false},
		"no room":           {false, sealed.ErrFull, false, false},
		"failed":            {false, errDisk, false, true},
		"took too long":     {false, context.DeadlineExceeded, false, true},
	} {
		f := newFragile()
		f.writes, f.replaced, f.replaces = errDisk, c.changed, c.err
		sick, well := store.NewMonitor(f), store.NewMonitor(f)
		_, _ = sick.Create(t.Context(), sealed.ID{}, nil, time.Minute)
		_, _ = sick.Replace(t.Context(), sealed.ID{}, nil, nil, time.Minute)
		_, _ = well.Replace(t.Context(), sealed.ID{}, nil, nil, time.Minute)
		if ended := sick.Ready(t.Context()) == nil; ended != c.ends {
			t.Errorf("%s: after a failure, ended is %v", name, ended)
		}
		if begun := well.Ready(t.Context()) != nil; begun != c.begins {
			t.Errorf("%s: begun is %v", name, begun)
		}
	}
}

// TestReserveCounts: its writes are writes.
func TestReserveCounts(t *testing.T) {
	f := newFragile()
	s := store.NewMonitor(f)
	f.writes = errDisk
	_, _ = sealed.Reserve(s).Create(t.Context(), sealed.ID{1}, nil, time.Minute)
	if err := s.Ready(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("ready: %v", err)
	}
	f.writes, f.reads = nil, context.DeadlineExceeded
	if _, err := sealed.Reserve(s).Create(t.Context(), sealed.ID{1}, nil, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ready: %v", err)
	}
}
