package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// broken is a store with one operation that does not do what it should.
type broken struct {
	*memory.Store
	operation string
}

var errBroken = errors.New("permission denied")

func (b broken) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	if b.operation == "create" {
		return false, errBroken
	}
	return b.Store.Create(ctx, id, value, ttl)
}

func (b broken) Get(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	if b.operation == "get" {
		return nil, false, nil
	}
	return b.Store.Get(ctx, id)
}

func (b broken) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	if b.operation == "take" {
		return b.Store.Get(ctx, id)
	}
	return b.Store.Take(ctx, id)
}

func (b broken) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	if b.operation == "replace" {
		return false, nil
	}
	return b.Store.Replace(ctx, id, old, next, ttl)
}

func (b broken) Watch(ctx context.Context, id sealed.ID) (<-chan struct{}, error) {
	switch b.operation {
	case "watch":
		return nil, errBroken
	case "wake":
		return make(chan struct{}), nil
	}
	return b.Store.Watch(ctx, id)
}

func TestExercise(t *testing.T) {
	for _, operation := range []string{"", "watch", "create", "wake", "get", "replace", "take"} {
		t.Run(operation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				findings := store.Exercise(t.Context(), broken{memory.New(store.Limits{}), operation})
				last := findings[len(findings)-1]
				if operation == "" {
					if store.Worst(findings) != store.OK || len(findings) != 6 {
						t.Errorf("a good store: %v", findings)
					}
					return
				}
				if last.Subject != operation || last.Level != store.Problem {
					t.Errorf("found %v", findings)
				}
			})
		})
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		ahead, uncertainty time.Duration
		want               store.Level
	}{
		{0, time.Millisecond, store.OK},
		{900 * time.Millisecond, 0, store.OK},
		{-1500 * time.Millisecond, 100 * time.Millisecond, store.Warning},
		{1500 * time.Millisecond, time.Second, store.OK}, // may be the network
		{time.Minute, time.Millisecond, store.Problem},
		{-time.Minute, time.Millisecond, store.Problem},
	} {
		if got := store.Clock(c.ahead, c.uncertainty); got.Level != c.want {
			t.Errorf("Clock(%v, %v) = %v: %s", c.ahead, c.uncertainty, got.Level, got.Text)
		}
	}
}

func TestRoundTrips(t *testing.T) {
	near := store.RoundTrips([]time.Duration{time.Millisecond, 2 * time.Millisecond, time.Second})
	if near.Level != store.OK || !strings.Contains(near.Text, "2ms, at worst 1s") {
		t.Errorf("near: %v", near)
	}
	if far := store.RoundTrips([]time.Duration{80 * time.Millisecond}); far.Level != store.Warning {
		t.Errorf("far: %v", far)
	}
}
