package storetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// large is a value of which few fill a store.
var large = strings.Repeat("x", 16<<10)

// fill creates entries until the store is full, which must be after least to
// most of them.
func fill(t *testing.T, s sealed.Store, value string, ttl time.Duration, least, most int) (ids []sealed.ID) {
	t.Helper()
	for range most + 1 {
		id := newID()
		ok, err := s.Create(t.Context(), id, []byte(value), ttl)
		if errors.Is(err, sealed.ErrFull) {
			if len(ids) < least {
				t.Fatalf("full after %d entries", len(ids))
			}
			return ids
		}
		if !ok || err != nil {
			t.Fatalf("Create = %v, %v", ok, err)
		}
		ids = append(ids, id)
	}
	t.Fatalf("%d entries and not full", len(ids))
	return nil
}

// goesOn returns a test of a store that least to most values fill: what does not
// grow needs no room, and what was taken comes back into the reserve.
func goesOn(value string, least, most int) func(t *testing.T, s sealed.Store) {
	return func(t *testing.T, s sealed.Store) {
		ids := fill(t, s, value, time.Hour, least, most)
		if create(t, s, ids[0], value, time.Hour) {
			t.Error("Create of a taken id succeeded")
		}
		as := func(c byte, size int) []byte { return bytes.Repeat([]byte{c}, size) }
		old := []byte(value)
		for _, next := range [][]byte{as('y', len(value)), as('z', len(value)), as('z', len(value)-1), as('z', 1)} {
			if ok, err := s.Replace(t.Context(), ids[1], old, next, time.Hour); !ok || err != nil {
				t.Errorf("Replace of %d bytes by %d = %v, %v", len(old), len(next), ok, err)
			}
			old = next
		}
		want(t, "get", find(t, s.Get, ids[1]), "z")
		old = []byte(value)
		want(t, "take", find(t, s.Take, ids[2]), value)
		if !create(t, s, newID(), value, time.Hour) {
			t.Error("no room after a take")
		}
		want(t, "take", find(t, s.Take, ids[3]), value)
		again := fill(t, s, value, time.Hour, 1, 2) // others take the room
		reserve := sealed.Reserve(s)
		if !create(t, reserve, ids[3], value, time.Hour) {
			t.Error("no room for an entry that was there before")
		}
		want(t, "take of what is back", find(t, s.Take, ids[3]), value)
		fill(t, reserve, value, time.Hour, 1, most/8) // but not without end
		// Over the limits, what does not grow still needs no room.
		for _, next := range [][]byte{as('y', len(value)), as('z', 1)} {
			if ok, err := s.Replace(t.Context(), again[0], old, next, time.Hour); !ok || err != nil {
				t.Errorf("Replace of %d bytes by %d = %v, %v", len(old), len(next), ok, err)
			}
			old = next
		}
	}
}

func full(t *testing.T, s sealed.Store) {
	ids := fill(t, s, "value", time.Hour, Capacity, MaxEntries)
	for _, id := range ids {
		if find(t, s.Get, id) != "value" {
			t.Fatal("a live entry is gone")
		}
	}
	find(t, s.Take, ids[0])
	if !create(t, s, newID(), "value", time.Hour) {
		t.Error("no room after a take")
	}
}

func roomAfterExpiry(t *testing.T, s sealed.Store) {
	fill(t, s, "value", time.Minute, Capacity, MaxEntries)
	time.Sleep(time.Minute)
	fill(t, s, "value", time.Minute, Capacity, MaxEntries)
}
