// Package storetest is the contract of [sealed.Store] as tests. Every store
// runs the same suite; a bug found in one becomes a case here first.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Capacity is how many entries the store under test must hold, and MaxEntries
// and MaxBytes how many, of which size in all, it may.
const (
	Capacity   = 512
	MaxEntries = 1024
	MaxBytes   = 1 << 20
)

// Open returns an empty store that runs until the test ends and holds
// [MaxEntries] entries and [MaxBytes] at most. It is called in a synctest
// bubble.
type Open func(t *testing.T) sealed.Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s sealed.Store)
	}{
		{"absent", absent},
		{"create, get, take", createGetTake},
		{"a taken id can be used again", reuse},
		{"create leaves a live entry alone", createTwice},
		{"expiry", expiry},
		{"replace", replace},
		{"replace extends or shortens a life", replaceLife},
		{"any bytes are a value", anyBytes},
		{"buffers belong to the caller", buffers},
		{"a cancelled context changes nothing", cancelled},
		{"watch fires on create and replace", watch},
		{"watch, then take, misses nothing", watchThenTake},
		{"one of many takes wins", oneTake},
		{"one of many creates wins", oneCreate},
		{"one of many replacements wins", oneReplace},
		{"a full store says so and evicts nothing", full},
		{"a store full of entries: what it holds can go on", goesOn("value", Capacity, MaxEntries)},
		{"a store full of bytes: what it holds can go on", goesOn(large, MaxBytes/len(large)/2, MaxBytes/len(large))},
		{"expired entries make room", roomAfterExpiry},
		{"random operations against a map", randomOperations},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, open(t)) })
		})
	}
}

func newID() (id sealed.ID) {
	rand.Read(id[:])
	return id
}

func create(t *testing.T, s sealed.Store, id sealed.ID, value string, ttl time.Duration) bool {
	t.Helper()
	ok, err := s.Create(t.Context(), id, []byte(value), ttl)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	return ok
}

func mustReplace(t *testing.T, s sealed.Store, id sealed.ID, old, next string, ttl time.Duration) {
	t.Helper()
	if ok, err := s.Replace(t.Context(), id, []byte(old), []byte(next), ttl); !ok || err != nil {
		t.Fatalf("Replace = %v, %v", ok, err)
	}
}

// find describes what f, which is Get or Take, finds.
func find(t *testing.T, f func(context.Context, sealed.ID) ([]byte, bool, error), id sealed.ID) string {
	t.Helper()
	value, ok, err := f(t.Context(), id)
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	if !ok {
		if value != nil {
			t.Errorf("absent entry came with value %q", value)
		}
		return "absent"
	}
	return string(value)
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func absent(t *testing.T, s sealed.Store) {
	id := newID()
	want(t, "get", find(t, s.Get, id), "absent")
	want(t, "take", find(t, s.Take, id), "absent")
	if ok, err := s.Replace(t.Context(), id, nil, []byte("new"), time.Minute); ok || err != nil {
		t.Errorf("Replace = %v, %v; want false, nil", ok, err)
	}
	want(t, "get after replace", find(t, s.Get, id), "absent")
}

func createGetTake(t *testing.T, s sealed.Store) {
	id := newID()
	if !create(t, s, id, "value", time.Minute) {
		t.Fatal("Create reported a taken id")
	}
	want(t, "get", find(t, s.Get, id), "value")
	want(t, "get again", find(t, s.Get, id), "value")
	want(t, "take", find(t, s.Take, id), "value")
	want(t, "take again", find(t, s.Take, id), "absent")
	want(t, "get after take", find(t, s.Get, id), "absent")
}

func reuse(t *testing.T, s sealed.Store) {
	id := newID()
	create(t, s, id, "first", time.Minute)
	find(t, s.Take, id)
	if !create(t, s, id, "second", time.Minute) {
		t.Error("Create after Take reported a taken id")
	}
	want(t, "take", find(t, s.Take, id), "second")
}

func createTwice(t *testing.T, s sealed.Store) {
	id := newID()
	create(t, s, id, "first", time.Minute)
	if create(t, s, id, "second", time.Hour) {
		t.Error("second Create succeeded")
	}
	want(t, "get", find(t, s.Get, id), "first")
	time.Sleep(time.Minute)
	want(t, "get after the first ttl", find(t, s.Get, id), "absent")
}

func expiry(t *testing.T, s sealed.Store) {
	id := newID()
	create(t, s, id, "value", time.Minute)
	time.Sleep(time.Minute - time.Millisecond)
	want(t, "get just before", find(t, s.Get, id), "value")
	time.Sleep(2 * time.Millisecond)
	want(t, "get just after", find(t, s.Get, id), "absent")
	want(t, "take just after", find(t, s.Take, id), "absent")
	if ok, err := s.Replace(t.Context(), id, []byte("value"), []byte("new"), time.Minute); ok || err != nil {
		t.Errorf("Replace of an expired entry = %v, %v", ok, err)
	}
	if !create(t, s, id, "again", time.Minute) {
		t.Error("an expired entry keeps its id taken")
	}
	time.Sleep(30 * time.Second) // sweeps meanwhile leave the new entry alone
	want(t, "take of the new entry", find(t, s.Take, id), "again")
}

func replace(t *testing.T, s sealed.Store) {
	id := newID()
	create(t, s, id, "one", time.Minute)
	if ok, err := s.Replace(t.Context(), id, []byte("other"), []byte("two"), time.Minute); ok || err != nil {
		t.Errorf("Replace with the wrong old value = %v, %v", ok, err)
	}
	want(t, "get", find(t, s.Get, id), "one")
	mustReplace(t, s, id, "one", "two", time.Minute)
	want(t, "take", find(t, s.Take, id), "two")
}

func replaceLife(t *testing.T, s sealed.Store) {
	longer, shorter := newID(), newID()
	create(t, s, longer, "one", time.Minute)
	create(t, s, shorter, "one", time.Hour)
	for id, ttl := range map[sealed.ID]time.Duration{longer: time.Hour, shorter: time.Minute} {
		mustReplace(t, s, id, "one", "two", ttl)
	}
	time.Sleep(2 * time.Minute)
	want(t, "longer", find(t, s.Take, longer), "two")
	want(t, "shorter", find(t, s.Take, shorter), "absent")
}

func anyBytes(t *testing.T, s sealed.Store) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, value := range []string{string(all), "", "\x00", string(bytes.Repeat(all, 64))} {
		id := newID()
		create(t, s, id, value, time.Minute)
		want(t, "take", find(t, s.Take, id), value)
	}
}

func buffers(t *testing.T, s sealed.Store) {
	id := newID()
	mine := []byte("value")
	if _, err := s.Create(t.Context(), id, mine, time.Minute); err != nil {
		t.Fatal(err)
	}
	copy(mine, "XXXXX")
	got, _, _ := s.Get(t.Context(), id)
	copy(got, "YYYYY")
	want(t, "get", find(t, s.Get, id), "value")
	next := []byte("other")
	if ok, err := s.Replace(t.Context(), id, []byte("value"), next, time.Minute); !ok || err != nil {
		t.Fatalf("Replace = %v, %v", ok, err)
	}
	copy(next, "ZZZZZ")
	want(t, "take", find(t, s.Take, id), "other")
}

func cancelled(t *testing.T, s sealed.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	id := newID()
	if ok, err := s.Create(ctx, id, []byte("x"), time.Minute); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Create = %v, %v", ok, err)
	}
	want(t, "get", find(t, s.Get, id), "absent")
	create(t, s, id, "value", time.Minute)
	if _, ok, err := s.Take(ctx, id); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Take = %v, %v", ok, err)
	}
	want(t, "take", find(t, s.Take, id), "value")
}

func watching(t *testing.T, s sealed.Store, id sealed.ID) <-chan struct{} {
	t.Helper()
	c, err := s.Watch(t.Context(), id)
	if err != nil {
		t.Fatalf("Watch: %v", err)
	}
	return c
}

func fired(c <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func watch(t *testing.T, s sealed.Store) {
	id := newID()
	first, second := watching(t, s, id), watching(t, s, id)
	create(t, s, id, "one", time.Minute)
	if !fired(first) || !fired(second) {
		t.Error("a watch did not fire on Create")
	}
	mustReplace(t, s, id, "one", "two", time.Minute)
	if !fired(first) {
		t.Error("the watch did not fire on Replace")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended, err := s.Watch(ctx, newID())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if fired(ended) {
		t.Error("the end of a watch fired it")
	}
}
